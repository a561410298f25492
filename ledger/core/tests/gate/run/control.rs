//! What people do: the list, stop and resume, principals, the clock.

use std::collections::BTreeMap;

use ledger_core::action::Class;
use ledger_core::entry::{
    Body, Cause, Change, Cite, Clock, ClockEvent, Commitment, DetailName, Dnc, DncOp, Listing,
    PrincipalChange, Resume, Scope, Stop,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;

use super::super::ledger::{AGENTS, COMPLIANCE, OPERATOR, caused, dnc};
use super::super::model::What;
use super::super::run::Run;
use super::super::step::{SELLERS, Terms, Who};

impl Run<'_> {
    pub(super) fn list(&mut self, who: Who, terms: Terms) {
        let own = matches!(terms.reason as u8, 0..=4);
        let listing = Listing {
            reason: Some(terms.reason),
            effective_from: terms.effective_from.filter(|_| !own).map(|s| self.in_s(s)),
            expires_at: terms.expires.filter(|_| !own).map(|s| self.in_s(s)),
            ..listing(who, &terms)
        };
        let command = dnc(DncOp::List, vec![listing.clone()], &self.request_id());
        let seq = self.append(command).0;
        self.note(seq, What::Listed { index: 0, listing });
    }

    pub(super) fn exempt(&mut self, who: Who, terms: Terms, last: bool) {
        let mut exemption = Listing {
            effective_from: terms.effective_from.map(|s| self.in_s(s)),
            expires_at: Some(self.in_s(terms.expires.unwrap_or(60))),
            evidence: Some(Hash([9; 32])),
            ..listing(who, &terms)
        };
        if exemption.channels.is_empty() {
            exemption.channels = ledger_core::action::Channels::all();
        }
        if let Some(asked) = self.last_asked().filter(|_| last) {
            let recipient = asked
                .recipients
                .iter()
                .rev()
                .find(|recipient| !recipient.keys.is_empty());
            let mut keys = recipient.map_or(Vec::new(), |recipient| recipient.keys.clone());
            keys.retain(|key| ![Kind::Domain, Kind::Account].contains(&key.kind));
            if !keys.is_empty() {
                exemption.keys = keys;
                exemption.seller.clone_from(&asked.seller);
            }
        }
        exemption
            .seller
            .get_or_insert_with(|| SELLERS[0].to_owned());
        // Two of one kind in one entry, so that an index is not always 0.
        let command = dnc(
            DncOp::Exempt,
            vec![exemption.clone(); 2],
            &self.request_id(),
        );
        let seq = self.append(command).0;
        for index in 0..2 {
            let exemption = exemption.clone();
            self.note(seq, What::Exempted { index, exemption });
        }
    }

    pub(super) fn in_s(&self, seconds: i64) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + seconds * 1_000_000).unwrap()
    }

    pub(super) fn unlist(&mut self, pick: usize, exemption: bool) {
        let live: Vec<Cite> = self
            .model
            .listed(exemption)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let reason = Commitment {
            commitment: Hash([8; 32]),
            bytes: 3,
            redacted: None,
        };
        let (name, there) = match live.len() {
            0 => (
                Cite {
                    seq: 3,
                    index: Some(0),
                },
                false,
            ),
            count => (live[pick % count], true),
        };
        let command = Body::Dnc(Dnc {
            cause: caused(
                Call::RemoveDnc,
                Role::Compliance,
                COMPLIANCE,
                &self.request_id(),
            ),
            op: DncOp::Unlist,
            tokens_v: None,
            listings: Vec::new(),
            ends: vec![name],
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence: Some(Hash([7; 32])),
            details: [(DetailName::Reason, reason)].into(),
        });
        if !there {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let seq = self.append(command).0;
        let what = What::Ended {
            seq: name.seq,
            index: name.index.unwrap(),
        };
        self.note(seq, what);
    }

    pub(super) fn stop(&mut self, pick: usize) {
        let scope = scope(pick);
        let expected = self.model.voids(&scope, self.now);
        let command = Body::Stop(Stop {
            cause: caused(Call::Stop, Role::Operator, OPERATOR, &self.request_id()),
            scope: scope.clone(),
            voided: 0,
            details: BTreeMap::new(),
        });
        let (seq, body) = self.append(command);
        let Body::Stop(stop) = body else {
            panic!("{body:?}")
        };
        assert_eq!(stop.voided, expected);
        self.note(seq, What::Stopped(scope));
        if expected > 0 {
            self.seen.count("stop: voids");
        }
    }

    pub(super) fn resume(&mut self, pick: usize) {
        let active = self.model.stops();
        let there = !active.is_empty();
        let scope = if there {
            active[pick % active.len()].1.clone()
        } else {
            Scope::All
        };
        let command = Body::Resume(Resume {
            cause: caused(Call::Resume, Role::Operator, OPERATOR, &self.request_id()),
            scope: scope.clone(),
            stops: Vec::new(),
            details: BTreeMap::new(),
        });
        if !there {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let (seq, body) = self.append(command);
        let Body::Resume(resume) = body else {
            panic!("{body:?}")
        };
        let of_scope = active.into_iter().filter(|(_, other)| *other == scope);
        assert_eq!(
            resume.stops,
            of_scope.map(|(seq, _)| seq).collect::<Vec<_>>()
        );
        self.note(seq, What::Resumed(scope));
    }

    pub(super) fn principal(&mut self, agent: usize, in_force: bool) {
        let id = AGENTS[agent];
        let call = if in_force {
            Call::PutPrincipal
        } else {
            Call::RevokePrincipal
        };
        let command = Body::Principal(PrincipalChange {
            cause: caused(call, Role::Operator, OPERATOR, &self.request_id()),
            id: id.to_owned(),
            role: Role::Agent,
            groups: Vec::new(),
            credential: in_force.then(|| Hash::of(id.as_bytes())),
            change: Change::Added,
        });
        let (seq, body) = self.append(command);
        let Body::Principal(change) = body else {
            panic!("{body:?}")
        };
        let expected = if in_force {
            Change::Changed
        } else {
            Change::Revoked
        };
        assert_eq!(change.change, expected);
        let what = What::Principal {
            id: id.to_owned(),
            role: Role::Agent,
            groups: Vec::new(),
            in_force,
        };
        self.note(seq, what);
    }

    pub(super) fn clock(&mut self, after_s: i64) {
        let waits = self
            .model
            .events
            .iter()
            .rev()
            .find_map(|event| match event.what {
                What::ClockSeen => Some(true),
                What::ClockAcknowledged { .. } => Some(false),
                _ => None,
            });
        if waits != Some(true) {
            let command = Body::Clock(Clock {
                cause: Cause::ledger(),
                event: ClockEvent::Seen,
                before: self.now,
                after: self.in_s(7),
                bound_ms: Some(5_000),
                acknowledges: None,
            });
            let seq = self.ledger.append(command, self.now).0;
            self.note(seq, What::ClockSeen);
            return;
        }
        let before = self.ledger.state.head().time;
        let after = self.in_s(after_s);
        let command = Body::Clock(Clock {
            cause: caused(
                Call::AcknowledgeClock,
                Role::Operator,
                OPERATOR,
                &self.request_id(),
            ),
            event: ClockEvent::Acknowledged,
            before: Timestamp::EPOCH,
            after,
            bound_ms: None,
            acknowledges: None,
        });
        let (seq, body) = self.append(command);
        let Body::Clock(clock) = body else {
            panic!("{body:?}")
        };
        assert_eq!(clock.before, before);
        self.note(seq, What::ClockAcknowledged { before, after });
    }
}

fn scope(pick: usize) -> Scope {
    match pick {
        0 => Scope::All,
        1 | 2 => Scope::Agent {
            id: AGENTS[pick - 1].to_owned(),
        },
        3 => Scope::Class {
            class: Class::Write,
        },
        _ => Scope::Class {
            class: Class::Contact,
        },
    }
}

fn listing(who: Who, terms: &Terms) -> Listing {
    Listing {
        keys: who.0,
        seller: terms.seller.map(|pick| SELLERS[pick].to_owned()),
        channels: terms.channels,
        reason: None,
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    }
}
