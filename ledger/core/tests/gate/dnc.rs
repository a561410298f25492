//! The do-not-contact list, rule by rule.

use ledger_core::action::{Channel, Channels};
use ledger_core::entry::{Cite, Code, Foreign, Key, Listing, ListingReason, Outcome, Target};
use ledger_core::limits::{CITES_MAX, RECIPIENTS_MAX};
use ledger_core::token::Kind;

use super::ledger::{at, seconds};
use super::scene::{
    Scene, allowed, exempted, has, hits, key, listed, person, registrable, to, whole,
};

const ACTIONS: [&str; 6] = [
    "email.send",
    "sms.send",
    "call.queue",
    "meeting.book",
    "sequence.enroll",
    "crm.update",
];

fn cite(seq: u64) -> Vec<Cite> {
    vec![Cite {
        seq,
        index: Some(0),
    }]
}

#[test]
fn every_kind_of_key_denies() {
    for key in person(1).keys {
        let mut scene = Scene::new("");
        let seq = scene.list(listed(std::slice::from_ref(&key)), seconds(1));
        let found = scene.ask("email.send", person(1), seconds(1));
        assert_eq!(found.outcome, Outcome::Deny);
        assert_eq!(
            hits(&found, Code::DncListed),
            [(key.kind.clone(), cite(seq))]
        );
        assert!(!has(&found, Code::DncClear));
        assert!(allowed(&scene.ask("email.send", person(2), seconds(1))));
        // Whoever is listed by e-mail is not called by phone, if the request says who it is.
        let called = to(vec![super::scene::key(Kind::Phone, 9), key]);
        assert!(!allowed(&scene.ask("call.queue", called, seconds(1))));
        scene.unlist(&[(seq, 0)], seconds(2)).unwrap();
        let found = scene.ask("email.send", person(1), seconds(2));
        assert!(allowed(&found) && has(&found, Code::DncClear));
    }
}

#[test]
fn one_listed_among_many_denies_the_whole() {
    let mut scene = Scene::new("");
    let last = RECIPIENTS_MAX - 1;
    let keys = |number: usize| vec![key(Kind::Phone, u8::try_from(number).unwrap())];
    scene.list(listed(&keys(last)), seconds(1));
    let everybody = (0..RECIPIENTS_MAX).map(|number| to(keys(number))).collect();
    let request = scene.request("sms.send", everybody);
    let (_, found) = scene.decide(request, seconds(1));
    assert_eq!(found.outcome, Outcome::Deny);
    let listed: Vec<_> = found
        .reasons
        .iter()
        .filter(|reason| reason.code == Code::DncListed)
        .collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].recipient, Some(last as u64));
}

/// Whom a contact action is about is whom it reaches, also where only a target says so.
#[test]
fn people_and_companies_that_are_targets_are_looked_up() {
    let target = |kind: &str, key: Key| Target {
        kind: kind.to_owned(),
        id: Some(key.token),
        reads: Vec::new(),
        writes: Vec::new(),
    };
    // The target's type, the kind under which it is listed, and whether a contact action is denied.
    let table = [
        ("contact", Kind::Contact, true),
        ("account", Kind::Account, true),
        ("company", Kind::Account, true),
        ("lead", Kind::Contact, true),
        ("person", Kind::Contact, true),
        // Whatever stands in an entry: intake knows one word for each type.
        ("contacts", Kind::Contact, true),
        ("0-2", Kind::Account, true),
        ("deal", Kind::Contact, false),
    ];
    for (word, kind, denies) in table {
        let mut scene = Scene::new("");
        let seq = scene.list(listed(&[key(kind.clone(), 9)]), seconds(1));
        let mut ask = |action: &str, targets: Vec<Target>| {
            let mut request = scene.request(action, vec![person(1)]);
            request.targets = targets;
            scene.decide(request, seconds(1)).1
        };
        let named = || target(word, key(kind.clone(), 9));
        let found = ask("email.send", vec![named(), named()]);
        assert_eq!(!allowed(&found), denies, "{word}");
        let reasons: Vec<_> = found
            .reasons
            .iter()
            .filter(|reason| reason.code == Code::DncListed)
            .map(|reason| (reason.recipient, reason.key.clone(), reason.cites.clone()))
            .collect();
        let expected = (None, Some(kind.clone()), cite(seq));
        assert_eq!(reasons, vec![expected; usize::from(denies)]);
        assert!(allowed(&ask(
            "email.send",
            vec![target(word, key(kind.clone(), 8))]
        )));
        // What reaches nobody may be done to a record of somebody who is listed.
        assert!(allowed(&ask("crm.update", vec![named()])), "{word}");
    }
    // An exemption is of a recipient. As a target alone, nobody is exempted.
    let mut scene = Scene::new("");
    scene.list(listed(&[key(Kind::Account, 9)]), seconds(1));
    scene.exempt(exempted(&whole(1)), seconds(1));
    let mut request = scene.request("email.send", vec![person(1)]);
    request.targets = vec![target("account", key(Kind::Account, 9))];
    assert!(!allowed(&scene.decide(request, seconds(1)).1));
    let mut with_account = person(1);
    with_account.keys.push(key(Kind::Account, 9));
    let mut request = scene.request("email.send", vec![with_account]);
    request.targets = vec![target("account", key(Kind::Account, 9))];
    assert!(allowed(&scene.decide(request, seconds(1)).1));
}

