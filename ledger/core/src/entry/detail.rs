//! Details: what is kept outside the log, and what the log commits to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::Hash;

/// The details that can be kept outside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "the words are those of the interface, which documents them"
)]
pub enum DetailName {
    Params,
    Rationale,
    Diff,
    Context,
    Prompt,
    Plan,
    Before,
    After,
    Response,
    Reason,
    Evidence,
    Recipients,
}

impl DetailName {
    /// Every name, in the order in which entries list them.
    pub const ALL: [Self; 12] = [
        Self::Params,
        Self::Rationale,
        Self::Diff,
        Self::Context,
        Self::Prompt,
        Self::Plan,
        Self::Before,
        Self::After,
        Self::Response,
        Self::Reason,
        Self::Evidence,
        Self::Recipients,
    ];

    /// The word in entries and on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Rationale => "rationale",
            Self::Diff => "diff",
            Self::Context => "context",
            Self::Prompt => "prompt",
            Self::Plan => "plan",
            Self::Before => "before",
            Self::After => "after",
            Self::Response => "response",
            Self::Reason => "reason",
            Self::Evidence => "evidence",
            Self::Recipients => "recipients",
        }
    }

    /// The detail of that name, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == word)
    }
}

/// What the log keeps of a detail: `SHA-256(salt[32] || bytes)`, and how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// The salted hash.
    pub commitment: Hash,
    /// The detail's length in bytes, salt not counted.
    pub bytes: u64,
    /// How many secrets were replaced in it before it was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<u64>,
}

impl Commitment {
    /// The commitment to `bytes` under `salt`.
    pub fn new(salt: &[u8; 32], bytes: &[u8], redacted: u64) -> Self {
        let mut salted = Vec::with_capacity(32 + bytes.len());
        salted.extend_from_slice(salt);
        salted.extend_from_slice(bytes);
        Self {
            commitment: Hash::of(&salted),
            bytes: bytes.len() as u64,
            redacted: (redacted > 0).then_some(redacted),
        }
    }
}

/// Details of one entry, by name.
pub type Details = BTreeMap<DetailName, Commitment>;
