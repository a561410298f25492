//! The codebook: what every reason code and every finding means, in words.
//!
//! Text alone, shared by whoever shows decisions and reports to people. `docs/reasons.md` is made from
//! it ([`markdown`]), and a test holds the two together.

use std::fmt::Write as _;

use crate::entry::{Cite, Code, Finding, Outcome, Reason};
use crate::token::Kind;

/// What one word of the codebook means, and what follows from it for whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The word, as entries spell it.
    pub word: &'static str,
    /// What it means: one sentence.
    pub meaning: &'static str,
    /// Which entries it cites, or what else of the entry to look at.
    pub cites: &'static str,
    /// What the caller should do.
    pub remedy: &'static str,
}

/// Every finding, in the order of the codebook.
pub const FINDINGS: [Finding; 14] = [
    Finding::UnknownDecision,
    Finding::DecisionDenied,
    Finding::ApprovalMissing,
    Finding::OtherPrincipal,
    Finding::OtherCorrelation,
    Finding::AlreadyExecuted,
    Finding::StartedBeforeDecision,
    Finding::Expired,
    Finding::AfterStop,
    Finding::InFlightAtStop,
    Finding::StartUnknown,
    Finding::ReportLate,
    Finding::UnknownExecution,
    Finding::UnderStop,
];

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
            meaning: "The report comes neither from the agent that asked nor from a recorder: it closes nothing, and no other finding is told.",
            cites: "`decision`: the decision; `actor` is who reported",
            remedy: "Let the agent itself report, or a principal with the role `recorder`.",
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
            meaning: "The log has no execution of that seq, or the outcome names none.",
            cites: "`execution`: the seq that was named, if any",
            remedy: "Name the execution by the seq of its receipt, where it is known.",
        },
        Finding::UnderStop => Explanation {
            word: "under_stop",
            meaning: "A decision made elsewhere was recorded while a stop was in force for it.",
            cites: "none; the stop is the one in force",
            remedy: "Find out whether the other engine knows of the stop: this ledger's stop binds this ledger's allows alone.",
        },
    }
}

/// The explanation of a reason code or a finding, by its word.
pub fn lookup(word: &str) -> Option<Explanation> {
    let codes = Code::ALL.into_iter().map(code);
    let findings = FINDINGS.into_iter().map(finding);
    codes.chain(findings).find(|found| found.word == word)
}

/// One reason of one decision, as a sentence without its full stop.
pub fn sentence(reason: &Reason) -> String {
    let who = reason.recipient.map_or_else(
        || "a recipient".to_owned(),
        |index| format!("recipient {index}"),
    );
    let rule = reason.rule.as_deref().unwrap_or("?");
    let key = reason.key.as_ref().map_or("identifier", key_name);
    let cited = cited(reason);
    match reason.code {
        Code::ClockBlocked => {
            format!("time is in doubt, and every allow is a denial until that is cleared ({cited})")
        }
        Code::StopActive => format!("the kill switch is on ({cited})"),
        Code::IdentityUnknown => "the caller is not a registered agent".to_owned(),
        Code::IdentityImpersonation => "the request names another agent than its caller".to_owned(),
        Code::PolicyNone => "no policy was published yet".to_owned(),
        Code::ActionUnknown => "the policy does not declare this action".to_owned(),
        Code::GrantRow => format!("granted by the policy's row `{rule}`"),
        Code::GrantNone => "no row of the policy grants this action to this agent".to_owned(),
        Code::GrantSeller => "the policy grants the action, but not for this seller".to_owned(),
        Code::GrantMailbox => "the policy grants the action, but not from this mailbox".to_owned(),
        Code::RecipientMissing => "the action reaches people, and nobody is named".to_owned(),
        Code::RecipientUnusable => format!("the {key} of {who} cannot be normalised"),
        Code::RecipientUnidentified => {
            format!("{who} has no e-mail address, phone number or contact id")
        }
        Code::RecipientKeyRequired => format!("{who} lacks the {key} that the policy requires"),
        Code::DncListed => format!("{who} must not be contacted: listed by {key} ({cited})"),
        Code::DncCrmFlag => format!("{who} must not be contacted: flagged in the CRM"),
        Code::DncExempt => format!("{who} is listed by {key}, and exempted from that ({cited})"),
        Code::DncClear => "no recipient is on the do-not-contact list".to_owned(),
        Code::ThrottleExceeded => match reason.recipient {
            Some(_) => {
                format!("the throttle `{rule}` has no room left for {who}, counted by {key}")
            }
            None => format!("the throttle `{rule}` has no room left"),
        },
        Code::ThrottleUnkeyed => {
            format!("the throttle `{rule}` counts per something that the request does not name")
        }
        Code::ForeignDeny => "the engine that decided before denied it".to_owned(),
        Code::ForeignRequireApproval => {
            "the engine that decided before asks for an approval".to_owned()
        }
    }
}

