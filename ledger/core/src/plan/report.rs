//! Reports: recorded whatever they say, with a finding for every rule that they break.

use super::{Refusal, breaker, listed, role};
use crate::entry::{Actor, Basis, Body, Cause, Execution, Finding, Outcome, OutcomeReport};
use crate::record::DecisionRecord;
use crate::role::Role;
use crate::state::{State, execution_sample, outcome_sample};
use crate::time::Timestamp;
use crate::view::View;

/// An execution, and the breakers that it trips.
pub(super) fn execution<V: View>(
    state: &State<V>,
    mut execution: Execution,
    now: Timestamp,
) -> Result<Vec<Body>, Refusal> {
    let decision = state.decision(execution.decision)?;
    let tolerance_s = state.numbers().start_tolerance_s;
    execution.findings = match &decision {
        None => vec![Finding::UnknownDecision],
        Some(decision) => findings(&execution, decision, now, tolerance_s),
    };
    execution.policy = state.policy_ref();
    let counts = !execution.findings.contains(&Finding::OtherPrincipal);
    let tripped = match &decision {
        Some(decision) if counts => {
            let event = execution_sample(&execution, decision);
            let mut tripped = breaker::measured(state, &execution.cause, decision, event, now);
            tripped.extend(breaker::breach(state, &execution, decision, now));
            tripped
        }
        _ => Vec::new(),
    };
    let mut bodies = vec![Body::Execution(Box::new(execution))];
    bodies.extend(
        tripped
            .into_iter()
            .map(|breaker| Body::Breaker(Box::new(breaker))),
    );
    Ok(bodies)
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
    if !may_report(&execution.cause.actor, &decision.agent) {
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

/// An outcome, the breakers that it trips, and the listing of whoever asks for it.
pub(super) fn outcome<V: View>(
    state: &State<V>,
    mut outcome: OutcomeReport,
    now: Timestamp,
) -> Result<Vec<Body>, Refusal> {
    let execution = match outcome.execution {
        Some(seq) => state.execution(seq)?,
        None => None,
    };
    let decision = match &execution {
        Some(record) => state.decision(record.decision)?,
        None => None,
    };
    outcome.decision = execution
        .as_ref()
        .filter(|record| record.known)
        .map(|record| record.decision);
    outcome.findings = match (&execution, &decision) {
        (None, _) => vec![Finding::UnknownExecution],
        (Some(_), None) => Vec::new(),
        (Some(_), Some(decision)) => {
            outcome_findings(&outcome, &decision.agent, decision.recipients)
        }
    };
    outcome.policy = state.policy_ref();
    let counts = !outcome.findings.contains(&Finding::OtherPrincipal);
    let tripped = match (&execution, &decision) {
        (Some(_), Some(decision)) if counts => {
            let counted = outcome_sample(&outcome, decision);
            let event = counted.map(|(event, _)| event);
            breaker::measured(state, &outcome.cause, decision, event, now)
        }
        _ => Vec::new(),
    };
    // Whoever reports it: a person who wants no more is listed. A stranger lists whom the report itself
    // names; what the decision says of people is not the stranger's to be told.
    let own = decision.as_ref().filter(|_| counts);
    let listed = listed::of(state, &outcome, own)?;
    let mut bodies = vec![Body::Outcome(Box::new(outcome))];
    bodies.extend(
        tripped
            .into_iter()
            .map(|breaker| Body::Breaker(Box::new(breaker))),
    );
    bodies.extend(listed.into_iter().map(Body::Dnc));
    Ok(bodies)
}

/// The rules that an outcome breaks, about a decision of `agent` with so many recipients. Whoever reports
/// on a decision of somebody else is told that alone.
pub(crate) fn outcome_findings(
    outcome: &OutcomeReport,
    agent: &str,
    recipients: u64,
) -> Vec<Finding> {
    if !may_report(&outcome.cause.actor, agent) {
        return vec![Finding::OtherPrincipal];
    }
    let unknown = outcome
        .recipient
        .is_some_and(|recipient| recipient >= recipients);
    if unknown {
        vec![Finding::UnknownRecipient]
    } else {
        Vec::new()
    }
}

/// What an entry that follows from a report says of its cause: the same call and caller, without what
/// stands for the request.
pub(super) fn following(cause: &Cause) -> Cause {
    Cause {
        request_id: None,
        action_id: None,
        content: None,
        ..cause.clone()
    }
}

/// Whether a report by `actor` counts about what was decided for `agent`.
fn may_report(actor: &Actor, agent: &str) -> bool {
    actor.id == agent || role(actor.kind) == Some(Role::Recorder)
}
