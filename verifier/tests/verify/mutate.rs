//! Entries changed in every way, as an attacker with the key could.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{Body, Entry};
use serde::de::DeserializeOwned;
use serde_json::Value;

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
        "approval" => Body::Approval(read(json)?),
        "break_glass" => Body::BreakGlass(read(json)?),
        "breaker" => Body::Breaker(read(json)?),
        "key" => Body::Key(read(json)?),
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
        "approver" | "requested_by" => all.push(Some("op.first".into())),
        "expires_at" | "until" => all.push(Some("2030-01-01T00:00:00.000000Z".into())),
        "environment" => all.push(Some("sandbox".into())),
        "bound_ms" => all.push(Some(5_000.into())),
        "cites_total" => all.push(Some(9.into())),
        _ => {}
    }
    all.retain(|value| value.as_ref() != present);
    all.dedup();
    all
}

/// What entries say under each key of each kind: a few short values, as JSON text.
pub fn said(json: &[Value]) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut said: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for json in json {
        let kind = json["kind"].as_str().unwrap();
        for (key, value) in json.as_object().unwrap() {
            let pool = said.entry((kind.to_owned(), key.clone())).or_default();
            // Long lists of reasons are changed piece by piece.
            if pool.len() < 6 && value.to_string().len() < 400 {
                pool.insert(value.to_string());
            }
        }
    }
    said
}

/// An entry with every other value of one of its answers.
pub fn mutants(
    entry: &Entry,
    json: &Value,
    key: &str,
    said: &BTreeMap<(String, String), BTreeSet<String>>,
) -> Vec<(Option<Value>, Vec<u8>)> {
    let none = BTreeSet::new();
    let elsewhere = said
        .get(&(entry.body.kind().to_owned(), key.to_owned()))
        .unwrap_or(&none);
    let original = entry.encode().unwrap();
    let mut mutants = Vec::new();
    for value in instead(json.get(key), elsewhere, key) {
        let mut mutant = json.clone();
        match &value {
            Some(value) => mutant[key] = value.clone(),
            None => drop(mutant.as_object_mut().unwrap().remove(key)),
        }
        if let Some(line) = entry_of(entry, &mutant).filter(|line| *line != original) {
            mutants.push((value, line));
        }
    }
    mutants
}
