//! Executions, outcomes, and allows that nobody reported on.

use ledger_core::entry::{Event, Execution, OutcomeReport, Status, Unresolved};

use super::decision::money;
use super::{Story, policy_words, short, who_first};
use crate::text::put;

pub(super) fn execution(story: &mut Story, execution: &Execution) {
    let mut text = format!(
        "{} reported on decision #{}: {}",
        who_first(&execution.cause.actor),
        execution.decision,
        status(execution.status)
    );
    if let Some(code) = &execution.error_code {
        put!(text, ", error code `{code}`");
    }
    by_provider(
        &mut text,
        execution.provider.as_deref(),
        execution.provider_id,
    );
    story.say(format!("{text}."));
    for result in &execution.results {
        let code = result
            .error_code
            .as_ref()
            .map(|code| format!(", error code `{code}`"))
            .unwrap_or_default();
        story.point(format!(
            "recipient {}: {}{code}",
            result.recipient,
            status(result.status)
        ));
    }
    match (execution.started_at, execution.occurred_at) {
        (Some(started), Some(occurred)) => story.say(format!(
            "By the runtime's clock: started {started}, happened {occurred}."
        )),
        (Some(started), None) => story.say(format!("By the runtime's clock: started {started}.")),
        (None, Some(occurred)) => {
            story.say(format!("By the runtime's clock: happened {occurred}."));
        }
        (None, None) => {}
    }
    if let Some(cost) = execution.cost_micros {
        story.say(format!("Cost: {}.", money(cost)));
    }
    story.findings(&execution.findings);
    story.say(policy_words(execution.policy.as_ref()));
}

pub(super) fn outcome(story: &mut Story, outcome: &OutcomeReport) {
    let event = match outcome.event {
        Event::BounceHard => "a hard bounce",
        Event::BounceSoft => "a soft bounce",
        Event::Complaint => "a complaint",
        Event::Reply => "a reply",
        Event::Unsubscribe => "an unsubscribe",
    };
    let mut text = format!("{} reported {event}", who_first(&outcome.cause.actor));
    if let Some(recipient) = outcome.concerned() {
        put!(text, " of recipient {recipient}");
    }
    match (outcome.about(), outcome.decision) {
        (Some(execution), Some(decision)) => {
            put!(text, " to execution #{execution} of decision #{decision}");
        }
        (Some(execution), None) => put!(text, " to execution #{execution}"),
        (None, _) => text.push_str(" to an execution that it does not name"),
    }
    by_provider(&mut text, outcome.provider.as_deref(), outcome.provider_id);
    story.say(format!("{text}."));
    if let Some(occurred) = outcome.occurred_at {
        story.say(format!("By the provider's clock: {occurred}."));
    }
    story.findings(&outcome.findings);
    story.say(policy_words(outcome.policy.as_ref()));
}

pub(super) fn unresolved(story: &mut Story, unresolved: &Unresolved) {
    story.say(format!(
        "Nobody reported in time on the allow #{}: whether the act happened is not known.",
        unresolved.decision
    ));
}

fn by_provider(text: &mut String, provider: Option<&str>, id: Option<ledger_core::token::Token>) {
    if let Some(provider) = provider {
        put!(text, ", by provider `{provider}`");
    }
    if let Some(id) = id {
        put!(text, ", provider's id {}", short(id));
    }
}

/// A status in words.
const fn status(status: Status) -> &'static str {
    match status {
        Status::Success => "done",
        Status::Failure => "tried and failed",
        Status::Partial => "done in part",
        Status::NotStarted => "given up before it was tried",
    }
}
