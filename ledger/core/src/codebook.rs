//! The codebook: what every reason code and every finding means, in words.
//!
//! Text alone, shared by whoever shows decisions and reports to people. `docs/reasons.md` is made from
//! it ([`markdown`]), and a test holds the two together.

mod code;
mod finding;

use std::fmt::Write as _;

pub use code::code;
pub use finding::finding;

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
pub const FINDINGS: [Finding; 16] = [
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
    Finding::UnknownRecipient,
    Finding::Unlisted,
];

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
    let field = reason.field.as_deref().unwrap_or("?");
    let target = reason.target.unwrap_or_default();
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
        Code::BreakerOpen => format!("the circuit breaker `{rule}` is open ({cited})"),
        Code::GrantEnvironment => {
            "the policy grants the action, but not in this environment".to_owned()
        }
        Code::GrantVersion => {
            "the policy grants the action, but not to this version of the agent".to_owned()
        }
        Code::GrantObject => format!("no row grants the action on an object of the type `{field}`"),
        Code::GrantField => format!("no row grants the field `{field}` of target {target}"),
        Code::GrantTargetMissing => {
            "the action changes something, and no object is named".to_owned()
        }
        Code::ConditionPermit => format!("permitted by the policy's condition `{rule}`"),
        Code::ConditionForbid => format!("forbidden by the policy's condition `{rule}`"),
        Code::ConditionNone => "no condition of the policy permits it".to_owned(),
        Code::ConditionError => format!("the policy's condition `{rule}` could not be evaluated"),
        Code::TierApproval => "a person has to approve it first".to_owned(),
        Code::TierApprovers => {
            "a person has to approve it, and its rows ask different groups".to_owned()
        }
        Code::TierWaived => format!("the row `{rule}` waives the approval"),
        Code::TierElsewhere => {
            format!("the row `{rule}` leaves the approval to the engine that decided before")
        }
        Code::TierBlocked => "tier 3 is blocked".to_owned(),
        Code::TierBreakGlass => format!("tier 3 is lifted by break-glass ({cited})"),
        Code::ApprovalGranted => format!("approved ({cited})"),
        Code::ApprovalUnknown => "what it names as its approval is none".to_owned(),
        Code::ApprovalMismatch => {
            format!("the approval that it names is of something else ({cited})")
        }
        Code::ApprovalSpent => format!("the approval that it names is used up ({cited})"),
        Code::ApprovalExpired => format!("the approval that it names has expired ({cited})"),
        Code::ApprovalApprover => {
            format!("who gave the approval that it names may not give it any more ({cited})")
        }
        Code::SandboxRecipient => {
            let what = match reason.key {
                Some(_) => "has a phone that is not fake",
                None => "is not in a reserved or fake domain",
            };
            format!("{who} {what}, and this is a sandbox")
        }
        Code::CallHours => format!("it is outside the hours for {who}"),
        Code::CallOffsetMissing => format!("it is not known what time it is for {who}"),
        Code::CallRegistryStale => {
            format!("the national registry was not imported recently enough ({cited})")
        }
        Code::UndoUnknown => {
            "what it says it undoes is no execution of its own, by this action and on these objects"
                .to_owned()
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
            Finding::UnknownRecipient => 14,
            Finding::Unlisted => 15,
        }
    }

    #[test]
    fn every_finding_is_listed_once() {
        let ordinals: Vec<usize> = FINDINGS.into_iter().map(ordinal).collect();
        assert_eq!(ordinals, (0..16).collect::<Vec<_>>());
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
