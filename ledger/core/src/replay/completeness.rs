//! What is not settled at the end of a log, and what should never have happened.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::entry::{Body, BreakGlassEvent, BreakerEvent, Entry, Execution, Finding};
use crate::plan::closes;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// The most entries of each sort that are listed; `total` says how many there are.
pub const LISTED_MAX: usize = 100;

/// What a log leaves open, and what it records that no allow covers. Nothing of this refutes a log: it
/// is what the log says happened.
///
/// Counted from the entries as they are recorded, so that it means something where replay could not
/// judge them all; but for `open`, `pending`, `breakers_open` and `break_glass_open`, which are of the
/// state at the end, and stay empty where that is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// Allows on which nobody has reported and whose report was not due by the last entry.
    pub open: Listed<u64>,
    /// Allows whose report was overdue, by an `unresolved` entry, and on which nobody has reported since.
    pub unresolved: Listed<u64>,
    /// Executions without an allow: of a decision that is not there, was a denial, or asked for an
    /// approval.
    pub orphans: Listed<Irregular>,
    /// Executions beyond their allow: a second one, out of its time, after a stop had voided it, or by
    /// somebody else.
    pub beyond: Listed<Irregular>,
    /// Requests for approval that are not settled and whose time is not over: the decisions that ask.
    pub pending: Listed<u64>,
    /// The `breaker` entries that opened breakers which are open at the end.
    pub breakers_open: Listed<u64>,
    /// The `break_glass` entries that lifted tier 3, ever.
    pub break_glass: Listed<u64>,
    /// Those of them that lift it still at the end.
    pub break_glass_open: Listed<u64>,
    /// How often a breaker opened, ever.
    pub breakers_opened: u64,
    /// The unresolved allows, without a limit.
    #[serde(skip)]
    overdue: BTreeSet<u64>,
}

/// Some entries and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed<T> {
    /// How many there are.
    pub total: u64,
    /// The first of them, in the order of the log: at most [`LISTED_MAX`].
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            total: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    pub(super) fn add(&mut self, item: T) {
        self.total += 1;
        if self.first.len() < LISTED_MAX {
            self.first.push(item);
        }
    }
}

impl<T> FromIterator<T> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut listed = Self::default();
        items.into_iter().for_each(|item| listed.add(item));
        listed
    }
}

/// An execution that no allow covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Irregular {
    /// The execution.
    pub seq: u64,
    /// The decision that it names.
    pub decision: u64,
    /// The findings that make it one.
    pub findings: Vec<Finding>,
}

/// What a finding of an execution says about its allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    /// There was none.
    None,
    /// There was one, for something else.
    Beyond,
    /// It is about something else.
    Covered,
}

const fn cover(finding: Finding) -> Cover {
    match finding {
        Finding::UnknownDecision | Finding::DecisionDenied | Finding::ApprovalMissing => {
            Cover::None
        }
        Finding::OtherPrincipal
        | Finding::AlreadyExecuted
        | Finding::StartedBeforeDecision
        | Finding::Expired
        | Finding::AfterStop => Cover::Beyond,
        Finding::OtherCorrelation
        | Finding::InFlightAtStop
        | Finding::StartUnknown
        | Finding::ReportLate
        | Finding::UnknownExecution
        | Finding::UnknownRecipient
        | Finding::Unlisted
        | Finding::UnderStop => Cover::Covered,
    }
}

impl Completeness {
    /// Takes the next entry, as it is recorded.
    pub(super) fn add(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Execution(execution) => self.execution(entry.seq, execution),
            Body::Unresolved(unresolved) => _ = self.overdue.insert(unresolved.decision),
            Body::Breaker(breaker) if breaker.event == BreakerEvent::Opened => {
                self.breakers_opened += 1;
            }
            Body::BreakGlass(glass) if glass.event == BreakGlassEvent::Opened => {
                self.break_glass.add(entry.seq);
            }
            _ => {}
        }
    }

    fn execution(&mut self, seq: u64, execution: &Execution) {
        if closes(&execution.findings) {
            self.overdue.remove(&execution.decision);
        }
        let covers = execution.findings.iter().map(|finding| cover(*finding));
        let (worst, list) = match covers.min() {
            Some(Cover::None) => (Cover::None, &mut self.orphans),
            Some(Cover::Beyond) => (Cover::Beyond, &mut self.beyond),
            Some(Cover::Covered) | None => return,
        };
        let said = execution.findings.iter().copied();
        list.add(Irregular {
            seq,
            decision: execution.decision,
            findings: said.filter(|finding| cover(*finding) == worst).collect(),
        });
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.unresolved = std::mem::take(&mut self.overdue).into_iter().collect();
    }

    /// Takes down what is open in the state at the end, at `now`.
    pub(super) fn close<V: View>(&mut self, state: &State<V>, now: Timestamp) {
        self.open = state
            .open()
            .filter(|(_, allow)| now < allow.report_by)
            .map(|(seq, _)| seq)
            .collect();
        self.pending = state
            .pending()
            .filter(|(_, until)| now < *until)
            .map(|(seq, _)| seq)
            .collect();
        let breakers: BTreeSet<u64> = state.breakers_open(now).map(|(seq, _)| seq).collect();
        self.breakers_open = breakers.into_iter().collect();
        let glass: BTreeSet<u64> = state
            .glass()
            .filter_map(|(_, record)| record.opened)
            .filter(|(_, until)| now < *until)
            .map(|(seq, _)| seq)
            .collect();
        self.break_glass_open = glass.into_iter().collect();
    }

    /// Whether every execution has its allow, and every allow whose report was due was reported on.
    pub const fn is_covered(&self) -> bool {
        self.unresolved.total == 0 && self.orphans.total == 0 && self.beyond.total == 0
    }

    /// Whether nothing is open, unresolved or without an allow.
    pub const fn is_settled(&self) -> bool {
        self.open.total == 0
            && self.unresolved.total == 0
            && self.orphans.total == 0
            && self.beyond.total == 0
            && self.pending.total == 0
            && self.breakers_open.total == 0
            && self.break_glass_open.total == 0
    }
}
