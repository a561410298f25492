//! Listings, exemptions and endings that are refused, each for its field.

use std::collections::BTreeMap;

use ledger_core::action::Channels;
use ledger_core::entry::{
    Body, BreakGlass, BreakGlassEvent, Cite, Commitment, DetailName, DncOp, Listing, ListingReason,
};
use ledger_core::limits::{LISTING_KEYS_MAX, LISTINGS_MAX};
use ledger_core::plan::Refusal;
use ledger_core::role::{Call, Role};
use ledger_core::token::Kind;

use super::ledger::{AGENTS, OPERATOR, caused, dnc, seconds};
use super::scene::{Scene, allowed, exempted, key, listed, person, registrable, unlisting};

#[test]
fn listings_that_are_refused() {
    let phone = || key(Kind::Phone, 1);
    let now = seconds(10);
    let with = |change: fn(&mut Listing)| {
        let mut listing = listed(&[key(Kind::Phone, 1)]);
        change(&mut listing);
        listing
    };
    let mut table: Vec<(String, Vec<Listing>, &str)> = vec![
        ("none".to_owned(), Vec::new(), "listings"),
        (
            "too many".to_owned(),
            vec![listed(&[phone()]); LISTINGS_MAX + 1],
            "listings",
        ),
        ("without key".to_owned(), vec![listed(&[])], "listing.keys"),
        (
            "too many keys".to_owned(),
            vec![listed(
                &(0..=LISTING_KEYS_MAX)
                    .map(|n| key(Kind::Phone, u8::try_from(n).unwrap()))
                    .collect::<Vec<_>>(),
            )],
            "listing.keys",
        ),
        (
            "a key twice".to_owned(),
            vec![listed(&[phone(), phone()])],
            "listing.keys",
        ),
        (
            "without reason".to_owned(),
            vec![with(|listing| listing.reason = None)],
            "listing.reason",
        ),
        (
            "ended already".to_owned(),
            vec![with(|listing| listing.expires_at = Some(seconds(10)))],
            "listing.expires_at",
        ),
        (
            "a person and their domain".to_owned(),
            vec![listed(&[phone(), registrable(1)])],
            "listing.keys",
        ),
        (
            "a person and their account".to_owned(),
            vec![listed(&[phone(), key(Kind::Account, 1)])],
            "listing.keys",
        ),
        (
            "what is nobody".to_owned(),
            vec![listed(&[key(Kind::Mailbox, 1)])],
            "listing.keys",
        ),
        (
            "the second of two".to_owned(),
            vec![listed(&[phone()]), with(|listing| listing.reason = None)],
            "listing.reason",
        ),
    ];
    for reason in ListingReason::ALL {
        let own = matches!(
            reason,
            ListingReason::EntityRequest
                | ListingReason::Unsubscribe
                | ListingReason::GdprObjection
                | ListingReason::ConsentRevoked
                | ListingReason::Complaint
        );
        let expiring = Listing {
            reason: Some(reason),
            expires_at: Some(seconds(100)),
            ..listed(&[phone()])
        };
        let delayed = Listing {
            reason: Some(reason),
            effective_from: Some(seconds(100)),
            ..listed(&[phone()])
        };
        if own {
            table.push((
                format!("{reason:?} that expires"),
                vec![expiring],
                "listing.expires_at",
            ));
            table.push((
                format!("{reason:?} later"),
                vec![delayed],
                "listing.effective_from",
            ));
        } else {
            let mut ledger = Scene::new("").ledger;
            let command = dnc(DncOp::List, vec![expiring, delayed], "list");
            assert!(ledger.submit(command, now).is_ok(), "{reason:?}");
        }
    }
    for (name, listings, expected) in table {
        let mut ledger = Scene::new("").ledger;
        let lines = ledger.lines.len();
        match ledger.submit(dnc(DncOp::List, listings, "list"), now) {
            Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(ledger.lines.len(), lines);
    }
}

#[test]
fn exemptions_that_are_refused() {
    let email = || exempted(&[key(Kind::Email, 1)]);
    let table: Vec<(&str, Listing, &str)> = vec![
        (
            "with a reason",
            Listing {
                reason: Some(ListingReason::Manual),
                ..email()
            },
            "exemption.reason",
        ),
        ("of a domain", exempted(&[registrable(1)]), "exemption.keys"),
        (
            "of an account",
            exempted(&[key(Kind::Account, 1)]),
            "exemption.keys",
        ),
        ("without key", exempted(&[]), "listing.keys"),
        (
            "for everybody",
            Listing {
                seller: None,
                ..email()
            },
            "exemption.seller",
        ),
        (
            "by any channel",
            Listing {
                channels: Channels::none(),
                ..email()
            },
            "exemption.channels",
        ),
        (
            "without evidence",
            Listing {
                evidence: None,
                ..email()
            },
            "exemption.evidence",
        ),
        (
            "for ever",
            Listing {
                expires_at: None,
                ..email()
            },
            "exemption.expires_at",
        ),
        (
            "ended already",
            Listing {
                expires_at: Some(seconds(10)),
                ..email()
            },
            "exemption.expires_at",
        ),
    ];
    for (name, exemption, expected) in table {
        let mut ledger = Scene::new("").ledger;
        match ledger.submit(dnc(DncOp::Exempt, vec![exemption], "exempt"), seconds(10)) {
            Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// A name, what is ended, what else is done to the command, and the field that is found wrong.
type Unlisting = (
    &'static str,
    Vec<(u64, u64)>,
    fn(&mut ledger_core::entry::Dnc),
    &'static str,
);

#[test]
fn unlisting_that_is_refused() {
    let mut scene = Scene::new("");
    let seq = scene.list(listed(&[key(Kind::Phone, 1)]), seconds(1));
    let table: Vec<Unlisting> = vec![
        ("nothing", Vec::new(), |_| {}, "ends"),
        ("twice", vec![(seq, 0), (seq, 0)], |_| {}, "ends"),
        ("another index", vec![(seq, 1)], |_| {}, "ends"),
        ("another entry", vec![(seq - 1, 0)], |_| {}, "ends"),
        ("one of two", vec![(seq, 0), (seq + 7, 0)], |_| {}, "ends"),
        (
            "without index",
            vec![(seq, 0)],
            |dnc| {
                dnc.ends = vec![Cite {
                    seq: dnc.ends[0].seq,
                    index: None,
                }];
            },
            "ends.index",
        ),
        (
            "without evidence",
            vec![(seq, 0)],
            |dnc| dnc.evidence = None,
            "evidence",
        ),
        (
            "without reason",
            vec![(seq, 0)],
            |dnc| dnc.details = BTreeMap::new(),
            "reason",
        ),
        (
            "with a listing",
            vec![(seq, 0)],
            |dnc| dnc.listings = vec![listed(&[])],
            "listings",
        ),
    ];
    for (name, ends, change, expected) in table {
        let Body::Dnc(mut command) = unlisting(&ends, "unlist") else {
            panic!("not a dnc entry")
        };
        change(&mut command);
        match scene.ledger.submit(Body::Dnc(command), seconds(2)) {
            Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        assert!(
            !allowed(&scene.ask("sms.send", person(1), seconds(2))),
            "{name}: still listed"
        );
    }
    // And a list that ends something.
    let Body::Dnc(mut command) = dnc(DncOp::List, vec![listed(&[key(Kind::Phone, 2)])], "list")
    else {
        panic!("not a dnc entry")
    };
    command.ends = vec![Cite {
        seq,
        index: Some(0),
    }];
    assert!(scene.ledger.submit(Body::Dnc(command), seconds(2)).is_err());
}

#[test]
fn break_glass_is_for_an_action_that_exists() {
    let ask = |action: Option<&str>| {
        let mut scene = Scene::new("");
        let request = Body::BreakGlass(BreakGlass {
            cause: caused(Call::RequestBreakGlass, Role::Operator, OPERATOR, "glass"),
            event: BreakGlassEvent::Requested,
            request: None,
            requested_by: None,
            agent: AGENTS[0].to_owned(),
            action: action.map(str::to_owned),
            duration_s: 60,
            until: None,
            details: [(DetailName::Reason, Commitment::new(&[1; 32], b"why", 0))].into(),
        });
        scene.ledger.submit(request, seconds(1)).map(drop)
    };
    for known in [None, Some("crm.update"), Some("email.send")] {
        assert!(ask(known).is_ok(), "{known:?}");
    }
    for unknown in ["crm.nope", "crm.updat", "CRM.update"] {
        let Err(Refusal::Invalid {
            field,
            value,
            expected,
        }) = ask(Some(unknown))
        else {
            panic!("{unknown} was taken")
        };
        assert_eq!((field, value.as_str()), ("action", unknown));
        assert!(expected.starts_with("expected an action that the policy in force declares"));
    }
}