/// What a kind of key is called in a sentence.
pub const fn key_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Email => "e-mail address",
        Kind::EmailCanonical => "canonical e-mail address",
        Kind::Domain => "domain",
        Kind::Phone => "phone number",
        Kind::Contact => "contact id",
        Kind::Account => "account id",
        Kind::Mailbox => "sending mailbox",
        Kind::ProviderId => "provider's id",
        Kind::Text => "text",
        Kind::Target(_) => "object id",
    }
}

/// The entries that a reason cites: `entry 12`, or `listings 17/0 and 23/1`.
fn cited(reason: &Reason) -> String {
    let listings = reason.cites.iter().any(|cite| cite.index.is_some());
    let listed = reason.cites.len() as u64;
    let total = reason.cites_total.unwrap_or(listed).max(listed);
    let noun = match (listings, matches!(reason.code, Code::DncExempt)) {
        (true, true) => "exemption",
        (true, false) => "listing",
        (false, _) => "entry",
    };
    let plural = match (total, noun) {
        (1, _) => noun.to_owned(),
        (_, "entry") => "entries".to_owned(),
        _ => format!("{noun}s"),
    };
    let mut names: Vec<String> = reason.cites.iter().map(cite).collect();
    if total > listed {
        names.push(format!("{} more", total - listed));
    }
    match names.split_last() {
        None => "no entry cited".to_owned(),
        Some((only, [])) => format!("{plural} {only}"),
        Some((last, before)) => format!("{plural} {} and {last}", before.join(", ")),
    }
}

/// A cite as people write it: `12`, or `17/0` for a listing.
fn cite(cite: &Cite) -> String {
    match cite.index {
        Some(index) => format!("{}/{index}", cite.seq),
        None => cite.seq.to_string(),
    }
}

