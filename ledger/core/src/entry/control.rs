//! What people do to a ledger: principals, policy, stop and resume, and reading what is private.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Actor, Cause, Commitment, DetailName, PolicyRef};
use crate::action::Class;
use crate::hash::Hash;
use crate::role::{Call, Role};
use crate::token::Token;

/// A principal is added, changed or revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalChange {
    /// Ids, call, content and who changed it; at genesis the ledger itself.
    #[serde(flatten)]
    pub cause: Cause,
    /// The principal's assigned id; never a person's name.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// The approver groups that it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// SHA-256 of its credential; absent where it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Hash>,
    /// Answer: what this does to the principal.
    pub change: Change,
}

/// What a `principal` entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Change {
    Added,
    Changed,
    Revoked,
}

/// One file of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// The path within the policy directory.
    pub path: String,
    /// The text.
    pub text: String,
}

/// A policy is published; or, where its text does not fit one entry, continued.
///
/// The first entry of a publication carries cause, hash and the first part of the text; `parts`
/// further entries follow it at once, in the same batch. The policy is in force from the last of
/// them, and is cited by the seq of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEntry {
    /// Ids, call, content and who published it.
    #[serde(flatten)]
    pub cause: Cause,
    /// Of a continuation: the seq of the publication's first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<u64>,
    /// Of a first entry: SHA-256 over the sorted lines `<sha256>  <path>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hash>,
    /// Of a first entry: the policy that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<PolicyRef>,
    /// Of a first entry: how many entries continue it, where any do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u64>,
    /// Of a first entry: the tokens of the mailboxes that the text names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mailboxes: BTreeMap<String, Token>,
    /// Of a first entry: the tokens (kind `domain`) of the fake domains that the text names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fake_domains: BTreeMap<String, Token>,
    /// Of a first entry: the sandbox that the policy was tried in, where it comes from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Box<Promotion>>,
    /// The files, or of each as much as fits here.
    pub files: Vec<PolicyFile>,
}

/// Where a promoted policy was tried, and who let it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The approval of exactly this policy's hash.
    pub approval: u64,
    /// The sandbox's receipt (C2SP tlog-proof) of the entry that published the same policy there, without
    /// the text ([`promotion`](crate::promotion)).
    pub receipt: String,
    /// Answer: the sandbox's origin.
    pub origin: String,
    /// Answer: the `key` entry by which its key is trusted here.
    pub key: u64,
    /// Answer: who approved.
    pub approver: String,
}

/// The key of another ledger is trusted, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Ids, call, content and who did it.
    #[serde(flatten)]
    pub cause: Cause,
    /// Which of the two.
    pub event: KeyEvent,
    /// The verification key (C2SP signed-note vkey); its name is the other ledger's origin.
    pub key: String,
}

/// What a `key` entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEvent {
    /// Policies may be promoted from the sandbox that signs with it.
    Trusted,
    /// No longer.
    Distrusted,
}

/// What a stop or a resume is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    All,
    /// One agent.
    Agent {
        /// Its id.
        id: String,
    },
    /// One action class.
    Class {
        /// The class.
        class: Class,
    },
}

impl Scope {
    /// Whether an action of `class` by `agent` is within it.
    pub fn covers(&self, agent: &str, class: Class) -> bool {
        match self {
            Self::All => true,
            Self::Agent { id } => id == agent,
            Self::Class { class: stopped } => *stopped == class,
        }
    }
}

/// The kill switch is thrown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Ids, call, content and who threw it.
    #[serde(flatten)]
    pub cause: Cause,
    /// What stops.
    pub scope: Scope,
    /// Answer: how many outstanding allows it voids: in scope, unexpired, unreported, not voided before.
    pub voided: u64,
    /// Commitments to what is kept outside the log: the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// Stops of exactly this scope end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Ids, call, content and who resumed.
    #[serde(flatten)]
    pub cause: Cause,
    /// What resumes.
    pub scope: Scope,
    /// Answer: the stops that end, the first [`RESUMED_MAX`](crate::limits::RESUMED_MAX) of them.
    pub stops: Vec<u64>,
    /// Commitments to what is kept outside the log: the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// Something private was handed out. Committed before its first byte; a repeated read is a second
/// entry, so it has no request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The call that read it.
    pub call: Call,
    /// Who read it.
    pub actor: Actor,
    /// The first entry concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The entry after the last one concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// The detail read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<DetailName>,
    /// The tokens of the identifiers disclosed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<super::Key>,
    /// Of an evidence pack: what was asked and which entries were handed out, as one hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<Hash>,
}
