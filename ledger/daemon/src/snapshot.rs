//! What the service may know of the state: published by the committer, with each batch that changes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::entry::Scope;
use ledger_core::hash::Hash;
use ledger_core::record::{BreakGlassRecord, BreakerRecord};
use ledger_core::role::Role;
use ledger_core::state::{Head, InForce, LastStop, State, Tally};
use ledger_core::time::Timestamp;
use ledger_core::view::View;
use tokio::sync::watch;

/// A principal, as the service needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// Its groups.
    pub groups: Vec<String>,
    /// The entry that last changed it.
    pub seq: u64,
    /// Whether its credential was revoked.
    pub revoked: bool,
}

/// The state after some committed entry.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where the log stood.
    pub head: Head,
    /// Every principal, by id.
    pub principals: Arc<Directory>,
    /// The policy in force.
    pub policy: Option<Arc<InForce>>,
    /// The active stops.
    pub stops: Vec<(u64, Scope)>,
    /// Allows that nobody has reported on.
    pub open: usize,
    /// The entry because of which every allow is a deny.
    pub clock_blocked: bool,
    /// What is not as it should be.
    pub tally: Tally,
    /// Approval requests that are not settled.
    pub pending_approvals: usize,
    /// Changes with every entry that may settle an approval request: who watches one looks again.
    pub approvals: u64,
    /// The last stop that was thrown.
    pub last_stop: Option<LastStop>,
    /// The rules of the breakers whose first threshold alone is passed.
    pub warned: Vec<String>,
    /// Breakers and break-glass.
    pub controls: Arc<Controls>,
}

/// Breakers that are latched and break-glass that was asked for. Time decides which of it is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    /// The breakers that opened, by the entries that opened them.
    pub breakers: Vec<(u64, BreakerRecord)>,
    /// The requests for break-glass, by seq.
    pub glass: Vec<(u64, BreakGlassRecord)>,
}

impl Controls {
    /// Those of `state`.
    pub fn of<V: View>(state: &State<V>) -> Self {
        // Those that close with their time are among them until an entry says so; who reads asks the time.
        Self {
            breakers: state
                .breakers_open(Timestamp::EPOCH)
                .map(|(seq, record)| (seq, record.clone()))
                .collect(),
            glass: state
                .glass()
                .map(|(seq, record)| (seq, record.clone()))
                .collect(),
        }
    }
}

/// The principals, and who holds which credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Every principal, by id.
    pub all: Vec<Known>,
    /// Credentials in force, by their SHA-256, as indices into `all`.
    by_credential: BTreeMap<Hash, usize>,
}

impl Directory {
    /// The principals of `state`.
    pub fn of<V: View>(state: &State<V>) -> Self {
        let mut directory = Self::default();
        for (id, record) in state.principals() {
            if let Some(credential) = record.credential {
                directory
                    .by_credential
                    .insert(credential, directory.all.len());
            }
            directory.all.push(Known {
                id: id.to_owned(),
                role: record.role,
                groups: record.groups.clone(),
                seq: record.seq,
                revoked: record.credential.is_none(),
            });
        }
        directory
    }

    /// Whether the principal belongs to the group.
    pub fn in_group(&self, id: &str, group: &str) -> bool {
        let found = self.all.binary_search_by(|known| known.id.as_str().cmp(id));
        let known = found.ok().and_then(|at| self.all.get(at));
        known.is_some_and(|known| known.groups.iter().any(|each| each == group))
    }

    /// Who holds the credential with this SHA-256.
    pub fn holder(&self, credential: &Hash) -> Option<&Known> {
        self.by_credential
            .get(credential)
            .and_then(|at| self.all.get(*at))
    }
}

impl Snapshot {
    /// What `state` is at `now`, where nothing was known before.
    pub fn first<V: View>(state: &State<V>, now: Timestamp) -> Self {
        let directory = Arc::new(Directory::of(state));
        Self::of(state, (directory, Arc::new(Controls::of(state))), now)
    }

    /// What `state` is at `now`. Principals and controls are passed along unless they changed.
    pub fn of<V: View>(
        state: &State<V>,
        (directory, controls): (Arc<Directory>, Arc<Controls>),
        now: Timestamp,
    ) -> Self {
        Self {
            head: state.head(),
            principals: directory,
            policy: state.policy_shared(),
            stops: state
                .stops()
                .map(|(seq, scope)| (seq, scope.clone()))
                .collect(),
            open: state.open_count(),
            clock_blocked: state.clock_blocks(now).is_some(),
            tally: state.tally(),
            pending_approvals: state.pending_count(),
            approvals: state.approvals_changed(),
            last_stop: state.last_stop().cloned(),
            // Reports end warnings without an entry of their own.
            warned: state
                .breakers()
                .filter(|record| record.warned && record.opened.is_none())
                .map(|record| record.rule.clone())
                .collect(),
            controls,
        }
    }
}

/// The latest snapshot of committed state. Written by the committer, read by every call.
#[derive(Debug, Clone)]
pub struct Latest(Arc<watch::Sender<Arc<Snapshot>>>);

impl Latest {
    /// Starts with `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(snapshot))))
    }

    /// The latest.
    pub fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.borrow())
    }

    /// Replaces it, and wakes who watches.
    pub fn set(&self, snapshot: Arc<Snapshot>) {
        self.0.send_replace(snapshot);
    }

    /// Tells of each snapshot from now on; of several at once, of the last.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.subscribe()
    }
}
