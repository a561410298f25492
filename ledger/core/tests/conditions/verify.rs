//! Replay and judge evaluate conditions again, and only by the evaluator that the log names.

use std::collections::BTreeMap;

use ledger_core::entry::{Body, Decision, Entry, Outcome};
use ledger_core::judge::{JudgeError, judge, required};
use ledger_core::replay::{Report, replay};

use super::ledger::seconds;
use super::scene::{Scene, publication};

const CONDITIONS: &str = "@id(\"granted\") permit (principal, action, resource);\n\
     @id(\"no-amounts\") forbid (principal, action, resource) when { context.writes.contains(\"deal.amount\") };\n\
     @id(\"overflow\") forbid (principal, action, resource)\n\
     when { context has cost_micros && context.cost_micros * 9223372036854775807 > 1 };\n";

/// A log of a permit, a forbid, an error and one that nothing permits.
fn day() -> Scene {
    let mut scene = Scene::new(CONDITIONS);
    let fine = scene.write(&["name"]);
    scene.decide(fine, seconds(1));
    let amount = scene.write(&["amount"]);
    scene.decide(amount, seconds(2));
    let mut dear = scene.write(&["name"]);
    dear.cost_micros = Some(2);
    scene.decide(dear, seconds(3));
    let none = "@id(\"reads\") permit (principal, action == Action::\"crm.read\", resource);";
    scene.ledger.append(
        publication(super::scene::POLICY, &[("rules.cedar", none)], "second"),
        seconds(4),
    );
    let write = scene.write(&["name"]);
    scene.decide(write, seconds(5));
    scene
}

fn entries(scene: &Scene) -> Vec<Entry> {
    scene
        .ledger
        .lines
        .iter()
        .map(|line| Entry::decode(line).unwrap())
        .collect()
}

fn replayed(entries: &[Entry]) -> Report {
    replay(entries.iter().map(|entry| entry.encode().unwrap()))
}

fn decisions(entries: &mut [Entry]) -> Vec<(usize, &mut Decision)> {
    entries
        .iter_mut()
        .enumerate()
        .filter_map(|(at, entry)| match &mut entry.body {
            Body::Decision(decision) => Some((at, &mut **decision)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_log_replays_with_only_matches() {
    let log = entries(&day());
    let report = replayed(&log);
    assert_eq!(report.mismatches, []);
    assert_eq!(report.unverifiable, None);
    assert_eq!(log, entries(&day()), "the same commands make the same log");
}

#[test]
fn whoever_flips_what_a_condition_said_is_found() {
    let recorded = entries(&day());
    let count = decisions(&mut recorded.clone()).len();
    assert_eq!(count, 4);
    for which in 0..count {
        let mut forged = recorded.clone();
        let (at, decision) = decisions(&mut forged).swap_remove(which);
        decision
            .reasons
            .retain(|reason| reason.check != ledger_core::entry::Check::Condition);
        let report = replayed(&forged);
        assert_eq!(
            report.mismatches.first().map(|found| found.seq),
            Some(at as u64),
            "{which}"
        );
        let primary = &forged[at];
        assert!(
            matches!(
                judged(primary, &forged),
                Err(JudgeError::Contradicts { .. })
            ),
            "{which}"
        );
        assert!(judged(&recorded[at], &recorded).is_ok(), "{which}");
    }
    let mut forged = recorded.clone();
    let (at, decision) = decisions(&mut forged).swap_remove(1);
    decision.reasons[0].rule = Some("overflow".to_owned());
    assert_eq!(
        replayed(&forged).mismatches.first().map(|found| found.seq),
        Some(at as u64)
    );
    let mut forged = recorded;
    let (at, decision) = decisions(&mut forged).swap_remove(1);
    decision.outcome = Outcome::Allow;
    assert_eq!(
        replayed(&forged).mismatches.first().map(|found| found.seq),
        Some(at as u64)
    );
}

fn judged(primary: &Entry, log: &[Entry]) -> Result<ledger_core::judge::Judgement, JudgeError> {
    let by_seq: BTreeMap<u64, Entry> = log.iter().map(|entry| (entry.seq, entry.clone())).collect();
    let needed = required(primary, |seq| {
        Ok::<_, std::convert::Infallible>(by_seq.get(&seq).cloned())
    })
    .unwrap();
    let others = by_seq
        .into_iter()
        .filter(|(seq, _)| needed.contains(seq))
        .collect();
    judge(primary, &others)
}

#[test]
fn evidence_shows_what_the_conditions_said_and_by_what() {
    let log = entries(&day());
    let at = decisions(&mut log.clone())[1].0;
    let judgement = judged(&log[at], &log).unwrap();
    let shown: Vec<_> = judgement
        .shown
        .iter()
        .filter(|shown| shown.check == "condition")
        .collect();
    assert_eq!(shown.len(), 1);
    assert!(shown[0].words.contains("no-amounts"), "{shown:?}");
    let not_shown = judgement.not_shown.join("\n");
    assert!(
        not_shown.contains("evaluated its conditions by cedar-policy"),
        "{not_shown}"
    );
}

#[test]
fn under_another_evaluator_nothing_is_said_of_it() {
    let recorded = entries(&day());
    let boot = recorded
        .iter()
        .position(|entry| matches!(entry.body, Body::Boot(_)))
        .unwrap();
    let policy = recorded
        .iter()
        .position(|entry| matches!(entry.body, Body::Policy(_)))
        .unwrap();
    for other in [None, Some("cedar-policy 4.15.0".to_owned())] {
        let mut log = recorded.clone();
        let Body::Boot(boot) = &mut log[boot].body else {
            panic!("a boot")
        };
        boot.evaluator.clone_from(&other);
        // What another evaluator decided may well be what this one would not.
        decisions(&mut log)[0].1.outcome = Outcome::Deny;
        let report = replayed(&log);
        assert_eq!(report.mismatches, [], "{other:?}");
        let unverifiable = report.unverifiable.unwrap();
        assert_eq!(unverifiable.seq, policy as u64);
        assert!(
            unverifiable.what.contains("cedar-policy 4.14.1"),
            "{}",
            unverifiable.what
        );
    }
}

#[test]
fn a_later_start_with_another_evaluator_leaves_what_was_before() {
    let mut scene = day();
    let before = scene.ledger.lines.len();
    let boot = entries(&scene)
        .into_iter()
        .find_map(|entry| match entry.body {
            Body::Boot(boot) => Some(boot),
            _ => None,
        })
        .unwrap();
    let other = ledger_core::entry::Boot {
        evaluator: Some("cedar-policy 9.0.0".to_owned()),
        ..boot
    };
    scene.ledger.append(Body::Boot(other), seconds(6));
    let request = scene.request("crm.read");
    scene.decide(request, seconds(7));
    let report = replayed(&entries(&scene));
    assert_eq!(report.mismatches, []);
    let unverifiable = report.unverifiable.unwrap();
    assert_eq!(
        unverifiable.seq,
        before as u64 + 1,
        "the decision, not the boot"
    );
    assert!(
        unverifiable.what.contains("cedar-policy 9.0.0"),
        "{}",
        unverifiable.what
    );
}
