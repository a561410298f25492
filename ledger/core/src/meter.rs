//! Meters: exact sums over the times of the reports, for circuit breakers.
//!
//! A meter holds what one breaker rule counts of one agent, mailbox or seller, or of the whole ledger,
//! in `(now - window, now]`. Like the windows of throttles, meters are derived from the reports of the
//! last 31 days, never from a rule's name: a rule that is new, renamed or widened counts the reports
//! that are already in the log. What is counted is compared in integers: a rate is above its threshold
//! where `count * 1_000_000 > threshold * sample`.

use std::collections::{BTreeMap, VecDeque};

use crate::action::Class;
use crate::entry::{BreakerScope, Measure, Status};
use crate::limits::CITES_MAX;
use crate::policy::{BreakerPer, BreakerRule};
use crate::record::{DecisionRecord, SampleEvent, SampleRecord, Sampled};
use crate::time::Timestamp;
use crate::token::Token;
use crate::window::has_left;

/// The whole of a rate, in parts per million.
const PPM: u128 = 1_000_000;

/// What a rule measures per: one key, one meter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeterKey {
    /// The whole ledger.
    Workspace,
    /// An agent.
    Agent(String),
    /// A seller.
    Seller(String),
    /// A sending mailbox.
    Mailbox(Token),
}

/// The act that a report is about, as far as breakers tell acts apart.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// Whose decision it is.
    pub agent: &'a str,
    /// The action.
    pub action: &'a str,
    /// The class of the action.
    pub class: Class,
    /// On whose behalf.
    pub seller: Option<&'a str>,
    /// The sending mailbox.
    pub mailbox: Option<Token>,
}

impl<'a> From<&'a DecisionRecord> for Act<'a> {
    fn from(decision: &'a DecisionRecord) -> Self {
        Self {
            agent: &decision.agent,
            action: &decision.action,
            class: decision.class,
            seller: decision.seller.as_deref(),
            mailbox: decision.mailbox,
        }
    }
}

impl<'a> From<&'a SampleRecord> for Act<'a> {
    fn from(sample: &'a SampleRecord) -> Self {
        Self {
            agent: &sample.agent,
            action: &sample.action,
            class: sample.class,
            seller: sample.seller.as_deref(),
            mailbox: sample.mailbox,
        }
    }
}

/// The key under which `rule` measures an act; none where it does not.
pub fn key(rule: &BreakerRule, act: Act<'_>) -> Option<MeterKey> {
    if !rule.matches(act.action, act.class) {
        return None;
    }
    match rule.per {
        BreakerPer::Agent => Some(MeterKey::Agent(act.agent.to_owned())),
        BreakerPer::Mailbox => act.mailbox.map(MeterKey::Mailbox),
        BreakerPer::Seller => act.seller.map(|seller| MeterKey::Seller(seller.to_owned())),
        BreakerPer::Workspace => Some(MeterKey::Workspace),
    }
}

/// What the breaker of `rule` and `key` refuses while it is open.
pub fn scope(rule: &BreakerRule, key: &MeterKey) -> BreakerScope {
    let mut scope = BreakerScope {
        actions: rule.actions.iter().cloned().collect(),
        classes: rule.classes.iter().copied().collect(),
        ..BreakerScope::default()
    };
    match key {
        MeterKey::Workspace => {}
        MeterKey::Agent(agent) => scope.agent = Some(agent.clone()),
        MeterKey::Seller(seller) => scope.seller = Some(seller.clone()),
        MeterKey::Mailbox(mailbox) => scope.mailbox = Some(*mailbox),
    }
    scope
}

/// What `measure` counts of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How many of the sample count, or what they cost.
    pub count: u64,
    /// Out of how many.
    pub sample: u64,
}

