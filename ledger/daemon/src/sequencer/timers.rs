//! What time alone brings about.
//!
//! Timers are commands like any other, with the time of their batch; what has expired has expired with
//! its time, whether the entry that says so is written yet or not.

use std::time::Duration;

use ledger_core::entry::{
    Actor, Approval, Body, BreakerEvent, Cause, Heartbeat, Unresolved, Verdict,
};
use ledger_core::limits::ANNOUNCED_MAX;
use ledger_core::time::Timestamp;

use super::{Planned, Sequencer, Stopped};
use crate::clock::Clock;
use crate::intake::ending;

/// How long the sequencer sleeps at most where nothing arrives and no timer is near.
const IDLE: Duration = Duration::from_millis(500);

impl<C: Clock> Sequencer<C> {
    /// How long nothing needs doing: until the next report is overdue, an approval request expires, a
    /// breaker closes or a heartbeat is due.
    pub(super) fn idle(&self) -> Duration {
        let now = self.clock.wall();
        let beat = self
            .state
            .head()
            .time
            .saturating_add_s(self.state.numbers().heartbeat_s);
        let timers = [
            self.state.next_due(),
            self.state.next_expiry(),
            self.state.next_breaker_due(),
        ];
        let next = timers.into_iter().flatten().fold(beat, Timestamp::min);
        let us = next.micros().saturating_sub(now.micros()).max(1_000);
        Duration::from_micros(us.unsigned_abs()).min(IDLE)
    }

    /// Plans what is due at `now`.
    pub(super) fn timers(&mut self, now: Timestamp, planned: &mut Planned) -> Result<(), Stopped> {
        if self.state.head().shut_down && !planned.entries.is_empty() {
            // A shutdown is the last entry of its run.
            return Ok(());
        }
        let overdue: Vec<u64> = self.state.overdue(now).take(ANNOUNCED_MAX).collect();
        for decision in overdue {
            let unresolved = Unresolved {
                correlation_id: String::new(),
                actor: Actor::ledger(),
                decision,
            };
            self.own(Body::Unresolved(unresolved), now, planned)?;
        }
        let expired: Vec<u64> = self.state.expired(now).take(ANNOUNCED_MAX).collect();
        for request in expired {
            self.own(Body::Approval(expiry(request)), now, planned)?;
        }
        let due: Vec<u64> = self.state.breakers_due(now).take(ANNOUNCED_MAX).collect();
        for opened in due {
            let closed = ending(Cause::ledger(), BreakerEvent::Closed, opened);
            self.own(Body::Breaker(Box::new(closed)), now, planned)?;
        }
        let head = self.state.head();
        let beat = head.time.saturating_add_s(self.state.numbers().heartbeat_s);
        if planned.entries.is_empty() && head.next > 0 && !head.shut_down && beat <= now {
            self.own(
                Body::Heartbeat(Heartbeat {
                    actor: Actor::ledger(),
                }),
                now,
                planned,
            )?;
        }
        Ok(())
    }
}

/// The command that says that an approval request is over.
fn expiry(request: u64) -> Approval {
    Approval {
        cause: Cause::ledger(),
        decision: Some(request),
        policy: None,
        verdict: Verdict::Expired,
        group: String::new(),
        expires_at: None,
        granted: None,
        details: std::collections::BTreeMap::new(),
    }
}
