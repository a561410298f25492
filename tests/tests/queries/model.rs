//! What a filter asks for, as the interface describes it, asked of lines of JSON.

use std::collections::BTreeSet;

use ledger_proto::v1 as pb;
use ledger_tests::{Client, Line};
use serde_json::Value;

/// Who asks: everything, or what is theirs.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    Everything,
    Own {
        id: &'static str,
        group: Option<&'static str>,
    },
}

/// A question with its subject's tokens, which the ledger was asked for once.
pub(crate) struct Question {
    pub(crate) filter: pb::EntryFilter,
    pub(crate) tokens: Option<BTreeSet<String>>,
}

/// The tokens of a subject's own keys, in hexadecimal.
pub(crate) async fn tokens(operator: &Client, subject: &pb::Subject) -> BTreeSet<String> {
    let is_domain = matches!(subject.of, Some(pb::subject::Of::Domain(_)));
    let of = pb::tokenise_request::Of::Subject(subject.clone());
    let reply = operator
        .tokenise(pb::TokeniseRequest { of: Some(of) })
        .await
        .expect("an operator may");
    let keys = reply.keys.into_iter();
    // Of a domain the ledger gives its parents too, longest first.
    let own = keys.filter(|key| (key.kind == "domain") == is_domain);
    own.take(if is_domain { 1 } else { usize::MAX })
        .map(|key| hex::encode(&key.token))
        .collect()
}

/// The seqs of the lines that answer it, ascending.
pub(crate) fn answer(lines: &[Line], question: &Question, who: Who) -> Vec<u64> {
    let of = |line: &&Line| asked_for(lines, line, question) && may_see(lines, line, who);
    lines.iter().filter(of).map(Line::seq).collect()
}

fn asked_for(lines: &[Line], line: &Line, question: &Question) -> bool {
    let filter = &question.filter;
    let any = |asked: &[String], found: &Value| {
        asked.is_empty()
            || found
                .as_str()
                .is_some_and(|found| asked.iter().any(|one| one == found))
    };
    let some = |asked: &[String], found: &[&str]| {
        asked.is_empty()
            || found
                .iter()
                .any(|found| asked.iter().any(|one| one == found))
    };
    let named = |numbers: &[i32], name: fn(i32) -> String| -> Vec<String> {
        numbers.iter().map(|number| name(*number)).collect()
    };
    let outcome = |number| match pb::Outcome::try_from(number).expect("known") {
        pb::Outcome::Allow => "allow".to_owned(),
        pb::Outcome::RequireApproval => "require_approval".to_owned(),
        _ => "deny".to_owned(),
    };
    let class = |number| match pb::ActionClass::try_from(number).expect("known") {
        pb::ActionClass::Read => "read".to_owned(),
        pb::ActionClass::Write => "write".to_owned(),
        pb::ActionClass::Contact => "contact".to_owned(),
        _ => "admin".to_owned(),
    };
    let channel = |number| match pb::Channel::try_from(number).expect("known") {
        pb::Channel::Email => "email".to_owned(),
        pb::Channel::Call => "call".to_owned(),
        pb::Channel::Sms => "sms".to_owned(),
        _ => "meeting".to_owned(),
    };
    let channels: Vec<&str> = if line.text("kind") == "decision" {
        texts(&line.0["channels"])
    } else {
        Vec::new()
    };
    let micros =
        |time: &prost_types::Timestamp| time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000;
    any(&filter.kinds, &line.0["kind"])
        && any(&filter.actors, &line.0["actor"]["id"])
        && any(&filter.actions, &line.0["action"])
        && any(&named(&filter.outcomes, outcome), &line.0["outcome"])
        && some(&filter.reasons, &line.codes())
        && some(&filter.findings, &line.findings())
        && any(&named(&filter.classes, class), &line.0["class"])
        && some(&named(&filter.channels, channel), &channels)
        && (filter.correlation_id.is_empty()
            || line.text("correlation_id") == filter.correlation_id)
        && filter
            .from
            .as_ref()
            .is_none_or(|from| line.micros() >= micros(from))
        && filter
            .until
            .as_ref()
            .is_none_or(|until| line.micros() < micros(until))
        && question
            .tokens
            .as_ref()
            .is_none_or(|tokens| !tokens.is_disjoint(&names(lines, line)))
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The tokens of whom an entry is about.
fn names(lines: &[Line], line: &Line) -> BTreeSet<String> {
    let entry = &line.0;
    let mut found = BTreeSet::new();
    let mut keys = |value: &Value| {
        for key in list(value) {
            found.extend(key["token"].as_str().map(str::to_owned));
        }
    };
    for one in list(&entry["recipients"])
        .iter()
        .chain(list(&entry["listings"]))
    {
        keys(&one["keys"]);
    }
    keys(&entry["keys"]);
    if line.text("kind") == "dnc" {
        for end in list(&entry["ends"]) {
            let at = |name: &str| usize::try_from(end[name].as_u64().unwrap_or(0)).expect("small");
            keys(&lines[at("seq")].0["listings"][at("index")]["keys"]);
        }
    }
    for target in list(&entry["targets"]) {
        found.extend(target["id"].as_str().map(str::to_owned));
    }
    found.extend(entry["provider_id"].as_str().map(str::to_owned));
    found
}

fn may_see(lines: &[Line], line: &Line, who: Who) -> bool {
    let Who::Own { id, group } = who else {
        return true;
    };
    let made = |line: &Line| line.0["actor"]["id"] == id;
    let asked = group.is_some_and(|group| {
        line.text("kind") == "decision"
            && line.text("outcome") == "require_approval"
            && line.text("approvers") == group
    });
    let about = match line.text("kind") {
        "execution" | "outcome" | "unresolved" | "approval" => line.0["decision"].as_u64(),
        _ => None,
    };
    let about = about.filter(|seq| *seq < line.seq());
    let decision = about.map(|seq| &lines[usize::try_from(seq).expect("small")]);
    made(line)
        || asked
        || decision.is_some_and(|decision| decision.text("kind") == "decision" && made(decision))
}
