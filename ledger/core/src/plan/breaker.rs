//! Circuit breakers: what reports open, what time closes, what people reset.

use super::report::following;
use super::{Refusal, precondition};
use crate::action::Class;
use crate::entry::{Breaker, BreakerEvent, BreakerScope, Cause, Cite, Execution, Measure, Status};
use crate::limits::{CITES_MAX, INTEGER_MAX};
use crate::meter::{self, Act, Reading};
use crate::policy::{BreachScope, BreakerRule, DNC_BREACH};
use crate::record::{DecisionRecord, Sampled};
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// The breakers of the policy in force that a report about `decision` trips, `events` being what the
/// report adds, in the order of the policy's rules.
///
/// A breaker warns once for each time that it passes its warning, and not while it is open; one that is
/// open already opens no second time.
pub(super) fn measured<V: View>(
    state: &State<V>,
    cause: &Cause,
    decision: &DecisionRecord,
    events: &[Sampled],
    now: Timestamp,
) -> Vec<Breaker> {
    let mut tripped = Vec::new();
    for (at, rule) in state.meters().rules().enumerate() {
        let Some(key) = meter::key(rule, Act::from(decision)) else {
            continue;
        };
        let scope = meter::scope(rule, &key);
        let latched = state.breaker(&rule.id, &scope);
        if latched.is_some_and(|latched| latched.is_open(now)) {
            continue;
        }
        let since = latched.and_then(crate::record::BreakerRecord::since);
        let tally = |one: &Sampled| Some((one.cite, meter::tally(rule.measure, one.event)?));
        let added: Vec<_> = events.iter().filter_map(tally).collect();
        let mut reading = state.meters().read(at, &key, now, since);
        for (_, tally) in &added {
            reading.count += u128::from(tally.count);
            reading.sample += tally.sample;
        }
        let is_above = |threshold: &u64| reading.is_above(rule.measure, *threshold, rule.minimum);
        let warned = latched.is_some_and(|latched| latched.warned);
        let (event, threshold) = if is_above(&rule.open) {
            (BreakerEvent::Opened, rule.open)
        } else if let Some(warn) = rule.warn.filter(is_above)
            && !warned
        {
            (BreakerEvent::Warned, warn)
        } else {
            continue;
        };
        let (before, mut total) = state.meters().cites(at, &key, now, since);
        let newest = added.iter().rev().filter(|(_, tally)| tally.count > 0);
        let mut counted: Vec<u64> = newest.map(|(cite, _)| *cite).collect();
        total += counted.len() as u64;
        counted.extend(before);
        counted.truncate(CITES_MAX);
        counted.sort_unstable();
        let opens = event == BreakerEvent::Opened;
        tripped.push(Breaker {
            threshold: Some(threshold),
            count: Some(shown(reading.count)),
            sample: Some(reading.sample),
            window_s: Some(rule.window_s),
            until: (opens && rule.measure.closes_itself())
                .then(|| now.saturating_add_s(rule.window_s)),
            cites: cites(&counted),
            cites_total: (total > CITES_MAX as u64).then_some(total),
            ..breaker(cause, event, rule, scope)
        });
    }
    tripped
}

/// The breaker that the gate itself has: a contact decision that the do-not-contact list denied was
/// carried out. Once is too often.
pub(super) fn breach<V: View>(
    state: &State<V>,
    execution: &Execution,
    decision: &DecisionRecord,
    now: Timestamp,
) -> Option<Breaker> {
    let carried_out = match execution.status {
        Status::Success | Status::Partial | Status::Failure => true,
        Status::NotStarted => false,
    };
    if !carried_out || !decision.dnc || decision.class != Class::Contact {
        return None;
    }
    let whose = state
        .policy()
        .map_or_else(BreachScope::default, |policy| policy.text.dnc_breach);
    let scope = BreakerScope {
        agent: (whose == BreachScope::Agent).then(|| decision.agent.clone()),
        classes: vec![Class::Contact],
        ..BreakerScope::default()
    };
    let open = |scope: &BreakerScope| {
        let latched = state.breaker(DNC_BREACH, scope);
        latched.is_some_and(|latched| latched.is_open(now))
    };
    if open(&scope) {
        return None;
    }
    Some(Breaker {
        cause: following(&execution.cause),
        event: BreakerEvent::Opened,
        rule: DNC_BREACH.to_owned(),
        scope,
        measure: Measure::DncBreach,
        opened: None,
        threshold: Some(0),
        count: Some(1),
        sample: Some(1),
        window_s: None,
        until: None,
        cites: cites(&[execution.decision, state.head().next]),
        cites_total: None,
        details: std::collections::BTreeMap::new(),
    })
}

fn breaker(cause: &Cause, event: BreakerEvent, rule: &BreakerRule, scope: BreakerScope) -> Breaker {
    Breaker {
        cause: following(cause),
        event,
        rule: rule.id.clone(),
        scope,
        measure: rule.measure,
        opened: None,
        threshold: None,
        count: None,
        sample: None,
        window_s: None,
        until: None,
        cites: Vec::new(),
        cites_total: None,
        details: std::collections::BTreeMap::new(),
    }
}

fn cites(seqs: &[u64]) -> Vec<Cite> {
    let cite = |seq: &u64| Cite {
        seq: *seq,
        index: None,
    };
    seqs.iter().map(cite).collect()
}

/// A cost as an entry can hold it. One that is larger is above every threshold in any case.
fn shown(count: u128) -> u64 {
    u64::try_from(count)
        .unwrap_or(u64::MAX)
        .min(INTEGER_MAX - 1)
}

/// Whether what an entry says was counted is above the threshold that it names.
pub(crate) fn above(breaker: &Breaker) -> bool {
    let (Some(threshold), Some(count), Some(sample)) =
        (breaker.threshold, breaker.count, breaker.sample)
    else {
        return false;
    };
    let count = u128::from(count);
    Reading { count, sample }.is_above(breaker.measure, threshold, 0)
}

/// A person resets a breaker, or the ledger closes one whose time is over.
pub(super) fn end<V: View>(
    state: &State<V>,
    breaker: Breaker,
    now: Timestamp,
) -> Result<Breaker, Refusal> {
    let Some(record) = breaker.opened.and_then(|seq| state.breaker_opened(seq)) else {
        return Err(Refusal::Invalid {
            field: "opened",
            value: breaker
                .opened
                .map_or_else(String::new, |seq| seq.to_string()),
            expected: "expected the seq of the `breaker` entry that opened one: see `Status`"
                .to_owned(),
        });
    };
    if breaker.event == BreakerEvent::Closed && record.since().is_none_or(|until| now < until) {
        return Err(precondition("the breaker's time is not over"));
    }
    Ok(Breaker {
        rule: record.rule.clone(),
        scope: record.scope.clone(),
        measure: record.measure,
        threshold: None,
        count: None,
        sample: None,
        window_s: None,
        until: None,
        cites: Vec::new(),
        cites_total: None,
        ..breaker
    })
}
