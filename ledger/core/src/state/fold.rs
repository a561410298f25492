//! The fold itself: what each kind of entry does to the state.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::load::Fact;
use super::{
    Head, InForce, Prefilled, State, count_allows, first_seq, is_listed, listing_key, live_key,
    read,
};
use crate::entry::{
    Basis, Body, Clock, ClockEvent, Code, Decision, Dnc, DncOp, Entry, Listing, Outcome,
    PolicyEntry, PolicyFile, PrincipalChange, Resume, Stop,
};
use crate::gate;
use crate::hash::Hash;
use crate::limits::WINDOW_S_MAX;
use crate::policy::Policy;
use crate::record::{
    Counted, DecisionRecord, ListingRecord, ListingRef, OpenAllow, PrincipalRecord, RequestRecord,
    correlation_prefix, request_key, with_seq,
};
use crate::time::Timestamp;
use crate::token::Token;
use crate::view::{Table, View, ViewError};
use crate::window::{self, Windows};

/// Why an entry cannot be folded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The view failed. In the daemon this stops writes.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The log says something that no ledger writes.
    #[error("entry {seq} does not follow from the log before it: {why}")]
    Impossible {
        /// The entry.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// A policy as the view keeps it: in force, or with continuations still to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PolicyFact {
    seq: u64,
    sha256: Hash,
    files: Vec<PolicyFile>,
    mailboxes: BTreeMap<String, Token>,
    fake_domains: BTreeMap<String, Token>,
    /// The approval that the publication uses up.
    approval: Option<u64>,
    parts_left: u64,
}

impl PolicyFact {
    pub(super) fn into_force(self) -> Result<InForce, FoldError> {
        let impossible = |why: String| FoldError::Impossible { seq: self.seq, why };
        let files: Vec<(&str, &[u8])> = self
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_bytes()))
            .collect();
        let found = crate::policy::policy_hash(&files);
        if found != self.sha256 {
            return Err(impossible(format!(
                "the policy's text has the hash {found}, not {}",
                self.sha256
            )));
        }
        let text = Policy::parse(&files).map_err(|errors| impossible(errors.to_string()))?;
        Ok(InForce {
            seq: self.seq,
            sha256: self.sha256,
            text,
            mailboxes: self.mailboxes,
            fake_domains: self.fake_domains,
        })
    }
}

impl<V: View> State<V> {
    /// Folds the next entry.
    ///
    /// `prefilled` may hold the windows and meters of a policy that this entry puts in force, counted up
    /// to some earlier seq; what is missing is added here.
    ///
    /// # Errors
    /// [`FoldError`]; the state is then of no further use.
    pub fn apply(&mut self, entry: &Entry, prefilled: Option<Prefilled>) -> Result<(), FoldError> {
        let impossible = |why: String| {
            Err(FoldError::Impossible {
                seq: entry.seq,
                why,
            })
        };
        if entry.seq != self.head.next {
            return impossible(format!(
                "its seq is {}, expected {}",
                entry.seq, self.head.next
            ));
        }
        if entry.time < self.head.time {
            return impossible(format!(
                "its time {} is before that of the entry before it, {}",
                entry.time, self.head.time
            ));
        }
        match &entry.body {
            Body::Genesis(genesis) => {
                if entry.seq != 0 {
                    return impossible("a second genesis".to_owned());
                }
                put(&mut self.view, Table::Fact, Fact::GENESIS.to_vec(), genesis);
                self.genesis = Some(genesis.clone());
            }
            Body::Principal(change) => self.apply_principal(entry.seq, change),
            Body::Policy(policy) => self.apply_policy(entry.seq, entry.time, policy, prefilled)?,
            Body::Dnc(dnc) => {
                self.apply_import(entry.seq, entry.time, dnc)?;
                self.apply_dnc(entry.seq, dnc)?;
            }
            Body::Decision(decision) => self.apply_decision(entry.seq, entry.time, decision)?,
            Body::Execution(execution) => self.apply_execution(entry.seq, entry.time, execution)?,
            Body::Outcome(outcome) => self.apply_outcome(entry.seq, entry.time, outcome)?,
            Body::Unresolved(unresolved) => self.apply_unresolved(entry.seq, unresolved)?,
            Body::Stop(stop) => self.apply_stop(entry.seq, entry.time, stop)?,
            Body::Resume(resume) => self.apply_resume(resume),
            Body::Clock(clock) => self.apply_clock(entry.seq, clock),
            Body::Approval(approval) => self.apply_approval(entry.seq, approval)?,
            Body::BreakGlass(glass) => self.apply_break_glass(entry.seq, entry.time, glass)?,
            Body::Breaker(breaker) => self.apply_breaker(entry.seq, breaker),
            Body::Key(key) => self.apply_key(entry.seq, key)?,
            Body::Boot(_) | Body::Heartbeat(_) | Body::Shutdown(_) | Body::Access(_) => {}
        }
        self.index(entry);
        self.head = Head {
            next: entry.seq + 1,
            time: entry.time,
            shut_down: matches!(entry.body, Body::Shutdown(_)),
        };
        put(&mut self.view, Table::Fact, Fact::HEAD.to_vec(), &self.head);
        Ok(())
    }

