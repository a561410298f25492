//! Evidence about every entry of a log in which everything occurs; and about entries that were changed.

use std::collections::BTreeMap;

use crate::common::rich;
use crate::mutate::{mutants, said};
use ledger_core::entry::{Body, Code, Decision, Entry, Reason};
use ledger_core::judge::{JudgeError, Judgement, Policies, judge, judge_with, required};
use serde_json::Value;

/// Judges an entry by what the ledger would put into evidence about it.
fn judged(log: &[Entry], primary: &Entry) -> Result<Judgement, JudgeError> {
    let read = |seq: u64| log.get(usize::try_from(seq).unwrap()).cloned();
    let needed = required(primary, |seq| Ok::<_, ()>(read(seq))).unwrap();
    let others = needed
        .into_iter()
        .filter_map(|seq| Some((seq, read(seq)?)))
        .collect();
    judge(primary, &others)
}

/// Policies that were read for one entry serve the next where it cites the same, and nowhere else.
#[test]
fn policies_that_were_read_before_change_no_judgement() {
    let (ledger, _) = rich::log();
    let log = ledger.entries();
    // The same texts at the same places, with other tokens beside them.
    let mut other = log.clone();
    for entry in &mut other {
        if let Body::Policy(policy) = &mut entry.body {
            let domains = policy.fake_domains.values_mut();
            for token in policy.mailboxes.values_mut().chain(domains) {
                token.0[0] ^= 1;
            }
        }
    }
    let policies = Policies::default();
    let with = |log: &[Entry], primary: &Entry| {
        let read = |seq: u64| &log[usize::try_from(seq).unwrap()];
        let needed = required(primary, |seq| Ok::<_, ()>(Some(read(seq)))).unwrap();
        let others = needed.into_iter().map(|seq| (seq, read(seq))).collect();
        judge_with(primary, &others, &policies)
    };
    let mut differ = 0;
    for entry in &log {
        let mut said = Vec::new();
        for log in [&log, &other, &log] {
            let primary = &log[usize::try_from(entry.seq).unwrap()];
            let alone = judged(log, primary);
            assert_eq!(with(log, primary), alone, "entry {}", entry.seq);
            said.push(alone);
        }
        differ += usize::from(said[0] != said[1]);
    }
    assert!(differ > 0, "tokens of mailboxes matter somewhere");
}

#[test]
fn evidence_about_every_entry_agrees() {
    let (ledger, at) = rich::log();
    let log = ledger.entries();
    for entry in &log {
        let judgement = judged(&log, entry);
        assert!(judgement.is_ok(), "entry {}: {judgement:?}", entry.seq);
    }
    let judgement = judged(&log, &ledger.entry(at.denied_email)).unwrap();
    let relied: Vec<_> = judgement
        .listings
        .iter()
        .map(|relied| {
            (
                relied.recipient,
                relied.key.to_string(),
                relied.cite.seq,
                relied.cite.index,
            )
        })
        .collect();
    assert_eq!(
        relied,
        [(0, "email.canonical".to_owned(), at.listing, Some(1))]
    );
}

/// What evidence cannot show, taken out: how much was in the windows and for whom most; who was
/// registered; whether a stop was active; whether a stop, a jump of the clock or a listing still held;
/// and where only some reasons are listed, how many there were.
fn shown(decision: &Decision) -> Decision {
    let mut decision = decision.clone();
    for count in &mut decision.throttles {
        (count.count, count.passes_at) = (0, None);
        (count.recipient, count.key) = (None, None);
    }
    let held = |reason: &Reason| {
        !matches!(
            reason.code,
            Code::IdentityUnknown
                | Code::StopActive
                | Code::ClockBlocked
                | Code::DncListed
                | Code::DncExempt
                | Code::DncClear
                | Code::ThrottleExceeded
        )
    };
    decision.reasons.retain(held);
    decision.findings.clear();
    decision.reasons_total = None;
    decision
}

#[test]
fn a_changed_decision_disagrees_with_what_it_cites() {
    const ANSWERS: [&str; 13] = [
        "environment",
        "class",
        "channels",
        "tier",
        "policy",
        "outcome",
        "reasons",
        "reasons_total",
        "throttles",
        "valid_until",
        "report_by",
        "approver",
        "findings",
    ];
    let (ledger, _) = rich::log();
    let json: Vec<Value> = ledger
        .lines
        .iter()
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let (mut refused, mut passed) = (BTreeMap::new(), Vec::new());
    let (log, said) = (ledger.entries(), said(&json));
    for (entry, json) in log.iter().zip(&json) {
        let Body::Decision(decision) = &entry.body else {
            continue;
        };
        for key in ANSWERS {
            for (value, line) in mutants(entry, json, key, &said) {
                let mutant = Entry::decode(&line).unwrap();
                if judged(&log, &mutant).is_err() {
                    *refused.entry(key).or_insert(0) += 1;
                    continue;
                }
                let Body::Decision(changed) = &mutant.body else {
                    unreachable!()
                };
                if shown(changed) != shown(decision) {
                    passed.push(format!("seq {} {key} = {value:?}", entry.seq));
                }
            }
        }
    }
    assert!(passed.is_empty(), "{} passed: {passed:#?}", passed.len());
    for key in ANSWERS {
        assert!(refused.contains_key(key), "`{key}`");
    }
}
