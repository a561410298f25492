//! What is not as it should be, as far as it takes a search to find: listed by seq, and counted.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::fold::put;
use super::load::Fact;
use super::{State, each, indexed, read};
use crate::entry::{Execution, Finding, Scope, Stop};
use crate::record::{DecisionRecord, OpenAllow};
use crate::time::Timestamp;
use crate::view::{ReadView, Table, View, ViewError};

/// How many there are of each. Kept with the fold, so that nobody counts rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Allows whose report was overdue, and that nobody has reported on since; those that a stop had voided
    /// apart.
    pub unresolved: u64,
    /// Executions without an allow, or beyond it.
    pub irregular: u64,
    /// Allows that a stop voided.
    pub voided: u64,
    /// Those of them whose report was overdue, and that nobody has reported on since.
    #[serde(default)]
    pub voided_unresolved: u64,
}

/// The last stop that was thrown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStop {
    /// Its entry.
    pub seq: u64,
    /// What it stopped.
    pub scope: Scope,
    /// When.
    pub time: Timestamp,
    /// How many outstanding allows it voided.
    pub voided: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tallied {
    tally: Tally,
    last_stop: Option<LastStop>,
}

impl Tallied {
    pub(super) fn load<V: ReadView>(view: &V) -> Result<Self, ViewError> {
        Ok(Self {
            tally: read(view, Table::Fact, Fact::TALLY)?.unwrap_or_default(),
            last_stop: read(view, Table::Fact, Fact::LAST_STOP)?,
        })
    }
}

/// The seqs in a table whose keys are seqs, ascending from `from`, at most `limit`: open, unresolved and
/// voided allows, irregular executions, approval requests that are not settled. An allow that a stop voided
/// is listed as that alone, whether its report is awaited, overdue or there.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn listed<V: ReadView>(
    view: &V,
    table: Table,
    from: u64,
    limit: usize,
) -> Result<Vec<u64>, ViewError> {
    if table != Table::Open {
        return indexed(view, table, b"", from, limit);
    }
    let mut seqs = Vec::new();
    each(view, table, from, |seq, allow: OpenAllow| {
        if !allow.voided {
            seqs.push(seq);
        }
        if seqs.len() < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(seqs)
}

/// Whether an execution with this finding went without an allow, or beyond it.
const fn is_irregular(finding: Finding) -> bool {
    match finding {
        Finding::UnknownDecision
        | Finding::DecisionDenied
        | Finding::ApprovalMissing
        | Finding::OtherPrincipal
        | Finding::AlreadyExecuted
        | Finding::StartedBeforeDecision
        | Finding::Expired
        | Finding::AfterStop => true,
        Finding::OtherCorrelation
        | Finding::InFlightAtStop
        | Finding::StartUnknown
        | Finding::ReportLate
        | Finding::UnknownExecution
        | Finding::UnknownRecipient
        | Finding::Unlisted
        | Finding::UnderStop => false,
    }
}

impl<V: View> State<V> {
    /// How many there are of what is not as it should be.
    pub const fn tally(&self) -> Tally {
        self.tallied.tally
    }

    /// The last stop that was thrown, whether it still stands or not.
    pub const fn last_stop(&self) -> Option<&LastStop> {
        self.tallied.last_stop.as_ref()
    }

    /// An execution is reported; `decision` is what was known of its decision before.
    pub(super) fn tally_execution(
        &mut self,
        seq: u64,
        execution: &Execution,
        decision: Option<&DecisionRecord>,
    ) {
        if execution.findings.iter().copied().any(is_irregular) {
            self.list(Table::Irregular, seq);
            self.retally(|tally| tally.irregular += 1);
        }
        let late = decision.is_some_and(|record| {
            record.unresolved.is_some()
                && record.executed.is_none()
                && crate::plan::closes(&execution.findings)
        });
        if late && decision.is_some_and(|record| record.voided.is_some()) {
            self.retally(|tally| {
                tally.voided_unresolved = tally.voided_unresolved.saturating_sub(1);
            });
        } else if late {
            let key = execution.decision.to_be_bytes().to_vec();
            self.view.delete(Table::Unresolved, key);
            self.retally(|tally| tally.unresolved = tally.unresolved.saturating_sub(1));
        }
    }

    /// Nobody reported on this allow in time, which a stop may have voided.
    pub(super) fn tally_unresolved(&mut self, decision: u64, voided: bool) {
        if voided {
            self.retally(|tally| tally.voided_unresolved += 1);
            return;
        }
        self.list(Table::Unresolved, decision);
        self.retally(|tally| tally.unresolved += 1);
    }

    /// A stop voids this allow.
    pub(super) fn tally_voided(&mut self, decision: u64) {
        self.list(Table::Voided, decision);
        self.retally(|tally| tally.voided += 1);
    }

    pub(super) fn note_stop(&mut self, seq: u64, time: Timestamp, stop: &Stop) {
        let last = LastStop {
            seq,
            scope: stop.scope.clone(),
            time,
            voided: stop.voided,
        };
        put(&mut self.view, Table::Fact, Fact::LAST_STOP.to_vec(), &last);
        self.tallied.last_stop = Some(last);
    }

    fn list(&mut self, table: Table, seq: u64) {
        self.view.put(table, seq.to_be_bytes().to_vec(), Vec::new());
    }

    fn retally(&mut self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tallied.tally);
        let key = Fact::TALLY.to_vec();
        put(&mut self.view, Table::Fact, key, &self.tallied.tally);
    }
}
