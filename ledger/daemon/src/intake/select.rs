//! Filters of entries: names checked, words looked up, identifiers replaced by tokens.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::codebook;
use ledger_core::entry::{Code, Finding, Key};
use ledger_core::hash::Hash;
use ledger_core::name::{ACTION_MAX, CORRELATION_ID_MAX, PRINCIPAL_MAX};
use ledger_core::role::Call;
use ledger_core::select::{KINDS, Selection};
use ledger_core::token::Token;
use ledger_proto::v1 as wire;
use serde::Serialize;
use wire::entry_filter::About;

use super::{Intake, field, vocabulary};
use crate::content::{Envelope, content};
use crate::status::FieldError;

/// The most names in one part of a filter.
const NAMES_MAX: usize = 16;
/// The most reason codes in a filter.
const REASONS_MAX: usize = 64;

/// A filter, ready to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// What entries must state.
    pub selection: Selection,
    /// The tokens of whom they must be about: any of them; none where that does not matter.
    pub about: Vec<Token>,
    /// Those of them that come from an identifier: whoever gets the answer learns them.
    pub named: Vec<Key>,
}

impl Intake {
    /// Reads a filter.
    ///
    /// # Errors
    /// [`FieldError`]
    pub fn selected(&self, filter: Option<wire::EntryFilter>) -> Result<Selected, FieldError> {
        let filter = filter.unwrap_or_default();
        let from = field::time("filter.from", filter.from)?;
        let until = field::time("filter.until", filter.until)?;
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            let expected = format!("expected a time after `from`, {from}");
            return Err(FieldError::shown("filter.until", &until, expected));
        }
        let selection = Selection {
            kinds: words("filter.kinds", &filter.kinds, KINDS.len(), kind)?,
            actors: names("filter.actors", &filter.actors, PRINCIPAL_MAX)?,
            actions: names("filter.actions", &filter.actions, ACTION_MAX)?,
            outcomes: numbers("filter.outcomes", &filter.outcomes, vocabulary::outcome)?,
            reasons: words("filter.reasons", &filter.reasons, REASONS_MAX, reason)?,
            findings: words("filter.findings", &filter.findings, NAMES_MAX, finding)?,
            classes: numbers("filter.classes", &filter.classes, vocabulary::class)?,
            channels: vocabulary::channels("filter.channels", &filter.channels)?,
            correlation_id: field::name(
                "filter.correlation_id",
                &filter.correlation_id,
                CORRELATION_ID_MAX,
            )?,
            from,
            until,
        };
        let (about, named) = match filter.about {
            None => (Vec::new(), Vec::new()),
            Some(About::Token(bytes)) => {
                let token = <[u8; 32]>::try_from(bytes.as_ref()).map_err(|_| {
                    let expected = format!("it has {} bytes: expected 32", bytes.len());
                    FieldError::withheld("filter.token", expected)
                })?;
                (vec![Token(token)], Vec::new())
            }
            Some(About::Subject(subject)) => {
                let (keys, _) = self.listed("filter.subject", Some(&subject))?;
                (keys.iter().map(|key| key.token).collect(), keys)
            }
        };
        Ok(Selected {
            selection,
            about,
            named,
        })
    }
}

impl Intake {
    /// What stands for a list of `principal` in its page tokens: an HMAC under the content key, as of a
    /// request, so that whoever sees a page token cannot try for whom the list is.
    pub fn list_hash(&self, principal: &str, selected: &Selected) -> Hash {
        #[derive(Serialize)]
        struct Asked<'a> {
            selection: &'a Selection,
            about: &'a [Token],
        }
        let envelope = Envelope {
            call: Call::List,
            principal,
            agent_version: None,
            environment: self.environment,
        };
        let asked = Asked {
            selection: &selected.selection,
            about: &selected.about,
        };
        content(&self.content, envelope, &asked, &BTreeMap::new())
    }
}

fn kind(word: &str) -> Option<String> {
    KINDS.contains(&word).then(|| word.to_owned())
}

fn reason(word: &str) -> Option<Code> {
    Code::ALL
        .into_iter()
        .find(|code| codebook::code(*code).word == word)
}

fn finding(word: &str) -> Option<Finding> {
    codebook::FINDINGS
        .into_iter()
        .find(|finding| codebook::finding(*finding).word == word)
}

fn words<T: Ord>(
    field: &str,
    given: &[String],
    most: usize,
    read: fn(&str) -> Option<T>,
) -> Result<BTreeSet<T>, FieldError> {
    field::at_most(field, given.len(), most, "words")?;
    let one = |(at, word): (usize, &String)| {
        read(word).ok_or_else(|| {
            let expected = match field {
                "filter.kinds" => format!("expected a kind of entry: {}", KINDS.join(", ")),
                "filter.reasons" => "expected a reason code, such as `dnc.listed`".to_owned(),
                _ => "expected a finding, such as `after_stop`".to_owned(),
            };
            let field = format!("{field}[{at}]");
            // A word of the codebook has no `@`; whatever has may be somebody's address.
            if word.contains('@') {
                FieldError::withheld(field, expected)
            } else {
                FieldError::shown(field, word, expected)
            }
        })
    };
    given.iter().enumerate().map(one).collect()
}

fn names(field: &str, given: &[String], max: usize) -> Result<BTreeSet<String>, FieldError> {
    field::at_most(field, given.len(), NAMES_MAX, "names")?;
    let one =
        |(at, name): (usize, &String)| field::required_name(&format!("{field}[{at}]"), name, max);
    given.iter().enumerate().map(one).collect()
}

fn numbers<T: Ord>(
    field: &str,
    given: &[i32],
    read: fn(&str, i32) -> Result<T, FieldError>,
) -> Result<BTreeSet<T>, FieldError> {
    let one = |(at, number): (usize, &i32)| read(&format!("{field}[{at}]"), *number);
    given.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use ledger_core::token::{ContentKey, SubjectKey};

    use super::*;
    use crate::intake::decide::tests::intake;

    fn about(number: u8) -> Selected {
        Selected {
            about: vec![Token([number; 32])],
            ..Selected::default()
        }
    }

    #[test]
    fn lists_differ_in_what_stands_for_them() {
        let intake = intake();
        let selected = |change: fn(&mut Selection)| {
            let mut selected = Selected::default();
            change(&mut selected.selection);
            selected
        };
        let stop = || ["stop".to_owned()].into();
        let kinds = selected(|selection| selection.kinds = ["stop".to_owned()].into());
        let mut actors = selected(|_| {});
        actors.selection.actors = stop();
        let all = [
            intake.list_hash("ops", &Selected::default()),
            intake.list_hash("ops", &kinds),
            intake.list_hash("ops", &actors),
            intake.list_hash("ops", &about(1)),
            intake.list_hash("ops", &about(2)),
            intake.list_hash("auditor", &about(2)),
            Intake {
                content: ContentKey::new([3; 32]),
                subject: SubjectKey::new([1; 32]),
                ..intake
            }
            .list_hash("ops", &about(2)),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }

    /// It takes the content key, and nothing else that is not known, to make one.
    #[test]
    fn what_stands_for_a_list_is_an_hmac_under_the_content_key() {
        let selection = serde_json::to_string(&Selection::default()).unwrap();
        let token = "07".repeat(32);
        let asked = format!(r#"{{"selection":{selection},"about":["{token}"]}}"#);
        let line = format!(
            r#"{{"call":"List","principal":"ops","environment":"prod","request":{asked}}}"#
        );
        let expected = ContentKey::new([2; 32]).content(line.as_bytes());
        assert_eq!(intake().list_hash("ops", &about(7)).0, expected);
    }
}
