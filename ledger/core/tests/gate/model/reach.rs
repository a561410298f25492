//! When people may be reached, whom a sandbox may reach, and what can be undone.

use std::collections::BTreeSet;

use ledger_core::action::{Channel, Class};
use ledger_core::entry::{Cite, Code, Decision, Environment, ListingReason};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};

use super::policy::ActionM;
use super::{Model, No, ReasonM, What};

impl Model {
    pub(super) fn call(&self, request: &Decision, now: Timestamp, reasons: &mut Vec<ReasonM>) {
        let declared = self
            .policy()
            .and_then(|(_, policy)| policy.actions.iter().find(|row| row.name == request.action));
        let Some(ActionM {
            hours,
            registry_s,
            registry_from,
            ..
        }) = declared
        else {
            return;
        };
        if let Some((from, to)) = hours {
            for (index, recipient) in (0u64..).zip(&request.recipients) {
                let code = match recipient.utc_offset {
                    None => Code::CallOffsetMissing,
                    // In microseconds of their day, however many days off UTC they are.
                    Some(offset) => {
                        let minute = 60_000_000;
                        let day = 24 * 60 * minute;
                        let local = now.micros() + i64::from(offset.minutes()) * minute;
                        let of_day = ((local % day) + day) % day;
                        if of_day >= from * minute && of_day < to * minute {
                            continue;
                        }
                        Code::CallHours
                    }
                };
                reasons.push(ReasonM {
                    recipient: Some(index),
                    ..ReasonM::of(code)
                });
            }
        }
        if let Some(age) = registry_s {
            let last = self.last_registry(*registry_from);
            let old = last.is_none_or(|(_, time)| now.micros() - time.micros() > age * 1_000_000);
            if old {
                reasons.push(ReasonM {
                    cites: last
                        .map(|(seq, _)| Cite { seq, index: None })
                        .into_iter()
                        .collect(),
                    ..ReasonM::of(Code::CallRegistryStale)
                });
            }
        }
    }

    /// The last complete import of the national registry.
    fn last_registry(&self, from: Option<&str>) -> Option<(u64, Timestamp)> {
        let ended = |event: &&super::Event| match event.what {
            What::ImportEnded { import } => {
                let (source, changes) = self.imported_from(import)?;
                (self.import(import) == Some(ListingReason::NationalRegistry)
                    && from.is_none_or(|from| from == source))
                .then_some((import, source, changes))
            }
            _ => None,
        };
        let whole = |event: &super::Event, source: &str| {
            let earlier = self.events.iter().filter(|other| other.seq < event.seq);
            earlier
                .filter_map(|other| ended(&other))
                .any(|(import, of, changes)| of == source && !changes && self.imported(import) > 0)
        };
        self.events.iter().rev().find_map(|event| {
            let (import, source, changes) = ended(&event)?;
            let counts = if changes {
                whole(event, source)
            } else {
                self.imported(import) > 0
            };
            counts.then_some((event.seq, event.time))
        })
    }

    /// From where an import is, and whether it is one of changes.
    fn imported_from(&self, seq: u64) -> Option<(&'static str, bool)> {
        self.events.iter().find_map(|event| match event.what {
            What::ImportBegun {
                source, changes, ..
            } if event.seq == seq => Some((source, changes)),
            _ => None,
        })
    }

    /// Why the people of an import are listed.
    fn import(&self, seq: u64) -> Option<ListingReason> {
        self.events.iter().find_map(|event| match event.what {
            What::ImportBegun { reason, .. } if event.seq == seq => Some(reason),
            _ => None,
        })
    }

    /// The import at `seq` if it is under way, and how many it has listed.
    pub(crate) fn under_way(&self, seq: u64) -> Result<(ListingReason, u64), No> {
        let ended = self
            .events
            .iter()
            .any(|event| matches!(event.what, What::ImportEnded { import } if import == seq));
        let reason = self.import(seq).filter(|_| !ended);
        reason
            .map(|reason| (reason, self.imported(seq)))
            .ok_or(No::Field("import"))
    }

    /// How many an import has listed.
    fn imported(&self, seq: u64) -> u64 {
        let listed = self
            .events
            .iter()
            .filter(|event| matches!(event.what, What::Imported { import } if import == seq));
        listed.count() as u64
    }

    /// A sandbox writes to nobody but those at a reserved or fake domain, and calls fake phones alone.
    pub(super) fn sandbox(
        &self,
        request: &Decision,
        class: Class,
        channels: &BTreeSet<Channel>,
        reasons: &mut Vec<ReasonM>,
    ) {
        if self.environment != Environment::Sandbox || class != Class::Contact {
            return;
        }
        let mut fake: Vec<Token> = self.reserved.clone();
        let mut phones: Vec<Token> = Vec::new();
        if let Some((_, policy)) = self.policy() {
            phones.clone_from(&policy.fake_phones);
            fake.extend(policy.fake_domains.iter().map(|(_, token)| *token));
        }
        for (index, recipient) in (0u64..).zip(&request.recipients) {
            let mut address = false;
            let mut at_fake = false;
            for key in &recipient.keys {
                address |= key.kind == Kind::Email;
                at_fake |= key.kind == Kind::Domain && fake.contains(&key.token);
            }
            if !address || !at_fake {
                reasons.push(ReasonM {
                    recipient: Some(index),
                    ..ReasonM::of(Code::SandboxRecipient)
                });
            }
            let mut rings = false;
            for key in &recipient.keys {
                rings |= key.kind == Kind::Phone && !phones.contains(&key.token);
            }
            let by_phone = [Channel::Call, Channel::Sms, Channel::Meeting];
            if rings && by_phone.iter().any(|channel| channels.contains(channel)) {
                reasons.push(ReasonM {
                    recipient: Some(index),
                    key: Some(Kind::Phone),
                    ..ReasonM::of(Code::SandboxRecipient)
                });
            }
        }
    }

    /// What is undone has been done: by the same agent or in the same run, in the same way, and to whatever
    /// is undone.
    pub(super) fn undo(&self, request: &Decision, reasons: &mut Vec<ReasonM>) {
        let Some(seq) = request.undoes else {
            return;
        };
        let reported = self.events.iter().find_map(|event| match event.what {
            What::Executed { decision, .. } if event.seq == seq => Some(decision),
            _ => None,
        });
        let done = reported.and_then(|decision| self.decided(decision));
        let Some((_, done)) = done else {
            reasons.push(ReasonM::of(Code::UndoUnknown));
            return;
        };
        let done = &done.request;
        let objects = |of: &Decision| {
            of.targets
                .iter()
                .map(|target| target.id)
                .collect::<BTreeSet<_>>()
        };
        let (was, is) = (objects(done), objects(request));
        let same_run = done.cause.correlation_id == request.cause.correlation_id;
        let strange = done.cause.actor.id != request.cause.actor.id && !same_run;
        // What an action makes has no id by which it could be the same.
        let made = is.contains(&None);
        let nothing = is.is_empty() && was.iter().any(Option::is_some);
        if strange || made || nothing || done.action != request.action || !is.is_subset(&was) {
            reasons.push(ReasonM::of(Code::UndoUnknown));
        }
    }
}
