//! Scopes and risk tiers: which rows of the table grant a request, and how risky it is.

use std::collections::BTreeSet;

use ledger_core::action::Class;
use ledger_core::entry::{Cite, Code, Decision, Environment, Outcome, Target};

use super::policy::names;
use super::{GrantM, Model, PolicyM, ReasonM};

/// What the table says of a request.
pub(super) struct Granted<'p> {
    pub(super) reasons: Vec<ReasonM>,
    /// The rows that grant it, each once; none where something is not granted.
    pub(super) rows: Vec<&'p GrantM>,
    /// That of each target, in the order of the request.
    pub(super) each: Vec<&'p GrantM>,
}

/// The tiers of the requirements document for names that every CRM has, and of the gate's own.
fn starter(action: &str) -> Option<u8> {
    Some(match action {
        "crm.read" | "crm.search" | "crm.note.create" | "crm.task.create" => 0,
        "crm.contact.create" | "crm.contact.update" | "crm.company.update" | "crm.owner.assign" => {
            1
        }
        "crm.deal.stage"
        | "crm.lifecycle.stage"
        | "email.send"
        | "sequence.enroll"
        | "meeting.book"
        | "call.queue"
        | "sms.send" => 2,
        "crm.record.delete"
        | "crm.record.merge"
        | "crm.list.edit"
        | "crm.permission.change"
        | "dnc.change"
        | "crm.bulk.update" => 3,
        _ => return None,
    })
}

/// The tier of an action before fields and rows raise it.
pub(crate) fn tier_of_action(stated: Option<u8>, action: &str, class: Class) -> u8 {
    let by_class = match class {
        Class::Read => 0,
        Class::Write => 1,
        Class::Contact => 2,
        Class::Admin => 3,
    };
    let tier = stated.or(starter(action)).unwrap_or(by_class);
    // Nobody makes reaching people a matter of routine.
    if class == Class::Contact {
        tier.max(2)
    } else {
        tier
    }
}

impl Model {
    /// The tier of an action before fields and rows raise it.
    pub(crate) fn tier_of(&self, action: &str) -> u8 {
        let (_, class, ..) = self.nature(action);
        let declared = self
            .policy()
            .and_then(|(_, policy)| policy.actions.iter().find(|row| row.name == action));
        tier_of_action(declared.and_then(|row| row.tier), action, class)
    }

