//! A step of a run as it is compared with another's: what it says, without what differs between any two
//! runs (seqs, times, request ids, salts).

use std::collections::BTreeMap;
use std::fmt::Display;

use ledger_core::codebook;
use ledger_core::entry::{Body, Decision, DetailName, Entry, Target};
use serde::Serialize;

use crate::text::put;

/// One entry, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) seq: u64,
    pub(crate) kind: &'static str,
    /// The action that it is about, where the run says so.
    pub(crate) action: Option<String>,
    /// What it says, by name.
    pub(crate) says: Vec<(&'static str, String)>,
    /// How many bytes of which detail are kept outside the log.
    pub(crate) details: BTreeMap<DetailName, u64>,
}

/// What two steps that stand beside each other say differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) what: &'static str,
    pub(crate) left: Option<String>,
    pub(crate) right: Option<String>,
}

/// The steps of a run, in the order of the log.
pub(crate) fn steps<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Step> {
    // The action that each entry is about, by the decision that it names.
    let mut actions: BTreeMap<u64, String> = BTreeMap::new();
    entries
        .into_iter()
        .map(|entry| {
            let about = match &entry.body {
                Body::Execution(execution) => Some(execution.decision),
                Body::Outcome(outcome) => outcome.about().or(outcome.decision),
                Body::Unresolved(unresolved) => Some(unresolved.decision),
                Body::Approval(approval) => approval.decision,
                Body::Dnc(dnc) => dnc.outcome,
                _ => None,
            };
            let action = match &entry.body {
                Body::Decision(decision) => Some(decision.action.clone()),
                _ => about.and_then(|seq| actions.get(&seq)).cloned(),
            };
            if let Some(action) = &action {
                actions.insert(entry.seq, action.clone());
            }
            Step {
                seq: entry.seq,
                kind: entry.body.kind(),
                action,
                says: says(entry),
                details: entry
                    .body
                    .details()
                    .into_iter()
                    .flatten()
                    .map(|(name, detail)| (*name, detail.bytes))
                    .collect(),
            }
        })
        .collect()
}

impl Step {
    /// Whether both are the same kind of step, about the same action.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.action == other.action
    }

    /// What it is, in words.
    pub(crate) fn title(&self) -> String {
        match &self.action {
            Some(action) => format!("{} `{action}`", self.kind),
            None => self.kind.to_owned(),
        }
    }
}

/// What two steps say differently, details apart: in the order in which steps say it.
pub(crate) fn differences(left: &Step, right: &Step) -> Vec<Difference> {
    let mut found = Vec::new();
    if left.action != right.action {
        found.push(Difference {
            what: "action",
            left: left.action.clone(),
            right: right.action.clone(),
        });
    }
    let value = |step: &Step, what: &str| {
        let mut said = step.says.iter();
        said.find(|(name, _)| *name == what)
            .map(|(_, value)| value.clone())
    };
    let names = left.says.iter().map(|(name, _)| *name);
    let missing = right.says.iter().map(|(name, _)| *name);
    let missing = missing.filter(|name| value(left, name).is_none());
    for what in names.chain(missing) {
        let (left, right) = (value(left, what), value(right, what));
        if left != right {
            found.push(Difference { what, left, right });
        }
    }
    found
}

