//! The inverse of a field update: which fields go back to what, and what is expected to be found.

use std::fmt;

use ledger_core::action::Class;
use ledger_core::entry::{Decision, DetailName, Entry, Execution, Finding, Status};
use ledger_core::redact::MARK;
use serde_json::{Map, Value};

/// What undoes an execution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inverse {
    /// The object's type.
    pub(super) kind: String,
    /// What the fields go back to.
    pub(super) restore: Map<String, Value>,
    /// What they are expected to hold now; else somebody else has changed them since.
    pub(super) expect: Map<String, Value>,
    /// Fields that changed although the decision did not name them among those written.
    pub(super) beyond: Vec<String>,
}

/// Why an execution has no inverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoInverse {
    UnknownDecision,
    NotStarted,
    Failed,
    Contact,
    Read,
    Admin,
    Asserted,
    Targets(usize),
    Created(String),
    Sandbox,
    Missing(Vec<DetailName>),
    NotAnObject(DetailName),
    OneSided(Vec<String>),
    Redacted(Vec<String>),
    Unchanged,
    Undone { decision: u64, execution: u64 },
}

impl fmt::Display for NoInverse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDecision => f.write_str(
                "it reports on a decision that the log does not have, so what it changed is not known",
            ),
            Self::NotStarted => f.write_str("it was given up before it was tried: there is nothing to undo"),
            Self::Failed => f.write_str(
                "it failed: by its own report there is nothing to undo; look at the object before you believe that",
            ),
            Self::Contact => f.write_str(
                "it reached a person, and what was sent, said or booked cannot be unsent; to reach them no more, list \
                 them: `ledgerctl dnc add`",
            ),
            Self::Read => f.write_str("it only read, and changed nothing"),
            Self::Admin => f.write_str(
                "it is no update of fields but an act of administration: undo it where it was done, and by hand",
            ),
            Self::Asserted => f.write_str(
                "its decision was made elsewhere and only recorded: ask the engine that made it",
            ),
            Self::Targets(0) => f.write_str("it names no object, so there is none whose fields could go back"),
            Self::Targets(count) => write!(
                f,
                "it is about {count} objects, and before and after do not say which field is whose: ask for the inverse \
                 of each by hand, with `ledgerctl decide --undoes`"
            ),
            Self::Created(kind) => write!(
                f,
                "it made a new {kind}: the inverse would be to delete it, and the log has no fields to go back to"
            ),
            Self::Sandbox => f.write_str(
                "this is a sandbox, where every text of a detail is masked: the values to go back to are not kept",
            ),
            Self::Missing(names) => {
                let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                write!(
                    f,
                    "it was recorded without {}: report updates with `--detail before=@FILE --detail after=@FILE`, JSON \
                     objects of field and value",
                    names.join(" and ")
                )
            }
            Self::NotAnObject(name) => write!(
                f,
                "its detail `{}` is no JSON object of field and value",
                name.as_str()
            ),
            Self::OneSided(fields) => write!(
                f,
                "of {} only one of before and after says what it held: what it would go back to, or be expected to \
                 hold, is not known",
                fields.join(", ")
            ),
            Self::Redacted(fields) => write!(
                f,
                "the value of {} was a secret and was replaced before it was kept: it cannot be restored from here",
                fields.join(", ")
            ),
            Self::Unchanged => f.write_str("before and after are the same: there is nothing to undo"),
            Self::Undone { decision, execution } => write!(
                f,
                "it was undone already: allowed in #{decision}, carried out in #{execution}; undo that one to go forward \
                 again"
            ),
        }
    }
}

/// What of an execution says already that there is no inverse, before any detail is read.
pub(super) fn precluded(
    entry: &Entry,
    execution: &Execution,
    decision: Option<&Decision>,
) -> Result<(), NoInverse> {
    let known = !execution.findings.contains(&Finding::UnknownDecision);
    let Some(decision) = decision.filter(|_| known) else {
        return Err(NoInverse::UnknownDecision);
    };
    match execution.status {
        Status::NotStarted => return Err(NoInverse::NotStarted),
        Status::Failure => return Err(NoInverse::Failed),
        Status::Success | Status::Partial => {}
    }
    if decision.basis == ledger_core::entry::Basis::Asserted {
        return Err(NoInverse::Asserted);
    }
    match decision.class {
        Class::Contact => return Err(NoInverse::Contact),
        Class::Read => return Err(NoInverse::Read),
        Class::Admin => return Err(NoInverse::Admin),
        Class::Write => {}
    }
    let [target] = decision.targets.as_slice() else {
        return Err(NoInverse::Targets(decision.targets.len()));
    };
    if target.id.is_none() {
        return Err(NoInverse::Created(target.kind.clone()));
    }
    if entry.sandbox {
        return Err(NoInverse::Sandbox);
    }
    let missing: Vec<DetailName> = [DetailName::Before, DetailName::After]
        .into_iter()
        .filter(|name| !execution.details.contains_key(name))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(NoInverse::Missing(missing))
    }
}

