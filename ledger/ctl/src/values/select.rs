//! Which entries a command is about: kinds, actors, outcomes, times, people.

use clap::Args;
use clap::builder::PossibleValuesParser;
use ledger_core::action::{Channel, Class};
use ledger_core::codebook;
use ledger_core::entry::{Code, Finding, Outcome};
use ledger_core::select::{KINDS, Selection};
use ledger_core::time::Timestamp;
use ledger_core::token::Token;
use ledger_proto::v1::{self, entry_filter::About};

use super::identifiers::{SubjectArgs, listed, one_subject};
use super::when::{self, When};
use super::words::{outcome, parser};
use crate::failure::Failure;

const HEADING: &str = "Which entries";

/// What entries must state. Each option may be repeated, or hold several values with commas between.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectArgs {
    /// Kinds of entry
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(KINDS), help_heading = HEADING)]
    kind: Vec<String>,
    /// Who acted: ids of principals, or `ledger`
    #[arg(long, visible_alias = "agent", value_delimiter = ',', value_name = "ID", help_heading = HEADING)]
    actor: Vec<String>,
    /// The action of a decision
    #[arg(long, value_delimiter = ',', value_name = "NAME", help_heading = HEADING)]
    action: Vec<String>,
    /// The outcome of a decision
    #[arg(long, value_delimiter = ',', value_parser = parser(outcome::WORDS, read_outcome), help_heading = HEADING)]
    outcome: Vec<Outcome>,
    /// A reason of a decision, such as `dnc.listed`
    #[arg(long, value_delimiter = ',', value_name = "CODE", value_parser = reason, help_heading = HEADING)]
    reason: Vec<Code>,
    /// A finding, such as `after_stop`
    #[arg(long, value_delimiter = ',', value_name = "WORD", value_parser = finding, help_heading = HEADING)]
    finding: Vec<Finding>,
    /// The class of a decision's action
    #[arg(long, value_delimiter = ',', value_name = "CLASS", help_heading = HEADING)]
    class: Vec<Class>,
    /// A channel by which a decision's action reaches people
    #[arg(long, value_delimiter = ',', value_name = "CHANNEL", help_heading = HEADING)]
    channel: Vec<Channel>,
    /// From this time on: RFC 3339 in UTC, a date alone (its 00:00 UTC), or so long ago, such as `2h`
    #[arg(long, value_name = "TIME", value_parser = when::past, help_heading = HEADING)]
    since: Option<When>,
    /// Before this time; of a date alone, before that day
    #[arg(long, value_name = "TIME", value_parser = when::past, help_heading = HEADING)]
    until: Option<When>,
}

/// The same, and what the ledger looks up.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FilterArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// The correlation id
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    correlation_id: Option<String>,
    #[command(flatten)]
    subject: SubjectArgs,
    /// Whom it concerns, as `evidence` takes it: `ada@example.com`, `+44…`, `@DOMAIN`, `contact:ID`, `account:ID`; again
    /// for every other identifier of the same person
    #[arg(long = "subject", value_name = "IDENTIFIER", value_parser = listed, conflicts_with_all = ["email", "phone", "contact", "account", "domain"])]
    subjects: Vec<v1::Subject>,
    /// Instead of somebody: a token, 64 hex digits
    #[arg(long, value_name = "HEX", conflicts_with_all = ["subjects", "email", "phone", "contact", "account", "domain"])]
    token: Option<Token>,
}

impl SelectArgs {
    /// What is asked for, as of `now`.
    pub(crate) fn selection(&self, now: Timestamp) -> Result<Selection, Failure> {
        let resolve = |when: Option<When>| when.map(|when| when.resolve(now));
        let selection = Selection {
            kinds: self.kind.iter().cloned().collect(),
            actors: self.actor.iter().cloned().collect(),
            actions: self.action.iter().cloned().collect(),
            outcomes: self.outcome.iter().copied().collect(),
            reasons: self.reason.iter().copied().collect(),
            findings: self.finding.iter().copied().collect(),
            classes: self.class.iter().copied().collect(),
            channels: self.channel.iter().copied().collect(),
            correlation_id: None,
            from: resolve(self.since),
            until: resolve(self.until),
        };
        match (selection.from, selection.until) {
            (Some(from), Some(until)) if from >= until => Err(Failure::usage(format!(
                "--until {until} is not after --since {from}: nothing lies between"
            ))),
            _ => Ok(selection),
        }
    }
}

