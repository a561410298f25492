//! The state of a ledger: the one fold over its log.
//!
//! The daemon folds every entry that it plans, at open the tail above the stored views, in a rebuild
//! the whole log; the verifier folds what it replays. A fold reads its entry and the state at the same
//! seq, nothing else. What is small and read by every decision is also held in memory, loaded from
//! the view at [`State::load`].

mod approvals;
mod breakers;
mod early;
mod fold;
mod load;
mod reports;
mod samples;
mod sources;
mod tally;

pub use approvals::{approval_of, pending_of};
pub use fold::FoldError;
pub(crate) use fold::{listing_record, sameness};
pub use samples::{Prefilled, prefilled};
pub(crate) use samples::{execution_samples, outcome_sample};
pub use sources::import_of;
pub use tally::{LastStop, Tally, listed};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::entry::{Body, Entry, Environment, Genesis, PolicyRef, Scope};
use crate::hash::Hash;
use crate::meter::Meters;
use crate::policy::{Mailboxes, Numbers, Policy};
use crate::record::{
    AllowRecord, DecisionRecord, ExecutionRecord, ListingRecord, ListingRef, OpenAllow,
    PrincipalRecord, RequestRecord, SampleRecord, correlation_prefix, provided_key, request_key,
    seq_of,
};
use crate::role::Call;
use crate::time::Timestamp;
use crate::token::Token;
use crate::view::{ReadView, Table, View, ViewError, scan_prefix};
use crate::window::Windows;

/// A policy in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The entry that published it; of several, the first.
    pub seq: u64,
    /// Its hash.
    pub sha256: Hash,
    /// Its rules.
    pub text: Policy,
    /// The tokens of the mailboxes that it names.
    pub mailboxes: BTreeMap<String, Token>,
    /// The tokens of the fake domains that it names.
    pub fake_domains: BTreeMap<String, Token>,
}

impl InForce {
    /// Whether a row that names `mailboxes` grants the use of the mailbox behind `token`.
    pub fn allows_mailbox(&self, mailboxes: &Mailboxes, token: Token) -> bool {
        match mailboxes {
            Mailboxes::Any => true,
            Mailboxes::Only { names, tokens } => {
                tokens.contains(&token)
                    || names
                        .iter()
                        .any(|name| self.mailboxes.get(name) == Some(&token))
            }
        }
    }
}

/// Where the log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The seq that the next entry will have: the size of the log.
    pub next: u64,
    /// The time of the last entry; the epoch where there is none.
    pub time: Timestamp,
    /// Whether the last entry is a shutdown.
    pub shut_down: bool,
}

/// Whether time is in doubt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// The `clock` entry that awaits an operator.
    pub seen: Option<u64>,
    /// The last acknowledgement, and the time that the wall clock had yet to pass.
    pub behind: Option<(u64, Timestamp)>,
}

/// The state of a ledger after the entries folded so far. Owned by whoever folds: the sequencer
/// thread in the daemon, the replay in the verifier.
#[derive(Debug, Clone)]
pub struct State<V> {
    view: V,
    head: Head,
    genesis: Option<Genesis>,
    principals: BTreeMap<String, PrincipalRecord>,
    policy: Option<Arc<InForce>>,
    defaults: Numbers,
    stops: BTreeMap<u64, Scope>,
    clock: ClockFacts,
    open: BTreeMap<u64, OpenAllow>,
    /// How many of these a stop has voided.
    open_voided: usize,
    due: BTreeSet<(Timestamp, u64)>,
    windows: Windows,
    approvals: approvals::Approvals,
    breakers: breakers::Breakers,
    tallied: tally::Tallied,
    meters: Meters,
    /// The oldest allow still kept for throttles, so that pruning need not search.
    oldest_allow: Option<u64>,
    /// The oldest sample still kept for breakers.
    oldest_sample: Option<u64>,
}

