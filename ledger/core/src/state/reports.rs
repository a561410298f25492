//! Reports: what an execution, an outcome and the want of a report do to the state.

use super::fold::{FoldError, put};
use super::{State, read};
use crate::entry::{Basis, Execution, Finding, OutcomeReport, Unresolved};
use crate::record::{ExecutionRecord, provided_key};
use crate::time::Timestamp;
use crate::view::{Table, View};

impl<V: View> State<V> {
    pub(super) fn apply_execution(
        &mut self,
        seq: u64,
        time: Timestamp,
        execution: &Execution,
    ) -> Result<(), FoldError> {
        let mut decision = self.decision(execution.decision)?;
        let closes = crate::plan::closes(&execution.findings);
        self.tally_execution(seq, execution, decision.as_ref());
        let record = ExecutionRecord {
            decision: execution.decision,
            known: decision.is_some(),
            closed: decision.is_some() && closes,
        };
        let key = seq.to_be_bytes().to_vec();
        put(&mut self.view, Table::Execution, key, &record);
        if let Some(decision) = &mut decision
            && closes
        {
            decision.executed = Some(seq);
            if decision.basis == Basis::Gate {
                decision.counted.reached = super::samples::reached(execution, decision);
            }
            put(
                &mut self.view,
                Table::Decision,
                execution.decision.to_be_bytes().to_vec(),
                decision,
            );
            self.close(execution.decision);
        }
        if let Some(token) = &execution.provider_id {
            self.concern(token, seq);
            // A stranger's report has no say in what a provider's id stands for.
            let counts = !execution.findings.contains(&Finding::OtherPrincipal);
            let key = provided_key(token, execution.provider.as_deref());
            let first = read::<_, u64>(&self.view, Table::Provided, &key)?;
            // Nor has one that uses no allow up, where another does.
            let stands = match first {
                None => true,
                Some(first) => {
                    closes && !self.execution(first)?.is_some_and(|record| record.closed)
                }
            };
            if counts && decision.is_some() && stands {
                put(&mut self.view, Table::Provided, key, &seq);
            }
        }
        match decision {
            Some(decision) => self.apply_execution_sample(seq, time, execution, &decision),
            None => Ok(()),
        }
    }

    pub(super) fn apply_outcome(
        &mut self,
        seq: u64,
        time: Timestamp,
        outcome: &OutcomeReport,
    ) -> Result<(), FoldError> {
        if let Some(token) = &outcome.provider_id {
            self.concern(token, seq);
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
