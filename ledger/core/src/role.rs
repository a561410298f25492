//! Who may call what: the one table of roles by calls.
//!
//! The service consults it before a command is accepted, the planner again when the command is
//! ordered (a credential may have been revoked in between), and replay once more. `docs/roles.md`
//! shows the same table to people; a test holds the two together.

use serde::{Deserialize, Serialize};

/// The role of a principal. One principal has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Software that intends actions and reports on its own.
    Agent,
    /// RevOps: principals, policy, stop and resume.
    Operator,
    /// Keeps the do-not-contact list and discloses openings.
    Compliance,
    /// Answers approval requests.
    Approver,
    /// Reads everything, changes nothing.
    Auditor,
    /// Reports executions and outcomes on behalf of agents (a mail gateway, a webhook worker).
    Recorder,
    /// Hands on what a provider delivers: outcomes, and nothing else.
    Ingest,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Agent,
        Self::Operator,
        Self::Compliance,
        Self::Approver,
        Self::Auditor,
        Self::Recorder,
        Self::Ingest,
    ];

    /// The word that entries and the interface use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Compliance => "compliance",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Recorder => "recorder",
            Self::Ingest => "ingest",
        }
    }

    /// The role of that name, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One remote procedure, as entries name it. Streams and batches of a call share its name, so that
/// a request id means the same intention on each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "each variant is the remote procedure of the same name"
)]
pub enum Call {
    Decide,
    Record,
    GetCheckpoint,
    GetReceipt,
    GetEvidence,
    GetConsistency,
    GetDetail,
    Trace,
    PutPrincipal,
    RevokePrincipal,
    ListPrincipals,
    AddDnc,
    RemoveDnc,
    ExemptDnc,
    CheckDnc,
    PublishPolicy,
    ShowPolicy,
    Stop,
    Resume,
    AcknowledgeClock,
    Tokenise,
    Disclose,
    Export,
    Status,
    GetApproval,
    WatchApproval,
    ListApprovals,
    AnswerApproval,
    RequestBreakGlass,
    ConfirmBreakGlass,
    CloseBreakGlass,
    ResetBreaker,
    TrustKey,
    DistrustKey,
    BeginImport,
    EndImport,
    ListOpen,
    GetPack,
    List,
    Tail,
}

/// What a role may do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Refused with `PERMISSION_DENIED`; nothing is written.
    No,
    /// Only entries that the caller made, and executions, outcomes and unresolved entries about a
    /// decision that it made.
    Own,
    /// Everything.
    Yes,
}

impl Call {
    /// Every call, in the order of the documentation.
    pub const ALL: [Self; 40] = [
        Self::Decide,
        Self::Record,
        Self::GetCheckpoint,
        Self::GetReceipt,
        Self::GetEvidence,
        Self::GetConsistency,
        Self::GetDetail,
        Self::Trace,
        Self::PutPrincipal,
        Self::RevokePrincipal,
        Self::ListPrincipals,
        Self::AddDnc,
        Self::RemoveDnc,
        Self::ExemptDnc,
        Self::CheckDnc,
        Self::PublishPolicy,
        Self::ShowPolicy,
        Self::Stop,
        Self::Resume,
        Self::AcknowledgeClock,
        Self::Tokenise,
        Self::Disclose,
        Self::Export,
        Self::Status,
        Self::GetApproval,
        Self::WatchApproval,
        Self::ListApprovals,
        Self::AnswerApproval,
        Self::RequestBreakGlass,
        Self::ConfirmBreakGlass,
        Self::CloseBreakGlass,
        Self::ResetBreaker,
        Self::TrustKey,
        Self::DistrustKey,
        Self::BeginImport,
        Self::EndImport,
        Self::ListOpen,
        Self::GetPack,
        Self::List,
        Self::Tail,
    ];