    /// Request id and correlation id, for every kind that carries them.
    fn index(&mut self, entry: &Entry) {
        if let Some(cause) = entry.body.cause()
            && let (Some(id), Some(call)) = (&cause.request_id, cause.call)
        {
            let key = request_key(&cause.actor.id, call, id);
            let record = RequestRecord {
                seq: entry.seq,
                same: sameness(&entry.body),
            };
            put(&mut self.view, Table::Request, key, &record);
        }
        if let Some(id) = entry.body.correlation_id() {
            let key = with_seq(correlation_prefix(id), entry.seq);
            self.view.put(Table::Correlation, key, Vec::new());
        }
    }

    pub(super) fn concern(&mut self, token: &Token, seq: u64) {
        self.view
            .put(Table::Subject, with_seq(token.0.to_vec(), seq), Vec::new());
    }

    fn apply_principal(&mut self, seq: u64, change: &PrincipalChange) {
        let record = PrincipalRecord {
            seq,
            role: change.role,
            groups: change.groups.clone(),
            credential: change.credential,
        };
        put(
            &mut self.view,
            Table::Principal,
            change.id.as_bytes().to_vec(),
            &record,
        );
        self.principals.insert(change.id.clone(), record);
    }

    fn apply_policy(
        &mut self,
        seq: u64,
        time: Timestamp,
        policy: &PolicyEntry,
        prefilled: Option<Prefilled>,
    ) -> Result<(), FoldError> {
        let impossible = |why: &str| FoldError::Impossible {
            seq,
            why: why.to_owned(),
        };
        let mut fact = match (policy.continues, policy.sha256) {
            (None, Some(sha256)) => PolicyFact {
                seq,
                sha256,
                files: Vec::new(),
                mailboxes: policy.mailboxes.clone(),
                fake_domains: policy.fake_domains.clone(),
                approval: policy
                    .promotion
                    .as_ref()
                    .map(|promotion| promotion.approval),
                parts_left: policy.parts.unwrap_or(0) + 1,
            },
            (Some(first), None) => {
                let pending: Option<PolicyFact> = read(&self.view, Table::Fact, Fact::PENDING)?;
                pending
                    .filter(|fact| fact.seq == first)
                    .ok_or_else(|| impossible("it continues a policy that does not await it"))?
            }
            _ => return Err(impossible("it must have either `sha256` or `continues`")),
        };
        for file in &policy.files {
            match fact.files.last_mut() {
                Some(last) if last.path == file.path => last.text.push_str(&file.text),
                _ => fact.files.push(file.clone()),
            }
        }
        fact.parts_left = fact.parts_left.saturating_sub(1);
        if fact.parts_left > 0 {
            put(&mut self.view, Table::Fact, Fact::PENDING.to_vec(), &fact);
            return Ok(());
        }
        self.view.delete(Table::Fact, Fact::PENDING.to_vec());
        if let Some(approval) = fact.approval {
            self.spend_policy_approval(fact.seq, approval)?;
        }
        put(&mut self.view, Table::Fact, Fact::POLICY.to_vec(), &fact);
        let policy = fact.into_force()?;
        let (windows, meters) = match prefilled {
            Some(Prefilled { windows, meters }) => (Some(windows), Some(meters)),
            None => (None, None),
        };
        let mut windows = windows
            .filter(|windows| windows.rules().eq(policy.text.throttles()))
            .unwrap_or_else(|| Windows::new(policy.text.throttles()));
        count_allows(&self.view, windows.through, &mut windows)?;
        self.windows = windows;
        self.replace_meters(meters, policy.text.breakers(), time)?;
        self.policy = Some(Arc::new(policy));
        Ok(())
    }

