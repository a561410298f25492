//! Replay over a log in which everything occurs: it matches; and whatever answer is changed, it names
//! the entry. The log's own proofs do not help here: an attacker with the key makes leaves, tree and
//! signature anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Ledger, rich};
use ledger_core::entry::{Body, Code, Entry, Finding};
use ledger_core::fault::Fault;
use ledger_core::replay::{GapCause, Replay, Report, replay};
use serde::de::DeserializeOwned;
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
    assert!(report.summary.findings.contains_key(&Finding::InFlightAtStop));
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

/// An entry with another body, as nobody's ledger wrote it; nothing where the JSON is no body.
fn entry_of(original: &Entry, json: &Value) -> Option<Vec<u8>> {
    fn read<T: DeserializeOwned>(json: &Value) -> Option<T> {
        serde_json::from_value(json.clone()).ok()
    }
    let body = match original.body.kind() {
        "genesis" => Body::Genesis(read(json)?),
        "boot" => Body::Boot(read(json)?),
        "principal" => Body::Principal(read(json)?),
        "policy" => Body::Policy(read(json)?),
        "dnc" => Body::Dnc(read(json)?),
        "decision" => Body::Decision(read(json)?),
        "execution" => Body::Execution(read(json)?),
        "outcome" => Body::Outcome(read(json)?),
        "unresolved" => Body::Unresolved(read(json)?),
        "stop" => Body::Stop(read(json)?),
        "resume" => Body::Resume(read(json)?),
        "access" => Body::Access(read(json)?),
        "clock" => Body::Clock(read(json)?),
        kind => panic!("`{kind}` has nothing to change"),
    };
    let mutant = Entry { body, ..*original };
    mutant.encode().ok()
}

/// Every way in which a value is changed a little: each leaf, each key and each element of it; of a
/// long list, the first two elements and the last.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(flag) => vec![Value::Bool(!flag)],
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            vec![(number + 1).into(), number.saturating_sub(1).into()]
        }
        Value::String(text) => {
            let mut other = text.clone().into_bytes();
            // The last digit of a hash or of a time's microseconds; of a word, its last letter.
            let at = other.len() - if text.ends_with('Z') { 2 } else { 1 };
            other[at] = if other[at] == b'1' { b'2' } else { b'1' };
            vec![String::from_utf8(other).unwrap().into()]
        }
        Value::Array(items) => {
            let mut all = Vec::new();
            for (at, item) in items.iter().enumerate() {
                if at > 1 && at + 1 < items.len() {
                    continue;
                }
                for change in changes(item) {
                    let mut items = items.clone();
                    items[at] = change;
                    all.push(items.into());
                }
            }
            if let Some(last) = items.last() {
                all.push(items[1..].into());
                all.push(items[..items.len() - 1].into());
                all.push(
                    [items.as_slice(), std::slice::from_ref(last)]
                        .concat()
                        .into(),
                );
                let mut turned = items.clone();
                turned.reverse();
                all.push(turned.into());
            }
            all
        }
        Value::Object(map) => {
            let mut all = Vec::new();
            for (key, value) in map {
                let mut without = map.clone();
                without.remove(key);
                all.push(without.into());
                for change in changes(value) {
                    let mut map = map.clone();
                    map.insert(key.clone(), change);
                    all.push(map.into());
                }
            }
            all
        }
    }
}

/// What this answer could be instead: small changes, what other entries of the kind say there,
/// nothing, and, of the answers that no entry gives yet, something.
fn instead(present: Option<&Value>, elsewhere: &BTreeSet<String>, key: &str) -> Vec<Option<Value>> {
    let mut all: Vec<Option<Value>> = elsewhere
        .iter()
        .map(|text| Some(serde_json::from_str(text).unwrap()))
        .collect();
    all.extend(
        present
            .map(changes)
            .unwrap_or_default()
            .into_iter()
            .map(Some),
    );
    all.push(None);
    match key {
        "tier" => all.push(Some(3.into())),
        "approver" => all.push(Some("op.first".into())),
        "environment" => all.push(Some("sandbox".into())),
        "bound_ms" => all.push(Some(5_000.into())),
        _ => {}
    }
    all.retain(|value| value.as_ref() != present);
    all.dedup();
    all
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
    let mut elsewhere: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for (entry, json) in entries.iter().zip(&json) {
        let kind = entry.body.kind();
        for (key, value) in json.as_object().unwrap() {
            if let Some(answer) = of(&ANSWERS, kind).iter().find(|answer| *answer == key) {
                let pool = elsewhere.entry((kind, answer)).or_default();
                // Long lists of reasons are changed piece by piece; a few short ones stand in for others.
                if pool.len() < 6 && value.to_string().len() < 400 {
                    pool.insert(value.to_string());
                }
            } else {
                assert!(
                    HEAD.contains(&key.as_str()) || of(&REQUESTS, kind).contains(&key.as_str()),
                    "`{key}` of `{kind}` is neither an answer nor of the request part"
                );
            }
        }
    }
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
            let none = BTreeSet::new();
            for value in instead(
                json.get(key),
                elsewhere.get(&(kind, *key)).unwrap_or(&none),
                key,
            ) {
                let mut mutant = json.clone();
                match &value {
                    Some(value) => mutant[key] = value.clone(),
                    None => drop(mutant.as_object_mut().unwrap().remove(*key)),
                }
                let Some(line) = entry_of(entry, &mutant).filter(|line| *line != ledger.lines[seq])
                else {
                    continue;
                };
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
