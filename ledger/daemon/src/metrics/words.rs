use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use serde::Serialize;

use super::{Labels, Word};
use crate::intake::entry_word;

/// One counter for each word that an entry may say, made once: counting looks nothing up by text.
#[derive(Debug)]
pub(super) struct Words<K> {
    pub(super) family: Family<Labels<1>, Counter>,
    label: &'static str,
    known: Vec<(K, Counter)>,
}

impl<K: Copy + PartialEq + Serialize> Words<K> {
    pub(super) fn new(label: &'static str, all: &[K]) -> Self {
        let family = Family::<Labels<1>, Counter>::default();
        let known = all
            .iter()
            .map(|key| {
                let counter = family.get_or_create_owned(&[(label, word(key))]);
                (*key, counter)
            })
            .collect();
        Self {
            family,
            label,
            known,
        }
    }

    pub(super) fn inc(&self, key: K) {
        match self.known.iter().find(|(known, _)| *known == key) {
            Some((_, counter)) => counter.inc(),
            None => self.family.get_or_create(&[(self.label, word(&key))]).inc(),
        };
    }
}

/// A word as entries spell it.
pub(super) fn word<T: Serialize>(value: &T) -> Word {
    entry_word(value).into()
}
