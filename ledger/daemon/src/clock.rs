//! The daemon's clocks, and the guard that compares them.
//!
//! Wall time is what entries record; monotonic time is what it is held against while the daemon runs,
//! because one bad NTP step would otherwise reset every throttle window, or freeze them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ledger_core::entry::{Body, Cause, Clock as ClockEntry, ClockEvent};
use ledger_core::time::Timestamp;

/// How often the guard compares afresh. What drifts by less than the bound in this time is a clock
/// that is being slewed, not one that jumped.
const ANCHOR_LIFETIME_US: u64 = 3_600 * 1_000_000;

/// Two clocks read this close to each other were read at once, far within any bound of the guard.
const AT_ONCE_US: u64 = 1_000;
/// How often at most both are read for that.
const TRIES_MAX: usize = 16;

/// Where the sequencer reads time. Tests hand in one of their own.
pub trait Clock: Send + 'static {
    /// Wall time.
    fn wall(&self) -> Timestamp;
    /// Wall time, and the time since some fixed moment, in microseconds, at the same moment; the latter
    /// never jumps.
    fn both(&self) -> (Timestamp, u64);
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Clocks whose monotonic time starts now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
    }

    fn both(&self) -> (Timestamp, u64) {
        let monotonic_us = || u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        at_once(|| self.wall(), monotonic_us)
    }
}

/// Reads both clocks at once. Whoever is held up between the two, as on a busy machine, has read two
/// moments, and the guard would take the pause for a jump: then they are read again, and what was closest
/// together counts.
fn at_once(wall: impl Fn() -> Timestamp, monotonic_us: impl Fn() -> u64) -> (Timestamp, u64) {
    let pair = || {
        let before_us = monotonic_us();
        let wall = wall();
        (monotonic_us().saturating_sub(before_us), wall, before_us)
    };
    let mut closest = pair();
    for _ in 1..TRIES_MAX {
        if closest.0 <= AT_ONCE_US {
            break;
        }
        let next = pair();
        if next.0 < closest.0 {
            closest = next;
        }
    }
    (closest.1, closest.2)
}

/// Holds wall time against monotonic time. Owned by the sequencer thread.
#[derive(Debug)]
pub struct ClockGuard {
    wall: Timestamp,
    monotonic_us: u64,
}

impl ClockGuard {
    /// A guard anchored at the clocks' present reading.
    pub fn new(clock: &impl Clock) -> Self {
        let (wall, monotonic_us) = clock.both();
        Self { wall, monotonic_us }
    }

    /// Wall time now; and where it has jumped by more than the bound since the anchor, the command
    /// that records it.
    pub fn read(&mut self, clock: &impl Clock, bound_ms: u64) -> (Timestamp, Option<Body>) {
        let (wall, monotonic_us) = clock.both();
        let elapsed_us = monotonic_us.saturating_sub(self.monotonic_us);
        let expected_us = self
            .wall
            .micros()
            .saturating_add(i64::try_from(elapsed_us).unwrap_or(i64::MAX));
        let jumped = wall.micros().abs_diff(expected_us) > bound_ms.saturating_mul(1000);
        let seen = jumped.then(|| {
            seen(
                Timestamp::from_micros(expected_us).unwrap_or(Timestamp::MAX),
                wall,
                bound_ms,
            )
        });
        if jumped || elapsed_us > ANCHOR_LIFETIME_US {
            *self = Self { wall, monotonic_us };
        }
        (wall, seen)
    }
}

/// At start: the command that records a wall clock before the last entry, or later than it by more
/// than `max_gap_s`.
pub fn seen_at_start(last: Timestamp, wall: Timestamp, max_gap_s: u64) -> Option<Body> {
    let in_doubt = wall < last || last.saturating_add_s(max_gap_s) < wall;
    in_doubt.then(|| seen(last, wall, max_gap_s.saturating_mul(1000)))
}

fn seen(before: Timestamp, after: Timestamp, bound_ms: u64) -> Body {
    Body::Clock(ClockEntry {
        cause: Cause::ledger(),
        event: ClockEvent::Seen,
        before,
        after,
        bound_ms: Some(bound_ms),
        acknowledges: None,
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Default)]
    struct Hands {
        wall_us: Cell<i64>,
        monotonic_us: Cell<u64>,
    }

    impl Clock for Hands {
        fn wall(&self) -> Timestamp {
            Timestamp::from_micros(self.wall_us.get()).expect("in range")
        }
        fn both(&self) -> (Timestamp, u64) {
            (self.wall(), self.monotonic_us.get())
        }
    }

    impl Hands {
        fn pass(&self, wall_us: i64, monotonic_us: u64) {
            self.wall_us.set(self.wall_us.get() + wall_us);
            self.monotonic_us
                .set(self.monotonic_us.get() + monotonic_us);
        }
    }

    #[test]
    fn a_step_beyond_the_bound_is_seen_once_and_a_step_within_it_is_not() {
        let hands = Hands::default();
        hands.pass(1_000_000_000_000_000, 0);
        let mut guard = ClockGuard::new(&hands);
        hands.pass(1_000_000, 1_000_000);
        assert!(guard.read(&hands, 500).1.is_none());
        hands.pass(500_000, 0);
        assert!(
            guard.read(&hands, 500).1.is_none(),
            "exactly the bound is tolerated"
        );
        hands.pass(1, 0);
        assert!(guard.read(&hands, 500).1.is_some(), "small steps add up");
        assert!(guard.read(&hands, 500).1.is_none(), "a jump is seen once");
        hands.pass(-10_000_000, 0);
        let Some(Body::Clock(seen)) = guard.read(&hands, 500).1 else {
            panic!("a step back is a jump")
        };
        assert_eq!(seen.before.micros() - seen.after.micros(), 10_000_000);
    }

    #[test]
    fn a_pause_between_the_readings_is_no_jump() {
        let start = 1_000_000_000_000_000;
        // How long whoever reads is held up after each reading of the wall clock.
        for (pauses, expected_us) in [
            (vec![0], 0),
            (vec![AT_ONCE_US], 0),
            (vec![6_000_000, 0], 6_000_000),
            (vec![6_000_000, 3_000_000, 5, 0], 9_000_000),
            // Never at once: the closest of as many as are read.
            (
                (1..100).rev().map(|s| s * 1_000_000).collect(),
                1_380_000_000,
            ),
        ] {
            let hands = Hands::default();
            hands.pass(start, 0);
            let pauses = std::cell::RefCell::new(pauses.into_iter());
            let wall = || {
                let wall = hands.wall();
                let pause_us = pauses.borrow_mut().next().expect("no more are read");
                hands.pass(i64::try_from(pause_us).expect("in range"), pause_us);
                wall
            };
            let (wall, monotonic_us) = at_once(wall, || hands.monotonic_us.get());
            assert_eq!(monotonic_us, expected_us);
            assert_eq!(
                wall.micros() - start,
                i64::try_from(monotonic_us).expect("in range")
            );
        }
    }

    #[test]
    fn a_start_before_the_last_entry_or_long_after_it_is_in_doubt() {
        let at = |s: i64| Timestamp::from_micros(s * 1_000_000).expect("in range");
        assert!(seen_at_start(at(100), at(99), 50).is_some());
        assert!(seen_at_start(at(100), at(100), 50).is_none());
        assert!(seen_at_start(at(100), at(150), 50).is_none());
        assert!(seen_at_start(at(100), at(151), 50).is_some());
    }
}
