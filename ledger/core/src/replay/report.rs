//! What a replay has found.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Completeness, Difference, Summary};
use crate::fault::Fault;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// The most mismatches that are listed; `mismatches_total` says how many there are.
pub const MISMATCHES_MAX: usize = 100;
/// The most overdue allows that are listed; `overdue_total` says how many there are.
pub const OVERDUE_MAX: usize = 100;

/// The result of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many entries were replayed.
    pub entries: u64,
    /// What was found, by kind of entry.
    pub kinds: BTreeMap<&'static str, Tally>,
    /// What is wrong, in the order of the log: at most [`MISMATCHES_MAX`].
    pub mismatches: Vec<Mismatch>,
    /// How many mismatches there are.
    pub mismatches_total: u64,
    /// Where replay came upon something that it does not know: nothing from there on is judged.
    pub unverifiable: Option<Unverifiable>,
    /// What the log says, whether it matches or not.
    pub summary: Summary,
    /// Allows that nobody has reported on and that no `unresolved` entry names, at the end of the log.
    pub open: u64,
    /// Of these, the ones whose report was due by the time of the last entry: at most [`OVERDUE_MAX`].
    ///
    /// A ledger records these as unresolved before whatever comes next, so they can only have become due
    /// by an entry behind which no other stands.
    pub overdue: Vec<Overdue>,
    /// How many are overdue.
    pub overdue_total: u64,
    /// The stops that are active at the end of the log.
    pub stops: Vec<u64>,
    /// What is not settled at the end of the log, and what no allow covers.
    pub completeness: Completeness,
}

/// How many entries of one kind were found how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Planned again, with the same bytes.
    pub matched: u64,
    /// Decided elsewhere: that it may be recorded was checked, its outcome is the reporter's.
    pub asserted: u64,
    /// What only the daemon can know: that it started, that the clock jumped, that something was read.
    pub attested: u64,
    /// Not what it must be.
    pub mismatched: u64,
    /// Not judged.
    pub unverifiable: u64,
}

impl Tally {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.matched + self.asserted + self.attested + self.mismatched + self.unverifiable
    }
}

/// An entry that is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("entry {seq} ({kind}): {what}")]
pub struct Mismatch {
    /// The entry.
    pub seq: u64,
    /// Its kind; `unknown` where it could not be read.
    pub kind: &'static str,
    /// What is wrong with it.
    pub what: What,
}

/// What can be wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An answer that the ledger did not compute.
    #[error("{0}")]
    Differs(Difference),
    /// Bytes that are no entry.
    #[error("{why}")]
    Malformed {
        /// What is wrong with them.
        why: String,
    },
    /// Another seq than its place.
    #[error("it says seq `{found}`, expected its place in the log")]
    Seq {
        /// The seq found.
        found: u64,
    },
    /// A time that runs backwards, or of a part of a batch another time than the batch's.
    #[error("time: expected `{expected}` or, where it starts a batch, later; found `{found}`")]
    Time {
        /// The earliest time that it can have.
        expected: Timestamp,
        /// The time found.
        found: Timestamp,
    },
    /// A log begins with its genesis.
    #[error("expected the first entry to be the genesis")]
    NotGenesis,
    /// A ledger refuses this request and writes nothing.
    #[error("the ledger must refuse this and write nothing: {refusal}")]
    Refused {
        /// The refusal, in the planner's words.
        refusal: String,
    },
    /// The same request was answered before, and a ledger answers with that entry.
    #[error("entry {first} already answers this request, expected no second entry")]
    Repeated {
        /// The entry that answers it.
        first: u64,
    },
    /// An entry too many.
    #[error("the request behind it causes fewer entries, expected none here")]
    Surplus,
    /// An entry too few.
    #[error("the request behind it causes more entries than follow")]
    PartMissing,
    /// Something that no service lets into an entry.
    #[error("no request can have put this into an entry: {why}")]
    IllFormed {
        /// What is wrong.
        why: String,
    },
    /// Something was due, and whatever else comes then comes after it.
    #[error("the {what} {seq} was due: expected it before anything else")]
    Unannounced {
        /// Which entry was due, in words.
        what: &'static str,
        /// What it was due for.
        seq: u64,
    },
    /// A ledger that is asked for nothing writes heartbeats.
    #[error("nothing stands between it and `{last}`: expected a heartbeat in a silence so long")]
    HeartbeatMissing {
        /// The time of the entry before it.
        last: Timestamp,
    },
    /// A start so long after the last entry is in doubt, and blocks.
    #[error(
        "a start more than {max_gap_s} seconds after `{last}`: expected a `clock` entry before it, which blocks"
    )]
    ClockMissing {
        /// The time of the entry before it.
        last: Timestamp,
        /// The longest time that is in no doubt.
        max_gap_s: u64,
    },
    /// It cannot follow on the entries before it.
    #[error("it does not follow from the log before it: {why}")]
    Impossible {
        /// What is wrong.
        why: String,
    },
}

