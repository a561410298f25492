//! Samples: what breakers measure of reports.

use std::collections::BTreeSet;

use super::fold::{FoldError, put};
use super::{State, count_allows, count_samples, first_seq, read};
use crate::action::Class;
use crate::entry::{Basis, Event, Execution, Finding, OutcomeReport, Status};
use crate::limits::WINDOW_S_MAX;
use crate::meter::{self, Act, Meters};
use crate::plan::{meant, names_another};
use crate::policy::{BreakerRule, Policy};
use crate::record::{
    Counted, DecisionRecord, EarlyOutcome, NOBODY, PersonKeys, SampleEvent, SampleRecord, Sampled,
};
use crate::time::Timestamp;
use crate::view::{ReadView, Table, View, ViewError};
use crate::window::Windows;

/// What the throttles and breakers of a policy count in the log, for when it is published.
#[derive(Debug, Clone)]
pub struct Prefilled {
    /// Of the throttles.
    pub windows: Windows,
    /// Of the breakers.
    pub meters: Meters,
}

/// What the throttles and breakers of a policy that is about to be published count in what a view holds.
/// The daemon makes it off the sequencer; the fold adds what came after.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn prefilled<V: ReadView>(view: &V, policy: &Policy) -> Result<Prefilled, ViewError> {
    let mut prefilled = Prefilled {
        windows: Windows::new(policy.throttles()),
        meters: Meters::new(policy.breakers()),
    };
    count_allows(view, 0, &mut prefilled.windows)?;
    count_samples(view, 0, &mut prefilled.meters)?;
    Ok(prefilled)
}

/// What breakers count of the execution at `seq`, with what outcomes had said of its message before it, and
/// what they have counted of the decision's people then. An execution that uses no allow up is no sample
/// itself.
pub(crate) fn execution_samples(
    seq: u64,
    execution: &Execution,
    decision: &DecisionRecord,
    early: &[EarlyOutcome],
) -> (Vec<Sampled>, Counted) {
    let mut events = Vec::new();
    let mut counted = decision.counted.clone();
    // What another engine allowed is no allow of this gate: it neither trips nor dilutes anything.
    if decision.basis == Basis::Gate && crate::plan::closes(&execution.findings) {
        counted.reached = reached(execution, decision);
        let event = SampleEvent::Execution {
            status: execution.status,
            // Of whom it was told before was counted then.
            reached: counted
                .reached
                .difference(&counted.bounced)
                .filter(|person| !counted.complained.contains(person))
                .count() as u64,
            cost_micros: cost(execution, decision),
        };
        events.push(Sampled { cite: seq, event });
    }
    for one in early {
        let found = meant(one.recipient, &one.keys, &decision.people);
        let concerned = one.recipient.or(found);
        let unknown = names_another(concerned, &one.keys, decision.recipients);
        if let Some((event, person)) = told(one.event, concerned, unknown, decision, &counted) {
            note(&mut counted, event, person);
            let cite = one.seq;
            events.push(Sampled { cite, event });
        }
    }
    (events, counted)
}

/// What an execution cost: what its report says, and no less than the request had said, but where the act
/// was never tried.
fn cost(execution: &Execution, decision: &DecisionRecord) -> u64 {
    let reported = execution.cost_micros.unwrap_or(0);
    match execution.status {
        Status::NotStarted => reported,
        _ => reported.max(decision.cost_micros.unwrap_or(0)),
    }
}

/// The people whom an execution says it reached, each by the first recipient that stands for them. A
/// contact that names nobody reaches somebody.
fn reached(execution: &Execution, decision: &DecisionRecord) -> BTreeSet<u64> {
    let missed: BTreeSet<u64> = match execution.status {
        Status::Failure | Status::NotStarted => return BTreeSet::new(),
        Status::Success => BTreeSet::new(),
        Status::Partial => execution
            .results
            .iter()
            .filter(|result| matches!(result.status, Status::Failure | Status::NotStarted))
            .map(|result| result.recipient)
            .collect(),
    };
    if decision.people.is_empty() && decision.class == Class::Contact {
        return [0]
            .into_iter()
            .filter(|who| !missed.contains(who))
            .collect();
    }
    let people = decision.people.iter();
    people
        .filter(|one| {
            // One of several addresses is enough.
            !missed.contains(&one.recipient) || !one.others.is_subset(&missed)
        })
        .map(|one| one.recipient)
        .collect()
}

/// What breakers count of an outcome, and of whom; none where the same was counted before.
///
/// A report that names none of several recipients, or one that the decision does not have, counts once
/// for the whole decision.
pub(crate) fn outcome_sample(
    outcome: &OutcomeReport,
    decision: &DecisionRecord,
) -> Option<(SampleEvent, u64)> {
    let unknown = outcome.findings.contains(&Finding::UnknownRecipient);
    let concerned = outcome.concerned();
    told(
        outcome.event,
        concerned,
        unknown,
        decision,
        &decision.counted,
    )
}

/// The same of an outcome about this recipient, or about somebody `unknown`.
fn told(
    event: Event,
    concerned: Option<u64>,
    unknown: bool,
    decision: &DecisionRecord,
    counted: &Counted,
) -> Option<(SampleEvent, u64)> {
    let before = match event {
        Event::BounceHard => &counted.bounced,
        Event::Complaint => &counted.complained,
        Event::BounceSoft | Event::Reply | Event::Unsubscribe => return None,
    };
    let person = match concerned {
        Some(recipient) if recipient < decision.recipients => {
            let stands =
                |one: &&PersonKeys| one.recipient == recipient || one.others.contains(&recipient);
            let person = decision.people.iter().find(stands);
            person.map_or(recipient, |person| person.recipient)
        }
        None if decision.recipients <= 1 && !unknown => 0,
        _ => NOBODY,
    };
    let shown = [&counted.reached, &counted.bounced, &counted.complained];
    let known = shown.iter().any(|people| match person {
        NOBODY => !people.is_empty(),
        person => people.contains(&person),
    });
    let reached = u64::from(!known);
    let event = match event {
        Event::BounceHard => SampleEvent::HardBounce { reached },
        _ => SampleEvent::Complaint { reached },
    };
    (!before.contains(&person)).then_some((event, person))
}

