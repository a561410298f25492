//! Scopes: rows of the policy grant an action, each of its objects and each of their fields, or it is
//! denied.

use std::collections::BTreeSet;

use super::Nature;
use crate::action::Class;
use crate::entry::{Code, Decision, Environment, Reason, Target};
use crate::policy::{FieldRules, Fields, Grant, Mailboxes, Names};
use crate::state::InForce;

/// What the rows say of a request.
pub(crate) struct Granted<'p> {
    /// The rows used, one for each object, each row once; or how near the rows came.
    pub(crate) reasons: Vec<Reason>,
    /// The rows behind them, in the order of use; none where something is not granted.
    pub(crate) rows: Vec<&'p Grant>,
    /// Of each target the row that grants it; none where something is not granted.
    pub(crate) of_targets: Vec<&'p Grant>,
}

/// The rows that grant the request.
///
/// Every target needs a row that covers its object and all of its fields; of several the first in the
/// order of the file counts. A request without targets needs a row that covers the rest.
pub(crate) fn check<'p>(
    policy: &'p InForce,
    request: &Decision,
    nature: &Nature,
    environment: Environment,
) -> Granted<'p> {
    let agent = &request.cause.actor.id;
    let mut nearest = Code::GrantNone;
    let mut open = Vec::new();
    for row in policy.text.grants(agent, &request.action) {
        match covers(policy, row, request, nature, environment) {
            Ok(()) => open.push(row),
            Err(code) => nearest = nearest.max(code),
        }
    }
    let mut granted = Granted {
        reasons: Vec::new(),
        rows: Vec::new(),
        of_targets: Vec::new(),
    };
    if open.is_empty() {
        granted.reasons.push(nearest.reason());
        return granted;
    }
    if request.targets.is_empty() && nature.class.changes() {
        granted.reasons.push(Code::GrantTargetMissing.reason());
        return granted;
    }
    let mut used = BTreeSet::new();
    let mut refused = Vec::new();
    let mut using = |row: &'p Grant| {
        if used.insert(row.id.as_str()) {
            granted.rows.push(row);
        }
    };
    if request.targets.is_empty() {
        open.first().into_iter().for_each(|row| using(row));
    }
    for (index, target) in (0u64..).zip(&request.targets) {
        let fields = &policy.text.fields;
        match deciding(&open, target, nature, fields) {
            Some(row) => {
                using(row);
                granted.of_targets.push(row);
            }
            None => refused.push(Reason {
                target: Some(index),
                ..missing(&open, target, nature, fields)
            }),
        }
    }
    granted.reasons = if refused.is_empty() {
        let by = |row: &&Grant| Reason {
            rule: Some(row.id.clone()),
            ..Code::GrantRow.reason()
        };
        granted.rows.iter().map(by).collect()
    } else {
        granted.rows.clear();
        granted.of_targets.clear();
        refused
    };
    granted
}

/// Of rows that cover the rest, the first that covers `target` too.
pub(super) fn deciding<'p>(
    open: &[&'p Grant],
    target: &Target,
    nature: &Nature,
    fields: &FieldRules,
) -> Option<&'p Grant> {
    let mut open = open.iter().copied();
    open.find(|row| lacks(row, target, nature, fields).is_none())
}

/// Whether a row covers everything of the request but its objects; else what it does not cover.
pub(super) fn covers(
    policy: &InForce,
    row: &Grant,
    request: &Decision,
    nature: &Nature,
    environment: Environment,
) -> Result<(), Code> {
    // Sellers and mailboxes are about reaching people; other actions have neither to be granted.
    let contact = nature.class == Class::Contact;
    let seller = match &request.seller {
        Some(seller) => row.sellers.contains(seller),
        None => !contact || matches!(row.sellers, Names::Any),
    };
    if !seller {
        return Err(Code::GrantSeller);
    }
    let mailbox = match request.mailbox {
        Some(token) => policy.allows_mailbox(&row.mailboxes, token),
        // A row that names mailboxes is no grant to send from an unnamed one.
        None => !contact || row.mailboxes.is_empty() || matches!(row.mailboxes, Mailboxes::Any),
    };
    if !mailbox {
        return Err(Code::GrantMailbox);
    }
    if !row.environments.contains(&environment) {
        return Err(Code::GrantEnvironment);
    }
    let version = request.cause.actor.version.as_ref();
    let pinned = row.agent_versions.is_empty()
        || version.is_some_and(|version| row.agent_versions.contains(version));
    if !pinned {
        return Err(Code::GrantVersion);
    }
    Ok(())
}

/// Whether a target names no field that its action writes: by a row that is about fields it is then taken
/// to write all of them, whatever other targets name. Only what an action makes has none to name: an
/// object without an id, of an action that creates.
pub(super) fn writes_all(target: &Target, nature: &Nature) -> bool {
    nature.class.changes() && target.writes.is_empty() && !(nature.creates && target.id.is_none())
}

/// Whether a target names no field that its action reads: by a row that is about fields it is then taken
/// to read all of them.
pub(super) fn reads_all(target: &Target, nature: &Nature) -> bool {
    nature.class == Class::Read && target.reads.is_empty()
}

/// Whether a row is about fields. One that names none to read and none to write grants its actions on an
/// object as such, whatever they do to it.
pub(super) fn is_about_fields(row: &Grant) -> bool {
    !row.reads.is_empty() || !row.writes.is_empty()
}

/// What stands for every field of an object.
const EVERY_FIELD: &str = "*";

/// The field of `target` that the row does not grant, or its type where it does not grant the object.
pub(super) fn lacks<'t>(
    row: &Grant,
    target: &'t Target,
    nature: &Nature,
    fields: &FieldRules,
) -> Option<(Code, &'t str)> {
    if !row.objects.contains(&target.kind) {
        return Some((Code::GrantObject, &target.kind));
    }
    let read = target.reads.iter().find(|name| !row.reads.contains(name));
    let written = target
        .writes
        .iter()
        .find(|name| !row.writes.contains(name) && !fields.agent_owned.contains(name));
    let beyond = |all: bool, granted: &Fields| all && *granted != Fields::Any;
    let every = is_about_fields(row)
        && (beyond(writes_all(target, nature), &row.writes)
            || beyond(reads_all(target, nature), &row.reads));
    read.or(written)
        .map(String::as_str)
        .or(every.then_some(EVERY_FIELD))
        .map(|name| (Code::GrantField, name))
}

/// Of rows that all lack something for `target`, what the first that grants its object lacks.
fn missing(rows: &[&Grant], target: &Target, nature: &Nature, fields: &FieldRules) -> Reason {
    let (code, field) = rows
        .iter()
        .filter_map(|row| lacks(row, target, nature, fields))
        .find(|(code, _)| *code == Code::GrantField)
        .unwrap_or((Code::GrantObject, &target.kind));
    Reason {
        field: Some(field.to_owned()),
        ..code.reason()
    }
}
