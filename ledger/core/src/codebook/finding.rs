//! What every finding means.

use super::Explanation;
use crate::entry::Finding;

/// What a finding means.
pub const fn finding(finding: Finding) -> Explanation {
    match finding {
        Finding::UnknownDecision => Explanation {
            word: "unknown_decision",
            meaning: "The report names a decision that the log does not have: the act was not asked for here.",
            cites: "`decision`: the seq that was named",
            remedy: "Report under the seq of the decision's receipt. If there was none, an act went round the gate.",
        },
        Finding::DecisionDenied => Explanation {
            word: "decision_denied",
            meaning: "The act was carried out, or reported, although its decision was a denial.",
            cites: "`decision`: the denial",
            remedy: "Find out whether the act happened. If it did, the runtime does not obey the gate: stop the agent.",
        },
        Finding::ApprovalMissing => Explanation {
            word: "approval_missing",
            meaning: "The act was carried out, or reported, although its decision asked for an approval.",
            cites: "`decision`: the decision that asked for it",
            remedy: "Find out whether the act happened. If it did, the runtime does not wait for approvals: stop the agent.",
        },
        Finding::OtherPrincipal => Explanation {
            word: "other_principal",
            meaning: "The report comes neither from the agent that asked nor from a recorder or a provider's webhook: it closes nothing, and no other finding is told.",
            cites: "`decision`: the decision; `actor` is who reported",
            remedy: "Let the agent itself report, or a principal with the role `recorder`, of outcomes `ingest`.",
        },
        Finding::OtherCorrelation => Explanation {
            word: "other_correlation",
            meaning: "The report has another correlation id than its decision.",
            cites: "`decision`: the decision with the other id",
            remedy: "Carry the decision's correlation id along to the report.",
        },
        Finding::AlreadyExecuted => Explanation {
            word: "already_executed",
            meaning: "An earlier execution has used the decision up: an allow is for one execution.",
            cites: "`decision`: the decision that was used twice",
            remedy: "Find out whether the act happened twice. Ask for a decision of its own before every act.",
        },
        Finding::StartedBeforeDecision => Explanation {
            word: "started_before_decision",
            meaning: "The act was started before its decision was made.",
            cites: "`decision`: the decision; `started_at`, or else `occurred_at`, is the runtime's time",
            remedy: "Ask before acting; check the runtime's clock.",
        },
        Finding::Expired => Explanation {
            word: "expired",
            meaning: "The act was started after the allow had expired.",
            cites: "`decision`: the allow with its `valid_until`",
            remedy: "Start before `valid_until`, or ask again under a new request id; check the runtime's clock.",
        },
        Finding::AfterStop => Explanation {
            word: "after_stop",
            meaning: "The act was started, for all that is known, after a stop had voided its allow.",
            cites: "`decision`: the allow; the stop is the first in scope after it",
            remedy: "Find out whether the runtime obeys the stop; report `started_at` where the act was under way already.",
        },
        Finding::InFlightAtStop => Explanation {
            word: "in_flight_at_stop",
            meaning: "The act was under way already when a stop voided its allow.",
            cites: "`decision`: the allow; the stop is the first in scope after it",
            remedy: "Nothing, if the runtime's clock is right: such acts are to be expected.",
        },
        Finding::StartUnknown => Explanation {
            word: "start_unknown",
            meaning: "The report says neither when the act was started nor when it happened.",
            cites: "`decision`: the allow",
            remedy: "Report `started_at`.",
        },
        Finding::ReportLate => Explanation {
            word: "report_late",
            meaning: "The report came after the time by which the allow had to be reported on.",
            cites: "`decision`: the allow with its `report_by`",
            remedy: "Report sooner. What was spooled while the ledger could not be reached is late for a good reason.",
        },
        Finding::UnknownExecution => Explanation {
            word: "unknown_execution",
            meaning: "The log has no execution of that seq, or none with the provider's id, or the outcome names neither.",
            cites: "`execution`: the seq that was named, if any; `provider_id`: the provider's id",
            remedy: "Let the runtime report each execution with `provider` and `provider_id` as the provider names them, or name the execution by its seq.",
        },
        Finding::UnderStop => Explanation {
            word: "under_stop",
            meaning: "A decision made elsewhere was recorded while a stop was in force for it.",
            cites: "none; the stop is the one in force",
            remedy: "Find out whether the other engine knows of the stop: this ledger's stop binds this ledger's allows alone.",
        },
        Finding::UnknownRecipient => Explanation {
            word: "unknown_recipient",
            meaning: "The outcome names a recipient, or by the provider's id a person, that the decision does not have: it counts as one that names nobody.",
            cites: "`decision`: the decision with its recipients; `recipient` is the index that was named",
            remedy: "Name the recipient by its index in the request, from 0, or leave it out.",
        },
        Finding::Unlisted => Explanation {
            word: "unlisted",
            meaning: "Somebody complained or unsubscribed, and nobody was listed: the outcome has no address, number or contact id that can be normalised, and no execution that says who was reached.",
            cites: "none; the provider has the message",
            remedy: "Find the person in the provider's record of the event, and list them with `ledgerctl dnc add`. Let runtimes report executions with the provider's id.",
        },
    }
}
