//! What happened after a decision: executions, outcomes, and allows that nobody reported on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Actor, Cause, Commitment, DetailName, PolicyRef};
use crate::time::Timestamp;
use crate::token::Token;

/// A rule that a report or a record breaks. Evidence is never turned away: it is recorded, marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The log has no decision at that position.
    UnknownDecision,
    /// The decision was a denial.
    DecisionDenied,
    /// The decision asked for an approval.
    ApprovalMissing,
    /// Reported by somebody other than who asked, without the role `recorder` or `ingest`.
    OtherPrincipal,
    /// The report's correlation id is not the decision's.
    OtherCorrelation,
    /// The allow was already used by an earlier execution.
    AlreadyExecuted,
    /// Started before the decision was made.
    StartedBeforeDecision,
    /// Started after the allow had expired.
    Expired,
    /// Started after a stop had voided the allow.
    AfterStop,
    /// Started before the stop that voided the allow, reported after it.
    InFlightAtStop,
    /// The report does not say when it was started.
    StartUnknown,
    /// Not reported before `report_by`.
    ReportLate,
    /// The log has no execution at that position, or none with the provider's id, or none was named.
    UnknownExecution,
    /// An asserted decision that was made under a stop.
    UnderStop,
    /// The outcome names a recipient, or a person, that the decision does not have.
    UnknownRecipient,
    /// Somebody complained or unsubscribed, and nothing says who in a form that can be listed.
    Unlisted,
}

/// What the runtime says became of the act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Done.
    Success,
    /// Tried, and failed.
    Failure,
    /// Done for some recipients or targets only; `results` says which.
    Partial,
    /// Given up before it was tried.
    NotStarted,
}

/// The report of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Ids, call, content and the authenticated reporter.
    #[serde(flatten)]
    pub cause: Cause,
    /// The decision that it carried out.
    pub decision: u64,
    /// What became of it.
    pub status: Status,
    /// The tool's or provider's error code, a clear id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Who carried it out, a clear id such as `gmail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's own id of the act, as a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<Token>,
    /// When it was started, by the runtime's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it happened, by the runtime's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// What it cost, in millionths of the ledger's currency unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// What became of single recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RecipientResult>,
    /// Answer: the policy in force when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyRef>,
    /// Answer: the rules that it breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Commitments to what is kept outside the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientResult {
    /// The recipient's index in the decision.
    pub recipient: u64,
    /// What became of it.
    pub status: Status,
    /// The provider's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// What a provider reports later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the providers' own words")]
pub enum Event {
    BounceHard,
    BounceSoft,
    Complaint,
    Reply,
    Unsubscribe,
}

/// A provider's later report about an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeReport {
    /// Ids, call, content and the authenticated reporter.
    #[serde(flatten)]
    pub cause: Cause,
    /// The execution concerned, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<u64>,
    /// What is reported.
    pub event: Event,
    /// The recipient's index in the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<u64>,
    /// The keys of the person concerned, where the provider names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<super::Key>,
    /// The token version of every key without a `v` of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_v: Option<u32>,
    /// Who reports, a clear id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's own id of the act, as a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<Token>,
    /// When it happened, by the provider's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Answer: the execution with the provider's id, where the report names none and the log has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
    /// Answer: the decision that the execution carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<u64>,
    /// Answer: the policy in force when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyRef>,
    /// Answer: the rules that it breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Commitments to what is kept outside the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// What the provider's id of a report led to: a provider knows its own id of a message, and neither the
/// ledger's seq nor its correlation id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The first execution that was reported with the same id of the same provider.
    pub execution: u64,
    /// The recipient of the decision whom the report's keys name, by index, where it has no index itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<u64>,
    /// The decision's correlation id.
    pub correlation_id: String,
}

impl OutcomeReport {
    /// The execution that it is about: named, or found by the provider's id.
    pub fn about(&self) -> Option<u64> {
        self.execution
            .or_else(|| self.matched.as_ref().map(|matched| matched.execution))
    }

    /// The index of the recipient concerned: named, or found by the report's keys.
    pub fn concerned(&self) -> Option<u64> {
        self.recipient
            .or_else(|| self.matched.as_ref().and_then(|matched| matched.recipient))
    }

    /// The correlation id: given, or that of the decision that was found.
    pub fn correlation_id(&self) -> Option<&str> {
        let found = || Some(self.matched.as_ref()?.correlation_id.as_str());
        self.cause.correlation_id.as_deref().or_else(found)
    }
}

/// An allow whose report is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    /// Answer: the decision's correlation id.
    pub correlation_id: String,
    /// The ledger itself.
    pub actor: Actor,
    /// The allow that nobody reported on.
    pub decision: u64,
}
