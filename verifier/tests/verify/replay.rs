//! Replay over a log in which everything occurs: it matches; and whatever answer is changed, it names
//! the entry. The log's own proofs do not help here: an attacker with the key makes leaves, tree and
//! signature anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Ledger, gate, rich};
use crate::mutate::{mutants, said};
use ledger_core::entry::{Code, Entry, Finding};
use ledger_core::fault::Fault;
use ledger_core::replay::{GapCause, Replay, Report, replay};
use ledger_core::role::Role;
use serde_json::Value;

#[test]
fn a_log_in_which_everything_occurs_matches() {
    let (ledger, at) = rich::log();
    let report: Report = replay(&ledger.lines);
    assert_eq!(report.mismatches, []);
    assert_eq!(report.fault(), None);
    assert_eq!(report.entries, ledger.size());
    assert_eq!(report.totals().total(), ledger.size());
    let controls: Report = replay(&gate::log().lines);
    assert_eq!(
        (controls.mismatches.as_slice(), controls.fault()),
        (&[][..], None)
    );
    let mut missing = Code::ALL.to_vec();
    missing.retain(|code| {
        let said = |report: &Report| report.summary.reasons.contains_key(code);
        !said(&report) && !said(&controls)
    });
    let elsewhere = [
        // Conditions are a feature, and a sandbox is a ledger of its own.
        Code::ConditionPermit,
        Code::ConditionForbid,
        Code::ConditionNone,
        Code::ConditionError,
        Code::SandboxRecipient,
    ];
    assert_eq!(missing, elsewhere, "every reason code must occur");
    assert_eq!(
        report.summary.findings.len(),
        15,
        "every finding must occur: {:?}",
        report.summary.findings
    );
    assert!(
        report
            .summary
            .findings
            .contains_key(&Finding::InFlightAtStop)
    );
    let kinds: BTreeSet<&str> = report
        .kinds
        .keys()
        .chain(controls.kinds.keys())
        .copied()
        .collect();
    assert_eq!(kinds.len(), 19, "every kind must occur: {kinds:?}");
    assert_eq!(report.kinds["decision"].asserted, 3);
    assert_eq!((report.open, report.overdue_total), (1, 0));
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
const ANSWERS: [(&str, &[&str]); 14] = [
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
            "approvers",
            "approve_by",
            "findings",
        ],
    ),
    ("approval", &["group", "expires_at", "granted"]),
    ("break_glass", &["requested_by", "until"]),
    ("dnc", &["imported", "outcome"]),
    (
        "breaker",
        &[
            "rule",
            "scope",
            "measure",
            "threshold",
            "count",
            "sample",
            "window_s",
            "until",
            "cites",
            "cites_total",
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
const REQUESTS: [(&str, &[&str]); 19] = [
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
            "keys",
            "tokens_v",
            "provider",
            "provider_id",
            "occurred_at",
            "details",
        ],
    ),
    ("policy", &["mailboxes", "fake_domains", "files"]),
    ("approval", &["decision", "policy", "verdict", "details"]),
    (
        "break_glass",
        &[
            "event",
            "request",
            "agent",
            "action",
            "duration_s",
            "details",
        ],
    ),
    ("key", &["event", "key"]),
    ("breaker", &["event", "opened", "details"]),
    ("principal", &["id", "role", "groups", "credential"]),
    ("stop", &["scope", "details"]),
    ("resume", &["scope", "details"]),
    ("boot", &["software", "gate", "evaluator", "config"]),
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
        &[
            "op", "tokens_v", "listings", "ends", "import", "imports", "evidence", "details",
        ],
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

fn of<'a>(table: &[(&'static str, &'a [&'static str])], kind: &str) -> &'a [&'static str] {
    table
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or(&[], |(_, keys)| keys)
}

#[test]
fn a_changed_answer_is_named_whatever_entry_and_whatever_answer_it_is() {
    let mut tried = BTreeMap::new();
    change_every_answer(&rich::log().0, &mut tried);
    change_every_answer(&gate::log(), &mut tried);
    for (kind, answers) in ANSWERS {
        for answer in answers {
            assert!(
                tried.contains_key(&(kind, *answer)),
                "`{answer}` of `{kind}` was not changed"
            );
        }
    }
}