/// The inverse of an update of one object, by its details `before` and `after`.
pub(super) fn inverse(
    decision: &Decision,
    before: &[u8],
    after: &[u8],
) -> Result<Inverse, NoInverse> {
    let object = |name: DetailName, bytes: &[u8]| match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(NoInverse::NotAnObject(name)),
    };
    let before = object(DetailName::Before, before)?;
    let after = object(DetailName::After, after)?;
    let [target] = decision.targets.as_slice() else {
        return Err(NoInverse::Targets(decision.targets.len()));
    };
    let one_sided: Vec<String> = before
        .keys()
        .filter(|field| !after.contains_key(*field))
        .chain(after.keys().filter(|field| !before.contains_key(*field)))
        .cloned()
        .collect();
    if !one_sided.is_empty() {
        return Err(NoInverse::OneSided(one_sided));
    }
    let (mut restore, mut expect) = (Map::new(), Map::new());
    for (field, was) in before {
        match after.get(&field) {
            Some(is) if *is != was => {
                expect.insert(field.clone(), is.clone());
                restore.insert(field, was);
            }
            _ => {}
        }
    }
    if restore.is_empty() {
        return Err(NoInverse::Unchanged);
    }
    let redacted: Vec<String> = restore
        .iter()
        .filter(|(field, was)| hides(was) || expect.get(*field).is_some_and(hides))
        .map(|(field, _)| field.clone())
        .collect();
    if !redacted.is_empty() {
        return Err(NoInverse::Redacted(redacted));
    }
    Ok(Inverse {
        kind: target.kind.clone(),
        beyond: restore
            .keys()
            .filter(|field| !target.writes.contains(*field))
            .cloned()
            .collect(),
        restore,
        expect,
    })
}

