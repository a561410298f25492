//! The entries that reasons rest on, but for listings and exemptions: that each is what its reason says.

use super::material::Material;
use super::{JudgeError, Judgement};
use crate::entry::{
    Body, BreakGlassEvent, BreakerEvent, ClockEvent, Code, Decision, DncOp, Entry, Outcome, Reason,
};
use crate::gate::Nature;

/// What every reason cites.
pub(super) fn check(
    entry: &Entry,
    decision: &Decision,
    nature: &Nature,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let wrong = |what: String| Err(JudgeError::contradicts(entry.seq, what));
    for reason in &decision.reasons {
        let code = reason.code;
        match code {
            // Judged with those whom they name.
            Code::DncListed | Code::DncExempt => continue,
            Code::StopActive
            | Code::ClockBlocked
            | Code::BreakerOpen
            | Code::TierBreakGlass
            | Code::ApprovalGranted
            | Code::ApprovalMismatch
            | Code::ApprovalSpent
            | Code::ApprovalExpired
            | Code::ApprovalApprover
                if reason.cites.is_empty() =>
            {
                return wrong(format!(
                    "`reasons`: {code:?} cites nothing, expected the entry that it rests on"
                ));
            }
            _ => {}
        }
        for cite in &reason.cites {
            let cited = material.entry(cite.seq)?;
            let is_ground = is_ground(cited, entry, decision, reason, nature);
            let Ground {
                check,
                shown,
                instead,
            } = Ground::of(cited.seq, code, decision, nature);
            if !is_ground {
                return wrong(format!("entry {}, which it cites, {instead}", cited.seq));
            }
            judgement.shows(check, shown);
        }
        if let Some(open) = not_shown(code) {
            judgement.does_not_show(open);
        }
    }
    Ok(())
}

/// Whether a reason of this entry may rest on that one.
fn is_ground(
    cited: &Entry,
    entry: &Entry,
    decision: &Decision,
    reason: &Reason,
    nature: &Nature,
) -> bool {
    let agent = &decision.cause.actor.id;
    match (reason.code, &cited.body) {
        (Code::StopActive, Body::Stop(stop)) => stop.scope.covers(agent, nature.class),
        (Code::ClockBlocked, Body::Clock(clock)) => {
            clock.event == ClockEvent::Seen
                || (clock.after < clock.before && entry.time <= clock.before)
        }
        (Code::BreakerOpen, Body::Breaker(breaker)) => {
            breaker.event == BreakerEvent::Opened
                && Some(&breaker.rule) == reason.rule.as_ref()
                && breaker.scope.covers(decision, nature.class)
                && breaker.until.is_none_or(|until| entry.time < until)
        }
        (Code::TierBreakGlass, Body::BreakGlass(glass)) => {
            glass.event == BreakGlassEvent::Opened
                && glass.agent == *agent
                && glass
                    .action
                    .as_ref()
                    .is_none_or(|only| *only == decision.action)
                && glass.until.is_some_and(|until| entry.time < until)
        }
        (
            Code::ApprovalGranted
            | Code::ApprovalMismatch
            | Code::ApprovalExpired
            | Code::ApprovalApprover,
            Body::Approval(_),
        ) => Some(cited.seq) == decision.approval,
        (Code::ApprovalSpent, Body::Decision(spender)) => {
            spender.approval == decision.approval && spender.outcome == Outcome::Allow
        }
        (Code::CallRegistryStale, Body::Dnc(dnc)) => {
            let sources = &nature.registry_sources;
            let from = dnc.imports.as_ref().map(|imports| &imports.source);
            dnc.op == DncOp::ImportEnd
                && (sources.is_empty() || from.is_some_and(|from| sources.contains(from)))
                && nature
                    .registry_max_age_s
                    .is_some_and(|age| cited.time.saturating_add_s(age) < entry.time)
        }
        _ => false,
    }
}

/// What is said of an entry on which a reason rests.
struct Ground {
    check: &'static str,
    shown: String,
    /// What it is where no reason of this code may rest on it.
    instead: String,
}

impl Ground {
    fn of(seq: u64, code: Code, decision: &Decision, nature: &Nature) -> Self {
        let agent = &decision.cause.actor.id;
        let (check, shown, instead) = match code {
            Code::StopActive => (
                "stop",
                format!(
                    "the stop of entry {seq} covers `{agent}` and the class {}",
                    nature.class
                ),
                "is no stop of this agent or class".to_owned(),
            ),
            Code::ClockBlocked => (
                "clock",
                format!("entry {seq} left the time in doubt"),
                "leaves no doubt about the time".to_owned(),
            ),
            _ => (
                "reasons",
                format!("entry {seq} is what the reason {code:?} rests on"),
                format!("is nothing that the reason {code:?} can rest on"),
            ),
        };
        Self {
            check,
            shown,
            instead,
        }
    }
}

/// What takes more than the entries cited.
const fn not_shown(code: Code) -> Option<&'static str> {
    match code {
        Code::StopActive => Some("That the stop had not been resumed by then."),
        Code::ClockBlocked => Some("That nobody had acknowledged the jump of the clock by then."),
        Code::BreakerOpen => Some("That nobody had reset the breaker by then."),
        Code::CallRegistryStale => Some("That no later import was complete by then."),
        Code::TierBreakGlass => Some("That nobody had closed break-glass by then."),
        _ => None,
    }
}
