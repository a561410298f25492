//! A second gate, as naive as it can be: it keeps what happened in a list and answers every question
//! by going through all of it. It shares the types of entries with the ledger and nothing else.

mod condition;
mod dnc;
mod grant;
mod people;
mod policy;
mod promotion;
mod reach;
mod report;
mod throttle;

use std::collections::BTreeSet;

use ledger_core::action::{Channel, Class};
use ledger_core::entry::{
    BreakerScope, Cite, Code, Decision, Environment, Listing, ListingReason, Outcome, PolicyFile,
    Scope, Verdict,
};
use ledger_core::role::Role;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};

pub(crate) use condition::{ATOMS, ConditionM, ExprM, SOUND};
pub(crate) use grant::{ENVIRONMENTS, tier_of_action};
pub(crate) use policy::{ActionM, BreakerM, GrantM, PolicyM, RuleM, names};
pub(crate) use promotion::{ReceiptM, Wrong};
pub(crate) use throttle::{CountM, concerns, needs};

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) time: Timestamp,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Principal {
        id: String,
        role: Role,
        groups: Vec<String>,
        in_force: bool,
    },
    Policy(PolicyM),
    Listed {
        index: u64,
        listing: Listing,
    },
    Exempted {
        index: u64,
        exemption: Listing,
    },
    Ended {
        seq: u64,
        index: u64,
    },
    Decided(Box<Decided>),
    Executed {
        decision: u64,
        uses_up: bool,
    },
    Unresolved {
        decision: u64,
    },
    Stopped(Scope),
    Resumed(Scope),
    ClockSeen,
    ClockAcknowledged {
        before: Timestamp,
        after: Timestamp,
    },
    /// Somebody grants or denies what was asked.
    Answered {
        request: u64,
        verdict: Verdict,
        by: String,
    },
    /// The ledger says that a request is over.
    Expired {
        request: u64,
    },
    GlassRequested {
        by: String,
        agent: String,
        action: Option<String>,
        duration_s: i64,
        confirm_s: i64,
    },
    GlassOpened {
        request: u64,
    },
    GlassClosed {
        request: u64,
    },
    ImportBegun {
        reason: ListingReason,
        source: &'static str,
        changes: bool,
    },
    /// One listing of an import.
    Imported {
        import: u64,
    },
    ImportEnded {
        import: u64,
    },
    /// The key by which a ledger of this name is trusted from here on; none, where it no longer is.
    Key {
        name: String,
        trusted: Option<String>,
    },
    BreakerOpened {
        rule: String,
        scope: BreakerScope,
        until: Option<Timestamp>,
    },
    /// Closed, or reset.
    BreakerEnded {
        opened: u64,
    },
    /// Somebody approves a policy of exactly this text.
    PolicyApproved {
        files: Vec<PolicyFile>,
        by: String,
        until: Timestamp,
    },
    /// The policy of the same entry relied on this approval.
    Promoted {
        approval: u64,
    },
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum No {
    /// This field has a value that it must not have.
    Field(&'static str),
    /// What it is about is not in the state that it needs.
    State,
    /// The caller is not in the group that was asked.
    Group,
    /// A receipt shows something else, or is none: what is wrong in it.
    Receipt(&'static str),
}

/// A decision as the model remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) request: Decision,
    pub(crate) by_gate: bool,
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) report_by: Option<Timestamp>,
    pub(crate) approver: Option<String>,
    pub(crate) approvers: Option<String>,
    pub(crate) approve_by: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) environment: Environment,
    /// The tokens of the reserved domains.
    pub(crate) reserved: Vec<Token>,
    pub(crate) events: Vec<Event>,
}

/// What the model expects of a decision.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
    pub(crate) channels: BTreeSet<Channel>,
    pub(crate) tier: u8,
    pub(crate) reasons: Vec<ReasonM>,
    pub(crate) counts: Vec<CountM>,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) report_by: Option<Timestamp>,
    pub(crate) approver: Option<String>,
    pub(crate) approvers: Option<String>,
    pub(crate) approve_by: Option<Timestamp>,
}

/// A reason, with all its cites.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReasonM {
    pub(crate) code: Code,
    pub(crate) rule: Option<String>,
    pub(crate) recipient: Option<u64>,
    pub(crate) key: Option<Kind>,
    pub(crate) target: Option<u64>,
    pub(crate) field: Option<String>,
    pub(crate) cites: Vec<Cite>,
}

impl ReasonM {
    fn of(code: Code) -> Self {
        Self {
            code,
            rule: None,
            recipient: None,
            key: None,
            target: None,
            field: None,
            cites: Vec::new(),
        }
    }
}

