//! When to ask again: advice to a caller whom throttles alone refused. An input to nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger_core::entry::{Check, Code, Decision, Outcome};
use ledger_core::time::Timestamp;

/// The first wait of a caller who hammers, in milliseconds; doubled with each further refusal.
const BACKOFF_MS: u64 = 1_000;
/// The longest such wait.
const BACKOFF_MS_MAX: u64 = 60_000;

/// How often in a row throttles have refused each caller. Callers are registered principals, so their
/// number is bounded; a restart forgets it.
#[derive(Debug, Default)]
pub(super) struct Hammering(Mutex<HashMap<String, u32>>);

impl Hammering {
    /// How long `caller` should wait before asking again, in milliseconds; 0 where there is no advice.
    ///
    /// Never before `passes_at`. Anything but a denial by throttles alone ends a row of refusals; a
    /// repetition of an earlier request neither ends nor lengthens it.
    pub(super) fn advise(
        &self,
        caller: &str,
        decision: &Decision,
        repeated: bool,
        now: Timestamp,
    ) -> u64 {
        let throttled = throttled(decision);
        if throttled == Throttled::No {
            if !repeated {
                self.lock().remove(caller);
            }
            return 0;
        }
        let refusals = {
            let mut row = self.lock();
            let refusals = row.entry(caller.to_owned()).or_insert(0);
            if !repeated {
                *refusals = refusals.saturating_add(1);
            }
            *refusals
        };
        // What never passes is worth no further try.
        let Throttled::Until(passes_at) = throttled else {
            return 0;
        };
        let until_us = passes_at
            .micros()
            .saturating_sub(now.micros())
            .max(0)
            .unsigned_abs();
        let doublings = refusals.saturating_sub(1).min(16);
        let backoff = BACKOFF_MS
            .saturating_mul(1 << doublings)
            .min(BACKOFF_MS_MAX);
        until_us.div_ceil(1_000).max(backoff)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether throttles alone denied a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Throttled {
    /// They did not.
    No,
    /// They did, and no wait helps.
    ForGood,
    /// They did; at this time all of them would pass, if nothing else were allowed in between.
    Until(Timestamp),
}

impl Throttled {
    /// When waiting helps.
    pub(super) const fn passes_at(self) -> Option<Timestamp> {
        match self {
            Self::Until(time) => Some(time),
            Self::No | Self::ForGood => None,
        }
    }
}

pub(super) fn throttled(decision: &Decision) -> Throttled {
    if decision.outcome != Outcome::Deny {
        return Throttled::No;
    }
    let denials = || {
        decision
            .reasons
            .iter()
            .filter(|reason| reason.code.demands() == Outcome::Deny)
    };
    if denials().any(|reason| reason.check != Check::Throttle) {
        return Throttled::No;
    }
    // A rule that counts per something the request does not name passes for no wait.
    if denials().any(|reason| reason.code == Code::ThrottleUnkeyed) {
        return Throttled::ForGood;
    }
    let full = decision
        .throttles
        .iter()
        .filter(|count| count.count.saturating_add(count.needs) > count.limit);
    let passing: Option<Vec<Timestamp>> = full.map(|count| count.passes_at).collect();
    let last = passing.and_then(|times| times.into_iter().max());
    last.map_or(Throttled::ForGood, Throttled::Until)
}

#[cfg(test)]
mod tests {
    use ledger_core::entry::{Basis, Cause, ThrottleCount};

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_micros(ms * 1_000).expect("in range")
    }

    /// A decision with these reasons, and full rules that pass at these times.
    fn decision(outcome: Outcome, codes: &[Code], full: &[Option<i64>]) -> Decision {
        let mut decision = Decision::request(Basis::Gate, Cause::ledger(), "email.send".to_owned());
        decision.outcome = outcome;
        decision.reasons = codes.iter().map(|code| code.reason()).collect();
        let count = |passes_at: &Option<i64>| ThrottleCount {
            rule: "r".to_owned(),
            recipient: None,
            key: None,
            count: 5,
            needs: 1,
            limit: 5,
            window_s: 60,
            passes_at: passes_at.map(at),
        };
        decision.throttles = full.iter().map(count).collect();
        decision.throttles.push(ThrottleCount {
            count: 4,
            limit: 5,
            ..count(&None)
        });
        decision
    }

    #[test]
    fn only_a_denial_by_throttles_alone_passes_at_a_time_and_at_the_latest_of_them() {
        use Code::{DncClear, DncListed, GrantRow, ThrottleExceeded, ThrottleUnkeyed};
        let deny = Outcome::Deny;
        let full = [Some(100), Some(300), Some(200)];
        for (what, decision, expected) in [
            (
                "an allow",
                decision(Outcome::Allow, &[GrantRow, DncClear], &[]),
                Throttled::No,
            ),
            (
                "throttles alone",
                decision(deny, &[GrantRow, ThrottleExceeded], &full),
                Throttled::Until(at(300)),
            ),
            (
                "listed as well",
                decision(deny, &[DncListed, ThrottleExceeded], &full),
                Throttled::No,
            ),
            (
                "one never passes",
                decision(deny, &[ThrottleExceeded], &[Some(1), None]),
                Throttled::ForGood,
            ),
            (
                "unkeyed",
                decision(deny, &[ThrottleExceeded, ThrottleUnkeyed], &full),
                Throttled::ForGood,
            ),
        ] {
            assert_eq!(throttled(&decision), expected, "{what}");
        }
    }

    #[test]
    fn the_wait_grows_for_whoever_hammers_and_never_ends_before_the_window_does() {
        let hammering = Hammering::default();
        let refused = decision(Outcome::Deny, &[Code::ThrottleExceeded], &[Some(2_500)]);
        let waits: Vec<u64> = (0..8)
            .map(|_| hammering.advise("a", &refused, false, at(1_000)))
            .collect();
        assert_eq!(
            waits,
            [1_500, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
        );
        assert_eq!(
            hammering.advise("a", &refused, true, at(1_000)),
            60_000,
            "a repetition does not lengthen it"
        );
        assert_eq!(
            hammering.advise("b", &refused, false, at(1_000)),
            1_500,
            "others wait for themselves"
        );
        let far = decision(Outcome::Deny, &[Code::ThrottleExceeded], &[Some(90_000)]);
        assert_eq!(
            hammering.advise("a", &far, false, at(1_000)),
            89_000,
            "never before the window passes"
        );
        let allowed = decision(Outcome::Allow, &[Code::GrantRow], &[]);
        assert_eq!(hammering.advise("a", &allowed, false, at(1_000)), 0);
        assert_eq!(
            hammering.advise("a", &refused, false, at(1_000)),
            1_500,
            "an allow ends the row"
        );
        let never = decision(Outcome::Deny, &[Code::ThrottleExceeded], &[None]);
        assert_eq!(
            hammering.advise("c", &never, false, at(1_000)),
            0,
            "what never passes is not advised"
        );
    }

    #[test]
    fn part_of_a_millisecond_is_waited_for_whole() {
        let hammering = Hammering::default();
        let mut refused = decision(Outcome::Deny, &[Code::ThrottleExceeded], &[None]);
        refused.throttles[0].passes_at = Some(Timestamp::from_micros(5_000_001).expect("in range"));
        assert_eq!(hammering.advise("a", &refused, false, at(0)), 5_001);
    }
}
