//! The closed list of reason codes, and the checks that speak with them.

use serde::{Deserialize, Serialize};

use super::{Outcome, Reason};

/// The checks of the gate, in the order in which their reasons stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the codes below say what each check finds")]
pub enum Check {
    Clock,
    Stop,
    Breaker,
    Identity,
    Policy,
    Action,
    Grant,
    Condition,
    Tier,
    Approval,
    Sandbox,
    Recipient,
    Dnc,
    Call,
    Throttle,
    Undo,
    Foreign,
}

/// The closed list of reason codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Code {
    /// Time is in doubt: a clock entry awaits an operator, or the clock stands before the last entry.
    #[serde(rename = "clock.blocked")]
    ClockBlocked,
    /// The kill switch is on for this agent or class.
    #[serde(rename = "stop.active")]
    StopActive,
    /// A circuit breaker is open for this agent, mailbox, seller or action.
    #[serde(rename = "breaker.open")]
    BreakerOpen,
    /// The caller is not, or is no longer, a registered agent.
    #[serde(rename = "identity.unknown")]
    IdentityUnknown,
    /// The request named another agent than the caller.
    #[serde(rename = "identity.impersonation")]
    IdentityImpersonation,
    /// No policy was ever published.
    #[serde(rename = "policy.none")]
    PolicyNone,
    /// The policy does not declare the action.
    #[serde(rename = "action.unknown")]
    ActionUnknown,
    /// A row of the policy grants it.
    #[serde(rename = "grant.row")]
    GrantRow,
    /// No row grants this action to this agent.
    #[serde(rename = "grant.none")]
    GrantNone,
    /// Rows grant the action, but not for this seller.
    #[serde(rename = "grant.seller")]
    GrantSeller,
    /// Rows grant the action, but not from this mailbox.
    #[serde(rename = "grant.mailbox")]
    GrantMailbox,
    /// Rows grant the action, but not in this environment.
    #[serde(rename = "grant.environment")]
    GrantEnvironment,
    /// Rows grant the action, but not to this version of the agent.
    #[serde(rename = "grant.version")]
    GrantVersion,
    /// No row grants this object.
    #[serde(rename = "grant.object")]
    GrantObject,
    /// Rows grant the object, but not this field of it.
    #[serde(rename = "grant.field")]
    GrantField,
    /// A write that names no object, so that no row can cover it.
    #[serde(rename = "grant.target_missing")]
    GrantTargetMissing,
    /// A condition of the policy permits it, and none forbids it.
    #[serde(rename = "condition.permit")]
    ConditionPermit,
    /// A condition of the policy forbids it.
    #[serde(rename = "condition.forbid")]
    ConditionForbid,
    /// The policy has conditions, and none permits it.
    #[serde(rename = "condition.none")]
    ConditionNone,
    /// A condition of the policy could not be evaluated.
    #[serde(rename = "condition.error")]
    ConditionError,
    /// Tier 2: a person has to approve first.
    #[serde(rename = "tier.approval")]
    TierApproval,
    /// A person has to approve it, and the rows that grant it ask different groups.
    #[serde(rename = "tier.approvers")]
    TierApprovers,
    /// Tier 2, and the row waives the approval.
    #[serde(rename = "tier.waived")]
    TierWaived,
    /// Tier 2, and the row leaves the approval to the decision handed in.
    #[serde(rename = "tier.elsewhere")]
    TierElsewhere,
    /// Tier 3: blocked but for break-glass.
    #[serde(rename = "tier.blocked")]
    TierBlocked,
    /// Tier 3, lifted by break-glass.
    #[serde(rename = "tier.break_glass")]
    TierBreakGlass,
    /// A person approved exactly this.
    #[serde(rename = "approval.granted")]
    ApprovalGranted,
    /// The entry named is no granted approval.
    #[serde(rename = "approval.unknown")]
    ApprovalUnknown,
    /// The approval is of something else, or for somebody else.
    #[serde(rename = "approval.mismatch")]
    ApprovalMismatch,
    /// An allow has already used the approval.
    #[serde(rename = "approval.spent")]
    ApprovalSpent,
    /// The approval was not used in time.
    #[serde(rename = "approval.expired")]
    ApprovalExpired,
    /// Who approved it may not approve it any more.
    #[serde(rename = "approval.approver")]
    ApprovalApprover,
    /// A sandbox reaches nobody outside the reserved and the fake domains.
    #[serde(rename = "sandbox.recipient")]
    SandboxRecipient,
    /// A contact action that names nobody.
    #[serde(rename = "recipient.missing")]
    RecipientMissing,
    /// An identifier that cannot be normalised, so that no list can be checked for it.
    #[serde(rename = "recipient.unusable")]
    RecipientUnusable,
    /// A recipient without address, phone or contact id.
    #[serde(rename = "recipient.unidentified")]
    RecipientUnidentified,
    /// The policy requires a kind of key that the recipient does not carry.
    #[serde(rename = "recipient.key_required")]
    RecipientKeyRequired,
    /// Listed.
    #[serde(rename = "dnc.listed")]
    DncListed,
    /// The CRM's own flag.
    #[serde(rename = "dnc.crm_flag")]
    DncCrmFlag,
    /// A listing was lifted by an exemption.
    #[serde(rename = "dnc.exempt")]
    DncExempt,
    /// Every key of every recipient was looked up, and none is listed.
    #[serde(rename = "dnc.clear")]
    DncClear,
    /// It is outside the hours at which the recipient may be called.
    #[serde(rename = "call.hours")]
    CallHours,
    /// The request does not say what time it is where the recipient is.
    #[serde(rename = "call.offset_missing")]
    CallOffsetMissing,
    /// The last import of the national registry is older than the policy allows, or there is none.
    #[serde(rename = "call.registry_stale")]
    CallRegistryStale,
    /// A window is full.
    #[serde(rename = "throttle.exceeded")]
    ThrottleExceeded,
    /// The rule counts per something that the request does not name.
    #[serde(rename = "throttle.unkeyed")]
    ThrottleUnkeyed,
    /// The entry that is to be undone is no execution of a decision.
    #[serde(rename = "undo.unknown")]
    UndoUnknown,
    /// The decision handed in was a denial.
    #[serde(rename = "foreign.deny")]
    ForeignDeny,
    /// The decision handed in asks for an approval.
    #[serde(rename = "foreign.require_approval")]
    ForeignRequireApproval,
}