/// Takes down that a bounce or complaint of `person` was counted.
fn note(counted: &mut Counted, event: SampleEvent, person: u64) {
    match event {
        SampleEvent::HardBounce { .. } => _ = counted.bounced.insert(person),
        SampleEvent::Complaint { .. } => _ = counted.complained.insert(person),
        SampleEvent::Execution { .. } => {}
    }
}

impl<V: View> State<V> {
    /// Counts an outcome of an execution that the log has.
    pub(super) fn apply_outcome_sample(
        &mut self,
        seq: u64,
        time: Timestamp,
        outcome: &OutcomeReport,
    ) -> Result<(), FoldError> {
        let Some(reported) = outcome.about() else {
            return Ok(());
        };
        if outcome.findings.contains(&Finding::OtherPrincipal) {
            return Ok(());
        }
        let Some(execution) = self.execution(reported)? else {
            return Ok(());
        };
        let Some(mut decision) = self.decision(execution.decision)? else {
            return Ok(());
        };
        let sample = outcome_sample(outcome, &decision);
        if let Some((event, person)) = sample {
            note(&mut decision.counted, event, person);
            let key = execution.decision.to_be_bytes().to_vec();
            put(&mut self.view, Table::Decision, key, &decision);
        }
        let event = sample.map(|(event, _)| Sampled { cite: seq, event });
        self.apply_samples(seq, time, &decision, event.into_iter().collect())
    }

    /// Counts what a report about `decision` says.
    pub(super) fn apply_samples(
        &mut self,
        seq: u64,
        time: Timestamp,
        decision: &DecisionRecord,
        events: Vec<Sampled>,
    ) -> Result<(), FoldError> {
        if !events.is_empty() {
            let sample = SampleRecord {
                time,
                agent: decision.agent.clone(),
                action: decision.action.clone(),
                class: decision.class,
                seller: decision.seller.clone(),
                mailbox: decision.mailbox,
                events,
            };
            let key = seq.to_be_bytes().to_vec();
            put(&mut self.view, Table::Sample, key, &sample);
            self.meters.count(seq, &sample);
            self.oldest_sample.get_or_insert(seq);
            self.prune_samples(time)?;
        }
        self.end_warnings(Act::from(decision), time);
        Ok(())
    }

    /// Forgets samples that no window can reach: two for each new one, as with allows.
    fn prune_samples(&mut self, now: Timestamp) -> Result<(), FoldError> {
        for _ in 0..2 {
            let Some(oldest) = self.oldest_sample else {
                return Ok(());
            };
            let key = oldest.to_be_bytes();
            let Some(sample) = read::<_, SampleRecord>(&self.view, Table::Sample, &key)? else {
                return Ok(());
            };
            if sample.time.saturating_add_s(WINDOW_S_MAX) > now {
                return Ok(());
            }
            self.view.delete(Table::Sample, key.to_vec());
            self.oldest_sample = first_seq(&self.view, Table::Sample, oldest + 1)?;
        }
        Ok(())
    }

    /// Ends the warnings about acts like this one that are no longer above their threshold, so that the
    /// next crossing warns again.
    fn end_warnings(&mut self, act: Act<'_>, now: Timestamp) {
        let mut over = Vec::new();
        for (at, rule) in self.meters.rules().enumerate() {
            let Some(key) = meter::key(rule, act) else {
                continue;
            };
            let scope = meter::scope(rule, &key);
            if let Some(latched) = self.breaker(&rule.id, &scope)
                && latched.warned
                && !self.is_above_warning(at, rule, &key, latched.since(), now)
            {
                over.push(latched.clone());
            }
        }
        for mut latched in over {
            latched.warned = false;
            self.latch(latched);
        }
    }

    fn is_above_warning(
        &self,
        at: usize,
        rule: &BreakerRule,
        key: &meter::MeterKey,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let reading = self.meters.read(at, key, now, since);
        rule.warn
            .is_some_and(|warn| reading.is_above(rule.measure, warn, rule.minimum))
    }

    /// Puts the meters of a new policy's rules into force. Whatever is open stays open; warnings that no
    /// rule would give any more end.
    pub(super) fn replace_meters(
        &mut self,
        filled: Option<Meters>,
        rules: &[BreakerRule],
        now: Timestamp,
    ) -> Result<(), FoldError> {
        let mut meters = filled
            .filter(|meters| meters.rules().eq(rules))
            .unwrap_or_else(|| Meters::new(rules));
        count_samples(&self.view, meters.through, &mut meters)?;
        self.breakers.forget(&mut meters);
        self.meters = meters;
        let over: Vec<_> = self
            .breakers()
            .filter(|latched| latched.warned)
            .filter(|latched| {
                let Some((at, key)) = self.meters.of(&latched.rule, &latched.scope) else {
                    return true;
                };
                let rule = self.meters.rules().nth(at);
                !rule.is_some_and(|rule| {
                    rule.measure == latched.measure
                        && self.is_above_warning(at, rule, &key, latched.since(), now)
                })
            })
            .cloned()
            .collect();
        for mut latched in over {
            latched.warned = false;
            self.latch(latched);
        }
        Ok(())
    }
}
