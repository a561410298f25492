//! Which entries of a log show when it was recording, without saying what.
//!
//! Genesis, starts, shutdowns and jumps of the clock all do, and all are taken. An idle ledger writes
//! heartbeats; of these there may be millions, so that a pack takes those on both sides of the longest
//! silences, and of the others every so-manieth. In busy times there is none: what falls between two
//! marks is for the whole log to show.

use std::collections::BTreeSet;

use ledger_core::entry::Body;
use ledger_core::time::Timestamp;

/// Most heartbeats that are taken at even distances.
const BEATS_MAX: usize = 512;
/// Most silences whose ends are taken; the longest are.
const SILENCES_MAX: usize = 256;
/// What is shorter is no silence, in seconds.
const SILENCE_S: u64 = 60;

/// Whether entries of this kind only show that, and how, the ledger was running.
pub fn is_mark(body: &Body) -> bool {
    matches!(
        body,
        Body::Genesis(_) | Body::Boot(_) | Body::Heartbeat(_) | Body::Shutdown(_) | Body::Clock(_)
    )
}

/// The marks of a log. Feed it every entry, in order.
#[derive(Debug, Clone)]
pub struct Marks {
    kept: BTreeSet<u64>,
    beats: Vec<u64>,
    stride: u64,
    seen: u64,
    /// How long, the mark before, the heartbeat that ended it.
    silences: BTreeSet<(i64, Option<u64>, u64)>,
    last: Option<(u64, Timestamp, bool)>,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            kept: BTreeSet::new(),
            beats: Vec::new(),
            stride: 1,
            seen: 0,
            silences: BTreeSet::new(),
            last: None,
        }
    }
}

impl Marks {
    /// Takes the next entry, of which the kind is enough.
    pub fn see(&mut self, seq: u64, time: Timestamp, kind: &str) {
        let mark = match kind {
            "genesis" | "boot" | "shutdown" | "clock" => {
                self.kept.insert(seq);
                true
            }
            "heartbeat" => {
                self.silence(seq, time);
                self.beat(seq);
                true
            }
            _ => false,
        };
        self.last = Some((seq, time, mark));
    }

    fn silence(&mut self, seq: u64, time: Timestamp) {
        let Some((before, from, mark)) = self.last else {
            return;
        };
        if from.saturating_add_s(SILENCE_S) < time {
            let length = time.micros() - from.micros();
            self.silences.insert((length, mark.then_some(before), seq));
            if self.silences.len() > SILENCES_MAX {
                self.silences.pop_first();
            }
        }
    }

    fn beat(&mut self, seq: u64) {
        if self.seen.is_multiple_of(self.stride) {
            self.beats.push(seq);
        }
        self.seen += 1;
        if self.beats.len() > BEATS_MAX {
            let mut at = 0;
            self.beats.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// The seqs of the marks.
    pub fn seqs(&self) -> BTreeSet<u64> {
        let mut seqs = self.kept.clone();
        seqs.extend(&self.beats);
        for (_, before, after) in &self.silences {
            seqs.extend(before);
            seqs.insert(*after);
        }
        seqs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn heartbeats_thin_out_and_nothing_else_does() {
        let mut marks = Marks::default();
        marks.see(0, at(0), "genesis");
        for seq in 1..10_000 {
            let kind = match seq {
                5_000 => "shutdown",
                5_001 => "boot",
                _ => "heartbeat",
            };
            marks.see(seq, at(i64::try_from(seq).unwrap() * 30), kind);
        }
        let seqs = marks.seqs();
        assert!(seqs.is_superset(&BTreeSet::from([0, 5_000, 5_001])));
        assert!(
            (BEATS_MAX / 2..=BEATS_MAX + 4).contains(&seqs.len()),
            "{}",
            seqs.len()
        );
        let distances: BTreeSet<u64> = marks
            .beats
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        assert!(
            distances
                .iter()
                .all(|distance| *distance <= marks.stride + 2),
            "{distances:?}"
        );
    }

    #[test]
    fn the_ends_of_the_longest_silences_stay() {
        let mut marks = Marks::default();
        let mut now = 0;
        for seq in 0..4_000u64 {
            now += match seq {
                1_234 => 100_000,
                _ if seq.is_multiple_of(2) => 90,
                _ => 10,
            };
            let kind = if seq == 2_345 {
                "decision"
            } else {
                "heartbeat"
            };
            marks.see(seq, at(now), kind);
        }
        let seqs = marks.seqs();
        assert!(seqs.contains(&1_233) && seqs.contains(&1_234));
        assert!(
            !seqs.contains(&2_345),
            "what is not a mark is nobody's business"
        );
        assert!(seqs.len() <= BEATS_MAX + 2 * SILENCES_MAX);
    }
}
