//! Bounces and complaints that come before the report on their message. They are kept until an execution has
//! their provider's id, and count with that.

use super::fold::{FoldError, put};
use super::{State, read};
use crate::entry::{Event, Execution, Finding, OutcomeReport};
use crate::limits::EARLY_MAX;
use crate::plan::{closes, reports_for};
use crate::record::{EarlyOutcome, early_key, provided_key};
use crate::token::Token;
use crate::view::{Table, View, ViewError};

impl<V: View> State<V> {
    /// What outcomes have said of the message that `execution`, of a decision of `agent`, reports on, in the
    /// order of the log. Nothing where outcomes with the provider's id are about another execution.
    pub(crate) fn early(
        &self,
        execution: &Execution,
        agent: &str,
    ) -> Result<Vec<EarlyOutcome>, ViewError> {
        let Some(id) = &execution.provider_id else {
            return Ok(Vec::new());
        };
        if !self.claims(execution, id)? {
            return Ok(Vec::new());
        }
        self.told_of(id, execution, agent)
    }

    fn told_of(
        &self,
        id: &Token,
        execution: &Execution,
        agent: &str,
    ) -> Result<Vec<EarlyOutcome>, ViewError> {
        let mut early = Vec::new();
        for by in reporters(agent) {
            early.extend(self.early_by(id, by)?);
        }
        early.retain(|one| is_of(one, execution));
        early.sort_unstable_by_key(|one| one.seq);
        Ok(early)
    }

    fn early_by(&self, id: &Token, by: &str) -> Result<Vec<EarlyOutcome>, ViewError> {
        Ok(read(&self.view, Table::Early, &early_key(id, by))?.unwrap_or_default())
    }

    /// Whether the provider's id stands for this execution from now on.
    fn claims(&self, execution: &Execution, id: &Token) -> Result<bool, ViewError> {
        // A stranger's report has no say in what a provider's id stands for.
        let no_say = |finding: &Finding| {
            matches!(finding, Finding::OtherPrincipal | Finding::UnknownDecision)
        };
        if execution.findings.iter().any(no_say) {
            return Ok(false);
        }
        let key = provided_key(id, execution.provider.as_deref());
        // Nor has one that uses no allow up, where another does.
        Ok(match read::<_, u64>(&self.view, Table::Provided, &key)? {
            None => true,
            Some(first) => {
                closes(&execution.findings)
                    && !self.execution(first)?.is_some_and(|record| record.closed)
            }
        })
    }

    /// Lets the provider's id of the execution at `seq` stand for it, and takes out what it is given by
    /// [`Self::early`].
    pub(super) fn claim(
        &mut self,
        seq: u64,
        execution: &Execution,
        agent: &str,
    ) -> Result<Vec<EarlyOutcome>, FoldError> {
        let Some(id) = &execution.provider_id else {
            return Ok(Vec::new());
        };
        if !self.claims(execution, id)? {
            return Ok(Vec::new());
        }
        let early = self.told_of(id, execution, agent)?;
        // Most messages are reported before anything is said of them.
        for by in reporters(agent).into_iter().filter(|_| !early.is_empty()) {
            let mut left = self.early_by(id, by)?;
            left.retain(|one| !is_of(one, execution));
            let key = early_key(id, by);
            if left.is_empty() {
                self.view.delete(Table::Early, key);
            } else {
                put(&mut self.view, Table::Early, key, &left);
            }
        }
        let key = provided_key(id, execution.provider.as_deref());
        put(&mut self.view, Table::Provided, key, &seq);
        Ok(early)
    }

    /// Keeps an outcome that breakers will count, if the log has no execution with its provider's id. The same
    /// said again is kept once, and no more than [`EARLY_MAX`] of them.
    pub(super) fn keep_early(
        &mut self,
        seq: u64,
        outcome: &OutcomeReport,
    ) -> Result<(), FoldError> {
        let (None, None, Some(id)) = (outcome.execution, &outcome.matched, &outcome.provider_id)
        else {
            return Ok(());
        };
        if !matches!(outcome.event, Event::BounceHard | Event::Complaint)
            || self.provided(id, outcome.provider.as_deref())?.is_some()
        {
            return Ok(());
        }
        let by = reports_for(&outcome.cause.actor).unwrap_or_default();
        let mut early = self.early_by(id, by)?;
        let one = EarlyOutcome {
            seq,
            event: outcome.event,
            provider: outcome.provider.clone(),
            recipient: outcome.recipient,
            keys: outcome.keys.clone(),
        };
        let same = |kept: &EarlyOutcome| {
            EarlyOutcome {
                seq,
                ..kept.clone()
            } == one
        };
        if early.len() < EARLY_MAX && !early.iter().any(same) {
            early.push(one);
            put(&mut self.view, Table::Early, early_key(id, by), &early);
        }
        Ok(())
    }
}

/// Whose reports count about a decision of `agent`: those who report for everybody, and the agent.
const fn reporters(agent: &str) -> [&str; 2] {
    ["", agent]
}

/// Whether the provider is the same, or the execution names none.
fn is_of(one: &EarlyOutcome, execution: &Execution) -> bool {
    execution.provider.is_none() || execution.provider == one.provider
}
