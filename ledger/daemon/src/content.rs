//! The canonical request and its HMAC, the `content` of an entry.
//!
//! `content` is what idempotency compares: the same request id with the same content is a repetition,
//! with another it is an error. It is HMAC-SHA-256, under the content key, over one line of JSON:
//!
//! ```text
//! {"call":…,"principal":…,"agent_version":…,"environment":…,"request":{…},"details":{"params":"<sha256>",…}}
//! ```
//!
//! The keys stand in the order of the structs below; what is absent is left out; identifiers stand in
//! their normalised form, and one that cannot be normalised as it was given; each detail is the SHA-256
//! of the bytes received, before any secret in them was replaced. Ids (request, action, correlation),
//! salts and approvals are not part of it: two asks for the same act have the same content.
//!
//! The line holds personal data in clear. It exists for the length of one call and goes nowhere but
//! into the HMAC.

use std::collections::BTreeMap;

use ledger_core::action::Channels;
use ledger_core::entry::{
    Cite, DetailName, Environment, Event, Foreign, ListingReason, RecipientResult, RecipientRole,
    Scope, Status, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{ContentKey, Kind};
use ledger_core::utc_offset::UtcOffset;
use serde::Serialize;

/// What every canonical request starts with.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The call.
    pub call: Call,
    /// The authenticated caller.
    pub principal: &'a str,
    /// The hash of an agent's prompt and tools, as it stated it.
    pub agent_version: Option<&'a str>,
    /// The ledger's environment.
    pub environment: Environment,
}

/// The HMAC of the canonical request.
pub fn content<T: Serialize>(
    key: &ContentKey,
    envelope: Envelope<'_>,
    request: &T,
    details: &BTreeMap<DetailName, Hash>,
) -> Hash {
    Hash(key.content(&canonical(envelope, request, details)))
}

fn canonical<T: Serialize>(
    envelope: Envelope<'_>,
    request: &T,
    details: &BTreeMap<DetailName, Hash>,
) -> Vec<u8> {
    #[derive(Serialize)]
    struct Canonical<'a, T> {
        call: Call,
        principal: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_version: Option<&'a str>,
        environment: Environment,
        request: &'a T,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        details: &'a BTreeMap<DetailName, Hash>,
    }
    let Envelope {
        call,
        principal,
        agent_version,
        environment,
    } = envelope;
    let canonical = Canonical {
        call,
        principal,
        agent_version,
        environment,
        request,
        details,
    };
    match serde_json::to_vec(&canonical) {
        Ok(line) => line,
        // Strings, numbers and lists of them: there is nothing that JSON could not hold.
        Err(error) => unreachable!("a request does not encode: {error}"),
    }
}

/// One identifier: normalised, or as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// What it is.
    pub kind: Kind,
    /// The identifier itself. Personal data.
    pub value: String,
}

/// What was said of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// How they are addressed.
    pub role: RecipientRole,
    /// Their match keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Identifier>,
    /// What cannot be normalised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<Identifier>,
    /// The CRM's own flag.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dnc: bool,
    /// Where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<UtcOffset>,
}

/// One object acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Object {
    /// The object type, lower-case.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id; absent where the action makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The fields read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// The fields written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
}

/// `Decide`, and an asserted decision of `Record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The agent named, where it is not the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What is to be done.
    pub action: String,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// The campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The sending mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// The objects acted on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Object>,
    /// The people reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Person>,
    /// What it will cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// The decision handed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// The execution that it undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
}

/// An execution of `Record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// The decision carried out.
    pub decision: u64,
    /// What became of it.
    pub status: Status,
    /// The error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Who carried it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// What became of single recipients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RecipientResult>,
}

/// An outcome of `Record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The execution concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<u64>,
    /// What is reported.
    pub event: Event,
    /// The recipient concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<u64>,
    /// Who reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Whom it is about: their match keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Identifier>,
    /// What was said of them and cannot be normalised, or names no single person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<Identifier>,
}

/// `Record`: which of the three it is stands as the one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// An execution.
    Execution(Execution),
    /// An outcome.
    Outcome(Outcome),
    /// A decision made elsewhere.
    Decision(Action),
}

/// `PutPrincipal` and `RevokePrincipal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// Its id.
    pub id: String,
    /// Its role; of a revocation, absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// SHA-256 of its credential; of a revocation, absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Hash>,
}

/// One listing of `AddDnc`, or one exemption of `ExemptDnc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The subject's keys.
    pub keys: Vec<Identifier>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// By which channels.
    #[serde(skip_serializing_if = "Channels::is_empty")]
    pub channels: Channels,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ListingReason>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the person asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// A later start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Timestamp>,
    /// The end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the document that justifies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Hash>,
}

/// `AddDnc` and `ExemptDnc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listings {
    /// What is added.
    pub listings: Vec<Listing>,
    /// The import that they belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<u64>,
}

/// `BeginImport`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportBegun {
    /// Where the list comes from.
    pub source: String,
    /// Why its people must not be contacted.
    pub reason: ListingReason,
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// How many listings it comes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many of its rows are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// Whether it says what has changed in an earlier one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changes: bool,
}

/// `EndImport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImportEnded {
    /// The entry that began it.
    pub import: u64,
}

/// `RemoveDnc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// What is ended.
    pub ends: Vec<Cite>,
    /// SHA-256 of the document that justifies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Hash>,
}

/// `PublishPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// SHA-256 over the sorted lines `<sha256>  <path>`.
    pub sha256: Hash,
    /// What promotes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
}

/// What promotes a policy. Its approval is part of the content: without it, it is another publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Promotion {
    /// The approval of its hash.
    pub approval: u64,
    /// SHA-256 of the receipt as received.
    pub receipt: Hash,
}

/// `AnswerApproval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The decision that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<u64>,
    /// The policy's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Hash>,
    /// The answer.
    pub verdict: Verdict,
}

/// `RequestBreakGlass`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GlassAsked {
    /// The agent.
    pub agent: String,
    /// The one action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// For how long.
    pub duration_s: u64,
}

/// `ConfirmBreakGlass` and `CloseBreakGlass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GlassAnswered {
    /// The request.
    pub request: u64,
}

/// `ResetBreaker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BreakerReset {
    /// The entry that opened it.
    pub opened: u64,
}

/// `TrustKey` and `DistrustKey`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherKey {
    /// The verification key.
    pub key: String,
}

/// `Stop` and `Resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scoped {
    /// What stops or resumes.
    pub scope: Scope,
}

/// `AcknowledgeClock`: nothing but the call itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nothing {}
