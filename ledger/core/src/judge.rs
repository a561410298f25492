//! Judging evidence: an entry against the entries that it cites.
//!
//! Replay shows that a decision follows from the whole log before it. Evidence is a part of that log: the
//! entry, what it cites directly, its policy and genesis. What follows from these alone is worked out
//! again here, by the gate's own rules, and has to agree with the entry: the action's class, the grant,
//! what is wrong with recipients, that each cited listing binds, expiries, and that the outcome is the
//! strictest that the reasons demand. What does not (that a listing still held, that nobody else was
//! listed, counts, who was registered) is named as not shown.
//!
//! Which entries belong into evidence is said by [`required`]. One too many is refused: evidence must
//! not look as if it rested on more than it does.

mod cited;
mod cites;
mod controls;
mod decision;
mod material;
mod other;
mod policies;
mod reasons;
mod throttles;

use std::collections::BTreeMap;

use serde::Serialize;

pub use cites::{cites, required};
pub use policies::Policies;

use crate::action::Channels;
use crate::entry::{Body, Cite, Entry, ListingReason};
use crate::fault::Fault;
use crate::gate::GATE_VERSION;
use crate::time::Timestamp;
use crate::token::Kind;
use crate::well_formed::well_formed;
use material::Material;

/// What evidence shows about its primary entry, and what it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// What was worked out again and agrees, check by check.
    pub shown: Vec<Shown>,
    /// What takes more than these entries to show.
    pub not_shown: Vec<String>,
    /// The listings and exemptions on which a decision rests.
    pub listings: Vec<Relied>,
}

/// One thing that agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Which check.
    pub check: &'static str,
    /// What agrees, in words.
    pub words: String,
}

/// A listing or an exemption on which a decision rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relied {
    /// The recipient's index.
    pub recipient: u64,
    /// The kind of the recipient's key that it names.
    pub key: Kind,
    /// Where it stands.
    pub cite: Cite,
    /// Why; absent where it is an exemption.
    pub reason: Option<ListingReason>,
    /// On whose behalf; absent means on anybody's.
    pub seller: Option<String>,
    /// By which channels; empty means by any.
    pub channels: Channels,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When the person asked.
    pub requested_at: Option<Timestamp>,
}

/// Why evidence does not show what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// Cannot be judged: an entry is missing.
    #[error("entry {seq} is missing: evidence about entry {primary} must hold it")]
    Missing {
        /// The entry that is not there.
        seq: u64,
        /// The entry that the evidence is about.
        primary: u64,
    },
    /// Cannot be judged: decided by rules that this version does not know.
    #[error("{what} is not known to this version; use a newer verifier")]
    Unknown {
        /// What.
        what: String,
    },
    /// Cannot be judged: decided under conditions that this build does not evaluate.
    #[error("entry {seq}: {what}")]
    Unevaluated {
        /// The policy.
        seq: u64,
        /// What it takes.
        what: String,
    },
    /// Refuted: an entry too many.
    #[error("entry {seq} is not cited by entry {primary}, expected it not to be there")]
    Surplus {
        /// The entry.
        seq: u64,
        /// The entry that the evidence is about.
        primary: u64,
    },
    /// Refuted: an entry is not what it must be, by what the others say.
    #[error("entry {seq}: {what}")]
    Contradicts {
        /// The entry.
        seq: u64,
        /// What is wrong, with what was expected and what was found.
        what: String,
    },
}

impl JudgeError {
    /// What the error says about the material.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Missing { .. } | Self::Unknown { .. } | Self::Unevaluated { .. } => {
                Fault::Unjudged
            }
            Self::Surplus { .. } | Self::Contradicts { .. } => Fault::Refuted,
        }
    }

    fn contradicts(seq: u64, what: impl Into<String>) -> Self {
        Self::Contradicts {
            seq,
            what: what.into(),
        }
    }
}

/// Judges `primary` by `others`, the other entries of its evidence by seq. That all of them stand in one
/// log was proven before.
///
/// # Errors
/// [`JudgeError`]: what is missing, surplus, unknown or wrong first.
pub fn judge(primary: &Entry, others: &BTreeMap<u64, Entry>) -> Result<Judgement, JudgeError> {
    let others = others.iter().map(|(seq, entry)| (*seq, entry)).collect();
    judge_with(primary, &others, &Policies::default())
}

/// The same for one of many entries of a log, where `policies` spares reading the same ones again.
///
/// # Errors
/// As [`judge`].
pub fn judge_with(
    primary: &Entry,
    others: &BTreeMap<u64, &Entry>,
    policies: &Policies,
) -> Result<Judgement, JudgeError> {
    let seq = primary.seq;
    let needed = required(primary, |seq| {
        Ok::<_, std::convert::Infallible>(others.get(&seq).copied())
    })
    .unwrap_or_else(|never| match never {});
    if let Some(missing) = needed.iter().find(|seq| !others.contains_key(seq)) {
        return Err(JudgeError::Missing {
            seq: *missing,
            primary: seq,
        });
    }
    if let Some(surplus) = others.keys().find(|seq| !needed.contains(seq)) {
        return Err(JudgeError::Surplus {
            seq: *surplus,
            primary: seq,
        });
    }
    if let Some(later) = cites(primary).into_iter().find(|cited| *cited >= seq) {
        let what = format!("it cites entry {later}, expected an entry before it");
        return Err(JudgeError::contradicts(seq, what));
    }
    in_order(primary, others)?;
    let material = Material::new(primary, others, policies)?;
    if material.genesis.gate != GATE_VERSION {
        return Err(JudgeError::Unknown {
            what: format!("gate version `{}`", material.genesis.gate),
        });
    }
    let mut judgement = Judgement::default();
    match &primary.body {
        Body::Decision(decision) => {
            if let Err(why) = well_formed(&primary.body, Some(material.genesis)) {
                let what = format!("no request can have put this into an entry: {why}");
                return Err(JudgeError::contradicts(seq, what));
            }
            decision::judge(primary, decision, &material, &mut judgement)?;
        }
        _ => other::judge(primary, &material, &mut judgement)?,
    }
    Ok(judgement)
}

/// Times do not run backwards.
fn in_order(primary: &Entry, others: &BTreeMap<u64, &Entry>) -> Result<(), JudgeError> {
    let before = others.range(..primary.seq).map(|(_, entry)| *entry);
    let after = others.range(primary.seq..).map(|(_, entry)| *entry);
    let mut last: Option<&Entry> = None;
    for entry in before.chain([primary]).chain(after) {
        if let Some(last) = last.filter(|last| entry.time < last.time) {
            let what = format!(
                "its time is {}, expected none before that of entry {}, {}",
                entry.time, last.seq, last.time
            );
            return Err(JudgeError::contradicts(entry.seq, what));
        }
        last = Some(entry);
    }
    Ok(())
}

impl Judgement {
    fn shows(&mut self, check: &'static str, words: impl Into<String>) {
        self.shown.push(Shown {
            check,
            words: words.into(),
        });
    }

    fn does_not_show(&mut self, words: impl Into<String>) {
        self.not_shown.push(words.into());
    }
}

/// Checks one answer of entry `seq`.
fn same<T: PartialEq + Serialize>(
    seq: u64,
    key: &str,
    expected: &T,
    found: &T,
) -> Result<(), JudgeError> {
    if expected == found {
        return Ok(());
    }
    let json = |value: &T| serde_json::to_string(value).unwrap_or_default();
    let what = format!(
        "`{key}`: expected `{}`, found `{}`",
        json(expected),
        json(found)
    );
    Err(JudgeError::contradicts(seq, what))
}