    fn apply_dnc(&mut self, seq: u64, dnc: &Dnc) -> Result<(), FoldError> {
        for (index, listing) in (0u64..).zip(&dnc.listings) {
            let record = ListingRecord {
                import: dnc.import,
                ..listing_record(seq, index, listing, dnc.op)
            };
            for key in &listing.keys {
                let token = &key.token;
                self.view.put(Table::Listing, token.0.to_vec(), Vec::new());
                put(
                    &mut self.view,
                    Table::Listing,
                    live_key(token, seq, index),
                    &record,
                );
                self.concern(token, seq);
            }
            let keys = listing.keys.clone();
            put(
                &mut self.view,
                Table::ListingRef,
                listing_key(seq, index),
                &ListingRef { keys },
            );
        }
        for cite in &dnc.ends {
            let index = cite.index.unwrap_or(0);
            let Some(ended) = self.listing_ref(cite.seq, index)? else {
                let why = format!("it ends listing {}/{index}, which is not live", cite.seq);
                return Err(FoldError::Impossible { seq, why });
            };
            for key in &ended.keys {
                let token = &key.token;
                self.view
                    .delete(Table::Listing, live_key(token, cite.seq, index));
                if !is_listed(&self.view, token)? {
                    self.view.delete(Table::Listing, token.0.to_vec());
                }
                self.concern(token, seq);
            }
            self.view
                .delete(Table::ListingRef, listing_key(cite.seq, index));
        }
        Ok(())
    }

    fn apply_decision(
        &mut self,
        seq: u64,
        time: Timestamp,
        decision: &Decision,
    ) -> Result<(), FoldError> {
        let allowed = decision.basis == Basis::Gate && decision.outcome == Outcome::Allow;
        let record = DecisionRecord {
            time,
            basis: decision.basis,
            outcome: decision.outcome,
            agent: decision.cause.actor.id.clone(),
            action: decision.action.clone(),
            class: decision.class,
            seller: decision.seller.clone(),
            mailbox: decision.mailbox,
            dnc: decision
                .reasons
                .iter()
                .any(|reason| matches!(reason.code, Code::DncListed | Code::DncCrmFlag)),
            recipients: decision.recipients.len() as u64,
            people: if decision.basis == Basis::Gate {
                window::people(&decision.recipients)
            } else {
                Vec::new()
            },
            cost_micros: decision.cost_micros,
            targets: decision.targets.iter().filter_map(|of| of.id).collect(),
            correlation_id: decision.cause.correlation_id.clone().unwrap_or_default(),
            valid_until: decision.valid_until,
            report_by: decision.report_by,
            voided: None,
            executed: None,
            unresolved: None,
            counted: Counted::default(),
        };
        put(
            &mut self.view,
            Table::Decision,
            seq.to_be_bytes().to_vec(),
            &record,
        );
        for key in decision
            .recipients
            .iter()
            .flat_map(|recipient| &recipient.keys)
        {
            self.concern(&key.token, seq);
        }
        for id in decision.targets.iter().filter_map(|target| target.id) {
            self.concern(&id, seq);
        }
        if decision.basis == Basis::Gate {
            self.apply_approval_of_decision(seq, time, decision)?;
        }
        if !allowed {
            return Ok(());
        }
        let (Some(valid_until), Some(report_by)) = (decision.valid_until, decision.report_by)
        else {
            let why = "an allow without `valid_until` or `report_by`".to_owned();
            return Err(FoldError::Impossible { seq, why });
        };
        let open = OpenAllow {
            voided: false,
            agent: record.agent,
            class: record.class,
            valid_until,
            report_by,
        };
        put(
            &mut self.view,
            Table::Open,
            seq.to_be_bytes().to_vec(),
            &open,
        );
        self.open.insert(seq, open);
        self.due.insert((report_by, seq));

        let allow = gate::allowed(decision, time);
        put(
            &mut self.view,
            Table::Allow,
            seq.to_be_bytes().to_vec(),
            &allow,
        );
        self.windows.count(seq, &allow);
        self.oldest_allow.get_or_insert(seq);
        self.prune(time)
    }