#[test]
fn sellers() {
    // The listing's, the request's, whether it denies.
    let table = [
        (None, None, true),
        (None, Some("acme"), true),
        (Some("acme"), None, true),
        (Some("acme"), Some("acme"), true),
        (Some("acme"), Some("bolt"), false),
        (Some("bolt"), Some("acme"), false),
    ];
    for (of_listing, of_request, denies) in table {
        let mut scene = Scene::new("");
        let listing = Listing {
            seller: of_listing.map(str::to_owned),
            ..listed(&[key(Kind::Contact, 1)])
        };
        scene.list(listing, seconds(1));
        let mut request = scene.request("email.send", vec![person(1)]);
        request.seller = of_request.map(str::to_owned);
        let (_, found) = scene.decide(request, seconds(1));
        assert_eq!(!allowed(&found), denies, "{of_listing:?} {of_request:?}");
    }
}

#[test]
fn channels() {
    use Channel::{Call, Email, Meeting, Sms};
    // Which listings deny which action. What is no contact must not touch who is listed for anything.
    let table: [(&str, &[Channel]); 6] = [
        ("email.send", &[Email]),
        ("sms.send", &[Sms]),
        ("call.queue", &[Call]),
        ("meeting.book", &[Meeting, Email]),
        ("sequence.enroll", &[Email, Call, Sms, Meeting]),
        ("crm.update", &[Email, Call, Sms, Meeting]),
    ];
    for (action, by) in table {
        for channel in Channel::ALL {
            let mut scene = Scene::new("");
            let listing = Listing {
                channels: Channels::of(&[channel]),
                ..listed(&[key(Kind::Email, 1)])
            };
            scene.list(listing, seconds(1));
            let found = scene.ask(action, person(1), seconds(1));
            assert_eq!(
                !allowed(&found),
                by.contains(&channel),
                "{action} {channel}"
            );
        }
        let mut scene = Scene::new("");
        scene.list(listed(&[key(Kind::Email, 1)]), seconds(1));
        assert!(
            !allowed(&scene.ask(action, person(1), seconds(1))),
            "{action}, any channel"
        );
    }
}

#[test]
fn a_policy_adds_channels_to_a_built_in_action_and_takes_none() {
    let more = "[[action]]\nname = \"email.send\"\nchannels = [\"email\", \"sms\"]\n";
    for (channel, denies) in [
        (Channel::Email, true),
        (Channel::Sms, true),
        (Channel::Call, false),
    ] {
        let mut scene = Scene::new(more);
        let listing = Listing {
            channels: Channels::of(&[channel]),
            ..listed(&[key(Kind::Email, 1)])
        };
        scene.list(listing, seconds(1));
        assert_eq!(
            !allowed(&scene.ask("email.send", person(1), seconds(1))),
            denies,
            "{channel}"
        );
    }
}

#[test]
fn what_an_exemption_lifts() {
    use ListingReason::{
        Complaint, ConsentRevoked, EntityRequest, GdprObjection, HardBounce, LegalHold, Litigator,
        Manual, NationalRegistry, StateRegistry, Unsubscribe,
    };
    // By reason: of a person, of a domain or an account.
    let table = [
        (EntityRequest, false, false),
        (Unsubscribe, false, false),
        (GdprObjection, false, false),
        (ConsentRevoked, false, false),
        (Complaint, false, false),
        (HardBounce, false, true),
        (NationalRegistry, true, true),
        (StateRegistry, true, true),
        (Litigator, false, false),
        (LegalHold, false, false),
        (Manual, false, true),
    ];
    assert_eq!(table.len(), ListingReason::ALL.len());
    for (reason, of_person, of_group) in table {
        for listed_key in person(1).keys {
            let group = matches!(listed_key.kind, Kind::Domain | Kind::Account);
            let lifts = if group { of_group } else { of_person };
            // Of one who is exempted by less than all that they are known by, it lifts nothing: the rest
            // may be somebody else's.
            for left_out in [None, Some(0), Some(1), Some(2)] {
                let mut exempt_keys = whole(1);
                exempt_keys.push(key(Kind::Email, 1));
                if let Some(at) = left_out {
                    exempt_keys.remove(at);
                }
                let lifts = lifts && left_out.is_none();
                let mut scene = Scene::new("");
                let listing = Listing {
                    reason: Some(reason),
                    ..listed(std::slice::from_ref(&listed_key))
                };
                scene.list(listing, seconds(1));
                let exemption = scene.exempt(exempted(&exempt_keys), seconds(1));
                let found = scene.ask("sequence.enroll", person(1), seconds(2));
                assert_eq!(
                    allowed(&found),
                    lifts,
                    "{reason:?} {listed_key:?} {left_out:?}"
                );
                let expected = if lifts {
                    vec![(listed_key.kind.clone(), cite(exemption))]
                } else {
                    Vec::new()
                };
                assert_eq!(hits(&found, Code::DncExempt), expected);
            }
        }
    }
}

