//! Entries that follow from the one before: what its command also causes, in the same batch.

use std::collections::VecDeque;

use crate::entry::{Body, Breaker, BreakerEvent, Entry};
use crate::time::Timestamp;

/// What still has to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Followers {
    /// The entry whose command they follow from: its seq, kind and time.
    of: Option<(u64, &'static str, Timestamp)>,
    bodies: VecDeque<Body>,
}

impl Followers {
    pub(super) fn of(
        seq: u64,
        kind: &'static str,
        time: Timestamp,
        bodies: impl Iterator<Item = Body>,
    ) -> Self {
        Self {
            of: Some((seq, kind, time)),
            bodies: bodies.collect(),
        }
    }

    /// Whether `entry` can come now: it may be a follower, or none is awaited.
    pub(super) fn take(&self, entry: &Entry) -> bool {
        self.bodies.is_empty() || follows(&entry.body)
    }

    /// What `entry` must be, and when, where it is a follower that was awaited.
    pub(super) fn next(&mut self, entry: &Entry) -> Option<(Timestamp, Body)> {
        let (.., time) = self.of?;
        let body = self.bodies.pop_front_if(|_| follows(&entry.body))?;
        Some((time, body))
    }

    /// Awaits nothing any more; the entry whose followers did not all come, if there is one.
    pub(super) fn give_up(&mut self) -> Option<(u64, &'static str)> {
        let missing = !self.bodies.is_empty();
        self.bodies.clear();
        let (seq, kind, _) = self.of.take().filter(|_| missing)?;
        Some((seq, kind))
    }
}

/// Whether an entry like this only ever follows from another: no command makes it by itself.
pub fn follows(body: &Body) -> bool {
    match body {
        Body::Breaker(breaker) => {
            let Breaker { event, .. } = &**breaker;
            matches!(event, BreakerEvent::Warned | BreakerEvent::Opened)
        }
        Body::Dnc(dnc) => dnc.outcome.is_some(),
        _ => false,
    }
}