/// Whether a secret was replaced anywhere in a value.
fn hides(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(MARK),
        Value::Array(items) => items.iter().any(hides),
        Value::Object(members) => members.values().any(hides),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ledger_core::entry::{Actor, Basis, Body, Cause, Commitment, Target};
    use ledger_core::role::Role;
    use ledger_core::time::Timestamp;
    use ledger_core::token::Token;

    use super::*;

    fn decision() -> Decision {
        let cause = Cause {
            actor: Actor::principal(Role::Agent, "agent.crm"),
            ..Cause::ledger()
        };
        Decision {
            class: Class::Write,
            targets: vec![Target {
                kind: "deal".to_owned(),
                id: Some(Token([8; 32])),
                reads: Vec::new(),
                writes: vec!["stage".to_owned(), "owner".to_owned()],
            }],
            ..Decision::request(Basis::Gate, cause, "crm.deal.update".to_owned())
        }
    }

    fn execution() -> Execution {
        let kept = Commitment::new(&[1; 32], b"{}", 0);
        Execution {
            cause: Cause::ledger(),
            decision: 41,
            status: Status::Success,
            error_code: None,
            provider: None,
            provider_id: None,
            started_at: None,
            occurred_at: None,
            cost_micros: None,
            results: Vec::new(),
            policy: None,
            findings: Vec::new(),
            details: BTreeMap::from([(DetailName::Before, kept), (DetailName::After, kept)]),
        }
    }

    fn entry(sandbox: bool) -> Entry {
        Entry {
            seq: 42,
            time: Timestamp::EPOCH,
            sandbox,
            body: Body::Execution(Box::new(execution())),
        }
    }

    fn of(before: &str, after: &str) -> Result<Inverse, NoInverse> {
        inverse(&decision(), before.as_bytes(), after.as_bytes())
    }

    type Change = fn(&mut Execution, &mut Decision);

    #[test]
    fn what_changed_goes_back_and_is_expected_as_it_was_left() {
        let found = of(
            "{\"stage\":\"open\",\"owner\":null,\"amount\":5}",
            "{\"stage\":\"won\",\"owner\":\"003\",\"amount\":5}",
        )
        .unwrap();
        let json = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        assert_eq!(found.restore, json("{\"owner\":null,\"stage\":\"open\"}"));
        assert_eq!(found.expect, json("{\"owner\":\"003\",\"stage\":\"won\"}"));
        assert_eq!((found.kind.as_str(), found.beyond.len()), ("deal", 0));
        // The inverse of the inverse is the update.
        let back = of(
            "{\"stage\":\"won\",\"owner\":\"003\",\"amount\":5}",
            "{\"stage\":\"open\",\"owner\":null,\"amount\":5}",
        )
        .unwrap();
        assert_eq!((back.restore, back.expect), (found.expect, found.restore));
    }

    #[test]
    fn a_field_that_the_decision_did_not_name_is_told() {
        let found = of("{\"amount\":5,\"stage\":1}", "{\"amount\":6,\"stage\":1}").unwrap();
        assert_eq!(found.beyond, ["amount"]);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        for (before, after, why) in [
            ("{\"a\":1}", "{\"a\":1}", NoInverse::Unchanged),
            ("{}", "{}", NoInverse::Unchanged),
            ("[1]", "{}", NoInverse::NotAnObject(DetailName::Before)),
            ("{}", "after", NoInverse::NotAnObject(DetailName::After)),
            (
                "{\"a\":1}",
                "{\"a\":2,\"b\":1}",
                NoInverse::OneSided(fields(&["b"])),
            ),
            (
                "{\"a\":1,\"b\":1}",
                "{\"a\":2}",
                NoInverse::OneSided(fields(&["b"])),
            ),
            (
                "{\"a\":1,\"pin\":\"[redacted]\"}",
                "{\"a\":2,\"pin\":\"x\"}",
                NoInverse::Redacted(fields(&["pin"])),
            ),
            (
                "{\"a\":{\"b\":[\"x\"]}}",
                "{\"a\":{\"b\":[\"[redacted]\"]}}",
                NoInverse::Redacted(fields(&["a"])),
            ),
        ] {
            assert_eq!(of(before, after), Err(why), "{before} {after}");
        }
        // A secret that stayed as it was does not stand in the way.
        assert!(
            of(
                "{\"a\":1,\"p\":\"[redacted]\"}",
                "{\"a\":2,\"p\":\"[redacted]\"}"
            )
            .is_ok()
        );
    }

    #[test]
    fn what_has_no_inverse_is_told_before_anything_is_read() {
        let told = |change: fn(&mut Execution, &mut Decision), sandbox| {
            let (mut execution, mut decision) = (execution(), decision());
            change(&mut execution, &mut decision);
            precluded(&entry(sandbox), &execution, Some(&decision))
        };
        assert_eq!(told(|_, _| {}, false), Ok(()));
        assert_eq!(
            told(|execution, _| execution.status = Status::Partial, false),
            Ok(())
        );
        assert_eq!(told(|_, _| {}, true), Err(NoInverse::Sandbox));
        assert_eq!(
            precluded(&entry(false), &execution(), None),
            Err(NoInverse::UnknownDecision)
        );
        let cases: [(Change, NoInverse); 10] = [
            (
                |execution, _| execution.findings = vec![Finding::UnknownDecision],
                NoInverse::UnknownDecision,
            ),
            (
                |execution, _| execution.status = Status::NotStarted,
                NoInverse::NotStarted,
            ),
            (
                |execution, _| execution.status = Status::Failure,
                NoInverse::Failed,
            ),
            (
                |_, decision| decision.class = Class::Contact,
                NoInverse::Contact,
            ),
            (|_, decision| decision.class = Class::Read, NoInverse::Read),
            (
                |_, decision| decision.class = Class::Admin,
                NoInverse::Admin,
            ),
            (
                |_, decision| decision.basis = Basis::Asserted,
                NoInverse::Asserted,
            ),
            (
                |_, decision| decision.targets.clear(),
                NoInverse::Targets(0),
            ),
            (
                |_, decision| decision.targets[0].id = None,
                NoInverse::Created("deal".to_owned()),
            ),
            (
                |execution, _| {
                    execution.details.remove(&DetailName::Before);
                },
                NoInverse::Missing(vec![DetailName::Before]),
            ),
        ];
        for (change, why) in cases {
            assert_eq!(told(change, false), Err(why));
        }
    }
}
