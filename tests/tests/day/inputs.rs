//! The same attacker changes what a call asked for, or what the ledger did of its own accord: of every kind of
//! entry every part, taken out or put in from elsewhere. Replay names it, but where [`ATTESTED`] says why no
//! log alone can tell.

mod attested;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger_core::entry::{Body, Entry};
use ledger_core::replay::{Replay, follows};
use ledger_tests::Log;
use serde_json::Value;

use crate::forged::refuted;
use attested::{ATTESTED, NAMED, Row};

/// How many entries are tried for each part and each change of it.
const TRIED: usize = 4;
/// How many other values are tried in the place of one.
const OTHERS: usize = 3;

/// Every part of every entry is changed. What is not named has to be in the list, and what is in the list has to
/// have occurred.
pub(crate) fn every_part_of_every_entry(log: &Log, folder: &Path) {
    let entries: Vec<Entry> = log
        .entries
        .iter()
        .map(|line| Entry::decode(line).expect("an entry"))
        .collect();
    let json: Vec<Value> = log
        .entries
        .iter()
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    let said = said(&json);
    let mut tried: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut unnamed: BTreeSet<(String, String, &str)> = BTreeSet::new();
    let mut verified: BTreeSet<&str> = BTreeSet::new();
    let mut before = Replay::new();
    for (at, entry) in entries.iter().enumerate() {
        let kind = entry.body.kind();
        let own = entries[at + 1..]
            .iter()
            .take_while(|next| belongs(&next.body))
            .count();
        for (part, how, mutant) in changes(kind, &json[at], &said) {
            let count = tried
                .entry((kind.to_owned(), format!("{part} {how}")))
                .or_default();
            let Some(forged) = entry_of(entry, &mutant).filter(|line| *line != log.entries[at])
            else {
                continue;
            };
            *count += 1;
            if *count > TRIED {
                continue;
            }
            // At once, or by what rests on it.
            let named = |rest: &[Vec<u8>]| {
                let mut replay = before.clone();
                replay.push(&forged);
                for line in rest {
                    replay.push(line);
                }
                let report = replay.finish();
                let refuted = report.mismatches.iter().any(|found| found.seq >= entry.seq);
                (refuted, refuted || report.unverifiable.is_some())
            };
            let rest = &log.entries[at + 1..];
            let (refutes, mut is_named) = named(&rest[..own]);
            is_named = is_named || named(rest).1;
            // What is wrong with genesis, the verifier says before it replays; a time that is too late, of the
            // entry after it.
            let is_named_here = kind != "genesis" && part != "time";
            if refutes && is_named_here && verified.insert(kind) {
                refuted(log, at, &forged, &folder.join(format!("forged-{kind}")));
            }
            if !is_named {
                unnamed.insert((kind.to_owned(), part, how));
            }
        }
        before.push(&log.entries[at]);
    }
    let covers = |row: &Row, of: &(String, String, &str)| {
        let (kind, part, how, _) = row;
        let below = of.1.strip_prefix(part);
        (*kind == "*" || *kind == of.0)
            && (*how == "*" || *how == of.2)
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let unexplained: Vec<String> = unnamed
        .iter()
        .filter(|of| !ATTESTED.iter().any(|row| covers(row, of)))
        .map(|(kind, part, how)| format!("{kind}: {part}, {how}"))
        .collect();
    assert!(
        unexplained.is_empty(),
        "neither named nor attested:\n{}",
        unexplained.join("\n")
    );
    let of_kind = |kind: &str, of: &str| kind == "*" || kind == of;
    for (kind, part, how) in NAMED {
        let class = format!("{part} {how}");
        let was_tried = |((of, what), count): (&(String, String), &usize)| {
            of_kind(kind, of) && *what == class && *count > 0
        };
        assert!(tried.iter().any(was_tried), "{kind}: {class} did not occur");
        let missed = unnamed
            .iter()
            .find(|of| of_kind(kind, &of.0) && of.1 == *part && of.2 == *how);
        assert_eq!(missed, None, "not named");
    }
    // What every kind has occurs on every day.
    let stale: Vec<_> = ATTESTED
        .iter()
        .filter(|row| row.0 == "*" && row.1 != "actor.version")
        .filter(|row| !unnamed.iter().any(|of| covers(row, of)))
        .collect();
    assert!(stale.is_empty(), "named after all: {stale:#?}");
    assert!(
        verified.len() >= 14,
        "the verifier was asked of {verified:?}"
    );
}

/// Whether an entry belongs to the command of the one before it.
fn belongs(body: &Body) -> bool {
    follows(body) || matches!(body, Body::Policy(part) if part.cause.request_id.is_none())
}

/// What stands where, in which kind of entry.
type Said = BTreeMap<(String, String), BTreeSet<String>>;

/// Every value of the log without parts of its own, as JSON, by kind and part.
fn said(json: &[Value]) -> Said {
    fn gather(kind: &str, part: &str, value: &Value, said: &mut Said) {
        match value {
            Value::Object(parts) => parts
                .iter()
                .for_each(|(key, value)| gather(kind, &below(part, key), value, said)),
            Value::Array(items) => items
                .iter()
                .for_each(|item| gather(kind, &below(part, "#"), item, said)),
            leaf => {
                let of = (kind.to_owned(), part.to_owned());
                said.entry(of).or_default().insert(leaf.to_string());
            }
        }
    }
    let mut said = Said::new();
    for entry in json {
        let kind = entry["kind"].as_str().expect("a kind");
        gather(kind, "", entry, &mut said);
    }
    said
}

fn below(part: &str, key: &str) -> String {
    if part.is_empty() {
        key.to_owned()
    } else {
        format!("{part}.{key}")
    }
}

/// Every part of an entry taken out, and every value of it replaced by others that stand in its place elsewhere,
/// or by one made up where nothing else stands there.
fn changes(kind: &str, entry: &Value, said: &Said) -> Vec<(String, &'static str, Value)> {
    fn walk(
        at: (&str, &str),
        value: &Value,
        said: &Said,
        put: &dyn Fn(Option<Value>) -> Value,
        all: &mut Vec<(String, &'static str, Value)>,
    ) {
        let (kind, part) = at;
        if !part.is_empty() {
            all.push((part.to_owned(), "taken out", put(None)));
        }
        match value {
            Value::Object(parts) => {
                for (key, value) in parts {
                    let put = |new: Option<Value>| {
                        let mut parts = parts.clone();
                        match new {
                            Some(new) => _ = parts.insert(key.clone(), new),
                            None => _ = parts.remove(key),
                        }
                        put(Some(Value::Object(parts)))
                    };
                    walk((kind, &below(part, key)), value, said, &put, all);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().take(3) {
                    let put = |new: Option<Value>| {
                        let mut items = items.clone();
                        match new {
                            Some(new) => items[index] = new,
                            None => _ = items.remove(index),
                        }
                        put(Some(Value::Array(items)))
                    };
                    walk((kind, &below(part, "#")), item, said, &put, all);
                }
            }
            leaf => {
                let here = leaf.to_string();
                let of = (kind.to_owned(), part.to_owned());
                let others = said
                    .get(&of)
                    .into_iter()
                    .flatten()
                    .filter(|other| **other != here);
                let others = others
                    .take(OTHERS)
                    .filter_map(|other| serde_json::from_str(other).ok());
                for other in made_up(leaf).into_iter().chain(others) {
                    all.push((part.to_owned(), "changed", put(Some(other))));
                }
            }
        }
    }
    let mut all = Vec::new();
    walk(
        (kind, ""),
        entry,
        said,
        &|new| new.unwrap_or_default(),
        &mut all,
    );
    // The head's place in the log is for `log` to check.
    all.retain(|(part, ..)| !["v", "seq", "kind"].contains(&part.as_str()));
    all
}

/// Another value of the same form: a number one higher, a flag the other way, a hash with another last digit.
fn made_up(leaf: &Value) -> Option<Value> {
    match leaf {
        Value::Bool(flag) => Some((!flag).into()),
        Value::Number(number) => Some((number.as_u64()? + 1).into()),
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let last = if text.ends_with('0') { '1' } else { '0' };
            Some(format!("{}{last}", &text[..63]).into())
        }
        _ => None,
    }
}

/// The entry that the JSON is, if it is one.
fn entry_of(original: &Entry, json: &Value) -> Option<Vec<u8>> {
    macro_rules! read {
        () => {
            serde_json::from_value(json.clone()).ok()?
        };
    }
    let body = match original.body.kind() {
        "genesis" => Body::Genesis(read!()),
        "boot" => Body::Boot(read!()),
        "heartbeat" => Body::Heartbeat(read!()),
        "shutdown" => Body::Shutdown(read!()),
        "principal" => Body::Principal(read!()),
        "policy" => Body::Policy(read!()),
        "dnc" => Body::Dnc(read!()),
        "decision" => Body::Decision(read!()),
        "execution" => Body::Execution(read!()),
        "outcome" => Body::Outcome(read!()),
        "unresolved" => Body::Unresolved(read!()),
        "stop" => Body::Stop(read!()),
        "resume" => Body::Resume(read!()),
        "access" => Body::Access(read!()),
        "clock" => Body::Clock(read!()),
        "approval" => Body::Approval(read!()),
        "break_glass" => Body::BreakGlass(read!()),
        "breaker" => Body::Breaker(read!()),
        "key" => Body::Key(read!()),
        kind => panic!("`{kind}` is no kind of entry"),
    };
    let time = match json.get("time") {
        Some(time) => time.as_str()?.parse().ok()?,
        None => original.time,
    };
    let sandbox = json.get("sandbox").is_some();
    let mutant = Entry {
        time,
        sandbox,
        body,
        ..*original
    };
    mutant.encode().ok()
}
