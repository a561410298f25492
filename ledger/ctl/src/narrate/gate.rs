//! What people let pass by hand, and what stops by itself: approvals, break-glass, breakers, keys.

use ledger_core::entry::{
    Approval, BreakGlass, BreakGlassEvent, Breaker, BreakerEvent, BreakerScope, KeyEntry, KeyEvent,
    Measure, Verdict,
};

use super::{Story, listed, short, who_first};
use crate::text::{duration_s, put};

pub(super) fn approval(story: &mut Story, approval: &Approval) {
    let who = who_first(&approval.cause.actor);
    let what = match (approval.decision, approval.policy) {
        (Some(decision), _) => format!("the request of #{decision}"),
        (None, Some(policy)) => format!("the policy {}", short(policy)),
        (None, None) => "nothing".to_owned(),
    };
    match approval.verdict {
        Verdict::Granted => {
            let until = approval
                .expires_at
                .map(|until| format!(", to be used before {until}"))
                .unwrap_or_default();
            story.say(format!(
                "{who}, of the group `{}`, approved {what}{until}.",
                approval.group
            ));
        }
        Verdict::Denied => story.say(format!(
            "{who}, of the group `{}`, denied {what}.",
            approval.group
        )),
        Verdict::Expired => story.say(match approval.granted {
            Some(granted) => {
                format!("Nobody used the approval of #{granted} in time: {what} is over.")
            }
            None => format!(
                "Nobody of the group `{}` answered in time: {what} is over.",
                approval.group
            ),
        }),
    }
}

pub(super) fn break_glass(story: &mut Story, glass: &BreakGlass) {
    let who = who_first(&glass.cause.actor);
    let scope = match &glass.action {
        Some(action) => format!("`{action}` by `{}`", glass.agent),
        None => format!("everything that `{}` is granted", glass.agent),
    };
    let long = duration_s(glass.duration_s);
    match glass.event {
        BreakGlassEvent::Requested => {
            story.say(format!(
                "{who} asks for break-glass: tier 3 lifted for {scope}, for {long}."
            ));
            if let Some(until) = glass.until {
                story.say(format!("Somebody else has to confirm it before {until}."));
            }
        }
        BreakGlassEvent::Opened => {
            let asked = glass.requested_by.as_deref().unwrap_or("?");
            let until = glass
                .until
                .map(|until| format!(" until {until}"))
                .unwrap_or_default();
            story.say(format!(
                "{who} confirmed what `{asked}` requested in #{}: tier 3 is lifted for {scope}{until}.",
                glass.request.unwrap_or_default()
            ));
        }
        BreakGlassEvent::Closed => story.say(format!(
            "{who} closed the break-glass of #{}.",
            glass.request.unwrap_or_default()
        )),
    }
}

pub(super) fn breaker(story: &mut Story, breaker: &Breaker) {
    let what = scope(&breaker.scope);
    let rule = &breaker.rule;
    match breaker.event {
        BreakerEvent::Warned => {
            story.say(format!(
                "The breaker `{rule}` warns about {what}: {}.",
                seen(breaker)
            ));
        }
        BreakerEvent::Opened => {
            let until = match breaker.until {
                Some(until) => format!("until {until}"),
                None => "until a person resets it".to_owned(),
            };
            story.say(format!(
                "The breaker `{rule}` opened: {what} is refused {until}. {}.",
                seen(breaker)
            ));
        }
        BreakerEvent::Closed => story.say(format!(
            "The breaker `{rule}`, open since #{}, closed: its time is over.",
            breaker.opened.unwrap_or_default()
        )),
        BreakerEvent::Reset => story.say(format!(
            "{} reset the breaker `{rule}`, open since #{}: {what} may go on.",
            who_first(&breaker.cause.actor),
            breaker.opened.unwrap_or_default()
        )),
    }
    if !breaker.cites.is_empty() {
        let cites: Vec<String> = breaker
            .cites
            .iter()
            .map(|cite| format!("#{}", cite.seq))
            .collect();
        let total = breaker
            .cites_total
            .map(|total| format!(" (of {total})"))
            .unwrap_or_default();
        story.say(format!("Counted: {}{total}.", listed(&cites)));
    }
}

/// What a breaker saw, as a sentence without its full stop.
fn seen(breaker: &Breaker) -> String {
    let count = breaker.count.unwrap_or_default();
    let sample = breaker.sample.unwrap_or_default();
    let threshold = breaker.threshold.unwrap_or_default();
    let window = breaker
        .window_s
        .map(|window| format!(" within {}", duration_s(window)))
        .unwrap_or_default();
    match breaker.measure {
        Measure::HardBounceRate => {
            format!(
                "{count} of {sample} bounced for good{window}, more than {}",
                percent(threshold)
            )
        }
        Measure::ComplaintRate => {
            format!(
                "{count} of {sample} complained{window}, more than {}",
                percent(threshold)
            )
        }
        Measure::ErrorRate => {
            format!(
                "{count} of {sample} failed{window}, more than {}",
                percent(threshold)
            )
        }
        Measure::Cost => format!(
            "{sample} executions cost {}{window}, more than {}",
            units(count),
            units(threshold)
        ),
        Measure::DncBreach => {
            "a person on the do-not-contact list was contacted after a denial".to_owned()
        }
    }
}

/// Parts per million as per cent, exactly.
fn percent(ppm: u64) -> String {
    let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Millionths as units, exactly.
fn units(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// What a breaker refuses.
pub(crate) fn scope(scope: &BreakerScope) -> String {
    let mut what: Vec<String> = scope
        .classes
        .iter()
        .map(|class| format!("class {class}"))
        .collect();
    what.extend(scope.actions.iter().map(|action| format!("`{action}`")));
    let mut text = listed(&what);
    if let Some(agent) = &scope.agent {
        put!(text, " by `{agent}`");
    }
    if let Some(seller) = &scope.seller {
        put!(text, " for seller `{seller}`");
    }
    if let Some(mailbox) = scope.mailbox {
        put!(text, " from mailbox {}", short(mailbox));
    }
    text
}

pub(super) fn key(story: &mut Story, entry: &KeyEntry) {
    let who = who_first(&entry.cause.actor);
    story.say(match entry.event {
        KeyEvent::Trusted => format!(
            "{who} trusts the key {}: policies can be promoted from there.",
            entry.key
        ),
        KeyEvent::Distrusted => format!("{who} no longer trusts the key {}.", entry.key),
    });
}
