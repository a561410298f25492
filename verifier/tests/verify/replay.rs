//! Replay over a log in which everything occurs: it matches; and whatever answer is changed, it names
//! the entry. The log's own proofs do not help here: an attacker with the key makes leaves, tree and
//! signature anew.

use std::collections::BTreeMap;

use crate::common::rich;
use crate::mutate::{mutants, said};
use ledger_core::entry::{Code, Entry, Finding};
use ledger_core::fault::Fault;
use ledger_core::replay::{GapCause, Replay, Report, replay};
use serde_json::Value;

#[test]
fn a_log_in_which_everything_occurs_matches() {
    let (ledger, at) = rich::log();
    let report: Report = replay(&ledger.lines);
    assert_eq!(report.mismatches, []);
    assert_eq!(report.fault(), None);
    assert_eq!(report.entries, ledger.size());
    assert_eq!(report.totals().total(), ledger.size());
    let mut missing = Code::ALL.to_vec();
    missing.retain(|code| !report.summary.reasons.contains_key(code));
    assert_eq!(missing, [], "every reason code must occur");
    assert_eq!(
        report.summary.findings.len(),
        14,
        "every finding must occur: {:?}",
        report.summary.findings
    );
    assert!(
        report
            .summary
            .findings
            .contains_key(&Finding::InFlightAtStop)
    );
    assert_eq!(report.kinds.len(), 15, "every kind must occur");
    assert_eq!(report.kinds["decision"].asserted, 3);
    assert_eq!(
        (report.open, report.overdue_total, report.unannounced),
        (1, 0, 0)
    );
    let coverage = &report.summary.coverage;
    let causes: Vec<_> = coverage.gaps.iter().map(|gap| gap.cause).collect();
    assert_eq!(causes, [GapCause::Silent, GapCause::Stopped]);
    assert_eq!(
        (coverage.starts, coverage.clock_jumps, coverage.outside),
        (2, 1, 0)
    );
    assert!(at.large > 0);
}

/// The answers of each kind: what replay must work out itself.
const ANSWERS: [(&str, &[&str]); 10] = [
    (
        "decision",
        &[
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
        ],
    ),
    ("execution", &["policy", "findings"]),
    ("outcome", &["decision", "policy", "findings"]),
    ("policy", &["continues", "sha256", "replaces", "parts"]),
    ("principal", &["change"]),
    ("stop", &["voided"]),
    ("resume", &["stops"]),
    ("boot", &["since", "clean"]),
    ("unresolved", &["correlation_id"]),
    ("clock", &["before", "bound_ms", "acknowledges"]),
];

/// The request parts of each kind, `v`, `seq`, `time`, `kind` and the cause apart. Together with
/// [`ANSWERS`] every key of every kind: one that is in neither has to be put into one.
const REQUESTS: [(&str, &[&str]); 15] = [
    (
        "decision",
        &[
            "basis",
            "agent",
            "action",
            "tool",
            "seller",
            "campaign",
            "mailbox",
            "targets",
            "recipients",
            "tokens_v",
            "cost_micros",
            "approval",
            "undoes",
            "foreign",
            "details",
        ],
    ),
    (
        "execution",
        &[
            "decision",
            "status",
            "error_code",
            "provider",
            "provider_id",
            "started_at",
            "occurred_at",
            "cost_micros",
            "results",
            "details",
        ],
    ),
    (
        "outcome",
        &[
            "execution",
            "event",
            "recipient",
            "provider",
            "provider_id",
            "occurred_at",
            "details",
        ],
    ),
    ("policy", &["mailboxes", "files"]),
    ("principal", &["id", "role", "groups", "credential"]),
    ("stop", &["scope", "details"]),
    ("resume", &["scope", "details"]),
    ("boot", &["software", "gate", "config"]),
    ("unresolved", &["decision"]),
    ("clock", &["event", "after"]),
    (
        "genesis",
        &[
            "origin",
            "environment",
            "gate",
            "key",
            "subject_key",
            "content_key",
            "normaliser",
            "tokens_v",
            "reserved",
        ],
    ),
    (
        "dnc",
        &["op", "tokens_v", "listings", "ends", "evidence", "details"],
    ),
    ("access", &["from", "to", "detail", "tokens"]),
    ("heartbeat", &[]),
    ("shutdown", &[]),
];

const HEAD: [&str; 10] = [
    "v",
    "seq",
    "time",
    "kind",
    "request_id",
    "call",
    "action_id",
    "correlation_id",
    "content",
    "actor",
];

fn of<'a>(table: &[(&str, &'a [&'a str])], kind: &str) -> &'a [&'a str] {
    table
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or(&[], |(_, keys)| keys)
}

#[test]
fn a_changed_answer_is_named_whatever_entry_and_whatever_answer_it_is() {
    let (ledger, _) = rich::log();
    let entries: Vec<Entry> = (0..ledger.size()).map(|seq| ledger.entry(seq)).collect();
    let json: Vec<Value> = ledger
        .lines
        .iter()
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    for (entry, json) in entries.iter().zip(&json) {
        let kind = entry.body.kind();
        for key in json.as_object().unwrap().keys() {
            let known = [&HEAD, of(&ANSWERS, kind), of(&REQUESTS, kind)];
            assert!(
                known.iter().any(|keys| keys.contains(&key.as_str())),
                "`{key}` of `{kind}` is neither an answer nor of the request part"
            );
        }
    }
    let said = said(&json);
    let mut tried: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut before = Replay::new();
    for (seq, (entry, json)) in entries.iter().zip(&json).enumerate() {
        let kind = entry.body.kind();
        if seq > 0 {
            before.push(&ledger.lines[seq - 1]);
        }
        // A jump that was seen is attested whole.
        if kind == "clock" && json["event"] == "seen" {
            continue;
        }
        for key in of(&ANSWERS, kind) {
            for (value, line) in mutants(entry, json, key, &said) {
                *tried.entry((kind, key)).or_default() += 1;
                let mut replay = before.clone();
                replay.push(&line);
                // A publication ends where something else begins.
                let rest = if kind == "policy" { 2 } else { 0 };
                for line in ledger.lines.iter().skip(seq + 1).take(rest) {
                    replay.push(line);
                }
                let report = replay.finish();
                assert_eq!(
                    report.fault(),
                    Some(Fault::Refuted),
                    "seq {seq}: `{key}` = {value:?}"
                );
                let first = &report.mismatches[0];
                assert_eq!(first.seq, seq as u64, "`{key}` = {value:?}: {first}");
            }
        }
    }
    for (kind, answers) in ANSWERS {
        for answer in answers {
            assert!(
                tried.contains_key(&(kind, *answer)),
                "`{answer}` of `{kind}` was not changed"
            );
        }
    }
}
