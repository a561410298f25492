//! What no service lets into an entry: each rule broken by itself, in a log that is otherwise as it must be,
//! and planned by the ledger's own rules. Replay names that entry, and the field.

mod keys;

use std::collections::BTreeMap;

use crate::common::{Ledger, gate, person, rich};
use ledger_core::entry::{
    Body, Commitment, Decision, DetailName, Entry, Environment, Event, Scope, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::normalise::{Identifiers, Identity};
use ledger_core::plan::{Plan, plan};
use ledger_core::replay::{Report, What, replay};
use ledger_core::role::Role;
use ledger_core::token::Token;
use ledger_core::well_formed::well_formed;

/// A ledger with its people and its policy.
fn ledger() -> Ledger {
    let mut ledger = Ledger::started();
    ledger.put(Role::Agent, "agent.sender");
    ledger.put(Role::Compliance, "compliance.one");
    ledger.put(Role::Recorder, "recorder.mail");
    ledger.approver("approver.ops", &["revops"]);
    ledger.publish(rich::POLICY);
    ledger
}

/// The log of the ledger with one more command, planned by its own rules.
fn with(ledger: &Ledger, command: Body) -> (u64, Report) {
    let seq = ledger.size();
    let mut lines = ledger.lines.clone();
    let Ok(Plan::Append(bodies)) = plan(&ledger.state, command, ledger.now) else {
        panic!("refused")
    };
    for (at, body) in (seq..).zip(bodies) {
        let entry = Entry {
            seq: at,
            ..ledger.state.entry(ledger.now, body)
        };
        lines.push(entry.encode().unwrap());
    }
    (seq, replay(lines))
}

/// One mismatch, at the command's entry, of its form, and in these words.
fn named(what: &str, (seq, report): (u64, Report), words: &str) {
    let [only] = report.mismatches.as_slice() else {
        panic!("{what}: {:?}", report.mismatches)
    };
    assert!(
        matches!(only.what, What::IllFormed { .. }),
        "{what}: {only}"
    );
    assert_eq!(only.seq, seq, "{what}");
    assert!(
        only.to_string().contains(words),
        "{what}: `{words}` in {only}"
    );
}

fn fine(what: &str, (_, report): (u64, Report)) {
    assert_eq!(report.mismatches, [], "{what}");
}

fn decision(request: Decision) -> Body {
    Body::Decision(Box::new(request))
}

/// Somebody with everything, at a host with two domains.
const EVERYTHING: Identifiers<'static> = Identifiers {
    email: Some("ann+x@wonder.land.io"),
    phone: Some("+44 20 7946 0001"),
    contact: Some("c-1"),
    account: Some("a-1"),
};

