//! Decisions: what an agent asked, what the gate answered, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Check, Code, Commitment, DetailName};
use crate::action::{Channels, Class};
use crate::hash::Hash;
use crate::time::Timestamp;
use crate::token::{Kind, Token};
use crate::utc_offset::UtcOffset;

/// The answer to an action request, from lenient to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The action may be started before `valid_until`, once.
    Allow,
    /// A person has to approve first.
    RequireApproval,
    /// The action must not be carried out.
    Deny,
}

/// Where a decision was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Here; a verifier recomputes it.
    Gate,
    /// Elsewhere; recorded as it was reported.
    Asserted,
}

/// The environment that a ledger serves, fixed at genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real people are reached.
    Prod,
    /// Nobody is to be reached.
    Sandbox,
}

/// A decision entry.
///
/// The *request part* is what the caller and the service put in; every other field is the gate's
/// answer and is recomputed by replay. [`Decision::request_part`] separates the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Request part.
    pub basis: Basis,
    /// Request part: ids, call, content and the authenticated caller.
    #[serde(flatten)]
    pub cause: Cause,
    /// Request part: the agent that the request named, where it is not the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Answer: the ledger's environment.
    pub environment: Environment,
    /// Request part: what is to be done, a policy name such as `email.send`.
    pub action: String,
    /// Answer: what kind of act that is.
    pub class: Class,
    /// Answer: the channels by which it reaches people; empty where it reaches nobody.
    #[serde(default, skip_serializing_if = "Channels::is_empty")]
    pub channels: Channels,
    /// Answer: the risk tier, 0 to 3; of an asserted decision, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// Request part: the tool that will be invoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Request part: on whose behalf the person is contacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// Request part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Request part: the sending mailbox, as a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<Token>,
    /// Request part: the objects acted on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Request part: the people reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Recipient>,
    /// Request part: the token version of every key that carries no `v` of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_v: Option<u32>,
    /// Request part: what the action will cost, in millionths of the ledger's currency unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// Request part: the granted approval relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<u64>,
    /// Request part: the execution that this action undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// Request part: a decision made elsewhere and handed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// Answer: the policy in force; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyRef>,
    /// Answer (for an asserted decision: the outcome asserted).
    pub outcome: Outcome,
    /// Answer: why, most important checks first. At most
    /// [`REASONS_MAX`](crate::limits::REASONS_MAX) are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Answer: how many reasons there were, where more than are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons_total: Option<u64>,
    /// Answer: every throttle rule that matched, with its count before this request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttles: Vec<ThrottleCount>,
    /// Answer: an allow must be started before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Answer: an allow must be reported on before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_by: Option<Timestamp>,
    /// Answer: the approver, where an approval was relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Answer, of `require_approval`: the group whose members may approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<String>,
    /// Answer, of `require_approval`: until when it can be approved, and the approval used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve_by: Option<Timestamp>,
    /// Answer: rules that an asserted decision breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<super::Finding>,
    /// Request part: commitments to what is kept outside the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

impl Decision {
    /// A request with no answer yet. The answer fields hold their strictest values until the gate
    /// fills them.
    pub fn request(basis: Basis, cause: Cause, action: String) -> Self {
        Self {
            basis,
            cause,
            agent: None,
            environment: Environment::Prod,
            action,
            class: Class::Contact,
            channels: Channels::none(),
            tier: None,
            tool: None,
            seller: None,
            campaign: None,
            mailbox: None,
            targets: Vec::new(),
            recipients: Vec::new(),
            tokens_v: None,
            cost_micros: None,
            approval: None,
            undoes: None,
            foreign: None,
            policy: None,
            outcome: Outcome::Deny,
            reasons: Vec::new(),
            reasons_total: None,
            throttles: Vec::new(),
            valid_until: None,
            report_by: None,
            approver: None,
            approvers: None,
            approve_by: None,
            findings: Vec::new(),
            details: BTreeMap::new(),
        }
    }

    /// This entry with every answer taken out: what replay may take from it.
    #[must_use]
    pub fn request_part(&self) -> Self {
        Self {
            agent: self.agent.clone(),
            tool: self.tool.clone(),
            seller: self.seller.clone(),
            campaign: self.campaign.clone(),
            mailbox: self.mailbox,
            targets: self.targets.clone(),
            recipients: self.recipients.clone(),
            tokens_v: self.tokens_v,
            cost_micros: self.cost_micros,
            approval: self.approval,
            undoes: self.undoes,
            foreign: self.foreign.clone(),
            details: self.details.clone(),
            ..Self::request(self.basis, self.cause.clone(), self.action.clone())
        }
    }
}

/// An object of the CRM or another system that an action reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The object type, a clear id such as `deal`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object's id as a token; of a contact or an account, the same token as its key. Absent
    /// where the action makes the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Token>,
    /// The fields read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// The fields written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
}

/// How a recipient is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words are the field's own")]
pub enum RecipientRole {
    To,
    Cc,
    Bcc,
    Callee,
    Attendee,
    Enrollee,
}

/// One person whom the action would reach, known by tokens alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// How they are addressed.
    pub role: RecipientRole,
    /// Their match keys: e-mail, canonical e-mail, domains (longest first), phone, contact, account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// Where they are: the offset of their local time from UTC, as the runtime reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<UtcOffset>,
    /// The CRM's own do-not-contact flag, as the runtime reported it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dnc: bool,
    /// Identifiers that were given and cannot be normalised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<Kind>,
}

/// One match key of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// What was tokenised.
    pub kind: Kind,
    /// The keyed pseudonym.
    pub token: Token,
    /// The token version, where it is not the entry's `tokens_v`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u32>,
}

/// A decision that another engine made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// The engine's name, a clear id.
    pub engine: String,
    /// The SHA-256 of the policy that it applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Hash>,
    /// What it decided.
    pub outcome: Outcome,
}

/// A policy, named by the entry that published it and by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    /// The `policy` entry.
    pub seq: u64,
    /// SHA-256 over the sorted lines `<sha256>  <path>`.
    pub sha256: Hash,
}

/// One reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which check speaks.
    pub check: Check,
    /// What it found.
    pub code: Code,
    /// The policy row or rule concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The index of the recipient concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<u64>,
    /// The kind of key that matched or was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Kind>,
    /// The index of the target concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// The field concerned, or, where the object itself is, its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The entries relied on; at most [`CITES_MAX`](crate::limits::CITES_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<Cite>,
    /// How many there were, where more than are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cites_total: Option<u64>,
}

/// An entry, or one listing within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cite {
    /// The entry.
    pub seq: u64,
    /// The listing within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
}

/// What a throttle rule counted for a request.
///
/// Where a rule counts per recipient or per domain, this is the key that binds: the one that would
/// pass last, else the fullest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThrottleCount {
    /// The rule's id.
    pub rule: String,
    /// The recipient whose key binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<u64>,
    /// The kind of that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Kind>,
    /// Units already in the trailing window.
    pub count: u64,
    /// Units that this request needs.
    pub needs: u64,
    /// The most that the window may hold.
    pub limit: u64,
    /// The window's length in seconds.
    pub window_s: u64,
    /// The first time at which it would pass, if nothing else were allowed in between; absent where
    /// it passes now, and where it never would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes_at: Option<Timestamp>,
}
