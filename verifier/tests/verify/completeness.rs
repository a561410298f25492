//! What a log leaves open, and what no allow covers: counted once more from the JSON of its entries.

use crate::common::run::{Files, run};
use crate::common::{Ledger, gate, person, rich};
use ledger_core::entry::{Body, Entry};
use ledger_core::fault::Fault;
use ledger_core::replay::{Completeness, What, replay};
use ledger_core::role::Role;
use serde_json::Value;

fn json(ledger: &Ledger) -> Vec<Value> {
    let lines = ledger.lines.iter();
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn has(entry: &Value, findings: &[&str]) -> bool {
    let found = entry["findings"].as_array();
    found.is_some_and(|found| {
        found
            .iter()
            .any(|finding| findings.contains(&finding.as_str().unwrap()))
    })
}

/// The same by hand: the findings that say so, and nothing else.
fn by_hand(ledger: &Ledger) -> Completeness {
    const NONE: [&str; 3] = ["unknown_decision", "decision_denied", "approval_missing"];
    const BEYOND: [&str; 5] = [
        "other_principal",
        "already_executed",
        "started_before_decision",
        "expired",
        "after_stop",
    ];
    let entries = json(ledger);
    let of = |kind: &'static str| entries.iter().filter(move |entry| entry["kind"] == kind);
    let mut counted = Completeness::default();
    counted.orphans.total = of("execution").filter(|one| has(one, &NONE)).count() as u64;
    counted.beyond.total = of("execution")
        .filter(|one| has(one, &BEYOND) && !has(one, &NONE))
        .count() as u64;
    counted.breakers_opened = of("breaker").filter(|one| one["event"] == "opened").count() as u64;
    counted.break_glass.total = of("break_glass")
        .filter(|one| one["event"] == "opened")
        .count() as u64;
    let never: Vec<&str> = NONE
        .into_iter()
        .chain(["other_principal", "already_executed"])
        .collect();
    counted.unresolved.total = of("unresolved")
        .filter(|overdue| {
            !of("execution").any(|one| {
                one["decision"] == overdue["decision"]
                    && one["seq"].as_u64() > overdue["seq"].as_u64()
                    && !has(one, &never)
            })
        })
        .count() as u64;
    counted
}

#[test]
fn what_is_open_and_what_no_allow_covers_is_counted() {
    for ledger in [rich::log().0, gate::log()] {
        let found = replay(&ledger.lines).completeness;
        let counted = by_hand(&ledger);
        assert_eq!(
            (
                found.orphans.total,
                found.beyond.total,
                found.unresolved.total,
                found.breakers_opened,
                found.break_glass.total,
            ),
            (
                counted.orphans.total,
                counted.beyond.total,
                counted.unresolved.total,
                counted.breakers_opened,
                counted.break_glass.total,
            )
        );
        // The state knows the rest.
        let now = ledger.entry(ledger.size() - 1).time;
        let open = ledger
            .state
            .open()
            .filter(|(_, allow)| now < allow.report_by);
        assert_eq!(found.open.total, open.count() as u64);
        let breakers = ledger.state.breakers_open(now).count() as u64;
        assert_eq!(found.breakers_open.total, breakers);
        assert!(!found.is_settled());
    }
    let mut quiet = Ledger::started();
    quiet.publish(rich::POLICY);
    assert!(replay(&quiet.lines).completeness.is_settled());
}

type Change = fn(&mut ledger_core::entry::Decision);

/// A daemon that lets more into its log than any service does is found out.
#[test]
fn what_no_service_lets_in_is_named() {
    let (mut ledger, _) = rich::log();
    let request = Ledger::served(ledger.email(&[person("zoe@zoo.io", "c-99")]));
    let changes: [(&str, Change); 4] = [
        ("an address in clear", |decision| {
            decision.campaign = Some("zoe@zoo.io".to_owned());
        }),
        ("a phone number in clear", |decision| {
            decision.tool = Some("tel:+442079460000".to_owned());
        }),
        ("keys without a version", |decision| {
            decision.tokens_v = None;
        }),
        ("too many recipients", |decision| {
            decision.recipients = vec![decision.recipients[0].clone(); 51];
        }),
    ];
    for (what, change) in changes {
        let mut mutant = request.clone();
        change(&mut mutant);
        let seq = ledger.size();
        let mut copy = ledger.lines.clone();
        let planned = ledger_core::gate::decide(&ledger.state, mutant, ledger.now).unwrap();
        let entry: Entry = ledger
            .state
            .entry(ledger.now, Body::Decision(Box::new(planned)));
        copy.push(entry.encode().unwrap());
        let report = replay(&copy);
        assert_eq!(report.fault(), Some(Fault::Refuted), "{what}");
        let [only] = report.mismatches.as_slice() else {
            panic!("{what}: {:?}", report.mismatches);
        };
        assert!(
            matches!(only.what, What::IllFormed { .. }),
            "{what}: {only}"
        );
        assert_eq!(only.seq, seq, "{what}");
    }
}

/// A log of a ledger that accounts for everything, and what is added to it that it does not account for.
fn accounts() -> Ledger {
    let mut ledger = Ledger::started();
    ledger.put(Role::Agent, "agent.sender");
    ledger.publish(rich::POLICY);
    let request = ledger.email(&[person("ann@wonder.land.io", "c-1")]);
    let allow = ledger.decide(request);
    let execution = ledger.execution(allow);
    ledger.report(execution);
    ledger
}

#[test]
fn whether_a_log_accounts_for_everything_is_its_last_line_and_with_complete_its_exit_code() {
    type Add = fn(&mut Ledger);
    let cases: [(&str, Add, Option<&str>); 9] = [
        ("as it is", |_| (), None),
        (
            "an allow that is not due yet",
            |l| {
                let request = l.email(&[person("bob@else.io", "c-2")]);
                l.decide(request);
            },
            None,
        ),
        (
            "a restart within a heartbeat",
            |l| {
                l.shutdown();
                l.advance_s(300);
                l.boot();
            },
            None,
        ),
        (
            "an execution without a decision",
            |l| {
                let execution = l.execution(9_999);
                l.report(execution);
            },
            Some("1 execution without an allow (7)"),
        ),
        (
            "a second execution",
            |l| {
                let execution = l.execution(5);
                l.report(execution);
            },
            Some("1 execution beyond their allow (7)"),
        ),
        (
            "an allow that nobody reported on",
            |l| {
                let request = l.email(&[person("bob@else.io", "c-2")]);
                l.decide(request);
                for _ in 0..3 {
                    l.advance_s(300);
                    l.timers();
                }
            },
            Some("1 unresolved allow (7)"),
        ),
        (
            "one that was due as the log ended",
            |l| {
                let request = l.email(&[person("bob@else.io", "c-2")]);
                l.decide(request);
                for _ in 0..2 {
                    l.advance_s(300);
                    l.timers();
                }
                l.advance_s(300);
                l.shutdown();
            },
            Some("1 overdue allow (7, ...)"),
        ),
        (
            "a long stop",
            |l| {
                l.shutdown();
                l.advance_s(302);
                l.boot();
            },
            Some("1 gap longer than a heartbeat (ended by 8)"),
        ),
        (
            "an entry of a ledger that says it is not running",
            |l| {
                l.shutdown();
                l.put(Role::Auditor, "auditor.one");
            },
            Some("1 entry written while no daemon was running"),
        ),
    ];
    let files = Files::new();
    for (at, (what, add, said)) in cases.into_iter().enumerate() {
        let mut ledger = accounts();
        add(&mut ledger);
        let folder = files.export(&format!("log-{at}"), &ledger);
        let folder = folder.to_str().unwrap();
        let vkey = ledger.vkey();
        let last = |out: &str| out.lines().last().unwrap().to_owned();
        let plain = run(&["replay", folder, "--vkey", &vkey]);
        let strict = run(&["replay", "--complete", folder, "--vkey", &vkey]);
        assert_eq!(plain.code, 0, "{what}: {}", plain.out);
        match said {
            None => {
                assert!(
                    last(&plain.out).starts_with("Verified. It is complete: "),
                    "{what}"
                );
                assert_eq!((strict.code, &strict.out), (0, &plain.out), "{what}");
            }
            Some(words) => {
                let expected = format!("It is NOT COMPLETE: {words}.");
                assert_eq!(last(&plain.out), format!("Verified. {expected}"), "{what}");
                assert_eq!(strict.code, 5, "{what}: {}", strict.out);
                let incomplete = "Incomplete: the log verifies, and does not account for everything (exit code 5).";
                assert_eq!(
                    last(&strict.out),
                    format!("{incomplete} {expected}"),
                    "{what}"
                );
            }
        }
        let json = run(&["replay", folder, "--json", "--vkey", &vkey]);
        let json: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(json["result"]["complete"], said.is_none(), "{what}");
        assert_eq!(
            (&json["exit_code"], &json["verdict"]),
            (&0.into(), &"verified".into())
        );
    }
}

#[test]
fn a_log_that_does_not_follow_is_refuted_whether_it_is_complete_or_not() {
    let mut ledger = accounts();
    let execution = ledger.execution(9_999);
    ledger.report(execution);
    ledger.advance_s(301);
    ledger.put(Role::Auditor, "auditor.one");
    let files = Files::new();
    let folder = files.export("log", &ledger);
    let said = run(&[
        "replay",
        "--complete",
        folder.to_str().unwrap(),
        "--vkey",
        &ledger.vkey(),
    ]);
    said.expect(
        "refuted",
        1,
        "Refuted: the material is not what it claims to be (exit code 1).",
    );
    assert!(!said.out.contains("COMPLETE"), "{}", said.out);
}
