//! What every reason code means.

use super::Explanation;
use crate::entry::Code;

/// What a reason code means.
pub const fn code(code: Code) -> Explanation {
    match code {
        Code::ClockBlocked => Explanation {
            word: "clock.blocked",
            meaning: "Time is in doubt: the clock jumped and nobody has acknowledged it yet, or it stands before the last \
                      entry.",
            cites: "the `clock` entry that saw the jump, or that acknowledged it",
            remedy: "An operator sets the clock right and runs `ledgerctl clock acknowledge`; then ask again under a new \
                     request id.",
        },
        Code::StopActive => Explanation {
            word: "stop.active",
            meaning: "The kill switch is on for this agent, for this class of action or for everything.",
            cites: "the `stop` entries in force",
            remedy: "Do not retry. An operator ends the stop with `ledgerctl resume` once its reason is dealt with.",
        },
        Code::BreakerOpen => Explanation {
            word: "breaker.open",
            meaning: "A circuit breaker is open for what the request would do.",
            cites: "the `breaker` entries that opened them; `rule` is the breaker",
            remedy: "Do not retry in a loop. An error breaker closes by itself; any other is reset by a person, with `ledgerctl breaker reset`, once its cause is dealt with.",
        },
        Code::IdentityUnknown => Explanation {
            word: "identity.unknown",
            meaning: "The caller is not, or is no longer, a registered agent.",
            cites: "none; `actor` names the caller",
            remedy: "An operator registers the agent with `ledgerctl principal put`.",
        },
        Code::IdentityImpersonation => Explanation {
            word: "identity.impersonation",
            meaning: "The request names another agent than the one that made it.",
            cites: "none; `actor` is who asked, `agent` is who was named",
            remedy: "An agent asks for itself alone: use the credential of the agent that acts.",
        },
        Code::PolicyNone => Explanation {
            word: "policy.none",
            meaning: "No policy was ever published, so nothing is granted.",
            cites: "none",
            remedy: "An operator publishes one with `ledgerctl policy publish`.",
        },
        Code::ActionUnknown => Explanation {
            word: "action.unknown",
            meaning: "The policy in force does not declare this action; it is treated as contact by every channel.",
            cites: "none; `policy` names the policy",
            remedy: "Correct the name, or declare the action in the policy.",
        },
        Code::GrantRow => Explanation {
            word: "grant.row",
            meaning: "A row of the policy grants this action to this agent, for this seller and from this mailbox.",
            cites: "none; `rule` is the row, `policy` the policy",
            remedy: "Nothing.",
        },
        Code::GrantNone => Explanation {
            word: "grant.none",
            meaning: "No row of the policy grants this action to this agent.",
            cites: "none; `policy` names the policy",
            remedy: "Do not retry. If the agent is meant to do this, add a grant to the policy.",
        },
        Code::GrantSeller => Explanation {
            word: "grant.seller",
            meaning: "The policy grants the action to this agent, but not on behalf of this seller, or of none.",
            cites: "none; `policy` names the policy",
            remedy: "Name a seller that the grant lists, or add this one to it.",
        },
        Code::GrantMailbox => Explanation {
            word: "grant.mailbox",
            meaning: "The policy grants the action for this seller, but not from this mailbox, or from none.",
            cites: "none; `policy` names the policy",
            remedy: "Name a mailbox that the grant lists, or add this one to it.",
        },
        Code::GrantEnvironment => Explanation {
            word: "grant.environment",
            meaning: "The policy grants the action to this agent, but not in this environment.",
            cites: "none; `policy` names the policy, `environment` the environment",
            remedy: "Add the environment to the row, if the agent is meant to do this here.",
        },
        Code::GrantVersion => Explanation {
            word: "grant.version",
            meaning: "The policy grants the action to this agent, but not to this version of it.",
            cites: "none; `actor` has the version that asked",
            remedy: "Run a version that the row pins, or have the new one promoted and pinned.",
        },
        Code::GrantObject => Explanation {
            word: "grant.object",
            meaning: "No row of the policy grants the action on an object of this type to this agent.",
            cites: "none; `target` is which, `field` its type",
            remedy: "Do not retry. If the agent is meant to act on it, add the object to a row.",
        },
        Code::GrantField => Explanation {
            word: "grant.field",
            meaning: "Rows of the policy grant the object, but not reading or writing this field.",
            cites: "none; `target` is which, `field` the first field without a row",
            remedy: "Leave the field out, or add it to `reads` or `writes` of a row.",
        },
        Code::GrantTargetMissing => Explanation {
            word: "grant.target_missing",
            meaning: "A write names no object, so that no row can say which fields it may write.",
            cites: "none",
            remedy: "Name every object that the action changes, and the fields of it.",
        },
        Code::ConditionPermit => Explanation {
            word: "condition.permit",
            meaning: "A condition of the policy permits it, and none forbids it.",
            cites: "none; `rule` is a condition that permits",
            remedy: "Nothing.",
        },
        Code::ConditionForbid => Explanation {
            word: "condition.forbid",
            meaning: "A condition of the policy forbids it.",
            cites: "none; `rule` is the condition",
            remedy: "Do not retry. The condition says what it forbids.",
        },
        Code::ConditionNone => Explanation {
            word: "condition.none",
            meaning: "The policy has conditions, and none of them permits it.",
            cites: "none; `policy` names the policy",
            remedy: "Do not retry. If it is meant to pass, add a condition that permits it.",
        },
        Code::ConditionError => Explanation {
            word: "condition.error",
            meaning: "A condition of the policy could not be evaluated for this request; that denies, whatever the condition says.",
            cites: "none; `rule` is the condition",
            remedy: "Correct the condition, so that it asks whether an attribute is there before it reads it.",
        },
        Code::TierApproval => Explanation {
            word: "tier.approval",
            meaning: "The action is of tier 2: a person has to approve exactly this first.",
            cites: "none; `approvers` is the group, `approve_by` until when",
            remedy: "Wait for the answer with `WatchApproval`, then ask again under a new request id, naming the approval.",
        },
        Code::TierApprovers => Explanation {
            word: "tier.approvers",
            meaning: "A person has to approve it, and the rows that grant its objects ask different groups: no one group can answer for all of it.",
            cites: "none; the reasons `grant.row` name the rows",
            remedy: "Ask for the objects of each row in a request of their own, or let the policy's rows name one group.",
        },
        Code::TierWaived => Explanation {
            word: "tier.waived",
            meaning: "The action is of tier 2, and the row that grants it waives the approval for this agent.",
            cites: "none; `rule` is the row",
            remedy: "Nothing.",
        },
        Code::TierElsewhere => Explanation {
            word: "tier.elsewhere",
            meaning: "The action is of tier 2, and the row that grants it takes the allow that was handed in for the approval.",
            cites: "none; `rule` is the row, `foreign` who decided",
            remedy: "Nothing.",
        },
        Code::TierBlocked => Explanation {
            word: "tier.blocked",
            meaning: "The action is of tier 3: blocked, unless two people open break-glass for it.",
            cites: "none",
            remedy: "Do not retry. Where it is truly needed, two people open it for a short while with `ledgerctl break-glass`.",
        },
        Code::TierBreakGlass => Explanation {
            word: "tier.break_glass",
            meaning: "The action is of tier 3, and break-glass lifts that for this agent now.",
            cites: "the `break_glass` entry that opened it",
            remedy: "Nothing.",
        },
        Code::ApprovalGranted => Explanation {
            word: "approval.granted",
            meaning: "A person has approved exactly this.",
            cites: "the `approval` entry; `approver` is who",
            remedy: "Nothing.",
        },
        Code::ApprovalUnknown => Explanation {
            word: "approval.unknown",
            meaning: "The entry that the request names as its approval is no granted approval.",
            cites: "none; `approval` is what was named",
            remedy: "Name the seq of the `approval` entry that granted it, or none to ask for one.",
        },
        Code::ApprovalMismatch => Explanation {
            word: "approval.mismatch",
            meaning: "The approval that the request names is of another content, or was asked for by another agent.",
            cites: "the `approval` entry",
            remedy: "Ask for exactly what was approved, or leave the approval out to ask for a new one.",
        },
        Code::ApprovalSpent => Explanation {
            word: "approval.spent",
            meaning: "An allow has already used the approval that the request names: it is for one.",
            cites: "the allow that used it",
            remedy: "Leave the approval out, to ask for a new one.",
        },
        Code::ApprovalExpired => Explanation {
            word: "approval.expired",
            meaning: "The approval that the request names was not used in time.",
            cites: "the `approval` entry with its `expires_at`",
            remedy: "Leave the approval out, to ask for a new one.",
        },
        Code::ApprovalApprover => Explanation {
            word: "approval.approver",
            meaning: "Who gave the approval that the request names may not give it any more: revoked, no approver now, or not in the group that the policy now asks.",
            cites: "the `approval` entry",
            remedy: "Leave the approval out, to ask for a new one.",
        },
        Code::SandboxRecipient => Explanation {
            word: "sandbox.recipient",
            meaning: "The ledger is a sandbox, and a recipient has no e-mail address in a reserved or a configured fake domain; or, where `key` is `phone`, has a phone that the policy does not name as fake, and the action may use it.",
            cites: "none; `recipient` is who, `key` whether it is the phone",
            remedy: "Write to an address such as `user@example.com`, or add the fake domain to the policy; leave the phone out, or name its token in `fake_phones`.",
        },
        Code::RecipientMissing => Explanation {
            word: "recipient.missing",
            meaning: "The action reaches people, and the request names nobody.",
            cites: "none",
            remedy: "Name every person whom the action reaches, with every identifier known of them.",
        },
        Code::RecipientUnusable => Explanation {
            word: "recipient.unusable",
            meaning: "An identifier of a recipient cannot be normalised, so no list can be checked for it.",
            cites: "none; `recipient` is who, `key` which identifier",
            remedy: "Correct the address or number (phones as `+` and 8 to 15 digits); leave out what is no identifier.",
        },
        Code::RecipientUnidentified => Explanation {
            word: "recipient.unidentified",
            meaning: "A recipient has neither an e-mail address nor a phone number nor a contact id.",
            cites: "none; `recipient` is who",
            remedy: "Give at least one of the three, and every other that is known.",
        },
        Code::RecipientKeyRequired => Explanation {
            word: "recipient.key_required",
            meaning: "The policy requires a kind of identifier of every recipient of this action, and one lacks it.",
            cites: "none; `recipient` is who, `key` what is missing",
            remedy: "Give the identifier as well, so that a listing under it is found.",
        },
        Code::DncListed => Explanation {
            word: "dnc.listed",
            meaning: "A recipient is on the do-not-contact list, for this seller and a channel of this action.",
            cites: "the listings that bind, each as seq and index; `key` is the kind of key that matched",
            remedy: "Do not contact them, in this or any other way. Nothing passes the list; only compliance can unlist \
                     or exempt.",
        },
        Code::DncCrmFlag => Explanation {
            word: "dnc.crm_flag",
            meaning: "The CRM itself marks a recipient as not to be contacted.",
            cites: "none; `recipient` is who",
            remedy: "Do not contact them. If the flag is wrong, correct it in the CRM.",
        },
        Code::DncExempt => Explanation {
            word: "dnc.exempt",
            meaning: "A recipient is listed, but an exemption for this person, seller and channel lifts the listing.",
            cites: "the exemptions that lift it, each as seq and index; `key` is the kind of key that was listed",
            remedy: "Nothing.",
        },
        Code::DncClear => Explanation {
            word: "dnc.clear",
            meaning: "Every key of every recipient was looked up, and no listing binds.",
            cites: "none",
            remedy: "Nothing.",
        },
        Code::CallHours => Explanation {
            word: "call.hours",
            meaning: "It is outside the hours at which the action may reach a recipient, by the time of day where they are.",
            cites: "none; `recipient` is who, `utc_offset` where",
            remedy: "Ask again within the hours.",
        },
        Code::CallOffsetMissing => Explanation {
            word: "call.offset_missing",
            meaning: "The action is bound to hours of the day, and the request does not say what time it is where a recipient is.",
            cites: "none; `recipient` is who",
            remedy: "State `utc_offset` for every recipient.",
        },
        Code::CallRegistryStale => Explanation {
            word: "call.registry_stale",
            meaning: "The action needs a recent import of the national registry, and there is none from a source that counts, or the last one is too old.",
            cites: "the entry that completed the last import, where there is one",
            remedy: "Import the registry with `ledgerctl dnc import`, then ask again under a new request id.",
        },
        Code::ThrottleExceeded => Explanation {
            word: "throttle.exceeded",
            meaning: "A throttle's trailing window has no room for this request.",
            cites: "none; `rule` is the throttle, and its line in `throttles` has count, limit and when it would pass",
            remedy: "Ask again under a new request id once `passes_at` is over; where there is none, the request is too \
                     large for the limit.",
        },
        Code::ThrottleUnkeyed => Explanation {
            word: "throttle.unkeyed",
            meaning: "A throttle counts per something that the request does not name, so it cannot be counted.",
            cites: "none; `rule` is the throttle",
            remedy: "Name what the rule counts per: mailbox, recipient, campaign or seller.",
        },
        Code::UndoUnknown => Explanation {
            word: "undo.unknown",
            meaning: "What the request says it undoes is no execution of this agent or run, by this action and on these objects.",
            cites: "none; `undoes` is what was named",
            remedy: "Name the seq of an execution, and its action and objects, as `ledgerctl undo` does.",
        },
        Code::ForeignDeny => Explanation {
            word: "foreign.deny",
            meaning: "The decision of another policy engine that came with the request is a denial.",
            cites: "none; `foreign` names the engine and its policy",
            remedy: "Look for the reason in that engine; nothing here overrides it.",
        },
        Code::ForeignRequireApproval => Explanation {
            word: "foreign.require_approval",
            meaning: "The decision of another policy engine that came with the request asks for an approval.",
            cites: "none; `foreign` names the engine and its policy",
            remedy: "Have it approved there, and ask again under a new request id.",
        },
    }
}
