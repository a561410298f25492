//! Who is listed: every listing of the log, against every key of every recipient.

use std::collections::BTreeSet;

use ledger_core::action::{Channel, Class};
use ledger_core::entry::{Cite, Code, Decision, Listing, ListingReason, Recipient};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;

use super::{Model, ReasonM, What};

impl Model {
    /// Listings, or exemptions, that nobody has ended: their names and what they say.
    pub(crate) fn listed(&self, exemptions: bool) -> Vec<(Cite, &Listing)> {
        let ended: BTreeSet<(u64, u64)> = self
            .events
            .iter()
            .filter_map(|event| match event.what {
                What::Ended { seq, index } => Some((seq, index)),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for event in &self.events {
            let (index, listing) = match &event.what {
                What::Listed { index, listing } if !exemptions => (*index, listing),
                What::Exempted { index, exemption } if exemptions => (*index, exemption),
                _ => continue,
            };
            if !ended.contains(&(event.seq, index)) {
                let name = Cite {
                    seq: event.seq,
                    index: Some(index),
                };
                found.push((name, listing));
            }
        }
        found
    }

    pub(super) fn dnc(
        &self,
        request: &Decision,
        class: Class,
        channels: &BTreeSet<Channel>,
        now: Timestamp,
        reasons: &mut Vec<ReasonM>,
    ) {
        // What reaches nobody by itself must not touch who is listed by any channel.
        let channels = if channels.is_empty() {
            Channel::ALL.into_iter().collect()
        } else {
            channels.clone()
        };
        let mut clear = !request.recipients.is_empty();
        for (index, recipient) in (0u64..).zip(&request.recipients) {
            if recipient.dnc {
                clear = false;
                reasons.push(ReasonM {
                    recipient: Some(index),
                    ..ReasonM::of(Code::DncCrmFlag)
                });
            }
            clear &= recipient.unusable.is_empty();
            for key in &recipient.keys {
                let mut binding = Vec::new();
                let mut lifted_by = BTreeSet::new();
                for (name, listing) in self.listed(false) {
                    let named = listing.keys.iter().any(|other| other.token == key.token);
                    let concerned = by(listing, &channels);
                    let for_seller = request.seller.is_none()
                        || listing.seller.is_none()
                        || request.seller == listing.seller;
                    if !named || concerned.is_empty() || !for_seller || !runs(listing, now) {
                        continue;
                    }
                    let lifting = self.lifting(request, recipient, &concerned, now);
                    let covered = concerned
                        .iter()
                        .all(|channel| lifting.iter().any(|(_, by)| by.contains(channel)));
                    if liftable(&key.kind, listing.reason.unwrap()) && covered {
                        lifted_by.extend(lifting.into_iter().map(|(name, _)| name));
                    } else {
                        binding.push(name);
                    }
                }
                let (code, cites) = match (binding.is_empty(), lifted_by.is_empty()) {
                    (true, true) => continue,
                    (true, false) => (Code::DncExempt, lifted_by.into_iter().collect()),
                    (false, _) => (Code::DncListed, binding),
                };
                clear &= code == Code::DncExempt;
                let reason = ReasonM {
                    recipient: Some(index),
                    key: Some(key.kind.clone()),
                    cites,
                    ..ReasonM::of(code)
                };
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        if class == Class::Contact {
            let mut seen = BTreeSet::new();
            for target in &request.targets {
                let kind = match target.kind.as_str() {
                    "contact" | "lead" | "person" => Kind::Contact,
                    "account" | "company" => Kind::Account,
                    _ => continue,
                };
                let carried = |recipient: &Recipient| {
                    recipient
                        .keys
                        .iter()
                        .any(|key| Some(key.token) == target.id)
                };
                if request.recipients.iter().any(carried) || !seen.insert(target.id) {
                    continue;
                }
                let cites: Vec<Cite> = self
                    .listed(false)
                    .into_iter()
                    .filter(|(_, listing)| {
                        listing.keys.iter().any(|key| Some(key.token) == target.id)
                            && !by(listing, &channels).is_empty()
                            && runs(listing, now)
                            && (request.seller.is_none()
                                || listing.seller.is_none()
                                || request.seller == listing.seller)
                    })
                    .map(|(name, _)| name)
                    .collect();
                if !cites.is_empty() {
                    clear = false;
                    reasons.push(ReasonM {
                        key: Some(kind),
                        cites,
                        ..ReasonM::of(Code::DncListed)
                    });
                }
            }
        }
        if clear {
            reasons.push(ReasonM::of(Code::DncClear));
        }
    }

    /// The exemptions of this person for this seller that hold now and are about one of `concerned`.
    fn lifting(
        &self,
        request: &Decision,
        recipient: &Recipient,
        concerned: &BTreeSet<Channel>,
        now: Timestamp,
    ) -> Vec<(Cite, BTreeSet<Channel>)> {
        let canonical = recipient
            .keys
            .iter()
            .any(|key| key.kind == Kind::EmailCanonical);
        let kinds: Vec<Kind> = [
            Kind::Email,
            Kind::EmailCanonical,
            Kind::Phone,
            Kind::Contact,
        ]
        .into_iter()
        .filter(|kind| recipient.keys.iter().any(|key| key.kind == *kind))
        .filter(|kind| !(canonical && *kind == Kind::Email))
        .collect();
        let names_all = |exemption: &Listing| {
            !kinds.is_empty()
                && kinds.iter().all(|kind| {
                    recipient.keys.iter().any(|own| {
                        own.kind == *kind && exemption.keys.iter().any(|key| key.token == own.token)
                    })
                })
        };
        self.listed(true)
            .into_iter()
            .filter(|(_, exemption)| {
                names_all(exemption)
                    && request.seller.is_some()
                    && exemption.seller == request.seller
                    && runs(exemption, now)
            })
            .map(|(name, exemption)| (name, by(exemption, concerned)))
            .filter(|(_, by)| !by.is_empty())
            .collect()
    }
}

/// Which of `channels` a listing or an exemption is about; one that names none is about all.
fn by(listing: &Listing, channels: &BTreeSet<Channel>) -> BTreeSet<Channel> {
    channels
        .iter()
        .copied()
        .filter(|channel| {
            listing.channels.is_empty() || listing.channels.iter().any(|other| other == *channel)
        })
        .collect()
}

/// Started, and not yet ended.
fn runs(listing: &Listing, now: Timestamp) -> bool {
    let started = listing.effective_from.is_none_or(|start| now >= start);
    let ended = listing.expires_at.is_some_and(|end| now >= end);
    started && !ended
}

fn liftable(kind: &Kind, reason: ListingReason) -> bool {
    match reason {
        ListingReason::EntityRequest
        | ListingReason::Unsubscribe
        | ListingReason::GdprObjection
        | ListingReason::ConsentRevoked
        | ListingReason::Complaint
        | ListingReason::Litigator
        | ListingReason::LegalHold => false,
        ListingReason::NationalRegistry | ListingReason::StateRegistry => true,
        ListingReason::HardBounce | ListingReason::Manual => {
            *kind == Kind::Domain || *kind == Kind::Account
        }
    }
}
