//! Circuit breakers: what is latched.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::put;
use super::{State, rows};
use crate::entry::{Breaker, BreakerEvent, BreakerScope};
use crate::meter::Meters;
use crate::record::BreakerRecord;
use crate::time::Timestamp;
use crate::view::{ReadView, Table, View, ViewError};

/// A breaker: its rule and its scope.
type Key = (String, BreakerScope);

/// The breakers of which anything is latched, by rule and scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Breakers {
    latched: BTreeMap<Key, BreakerRecord>,
    /// Those that were opened and neither closed nor reset, by the entry that opened them.
    opened: BTreeMap<u64, Key>,
    /// Of these, those that time closes.
    due: BTreeSet<(Timestamp, u64)>,
}

impl Breakers {
    pub(super) fn load<V: ReadView>(view: &V) -> Result<Self, ViewError> {
        let mut breakers = Self::default();
        for (_, record) in rows::<_, BreakerRecord>(view, Table::Breaker)? {
            breakers.insert(record);
        }
        Ok(breakers)
    }

    /// Lets `meters` leave out what was counted before a reset or a closing.
    pub(super) fn forget(&self, meters: &mut Meters) {
        for record in self.latched.values() {
            meters.forget(&record.rule, &record.scope, record.counts_from);
        }
    }

    fn insert(&mut self, record: BreakerRecord) {
        let key = (record.rule.clone(), record.scope.clone());
        if let Some((seq, until)) = self.latched.get(&key).and_then(|before| before.opened) {
            self.opened.remove(&seq);
            if let Some(until) = until {
                self.due.remove(&(until, seq));
            }
        }
        if let Some((seq, until)) = record.opened {
            self.opened.insert(seq, key.clone());
            self.due.extend(until.map(|until| (until, seq)));
        }
        if record.says_nothing() {
            self.latched.remove(&key);
        } else {
            self.latched.insert(key, record);
        }
    }
}

impl BreakerRecord {
    /// When its time was over, where it opened for a time: what was reported before counts no more. From
    /// then on it is closed, whether or not the entry that says so is written yet.
    pub fn since(&self) -> Option<Timestamp> {
        self.opened.and_then(|(_, until)| until)
    }

    /// Whether it is open at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.opened
            .is_some_and(|(_, until)| until.is_none_or(|until| now < until))
    }

    /// Whether it is as if it had never been written.
    fn says_nothing(&self) -> bool {
        !self.warned && self.opened.is_none() && self.counts_from == 0
    }
}

/// The key of a breaker in [`Table::Breaker`].
fn breaker_key(rule: &str, scope: &BreakerScope) -> Vec<u8> {
    let mut key = rule.as_bytes().to_vec();
    key.push(0);
    match serde_json::to_vec(scope) {
        Ok(scope) => key.extend_from_slice(&scope),
        Err(error) => unreachable!("a scope does not encode: {error}"),
    }
    key
}

impl<V: View> State<V> {
    /// What is latched of the breakers, by rule and scope.
    pub fn breakers(&self) -> impl Iterator<Item = &BreakerRecord> {
        self.breakers.latched.values()
    }

    /// What is latched of one breaker.
    pub fn breaker(&self, rule: &str, scope: &BreakerScope) -> Option<&BreakerRecord> {
        let key = (rule.to_owned(), scope.clone());
        self.breakers.latched.get(&key)
    }

    /// The breaker that the entry at `seq` opened, if it was neither closed nor reset since.
    pub fn breaker_opened(&self, seq: u64) -> Option<&BreakerRecord> {
        let key = self.breakers.opened.get(&seq)?;
        self.breakers.latched.get(key)
    }

    /// The breakers that are open at `now`, with the entries that opened them.
    pub fn breakers_open(&self, now: Timestamp) -> impl Iterator<Item = (u64, &BreakerRecord)> {
        let opened = self.breakers.opened.iter();
        opened
            .filter_map(|(seq, key)| Some((*seq, self.breakers.latched.get(key)?)))
            .filter(move |(_, record)| record.is_open(now))
    }

    /// The breakers whose time is over at `now` and of which no entry says so yet, by the entries that
    /// opened them, the longest overdue first.
    pub fn breakers_due(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        let due = self.breakers.due.range(..=(now, u64::MAX));
        due.map(|(_, seq)| *seq)
    }

    /// When the time of the next breaker is over.
    pub fn next_breaker_due(&self) -> Option<Timestamp> {
        self.breakers.due.first().map(|(time, _)| *time)
    }

    pub(super) fn apply_breaker(&mut self, seq: u64, breaker: &Breaker) {
        let mut record = self
            .breaker(&breaker.rule, &breaker.scope)
            .cloned()
            .unwrap_or_else(|| BreakerRecord {
                rule: breaker.rule.clone(),
                scope: breaker.scope.clone(),
                measure: breaker.measure,
                warned: false,
                opened: None,
                counts_from: 0,
            });
        record.measure = breaker.measure;
        match breaker.event {
            BreakerEvent::Warned => record.warned = true,
            BreakerEvent::Opened => {
                record.warned = false;
                record.opened = Some((seq, breaker.until));
            }
            BreakerEvent::Closed | BreakerEvent::Reset => {
                record.warned = false;
                record.opened = None;
                record.counts_from = seq;
                self.meters.forget(&breaker.rule, &breaker.scope, seq);
            }
        }
        self.latch(record);
    }

    /// Remembers what is latched of a breaker, and forgets one of which nothing is.
    pub(super) fn latch(&mut self, record: BreakerRecord) {
        let key = breaker_key(&record.rule, &record.scope);
        if record.says_nothing() {
            self.view.delete(Table::Breaker, key);
        } else {
            put(&mut self.view, Table::Breaker, key, &record);
        }
        self.breakers.insert(record);
    }
}