/// What `measure` counts of what happened; none where that does not concern it.
pub fn tally(measure: Measure, event: SampleEvent) -> Option<Tally> {
    let (count, sample) = match (measure, event) {
        (
            Measure::HardBounceRate | Measure::ComplaintRate,
            SampleEvent::Execution {
                status: Status::Success | Status::Partial,
                reached,
                ..
            },
        )
        // Whoever bounced or complained was written to, whatever the execution said.
        | (Measure::HardBounceRate, SampleEvent::Complaint { reached })
        | (Measure::ComplaintRate, SampleEvent::HardBounce { reached }) => (0, reached),
        (Measure::HardBounceRate, SampleEvent::HardBounce { reached })
        | (Measure::ComplaintRate, SampleEvent::Complaint { reached }) => (1, reached),
        (Measure::ErrorRate, SampleEvent::Execution { status, .. }) => match status {
            Status::Failure => (1, 1),
            Status::Success | Status::Partial => (0, 1),
            Status::NotStarted => (0, 0),
        },
        (Measure::Cost, SampleEvent::Execution { cost_micros, .. }) => (cost_micros, 1),
        _ => (0, 0),
    };
    ((count, sample) != (0, 0)).then_some(Tally { count, sample })
}

/// What a meter says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// How many of the sample count, or what they cost. Costs may add up to more than 64 bits hold.
    pub count: u128,
    /// Out of how many.
    pub sample: u64,
}

impl Reading {
    /// Whether it is above a `threshold` of `measure`, with at least `minimum` in the sample.
    pub fn is_above(self, measure: Measure, threshold: u64, minimum: u64) -> bool {
        let above = match measure {
            Measure::Cost | Measure::DncBreach => self.count > u128::from(threshold),
            Measure::HardBounceRate | Measure::ComplaintRate | Measure::ErrorRate => {
                self.count.saturating_mul(PPM) > u128::from(threshold) * u128::from(self.sample)
            }
        };
        above && self.sample >= minimum
    }
}

/// The meters of every breaker rule of a policy.
#[derive(Debug, Clone, Default)]
pub struct Meters {
    rules: Vec<RuleMeters>,
    /// Samples below this seq are counted already.
    pub(crate) through: u64,
}

#[derive(Debug, Clone)]
struct RuleMeters {
    rule: BreakerRule,
    /// Every sample held, in the order of the log, with the meter that holds it.
    order: VecDeque<(Timestamp, u64, MeterKey)>,
    meters: BTreeMap<MeterKey, Meter>,
}

/// One thing that a meter counts.
#[derive(Debug, Clone, Copy)]
struct Sample {
    time: Timestamp,
    /// The entry at which it counts.
    seq: u64,
    /// The entry that says it.
    cite: u64,
    tally: Tally,
}

#[derive(Debug, Clone, Default)]
struct Meter {
    samples: VecDeque<Sample>,
    sum: Reading,
}

impl Meters {
    /// Empty meters for `rules`; feed them every sample of the last 31 days with [`Self::count`].
    pub fn new(rules: &[BreakerRule]) -> Self {
        Self {
            rules: rules
                .iter()
                .map(|rule| RuleMeters {
                    rule: rule.clone(),
                    order: VecDeque::new(),
                    meters: BTreeMap::new(),
                })
                .collect(),
            through: 0,
        }
    }

    /// The rules, in the policy's order.
    pub fn rules(&self) -> impl Iterator<Item = &BreakerRule> {
        self.rules.iter().map(|meters| &meters.rule)
    }

    /// Counts the sample at `seq`. Samples must come in the order of the log.
    pub fn count(&mut self, seq: u64, sample: &SampleRecord) {
        self.through = seq + 1;
        for meters in &mut self.rules {
            meters.expire(sample.time);
            let Some(key) = key(&meters.rule, Act::from(sample)) else {
                continue;
            };
            for Sampled { cite, event } in &sample.events {
                let Some(tally) = tally(meters.rule.measure, *event) else {
                    continue;
                };
                meters.order.push_back((sample.time, seq, key.clone()));
                let meter = meters.meters.entry(key.clone()).or_default();
                meter.samples.push_back(Sample {
                    time: sample.time,
                    seq,
                    cite: *cite,
                    tally,
                });
                meter.sum.count += u128::from(tally.count);
                meter.sum.sample += tally.sample;
            }
        }
    }