impl<V: View> State<V> {
    /// The view that holds everything derived.
    pub const fn view(&self) -> &V {
        &self.view
    }

    /// The same, for its owner to commit or roll over. Only the fold may change keys.
    pub const fn view_mut(&mut self) -> &mut V {
        &mut self.view
    }

    /// Where the log stands.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The genesis entry, once folded.
    pub const fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }

    /// The ledger's environment; before genesis, the one with the stricter rules for real people.
    pub fn environment(&self) -> Environment {
        self.genesis
            .as_ref()
            .map_or(Environment::Prod, |genesis| genesis.environment)
    }

    /// The entry that `body` becomes at `time`: the next one, marked where the ledger is a sandbox.
    pub fn entry(&self, time: Timestamp, body: Body) -> Entry {
        let environment = match &body {
            Body::Genesis(genesis) => genesis.environment,
            _ => self.environment(),
        };
        Entry {
            seq: self.head.next,
            time,
            sandbox: environment == Environment::Sandbox,
            body,
        }
    }

    /// The policy in force, if one was ever published.
    pub fn policy(&self) -> Option<&InForce> {
        self.policy.as_deref()
    }

    /// The same, shared.
    pub fn policy_shared(&self) -> Option<Arc<InForce>> {
        self.policy.clone()
    }

    /// The policy in force, as entries cite it.
    pub fn policy_ref(&self) -> Option<PolicyRef> {
        self.policy().map(|policy| PolicyRef {
            seq: policy.seq,
            sha256: policy.sha256,
        })
    }

    /// The policy's numbers, or the gate's defaults.
    pub fn numbers(&self) -> &Numbers {
        self.policy()
            .map_or(&self.defaults, |policy| &policy.text.numbers)
    }

    /// A principal, revoked ones included.
    pub fn principal(&self, id: &str) -> Option<&PrincipalRecord> {
        self.principals.get(id)
    }

    /// Every principal, revoked ones included, by id.
    pub fn principals(&self) -> impl Iterator<Item = (&str, &PrincipalRecord)> {
        self.principals
            .iter()
            .map(|(id, principal)| (id.as_str(), principal))
    }

    /// The active stops, by seq.
    pub fn stops(&self) -> impl Iterator<Item = (u64, &Scope)> {
        self.stops.iter().map(|(seq, scope)| (*seq, scope))
    }

    /// The clock's facts.
    pub const fn clock(&self) -> ClockFacts {
        self.clock
    }

    /// The entry because of which an allow at `now` is a deny, if there is one.
    pub fn clock_blocks(&self, now: Timestamp) -> Option<u64> {
        self.clock.seen.or_else(|| {
            self.clock
                .behind
                .filter(|(_, until)| now <= *until)
                .map(|(seq, _)| seq)
        })
    }

    /// The allows that nobody has reported on, by seq: also those that a stop has voided.
    pub fn open(&self) -> impl Iterator<Item = (u64, &OpenAllow)> {
        self.open.iter().map(|(seq, allow)| (*seq, allow))
    }

    /// The allow at `seq`, if nobody has reported on it.
    pub fn open_allow(&self, seq: u64) -> Option<&OpenAllow> {
        self.open.get(&seq)
    }

    /// How many of them no stop has voided.
    pub fn open_count(&self) -> usize {
        self.open.len().saturating_sub(self.open_voided)
    }

    /// The allows whose report time has passed at `now`, the longest overdue first.
    pub fn overdue(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.due.range(..=(now, u64::MAX)).map(|(_, seq)| *seq)
    }

    /// When the next allow becomes overdue.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(time, _)| *time)
    }

    /// The throttle windows of the policy in force.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The meters of the breakers of the policy in force.
    pub const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// The first entry of a request id.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn request(
        &self,
        principal: &str,
        call: Call,
        id: &str,
    ) -> Result<Option<RequestRecord>, ViewError> {
        read(
            &self.view,
            Table::Request,
            &request_key(principal, call, id),
        )
    }

    /// What is known of a decision.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn decision(&self, seq: u64) -> Result<Option<DecisionRecord>, ViewError> {
        decision_of(&self.view, seq)
    }

    /// What is known of an execution.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn execution(&self, seq: u64) -> Result<Option<ExecutionRecord>, ViewError> {
        read(&self.view, Table::Execution, &seq.to_be_bytes())
    }

    /// The first execution that was reported with this id of this provider; else the first with the id and
    /// without a provider.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn provided(&self, id: &Token, provider: Option<&str>) -> Result<Option<u64>, ViewError> {
        let of = |provider| read(&self.view, Table::Provided, &provided_key(id, provider));
        match (of(provider)?, provider) {
            (None, Some(_)) => of(None),
            (found, _) => Ok(found),
        }
    }

    /// The live listings and exemptions under a token, in the order of the log.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read: never an empty list.
    pub fn listings(&self, token: &Token) -> Result<Vec<ListingRecord>, ViewError> {
        listings(&self.view, token)
    }

    /// The keys of a live listing or exemption.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn listing_ref(&self, seq: u64, index: u64) -> Result<Option<ListingRef>, ViewError> {
        read(&self.view, Table::ListingRef, &listing_key(seq, index))
    }
}