/// A name, an exemption, what is done to the request, and whether it is allowed.
type Case = (&'static str, Listing, Change, bool);
type Change = fn(&mut ledger_core::entry::Decision);

/// What an exemption has to be for a listing of the person's domain to be lifted.
#[test]
fn when_an_exemption_lifts() {
    let email = whole(1);
    let domain = listed(&[registrable(1)]);
    let table: Vec<Case> = vec![
        ("as it should be", exempted(&email), |_| {}, true),
        (
            "another seller's",
            Listing {
                seller: Some("bolt".to_owned()),
                ..exempted(&email)
            },
            |_| {},
            false,
        ),
        (
            "request without seller",
            exempted(&email),
            |request| request.seller = None,
            false,
        ),
        (
            "another person's",
            exempted(&[key(Kind::Email, 2)]),
            |_| {},
            false,
        ),
        (
            "another channel",
            Listing {
                channels: Channels::of(&[Channel::Call]),
                ..exempted(&email)
            },
            |_| {},
            false,
        ),
        (
            "one of the action's two channels",
            Listing {
                channels: Channels::of(&[Channel::Email]),
                ..exempted(&email)
            },
            |request| request.action = "meeting.book".to_owned(),
            false,
        ),
        (
            "both of the action's channels",
            Listing {
                channels: Channels::of(&[Channel::Email, Channel::Meeting]),
                ..exempted(&email)
            },
            |request| request.action = "meeting.book".to_owned(),
            true,
        ),
        (
            "expires now",
            Listing {
                expires_at: Some(seconds(10)),
                ..exempted(&email)
            },
            |_| {},
            false,
        ),
        (
            "expires in a microsecond",
            Listing {
                expires_at: Some(at(10_000_001)),
                ..exempted(&email)
            },
            |_| {},
            true,
        ),
        (
            "starts in a microsecond",
            Listing {
                effective_from: Some(at(10_000_001)),
                ..exempted(&email)
            },
            |_| {},
            false,
        ),
        (
            "starts now",
            Listing {
                effective_from: Some(seconds(10)),
                ..exempted(&email)
            },
            |_| {},
            true,
        ),
        (
            "the other recipient is in the domain too",
            exempted(&email),
            |request| {
                request
                    .recipients
                    .push(to(vec![key(Kind::Email, 3), registrable(1)]));
            },
            false,
        ),
    ];
    for (name, exemption, change, lifts) in table {
        let mut scene = Scene::new("");
        scene.list(domain.clone(), seconds(1));
        scene.exempt(exemption, seconds(1));
        let mut request = scene.request("email.send", vec![person(1)]);
        change(&mut request);
        let (_, found) = scene.decide(request, seconds(10));
        assert_eq!(allowed(&found), lifts, "{name}");
    }
    // Of two channels, each exempted by itself.
    let mut scene = Scene::new("");
    scene.list(domain.clone(), seconds(1));
    for channel in [Channel::Email, Channel::Meeting] {
        assert!(!allowed(&scene.ask("meeting.book", person(1), seconds(1))));
        let one = Listing {
            channels: Channels::of(&[channel]),
            ..exempted(&email)
        };
        scene.exempt(one, seconds(1));
    }
    assert!(allowed(&scene.ask("meeting.book", person(1), seconds(1))));
    // What ended lifts no more.
    let mut scene = Scene::new("");
    scene.list(domain, seconds(1));
    let exemption = scene.exempt(exempted(&email), seconds(1));
    assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    scene.unlist(&[(exemption, 0)], seconds(1)).unwrap();
    assert!(!allowed(&scene.ask("email.send", person(1), seconds(1))));
}

#[test]
fn an_exemption_lifts_no_other_listing_beside_it() {
    let mut scene = Scene::new("");
    scene.list(listed(&[registrable(1)]), seconds(1));
    scene.exempt(exempted(&whole(1)), seconds(1));
    assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    let own = Listing {
        reason: Some(ListingReason::Unsubscribe),
        ..listed(&[key(Kind::Phone, 1)])
    };
    let seq = scene.list(own, seconds(2));
    let found = scene.ask("email.send", person(1), seconds(2));
    assert_eq!(hits(&found, Code::DncListed), [(Kind::Phone, cite(seq))]);
    assert_eq!(hits(&found, Code::DncExempt).len(), 1);
    // Nor the CRM's flag.
    let mut scene = Scene::new("");
    scene.exempt(exempted(&whole(1)), seconds(1));
    let mut flagged = person(1);
    flagged.dnc = true;
    let found = scene.ask("email.send", flagged, seconds(1));
    assert!(!allowed(&found) && has(&found, Code::DncCrmFlag));
}

#[test]
fn listings_are_a_multiset() {
    let mut scene = Scene::new("");
    let keys = [key(Kind::Email, 1), key(Kind::EmailCanonical, 1)];
    let expiring = Listing {
        expires_at: Some(seconds(5)),
        ..listed(&keys)
    };
    let first = scene.list(listed(&keys), seconds(1));
    let second = scene.list(expiring, seconds(1));
    let both = vec![
        Cite {
            seq: first,
            index: Some(0),
        },
        Cite {
            seq: second,
            index: Some(0),
        },
    ];
    let found = scene.ask("email.send", person(1), at(4_999_999));
    assert_eq!(hits(&found, Code::DncListed)[0], (Kind::Email, both));
    // The expiry of one leaves the other.
    let found = scene.ask("email.send", person(1), seconds(5));
    assert_eq!(hits(&found, Code::DncListed)[0], (Kind::Email, cite(first)));
    scene.unlist(&[(first, 0)], seconds(6)).unwrap();
    assert!(allowed(&scene.ask("email.send", person(1), seconds(6))));
    // What has expired still can be ended, once.
    scene.unlist(&[(second, 0)], seconds(6)).unwrap();
    assert!(scene.unlist(&[(second, 0)], seconds(6)).is_err());
    assert!(scene.unlist(&[(first, 0)], seconds(6)).is_err());
}

#[test]
fn a_listing_runs_from_its_start_to_its_end() {
    let mut scene = Scene::new("");
    let listing = Listing {
        effective_from: Some(seconds(10)),
        expires_at: Some(seconds(20)),
        ..listed(&[key(Kind::Email, 1)])
    };
    scene.list(listing, seconds(1));
    for (now, denies) in [
        (seconds(1), false),
        (at(9_999_999), false),
        (seconds(10), true),
        (at(19_999_999), true),
        (seconds(20), false),
    ] {
        assert_eq!(
            !allowed(&scene.ask("email.send", person(1), now)),
            denies,
            "{now}"
        );
    }
}

#[test]
fn nothing_on_a_request_passes_the_list() {
    for action in ACTIONS {
        let mut scene = Scene::new("");
        scene.list(listed(&[key(Kind::Contact, 1)]), seconds(1));
        let mut request = scene.request(action, vec![person(1)]);
        request.approval = Some(3);
        request.undoes = Some(3);
        request.foreign = Some(Foreign {
            engine: "opa".to_owned(),
            policy: None,
            outcome: Outcome::Allow,
        });
        let (_, found) = scene.decide(request, seconds(1));
        assert_eq!(found.outcome, Outcome::Deny, "{action}");
    }
    // Nor does a name of an action that nobody knows.
    let mut scene = Scene::new("");
    scene.list(listed(&[key(Kind::Contact, 1)]), seconds(1));
    let found = scene.ask("email.send2", person(1), seconds(1));
    assert!(has(&found, Code::ActionUnknown) && has(&found, Code::DncListed));
}

#[test]
fn a_reason_cites_the_first_eight_and_says_how_many_there_are() {
    let mut scene = Scene::new("");
    let seqs: Vec<u64> = (0..=CITES_MAX)
        .map(|_| scene.list(listed(&[key(Kind::Phone, 1)]), seconds(1)))
        .collect();
    let found = scene.ask("call.queue", person(1), seconds(1));
    let reason = found
        .reasons
        .iter()
        .find(|reason| reason.code == Code::DncListed)
        .unwrap();
    let cited: Vec<u64> = reason.cites.iter().map(|cite| cite.seq).collect();
    assert_eq!(cited, seqs[..CITES_MAX]);
    assert_eq!(reason.cites_total, Some(seqs.len() as u64));
}

/// Keys of another version of tokens are the same person's.
#[test]
fn every_version_of_a_token_is_looked_up() {
    let mut scene = Scene::new("");
    let newer = Key {
        v: Some(2),
        ..key(Kind::Email, 77)
    };
    scene.list(listed(std::slice::from_ref(&newer)), seconds(1));
    let mut who = person(1);
    who.keys.push(newer);
    assert!(!allowed(&scene.ask("email.send", who, seconds(1))));
}