    /// The name in the interface and in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decide => "Decide",
            Self::Record => "Record",
            Self::GetCheckpoint => "GetCheckpoint",
            Self::GetReceipt => "GetReceipt",
            Self::GetEvidence => "GetEvidence",
            Self::GetConsistency => "GetConsistency",
            Self::GetDetail => "GetDetail",
            Self::Trace => "Trace",
            Self::PutPrincipal => "PutPrincipal",
            Self::RevokePrincipal => "RevokePrincipal",
            Self::ListPrincipals => "ListPrincipals",
            Self::AddDnc => "AddDnc",
            Self::RemoveDnc => "RemoveDnc",
            Self::ExemptDnc => "ExemptDnc",
            Self::CheckDnc => "CheckDnc",
            Self::PublishPolicy => "PublishPolicy",
            Self::ShowPolicy => "ShowPolicy",
            Self::Stop => "Stop",
            Self::Resume => "Resume",
            Self::AcknowledgeClock => "AcknowledgeClock",
            Self::Tokenise => "Tokenise",
            Self::Disclose => "Disclose",
            Self::Export => "Export",
            Self::Status => "Status",
            Self::GetApproval => "GetApproval",
            Self::WatchApproval => "WatchApproval",
            Self::ListApprovals => "ListApprovals",
            Self::AnswerApproval => "AnswerApproval",
            Self::RequestBreakGlass => "RequestBreakGlass",
            Self::ConfirmBreakGlass => "ConfirmBreakGlass",
            Self::CloseBreakGlass => "CloseBreakGlass",
            Self::ResetBreaker => "ResetBreaker",
            Self::TrustKey => "TrustKey",
            Self::DistrustKey => "DistrustKey",
            Self::BeginImport => "BeginImport",
            Self::EndImport => "EndImport",
            Self::ListOpen => "ListOpen",
            Self::GetPack => "GetPack",
            Self::List => "List",
            Self::Tail => "Tail",
        }
    }

    /// What `role` may do with this call. Of [`Call::Record`] an [`Role::Ingest`] may report outcomes alone,
    /// which the planner sees to.
    pub const fn granted(self, role: Role) -> Grant {
        use Role::{Agent, Approver, Auditor, Compliance, Ingest, Operator, Recorder};
        match (self, role) {
            (Self::GetCheckpoint | Self::GetConsistency, _)
            | (Self::Decide, Agent)
            | (Self::Record, Agent | Recorder | Ingest)
            | (
                Self::GetReceipt
                | Self::Trace
                | Self::GetEvidence
                | Self::Export
                | Self::ListPrincipals
                | Self::Status
                | Self::CheckDnc
                | Self::ListOpen
                | Self::GetPack
                | Self::List
                | Self::Tail,
                Operator | Compliance | Auditor,
            )
            | (Self::GetDetail, Compliance | Auditor)
            | (
                Self::GetApproval | Self::WatchApproval | Self::ListApprovals | Self::ShowPolicy,
                Operator | Compliance | Approver | Auditor,
            )
            | (Self::AnswerApproval, Approver)
            | (
                Self::RequestBreakGlass | Self::ConfirmBreakGlass | Self::CloseBreakGlass,
                Operator | Compliance | Approver,
            )
            | (
                Self::PutPrincipal
                | Self::RevokePrincipal
                | Self::PublishPolicy
                | Self::Resume
                | Self::AcknowledgeClock
                | Self::TrustKey
                | Self::DistrustKey,
                Operator,
            )
            | (
                Self::AddDnc
                | Self::Stop
                | Self::Tokenise
                | Self::ResetBreaker
                | Self::BeginImport
                | Self::EndImport,
                Operator | Compliance,
            )
            | (Self::RemoveDnc | Self::ExemptDnc | Self::Disclose, Compliance) => Grant::Yes,
            (
                Self::GetReceipt | Self::Trace | Self::List | Self::Tail,
                Agent | Approver | Recorder,
            )
            | (Self::GetDetail, Agent | Approver)
            | (Self::GetApproval | Self::WatchApproval, Agent) => Grant::Own,
            _ => Grant::No,
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