    pub(super) fn grant<'p>(
        &self,
        policy: &'p PolicyM,
        request: &Decision,
        class: Class,
    ) -> Granted<'p> {
        let of_action: Vec<&GrantM> = policy
            .grants
            .iter()
            .filter(|row| row.agent == request.cause.actor.id)
            .filter(|row| row.actions.contains(&request.action.as_str()))
            .collect();
        let nothing = |reasons| Granted {
            reasons,
            rows: Vec::new(),
            each: Vec::new(),
        };
        // Sellers, mailboxes, environments and versions, in that order: how far the best row came.
        let steps: Vec<usize> = of_action
            .iter()
            .map(|row| self.covers(row, request, class))
            .collect();
        let code = match steps.iter().max() {
            None => Some(Code::GrantNone),
            Some(0) => Some(Code::GrantSeller),
            Some(1) => Some(Code::GrantMailbox),
            Some(2) => Some(Code::GrantEnvironment),
            Some(3) => Some(Code::GrantVersion),
            Some(_) => None,
        };
        if let Some(code) = code {
            return nothing(vec![ReasonM::of(code)]);
        }
        let open: Vec<&GrantM> = of_action
            .iter()
            .zip(steps)
            .filter(|(_, steps)| *steps == 4)
            .map(|(row, _)| *row)
            .collect();
        if request.targets.is_empty() {
            return match class {
                Class::Write | Class::Admin => nothing(vec![ReasonM::of(Code::GrantTargetMissing)]),
                Class::Read | Class::Contact => using(vec![open[0]], Vec::new()),
            };
        }
        let (mut rows, mut each): (Vec<&GrantM>, Vec<&GrantM>) = (Vec::new(), Vec::new());
        let mut refused = Vec::new();
        for (index, target) in (0u64..).zip(&request.targets) {
            let all = (
                looks_at_all(class, target),
                changes_all(policy, request, class, target),
            );
            let whole = open.iter().find(|row| {
                grants_object(row, target) && lacking(policy, row, target, all).is_none()
            });
            each.extend(whole);
            match whole {
                Some(row) if rows.iter().any(|used| used.id == row.id) => {}
                Some(row) => rows.push(row),
                None => {
                    let field = open
                        .iter()
                        .filter(|row| grants_object(row, target))
                        .find_map(|row| lacking(policy, row, target, all));
                    let code = match field {
                        Some(_) => Code::GrantField,
                        None => Code::GrantObject,
                    };
                    refused.push(ReasonM {
                        target: Some(index),
                        field: Some(field.unwrap_or_else(|| target.kind.clone())),
                        ..ReasonM::of(code)
                    });
                }
            }
        }
        if refused.is_empty() {
            using(rows, each)
        } else {
            nothing(refused)
        }
    }

    /// How many of seller, mailbox, environment and version a row covers before one that it does not.
    fn covers(&self, row: &GrantM, request: &Decision, class: Class) -> usize {
        let contact = class == Class::Contact;
        let seller = match (&request.seller, &row.sellers) {
            (_, None) => true,
            (Some(seller), Some(sellers)) => sellers.contains(&seller.as_str()),
            (None, Some(_)) => !contact,
        };
        let mailbox = match (&request.mailbox, &row.mailboxes) {
            (_, None) => true,
            (Some(token), Some(mailboxes)) => mailboxes.iter().any(|(_, other)| other == token),
            (None, Some(mailboxes)) => !contact || mailboxes.is_empty(),
        };
        let environment = row.environment.is_none_or(|only| only == self.environment);
        let version = match &request.cause.actor.version {
            _ if row.versions.is_empty() => true,
            Some(version) => row.versions.contains(&version.as_str()),
            None => false,
        };
        [seller, mailbox, environment, version]
            .iter()
            .position(|covered| !covered)
            .unwrap_or(4)
    }

    /// The tier of a request, and what it demands.
    pub(super) fn tier(
        &self,
        request: &Decision,
        class: Class,
        rows: &[&GrantM],
        each: &[&GrantM],
    ) -> u8 {
        let none = PolicyM::default();
        let policy = self.policy().map_or(&none, |(_, policy)| policy);
        let stated = policy
            .actions
            .iter()
            .find(|row| row.name == request.action)
            .and_then(|row| row.tier);
        let mut tier = tier_of_action(stated, &request.action, class);
        let update_of_own = class == Class::Write
            && !request.targets.is_empty()
            && request.targets.iter().all(|target| {
                !target.writes.is_empty() && target.writes.iter().all(|field| policy.owned(field))
            });
        if tier == 1 && update_of_own {
            tier = 0;
        }
        for (index, target) in request.targets.iter().enumerate() {
            for field in &target.writes {
                if policy.sensitive(&target.kind, field) {
                    tier = tier.max(2);
                }
            }
            // Every object has a lifecycle stage, and that is sensitive in every policy.
            let by_fields = each.get(index).is_some_and(|row| of_fields(row));
            if by_fields && changes_all(policy, request, class, target) {
                tier = tier.max(2);
            }
            for field in &target.reads {
                if policy.sensitive(&target.kind, field) {
                    tier = tier.max(1);
                }
            }
            // Reading one is tier 1, so reading all is.
            if by_fields && looks_at_all(class, target) {
                tier = tier.max(1);
            }
        }
        for row in rows {
            tier = tier.max(row.tier.unwrap_or(0));
            // Whoever requires an approval gets one asked for.
            if row.required && tier < 2 {
                tier = 2;
            }
        }
        tier
    }
}

