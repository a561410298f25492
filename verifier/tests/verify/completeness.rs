//! What a log leaves open, and what no allow covers: counted once more from the JSON of its entries.

use crate::common::{Ledger, gate, person, rich};
use ledger_core::entry::{Body, Entry};
use ledger_core::fault::Fault;
use ledger_core::replay::{Completeness, What, replay};
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