impl Code {
    /// Every code, in the order of the codebook.
    pub const ALL: [Self; 49] = [
        Self::ClockBlocked,
        Self::StopActive,
        Self::BreakerOpen,
        Self::IdentityUnknown,
        Self::IdentityImpersonation,
        Self::PolicyNone,
        Self::ActionUnknown,
        Self::GrantRow,
        Self::GrantNone,
        Self::GrantSeller,
        Self::GrantMailbox,
        Self::GrantEnvironment,
        Self::GrantVersion,
        Self::GrantObject,
        Self::GrantField,
        Self::GrantTargetMissing,
        Self::ConditionPermit,
        Self::ConditionForbid,
        Self::ConditionNone,
        Self::ConditionError,
        Self::TierApproval,
        Self::TierApprovers,
        Self::TierWaived,
        Self::TierElsewhere,
        Self::TierBlocked,
        Self::TierBreakGlass,
        Self::ApprovalGranted,
        Self::ApprovalUnknown,
        Self::ApprovalMismatch,
        Self::ApprovalSpent,
        Self::ApprovalExpired,
        Self::ApprovalApprover,
        Self::SandboxRecipient,
        Self::RecipientMissing,
        Self::RecipientUnusable,
        Self::RecipientUnidentified,
        Self::RecipientKeyRequired,
        Self::DncListed,
        Self::DncCrmFlag,
        Self::DncExempt,
        Self::DncClear,
        Self::CallHours,
        Self::CallOffsetMissing,
        Self::CallRegistryStale,
        Self::ThrottleExceeded,
        Self::ThrottleUnkeyed,
        Self::UndoUnknown,
        Self::ForeignDeny,
        Self::ForeignRequireApproval,
    ];

    /// The check that speaks with this code.
    pub const fn check(self) -> Check {
        match self {
            Self::ClockBlocked => Check::Clock,
            Self::StopActive => Check::Stop,
            Self::IdentityUnknown | Self::IdentityImpersonation => Check::Identity,
            Self::PolicyNone => Check::Policy,
            Self::ActionUnknown => Check::Action,
            Self::GrantRow
            | Self::GrantNone
            | Self::GrantSeller
            | Self::GrantMailbox
            | Self::GrantEnvironment
            | Self::GrantVersion
            | Self::GrantObject
            | Self::GrantField
            | Self::GrantTargetMissing => Check::Grant,
            Self::BreakerOpen => Check::Breaker,
            Self::ConditionPermit
            | Self::ConditionForbid
            | Self::ConditionNone
            | Self::ConditionError => Check::Condition,
            Self::TierApproval
            | Self::TierApprovers
            | Self::TierWaived
            | Self::TierElsewhere
            | Self::TierBlocked
            | Self::TierBreakGlass => Check::Tier,
            Self::ApprovalGranted
            | Self::ApprovalUnknown
            | Self::ApprovalMismatch
            | Self::ApprovalSpent
            | Self::ApprovalExpired
            | Self::ApprovalApprover => Check::Approval,
            Self::SandboxRecipient => Check::Sandbox,
            Self::CallHours | Self::CallOffsetMissing | Self::CallRegistryStale => Check::Call,
            Self::UndoUnknown => Check::Undo,
            Self::RecipientMissing
            | Self::RecipientUnusable
            | Self::RecipientUnidentified
            | Self::RecipientKeyRequired => Check::Recipient,
            Self::DncListed | Self::DncCrmFlag | Self::DncExempt | Self::DncClear => Check::Dnc,
            Self::ThrottleExceeded | Self::ThrottleUnkeyed => Check::Throttle,
            Self::ForeignDeny | Self::ForeignRequireApproval => Check::Foreign,
        }
    }

    /// The most lenient outcome that a decision with this reason can have.
    pub const fn demands(self) -> Outcome {
        match self {
            Self::GrantRow
            | Self::DncExempt
            | Self::DncClear
            | Self::ConditionPermit
            | Self::TierWaived
            | Self::TierElsewhere
            | Self::TierBreakGlass
            | Self::ApprovalGranted => Outcome::Allow,
            Self::ForeignRequireApproval | Self::TierApproval => Outcome::RequireApproval,
            _ => Outcome::Deny,
        }
    }

    /// A reason of this code that concerns the request as a whole.
    pub const fn reason(self) -> Reason {
        Reason {
            check: self.check(),
            code: self,
            rule: None,
            recipient: None,
            key: None,
            target: None,
            field: None,
            cites: Vec::new(),
            cites_total: None,
        }
    }
}