/// Everything that a step says, by name; what it does not say is not there.
#[derive(Default)]
struct Says(Vec<(&'static str, String)>);

impl Says {
    fn add(&mut self, what: &'static str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.0.push((what, value.to_string()));
        }
    }

    fn list(&mut self, what: &'static str, values: impl IntoIterator<Item = String>) {
        let values: Vec<String> = values.into_iter().collect();
        if !values.is_empty() {
            self.0.push((what, values.join(", ")));
        }
    }

    /// A word of a closed list, as entries spell it.
    fn word(&mut self, what: &'static str, value: &impl Serialize) {
        let word = serde_json::to_value(value).ok();
        self.add(what, word.as_ref().and_then(serde_json::Value::as_str));
    }
}

fn says(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut says = Says::default();
    match &entry.body {
        Body::Decision(body) => decision(&mut says, body),
        Body::Execution(body) => {
            says.word("status", &body.status);
            says.add("error code", body.error_code.as_ref());
            says.add("provider", body.provider.as_ref());
            says.add("cost", body.cost_micros);
            let result = |result: &ledger_core::entry::RecipientResult| {
                let status = serde_json::to_value(result.status).unwrap_or_default();
                let code = result.error_code.as_deref().unwrap_or_default();
                format!(
                    "{} {} {code}",
                    result.recipient,
                    status.as_str().unwrap_or_default()
                )
                .trim_end()
                .to_owned()
            };
            says.list("results", body.results.iter().map(result));
        }
        Body::Outcome(body) => {
            says.word("event", &body.event);
            says.add("recipient", body.recipient);
            says.add("provider", body.provider.as_ref());
        }
        Body::Approval(body) => {
            says.add("verdict", Some(body.verdict.as_str()));
            says.add("group", Some(&body.group));
            says.add("answered by", Some(&body.cause.actor.id));
        }
        Body::Breaker(body) => {
            says.add("event", Some(body.event.as_str()));
            says.add("rule", Some(&body.rule));
            says.word("measure", &body.measure);
        }
        Body::Dnc(body) => {
            says.word("op", &body.op);
            says.add("listings", Some(body.listings.len()));
            says.add(
                "seller",
                body.listings
                    .first()
                    .and_then(|listing| listing.seller.as_ref()),
            );
        }
        _ => {}
    }
    says.list(
        "findings",
        entry
            .body
            .findings()
            .iter()
            .map(|finding| codebook::finding(*finding).word.to_owned()),
    );
    says.0
}

fn decision(says: &mut Says, body: &Decision) {
    says.add("agent", Some(&body.cause.actor.id));
    says.add("agent version", body.cause.actor.version.as_ref());
    says.add("tool", body.tool.as_ref());
    says.add("seller", body.seller.as_ref());
    says.add("campaign", body.campaign.as_ref());
    says.add("mailbox", body.mailbox);
    says.list("targets", body.targets.iter().map(target));
    let recipient = |recipient: &ledger_core::entry::Recipient| {
        let role = serde_json::to_value(recipient.role).unwrap_or_default();
        let keys: Vec<String> = recipient
            .keys
            .iter()
            .map(|key| format!("{}={}", key.kind, key.token))
            .collect();
        let flag = if recipient.dnc { " flagged" } else { "" };
        format!(
            "{}({}){flag}",
            role.as_str().unwrap_or_default(),
            keys.join(" ")
        )
    };
    says.list("recipients", body.recipients.iter().map(recipient));
    says.add("cost", body.cost_micros);
    says.add(
        "foreign decision",
        body.foreign.as_ref().map(|foreign| {
            let outcome = serde_json::to_value(foreign.outcome).unwrap_or_default();
            format!(
                "{} by {}",
                outcome.as_str().unwrap_or_default(),
                foreign.engine
            )
        }),
    );
    says.word("basis", &body.basis);
    says.add(
        "policy",
        body.policy.map(|policy| policy.sha256.to_string()),
    );
    says.add("class", Some(body.class));
    says.add("tier", body.tier);
    says.word("outcome", &body.outcome);
    let reason = |reason: &ledger_core::entry::Reason| {
        let mut text = codebook::code(reason.code).word.to_owned();
        for part in [
            reason.rule.clone(),
            reason.recipient.map(|index| format!("recipient {index}")),
            reason.key.as_ref().map(ToString::to_string),
            reason.target.map(|index| format!("target {index}")),
            reason.field.clone(),
        ]
        .into_iter()
        .flatten()
        {
            text.push(' ');
            text.push_str(&part);
        }
        text
    };
    says.list("reasons", body.reasons.iter().map(reason));
}

fn target(target: &Target) -> String {
    let id = target
        .id
        .map_or_else(|| "(new)".to_owned(), |id| id.to_string());
    let mut text = format!("{} {id}", target.kind);
    for (verb, fields) in [("reads", &target.reads), ("writes", &target.writes)] {
        if !fields.is_empty() {
            put!(text, " {verb} {}", fields.join("+"));
        }
    }
    text
}