#[test]
fn whatever_is_known_of_a_person_the_normaliser_makes_keys_that_pass() {
    let emails = [
        None,
        Some("ann@b.example.co.uk"),
        Some("ann@gmail.com"),
        Some("a@deep.below.test"),
        Some("no address"),
    ];
    let phones = [None, Some("+44 20 7946 0001"), Some("nothing")];
    let ids = [None, Some("c-1"), Some("a@b.io")];
    let ledger = ledger();
    let Body::Genesis(genesis) = ledger.entry(0).body else {
        panic!("a genesis")
    };
    let mut tried = 0;
    for email in emails {
        for phone in phones {
            for contact in ids {
                for account in ids {
                    let given = Identifiers {
                        email,
                        phone,
                        contact,
                        account,
                    };
                    let mut request = Decision::request(
                        ledger_core::entry::Basis::Asserted,
                        ledger_core::entry::Cause::ledger(),
                        "x".to_owned(),
                    );
                    request.recipients = vec![ledger.recipient(given)];
                    request.tokens_v = Some(1);
                    assert_eq!(well_formed(&decision(request), Some(&genesis)), Ok(()));
                    assert!(Identity::of(given).keys.len() <= 13);
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 135);
}

type Change = fn(&mut Decision);
type Reserved = fn(&mut Vec<Token>);

#[test]
fn a_decision_has_what_every_request_has_and_nothing_that_none_has() {
    let mut ledger = ledger();
    let request = ledger.email(&[EVERYTHING]);
    let all: [(&str, Change, &str); 11] = [
        (
            "no run",
            |one| one.cause.correlation_id = None,
            "correlation_id `nothing`",
        ),
        (
            "no content",
            |one| one.cause.content = None,
            "content `nothing`",
        ),
        (
            "no recipients as received",
            |one| _ = one.details.remove(&DetailName::Recipients),
            "details.recipients `nothing`",
        ),
        (
            "recipients of nobody",
            |one| (one.recipients, one.mailbox) = (Vec::new(), one.mailbox),
            "details.recipients `something`",
        ),
        (
            "another version",
            |one| one.tokens_v = Some(2),
            "tokens_v `2`: expected `1`",
        ),
        (
            "no version",
            |one| one.tokens_v = None,
            "without a token version",
        ),
        (
            "a key of another version",
            |one| one.recipients[0].keys[2].v = Some(2),
            "v `2`: expected no key of another version",
        ),
        (
            "a key that repeats the version",
            |one| one.recipients[0].keys[2].v = Some(1),
            "v `1`: expected no key of another version",
        ),
        (
            "the caller named",
            |one| one.agent = Some(one.cause.actor.id.clone()),
            "agent `the caller`",
        ),
        (
            "an object of a type in capitals",
            |one| one.targets = vec![gate::target("Deal", Some("d-1"), &[], &["stage"])],
            "targets[0].type `Deal`",
        ),
        (
            "no secret replaced",
            |one| {
                let params = one.details.get_mut(&DetailName::Params);
                params.unwrap().redacted = Some(0);
            },
            "details.params.redacted `0`",
        ),
    ];
    for (what, change, words) in all {
        let mut changed = request.clone();
        change(&mut changed);
        named(what, with(&ledger, decision(changed)), words);
    }
    // Nothing in it is a token.
    let mut plain = ledger.email(&[]);
    plain.mailbox = None;
    named(
        "a version of nothing",
        with(&ledger, decision(plain.clone())),
        "tokens_v `1`",
    );
    plain.tokens_v = None;
    fine("no tokens", with(&ledger, decision(plain)));
}

#[test]
fn reports_and_controls_have_what_their_calls_demand() {
    let mut ledger = ledger();
    let request = ledger.email(&[person("bob@else.io", "c-2")]);
    let allow = ledger.decide(request);
    let mut execution = ledger.execution(9_999);
    execution.cause.correlation_id = None;
    let found = with(&ledger, Body::Execution(Box::new(execution.clone())));
    named(
        "an execution without a run",
        found,
        "correlation_id `nothing`",
    );
    execution.cause.correlation_id = Some("run".to_owned());
    execution.cause.content = None;
    let found = with(&ledger, Body::Execution(Box::new(execution)));
    named("an execution without content", found, "content `nothing`");
    let execution = ledger.execution(allow);
    let executed = ledger.report(execution);
    let seq = ledger.outcome(Some(executed), Event::BounceSoft);
    let Body::Outcome(mut told) = ledger_core::plan::request_part(&ledger.entry(seq).body) else {
        panic!("an outcome")
    };
    told.cause.request_id = Some("another".to_owned());
    told.cause.correlation_id = None;
    let found = with(&ledger, Body::Outcome(told.clone()));
    named(
        "an outcome of an execution without a run",
        found,
        "correlation_id `nothing`",
    );
    (told.execution, told.recipient) = (None, None);
    fine(
        "a provider knows of no run",
        with(&ledger, Body::Outcome(told)),
    );

    // Every kind of control, of the log in which all of them occur, without what stands for the request.
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for log in [gate::log(), rich::log().0] {
        for (seq, entry) in (0..).zip(log.entries()) {
            let mut changed = entry.clone();
            let Some(cause) = cause_mut(&mut changed.body) else {
                continue;
            };
            if cause.request_id.is_none() || cause.content.take().is_none() {
                continue;
            }
            let found = changed_at(&log, seq, &changed);
            assert!(found.contains("content `nothing`"), "entry {seq}: {found}");
            *kinds.entry(entry.body.kind()).or_default() += 1;
        }
    }
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}

#[test]
fn who_resumes_denies_or_resets_gives_a_reason() {
    let mut tried = 0;
    for log in [gate::log(), rich::log().0] {
        for (seq, entry) in (0..).zip(log.entries()) {
            let mut changed = entry.clone();
            let details = match &mut changed.body {
                Body::Resume(resume) => &mut resume.details,
                Body::Approval(answer) if answer.verdict == Verdict::Denied => &mut answer.details,
                Body::Breaker(breaker) => &mut breaker.details,
                _ => continue,
            };
            if details.remove(&DetailName::Reason).is_none() {
                continue;
            }
            let found = changed_at(&log, seq, &changed);
            assert!(
                found.contains("details.reason `nothing`"),
                "entry {seq}: {found}"
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 4, "two resume, one denies, one resets");
    // What the ledger does of its own accord, it does without words.
    let mut ledger = ledger();
    let scope = Scope::All;
    ledger.stop(scope.clone());
    let seq = ledger.resume(scope);
    let mut changed = ledger.entry(seq);
    if let Body::Resume(resume) = &mut changed.body {
        resume.cause.actor.version = Some("v1".to_owned());
    }
    let found = changed_at(&ledger, seq, &changed);
    assert!(found.contains("actor.version `something`"), "{found}");
}

#[test]
fn genesis_has_a_token_for_each_reserved_domain() {
    let all: [(&str, Reserved, &str); 3] = [
        ("one fewer", |all| _ = all.pop(), "reserved `6`: expected 7"),
        (
            "one more",
            |all| all.push(Token([1; 32])),
            "reserved `8`: expected 7",
        ),
        ("one twice", |all| all[3] = all[1], "reserved[3] `repeated`"),
    ];
    let ledger = ledger();
    for (what, change, words) in all {
        let mut genesis = ledger.entry(0);
        let Body::Genesis(body) = &mut genesis.body else {
            panic!("a genesis")
        };
        change(&mut body.reserved);
        let found = changed_at(&ledger, 0, &genesis);
        assert!(found.contains(words), "{what}: {found}");
    }
    // Which keys another normaliser makes is not known here.
    let mut genesis = ledger.entry(0);
    let Body::Genesis(body) = &mut genesis.body else {
        panic!("a genesis")
    };
    body.normaliser = "999+psl-9.9.9".to_owned();
    let report = replay([genesis.encode().unwrap()]);
    let unknown = report.unverifiable.expect("it is not known");
    assert!(
        unknown.what.starts_with("normaliser `999+psl-"),
        "{}",
        unknown.what
    );
}

#[test]
fn a_sandbox_keeps_no_recipients_as_they_were_received() {
    let mut ledger = Ledger::empty();
    ledger.genesis();
    let Body::Genesis(mut genesis) = ledger.entry(0).body else {
        panic!("a genesis")
    };
    genesis.environment = Environment::Sandbox;
    let mut request = ledger.email(&[person("ann@example.com", "c-1")]);
    request.details.remove(&DetailName::Recipients);
    assert_eq!(
        well_formed(&decision(request.clone()), Some(&genesis)),
        Ok(())
    );
    let received = Commitment {
        commitment: Hash([1; 32]),
        bytes: 2,
        redacted: None,
    };
    request.details.insert(DetailName::Recipients, received);
    let why = well_formed(&decision(request), Some(&genesis)).unwrap_err();
    assert!(
        why.to_string()
            .contains("a sandbox keeps nobody's identifiers"),
        "{why}"
    );
}

/// What replay says of an entry that was changed, up to that entry.
fn changed_at(log: &Ledger, seq: u64, changed: &Entry) -> String {
    let mut lines = log.lines[..usize::try_from(seq).unwrap()].to_vec();
    lines.push(changed.encode().unwrap());
    let report = replay(lines);
    let of: Vec<String> = report
        .mismatches
        .iter()
        .filter(|found| found.seq == seq)
        .map(ToString::to_string)
        .collect();
    of.join("\n")
}

fn cause_mut(body: &mut Body) -> Option<&mut ledger_core::entry::Cause> {
    Some(match body {
        Body::Principal(body) => &mut body.cause,
        Body::Policy(body) => &mut body.cause,
        Body::Dnc(body) => &mut body.cause,
        Body::Decision(body) => &mut body.cause,
        Body::Execution(body) => &mut body.cause,
        Body::Outcome(body) => &mut body.cause,
        Body::Stop(body) => &mut body.cause,
        Body::Resume(body) => &mut body.cause,
        Body::Clock(body) => &mut body.cause,
        Body::Approval(body) => &mut body.cause,
        Body::BreakGlass(body) => &mut body.cause,
        Body::Breaker(body) => &mut body.cause,
        Body::Key(body) => &mut body.cause,
        _ => return None,
    })
}