/// The codebook as the text of `docs/reasons.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Reasons and findings\n\
         \n\
         Every code that a decision can give and every finding that a report can carry: a closed list. This page is\n\
         made from `ledger/core/src/codebook.rs`; `ledgerctl explain CODE` shows the same.\n\
         \n\
         ## Reasons of decisions\n\
         \n\
         Every check of the gate runs, and every reason is reported. Each code demands an outcome, and the decision is\n\
         the strictest that any of them demands: `deny`, then `require_approval`, then `allow`.\n\
         \n\
         | code | demands | meaning | cites | what to do |\n\
         |---|---|---|---|---|\n",
    );
    for each in Code::ALL {
        let demands = match each.demands() {
            Outcome::Allow => "allow",
            Outcome::RequireApproval => "require_approval",
            Outcome::Deny => "deny",
        };
        let Explanation {
            word,
            meaning,
            cites,
            remedy,
        } = code(each);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| `{word}` | `{demands}` | {meaning} | {cites} | {remedy} |"
        );
    }
    text.push_str(
        "\n\
         ## Findings of reports\n\
         \n\
         Evidence is never turned away: a report that contradicts the log is recorded, with a finding for every rule\n\
         that it breaks. An execution with one of the findings `unknown_decision`, `decision_denied`,\n\
         `approval_missing`, `other_principal` and `already_executed` closes nothing.\n\
         \n\
         | finding | meaning | look at | what to do |\n\
         |---|---|---|---|\n",
    );
    for each in FINDINGS {
        let Explanation {
            word,
            meaning,
            cites,
            remedy,
        } = finding(each);
        let _ = writeln!(text, "| `{word}` | {meaning} | {cites} | {remedy} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new finding fails to compile here; its number then fails the test until it is in the list.
    const fn ordinal(finding: Finding) -> usize {
        match finding {
            Finding::UnknownDecision => 0,
            Finding::DecisionDenied => 1,
            Finding::ApprovalMissing => 2,
            Finding::OtherPrincipal => 3,
            Finding::OtherCorrelation => 4,
            Finding::AlreadyExecuted => 5,
            Finding::StartedBeforeDecision => 6,
            Finding::Expired => 7,
            Finding::AfterStop => 8,
            Finding::InFlightAtStop => 9,
            Finding::StartUnknown => 10,
            Finding::ReportLate => 11,
            Finding::UnknownExecution => 12,
            Finding::UnderStop => 13,
        }
    }

    #[test]
    fn every_finding_is_listed_once() {
        let ordinals: Vec<usize> = FINDINGS.into_iter().map(ordinal).collect();
        assert_eq!(ordinals, (0..14).collect::<Vec<_>>());
    }

    #[test]
    fn words_are_those_of_entries() {
        for each in Code::ALL {
            let word = serde_json::to_string(&each).unwrap();
            assert_eq!(word, format!("\"{}\"", code(each).word));
        }
        for each in FINDINGS {
            let word = serde_json::to_string(&each).unwrap();
            assert_eq!(word, format!("\"{}\"", finding(each).word));
        }
    }

    #[test]
    fn words_are_found_again_and_no_others() {
        for each in Code::ALL {
            assert_eq!(lookup(code(each).word), Some(code(each)));
        }
        for each in FINDINGS {
            assert_eq!(lookup(finding(each).word), Some(finding(each)));
        }
        assert_eq!(lookup("dnc"), None);
        assert_eq!(lookup(""), None);
    }

    #[test]
    fn every_text_is_a_sentence_and_fits_a_table() {
        let all = Code::ALL
            .into_iter()
            .map(code)
            .chain(FINDINGS.into_iter().map(finding));
        for Explanation {
            word,
            meaning,
            cites,
            remedy,
        } in all
        {
            for text in [meaning, remedy] {
                assert!(text.ends_with('.'), "`{word}`: {text}");
                assert!(text.starts_with(char::is_uppercase), "`{word}`: {text}");
            }
            for text in [meaning, cites, remedy] {
                assert!(
                    !text.is_empty() && !text.contains(['|', '\n']),
                    "`{word}`: {text}"
                );
                assert!(!text.contains("  "), "`{word}`: {text}");
            }
        }
    }

    fn listed(cites: Vec<Cite>, cites_total: Option<u64>) -> Reason {
        Reason {
            recipient: Some(2),
            key: Some(Kind::Domain),
            cites,
            cites_total,
            ..Code::DncListed.reason()
        }
    }

    #[test]
    fn a_reason_becomes_a_sentence() {
        let cite = |seq, index| Cite { seq, index };
        let cases = [
            (
                listed(vec![cite(17, Some(0))], None),
                "recipient 2 must not be contacted: listed by domain (listing 17/0)",
            ),
            (
                listed(vec![cite(17, Some(0)), cite(23, Some(1))], Some(9)),
                "recipient 2 must not be contacted: listed by domain (listings 17/0, 23/1 and 7 more)",
            ),
            (
                Reason {
                    cites: vec![cite(4, None), cite(6, None)],
                    ..Code::StopActive.reason()
                },
                "the kill switch is on (entries 4 and 6)",
            ),
            (
                Reason {
                    recipient: Some(0),
                    key: Some(Kind::Domain),
                    cites: vec![cite(9, Some(3))],
                    ..Code::DncExempt.reason()
                },
                "recipient 0 is listed by domain, and exempted from that (exemption 9/3)",
            ),
            (
                Reason {
                    rule: Some("mailbox-day".to_owned()),
                    ..Code::ThrottleExceeded.reason()
                },
                "the throttle `mailbox-day` has no room left",
            ),
            (
                Reason {
                    rule: Some("person-day".to_owned()),
                    recipient: Some(1),
                    key: Some(Kind::Phone),
                    ..Code::ThrottleExceeded.reason()
                },
                "the throttle `person-day` has no room left for recipient 1, counted by phone number",
            ),
        ];
        for (reason, expected) in cases {
            assert_eq!(sentence(&reason), expected);
        }
        for each in Code::ALL {
            let bare = sentence(&each.reason());
            assert!(!bare.is_empty() && !bare.ends_with('.'), "{bare}");
        }
    }

    #[test]
    fn the_documentation_is_made_from_the_codebook() {
        assert!(
            include_str!("../../../docs/reasons.md") == markdown(),
            "docs/reasons.md is not what the codebook says: write it with `ledgerctl explain --markdown`"
        );
    }
}