/// What stands in the way of a request of this tier, or what let it pass.
pub(super) fn demands(
    tier: u8,
    request: &Decision,
    rows: &[&GrantM],
    approved: bool,
    glass: Option<u64>,
) -> Option<ReasonM> {
    let elsewhere = request
        .foreign
        .as_ref()
        .is_some_and(|foreign| foreign.outcome == Outcome::Allow);
    let of_row = |code| {
        Some(ReasonM {
            rule: Some(rows[0].id.clone()),
            ..ReasonM::of(code)
        })
    };
    match (tier, glass) {
        (0 | 1, _) => None,
        (2, _) if approved => None,
        (2, _) if !rows.is_empty() && rows.iter().all(|row| row.waived) => of_row(Code::TierWaived),
        (2, _)
            if !rows.is_empty()
                && elsewhere
                && rows.iter().all(|row| row.waived || row.elsewhere) =>
        {
            of_row(Code::TierElsewhere)
        }
        (2, _) => Some(ReasonM::of(Code::TierApproval)),
        (_, None) => Some(ReasonM::of(Code::TierBlocked)),
        (_, Some(seq)) => Some(ReasonM {
            cites: vec![Cite { seq, index: None }],
            ..ReasonM::of(Code::TierBreakGlass)
        }),
    }
}

fn using<'p>(rows: Vec<&'p GrantM>, each: Vec<&'p GrantM>) -> Granted<'p> {
    let reasons = rows.iter().map(|row| ReasonM {
        rule: Some(row.id.clone()),
        ..ReasonM::of(Code::GrantRow)
    });
    Granted {
        reasons: reasons.collect(),
        rows: rows.clone(),
        each,
    }
}

fn grants_object(row: &GrantM, target: &Target) -> bool {
    row.objects
        .as_ref()
        .is_none_or(|objects| objects.contains(&target.kind.as_str()))
}

/// The first field of the target that a row which grants the object does not grant; `all` is whether it
/// reads and whether it writes every field.
fn lacking(policy: &PolicyM, row: &GrantM, target: &Target, all: (bool, bool)) -> Option<String> {
    let read = target.reads.iter().find(|field| !names(&row.reads, field));
    let written = target
        .writes
        .iter()
        .find(|field| !names(&row.writes, field) && !policy.owned(field));
    let (looks, changes) = all;
    let few = |patterns: &[&str]| patterns != ["*"];
    let other = of_fields(row) && ((looks && few(&row.reads)) || (changes && few(&row.writes)));
    read.or(written).cloned().or(other.then(|| "*".to_owned()))
}

/// Whether a row says anything of fields.
fn of_fields(row: &GrantM) -> bool {
    row.reads.len() + row.writes.len() > 0
}

/// Whoever looks at an object and does not say at which field looks at all of them.
fn looks_at_all(class: Class, target: &Target) -> bool {
    class == Class::Read && target.reads.is_empty()
}

/// Whoever changes an object and does not say which field changes all of them. An action that makes
/// objects need not name the fields of one that has no id yet.
fn changes_all(policy: &PolicyM, request: &Decision, class: Class, target: &Target) -> bool {
    let declared = policy.actions.iter().find(|row| row.name == request.action);
    let makes = declared
        .and_then(|row| row.creates)
        .unwrap_or_else(|| request.action.ends_with(".create"));
    match class {
        Class::Write | Class::Admin if target.writes.is_empty() => target.id.is_some() || !makes,
        _ => false,
    }
}

/// The group that is asked: that of every row, where all name the same; a row that names none means that
/// of the class.
pub(super) fn group(class: Class, rows: &[&GrantM]) -> Option<String> {
    let of_class = match class {
        Class::Read | Class::Write => "revops",
        Class::Contact => "sales-ops",
        Class::Admin => "compliance",
    };
    let asked: BTreeSet<&str> = match rows {
        [] => [of_class].into(),
        rows => rows
            .iter()
            .map(|row| row.approvers.unwrap_or(of_class))
            .collect(),
    };
    match asked.len() {
        1 => asked.first().map(|group| (*group).to_owned()),
        _ => None,
    }
}

/// The environments, for runs.
pub(crate) const ENVIRONMENTS: [Environment; 2] = [Environment::Prod, Environment::Sandbox];
