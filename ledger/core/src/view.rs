//! The views: what the log says so far, as keys and values.
//!
//! Everything that the gate reads, and everything that queries look up, is a fold over the log into
//! these tables ([`State`](crate::state::State) is the one fold). The gate reads through [`View`], so
//! that the daemon answers from memory and RocksDB, and the verifier from what it has replayed. Two
//! folds of the same log hold the same keys and the same values, byte for byte.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// One table. The discriminant is part of the stored layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Single facts by name: head, genesis, policy, clock.
    Fact = 0,
    /// Principal id to its record.
    Principal = 1,
    /// Seq of an active stop to its scope.
    Stop = 2,
    /// (token, seq, index) of a live listing or exemption to its record; and, empty, the token of each of
    /// them, so that whoever is not listed is known by one lookup.
    Listing = 3,
    /// (seq, index) of a live listing to its tokens.
    ListingRef = 4,
    /// Seq of a decision to what later entries need to know of it.
    Decision = 5,
    /// Seq of an execution to what later entries need to know of it.
    Execution = 6,
    /// Seq of an allow that nobody has reported on.
    Open = 7,
    /// Seq of an allow of the last 31 days to what throttles count.
    Allow = 8,
    /// (principal, call, request id) to its first entry.
    Request = 9,
    /// (correlation id, seq).
    Correlation = 10,
    /// (token, seq).
    Subject = 11,
    /// Seq of an approval request to its record; seq of an answer to the request's.
    Approval = 12,
    /// Seq of an approval request that is not settled.
    Pending = 13,
    /// Seq of a request for break-glass to its record, until it is over.
    BreakGlass = 14,
    /// (rule, scope) of a breaker to what is latched.
    Breaker = 15,
    /// Seq of a report of the last 31 days to what breakers measure.
    Sample = 16,
    /// Seq of an execution without or beyond an allow.
    Irregular = 17,
    /// Seq of an import to its record; source and reason of the last complete one.
    Import = 18,
    /// Origin of another ledger to its trusted key.
    TrustedKey = 19,
    /// Seq of an allow whose report was overdue, until somebody reports on it.
    Unresolved = 20,
    /// Seq of an allow that a stop voided.
    Voided = 21,
    /// (token of a provider's id, provider) to the first execution that was reported with it.
    Provided = 22,
    /// (token of a provider's id, who reported) to the bounces and complaints that came before any execution
    /// with that id.
    Early = 23,
}

impl Table {
    /// Every table, in the order of the stored layout.
    pub const ALL: [Self; 24] = [
        Self::Fact,
        Self::Principal,
        Self::Stop,
        Self::Listing,
        Self::ListingRef,
        Self::Decision,
        Self::Execution,
        Self::Open,
        Self::Allow,
        Self::Request,
        Self::Correlation,
        Self::Subject,
        Self::Approval,
        Self::Pending,
        Self::BreakGlass,
        Self::Breaker,
        Self::Sample,
        Self::Irregular,
        Self::Import,
        Self::TrustedKey,
        Self::Unresolved,
        Self::Voided,
        Self::Provided,
        Self::Early,
    ];

    /// The table's name: its column family where it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Principal => "principal",
            Self::Stop => "stop",
            Self::Listing => "listing",
            Self::ListingRef => "listing_ref",
            Self::Decision => "decision",
            Self::Execution => "execution",
            Self::Open => "open",
            Self::Allow => "allow",
            Self::Request => "request",
            Self::Correlation => "correlation",
            Self::Subject => "subject",
            Self::Approval => "approval",
            Self::Pending => "pending",
            Self::BreakGlass => "break_glass",
            Self::Breaker => "breaker",
            Self::Sample => "sample",
            Self::Irregular => "irregular",
            Self::Import => "import",
            Self::TrustedKey => "trusted_key",
            Self::Unresolved => "unresolved",
            Self::Voided => "voided",
            Self::Provided => "provided",
            Self::Early => "early",
        }
    }
}

/// A view could not be read or does not hold what the fold wrote. It stops writes; it never means
/// "not listed".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("view `{}` cannot be read: {why}", table.name())]
pub struct ViewError {
    /// The table.
    pub table: Table,
    /// What went wrong.
    pub why: String,
}

/// Visits one key and its value; breaking ends the scan.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// What the gate and queries read. Reads see every earlier write of the same view.
pub trait ReadView {
    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// [`ViewError`] where the store fails.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;

    /// Visits the keys from `from` on, ascending, until the table ends or `visit` breaks.
    ///
    /// # Errors
    /// [`ViewError`] where the store fails.
    fn scan(&self, table: Table, from: &[u8], visit: Visit<'_>) -> Result<(), ViewError>;
}

/// Where the fold keeps what it derives.
pub trait View: ReadView {
    /// Sets `key`.
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>);

    /// Removes `key`, whether it is there or not.
    fn delete(&mut self, table: Table, key: Vec<u8>);
}

/// Visits every key that starts with `prefix`, ascending.
///
/// # Errors
/// [`ViewError`] where the store fails.
pub fn scan_prefix<V: ReadView + ?Sized>(
    view: &V,
    table: Table,
    prefix: &[u8],
    visit: Visit<'_>,
) -> Result<(), ViewError> {
    view.scan(table, prefix, &mut |key, value| {
        if key.starts_with(prefix) {
            visit(key, value)
        } else {
            ControlFlow::Break(())
        }
    })
}

/// A view in memory: the verifier's, and every test's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryView {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryView {
    /// Every key and value of `table`, ascending.
    pub fn table(&self, table: Table) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.tables
            .get(&table)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }
}

impl ReadView for MemoryView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(self
            .tables
            .get(&table)
            .and_then(|rows| rows.get(key))
            .cloned())
    }

    fn scan(&self, table: Table, from: &[u8], visit: Visit<'_>) -> Result<(), ViewError> {
        if let Some(rows) = self.tables.get(&table) {
            for (key, value) in rows.range(from.to_vec()..) {
                if visit(key, value).is_break() {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl View for MemoryView {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.tables.entry(table).or_default().insert(key, value);
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        if let Some(rows) = self.tables.get_mut(&table) {
            rows.remove(&key);
        }
    }
}
