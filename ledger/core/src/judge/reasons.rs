//! The reasons of a gate decision: worked out again where the request and the policy fix them, checked
//! against the entries that they cite where they cite any.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::material::Material;
use super::{JudgeError, Judgement, Relied, cited, controls};
use crate::action::Class;
use crate::entry::{Check, Cite, Code, Decision, DncOp, Entry, Key, Outcome, Reason};
use crate::gate::{self, Nature};
use crate::limits::{CITES_MAX, REASONS_MAX};
use crate::state::{InForce, listing_record};

pub(super) fn judge(
    entry: &Entry,
    decision: &Decision,
    policy: Option<&InForce>,
    nature: &Nature,
    throttles: &[Reason],
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    form(entry.seq, decision)?;
    let mut fixed = Vec::new();
    if policy.is_none() {
        fixed.push(Code::PolicyNone.reason());
    } else if !nature.known {
        fixed.push(Code::ActionUnknown.reason());
    }
    let rows = policy
        .map(|policy| gate::grant::check(policy, decision, nature, material.genesis.environment));
    for grant in rows.iter().flat_map(|rows| &rows.reasons) {
        judgement.shows("grant", granted(grant, decision));
        fixed.push(grant.clone());
    }
    let seq = entry.seq;
    fixed.extend(controls::tiers(
        seq,
        decision,
        policy,
        nature,
        rows.as_ref(),
        judgement,
    )?);
    fixed.extend(controls::conditions(
        entry, decision, policy, nature, material, judgement,
    ));
    controls::approvers(entry, decision, policy, nature, rows.as_ref())?;
    controls::approval(entry, decision, material, judgement)?;
    gate::sandbox::check(Some(material.genesis), policy, decision, nature, &mut fixed);
    gate::recipients(decision, nature, &mut fixed);
    gate::call::hours(decision, nature, entry.time, &mut fixed);
    gate::foreign(decision, decision.approver.is_some(), &mut fixed);
    for check in [
        Check::Policy,
        Check::Action,
        Check::Grant,
        Check::Condition,
        Check::Tier,
        Check::Sandbox,
        Check::Recipient,
        Check::Call,
        Check::Foreign,
    ] {
        // How old a registry was does not follow from these entries alone.
        let is = |reason: &Reason| reason.check == check && reason.code != Code::CallRegistryStale;
        let expected: Vec<&Reason> = fixed.iter().filter(|reason| is(reason)).collect();
        group(entry.seq, decision, check, &expected, is)?;
    }
    group(
        entry.seq,
        decision,
        Check::Throttle,
        &throttles.iter().collect::<Vec<_>>(),
        |reason| reason.check == Check::Throttle,
    )?;
    if let Some(total) = decision.reasons_total {
        let more = total.saturating_sub(decision.reasons.len() as u64);
        judgement.does_not_show(format!(
            "{more} further reasons: they are counted, not listed."
        ));
    }
    identity(entry.seq, decision, judgement)?;
    dnc(entry, decision, nature, material, judgement)?;
    cited::check(entry, decision, nature, material, judgement)
}

/// Where a reason stands: the strictest first, then in the order of the checks.
fn order(reason: &Reason) -> (Reverse<Outcome>, Check) {
    (Reverse(reason.code.demands()), reason.check)
}

/// How reasons stand, whatever they say.
fn form(seq: u64, decision: &Decision) -> Result<(), JudgeError> {
    let wrong = |what: String| Err(JudgeError::contradicts(seq, format!("`reasons`: {what}")));
    let reasons = &decision.reasons;
    let cut = decision
        .reasons_total
        .is_some_and(|total| reasons.len() == REASONS_MAX && total > REASONS_MAX as u64);
    if reasons.len() > REASONS_MAX || (decision.reasons_total.is_some() && !cut) {
        return wrong(format!(
            "{} are listed, which does not fit their total",
            reasons.len()
        ));
    }
    if !reasons.is_sorted_by_key(order) {
        return wrong("expected the strictest first, then in the order of the checks".to_owned());
    }
    for reason in reasons {
        let code = serde_json::to_string(&reason.code).unwrap_or_default();
        if reason.check != reason.code.check() {
            return wrong(format!("{code} stands under another check than its own"));
        }
        let listed = reason.cites.len();
        let more = reason.cites_total.is_none_or(|total| total > listed as u64);
        if listed > CITES_MAX || !more || !reason.cites.is_sorted_by(|one, other| one < other) {
            return wrong(format!(
                "the cites of {code} are not the first of their total, in order"
            ));
        }
        let recipients = decision.recipients.len() as u64;
        if reason.recipient.is_some_and(|index| index >= recipients) {
            return wrong(format!(
                "{code} names a recipient that the request does not have"
            ));
        }
    }
    Ok(())
}

