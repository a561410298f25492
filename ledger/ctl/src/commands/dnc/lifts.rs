//! What an exemption lifts, of what is listed.

use ledger_core::entry::ListingReason;
use ledger_proto::v1;

use super::check::cite;
use crate::client::Session;
use crate::text::wrapped;
use crate::values::words::reason;

/// The listings of one person that an exemption concerns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Concerned {
    /// Those that it lifts, by name.
    pub(super) lifted: Vec<String>,
    /// Those that stand, by name, with their reason.
    pub(super) standing: Vec<(String, String)>,
}

impl Concerned {
    /// What the list says of the person now; nothing where that cannot be learnt.
    pub(super) async fn fetch(
        session: &Session,
        subject: &v1::Subject,
        exemption: &v1::Exemption,
    ) -> Option<Self> {
        let request = v1::CheckDncRequest {
            subject: Some(subject.clone()),
            subjects: Vec::new(),
        };
        let reply = session.control().check_dnc(request).await.ok()?;
        let channels: Vec<v1::Channel> = exemption.channels().collect();
        Some(Self::of(
            &reply.into_inner().matches,
            &exemption.seller,
            &channels,
        ))
    }

    /// Of these listings, for a seller and by channels.
    fn of(matches: &[v1::DncMatch], seller: &str, channels: &[v1::Channel]) -> Self {
        let mut concerned = Self::default();
        for found in matches.iter().filter(|found| !found.exemption) {
            if !meets(found, seller, channels) {
                continue;
            }
            if is_liftable(found) {
                concerned.lifted.push(cite(found));
            } else {
                let why = reason::word(found.reason());
                concerned.standing.push((cite(found), why));
            }
        }
        concerned
    }

    /// The same in words.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.lifted.is_empty() {
            let lifted = format!("It lifts {}.", self.lifted.join(", "));
            text.push_str(&wrapped("  ", &lifted));
        }
        if !self.standing.is_empty() {
            let standing: Vec<String> = self
                .standing
                .iter()
                .map(|(listing, why)| format!("{listing} ({why})"))
                .collect();
            text.push_str(&wrapped(
                "  ",
                &format!(
                    "It does not lift {}: no exemption lifts a person's own request, a litigator, a legal hold, or a listing \
                     of the person themselves that is of no registry. They stay refused; `ledgerctl dnc remove` ends a listing.",
                    standing.join(", ")
                ),
            ));
        }
        if text.is_empty() {
            text = wrapped(
                "  ",
                "It lifts nothing now: no listing for this seller and by these channels binds them.",
            );
        }
        text
    }
}

/// Whether an exemption lifts a listing, for the seller and by the channels that both are for.
pub(super) fn lifts(exemption: &v1::DncMatch, listing: &v1::DncMatch) -> bool {
    let channels: Vec<v1::Channel> = exemption.channels().collect();
    exemption.exemption
        && !listing.exemption
        && meets(listing, &exemption.seller, &channels)
        && is_liftable(listing)
}

/// Whether a listing is for this seller and one of these channels.
fn meets(listing: &v1::DncMatch, seller: &str, channels: &[v1::Channel]) -> bool {
    let for_seller = listing.seller.is_empty() || listing.seller == seller;
    let by_channel = listing.channels.is_empty()
        || listing
            .channels()
            .any(|channel| channels.contains(&channel));
    for_seller && by_channel
}

/// As the gate has it: a listing of the person's domain or company, and one of a registry.
fn is_liftable(listing: &v1::DncMatch) -> bool {
    let word = serde_json::Value::String(reason::word(listing.reason()));
    let Ok(reason) = serde_json::from_value::<ListingReason>(word) else {
        return false;
    };
    let of_many = matches!(listing.key.as_str(), "domain" | "account");
    !reason.is_absolute() && (of_many || reason.is_registry())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(index: u64, key: &str, reason: v1::ListingReason) -> v1::DncMatch {
        v1::DncMatch {
            key: key.to_owned(),
            listing: Some(v1::Cite {
                seq: 17,
                index: Some(index),
            }),
            reason: reason.into(),
            ..v1::DncMatch::default()
        }
    }

    #[test]
    fn only_what_the_gate_lifts_is_said_to_be_lifted() {
        use v1::ListingReason as Reason;
        let elsewhere = v1::DncMatch {
            seller: "other".to_owned(),
            ..listing(8, "domain", Reason::Manual)
        };
        let by_call = v1::DncMatch {
            channels: vec![v1::Channel::Call.into()],
            ..listing(9, "domain", Reason::Manual)
        };
        let matches = [
            listing(0, "email", Reason::Unsubscribe),
            listing(1, "domain", Reason::Manual),
            listing(2, "domain", Reason::LegalHold),
            listing(3, "phone", Reason::NationalRegistry),
            listing(4, "email", Reason::Manual),
            listing(5, "account", Reason::HardBounce),
            listing(6, "domain", Reason::GdprObjection),
            elsewhere,
            by_call,
        ];
        let concerned = Concerned::of(&matches, "acme", &[v1::Channel::Email]);
        assert_eq!(concerned.lifted, ["17/1", "17/3", "17/5"]);
        let standing: Vec<&str> = concerned
            .standing
            .iter()
            .map(|(listing, _)| listing.as_str())
            .collect();
        assert_eq!(standing, ["17/0", "17/2", "17/4", "17/6"]);
        let text = concerned.text();
        assert!(text.contains("It lifts 17/1, 17/3, 17/5."), "{text}");
        assert!(text.contains("17/0 (unsubscribe)"), "{text}");

        let nothing = Concerned::of(&matches[7..], "acme", &[v1::Channel::Email]);
        assert_eq!(nothing, Concerned::default());
        assert!(nothing.text().contains("It lifts nothing now"));

        let exemption = v1::DncMatch {
            exemption: true,
            seller: "acme".to_owned(),
            channels: vec![v1::Channel::Email.into()],
            ..listing(10, "email", Reason::Unspecified)
        };
        let lifted: Vec<String> = matches
            .iter()
            .filter(|found| lifts(&exemption, found))
            .map(cite)
            .collect();
        assert_eq!(lifted, concerned.lifted);
        assert!(!lifts(&matches[0], &matches[1]));
    }
}
