//! Whoever unsubscribes or complains is listed at once.

use std::collections::BTreeSet;

use super::Refusal;
use super::report::{following, told};
use crate::action::Channels;
use crate::entry::{Dnc, DncOp, Event, Key, Listing, ListingReason, OutcomeReport};
use crate::limits::{LISTING_KEYS_MAX, LISTINGS_MAX};
use crate::record::{DecisionRecord, PersonKeys};
use crate::state::State;
use crate::token::Kind;
use crate::view::{View, ViewError};

/// The `dnc` entries that follow from an outcome about `decision`, where the log has that; none where
/// nobody is known, and nobody is listed twice in the same words. More than one where the keys of the
/// people concerned do not fit one.
pub(super) fn of<V: View>(
    state: &State<V>,
    outcome: &OutcomeReport,
    decision: Option<&DecisionRecord>,
) -> Result<Vec<Dnc>, Refusal> {
    let Some(reason) = listing_reason(outcome.event) else {
        return Ok(Vec::new());
    };
    let seller = decision.and_then(|decision| decision.seller.clone());
    let mut listings = Vec::new();
    for keys in concerned(outcome, people_of(decision)) {
        // A listing holds a few keys, and any one of them matches: several listings say the same.
        for keys in keys.chunks(LISTING_KEYS_MAX) {
            if !is_listed(state, keys, seller.as_deref(), reason)? {
                listings.push(Listing {
                    keys: keys.to_vec(),
                    seller: seller.clone(),
                    channels: Channels::none(),
                    reason: Some(reason),
                    source: outcome.provider.clone(),
                    requested_at: outcome.occurred_at,
                    effective_from: None,
                    expires_at: None,
                    evidence: None,
                });
            }
        }
    }
    let tokens_v = outcome
        .tokens_v
        .or_else(|| state.genesis().map(|genesis| genesis.tokens_v));
    let entry = |listings: &[Listing]| Dnc {
        cause: following(&told(outcome)),
        op: DncOp::List,
        tokens_v,
        listings: listings.to_vec(),
        ends: Vec::new(),
        import: None,
        imports: None,
        imported: None,
        outcome: Some(state.head().next),
        evidence: None,
        details: std::collections::BTreeMap::new(),
    };
    Ok(listings.chunks(LISTINGS_MAX).map(entry).collect())
}

/// Why somebody is listed of whom this is reported; none where nobody is.
pub(crate) const fn listing_reason(event: Event) -> Option<ListingReason> {
    match event {
        Event::Unsubscribe => Some(ListingReason::Unsubscribe),
        Event::Complaint => Some(ListingReason::Complaint),
        Event::BounceHard | Event::BounceSoft | Event::Reply => None,
    }
}

/// Whether somebody asks to be listed by this outcome, about a decision of these people, and nobody can be.
pub(crate) fn lists_nobody(outcome: &OutcomeReport, people: &[PersonKeys]) -> bool {
    listing_reason(outcome.event).is_some() && concerned(outcome, people).is_empty()
}

/// The people whom a decision names, where there is one.
pub(super) fn people_of(decision: Option<&DecisionRecord>) -> &[PersonKeys] {
    decision.map_or(&[], |decision| &decision.people)
}

/// The keys of every person concerned.
///
/// The recipient that the outcome names; else those whom its keys name; else, where it names nobody,
/// everybody whom the decision names. Over-blocking is the safe direction.
fn concerned(outcome: &OutcomeReport, people: &[PersonKeys]) -> Vec<Vec<Key>> {
    let reported: Vec<Key> = outcome
        .keys
        .iter()
        .filter(|key| {
            matches!(
                key.kind,
                Kind::Email | Kind::EmailCanonical | Kind::Phone | Kind::Contact
            )
        })
        .cloned()
        .collect();
    let named: Vec<&PersonKeys> = people
        .iter()
        .filter(|person| {
            outcome.recipient.is_some_and(|recipient| {
                person.recipient == recipient || person.others.contains(&recipient)
            })
        })
        .collect();
    let known: Vec<&PersonKeys> = people
        .iter()
        .filter(|person| {
            let is_theirs = |key: &Key| person.person.contains(&(key.kind.clone(), key.token));
            reported.iter().any(is_theirs)
        })
        .collect();
    let chosen = if !named.is_empty() {
        named
    } else if !known.is_empty() {
        known
    } else if reported.is_empty() {
        people.iter().collect()
    } else {
        Vec::new()
    };
    let keys_of = |person: &PersonKeys| -> Vec<Key> {
        let keys = person.person.iter().map(|(kind, token)| Key {
            kind: kind.clone(),
            token: *token,
            v: None,
        });
        keys.collect()
    };
    let mut concerned: Vec<Vec<Key>> = chosen.into_iter().map(keys_of).collect();
    // What the report adds belongs to the one person whom it is about.
    match concerned.as_mut_slice() {
        [] => concerned.push(reported),
        [one] => one.extend(reported),
        _ => {}
    }
    for keys in &mut concerned {
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(key.token));
    }
    concerned.retain(|keys| !keys.is_empty());
    concerned
}

/// Whether a live listing says already, without end and for every channel, what one of `keys` would say.
fn is_listed<V: View>(
    state: &State<V>,
    keys: &[Key],
    seller: Option<&str>,
    reason: ListingReason,
) -> Result<bool, ViewError> {
    let Some(first) = keys.first() else {
        return Ok(true);
    };
    for live in state.listings(&first.token)? {
        let same = live.seller.as_deref() == seller
            && live.reason == Some(reason)
            && live.channels.is_empty()
            && live.effective_from.is_none()
            && live.expires_at.is_none();
        if !same {
            continue;
        }
        let tokens: BTreeSet<_> = match state.listing_ref(live.seq, live.index)? {
            Some(listed) => listed.keys.iter().map(|key| key.token).collect(),
            None => continue,
        };
        if keys.iter().all(|key| tokens.contains(&key.token)) {
            return Ok(true);
        }
    }
    Ok(false)
}