/// Of reasons that can be worked out again, all are there and no others; where an entry lists only some
/// of its reasons, the first ones of each code.
fn group(
    seq: u64,
    decision: &Decision,
    check: Check,
    expected: &[&Reason],
    of: impl Fn(&Reason) -> bool,
) -> Result<(), JudgeError> {
    let found: Vec<&Reason> = decision
        .reasons
        .iter()
        .filter(|reason| of(reason))
        .collect();
    let agrees = if decision.reasons_total.is_some() {
        let all = expected.iter().chain(&found);
        let codes: BTreeSet<Code> = all.map(|reason| reason.code).collect();
        codes.into_iter().all(|code| {
            let is = |reason: &&&Reason| reason.code == code;
            let listed: Vec<_> = found.iter().filter(is).collect();
            let all: Vec<_> = expected.iter().filter(is).collect();
            !listed.is_empty() && all.starts_with(&listed)
        })
    } else {
        found == expected
    };
    if agrees {
        return Ok(());
    }
    let json = |reasons: &[&Reason]| serde_json::to_string(reasons).unwrap_or_default();
    let what = format!(
        "`reasons` of the check `{}`: expected `{}`, found `{}`",
        serde_json::to_string(&check)
            .unwrap_or_default()
            .trim_matches('"'),
        json(expected),
        json(&found)
    );
    Err(JudgeError::contradicts(seq, what))
}

fn granted(grant: &Reason, decision: &Decision) -> String {
    let (action, agent) = (&decision.action, &decision.cause.actor.id);
    match (grant.code, &grant.rule) {
        (Code::GrantRow, Some(rule)) => {
            format!("row `{rule}` of the policy grants `{action}` to `{agent}`")
        }
        (Code::GrantSeller, _) => {
            format!("rows of the policy grant `{action}` to `{agent}`, but none for this seller")
        }
        (Code::GrantObject | Code::GrantField, _) => format!(
            "rows of the policy grant `{action}` to `{agent}`, but none `{}`",
            grant.field.as_deref().unwrap_or("?")
        ),
        (Code::GrantMailbox, _) => {
            format!("rows of the policy grant `{action}` to `{agent}`, but none from this mailbox")
        }
        _ => format!("no row of the policy grants `{action}` to `{agent}`"),
    }
}

fn identity(seq: u64, decision: &Decision, judgement: &mut Judgement) -> Result<(), JudgeError> {
    let caller = &decision.cause.actor.id;
    let impersonation = Code::IdentityImpersonation.reason();
    let other = decision.agent.as_ref().is_some_and(|named| named != caller);
    let expected = if other {
        vec![&impersonation]
    } else {
        Vec::new()
    };
    group(seq, decision, Check::Identity, &expected, |reason| {
        reason.code == Code::IdentityImpersonation
    })?;
    if let Some(named) = decision.agent.as_ref().filter(|_| other) {
        judgement.shows(
            "identity",
            format!("`{caller}` asked in the name of `{named}`"),
        );
    }
    judgement.does_not_show(format!(
        "Whether `{caller}` was registered as an agent then."
    ));
    Ok(())
}

