//! Reports: recorded whatever they say, with a finding for every rule that they break.

use super::{Refusal, role};
use crate::entry::{Basis, Execution, Finding, Outcome, OutcomeReport};
use crate::record::DecisionRecord;
use crate::role::Role;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

pub(super) fn execution<V: View>(
    state: &State<V>,
    mut execution: Execution,
    now: Timestamp,
) -> Result<Execution, Refusal> {
    let decision = state.decision(execution.decision)?;
    let tolerance_s = state.numbers().start_tolerance_s;
    execution.findings = match decision {
        None => vec![Finding::UnknownDecision],
        Some(decision) => findings(&execution, &decision, now, tolerance_s),
    };
    execution.policy = state.policy_ref();
    Ok(execution)
}

/// Whether an execution with these findings uses its decision up. One that was never allowed, was
/// used up before, or is reported by somebody else closes nothing.
pub fn closes(findings: &[Finding]) -> bool {
    !findings.iter().any(|finding| {
        matches!(
            finding,
            Finding::UnknownDecision
                | Finding::DecisionDenied
                | Finding::ApprovalMissing
                | Finding::OtherPrincipal
                | Finding::AlreadyExecuted
        )
    })
}

/// The rules that an execution of `decision` breaks, reported `now`. Whoever reports on a decision of
/// somebody else is told that alone: the other findings would say how it stands.
pub(crate) fn findings(
    execution: &Execution,
    decision: &DecisionRecord,
    now: Timestamp,
    tolerance_s: u64,
) -> Vec<Finding> {
    let actor = &execution.cause.actor;
    if actor.id != decision.agent && role(actor.kind) != Some(Role::Recorder) {
        return vec![Finding::OtherPrincipal];
    }
    let mut findings = Vec::new();
    let mut found = |finding: Finding, is: bool| {
        if is {
            findings.push(finding);
        }
    };
    found(Finding::DecisionDenied, decision.outcome == Outcome::Deny);
    found(
        Finding::ApprovalMissing,
        decision.outcome == Outcome::RequireApproval,
    );
    found(
        Finding::OtherCorrelation,
        execution.cause.correlation_id.as_deref() != Some(decision.correlation_id.as_str()),
    );
    found(Finding::AlreadyExecuted, decision.executed.is_some());
    if decision.outcome != Outcome::Allow {
        return findings;
    }
    let started = execution.started_at.or(execution.occurred_at);
    if let Some(started) = started {
        // An asserted decision has the time at which it was recorded, which may be long after.
        found(
            Finding::StartedBeforeDecision,
            decision.basis == Basis::Gate && started.saturating_add_s(tolerance_s) < decision.time,
        );
        found(
            Finding::Expired,
            decision
                .valid_until
                .is_some_and(|until| until.saturating_add_s(tolerance_s) < started),
        );
    } else if decision.basis == Basis::Gate {
        found(Finding::StartUnknown, true);
    }
    if let Some((_, stopped)) = decision.voided {
        let before = started.is_some_and(|started| started < stopped);
        found(
            if before {
                Finding::InFlightAtStop
            } else {
                Finding::AfterStop
            },
            true,
        );
    }
    found(
        Finding::ReportLate,
        decision.report_by.is_some_and(|by| by <= now),
    );
    findings.sort_unstable();
    findings
}

pub(super) fn outcome<V: View>(
    state: &State<V>,
    mut outcome: OutcomeReport,
) -> Result<OutcomeReport, Refusal> {
    let execution = match outcome.execution {
        Some(seq) => state.execution(seq)?,
        None => None,
    };
    outcome.decision = execution
        .as_ref()
        .filter(|record| record.known)
        .map(|record| record.decision);
    outcome.findings = if execution.is_none() {
        vec![Finding::UnknownExecution]
    } else {
        Vec::new()
    };
    outcome.policy = state.policy_ref();
    Ok(outcome)
}
