//! Break-glass: one person requests it, another confirms it, anybody of them closes it.

use super::{Refusal, precondition};
use crate::entry::{BreakGlass, BreakGlassEvent, DetailName};
use crate::gate::Nature;
use crate::record::BreakGlassRecord;
use crate::role::Role;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// The shortest time for which break-glass opens, in seconds.
const DURATION_S_MIN: u64 = 60;

pub(super) fn change<V: View>(
    state: &State<V>,
    glass: BreakGlass,
    now: Timestamp,
) -> Result<BreakGlass, Refusal> {
    match glass.event {
        BreakGlassEvent::Requested => request(state, glass, now),
        BreakGlassEvent::Opened => {
            let (request, record) = known(state, &glass, now)?;
            if let Some((seq, _)) = record.opened {
                return Err(precondition(&format!(
                    "break-glass request {request} was already confirmed by entry {seq}"
                )));
            }
            if record.requested_by == glass.cause.actor.id {
                return Err(precondition(
                    "break-glass takes two people: somebody else than who requested it has to confirm it",
                ));
            }
            Ok(BreakGlass {
                until: Some(now.saturating_add_s(record.duration_s)),
                requested_by: Some(record.requested_by.clone()),
                ..about(glass, request, record)
            })
        }
        BreakGlassEvent::Closed => {
            let (request, record) = known(state, &glass, now)?;
            Ok(BreakGlass {
                until: None,
                requested_by: None,
                ..about(glass, request, record)
            })
        }
    }
}

fn request<V: View>(
    state: &State<V>,
    glass: BreakGlass,
    now: Timestamp,
) -> Result<BreakGlass, Refusal> {
    let invalid = |field, value: String, expected: String| {
        Err(Refusal::Invalid {
            field,
            value,
            expected,
        })
    };
    let numbers = state.numbers();
    if glass.request.is_some() {
        let expected = "a request for break-glass names no other".to_owned();
        return invalid("request", String::new(), expected);
    }
    let agent = state
        .principal(&glass.agent)
        .is_some_and(|principal| principal.role == Role::Agent);
    if !agent {
        let expected = "expected a registered agent: break-glass is for one".to_owned();
        return invalid("agent", glass.agent, expected);
    }
    // What nobody declared is denied whatever its tier: opening it would lift nothing.
    if let Some(action) = &glass.action
        && !Nature::of(state.policy(), action).known
    {
        let expected =
            "expected an action that the policy in force declares, or none for all of the agent's"
                .to_owned();
        return invalid("action", action.clone(), expected);
    }
    let max = numbers.break_glass_max_s;
    if !(DURATION_S_MIN..=max).contains(&glass.duration_s) {
        let expected = format!("expected {DURATION_S_MIN} to {max} seconds");
        return invalid("duration_s", glass.duration_s.to_string(), expected);
    }
    if !glass.details.contains_key(&DetailName::Reason) {
        let expected = "break-glass needs a reason".to_owned();
        return invalid("reason", String::new(), expected);
    }
    Ok(BreakGlass {
        until: Some(now.saturating_add_s(numbers.break_glass_confirm_s)),
        requested_by: None,
        ..glass
    })
}

fn known<'s, V: View>(
    state: &'s State<V>,
    glass: &BreakGlass,
    now: Timestamp,
) -> Result<(u64, &'s BreakGlassRecord), Refusal> {
    let found = state
        .glass()
        .find(|(seq, record)| Some(*seq) == glass.request && now < record.until());
    found.ok_or_else(|| Refusal::Invalid {
        field: "request",
        value: glass
            .request
            .map_or_else(String::new, |seq| seq.to_string()),
        expected: "expected the seq of a request for break-glass that is not over: see `Status`"
            .to_owned(),
    })
}

fn about(glass: BreakGlass, request: u64, record: &BreakGlassRecord) -> BreakGlass {
    BreakGlass {
        request: Some(request),
        agent: record.agent.clone(),
        action: record.action.clone(),
        duration_s: record.duration_s,
        ..glass
    }
}
