//! How many events were delivered since the start, by what became of them.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_feeds::event::Provider;

use crate::service::ingest::Ingested;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Recorded.
    Recorded,
    /// Recorded before.
    Repeated,
    /// Of both, one that no execution was found for.
    Unmatched,
    /// Nothing that the ledger records.
    Passed,
    /// Refused.
    Refused,
}

impl Became {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Recorded,
        Self::Repeated,
        Self::Unmatched,
        Self::Passed,
        Self::Refused,
    ];

    /// The word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Repeated => "repeated",
            Self::Unmatched => "unmatched",
            Self::Passed => "passed",
            Self::Refused => "refused",
        }
    }
}

/// The counts.
#[derive(Debug, Default)]
pub struct EventCounts([[AtomicU64; Became::ALL.len()]; Provider::ALL.len()]);

impl EventCounts {
    /// Adds what one delivery came to.
    pub(crate) fn add(&self, provider: Provider, ingested: &Ingested) {
        let counts = [
            ingested.recorded,
            ingested.repeated,
            ingested.unmatched,
            ingested.passed,
            ingested.refused,
        ];
        for (total, count) in self.0[provider as usize].iter().zip(counts) {
            total.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many of a provider's events became this.
    pub fn of(&self, provider: Provider, became: Became) -> u64 {
        self.0[provider as usize][became as usize].load(Ordering::Relaxed)
    }
}