/// Changes every answer of every entry in every way; counts what was tried by kind and key.
fn change_every_answer(ledger: &Ledger, tried: &mut BTreeMap<(&'static str, &'static str), usize>) {
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
                // A listing that no longer says which outcome it follows is missed where that stands.
                let missed = (kind, *key, &value) == ("dnc", "outcome", &None);
                let named = report.mismatches.iter().any(|one| one.seq == seq as u64);
                assert!(
                    named && first.seq == (seq - usize::from(missed)) as u64,
                    "seq {seq}: `{key}` = {value:?}: {first}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_known_is_no_mismatch_and_ends_the_judging() {
    let (ledger, _) = rich::log();
    let with = |changes: &[(usize, &str, &str)]| {
        let mut lines = ledger.lines.clone();
        for (seq, from, to) in changes {
            let line = String::from_utf8(lines[*seq].clone()).unwrap();
            assert!(line.contains(from));
            lines[*seq] = line.replacen(from, to, 1).into_bytes();
        }
        replay(&lines)
    };
    let new_key = (64, "\"actor\"", "\"mood\":\"good\",\"actor\"");
    let forged = (26, "dnc.listed", "dnc.exempt");
    let broken = (70, "\"event\"", "\"event\" ");
    let later = (79, "\"deny\"", "\"allow\"");

    let report = with(&[new_key, later]);
    assert_eq!(report.mismatches, [], "what comes later may depend on it");
    assert_eq!(report.fault(), Some(Fault::Unjudged));
    let unknown = report.unverifiable.as_ref().unwrap();
    assert_eq!((unknown.seq, unknown.what.as_str()), (64, "key `mood`"));
    let totals = report.totals();
    assert_eq!((totals.unverifiable, totals.total()), (17, 81));

    assert_eq!(with(&[forged, new_key]).fault(), Some(Fault::Refuted));
    let report = with(&[new_key, broken]);
    assert_eq!(report.fault(), Some(Fault::Refuted));
    assert_eq!(report.mismatches[0].seq, 70);

    // A gate of another version may decide otherwise, from its start on.
    let report = with(&[(77, "\"gate\":1", "\"gate\":2"), later]);
    assert_eq!(report.fault(), Some(Fault::Unjudged));
    assert_eq!(report.unverifiable.unwrap().seq, 77);
    let report = with(&[(0, "\"gate\":1", "\"gate\":2")]);
    assert_eq!(report.fault(), Some(Fault::Unjudged));
    assert_eq!(report.kinds["decision"].unverifiable, 31);
}

/// The gaps of a log, by cause and length in seconds.
fn gaps(ledger: &Ledger) -> Vec<(GapCause, i64)> {
    let report = replay(&ledger.lines);
    assert_eq!(report.fault(), None, "{:?}", report.mismatches);
    let gaps = &report.summary.coverage.gaps;
    gaps.iter()
        .map(|gap| (gap.cause, (gap.to.micros() - gap.from.micros()) / 1_000_000))
        .collect()
}

#[test]
fn coverage_tells_a_stop_from_a_death_and_both_from_silence() {
    let mut ledger = Ledger::empty();
    ledger.genesis();
    ledger.advance_s(40);
    ledger.boot();
    for _ in 0..3 {
        ledger.advance_s(300);
        ledger.heartbeat();
    }
    assert_eq!(gaps(&ledger), [(GapCause::NotStarted, 40)]);
    ledger.shutdown();
    ledger.advance_s(10);
    ledger.boot();
    ledger.advance_s(20);
    ledger.boot();
    assert_eq!(
        gaps(&ledger)[1..],
        [(GapCause::Stopped, 10), (GapCause::Died, 20)]
    );
    // A heartbeat and what it takes to write one are borne, more is a gap; the policy says how long one is.
    ledger.advance_s(301);
    ledger.heartbeat();
    ledger.advance_s(302);
    ledger.heartbeat();
    assert_eq!(gaps(&ledger)[3..], [(GapCause::Silent, 302)]);
    ledger.publish("version = 1\n[numbers]\nheartbeat_s = 10\n");
    ledger.advance_s(12);
    ledger.heartbeat();
    assert_eq!(gaps(&ledger)[4..], [(GapCause::Silent, 12)]);
    // A start that finds the clock in doubt says so first; the gap is the one before that.
    ledger.shutdown();
    ledger.advance_s(3_600);
    ledger.clock_seen(0);
    ledger.boot();
    assert_eq!(gaps(&ledger)[5..], [(GapCause::Stopped, 3_600)]);
    ledger.advance_s(3_600);
    ledger.clock_seen(0);
    ledger.boot();
    assert_eq!(gaps(&ledger)[6..], [(GapCause::Died, 3_600)]);
    ledger.advance_s(30);
    ledger.clock_seen(0);
    ledger.heartbeat();
    assert_eq!(gaps(&ledger)[7..], [(GapCause::Silent, 30)]);
    let coverage = replay(&ledger.lines).summary.coverage;
    assert_eq!(
        (coverage.starts, coverage.clock_jumps, coverage.outside),
        (5, 3, 0)
    );
    assert_eq!(coverage.gaps_total, 8);
    // What stood still before the first start, and a restart within a heartbeat, are no long ones.
    let long: Vec<_> = coverage
        .long_gaps
        .first
        .iter()
        .map(|gap| gap.cause)
        .collect();
    assert_eq!(
        long,
        [
            GapCause::Silent,
            GapCause::Silent,
            GapCause::Stopped,
            GapCause::Died,
            GapCause::Silent
        ]
    );
}

#[test]
fn entries_of_a_ledger_that_says_it_is_not_running_are_counted() {
    let mut ledger = Ledger::empty();
    ledger.genesis();
    ledger.put(Role::Agent, "agent.sender");
    ledger.boot();
    ledger.shutdown();
    ledger.heartbeat();
    assert_eq!(replay(&ledger.lines).summary.coverage.outside, 2);
}
