//! Reports: recorded whatever they say, with a finding for every rule that they break.

use super::{Refusal, breaker, listed, role};
use crate::entry::{
    Actor, Basis, Body, Cause, Execution, Finding, Key, Matched, Outcome, OutcomeReport,
};
use crate::record::{DecisionRecord, PersonKeys, Sampled};
use crate::role::Role;
use crate::state::{State, execution_samples, outcome_sample};
use crate::time::Timestamp;
use crate::view::View;

/// An execution, and the breakers that it trips.
pub(super) fn execution<V: View>(
    state: &State<V>,
    mut execution: Execution,
    now: Timestamp,
) -> Result<Vec<Body>, Refusal> {
    let seq = state.head().next;
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
            let early = state.early(&execution, &decision.agent)?;
            let (events, _) = execution_samples(seq, &execution, decision, &early);
            let mut tripped = breaker::measured(state, &execution.cause, decision, &events, now);
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
    outcome.matched = matched(state, &outcome)?;
    let execution = match outcome.about() {
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
            let cite = state.head().next;
            let event = counted.map(|(event, _)| Sampled { cite, event });
            breaker::measured(state, &told(&outcome), decision, event.as_slice(), now)
        }
        _ => Vec::new(),
    };
    // Whoever reports it: a person who wants no more is listed. A stranger lists whom the report itself
    // names; what the decision says of people is not the stranger's to be told.
    let own = decision.as_ref().filter(|_| counts);
    if counts && listed::lists_nobody(&outcome, listed::people_of(own)) {
        outcome.findings.push(Finding::Unlisted);
    }
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

/// The execution that a report means which names none, by the provider's id. A stranger's report finds
/// nothing: what an id stands for is not the stranger's to be told.
fn matched<V: View>(state: &State<V>, outcome: &OutcomeReport) -> Result<Option<Matched>, Refusal> {
    let (None, Some(id)) = (outcome.execution, &outcome.provider_id) else {
        return Ok(None);
    };
    let Some(seq) = state.provided(id, outcome.provider.as_deref())? else {
        return Ok(None);
    };
    let Some(execution) = state.execution(seq)? else {
        return Ok(None);
    };
    let decision = state.decision(execution.decision)?;
    let told = decision.filter(|decision| may_report(&outcome.cause.actor, &decision.agent));
    Ok(told.map(|decision| Matched {
        execution: seq,
        recipient: meant(outcome.recipient, &outcome.keys, &decision.people),
        correlation_id: decision.correlation_id,
    }))
}

/// The recipient whom a report means that gives no index: the first of whom it has a key.
pub(crate) fn meant(index: Option<u64>, keys: &[Key], people: &[PersonKeys]) -> Option<u64> {
    let is_named = |person: &&PersonKeys| {
        let is_theirs = |key: &Key| person.person.contains(&(key.kind.clone(), key.token));
        keys.iter().any(is_theirs)
    };
    match index {
        Some(_) => None,
        None => people.iter().find(is_named).map(|person| person.recipient),
    }
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
    let beyond = outcome.recipient.is_some_and(|index| index >= recipients);
    // What was found by a provider's id says itself whom it is about, or whom not.
    let stranger =
        outcome.matched.is_some() && names_another(outcome.concerned(), &outcome.keys, recipients);
    if beyond || stranger {
        vec![Finding::UnknownRecipient]
    } else {
        Vec::new()
    }
}

/// Whether a report that was found by the provider's id names somebody whom the decision does not.
pub(crate) const fn names_another(concerned: Option<u64>, keys: &[Key], recipients: u64) -> bool {
    recipients > 0 && !keys.is_empty() && concerned.is_none()
}

/// For whom reports by `actor` count: about everybody's decisions, or about those of one agent.
pub(crate) fn reports_for(actor: &Actor) -> Option<&str> {
    let everybody = matches!(role(actor.kind), Some(Role::Recorder | Role::Ingest));
    (!everybody).then_some(actor.id.as_str())
}

/// The cause of an outcome with the correlation id that it has or that was found for it: what follows from it
/// belongs to the same story.
pub(super) fn told(outcome: &OutcomeReport) -> Cause {
    Cause {
        correlation_id: outcome.correlation_id().map(str::to_owned),
        ..outcome.cause.clone()
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
    actor.id == agent || reports_for(actor).is_none()
}