fn dnc(
    entry: &Entry,
    decision: &Decision,
    nature: &Nature,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    let flags: Vec<Reason> = (0u64..)
        .zip(&decision.recipients)
        .filter(|(_, recipient)| recipient.dnc)
        .map(|(index, _)| Reason {
            recipient: Some(index),
            ..Code::DncCrmFlag.reason()
        })
        .collect();
    let expected: Vec<&Reason> = flags.iter().collect();
    group(seq, decision, Check::Dnc, &expected, |reason| {
        reason.code == Code::DncCrmFlag
    })?;
    for flag in &flags {
        if let Some(index) = flag.recipient {
            judgement.shows(
                "dnc",
                format!("recipient {index} carries the CRM's own flag"),
            );
        }
    }
    let is = |code: Code| move |reason: &&Reason| reason.code == code;
    let listed = decision
        .reasons
        .iter()
        .any(|reason| is(Code::DncListed)(&reason));
    let usable = decision
        .recipients
        .iter()
        .all(|recipient| recipient.unusable.is_empty());
    let clear = Code::DncClear.reason();
    let is_clear = !decision.recipients.is_empty() && !listed && flags.is_empty() && usable;
    let expected = if is_clear { vec![&clear] } else { Vec::new() };
    group(seq, decision, Check::Dnc, &expected, |reason| {
        reason.code == Code::DncClear
    })?;
    if is_clear {
        judgement.does_not_show("That nobody among the recipients was listed: that takes replay.");
    }
    for (at, reason) in decision.reasons.iter().enumerate() {
        if !matches!(reason.code, Code::DncListed | Code::DncExempt) {
            continue;
        }
        if decision.reasons[..at].contains(reason) {
            return Err(JudgeError::contradicts(
                seq,
                "`reasons`: a listing is given twice",
            ));
        }
        relied(entry, decision, reason, nature, material, judgement)?;
    }
    if listed {
        judgement.does_not_show(
            "That the listings cited still held then: that nothing had ended them and no exemption had lifted \
             them takes replay.",
        );
    }
    Ok(())
}

/// Every cite of a reason that rests on the list is a listing of one key of the recipient, and binds; or
/// is an exemption of the recipient, and in force.
fn relied(
    entry: &Entry,
    decision: &Decision,
    reason: &Reason,
    nature: &Nature,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    let wrong = |what: String| Err(JudgeError::contradicts(seq, what));
    let exempt = reason.code == Code::DncExempt;
    if reason.recipient.is_none() && !exempt {
        return relied_for_target(entry, decision, reason, nature, material, judgement);
    }
    let recipient = reason
        .recipient
        .and_then(|index| usize::try_from(index).ok());
    let (Some(recipient), Some(index), Some(kind)) = (
        recipient.and_then(|index| decision.recipients.get(index)),
        reason.recipient,
        &reason.key,
    ) else {
        return wrong("`reasons`: a listing without recipient and key".to_owned());
    };
    if reason.cites.is_empty() {
        return wrong(format!(
            "`reasons`: recipient {index} is said to be listed, but nothing is cited"
        ));
    }
    // Of several keys of one kind, all cites of a reason concern one.
    let mut keys: Vec<&Key> = recipient
        .keys
        .iter()
        .filter(|key| {
            if exempt {
                gate::dnc::is_person(&key.kind)
            } else {
                key.kind == *kind
            }
        })
        .collect();
    if !recipient.keys.iter().any(|key| key.kind == *kind) {
        return wrong(format!(
            "`reasons`: recipient {index} has no key of the kind {kind}"
        ));
    }
    for cite in &reason.cites {
        let (made, dnc, listing) = material.listing(seq, *cite)?;
        let name = format!("listing {} of entry {}", cite.index.unwrap_or(0), cite.seq);
        let op = if exempt { DncOp::Exempt } else { DncOp::List };
        if dnc.op != op {
            return wrong(format!(
                "{name}, which it cites, is of another sort than the reason"
            ));
        }
        let names = |key: &&Key| {
            listing
                .keys
                .iter()
                .any(|named| named.kind == key.kind && named.token == key.token)
        };
        if exempt {
            let by: BTreeSet<_> = keys
                .iter()
                .copied()
                .filter(|key| names(key))
                .map(|key| key.kind.clone())
                .collect();
            if !gate::dnc::own_kinds(recipient).is_subset(&by) {
                return wrong(format!(
                    "{name} does not exempt recipient {index} by every key that it is known by"
                ));
            }
        } else {
            keys.retain(names);
            if keys.is_empty() {
                return wrong(format!(
                    "{name} does not name recipient {index} by its {kind}"
                ));
            }
        }
        let record = listing_record(made.seq, cite.index.unwrap_or(0), listing, dnc.op);
        let channels = gate::dnc::channels(nature);
        let holds = gate::dnc::binds(&record, decision.seller.as_deref(), channels, entry.time);
        let for_it = !exempt
            || (listing.seller.is_some()
                && listing.seller == decision.seller
                && listing.expires_at.is_some());
        if !(holds && for_it) {
            return wrong(format!(
                "{name} does not apply to this action: it is {}, {}, from {} to {}",
                listing
                    .seller
                    .as_ref()
                    .map_or("for every seller".to_owned(), |seller| format!(
                        "for `{seller}`"
                    )),
                if listing.channels.is_empty() {
                    "by every channel".to_owned()
                } else {
                    format!("by {}", listing.channels)
                },
                listing.effective_from.unwrap_or(made.time),
                listing
                    .expires_at
                    .map_or("no end".to_owned(), |end| end.to_string()),
            ));
        }
        judgement.shows("dnc", words(index, kind, *cite, made, listing, exempt));
        judgement.listings.push(Relied {
            recipient: index,
            key: kind.clone(),
            cite: *cite,
            reason: listing.reason,
            seller: listing.seller.clone(),
            channels: listing.channels,
            recorded_at: made.time,
            requested_at: listing.requested_at,
        });
    }
    if let Some(total) = reason.cites_total {
        judgement.does_not_show(format!(
            "{} further listings of recipient {index}: they are counted, not cited.",
            total - reason.cites.len() as u64
        ));
    }
    Ok(())
}

