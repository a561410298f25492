//! Reports: what an execution, an outcome and the want of a report do to the state.

use super::fold::{FoldError, put};
use super::{State, execution_samples};
use crate::entry::{Execution, Finding, OutcomeReport, Unresolved};
use crate::record::ExecutionRecord;
use crate::time::Timestamp;
use crate::view::{Table, View};

impl<V: View> State<V> {
    pub(super) fn apply_execution(
        &mut self,
        seq: u64,
        time: Timestamp,
        execution: &Execution,
    ) -> Result<(), FoldError> {
        let decision = self.decision(execution.decision)?;
        let closes = crate::plan::closes(&execution.findings);
        self.tally_execution(seq, execution, decision.as_ref());
        let record = ExecutionRecord {
            decision: execution.decision,
            known: decision.is_some(),
            closed: decision.is_some() && closes,
        };
        let key = seq.to_be_bytes().to_vec();
        put(&mut self.view, Table::Execution, key, &record);
        if let Some(token) = &execution.provider_id {
            self.concern(token, seq);
        }
        let Some(mut decision) = decision else {
            return Ok(());
        };
        if execution.findings.contains(&Finding::OtherPrincipal) {
            return Ok(());
        }
        let early = self.claim(seq, execution, &decision.agent)?;
        let (events, counted) = execution_samples(seq, execution, &decision, &early);
        decision.counted = counted;
        if closes {
            decision.executed = Some(seq);
            self.close(execution.decision);
        }
        if closes || !early.is_empty() {
            let key = execution.decision.to_be_bytes().to_vec();
            put(&mut self.view, Table::Decision, key, &decision);
        }
        self.apply_samples(seq, time, &decision, events)
    }

    pub(super) fn apply_outcome(
        &mut self,
        seq: u64,
        time: Timestamp,
        outcome: &OutcomeReport,
    ) -> Result<(), FoldError> {
        if let Some(token) = &outcome.provider_id {
            self.concern(token, seq);
            self.keep_early(seq, outcome)?;
        }
        for key in &outcome.keys {
            self.concern(&key.token, seq);
        }
        self.apply_outcome_sample(seq, time, outcome)
    }

    pub(super) fn apply_unresolved(
        &mut self,
        seq: u64,
        unresolved: &Unresolved,
    ) -> Result<(), FoldError> {
        let Some(mut decision) = self.decision(unresolved.decision)? else {
            let why = format!("there is no decision {}", unresolved.decision);
            return Err(FoldError::Impossible { seq, why });
        };
        decision.unresolved = Some(seq);
        put(
            &mut self.view,
            Table::Decision,
            unresolved.decision.to_be_bytes().to_vec(),
            &decision,
        );
        self.tally_unresolved(unresolved.decision, decision.voided.is_some());
        self.close(unresolved.decision);
        Ok(())
    }

    fn close(&mut self, decision: u64) {
        if let Some(open) = self.open.remove(&decision) {
            self.due.remove(&(open.report_by, decision));
            self.open_voided = self.open_voided.saturating_sub(usize::from(open.voided));
            self.view
                .delete(Table::Open, decision.to_be_bytes().to_vec());
        }
    }
}
