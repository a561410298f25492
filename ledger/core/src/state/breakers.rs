//! Circuit breakers: what is latched.

use std::collections::BTreeMap;

use super::fold::put;
use super::{State, rows};
use crate::entry::{Breaker, BreakerEvent, BreakerScope};
use crate::record::BreakerRecord;
use crate::time::Timestamp;
use crate::view::{ReadView, Table, View, ViewError};

/// The breakers of which anything is latched, by rule and scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Breakers {
    latched: BTreeMap<(String, BreakerScope), BreakerRecord>,
}

impl Breakers {
    pub(super) fn load<V: ReadView>(view: &V) -> Result<Self, ViewError> {
        let latched = rows::<_, BreakerRecord>(view, Table::Breaker)?
            .into_iter()
            .map(|(_, record)| ((record.rule.clone(), record.scope.clone()), record))
            .collect();
        Ok(Self { latched })
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

    /// The breakers that are open at `now`, with the entries that opened them.
    pub fn breakers_open(&self, now: Timestamp) -> impl Iterator<Item = (u64, &BreakerRecord)> {
        self.breakers().filter_map(move |record| {
            let (seq, until) = record.opened?;
            until
                .is_none_or(|until| now < until)
                .then_some((seq, record))
        })
    }

    pub(super) fn apply_breaker(&mut self, seq: u64, breaker: &Breaker) {
        let key = (breaker.rule.clone(), breaker.scope.clone());
        let mut record =
            self.breakers
                .latched
                .get(&key)
                .cloned()
                .unwrap_or_else(|| BreakerRecord {
                    rule: breaker.rule.clone(),
                    scope: breaker.scope.clone(),
                    measure: breaker.measure,
                    warned: false,
                    opened: None,
                    counts_from: 0,
                });
        match breaker.event {
            BreakerEvent::Warned => record.warned = true,
            BreakerEvent::Opened => record.opened = Some((seq, breaker.until)),
            BreakerEvent::Closed | BreakerEvent::Reset => {
                record.warned = false;
                record.opened = None;
                record.counts_from = seq;
            }
        }
        let at = breaker_key(&key.0, &key.1);
        put(&mut self.view, Table::Breaker, at, &record);
        self.breakers.latched.insert(key, record);
    }
}