/// What is known of a decision.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn decision_of<V: ReadView>(view: &V, seq: u64) -> Result<Option<DecisionRecord>, ViewError> {
    read(view, Table::Decision, &seq.to_be_bytes())
}

/// The first entry of a request id.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn request_of<V: ReadView>(
    view: &V,
    principal: &str,
    call: Call,
    id: &str,
) -> Result<Option<RequestRecord>, ViewError> {
    read(view, Table::Request, &request_key(principal, call, id))
}

/// The live listings and exemptions under a token.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn listings<V: ReadView>(view: &V, token: &Token) -> Result<Vec<ListingRecord>, ViewError> {
    let mut live = Vec::new();
    // Most tokens are not listed: of those the store's filter knows without a look at its files.
    if view.get(Table::Listing, &token.0)?.is_some() {
        each_listing(view, token, |record| {
            live.push(record);
            ControlFlow::Continue(())
        })?;
    }
    Ok(live)
}

/// Whether anything is live under a token.
fn is_listed<V: ReadView>(view: &V, token: &Token) -> Result<bool, ViewError> {
    let mut found = false;
    each_listing(view, token, |_| {
        found = true;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Visits what is live under a token, in the order of the log.
fn each_listing<V: ReadView>(
    view: &V,
    token: &Token,
    mut visit: impl FnMut(ListingRecord) -> ControlFlow<()>,
) -> Result<(), ViewError> {
    let mut failed = None;
    // From beyond the mark, which is the token alone.
    view.scan(
        Table::Listing,
        &live_key(token, 0, 0),
        &mut |key, value| match parse(Table::Listing, value) {
            _ if !key.starts_with(&token.0) => ControlFlow::Break(()),
            Ok(record) => visit(record),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
    )?;
    failed.map_or(Ok(()), Err)
}

/// The seqs of the entries with a correlation id, ascending from `from`, at most `limit`.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn correlated<V: ReadView>(
    view: &V,
    correlation_id: &str,
    from: u64,
    limit: usize,
) -> Result<Vec<u64>, ViewError> {
    indexed(
        view,
        Table::Correlation,
        &correlation_prefix(correlation_id),
        from,
        limit,
    )
}

/// The seqs of the entries that name a token, ascending from `from`, at most `limit`.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn concerning<V: ReadView>(
    view: &V,
    token: &Token,
    from: u64,
    limit: usize,
) -> Result<Vec<u64>, ViewError> {
    indexed(view, Table::Subject, &token.0, from, limit)
}

fn indexed<V: ReadView>(
    view: &V,
    table: Table,
    prefix: &[u8],
    from: u64,
    limit: usize,
) -> Result<Vec<u64>, ViewError> {
    let mut seqs = Vec::new();
    let start = crate::record::with_seq(prefix.to_vec(), from);
    view.scan(table, &start, &mut |key, _| {
        if seqs.len() == limit || !key.starts_with(prefix) {
            return ControlFlow::Break(());
        }
        seqs.extend(seq_of(key));
        ControlFlow::Continue(())
    })?;
    Ok(seqs)
}

/// Counts the allows from seq `from` on.
fn count_allows<V: ReadView>(view: &V, from: u64, windows: &mut Windows) -> Result<(), ViewError> {
    each(view, Table::Allow, from, |seq, allow: AllowRecord| {
        windows.count(seq, &allow);
        ControlFlow::Continue(())
    })
}

/// Counts the samples from seq `from` on.
fn count_samples<V: ReadView>(view: &V, from: u64, meters: &mut Meters) -> Result<(), ViewError> {
    each(view, Table::Sample, from, |seq, sample: SampleRecord| {
        meters.count(seq, &sample);
        ControlFlow::Continue(())
    })
}

/// Visits the rows of a table whose keys are seqs, from `from` on, in the order of the log.
fn each<V: ReadView, T: serde::de::DeserializeOwned>(
    view: &V,
    table: Table,
    from: u64,
    mut visit: impl FnMut(u64, T) -> ControlFlow<()>,
) -> Result<(), ViewError> {
    let mut failed = None;
    view.scan(
        table,
        &from.to_be_bytes(),
        &mut |key, value| match (seq_of(key), parse(table, value)) {
            (Some(seq), Ok(row)) => visit(seq, row),
            (_, Err(error)) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
            (None, _) => {
                failed = Some(ViewError {
                    table,
                    why: "a key is not a seq".to_owned(),
                });
                ControlFlow::Break(())
            }
        },
    )?;
    failed.map_or(Ok(()), Err)
}

/// The first seq of a table whose keys are seqs, from `from` on.
fn first_seq<V: ReadView>(view: &V, table: Table, from: u64) -> Result<Option<u64>, ViewError> {
    let mut first = None;
    view.scan(table, &from.to_be_bytes(), &mut |key, _| {
        first = seq_of(key);
        ControlFlow::Break(())
    })?;
    Ok(first)
}

fn read<V: ReadView, T: serde::de::DeserializeOwned>(
    view: &V,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, ViewError> {
    view.get(table, key)?
        .map(|value| parse(table, &value))
        .transpose()
}

fn parse<T: serde::de::DeserializeOwned>(table: Table, value: &[u8]) -> Result<T, ViewError> {
    serde_json::from_slice(value).map_err(|error| ViewError {
        table,
        why: error.to_string(),
    })
}

fn by_seq<T>(rows: Vec<(Vec<u8>, T)>) -> BTreeMap<u64, T> {
    rows.into_iter()
        .filter_map(|(key, value)| Some((seq_of(&key)?, value)))
        .collect()
}

fn listing_key(seq: u64, index: u64) -> Vec<u8> {
    crate::record::with_seq(seq.to_be_bytes().to_vec(), index)
}

/// Of one listing under one of its tokens.
fn live_key(token: &Token, seq: u64, index: u64) -> Vec<u8> {
    use crate::record::with_seq;
    with_seq(with_seq(token.0.to_vec(), seq), index)
}

/// Reads every row of a small table.
fn rows<V: ReadView, T: serde::de::DeserializeOwned>(
    view: &V,
    table: Table,
) -> Result<Vec<(Vec<u8>, T)>, ViewError> {
    let mut rows = Vec::new();
    let mut failed = None;
    scan_prefix(
        view,
        table,
        b"",
        &mut |key, value| match parse(table, value) {
            Ok(value) => {
                rows.push((key.to_vec(), value));
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
    )?;
    failed.map_or(Ok(rows), Err)
}
