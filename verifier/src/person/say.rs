//! The same in words.

use std::fmt::Write as _;

use ledger_core::entry::Outcome;

use super::{Ask, List, Person};
use crate::export::Walked;
use crate::transcript::{Failure, Transcript};
use crate::words::{count, span};

/// How many entries of each sort are shown to people.
const SHOWN: usize = 20;

impl Person {
    /// Says what was found.
    ///
    /// # Errors
    /// Cannot be judged, where the log knows a key of the person neither from an entry nor as disclosed:
    /// one with a made-up secret would look the same.
    pub(crate) fn say(&self, walked: &Walked, transcript: &mut Transcript) -> Result<(), Failure> {
        transcript.fact("person", self);
        let mut nowhere = Vec::new();
        let mut unknown = None;
        for key in &self.keys {
            let name = format!("{} `{}`", key.kind, key.identifier);
            let mut words = match key.entries {
                0 => format!("{name}: its token {} stands in no entry", key.token),
                entries => format!(
                    "{name}: its token {} stands in {}",
                    key.token,
                    count(entries, "entry")
                ),
            };
            if key.disclosed {
                words.push_str("; the ledger recorded that it disclosed it");
            } else if key.entries == 0 {
                if self.own.contains(&key.token) {
                    unknown.get_or_insert_with(|| name.clone());
                }
                nowhere.push(name);
            }
            transcript.noted("opening", words);
        }
        if let Some(name) = &unknown {
            return Err(Failure::unjudged(
                "opening",
                format!(
                    "nothing in this log bears {name} out: no entry carries its token, and none says that \
                     the ledger disclosed it. With a made-up secret it would look the same, and entries \
                     under the true token would not be found: export the log after the disclosure"
                ),
            ));
        }
        transcript.passed(
            "opening",
            "these tokens belong to these identifiers: each is the hash of its secret and identifier",
        );
        self.say_decisions(transcript);
        self.say_listings(transcript);
        let coverage = &walked.summary.coverage;
        let who = if self.company {
            "this company"
        } else {
            "this person"
        };
        let (allows, refusals) = (self.allows.total, self.refusals.total);
        let scope = format!(
            "The log covers {}, with {}",
            span(coverage.from, coverage.to),
            count(coverage.gaps_total, "gap")
        );
        if walked.unknown.is_some() {
            transcript.does_not_prove(format!(
                "What the entries of an unknown form say about {who}: they were not counted."
            ));
        } else if allows == 0 {
            transcript.proves(format!(
                "No action that reaches {who} was allowed by the gate anywhere in this log; {} \
                 refused. {scope}.",
                times(refusals)
            ));
        } else {
            transcript.proves(format!(
                "Actions that reach {who} were allowed {} and refused {}. {scope}.",
                count(allows, "time"),
                count(refusals, "time")
            ));
        }
        if self.executed_unallowed > 0 {
            transcript.proves(format!(
                "{} of actions that reach {who} although the gate had not allowed them.",
                count(self.executed_unallowed, "execution report")
            ));
        }
        if !nowhere.is_empty() {
            transcript.does_not_prove(format!(
                "That the opening is right about what stands in no entry: {}. With a made-up secret it would \
                 look the same, and entries under the true token would not be found.",
                nowhere.join(", ")
            ));
        }
        transcript.does_not_prove(
            "That this person has no other tokens: one token for one identifier only holds if the daemon used \
             its subject key throughout, and other addresses or ids of the person were not opened.",
        );
        Ok(())
    }

    fn say_decisions(&self, transcript: &mut Transcript) {
        let mut words = match self.allows.total {
            0 => "none".to_owned(),
            total => format!("{}:", count(total, "decision")),
        };
        for ask in self.allows.listed.iter().take(SHOWN) {
            let _ = write!(words, "\n{}", line(ask));
        }
        more(&mut words, &self.allows);
        transcript.noted("allowed", words);
        for report in self.executions.listed.iter().take(SHOWN) {
            let mut words = format!(
                "entry {}: decision {}, {}",
                report.seq, report.decision, report.status
            );
            if !report.findings.is_empty() {
                let _ = write!(words, " (findings: {})", report.findings.join(", "));
            }
            transcript.noted("executed", words);
        }
        if self.executed_unallowed > 0 {
            let words = format!(
                "{} of these reports are about an action that the gate had not allowed",
                self.executed_unallowed
            );
            transcript.noted("executed", words);
        }
        let mut words = match self.refusals.total {
            0 => "never".to_owned(),
            total => format!("{}:", count(total, "decision")),
        };
        for ask in self.refusals.listed.iter().take(SHOWN) {
            let _ = write!(words, "\n{}", line(ask));
        }
        more(&mut words, &self.refusals);
        transcript.noted("refused", words);
        if self.asserted.total > 0 {
            let words = format!(
                "{} made elsewhere name the person as a target",
                count(self.asserted.total, "decision")
            );
            transcript.noted("asserted", words);
        }
    }

    fn say_listings(&self, transcript: &mut Transcript) {
        let mut words = match self.listings.total {
            0 => "never".to_owned(),
            total => format!("{}:", count(total, "time")),
        };
        for listed in self.listings.listed.iter().take(SHOWN) {
            let _ = write!(
                words,
                "\nentry {}, index {}, at {}: ",
                listed.seq, listed.index, listed.time
            );
            let _ = write!(words, "{} by {}", listed.op, listed.by.join(" and "));
            if let Some(reason) = &listed.reason {
                let _ = write!(words, ", {reason}");
            }
            let seller = listed
                .seller
                .as_ref()
                .map_or("every seller".to_owned(), |seller| format!("`{seller}`"));
            let channels = match listed.channels.as_slice() {
                [] => "every channel".to_owned(),
                channels => channels.join(" and "),
            };
            let _ = write!(words, ", for {seller}, by {channels}");
            for (time, what) in [
                (listed.requested_at, "requested at"),
                (listed.effective_from, "effective from"),
                (listed.expires_at, "until"),
            ] {
                if let Some(time) = time {
                    let _ = write!(words, ", {what} {time}");
                }
            }
            if let Some(seq) = listed.ended_by {
                let _ = write!(words, ", ended by entry {seq}");
            }
        }
        more(&mut words, &self.listings);
        transcript.noted("listed", words);
    }
}

fn line(ask: &Ask) -> String {
    let mut words = format!(
        "entry {} at {}: `{}` by `{}`",
        ask.seq, ask.time, ask.action, ask.agent
    );
    if let Some(seller) = &ask.seller {
        let _ = write!(words, " for `{seller}`");
    }
    if ask.outcome != Outcome::Allow {
        let _ = write!(words, ": {}", ask.reasons.join(", "));
    }
    words
}

fn more<T>(words: &mut String, list: &List<T>) {
    let shown = list.listed.len().min(SHOWN) as u64;
    if list.total > shown {
        let _ = write!(words, "\nand {} more", list.total - shown);
    }
}

fn times(refusals: u64) -> String {
    match refusals {
        0 => "none was".to_owned(),
        1 => "1 was".to_owned(),
        number => format!("{number} were"),
    }
}
