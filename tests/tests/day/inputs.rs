//! The same attacker changes what a call asked for, or what the ledger did of its own accord: of every kind of
//! entry every part, taken out or put in from elsewhere. Replay names it, but where [`ATTESTED`] says why no
//! log alone can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger_core::entry::{Body, Entry};
use ledger_core::replay::{Replay, follows};
use ledger_tests::Log;
use serde_json::Value;

use crate::forged::refuted;

/// How many entries are tried for each part and each change of it.
const TRIED: usize = 4;
/// How many other values are tried in the place of one.
const OTHERS: usize = 3;

/// What replay does not name at once, with the reason: kind, part, and why. A part stands for everything
/// below it; `*` for every kind.
const ATTESTED: &[(&str, &str, &str)] = &[];

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
    let mut unnamed: BTreeSet<(String, String)> = BTreeSet::new();
    let mut verified: BTreeSet<&str> = BTreeSet::new();
    let mut before = Replay::new();
    for (at, entry) in entries.iter().enumerate() {
        let kind = entry.body.kind();
        let rest = entries[at + 1..]
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
            let mut replay = before.clone();
            replay.push(&forged);
            for line in &log.entries[at + 1..=at + rest] {
                replay.push(line);
            }
            let report = replay.finish();
            if report.mismatches.iter().any(|found| found.seq >= entry.seq) {
                if verified.insert(kind) {
                    refuted(log, at, &forged, &folder.join(format!("forged-{kind}")));
                }
            } else {
                unnamed.insert((kind.to_owned(), part));
            }
        }
        before.push(&log.entries[at]);
    }
    let covers = |(kind, part): (&str, &str), of: &(String, String)| {
        let below =
            of.1.strip_prefix(part)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        (kind == "*" || kind == of.0) && below
    };
    let unexplained: Vec<_> = unnamed
        .iter()
        .filter(|of| {
            !ATTESTED
                .iter()
                .any(|(kind, part, _)| covers((kind, part), of))
        })
        .collect();
    assert!(
        unexplained.is_empty(),
        "neither named nor attested: {unexplained:#?}"
    );
    let stale: Vec<_> = ATTESTED
        .iter()
        .filter(|(kind, part, _)| !unnamed.iter().any(|of| covers((kind, part), of)))
        .collect();
    assert!(stale.is_empty(), "named after all: {stale:#?}");
    assert!(
        verified.len() >= 15,
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
                let mut others: Vec<Value> = others
                    .take(OTHERS)
                    .filter_map(|other| serde_json::from_str(other).ok())
                    .collect();
                others.extend(made_up(leaf));
                for other in others {
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