/// Where replay had to stop judging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unverifiable {
    /// The entry.
    pub seq: u64,
    /// What is not known.
    pub what: String,
}

/// An allow whose report was due and that is not recorded as unresolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Overdue {
    /// The decision.
    pub seq: u64,
    /// When its report was due.
    pub report_by: Timestamp,
}

/// What is said of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Matched,
    Asserted,
    Attested,
    Mismatched,
    Unverifiable,
}

impl Report {
    /// Nothing where all of it was planned again with the same bytes; else what that says of the log.
    pub const fn fault(&self) -> Option<Fault> {
        if self.mismatches_total > 0 {
            Some(Fault::Refuted)
        } else if self.unverifiable.is_some() {
            Some(Fault::Unjudged)
        } else {
            None
        }
    }

    /// Whether the log accounts for everything: every execution has its allow, every allow that was due its
    /// report, and no gap after the first start is longer than a heartbeat. It means something where
    /// [`Report::fault`] finds nothing. What is still open, and not yet due, is no gap in the account.
    pub const fn is_complete(&self) -> bool {
        self.completeness.is_covered()
            && self.overdue_total == 0
            && self.summary.coverage.long_gaps.total == 0
            && self.summary.coverage.outside == 0
    }

    /// All kinds together.
    pub fn totals(&self) -> Tally {
        self.kinds.values().fold(Tally::default(), |sum, of| Tally {
            matched: sum.matched + of.matched,
            asserted: sum.asserted + of.asserted,
            attested: sum.attested + of.attested,
            mismatched: sum.mismatched + of.mismatched,
            unverifiable: sum.unverifiable + of.unverifiable,
        })
    }

    pub(super) fn last_time(&self) -> Timestamp {
        self.summary.coverage.to.unwrap_or(Timestamp::EPOCH)
    }

    pub(super) fn tally(&mut self, kind: &'static str, standing: Standing) {
        let tally = self.kinds.entry(kind).or_default();
        *match standing {
            Standing::Matched => &mut tally.matched,
            Standing::Asserted => &mut tally.asserted,
            Standing::Attested => &mut tally.attested,
            Standing::Mismatched => &mut tally.mismatched,
            Standing::Unverifiable => &mut tally.unverifiable,
        } += 1;
    }

    pub(super) fn mismatch(&mut self, seq: u64, kind: &'static str, what: What) {
        self.mismatches_total += 1;
        if self.mismatches.len() < MISMATCHES_MAX {
            self.mismatches.push(Mismatch { seq, kind, what });
        }
    }

    /// Takes down how the log ends.
    pub(super) fn close<V: View>(&mut self, state: &State<V>) {
        let now = self.last_time();
        self.completeness.close(state, now);
        self.open = state.open().count() as u64;
        self.stops = state.stops().map(|(seq, _)| seq).collect();
        for (seq, allow) in state.open().filter(|(_, allow)| allow.report_by <= now) {
            self.overdue_total += 1;
            if self.overdue.len() < OVERDUE_MAX {
                let report_by = allow.report_by;
                self.overdue.push(Overdue { seq, report_by });
            }
        }
    }
}
