//! Circuit breakers: what was measured, and what opened or closed because of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Cite, Commitment, DetailName};
use crate::action::Class;
use crate::time::Timestamp;
use crate::token::Token;

/// A circuit breaker warns, opens, closes or is reset.
///
/// A breaker opens with the report that pushed it over its threshold; this entry follows that report
/// in the same batch and says what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Call and caller of the report that did it, or who reset it; of a closing, the ledger itself.
    #[serde(flatten)]
    pub cause: Cause,
    /// What happens.
    pub event: BreakerEvent,
    /// Answer: the rule's id, or `dnc-breach`, which the gate itself has.
    pub rule: String,
    /// Answer: what is open.
    pub scope: BreakerScope,
    /// Answer: what was measured.
    pub measure: Measure,
    /// Closed, reset: the entry that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// Warned, opened: the threshold, in parts per million, or in millionths of the currency unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// Warned, opened: how many of the sample count, or what they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Warned, opened: out of how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// Warned, opened: the trailing window, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u64>,
    /// Opened: when it closes by itself; absent where a person has to reset it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Warned, opened: the entries counted, the latest first; at most
    /// [`CITES_MAX`](crate::limits::CITES_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<Cite>,
    /// How many there were, where more than are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cites_total: Option<u64>,
    /// Commitments to what is kept outside the log: the reason of a reset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// What a `breaker` entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerEvent {
    /// The first threshold was passed; nothing is refused yet.
    Warned,
    /// The second was passed: what is in scope is denied from the report before this entry on.
    Opened,
    /// Its time is over.
    Closed,
    /// A person reset it. What was counted before counts no more.
    Reset,
}

impl BreakerEvent {
    /// The word in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warned => "warned",
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Reset => "reset",
        }
    }
}

/// What a breaker measures, over the reports of a trailing window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Recipients whose mail bounced for good, of those written to.
    HardBounceRate,
    /// Recipients who complained, of those written to.
    ComplaintRate,
    /// Executions that failed, of all.
    ErrorRate,
    /// What executions cost together.
    Cost,
    /// Executions of contact decisions that the do-not-contact list had denied: one is enough.
    DncBreach,
}

impl Measure {
    /// Those that a policy can measure.
    pub const RULES: [Self; 4] = [
        Self::HardBounceRate,
        Self::ComplaintRate,
        Self::ErrorRate,
        Self::Cost,
    ];

    /// The word in entries and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardBounceRate => "hard_bounce_rate",
            Self::ComplaintRate => "complaint_rate",
            Self::ErrorRate => "error_rate",
            Self::Cost => "cost",
            Self::DncBreach => "dnc_breach",
        }
    }

    /// Whether an open breaker closes after its window, without anybody's help.
    pub const fn closes_itself(self) -> bool {
        matches!(self, Self::ErrorRate)
    }
}

/// What an open breaker refuses: requests that every field which is there matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BreakerScope {
    /// Of this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// On behalf of this seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// From this mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<Token>,
    /// One of these actions or, where there are any, of these classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// See `actions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
}
