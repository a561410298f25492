//! `Status`: how the ledger stands.

use ledger_core::entry::BreakerScope;
use ledger_core::record::{BreakGlassRecord, BreakerRecord};
use ledger_core::state::LastStop;
use ledger_proto::v1 as wire;

use super::{Ledger, time_to_wire};
use crate::intake::{class_to_wire, entry_word, scope_to_wire};

impl Ledger {
    /// The reply, from the latest snapshot and the time of now.
    pub(super) fn status(&self) -> wire::StatusReply {
        let snapshot = self.latest.get();
        let now = self.now();
        let stops = snapshot.stops.iter().map(|(seq, scope)| wire::ActiveStop {
            seq: *seq,
            scope: Some(scope_to_wire(scope)),
        });
        let controls = &snapshot.controls;
        let breakers = controls
            .breakers
            .iter()
            .filter(|(_, record)| record.is_open(now));
        let glass = controls
            .glass
            .iter()
            .filter(|(_, record)| now < record.until());
        wire::StatusReply {
            origin: self.origin().to_owned(),
            size: snapshot.head.next,
            last_entry: Some(time_to_wire(snapshot.head.time)),
            stops: stops.collect(),
            open: snapshot.open as u64,
            clock_blocked: snapshot.clock_blocked,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            environment: entry_word(&self.intake.environment()),
            breakers: breakers
                .map(|(seq, record)| breaker(*seq, record))
                .collect(),
            break_glass: glass
                .map(|(seq, record)| break_glass(*seq, record))
                .collect(),
            pending_approvals: snapshot.pending_approvals as u64,
            last_stop: snapshot.last_stop.as_ref().map(last_stop),
            breakers_warned: snapshot.warned.clone(),
        }
    }

    fn origin(&self) -> &str {
        self.vkey
            .split_once('+')
            .map_or(&*self.vkey, |(name, _)| name)
    }
}

fn breaker(seq: u64, record: &BreakerRecord) -> wire::OpenBreaker {
    let BreakerScope {
        agent,
        seller,
        mailbox,
        actions,
        classes,
    } = record.scope.clone();
    let until = record.opened.and_then(|(_, until)| until);
    wire::OpenBreaker {
        seq,
        rule: record.rule.clone(),
        measure: record.measure.as_str().to_owned(),
        agent_id: agent.unwrap_or_default(),
        seller: seller.unwrap_or_default(),
        mailbox: mailbox
            .map(|token| token.0.to_vec())
            .unwrap_or_default()
            .into(),
        actions,
        classes: classes
            .into_iter()
            .map(|class| class_to_wire(class).into())
            .collect(),
        until: until.map(time_to_wire),
    }
}

fn break_glass(request: u64, record: &BreakGlassRecord) -> wire::BreakGlass {
    wire::BreakGlass {
        request,
        requested_by: record.requested_by.clone(),
        agent_id: record.agent.clone(),
        action: record.action.clone().unwrap_or_default(),
        opened: record.opened.map(|(seq, _)| seq),
        until: Some(time_to_wire(record.until())),
    }
}

fn last_stop(last: &LastStop) -> wire::LastStop {
    wire::LastStop {
        seq: last.seq,
        scope: Some(scope_to_wire(&last.scope)),
        time: Some(time_to_wire(last.time)),
        voided: last.voided,
    }
}
