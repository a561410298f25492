//! What people allow by hand: answers to approval requests, and break-glass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Commitment, DetailName};
use crate::hash::Hash;
use crate::time::Timestamp;

/// An approval request is answered, or expires unanswered or unused.
///
/// A `require_approval` decision is the request: it holds what is asked (action, targets,
/// recipients, details), the group that may answer and when it expires. A policy that comes from a
/// sandbox is approved by its hash instead, ahead of its publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Ids, call, content and the approver; of an expiry, the ledger itself.
    #[serde(flatten)]
    pub cause: Cause,
    /// The decision that asked for it. Either this or `policy` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<u64>,
    /// The hash of the policy that may be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Hash>,
    /// What became of the request.
    pub verdict: Verdict,
    /// Answer: the group that was asked.
    pub group: String,
    /// Answer: of what is granted, until when it can be used. What was granted for a decision expires
    /// when its request would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Answer: of an expiry, the grant that nobody used, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<u64>,
    /// Commitments to what is kept outside the log: the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// What became of an approval request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The action may be asked for once more, naming this entry.
    Granted,
    /// It may not.
    Denied,
    /// Nobody answered in time, or nobody used the answer in time.
    Expired,
}

impl Verdict {
    /// The word in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// Break-glass: two people lift tier 3 for one agent, for a short while. It lifts nothing else.
///
/// One person requests it, another confirms it; from the confirmation on it is open, until it expires
/// or is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// Ids, call, content and who did it.
    #[serde(flatten)]
    pub cause: Cause,
    /// Which of the three.
    pub event: BreakGlassEvent,
    /// Opened, closed: the entry that requested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// Opened, answer: who requested it; another than who confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// The agent concerned. Requested: as asked. Otherwise an answer.
    pub agent: String,
    /// The one action concerned; absent, every action that the agent's rows grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// For how long it is to be open, in seconds. Requested: as asked. Otherwise an answer.
    pub duration_s: u64,
    /// Answer. Requested: when it can no longer be confirmed. Opened: when it closes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Commitments to what is kept outside the log: the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// What a `break_glass` entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakGlassEvent {
    /// The first person asks for it.
    Requested,
    /// A second person confirms it: it is open.
    Opened,
    /// Somebody closes it before its time.
    Closed,
}

impl BreakGlassEvent {
    /// The word in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }
}
