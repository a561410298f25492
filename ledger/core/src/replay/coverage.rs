//! When a ledger was recording, as its entries show it.

use serde::Serialize;

use super::completeness::Listed;
use super::publication::join;
use crate::entry::{ActorType, Body, ClockEvent, Entry, PolicyEntry, PolicyFile};
use crate::policy::{Numbers, POLICY_BYTES_MAX, Policy};
use crate::time::Timestamp;

/// The most gaps that are listed; `gaps_total` says how many there are.
pub const GAPS_MAX: usize = 1_000;

/// How much longer than a heartbeat a silence may be that is none, in seconds.
///
/// A heartbeat is due exactly one interval after the last entry, and stands in the log with the time at
/// which it was written: a little later, since a sequencer that has nothing to do sleeps for at most half a
/// second at a time and then has to be scheduled. Whoever takes longer than that was not there.
pub const SILENCE_GRACE_S: u64 = 1;

/// From when to when a ledger was recording. Feed it every entry, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The first entry's time.
    pub from: Option<Timestamp>,
    /// The last entry's time. Of what came after it, the log says nothing.
    pub to: Option<Timestamp>,
    /// How often the daemon was started.
    pub starts: u64,
    /// When nothing was recorded: at most [`GAPS_MAX`].
    pub gaps: Vec<Gap>,
    /// How many gaps there are.
    pub gaps_total: u64,
    /// All gaps together, in microseconds.
    pub gaps_us: u64,
    /// Of the gaps after the first start, those that are longer than a heartbeat (and
    /// [`SILENCE_GRACE_S`]): when nobody can say what happened. A restart within one is none.
    pub long_gaps: Listed<Gap>,
    /// How often a clock was seen to jump. Times near these entries are in doubt.
    pub clock_jumps: u64,
    /// Entries written while, by its own account, no daemon was running.
    pub outside: u64,
    #[serde(skip)]
    running: bool,
    #[serde(skip)]
    shut_down: bool,
    /// A jump that was seen and may belong to a start: what came before it, and its seq and time.
    #[serde(skip)]
    jump: Option<(Option<Timestamp>, u64, Timestamp)>,
    #[serde(skip)]
    numbers: Numbers,
    /// The policy whose parts are being read, for its heartbeat interval.
    #[serde(skip)]
    text: Vec<PolicyFile>,
}

/// A time without entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The last entry's time before it.
    pub from: Timestamp,
    /// The first entry's time after it.
    pub to: Timestamp,
    /// The entry that ends it.
    pub ended_by: u64,
    /// What the log says about it.
    pub cause: GapCause,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// The ledger was made but the daemon not yet started.
    NotStarted,
    /// The daemon had stopped in good order.
    Stopped,
    /// The daemon had ended without a shutdown entry.
    Died,
    /// The daemon was running by its own account, but wrote nothing for longer than a heartbeat.
    Silent,
}

impl GapCause {
    /// What it means, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotStarted => "before the first start",
            Self::Stopped => "the daemon was shut down",
            Self::Died => "the daemon ended without a shutdown entry",
            Self::Silent => "no entry for longer than a heartbeat",
        }
    }
}

impl Coverage {
    /// Takes the next entry.
    pub fn add(&mut self, entry: &Entry) {
        let (seq, time) = (entry.seq, entry.time);
        self.from = self.from.or(Some(time));
        let mut last = self.to.replace(time);
        if let Some((before, jump, at)) = self.jump.take() {
            // A start that finds the clock in doubt says so before anything else, at its own time.
            if matches!(entry.body, Body::Boot(_)) && at == time {
                last = before;
            } else {
                self.pause(before, at, jump);
            }
        }
        match &entry.body {
            Body::Clock(clock) if clock.event == ClockEvent::Seen => {
                self.clock_jumps += 1;
                self.jump = Some((last, seq, time));
            }
            Body::Genesis(_) => {}
            Body::Boot(_) => {
                let cause = match (self.starts, self.shut_down) {
                    (0, _) => GapCause::NotStarted,
                    (_, true) => GapCause::Stopped,
                    (_, false) => GapCause::Died,
                };
                self.gap(last, time, seq, cause);
                self.starts += 1;
                self.running = true;
                self.shut_down = false;
            }
            body => {
                // The first operator is added before the first start.
                let first =
                    matches!(body, Body::Principal(_)) && body.actor().kind == ActorType::Ledger;
                if !self.running && !first {
                    self.outside += 1;
                }
                self.pause(last, time, seq);
                match body {
                    Body::Shutdown(_) => (self.running, self.shut_down) = (false, true),
                    Body::Policy(policy) => self.read(policy),
                    _ => {}
                }
            }
        }
    }

    /// Between two entries of one run: a gap only where it is too long.
    fn pause(&mut self, from: Option<Timestamp>, to: Timestamp, seq: u64) {
        if from.is_some_and(|from| self.is_long(from, to)) {
            self.gap(from, to, seq, GapCause::Silent);
        }
    }

    /// Whether a heartbeat must have stood in between.
    fn is_long(&self, from: Timestamp, to: Timestamp) -> bool {
        let silence_s = self.numbers.heartbeat_s.saturating_add(SILENCE_GRACE_S);
        from.saturating_add_s(silence_s) < to
    }

    fn gap(&mut self, from: Option<Timestamp>, to: Timestamp, seq: u64, cause: GapCause) {
        let Some(from) = from.filter(|from| *from < to) else {
            return;
        };
        self.gaps_total += 1;
        self.gaps_us += (to.micros() - from.micros()).unsigned_abs();
        let gap = Gap {
            from,
            to,
            ended_by: seq,
            cause,
        };
        if cause != GapCause::NotStarted && self.is_long(from, to) {
            self.long_gaps.add(gap);
        }
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(gap);
        }
    }

    /// Takes the heartbeat interval out of a policy once its text is whole. Text that is no policy
    /// changes nothing: that is for replay to say.
    fn read(&mut self, part: &PolicyEntry) {
        if part.cause.request_id.is_some() {
            self.text.clear();
        }
        let whole = [PolicyEntry {
            files: std::mem::take(&mut self.text),
            ..part.clone()
        }];
        self.text = join(whole.iter().chain([part]));
        let bytes: usize = self.text.iter().map(|file| file.text.len()).sum();
        if bytes > POLICY_BYTES_MAX {
            self.text.clear();
        }
        let files: Vec<_> = self
            .text
            .iter()
            .map(|file| (&file.path, &file.text))
            .collect();
        if let Ok(policy) = Policy::parse(&files) {
            self.numbers = policy.numbers;
        }
    }
}
