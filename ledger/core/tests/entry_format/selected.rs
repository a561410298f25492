//! Selections against the JSON of the entries, read by nothing of this crate.

use std::collections::BTreeSet;

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{Code, Entry, Outcome};
use ledger_core::select::{KINDS, Selection};
use ledger_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::any::entry;

/// One value of the entry for each bit that is set, or one that it does not have for each in `other`.
fn selection(entry: &Entry, bits: u16, other: u16) -> Selection {
    let json: Value = serde_json::from_slice(&entry.encode().unwrap()).unwrap();
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    let asked = |bit: u16| bits & (1 << bit) != 0;
    let wrong = |bit: u16| other & (1 << bit) != 0;
    let mut selection = Selection::default();
    let name = |bit: u16, found: Option<String>| -> BTreeSet<String> {
        let found = found.unwrap_or_else(|| "nothing".to_owned());
        match (asked(bit), wrong(bit)) {
            (false, _) => BTreeSet::new(),
            (true, true) => BTreeSet::from(["another".to_owned()]),
            (true, false) => BTreeSet::from(["another".to_owned(), found]),
        }
    };
    selection.kinds = name(0, text("kind"));
    selection.actors = name(1, json["actor"]["id"].as_str().map(str::to_owned));
    selection.actions = name(2, text("action"));
    if asked(3) {
        let found = [Outcome::Allow, Outcome::RequireApproval, Outcome::Deny]
            .into_iter()
            .find(|outcome| serde_json::to_value(outcome).unwrap() == json["outcome"]);
        let found = found.unwrap_or(Outcome::Deny);
        let next = if found == Outcome::Deny {
            Outcome::Allow
        } else {
            Outcome::Deny
        };
        selection
            .outcomes
            .insert(if wrong(3) { next } else { found });
    }
    if asked(4) {
        let listed = json["reasons"][0]["code"].clone();
        let found = Code::ALL
            .into_iter()
            .find(|code| serde_json::to_value(code).unwrap() == listed);
        selection.reasons.insert(found.unwrap_or(Code::DncListed));
    }
    if asked(5) {
        let first = json["findings"][0].clone();
        let found = ledger_core::codebook::FINDINGS
            .into_iter()
            .find(|finding| serde_json::to_value(finding).unwrap() == first);
        selection
            .findings
            .insert(found.unwrap_or(ledger_core::entry::Finding::AfterStop));
    }
    if asked(6) {
        let found = Class::ALL
            .into_iter()
            .find(|class| json["class"] == class.as_str());
        let found = found.unwrap_or(Class::Read);
        let next = if found == Class::Read {
            Class::Admin
        } else {
            Class::Read
        };
        selection
            .classes
            .insert(if wrong(6) { next } else { found });
    }
    if asked(7) {
        let found = Channel::ALL
            .into_iter()
            .find(|channel| json["channels"][0] == channel.as_str());
        selection.channels = Channels::of(&[found.unwrap_or(Channel::Sms)]);
    }
    if asked(8) {
        let found = text("correlation_id").unwrap_or_else(|| "nothing".to_owned());
        selection.correlation_id = Some(if wrong(8) {
            "another".to_owned()
        } else {
            found
        });
    }
    let later = Timestamp::from_micros(entry.time.micros() + 1).ok();
    if asked(9) {
        selection.from = if wrong(9) { later } else { Some(entry.time) };
    }
    if asked(10) {
        selection.until = if wrong(10) { Some(entry.time) } else { later };
    }
    selection
}

/// The same question, asked of the JSON.
fn naive(json: &Value, selection: &Selection) -> bool {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let words = |value: &Value| -> BTreeSet<String> {
        let list = value.as_array().cloned().unwrap_or_default();
        list.into_iter().map(word).collect()
    };
    let one = |asked: BTreeSet<String>, found: &Value| {
        asked.is_empty() || found.as_str().is_some_and(|found| asked.contains(found))
    };
    let some = |asked: BTreeSet<String>, found: BTreeSet<String>| {
        asked.is_empty() || !asked.is_disjoint(&found)
    };
    let asked = |value: Value| words(&value);
    let value = |part: &dyn Fn() -> serde_json::Result<Value>| part().unwrap();
    let codes = json["reasons"].as_array().cloned().unwrap_or_default();
    let codes = codes
        .iter()
        .map(|reason| word(reason["code"].clone()))
        .collect();
    let is_decision = json["kind"] == "decision";
    let time = json["time"].as_str().unwrap();
    one(selection.kinds.clone(), &json["kind"])
        && one(selection.actors.clone(), &json["actor"]["id"])
        && one(selection.actions.clone(), &json["action"])
        && one(
            asked(value(&|| serde_json::to_value(&selection.outcomes))),
            &json["outcome"],
        )
        && some(
            asked(value(&|| serde_json::to_value(&selection.reasons))),
            codes,
        )
        && some(
            asked(value(&|| serde_json::to_value(&selection.findings))),
            words(&json["findings"]),
        )
        && one(
            asked(value(&|| serde_json::to_value(&selection.classes))),
            &json["class"],
        )
        && (selection.channels.is_empty()
            || is_decision
                && some(
                    asked(value(&|| serde_json::to_value(selection.channels))),
                    words(&json["channels"]),
                ))
        && selection
            .correlation_id
            .as_ref()
            .is_none_or(|id| json["correlation_id"] == id.as_str())
        && selection
            .from
            .is_none_or(|from| time >= from.to_string().as_str())
        && selection
            .until
            .is_none_or(|until| time < until.to_string().as_str())
}

proptest! {
    #![proptest_config(super::round_trip::cases())]

    #[test]
    fn a_selection_is_what_the_json_says_and_its_sieve_holds_back_nothing_that_matches(
        entry in entry(),
        bits in any::<u16>(),
        more in any::<u16>(),
        other in any::<u16>(),
        rare in any::<u16>(),
    ) {
        // Few parts, and seldom a wrong one: else hardly anything matches.
        let selection = selection(&entry, bits & more, other & rare & more.rotate_left(3));
        let line = entry.encode().unwrap();
        let json: Value = serde_json::from_slice(&line).unwrap();
        let matches = selection.matches(&entry);
        prop_assert_eq!(matches, naive(&json, &selection));
        prop_assert!(!matches || selection.sieve().lets_through(&line));
        prop_assert!(KINDS.contains(&entry.body.kind()));
    }
}

#[test]
fn the_sieve_holds_back_other_kinds_and_other_actors() {
    let line = br#"{"v":1,"seq":1,"time":"2026-11-22T11:31:05.123456Z","kind":"stop","actor":{"type":"operator","id":"ops.1"}}"#;
    let lets = |change: fn(&mut Selection)| {
        let mut selection = Selection::default();
        change(&mut selection);
        selection.sieve().lets_through(line)
    };
    assert!(lets(|_| {}));
    assert!(lets(
        |selection| selection.kinds = ["stop".to_owned()].into()
    ));
    assert!(!lets(
        |selection| selection.kinds = ["resume".to_owned()].into()
    ));
    assert!(lets(
        |selection| selection.actors = ["ops.1".to_owned()].into()
    ));
    assert!(!lets(
        |selection| selection.actors = ["ops".to_owned()].into()
    ));
    assert!(!lets(|selection| selection.channels = Channels::all()));
}