impl Model {
    pub(crate) fn note(&mut self, seq: u64, time: Timestamp, what: What) {
        self.events.push(Event { seq, time, what });
    }

    pub(crate) fn policy(&self) -> Option<(u64, &PolicyM)> {
        self.events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Policy(policy) => Some((event.seq, policy)),
                _ => None,
            })
    }

    fn in_force(&self, id: &str) -> Option<Role> {
        let last = self
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Principal {
                    id: other,
                    role,
                    in_force,
                    ..
                } if other == id => Some(in_force.then_some(*role)),
                _ => None,
            });
        last.flatten()
    }

    /// The active stops, with their scopes.
    pub(crate) fn stops(&self) -> Vec<(u64, Scope)> {
        let mut active = Vec::new();
        for event in &self.events {
            match &event.what {
                What::Stopped(scope) => active.push((event.seq, scope.clone())),
                What::Resumed(scope) => active.retain(|(_, other)| other != scope),
                _ => {}
            }
        }
        active
    }

    /// What blocks time, if something does.
    fn clock_blocked(&self, now: Timestamp) -> Option<u64> {
        let mut blocked = None;
        for event in &self.events {
            match &event.what {
                What::ClockSeen => blocked = Some((event.seq, Timestamp::MAX)),
                What::ClockAcknowledged { before, after } => {
                    blocked = (after < before).then_some((event.seq, *before));
                }
                _ => {}
            }
        }
        blocked
            .filter(|(_, until)| now <= *until)
            .map(|(seq, _)| seq)
    }

    /// Class, channels and required keys of an action, and whether there is such an action.
    pub(crate) fn nature(&self, action: &str) -> (bool, Class, BTreeSet<Channel>, Vec<Kind>) {
        use Channel::{Call, Email, Meeting, Sms};
        let builtin: Option<&[Channel]> = match action {
            "email.send" => Some(&[Email]),
            "sms.send" => Some(&[Sms]),
            "call.queue" => Some(&[Call]),
            "meeting.book" => Some(&[Email, Meeting]),
            "sequence.enroll" => Some(&[Email, Call, Sms, Meeting]),
            _ => None,
        };
        let all: BTreeSet<Channel> = [Email, Call, Sms, Meeting].into();
        let declared = self
            .policy()
            .and_then(|(_, policy)| policy.actions.iter().find(|row| row.name == action));
        match (declared, builtin) {
            (Some(row), _) => (true, row.class, row.channels.clone(), row.requires.clone()),
            (None, Some(channels)) => (
                true,
                Class::Contact,
                channels.iter().copied().collect(),
                Vec::new(),
            ),
            (None, None) => (false, Class::Contact, all, Vec::new()),
        }
    }

    /// What the gate must answer.
    pub(crate) fn decide(&self, request: &Decision, now: Timestamp) -> Expected {
        let (known, class, channels, requires) = self.nature(&request.action);
        let agent = &request.cause.actor.id;
        let mut reasons = Vec::new();

        if let Some(seq) = self.clock_blocked(now) {
            reasons.push(ReasonM {
                cites: vec![Cite { seq, index: None }],
                ..ReasonM::of(Code::ClockBlocked)
            });
        }
        let cites: Vec<Cite> = self
            .stops()
            .into_iter()
            .filter(|(_, scope)| in_scope(scope, agent, class))
            .map(|(seq, _)| Cite { seq, index: None })
            .collect();
        if !cites.is_empty() {
            reasons.push(ReasonM {
                cites,
                ..ReasonM::of(Code::StopActive)
            });
        }
        self.breakers(request, class, now, &mut reasons);
        if self.in_force(agent) != Some(Role::Agent) {
            reasons.push(ReasonM::of(Code::IdentityUnknown));
        }
        if request.agent.as_ref().is_some_and(|named| named != agent) {
            reasons.push(ReasonM::of(Code::IdentityImpersonation));
        }
        let (mut rows, mut each) = (Vec::new(), Vec::new());
        match self.policy() {
            None => reasons.push(ReasonM::of(Code::PolicyNone)),
            Some((_, policy)) => {
                if !known {
                    reasons.push(ReasonM::of(Code::ActionUnknown));
                }
                let granted = self.grant(policy, request, class);
                reasons.extend(granted.reasons);
                (rows, each) = (granted.rows, granted.each);
            }
        }
        let group = grant::group(class, &rows);
        let approval = self.approval(request, group.as_deref(), now);
        let approver = approval.as_ref().and_then(|(_, by)| by.clone());
        reasons.extend(approval.map(|(reason, _)| reason));
        let tier = self.tier(request, class, &rows, &each);
        if let Some((_, policy)) = self.policy().filter(|_| known) {
            let asked = condition::Asked {
                request,
                tier,
                class,
                channels: &channels,
                environment: self.environment,
                approved: approver.is_some(),
                now,
            };
            condition::check(policy, &asked, &mut reasons);
        }
        let glass = self.glass_open(request, now);
        reasons.extend(grant::demands(
            tier,
            request,
            &rows,
            approver.is_some(),
            glass,
        ));
        let handed_in = request.foreign.as_ref().map(|foreign| foreign.outcome);
        let to_approve = reasons
            .iter()
            .any(|reason| reason.code == Code::TierApproval)
            || (handed_in == Some(Outcome::RequireApproval) && approver.is_none());
        if to_approve && group.is_none() {
            reasons.push(ReasonM::of(Code::TierApprovers));
        }
        self.sandbox(request, class, &channels, &mut reasons);
        recipients(request, class, &requires, &mut reasons);
        self.dnc(request, class, &channels, now, &mut reasons);
        self.call(request, now, &mut reasons);
        let counts = self.throttles(request, class, now, &mut reasons);
        self.undo(request, &mut reasons);
        match request.foreign.as_ref().map(|foreign| foreign.outcome) {
            Some(Outcome::Deny) => reasons.push(ReasonM::of(Code::ForeignDeny)),
            Some(Outcome::RequireApproval) if approver.is_none() => {
                reasons.push(ReasonM::of(Code::ForeignRequireApproval));
            }
            _ => {}
        }

        let outcome = outcome(&reasons);
        let allowed = |after_s: i64| {
            (outcome == Outcome::Allow)
                .then(|| Timestamp::from_micros(now.micros() + after_s * 1_000_000).unwrap())
        };
        let (valid_s, report_s, approve_s) =
            self.policy().map_or((60, 900, 14_400), |(_, policy)| {
                (
                    policy.valid_for_s,
                    policy.report_within_s,
                    policy.approve_within_s,
                )
            });
        let asks = outcome == Outcome::RequireApproval;
        Expected {
            outcome,
            class,
            channels,
            tier,
            approver,
            approvers: group.filter(|_| asks),
            approve_by: asks.then(|| people::later(now, approve_s)),
            valid_until: allowed(valid_s),
            report_by: allowed(report_s),
            reasons,
            counts,
        }
    }
}