    /// Forgets allows that no window can reach. Two for each new one, so that the work of an entry
    /// stays small and the table still shrinks.
    fn prune(&mut self, now: Timestamp) -> Result<(), FoldError> {
        for _ in 0..2 {
            let Some(oldest) = self.oldest_allow else {
                return Ok(());
            };
            let key = oldest.to_be_bytes();
            let Some(allow) =
                read::<_, crate::record::AllowRecord>(&self.view, Table::Allow, &key)?
            else {
                return Ok(());
            };
            if allow.time.saturating_add_s(WINDOW_S_MAX) > now {
                return Ok(());
            }
            self.view.delete(Table::Allow, key.to_vec());
            self.oldest_allow = first_seq(&self.view, Table::Allow, oldest + 1)?;
        }
        Ok(())
    }

    fn apply_stop(&mut self, seq: u64, time: Timestamp, stop: &Stop) -> Result<(), FoldError> {
        for decision in self.voidable(&stop.scope, time) {
            self.void(decision, (seq, time))?;
        }
        put(
            &mut self.view,
            Table::Stop,
            seq.to_be_bytes().to_vec(),
            &stop.scope,
        );
        self.stops.insert(seq, stop.scope.clone());
        self.note_stop(seq, time, stop);
        Ok(())
    }

    fn void(&mut self, decision: u64, stop: (u64, Timestamp)) -> Result<(), FoldError> {
        let key = decision.to_be_bytes().to_vec();
        if let Some(mut record) = self.decision(decision)? {
            record.voided = Some(stop);
            put(&mut self.view, Table::Decision, key.clone(), &record);
        }
        if let Some(open) = self.open.get_mut(&decision) {
            open.voided = true;
            self.open_voided += 1;
            put(&mut self.view, Table::Open, key, open);
        }
        self.tally_voided(decision);
        Ok(())
    }

    /// The outstanding allows that a stop of `scope` at `now` voids: in scope, unexpired, unreported, and
    /// not voided by a stop before it.
    pub fn voidable(&self, scope: &crate::entry::Scope, now: Timestamp) -> Vec<u64> {
        let falls = |allow: &OpenAllow| {
            !allow.voided && now < allow.valid_until && scope.covers(&allow.agent, allow.class)
        };
        self.open()
            .filter(|(_, allow)| falls(allow))
            .map(|(seq, _)| seq)
            .collect()
    }

    /// Every stop of the scope ends, also one that the entry no longer lists.
    fn apply_resume(&mut self, resume: &Resume) {
        let view = &mut self.view;
        self.stops.retain(|stop, scope| {
            let goes_on = *scope != resume.scope;
            if !goes_on {
                view.delete(Table::Stop, stop.to_be_bytes().to_vec());
            }
            goes_on
        });
    }

    fn apply_clock(&mut self, seq: u64, clock: &Clock) {
        match clock.event {
            ClockEvent::Seen => self.clock.seen = Some(seq),
            ClockEvent::Acknowledged => {
                self.clock.seen = None;
                self.clock.behind = (clock.after < clock.before).then_some((seq, clock.before));
            }
        }
        put(
            &mut self.view,
            Table::Fact,
            Fact::CLOCK.to_vec(),
            &self.clock,
        );
    }
}

/// What a repetition of a request must agree in: content, correlation id, action id and approval.
pub(crate) fn sameness(body: &Body) -> Hash {
    let mut parts = Vec::new();
    let mut part = |bytes: &[u8]| {
        parts.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        parts.extend_from_slice(bytes);
    };
    if let Some(cause) = body.cause() {
        part(cause.content.as_ref().map_or(&[][..], |hash| &hash.0));
        part(
            cause
                .correlation_id
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
        );
        part(cause.action_id.as_deref().unwrap_or_default().as_bytes());
    }
    if let Body::Decision(decision) = body {
        part(
            &decision
                .approval
                .map_or_else(Vec::new, |seq| seq.to_be_bytes().to_vec()),
        );
    }
    Hash::of(&parts)
}

/// What the views keep of a listing or an exemption.
pub(crate) fn listing_record(seq: u64, index: u64, listing: &Listing, op: DncOp) -> ListingRecord {
    ListingRecord {
        seq,
        index,
        seller: listing.seller.clone(),
        channels: listing.channels,
        reason: if op == DncOp::Exempt {
            None
        } else {
            listing.reason
        },
        effective_from: listing.effective_from,
        expires_at: listing.expires_at,
        import: None,
    }
}

/// Values are JSON of types without maps of foreign keys, so that encoding cannot fail.
pub(super) fn put<V: View, T: Serialize>(view: &mut V, table: Table, key: Vec<u8>, value: &T) {
    match serde_json::to_vec(value) {
        Ok(value) => view.put(table, key, value),
        Err(error) => unreachable!("a view record does not encode: {error}"),
    }
}
