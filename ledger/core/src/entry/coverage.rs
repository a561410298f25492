//! When the ledger was recording, and by what clock.

use serde::{Deserialize, Serialize};

use super::{Actor, Cause, Environment};
use crate::hash::Hash;
use crate::time::Timestamp;
use crate::token::Token;

/// A ledger is created. Always seq 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The ledger itself.
    pub actor: Actor,
    /// The ledger's name: the origin of its checkpoints and the name of its key.
    pub origin: String,
    /// Whether real people are reached.
    pub environment: Environment,
    /// The gate version of the software that created it.
    pub gate: u32,
    /// The verification key (C2SP signed-note vkey).
    pub key: String,
    /// Commitment to the subject key; a start with another is refused.
    pub subject_key: Hash,
    /// Commitment to the content key; a start with another is refused.
    pub content_key: Hash,
    /// The version of the normaliser, public suffix list included.
    pub normaliser: String,
    /// The token version that these two make.
    pub tokens_v: u32,
    /// The tokens (kind `domain`) of the domains that RFC 2606 and RFC 6761 reserve.
    pub reserved: Vec<Token>,
}

/// The daemon starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// The ledger itself.
    pub actor: Actor,
    /// The daemon's version.
    pub software: String,
    /// The gate's version.
    pub gate: u32,
    /// What evaluates conditions, with its version ([`EVALUATOR`](crate::policy::EVALUATOR)); absent
    /// where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// SHA-256 of the configuration that it runs with.
    pub config: Hash,
    /// Answer: the time of the last entry before; nothing was recorded in between.
    pub since: Timestamp,
    /// Answer: whether that entry was a shutdown.
    pub clean: bool,
}

/// Nothing happened for a while, and the daemon was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The ledger itself.
    pub actor: Actor,
}

/// The daemon stops in good order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shutdown {
    /// The ledger itself.
    pub actor: Actor,
}

/// The clock jumped, or an operator says that this was looked at.
///
/// From a jump that was seen to its acknowledgement every allow is a deny. That a jump happened is
/// attested by the daemon, not recomputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Ids, call, content and who acknowledged; of a jump, the ledger itself.
    #[serde(flatten)]
    pub cause: Cause,
    /// Which of the two.
    pub event: ClockEvent,
    /// Seen: the time expected. Acknowledged: the last entry's time.
    pub before: Timestamp,
    /// The wall clock's time.
    pub after: Timestamp,
    /// Seen: the difference tolerated, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_ms: Option<u64>,
    /// Acknowledged, answer: the entry that saw the jump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledges: Option<u64>,
}

/// What a `clock` entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockEvent {
    /// A jump was seen.
    Seen,
    /// An operator acknowledged it.
    Acknowledged,
}