    /// What the meter of `key` under the `rule`-th rule says at `now`, leaving out what came before
    /// `since`.
    pub fn read(
        &self,
        rule: usize,
        key: &MeterKey,
        now: Timestamp,
        since: Option<Timestamp>,
    ) -> Reading {
        let Some((window_s, meter)) = self.meter(rule, key) else {
            return Reading::default();
        };
        let mut reading = meter.sum;
        let gone = meter
            .samples
            .iter()
            .take_while(|sample| is_out(sample.time, window_s, now, since));
        for Sample { tally, .. } in gone {
            reading.count -= u128::from(tally.count);
            reading.sample -= tally.sample;
        }
        reading
    }

    /// The entries that make up the count of [`Self::read`]: the latest [`CITES_MAX`], the latest
    /// first, and how many there are.
    pub fn cites(
        &self,
        rule: usize,
        key: &MeterKey,
        now: Timestamp,
        since: Option<Timestamp>,
    ) -> (Vec<u64>, u64) {
        let Some((window_s, meter)) = self.meter(rule, key) else {
            return (Vec::new(), 0);
        };
        let counted = meter
            .samples
            .iter()
            .rev()
            .take_while(|sample| !is_out(sample.time, window_s, now, since))
            .filter(|sample| sample.tally.count > 0);
        let total = counted.clone().count() as u64;
        (
            counted.take(CITES_MAX).map(|sample| sample.cite).collect(),
            total,
        )
    }

    /// Which meter a breaker's scope stands for, if a rule of this id has one.
    pub fn of(&self, rule: &str, scope: &BreakerScope) -> Option<(usize, MeterKey)> {
        let at = self
            .rules
            .iter()
            .position(|meters| meters.rule.id == rule)?;
        let rule = &self.rules.get(at)?.rule;
        let key = match rule.per {
            BreakerPer::Agent => MeterKey::Agent(scope.agent.clone()?),
            BreakerPer::Mailbox => MeterKey::Mailbox(scope.mailbox?),
            BreakerPer::Seller => MeterKey::Seller(scope.seller.clone()?),
            BreakerPer::Workspace => MeterKey::Workspace,
        };
        (self::scope(rule, &key) == *scope).then_some((at, key))
    }

    /// Lets the breaker of `rule` and `scope` count nothing below `seq` any more.
    pub(crate) fn forget(&mut self, rule: &str, scope: &BreakerScope, seq: u64) {
        let Some((at, key)) = self.of(rule, scope) else {
            return;
        };
        let Some(meters) = self.rules.get_mut(at) else {
            return;
        };
        if let Some(meter) = meters.meters.get_mut(&key) {
            while meter.samples.front().is_some_and(|sample| sample.seq < seq) {
                meter.pop();
            }
            if meter.samples.is_empty() {
                meters.meters.remove(&key);
            }
        }
    }

    fn meter(&self, rule: usize, key: &MeterKey) -> Option<(u64, &Meter)> {
        let meters = self.rules.get(rule)?;
        Some((meters.rule.window_s, meters.meters.get(key)?))
    }
}

/// Whether what came at `time` is outside `(now - window, now]`, or before `since`.
fn is_out(time: Timestamp, window_s: u64, now: Timestamp, since: Option<Timestamp>) -> bool {
    has_left(time, window_s, now) || since.is_some_and(|since| time < since)
}

impl Meter {
    /// Takes out the oldest sample.
    fn pop(&mut self) {
        if let Some(Sample { tally, .. }) = self.samples.pop_front() {
            self.sum.count -= u128::from(tally.count);
            self.sum.sample -= tally.sample;
        }
    }
}

impl RuleMeters {
    /// Takes out what has left the window at `now`, so that memory holds no more than one window.
    fn expire(&mut self, now: Timestamp) {
        while self
            .order
            .front()
            .is_some_and(|(time, ..)| has_left(*time, self.rule.window_s, now))
        {
            let Some((_, seq, key)) = self.order.pop_front() else {
                return;
            };
            let Some(meter) = self.meters.get_mut(&key) else {
                continue;
            };
            // What was forgotten is gone already.
            if meter
                .samples
                .front()
                .is_some_and(|sample| sample.seq == seq)
            {
                meter.pop();
            }
            if meter.samples.is_empty() {
                self.meters.remove(&key);
            }
        }
    }
}