impl FilterArgs {
    /// What is asked for, to check the answer by, and the same for the wire.
    pub(crate) fn read(&self, now: Timestamp) -> Result<(Selection, v1::EntryFilter), Failure> {
        let mut selection = self.select.selection(now)?;
        selection.correlation_id.clone_from(&self.correlation_id);
        let mut filter = to_wire(&selection);
        filter.about = match self.token {
            Some(token) => Some(About::Token(token.0.to_vec().into())),
            None if !self.subjects.is_empty() => Some(About::Subject(one_subject(&self.subjects)?)),
            None if self.subject.is_empty() => None,
            None => Some(About::Subject(self.subject.to_wire()?)),
        };
        Ok((selection, filter))
    }
}

fn to_wire(selection: &Selection) -> v1::EntryFilter {
    let words = |found: &str| found.to_owned();
    v1::EntryFilter {
        kinds: selection.kinds.iter().cloned().collect(),
        actors: selection.actors.iter().cloned().collect(),
        actions: selection.actions.iter().cloned().collect(),
        outcomes: selection
            .outcomes
            .iter()
            .map(|outcome| match outcome {
                Outcome::Allow => v1::Outcome::Allow.into(),
                Outcome::RequireApproval => v1::Outcome::RequireApproval.into(),
                Outcome::Deny => v1::Outcome::Deny.into(),
            })
            .collect(),
        reasons: selection
            .reasons
            .iter()
            .map(|code| words(codebook::code(*code).word))
            .collect(),
        findings: selection
            .findings
            .iter()
            .map(|finding| words(codebook::finding(*finding).word))
            .collect(),
        classes: selection
            .classes
            .iter()
            .map(|class| match class {
                Class::Read => v1::ActionClass::Read.into(),
                Class::Write => v1::ActionClass::Write.into(),
                Class::Contact => v1::ActionClass::Contact.into(),
                Class::Admin => v1::ActionClass::Admin.into(),
            })
            .collect(),
        channels: selection
            .channels
            .iter()
            .map(|channel| match channel {
                Channel::Email => v1::Channel::Email.into(),
                Channel::Call => v1::Channel::Call.into(),
                Channel::Sms => v1::Channel::Sms.into(),
                Channel::Meeting => v1::Channel::Meeting.into(),
            })
            .collect(),
        correlation_id: selection.correlation_id.clone().unwrap_or_default(),
        from: selection.from.map(when::to_wire),
        until: selection.until.map(when::to_wire),
        about: None,
    }
}

fn read_outcome(word: &str) -> Result<Outcome, String> {
    match word {
        "allow" => Ok(Outcome::Allow),
        "require_approval" => Ok(Outcome::RequireApproval),
        "deny" => Ok(Outcome::Deny),
        _ => Err(format!(
            "`{word}` is unknown: expected {}",
            outcome::WORDS.join(", ")
        )),
    }
}

fn reason(word: &str) -> Result<Code, String> {
    let found = Code::ALL
        .into_iter()
        .find(|code| codebook::code(*code).word == word);
    found.ok_or_else(|| format!("`{word}` is no reason code: expected one such as `dnc.listed`"))
}

fn finding(word: &str) -> Result<Finding, String> {
    let found = codebook::FINDINGS
        .into_iter()
        .find(|finding| codebook::finding(*finding).word == word);
    found.ok_or_else(|| format!("`{word}` is no finding: expected one such as `after_stop`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_an_outcome_is_read() {
        for word in outcome::WORDS {
            let found = read_outcome(word).unwrap();
            assert_eq!(serde_json::to_value(found).unwrap(), *word);
        }
        assert!(read_outcome("maybe").is_err());
        assert!(reason("dnc.listed").is_ok() && reason("listed").is_err());
        assert!(finding("after_stop").is_ok() && finding("stop").is_err());
    }

    #[test]
    fn times_that_leave_nothing_are_refused() {
        let now = "2026-11-22T12:00:00.000000Z".parse().unwrap();
        let args = |since, until| SelectArgs {
            since: Some(When::Ago(since)),
            until: Some(When::Ago(until)),
            ..SelectArgs::default()
        };
        let selection = args(7_200, 3_600).selection(now).unwrap();
        assert_eq!(
            selection.from,
            Some("2026-11-22T10:00:00.000000Z".parse().unwrap())
        );
        assert!(args(3_600, 3_600).selection(now).is_err());
    }
}
