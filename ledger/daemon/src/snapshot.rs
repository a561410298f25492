//! What the service may know of the state: published by the committer, with each batch that changes it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use ledger_core::entry::Scope;
use ledger_core::hash::Hash;
use ledger_core::role::Role;
use ledger_core::state::{Head, InForce, State};
use ledger_core::time::Timestamp;
use ledger_core::view::View;

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

    /// Who holds the credential with this SHA-256.
    pub fn holder(&self, credential: &Hash) -> Option<&Known> {
        self.by_credential
            .get(credential)
            .and_then(|at| self.all.get(*at))
    }
}

impl Snapshot {
    /// What `state` is at `now`. `directory` is passed along unless principals changed.
    pub fn of<V: View>(state: &State<V>, directory: Arc<Directory>, now: Timestamp) -> Self {
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
        }
    }
}

/// The latest snapshot of committed state. Written by the committer, read by every call.
#[derive(Debug, Clone)]
pub struct Latest(Arc<RwLock<Arc<Snapshot>>>);

impl Latest {
    /// Starts with `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(snapshot))))
    }

    /// The latest.
    pub fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn set(&self, snapshot: Arc<Snapshot>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}
