//! Entries in words: what happened, by whom, why, and what it refers to.
//!
//! Every sentence says what the entry says and no more; tokens and hashes are shown by their first
//! digits.

mod control;
mod decision;
mod gate;
mod line;
mod report;

use std::fmt::Display;

use ledger_core::codebook;
use ledger_core::entry::{
    Actor, ActorType, Basis, Body, Details, Entry, Finding, Outcome, PolicyRef,
};

pub(crate) use decision::{acted_on, known_by, money, outcome_word, reason_lines, throttle_line};
pub(crate) use gate::scope as breaker_scope;
pub(crate) use line::line;

use crate::output::Style;
use crate::text::{counted, put, wrapped};

/// Before every line of an entry but its first.
const INDENT: &str = "     ";
/// Before a point of a list.
const POINT: &str = "     - ";

/// One entry as a paragraph: a line that names it, then what it says.
pub(crate) fn entry(entry: &Entry, style: Style) -> String {
    let mut story = Story {
        style,
        text: String::new(),
    };
    let title = title(&entry.body, style);
    put!(
        story.text,
        "{}  {}  {title}\n",
        style.strong(&format!("#{}", entry.seq)),
        entry.time
    );
    match &entry.body {
        Body::Decision(body) => decision::tell(&mut story, body),
        Body::Execution(body) => report::execution(&mut story, body),
        Body::Outcome(body) => report::outcome(&mut story, body),
        Body::Unresolved(body) => report::unresolved(&mut story, body),
        Body::Genesis(body) => control::genesis(&mut story, body),
        Body::Boot(body) => control::boot(&mut story, body),
        Body::Heartbeat(_) => {
            story.say("Nothing had happened for a while, and the ledger was there.");
        }
        Body::Shutdown(_) => story.say("The ledger stopped in good order."),
        Body::Principal(body) => control::principal(&mut story, body),
        Body::Policy(body) => control::policy(&mut story, body),
        Body::Dnc(body) => control::dnc(&mut story, body),
        Body::Stop(body) => control::stop(&mut story, body),
        Body::Resume(body) => control::resume(&mut story, body),
        Body::Access(body) => control::access(&mut story, body),
        Body::Clock(body) => control::clock(&mut story, body),
        Body::Approval(body) => gate::approval(&mut story, body),
        Body::BreakGlass(body) => gate::break_glass(&mut story, body),
        Body::Breaker(body) => gate::breaker(&mut story, body),
        Body::Key(body) => gate::key(&mut story, body),
    }
    if let Some(details) = entry.body.details() {
        story.details(details);
    }
    story.text
}

/// The text so far.
struct Story {
    style: Style,
    text: String,
}

impl Story {
    /// Adds a sentence, on lines of its own.
    fn say(&mut self, sentence: impl AsRef<str>) {
        self.text.push_str(&wrapped(INDENT, sentence.as_ref()));
    }

    /// Adds a point of a list.
    fn point(&mut self, sentence: impl AsRef<str>) {
        self.text.push_str(&wrapped(POINT, sentence.as_ref()));
    }

    /// Adds what each finding means.
    fn findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            let explained = codebook::finding(*finding);
            let line = wrapped(
                INDENT,
                &format!("! {}: {}", explained.word, explained.meaning),
            );
            self.text
                .push_str(&highlight(&line, explained.word, |word| {
                    self.style.bad(word)
                }));
        }
    }

    fn details(&mut self, details: &Details) {
        if details.is_empty() {
            return;
        }
        let each = |(name, detail): (
            &ledger_core::entry::DetailName,
            &ledger_core::entry::Commitment,
        )| {
            let redacted = detail
                .redacted
                .map(|count| format!(", {} replaced", counted(count, "secret", "secrets")));
            format!(
                "{} ({}{})",
                name.as_str(),
                counted(detail.bytes, "byte", "bytes"),
                redacted.unwrap_or_default()
            )
        };
        let names: Vec<String> = details.iter().map(each).collect();
        self.say(format!("Kept outside the log: {}.", names.join(", ")));
    }
}

fn title(body: &Body, style: Style) -> String {
    match body {
        Body::Decision(decision) => {
            let outcome = outcome(decision.outcome, style);
            format!("decision: {outcome}{}", basis(decision.basis))
        }
        Body::Execution(execution) if !execution.findings.is_empty() => {
            format!("execution: {}", style.bad("contradicts the log"))
        }
        Body::Stop(_) => style.bad("stop"),
        other => other.kind().to_owned(),
    }
}

/// Where a decision was made, where it was not here.
pub(crate) const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Gate => "",
        Basis::Asserted => " (asserted by another engine)",
    }
}

/// An outcome as a word that stands out.
pub(crate) fn outcome(outcome: Outcome, style: Style) -> String {
    match outcome {
        Outcome::Allow => style.good("ALLOW"),
        Outcome::RequireApproval => style.warning("APPROVAL REQUIRED"),
        Outcome::Deny => style.bad("DENY"),
    }
}

/// Who acted.
fn who(actor: &Actor) -> String {
    match actor.kind {
        ActorType::Ledger => "the ledger itself".to_owned(),
        ActorType::Principal(role) => match &actor.version {
            Some(version) => format!("{role} `{}` (version {version})", actor.id),
            None => format!("{role} `{}`", actor.id),
        },
    }
}

/// [`who`] at the beginning of a sentence.
fn who_first(actor: &Actor) -> String {
    capital(&who(actor))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// The first digits of a token or hash.
pub(crate) fn short(value: impl Display) -> String {
    let text = value.to_string();
    match text.get(..8) {
        Some(first) if text.len() > 8 => format!("{first}…"),
        _ => text,
    }
}

fn policy_words(policy: Option<&PolicyRef>) -> String {
    match policy {
        Some(policy) => format!("Under policy {} ({}).", policy.seq, short(policy.sha256)),
        None => "Before any policy was published.".to_owned(),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// Marks the first occurrence of a word, after the text was wrapped.
fn highlight(text: &str, word: &str, mark: impl Fn(&str) -> String) -> String {
    text.replacen(word, &mark(word), 1)
}

#[cfg(test)]
mod tests;
