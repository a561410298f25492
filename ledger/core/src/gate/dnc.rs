//! The do-not-contact check: a wall. Nothing on a request passes it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Nature, citing};
use crate::action::{Channels, Class};
use crate::entry::{Cite, Code, Decision, Reason, Recipient};
use crate::record::ListingRecord;
use crate::state::State;
use crate::time::Timestamp;
use crate::token::{Kind, Token};
use crate::view::{View, ViewError};

/// Looks up every key of every recipient, whatever the action's class.
pub(super) fn check<V: View>(
    state: &State<V>,
    request: &Decision,
    nature: &Nature,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) -> Result<(), ViewError> {
    let mut listed = false;
    for (index, recipient) in (0u64..).zip(&request.recipients) {
        if recipient.dnc {
            listed = true;
            reasons.push(Reason {
                recipient: Some(index),
                ..Code::DncCrmFlag.reason()
            });
        }
        for found in person(state, request, nature, recipient, now)? {
            let code = if found.binding.is_empty() {
                Code::DncExempt
            } else {
                Code::DncListed
            };
            listed |= code == Code::DncListed;
            let cites = if found.binding.is_empty() {
                found.exemptions
            } else {
                found.binding
            };
            let reason = Reason {
                recipient: Some(index),
                key: Some(found.kind),
                ..citing(code.reason(), cites)
            };
            // Two domains of one address may be lifted by the same exemption: that is said once.
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    listed |= targets(state, request, nature, now, reasons)?;
    let whole = request
        .recipients
        .iter()
        .all(|recipient| recipient.unusable.is_empty());
    if !request.recipients.is_empty() && !listed && whole {
        reasons.push(Code::DncClear.reason());
    }
    Ok(())
}

/// Looks up the people and accounts that a contact action names as targets alone: whom it is about is
/// whom it reaches. No exemption is of a target.
fn targets<V: View>(
    state: &State<V>,
    request: &Decision,
    nature: &Nature,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) -> Result<bool, ViewError> {
    let mut listed = false;
    if nature.class != Class::Contact {
        return Ok(listed);
    }
    let mut seen = BTreeSet::new();
    for (token, kind) in target_keys(request) {
        if !seen.insert(token) {
            continue;
        }
        let binding: Vec<Cite> = state
            .listings(&token)?
            .iter()
            .filter(|record| record.reason.is_some())
            .filter(|record| binds(record, request.seller.as_deref(), channels(nature), now))
            .map(cite)
            .collect();
        if !binding.is_empty() {
            listed = true;
            reasons.push(Reason {
                key: Some(kind),
                ..citing(Code::DncListed.reason(), binding)
            });
        }
    }
    Ok(listed)
}

/// The contacts and accounts among the targets that no recipient carries as a key.
pub(crate) fn target_keys(request: &Decision) -> impl Iterator<Item = (Token, Kind)> {
    let carried: BTreeSet<Token> = request
        .recipients
        .iter()
        .flat_map(|recipient| &recipient.keys)
        .map(|key| key.token)
        .collect();
    request.targets.iter().filter_map(move |target| {
        let kind = Kind::target(&target.kind).ok()?;
        let id = target.id?;
        let checked = matches!(kind, Kind::Contact | Kind::Account) && !carried.contains(&id);
        checked.then_some((id, kind))
    })
}

/// What one key of one recipient hit.
struct Found {
    kind: Kind,
    /// The listings that bind.
    binding: Vec<Cite>,
    /// Where none binds because each was lifted: the exemptions that lifted them.
    exemptions: Vec<Cite>,
}

fn person<V: View>(
    state: &State<V>,
    request: &Decision,
    nature: &Nature,
    recipient: &Recipient,
    now: Timestamp,
) -> Result<Vec<Found>, ViewError> {
    let channels = channels(nature);
    let mut listings: Vec<(Kind, Vec<ListingRecord>)> = Vec::new();
    // Most people are on no list: what they are is not worked out for them.
    let mut own: Option<BTreeSet<Kind>> = None;
    let mut exempting: BTreeMap<(u64, u64), (ListingRecord, BTreeSet<Kind>)> = BTreeMap::new();
    for key in &recipient.keys {
        let live: Vec<ListingRecord> = state.listings(&key.token)?;
        if live.is_empty() {
            continue;
        }
        let own = own.get_or_insert_with(|| own_kinds(recipient));
        let (lifting, binding): (Vec<_>, Vec<_>) =
            live.into_iter().partition(|record| record.reason.is_none());
        let binding: Vec<_> = binding
            .into_iter()
            .filter(|record| binds(record, request.seller.as_deref(), channels, now))
            .collect();
        let in_force = lifting.into_iter().filter(|record| {
            record.effective_from.is_none_or(|start| start <= now)
                && record.expires_at.is_some_and(|end| now < end)
                && record.seller.is_some()
                && record.seller == request.seller
        });
        for record in in_force.filter(|_| own.contains(&key.kind)) {
            let exempted = exempting
                .entry((record.seq, record.index))
                .or_insert((record, BTreeSet::new()));
            exempted.1.insert(key.kind.clone());
        }
        if !binding.is_empty() {
            listings.push((key.kind.clone(), binding));
        }
    }
    // Of everything that the recipient carries: else one person's exemption, named beside another's
    // address, would be that other's.
    let exemptions: Vec<ListingRecord> = exempting
        .into_values()
        .filter(|(_, named)| Some(named) == own.as_ref())
        .map(|(record, _)| record)
        .collect();
    Ok(listings
        .into_iter()
        .map(|(kind, hits)| {
            let mut found = Found {
                kind,
                binding: Vec::new(),
                exemptions: Vec::new(),
            };
            for hit in hits {
                let lifted = lifting(&found.kind, &hit, channels, &exemptions);
                if lifted.is_empty() {
                    found.binding.push(cite(&hit));
                } else {
                    found.exemptions.extend(lifted);
                }
            }
            found
        })
        .collect())
}

/// The kinds of key by which this recipient is a person, each of which an exemption has to name.
pub(crate) fn own_kinds(recipient: &Recipient) -> BTreeSet<Kind> {
    let has = |kind: &Kind| recipient.keys.iter().any(|key| key.kind == *kind);
    [
        Kind::Email,
        Kind::EmailCanonical,
        Kind::Phone,
        Kind::Contact,
    ]
    .into_iter()
    // An exemption of an address is one of every spelling of it.
    .filter(|kind| has(kind) && !(*kind == Kind::Email && has(&Kind::EmailCanonical)))
    .collect()
}

/// The channels by which a listing must not be met. A request that is no contact still must not touch a
/// listed person by any.
pub(crate) const fn channels(nature: &Nature) -> Channels {
    if nature.channels.is_empty() {
        Channels::all()
    } else {
        nature.channels
    }
}

/// Whether a listing binds this seller, by one of these channels, now. A request without a seller is
/// on anybody's behalf, so every listing matches it.
pub(crate) fn binds(
    record: &ListingRecord,
    seller: Option<&str>,
    channels: Channels,
    now: Timestamp,
) -> bool {
    let for_seller = match (&record.seller, seller) {
        (Some(listed), Some(seller)) => listed == seller,
        _ => true,
    };
    let by_channel = record.channels.is_empty() || record.channels.intersects(channels);
    let started = record.effective_from.is_none_or(|start| start <= now);
    let ended = record.expires_at.is_some_and(|end| end <= now);
    for_seller && by_channel && started && !ended
}

/// The exemptions that together lift a listing; none where it stands.
///
/// An exemption lifts a listing of the person's domain or account, and registry listings; never the
/// person's own request, a litigator or a legal hold. Every channel of the action that the listing
/// covers has to be exempted.
fn lifting(
    kind: &Kind,
    listing: &ListingRecord,
    channels: Channels,
    exemptions: &[ListingRecord],
) -> Vec<Cite> {
    let liftable = listing.reason.is_some_and(|reason| {
        !reason.is_absolute()
            && (matches!(kind, Kind::Domain | Kind::Account) || reason.is_registry())
    });
    if !liftable {
        return Vec::new();
    }
    let concerned = if listing.channels.is_empty() {
        channels
    } else {
        listing.channels.intersection(channels)
    };
    let mut exempted = Channels::none();
    let mut cites = Vec::new();
    for exemption in exemptions {
        if exemption.channels.intersects(concerned) {
            exempted = exempted.union(exemption.channels);
            cites.push(cite(exemption));
        }
    }
    if exempted.contains_all(concerned) {
        cites
    } else {
        Vec::new()
    }
}

pub(crate) const fn is_person(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Email | Kind::EmailCanonical | Kind::Phone | Kind::Contact
    )
}

const fn cite(record: &ListingRecord) -> Cite {
    Cite {
        seq: record.seq,
        index: Some(record.index),
    }
}
