//! Selections: which entries somebody asks for.
//!
//! A selection looks at what an entry itself states, at the top of its JSON, and at nothing else: an
//! execution states no action, so a selection by action leaves it out. Within one part any value will do;
//! all parts that are given must hold. The ledger selects by it, and whoever is answered checks by it.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::action::{Channels, Class};
use crate::entry::{Body, Code, Decision, Entry, Finding, Outcome};
use crate::time::Timestamp;

/// The words of all kinds of entry, in the order of [`Body`].
pub const KINDS: [&str; 19] = [
    "genesis",
    "boot",
    "heartbeat",
    "shutdown",
    "principal",
    "policy",
    "dnc",
    "decision",
    "execution",
    "outcome",
    "unresolved",
    "stop",
    "resume",
    "access",
    "clock",
    "approval",
    "break_glass",
    "breaker",
    "key",
];

/// Which entries are asked for. Empty parts ask for nothing in particular.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// Kinds, of [`KINDS`].
    pub kinds: BTreeSet<String>,
    /// Ids of who acted; `ledger` for the ledger itself.
    pub actors: BTreeSet<String>,
    /// Of decisions and break-glass: the action.
    pub actions: BTreeSet<String>,
    /// Of decisions: the outcome.
    pub outcomes: BTreeSet<Outcome>,
    /// Of decisions: a reason that is listed.
    pub reasons: BTreeSet<Code>,
    /// Of decisions, executions and outcomes: a finding.
    pub findings: BTreeSet<Finding>,
    /// Of decisions: the class of the action.
    pub classes: BTreeSet<Class>,
    /// Of decisions: a channel by which the action reaches people.
    pub channels: Channels,
    /// The correlation id.
    pub correlation_id: Option<String>,
    /// Entries from this time on.
    pub from: Option<Timestamp>,
    /// Entries before this time.
    pub until: Option<Timestamp>,
}

impl Selection {
    /// Whether the entry is one of those asked for.
    pub fn matches(&self, entry: &Entry) -> bool {
        let body = &entry.body;
        has(&self.kinds, Some(body.kind()))
            && has(&self.actors, Some(body.actor().id.as_str()))
            && has(&self.actions, action(body))
            && self.matches_decision(decision(body))
            && any(&self.findings, body.findings())
            && (self.correlation_id.is_none()
                || self.correlation_id.as_deref() == body.correlation_id())
            && self.from.is_none_or(|from| entry.time >= from)
            && self.until.is_none_or(|until| entry.time < until)
    }

    fn matches_decision(&self, decision: Option<&Decision>) -> bool {
        let Some(decision) = decision else {
            return self.outcomes.is_empty()
                && self.reasons.is_empty()
                && self.classes.is_empty()
                && self.channels.is_empty();
        };
        (self.outcomes.is_empty() || self.outcomes.contains(&decision.outcome))
            && (self.reasons.is_empty()
                || decision
                    .reasons
                    .iter()
                    .any(|reason| self.reasons.contains(&reason.code)))
            && (self.classes.is_empty() || self.classes.contains(&decision.class))
            && (self.channels.is_empty() || self.channels.intersects(decision.channels))
    }

    /// What the line of an entry must hold to be one of those asked for: a sieve before decoding.
    pub fn sieve(&self) -> Sieve {
        let mut parts = Vec::new();
        let mut part = |needles: Vec<String>| {
            if !needles.is_empty() {
                parts.push(needles);
            }
        };
        part(keyed("id", &self.actors));
        part(keyed("action", &self.actions));
        part(keyed("outcome", &self.outcomes));
        part(keyed("code", &self.reasons));
        part(self.findings.iter().map(json).collect());
        part(keyed("class", &self.classes));
        part(self.channels.iter().map(|channel| json(&channel)).collect());
        part(keyed("correlation_id", &self.correlation_id));
        Sieve {
            kinds: self.kinds.clone(),
            parts,
        }
    }
}

/// Finds lines that cannot match without decoding them. It never holds back one that does.
#[derive(Debug, Clone)]
pub struct Sieve {
    kinds: BTreeSet<String>,
    /// Of each part, one of these texts must occur.
    parts: Vec<Vec<String>>,
}

impl Sieve {
    /// Whether an entry of these bytes may match.
    pub fn lets_through(&self, line: &[u8]) -> bool {
        let Ok(line) = std::str::from_utf8(line) else {
            return true;
        };
        (self.kinds.is_empty() || kind_of(line).is_some_and(|kind| self.kinds.contains(kind)))
            && self
                .parts
                .iter()
                .all(|needles| needles.iter().any(|needle| line.contains(needle.as_str())))
    }
}

/// The kind that the line of an entry states. It stands before everything that a caller may have sent.
pub fn kind_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("\"kind\":\"")?;
    rest.split_once('"').map(|(kind, _)| kind)
}

fn has(asked: &BTreeSet<String>, found: Option<&str>) -> bool {
    asked.is_empty() || found.is_some_and(|found| asked.contains(found))
}

fn any(asked: &BTreeSet<Finding>, found: &[Finding]) -> bool {
    asked.is_empty() || found.iter().any(|finding| asked.contains(finding))
}

fn decision(body: &Body) -> Option<&Decision> {
    match body {
        Body::Decision(decision) => Some(decision),
        _ => None,
    }
}

fn action(body: &Body) -> Option<&str> {
    match body {
        Body::Decision(decision) => Some(&decision.action),
        Body::BreakGlass(glass) => glass.action.as_deref(),
        _ => None,
    }
}

/// A value as entries write it.
fn json<T: Serialize>(value: &T) -> String {
    // What this is asked for are texts and words, which encode.
    serde_json::to_string(value).unwrap_or_default()
}

fn keyed<'a, T: Serialize + 'a>(key: &str, values: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    values
        .into_iter()
        .map(|value| format!("\"{key}\":{}", json(value)))
        .collect()
}
