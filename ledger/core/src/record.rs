//! What the fold remembers of single entries: the values of the views.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::action::{Channels, Class};
use crate::entry::{Basis, Key, ListingReason, Outcome};
use crate::hash::Hash;
use crate::role::{Call, Role};
use crate::time::Timestamp;
use crate::token::{Kind, Token};

/// A principal, as last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalRecord {
    /// The entry that last changed it.
    pub seq: u64,
    /// Its role.
    pub role: Role,
    /// Its approver groups.
    pub groups: Vec<String>,
    /// SHA-256 of its credential; none where it is revoked.
    pub credential: Option<Hash>,
}

/// The first entry of a request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// That entry.
    pub seq: u64,
    /// What a repetition must agree in: content, correlation id, action id and approval.
    pub same: Hash,
}

/// The key of a request in [`Table::Request`](crate::view::Table::Request).
pub fn request_key(principal: &str, call: Call, request_id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(principal.len() + request_id.len() + 20);
    key.extend_from_slice(principal.as_bytes());
    key.push(0);
    key.extend_from_slice(call.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(request_id.as_bytes());
    key
}

/// The prefix of a correlation id's keys in [`Table::Correlation`](crate::view::Table::Correlation);
/// the entry's seq follows, big-endian.
pub fn correlation_prefix(correlation_id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(correlation_id.len() + 9);
    key.extend_from_slice(correlation_id.as_bytes());
    key.push(0);
    key
}

/// Appends a seq to a key, so that keys stand in the order of the log.
#[must_use]
pub fn with_seq(mut prefix: Vec<u8>, seq: u64) -> Vec<u8> {
    prefix.extend_from_slice(&seq.to_be_bytes());
    prefix
}

/// The seq with which a key ends.
pub fn seq_of(key: &[u8]) -> Option<u64> {
    let tail = key.len().checked_sub(8)?;
    Some(u64::from_be_bytes(key.get(tail..)?.try_into().ok()?))
}

/// What later entries need to know of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// When it was made.
    pub time: Timestamp,
    /// Where it was made.
    pub basis: Basis,
    /// What it said.
    pub outcome: Outcome,
    /// Who asked.
    pub agent: String,
    /// The class of the action.
    pub class: Class,
    /// The correlation id.
    pub correlation_id: String,
    /// The expiry of an allow.
    pub valid_until: Option<Timestamp>,
    /// The report time of an allow.
    pub report_by: Option<Timestamp>,
    /// The stop that voided it, and when.
    pub voided: Option<(u64, Timestamp)>,
    /// The execution that used it up.
    pub executed: Option<u64>,
    /// The entry that says that nobody reported on it in time.
    pub unresolved: Option<u64>,
}

/// What later entries need to know of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRecord {
    /// The decision that it names.
    pub decision: u64,
    /// Whether the log has that decision.
    pub known: bool,
}

/// An allow that nobody has reported on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAllow {
    /// Who may act.
    pub agent: String,
    /// The class of the action.
    pub class: Class,
    /// Until when it may be started.
    pub valid_until: Timestamp,
    /// Until when it must be reported.
    pub report_by: Timestamp,
}

/// A live listing or exemption, under one of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingRecord {
    /// The entry that made it.
    pub seq: u64,
    /// Its index in that entry.
    pub index: u64,
    /// On whose behalf; none means on anybody's.
    pub seller: Option<String>,
    /// By which channels; empty means by any.
    pub channels: Channels,
    /// Why; none marks an exemption.
    pub reason: Option<ListingReason>,
    /// When it starts to bind, where that is later than its entry.
    pub effective_from: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// The tokens of a live listing, in the order of its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingRef {
    /// Its keys.
    pub keys: Vec<Key>,
}

/// What throttles count of an allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowRecord {
    /// When it was decided.
    pub time: Timestamp,
    /// Who may act.
    pub agent: String,
    /// The action.
    pub action: String,
    /// The class of the action.
    pub class: Class,
    /// On whose behalf.
    pub seller: Option<String>,
    /// The campaign.
    pub campaign: Option<String>,
    /// The sending mailbox.
    pub mailbox: Option<Token>,
    /// The people reached, each once.
    pub people: Vec<PersonKeys>,
}

/// The tokens of one person that throttles count by, under every token version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonKeys {
    /// The index of the first recipient that is this person.
    pub recipient: u64,
    /// Canonical e-mail, phone and contact.
    pub person: BTreeSet<(Kind, Token)>,
    /// Registrable domains.
    pub domains: BTreeSet<Token>,
}