/// The same of a contact or account that the action names as a target alone.
fn relied_for_target(
    entry: &Entry,
    decision: &Decision,
    reason: &Reason,
    nature: &Nature,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    let wrong = |what: String| Err(JudgeError::contradicts(seq, what));
    if nature.class != Class::Contact || reason.cites.is_empty() {
        return wrong("`reasons`: a listing without recipient".to_owned());
    }
    let mut tokens: Vec<_> = gate::dnc::target_keys(decision)
        .filter(|(_, kind)| Some(kind) == reason.key.as_ref())
        .collect();
    for cite in &reason.cites {
        let (made, dnc, listing) = material.listing(seq, *cite)?;
        let name = format!("listing {} of entry {}", cite.index.unwrap_or(0), cite.seq);
        tokens.retain(|(token, kind)| {
            listing
                .keys
                .iter()
                .any(|named| named.kind == *kind && named.token == *token)
        });
        let record = listing_record(made.seq, cite.index.unwrap_or(0), listing, dnc.op);
        let channels = gate::dnc::channels(nature);
        let holds = gate::dnc::binds(&record, decision.seller.as_deref(), channels, entry.time);
        let Some((_, kind)) = tokens.first().filter(|_| dnc.op == DncOp::List && holds) else {
            return wrong(format!("{name} does not apply to a target of this action"));
        };
        judgement.shows(
            "dnc",
            format!(
                "a target is listed by its {kind}: {name}, recorded at {}",
                made.time
            ),
        );
    }
    Ok(())
}

fn words(
    recipient: u64,
    kind: &crate::token::Kind,
    cite: Cite,
    made: &Entry,
    listing: &crate::entry::Listing,
    exempt: bool,
) -> String {
    let seller = listing.seller.as_ref();
    let seller = seller.map_or("every seller".to_owned(), |seller| format!("`{seller}`"));
    let channels = if listing.channels.is_empty() {
        "every channel".to_owned()
    } else {
        listing.channels.to_string()
    };
    let what = match (exempt, listing.reason) {
        (true, _) => "is exempted from a listing".to_owned(),
        (false, Some(reason)) => format!(
            "is listed ({})",
            serde_json::to_string(&reason)
                .unwrap_or_default()
                .trim_matches('"')
        ),
        (false, None) => "is listed".to_owned(),
    };
    let mut words = format!(
        "recipient {recipient} {what} by its {kind}, for {seller}, by {channels}: listing {} of entry {}, recorded at {}",
        cite.index.unwrap_or(0),
        cite.seq,
        made.time
    );
    if let Some(asked) = listing.requested_at {
        words.push_str(", requested at ");
        words.push_str(&asked.to_string());
    }
    words
}
