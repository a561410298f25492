//! What the fold remembers of single entries: the values of the views.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::action::{Channels, Class};
use crate::entry::{
    Basis, BreakerScope, Event, Key, ListingReason, Measure, Outcome, Status, Verdict,
};
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

/// The key of an execution by its provider's id, in [`Table::Provided`](crate::view::Table::Provided). An
/// execution that names no provider stands under an empty name.
pub fn provided_key(id: &Token, provider: Option<&str>) -> Vec<u8> {
    let mut key = id.0.to_vec();
    key.extend_from_slice(provider.unwrap_or_default().as_bytes());
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
    /// The action.
    pub action: String,
    /// The class of the action.
    pub class: Class,
    /// On whose behalf.
    pub seller: Option<String>,
    /// The sending mailbox.
    pub mailbox: Option<Token>,
    /// Whether the do-not-contact list was a reason to deny it.
    pub dnc: bool,
    /// How many recipients it names.
    pub recipients: u64,
    /// Of a decision of the gate: the people whom it names, each once. Also of a denial: whoever was
    /// written to all the same can ask for that to stop.
    pub people: Vec<PersonKeys>,
    /// What it says that the action will cost, in millionths of the currency unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// The objects that it names, by their tokens: what an undo of it may touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Token>,
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
    /// What breakers have counted of its people.
    #[serde(default, skip_serializing_if = "Counted::is_nothing")]
    pub counted: Counted,
}

/// What breakers have counted of a decision's people, each by the first recipient that stands for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Whom the execution that used the decision up says it reached.
    pub reached: BTreeSet<u64>,
    /// Whose mail bounced for good; [`NOBODY`] for a report that names none of them.
    pub bounced: BTreeSet<u64>,
    /// Who complained.
    pub complained: BTreeSet<u64>,
}

impl Counted {
    fn is_nothing(&self) -> bool {
        self.reached.is_empty() && self.bounced.is_empty() && self.complained.is_empty()
    }
}

/// Stands for a recipient where a report names none of several, or one that the decision does not have.
pub const NOBODY: u64 = u64::MAX;

/// What later entries need to know of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRecord {
    /// The decision that it names.
    pub decision: u64,
    /// Whether the log has that decision.
    pub known: bool,
    /// Whether it used the decision's allow up.
    pub closed: bool,
}

/// A bounce or complaint whose message was not yet reported, as breakers will count it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyOutcome {
    /// Its entry.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// The provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The index of the recipient, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<u64>,
    /// The keys of the person concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
}

/// The key of early outcomes in [`Table::Early`](crate::view::Table::Early): the provider's id, and who
/// reported; empty for those whose reports count about everybody's decisions.
pub fn early_key(id: &Token, by: &str) -> Vec<u8> {
    let mut key = id.0.to_vec();
    key.extend_from_slice(by.as_bytes());
    key
}

/// An allow that nobody has reported on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAllow {
    /// Whether a stop has voided it. Its report is still awaited: it may have been under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// By which channels; empty means by any.
    #[serde(default, skip_serializing_if = "Channels::is_empty")]
    pub channels: Channels,
    /// Why; none marks an exemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ListingReason>,
    /// When it starts to bind, where that is later than its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Timestamp>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The beginning of the import that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<u64>,
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
    /// The indices of further recipients that are the same person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<u64>,
    /// Canonical e-mail, phone and contact.
    pub person: BTreeSet<(Kind, Token)>,
    /// Registrable domains.
    pub domains: BTreeSet<Token>,
}

/// An approval request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRecord {
    /// Who asked.
    pub agent: String,
    /// The action.
    pub action: String,
    /// What was asked, by its keyed hash.
    pub content: Option<Hash>,
    /// The correlation id of the request.
    pub correlation_id: String,
    /// The risk tier.
    pub tier: Option<u8>,
    /// The group that may answer.
    pub group: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it can be answered, and the answer used.
    pub approve_by: Timestamp,
    /// The answer: its verdict, its entry, and who gave it.
    pub answer: Option<(Verdict, u64, String)>,
    /// The allow that used it up.
    pub spent: Option<u64>,
    /// The entry that says that it expired.
    pub expired: Option<u64>,
}

/// The approval of a policy by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyApprovalRecord {
    /// The policy's hash.
    pub policy: Hash,
    /// Who approved it.
    pub approver: String,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// The publication that used it up.
    pub spent: Option<u64>,
}

/// A request for break-glass that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassRecord {
    /// Who requested it.
    pub requested_by: String,
    /// The agent concerned.
    pub agent: String,
    /// The one action concerned, or all of them.
    pub action: Option<String>,
    /// For how long it is to be open, in seconds.
    pub duration_s: u64,
    /// Until when it can be confirmed.
    pub confirm_by: Timestamp,
    /// The entry that opened it, and when it closes by itself.
    pub opened: Option<(u64, Timestamp)>,
}

/// What is latched of a breaker, by rule and scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRecord {
    /// The rule's id.
    pub rule: String,
    /// What it refuses while it is open.
    pub scope: BreakerScope,
    /// What it measures.
    pub measure: Measure,
    /// Whether it has warned and not since fallen below the warning.
    pub warned: bool,
    /// The `breaker` entry that opened it, and when it closes by itself.
    pub opened: Option<(u64, Option<Timestamp>)>,
    /// Reports below this seq count no more: it was reset, or closed, here.
    pub counts_from: u64,
}

/// What breakers measure of one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// When it was recorded.
    pub time: Timestamp,
    /// Whose decision it is about.
    pub agent: String,
    /// The action.
    pub action: String,
    /// The class of the action.
    pub class: Class,
    /// On whose behalf.
    pub seller: Option<String>,
    /// The sending mailbox.
    pub mailbox: Option<Token>,
    /// What happened: of an execution also what outcomes had said before it.
    pub events: Vec<Sampled>,
}

/// One thing that happened, and the entry that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// That entry: the report itself, or an outcome before it.
    pub cite: u64,
    /// What happened.
    pub event: SampleEvent,
}

/// What happened, as breakers count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum SampleEvent {
    /// An execution that used an allow up.
    Execution {
        /// What became of it.
        status: Status,
        /// How many recipients it reached.
        reached: u64,
        /// What it cost, in millionths of the currency unit: as reported, and no less than was stated.
        cost_micros: u64,
    },
    /// Somebody's mail bounced for good: the first report of that.
    HardBounce {
        /// 1 where no execution said that they were reached: this says so.
        reached: u64,
    },
    /// Somebody complained: the first report of that.
    Complaint {
        /// As with a bounce.
        reached: u64,
    },
}

/// An import that is under way or complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// Where it comes from.
    pub source: String,
    /// Why its people must not be contacted.
    pub reason: ListingReason,
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// How many listings its file comes to, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many rows of the file are left out, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// Whether its file says what has changed in an earlier one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes: bool,
    /// How many listings it has made so far.
    pub listed: u64,
    /// The entry that completed it, and when.
    pub completed: Option<(u64, Timestamp)>,
}

/// Another ledger whose key is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKeyRecord {
    /// The entry that trusts it.
    pub seq: u64,
    /// The verification key.
    pub key: String,
}
