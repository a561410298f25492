//! Decisions: what was asked, what the answer was, and why.

use ledger_core::codebook;
use ledger_core::entry::{
    Basis, Decision, Outcome, Reason, Recipient, RecipientRole, Target, ThrottleCount,
};
use ledger_core::token::Kind;

use super::{Story, highlight, listed, policy_words, short, who_first};
use crate::calls::in_commands;
use crate::output::Style;
use crate::text::{duration_s, put, wrapped};

/// How many recipients are told one by one.
const RECIPIENTS_SHOWN: usize = 5;

pub(super) fn tell(story: &mut Story, decision: &Decision) {
    story.say(request(decision));
    if let Some(named) = &decision.agent {
        story.say(format!(
            "The request named another agent than its caller: `{named}`."
        ));
    }
    for (index, recipient) in decision
        .recipients
        .iter()
        .enumerate()
        .take(RECIPIENTS_SHOWN)
    {
        story.say(known_by(index, recipient));
    }
    if let Some(more) = decision
        .recipients
        .len()
        .checked_sub(RECIPIENTS_SHOWN)
        .filter(|more| *more > 0)
    {
        story.say(format!("And {more} more recipients."));
    }
    for target in &decision.targets {
        story.say(acted_on(target));
    }
    if let Some(foreign) = &decision.foreign {
        let outcome = outcome_word(foreign.outcome);
        let policy = foreign
            .policy
            .map(|hash| format!(" under its policy {}", short(hash)))
            .unwrap_or_default();
        story.say(format!(
            "The engine `{}` had decided {outcome}{policy}.",
            foreign.engine
        ));
    }
    for reason in &decision.reasons {
        let (style, word) = (story.style, codebook::code(reason.code).word);
        let line = wrapped(
            super::POINT,
            &format!("{word}: {}.", codebook::sentence(reason)),
        );
        story
            .text
            .push_str(&highlight(&line, word, |word| marked(reason, word, style)));
    }
    if let Some(total) = decision.reasons_total {
        story.say(format!(
            "These are {} of {total} reasons.",
            decision.reasons.len()
        ));
    }
    for count in &decision.throttles {
        story.point(throttle_line(count));
    }
    story.findings(&decision.findings);
    if let (Some(valid), Some(report)) = (decision.valid_until, decision.report_by) {
        story.say(format!(
            "To be started before {valid} and reported before {report}."
        ));
    }
    if let Some(cost) = decision.cost_micros {
        story.say(format!("Cost: {}.", money(cost)));
    }
    story.say(policy_words(decision.policy.as_ref()));
}

fn request(decision: &Decision) -> String {
    let mut text = format!("{} ", who_first(&decision.cause.actor));
    text.push_str(match decision.basis {
        Basis::Gate => "asked for",
        Basis::Asserted => "reported a decision on",
    });
    put!(text, " `{}` ({}", decision.action, decision.class);
    if !decision.channels.is_empty() {
        put!(text, " by {}", decision.channels);
    }
    text.push(')');
    if let Some(tool) = &decision.tool {
        put!(text, " with tool `{tool}`");
    }
    if let Some(seller) = &decision.seller {
        put!(text, " for seller `{seller}`");
    }
    if let Some(campaign) = &decision.campaign {
        put!(text, " in campaign `{campaign}`");
    }
    if let Some(mailbox) = decision.mailbox {
        put!(text, " from mailbox {}", short(mailbox));
    }
    text.push('.');
    text
}

/// How one person is named and known, as a sentence.
pub(crate) fn known_by(index: usize, recipient: &Recipient) -> String {
    let role = match recipient.role {
        RecipientRole::To => "to",
        RecipientRole::Cc => "cc",
        RecipientRole::Bcc => "bcc",
        RecipientRole::Callee => "callee",
        RecipientRole::Attendee => "attendee",
        RecipientRole::Enrollee => "enrollee",
    };
    let mut kinds: Vec<Kind> = recipient.keys.iter().map(|key| key.kind.clone()).collect();
    kinds.dedup();
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let mut text = format!("Recipient {index} ({role})");
    if kinds.is_empty() {
        text.push_str(" is known by nothing that can be looked up");
    } else {
        put!(text, " is known by {}", listed(&kinds));
    }
    if !recipient.unusable.is_empty() {
        let unusable: Vec<String> = recipient.unusable.iter().map(ToString::to_string).collect();
        put!(text, "; not usable: {}", listed(&unusable));
    }
    if recipient.dnc {
        text.push_str("; flagged in the CRM as not to be contacted");
    }
    text.push('.');
    text
}

/// One object acted on, as a sentence.
pub(crate) fn acted_on(target: &Target) -> String {
    let mut text = match target.id {
        Some(id) => format!("Target: {} {}", target.kind, short(id)),
        None => format!("Target: a new {}", target.kind),
    };
    if !target.reads.is_empty() {
        put!(text, ", reads {}", listed(&target.reads));
    }
    if !target.writes.is_empty() {
        put!(text, ", writes {}", listed(&target.writes));
    }
    text.push('.');
    text
}

/// What a throttle counted, as a sentence without its full stop.
pub(crate) fn throttle_line(count: &ThrottleCount) -> String {
    let ThrottleCount {
        rule,
        recipient,
        key,
        count,
        needs,
        limit,
        window_s,
        passes_at,
    } = count;
    let mut text = format!(
        "throttle `{rule}`: {count} of {limit} in {}",
        duration_s(*window_s)
    );
    if let Some(key) = key {
        put!(text, " for the {}", codebook::key_name(key));
        if let Some(recipient) = recipient {
            put!(text, " of recipient {recipient}");
        }
    }
    put!(text, ", needs {needs}");
    if let Some(time) = passes_at {
        put!(text, ", would pass at {time}");
    } else if count.saturating_add(*needs) > *limit {
        text.push_str(", would never pass");
    }
    text
}

/// Every reason with its code, its sentence and, where it stands in the way, what to do about it.
pub(crate) fn reason_lines(decision: &Decision, style: Style) -> String {
    let mut out = String::new();
    for (at, reason) in decision.reasons.iter().enumerate() {
        let explained = codebook::code(reason.code);
        let line = wrapped(
            "  ",
            &format!("{}: {}.", explained.word, codebook::sentence(reason)),
        );
        out.push_str(&highlight(&line, explained.word, |word| {
            marked(reason, word, style)
        }));
        // What to do is the same for every reason of a code, and stands after the last of them.
        let last = decision
            .reasons
            .get(at + 1)
            .is_none_or(|next| next.code != reason.code);
        // Of what is denied nobody waits for an approval.
        let decides = reason.code.demands() == decision.outcome;
        if last && decides && reason.code.demands() != Outcome::Allow {
            out.push_str(&wrapped("    ", &in_commands(explained.remedy)));
        }
    }
    if let Some(total) = decision.reasons_total {
        put!(
            out,
            "  These are {} of {total} reasons.\n",
            decision.reasons.len()
        );
    }
    out
}

fn marked(reason: &Reason, word: &str, style: Style) -> String {
    match reason.code.demands() {
        Outcome::Allow => style.good(word),
        Outcome::RequireApproval => style.warning(word),
        Outcome::Deny => style.bad(word),
    }
}

pub(crate) const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::RequireApproval => "require_approval",
        Outcome::Deny => "deny",
    }
}

/// Millionths of the ledger's currency unit, as units.
pub(crate) fn money(micros: u64) -> String {
    let fraction = format!("{:06}", micros % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    match fraction {
        "" => (micros / 1_000_000).to_string(),
        _ => format!("{}.{fraction}", micros / 1_000_000),
    }
}