pub(crate) fn in_scope(scope: &Scope, agent: &str, class: Class) -> bool {
    match scope {
        Scope::All => true,
        Scope::Agent { id } => id == agent,
        Scope::Class { class: stopped } => *stopped == class,
    }
}

/// A denial if anything denies, else an approval if anything asks for one.
fn outcome(reasons: &[ReasonM]) -> Outcome {
    let lenient = [
        Code::GrantRow,
        Code::DncClear,
        Code::DncExempt,
        Code::TierWaived,
        Code::TierElsewhere,
        Code::TierBreakGlass,
        Code::ApprovalGranted,
        Code::ConditionPermit,
    ];
    let asking = [Code::ForeignRequireApproval, Code::TierApproval];
    let strict: Vec<Code> = reasons
        .iter()
        .map(|reason| reason.code)
        .filter(|code| !lenient.contains(code))
        .collect();
    if strict.is_empty() {
        Outcome::Allow
    } else if strict.iter().all(|code| asking.contains(code)) {
        Outcome::RequireApproval
    } else {
        Outcome::Deny
    }
}

fn recipients(request: &Decision, class: Class, requires: &[Kind], reasons: &mut Vec<ReasonM>) {
    if class == Class::Contact && request.recipients.is_empty() {
        reasons.push(ReasonM::of(Code::RecipientMissing));
    }
    for (index, recipient) in (0u64..).zip(&request.recipients) {
        let about = |code, key| ReasonM {
            recipient: Some(index),
            key,
            ..ReasonM::of(code)
        };
        for kind in &recipient.unusable {
            reasons.push(about(Code::RecipientUnusable, Some(kind.clone())));
        }
        let kinds: BTreeSet<&Kind> = recipient.keys.iter().map(|key| &key.kind).collect();
        let who = [Kind::Email, Kind::Phone, Kind::Contact];
        if class == Class::Contact && !who.iter().any(|kind| kinds.contains(kind)) {
            reasons.push(about(Code::RecipientUnidentified, None));
        }
        for kind in requires {
            if !kinds.contains(kind) {
                reasons.push(about(Code::RecipientKeyRequired, Some(kind.clone())));
            }
        }
    }
}
