//! When the ledger was recording, as far as the entries of a pack show it.

use ledger_core::entry::{Body, Entry};
use ledger_core::replay::{self, GapCause};
use ledger_core::time::Timestamp;

/// What the marks of a pack show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The time of its first entry, which created the ledger.
    pub from: Option<Timestamp>,
    /// The time of its last entry.
    pub to: Option<Timestamp>,
    /// How often the ledger was started.
    pub starts: u64,
    /// How often its clock was seen to jump.
    pub clock_jumps: u64,
    /// When nothing was recorded, proven by the entries named.
    pub gaps: Vec<Gap>,
    /// The longest time while it was running of which no entry stands in this pack.
    pub unshown: Option<(Timestamp, Timestamp)>,
}

/// A time of which it is proven that nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last entry's time before it.
    pub from: Timestamp,
    /// The first entry's time after it.
    pub to: Timestamp,
    /// The entry that ends it.
    pub ended_by: u64,
    /// Why.
    pub cause: GapCause,
}

/// Reads the entries of a pack, in the order of the log.
pub fn read<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Coverage {
    let mut whole = replay::Coverage::default();
    let mut coverage = Coverage::default();
    let mut last: Option<&Entry> = None;
    for entry in entries {
        whole.add(entry);
        if let Some(before) = last {
            coverage.between(before, entry, &whole);
        }
        last = Some(entry);
    }
    coverage.from = whole.from;
    coverage.to = whole.to;
    coverage.starts = whole.starts;
    coverage.clock_jumps = whole.clock_jumps;
    coverage
}

impl Coverage {
    fn between(&mut self, before: &Entry, entry: &Entry, whole: &replay::Coverage) {
        let gap = whole.gaps.last().filter(|gap| gap.ended_by == entry.seq);
        match &entry.body {
            // A start states when the last entry before it was written, and how that run ended.
            Body::Boot(boot) => {
                let cause = match (whole.starts, boot.clean) {
                    (1, _) => GapCause::NotStarted,
                    (_, true) => GapCause::Stopped,
                    (_, false) => GapCause::Died,
                };
                if boot.since < entry.time {
                    self.gaps.push(Gap {
                        from: boot.since,
                        to: entry.time,
                        ended_by: entry.seq,
                        cause,
                    });
                }
                self.unshown(before.time, boot.since);
            }
            // Nothing stands between two entries that follow each other.
            _ if before.seq + 1 == entry.seq => self.gaps.extend(gap.map(|gap| Gap {
                from: gap.from,
                to: gap.to,
                ended_by: gap.ended_by,
                cause: gap.cause,
            })),
            _ => self.unshown(before.time, entry.time),
        }
    }

    fn unshown(&mut self, from: Timestamp, to: Timestamp) {
        let length = |(from, to): (Timestamp, Timestamp)| to.micros() - from.micros();
        if from < to
            && self
                .unshown
                .is_none_or(|longest| length(longest) < length((from, to)))
        {
            self.unshown = Some((from, to));
        }
    }
}
