//! What a ledger does of its own accord, before anything else at a time.
//!
//! Each batch has one time. What is due by then stands in it before whatever anybody asked for: first the
//! allows whose report is overdue, then the requests for approval that have expired, then the breakers
//! that close, of each at most [`ANNOUNCED_MAX`]; and where nothing is due and the last entry is a heartbeat
//! old, a heartbeat. A start long after the last entry stands behind a `clock` entry. So the log itself
//! says where one of these is missing, whatever stopped, paused or delayed the daemon in between. Of what
//! comes after its last entry it says nothing.

use crate::entry::{Approval, Body, BreakerEvent, Entry, Verdict};
use crate::limits::ANNOUNCED_MAX;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

use super::What;

/// What was announced at the time of the last entry.
#[derive(Debug, Clone)]
pub(super) struct Timers {
    at: Timestamp,
    /// Of each sort of [`Due`], in its order.
    announced: [usize; 3],
}

/// The sorts of what time brings about, in the order in which a batch announces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Report,
    Approval,
    Breaker,
}

impl Due {
    const ALL: [Self; 3] = [Self::Report, Self::Approval, Self::Breaker];

    /// What an entry announces.
    fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Unresolved(_) => Some(Self::Report),
            Body::Approval(Approval {
                verdict: Verdict::Expired,
                ..
            }) => Some(Self::Approval),
            Body::Breaker(breaker) if breaker.event == BreakerEvent::Closed => Some(Self::Breaker),
            _ => None,
        }
    }

    /// The first entry of this sort about which something is due at `now`.
    fn first<V: View>(self, state: &State<V>, now: Timestamp) -> Option<u64> {
        match self {
            Self::Report => state.overdue(now).next(),
            Self::Approval => state.expired(now).next(),
            Self::Breaker => state.breakers_due(now).next(),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Report => "`unresolved` entry of the overdue allow",
            Self::Approval => "`approval` entry of the expired request",
            Self::Breaker => "`breaker` entry that closes the breaker opened by entry",
        }
    }
}

/// How an entry comes about.
enum Source {
    /// Somebody asked for it.
    Call,
    /// Nothing was due, nobody asked for anything.
    Heartbeat,
    /// The daemon starts.
    Boot,
    /// It announces what is due, says that the clock jumped or that the daemon stops, or follows from the
    /// entry before it.
    Other,
}

fn source(body: &Body) -> Source {
    match body {
        Body::Access(_) => Source::Call,
        Body::Heartbeat(_) => Source::Heartbeat,
        Body::Boot(_) => Source::Boot,
        _ => match body.cause() {
            Some(cause) if cause.call.is_some() && cause.request_id.is_some() => Source::Call,
            _ => Source::Other,
        },
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            at: Timestamp::EPOCH,
            announced: [0; 3],
        }
    }
}

impl Timers {
    /// What must stand before `entry` and does not. The state is that before the entry.
    pub(super) fn missing<V: View>(&self, state: &State<V>, entry: &Entry) -> Option<What> {
        let (now, last) = (entry.time, state.head().time);
        if state.head().next == 0 {
            return None;
        }
        match source(&entry.body) {
            Source::Call => self.unannounced(state, now).or_else(|| {
                let beat = last.saturating_add_s(state.numbers().heartbeat_s);
                (beat <= now).then_some(What::HeartbeatMissing { last })
            }),
            Source::Heartbeat => self.unannounced(state, now),
            Source::Boot => {
                let max_gap_s = state.numbers().max_gap_s;
                (last.saturating_add_s(max_gap_s) < now)
                    .then_some(What::ClockMissing { last, max_gap_s })
            }
            Source::Other => None,
        }
    }

    fn unannounced<V: View>(&self, state: &State<V>, now: Timestamp) -> Option<What> {
        Due::ALL
            .into_iter()
            .zip(self.announced)
            // A batch that announced as many as it can leaves the rest to the next.
            .filter(|(_, announced)| self.at != now || *announced < ANNOUNCED_MAX)
            .find_map(|(due, _)| {
                due.first(state, now).map(|seq| What::Unannounced {
                    what: due.words(),
                    seq,
                })
            })
    }

    /// Takes down an entry, after [`Timers::missing`] was asked.
    pub(super) fn note(&mut self, entry: &Entry) {
        if self.at != entry.time {
            *self = Self {
                at: entry.time,
                announced: [0; 3],
            };
        }
        for (due, announced) in Due::ALL.into_iter().zip(&mut self.announced) {
            *announced += usize::from(Due::of(&entry.body) == Some(due));
        }
    }
}
