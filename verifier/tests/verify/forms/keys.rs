//! Which keys of a person stand together.

use super::{EVERYTHING, decision, fine, ledger, named, with};
use crate::common::{Ledger, person};
use ledger_core::entry::{Body, Decision, DncOp, Event, Key, ListingReason, Recipient};
use ledger_core::normalise::{Identifiers, Subject};
use ledger_core::token::{Kind, Token};

/// Changes of keys that were made together.
fn broken_keys(keys: &[Key]) -> Vec<(String, Vec<Key>)> {
    let mut all = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let mut without = keys.to_vec();
        without.remove(at);
        all.push((format!("without {} at {at}", key.kind), without));
        let mut twice = keys.to_vec();
        twice.insert(at, key.clone());
        all.push((format!("{} at {at} twice", key.kind), twice));
        let mut later = keys.to_vec();
        later.remove(at);
        later.push(key.clone());
        all.push((format!("{} at {at} last", key.kind), later));
    }
    all.retain(|(_, changed)| changed != keys);
    all
}

#[test]
fn keys_of_a_recipient_stand_together_and_in_order() {
    let mut ledger = ledger();
    let request = ledger.email(&[EVERYTHING]);
    fine("as it is", with(&ledger, decision(request.clone())));
    let keys = request.recipients[0].keys.clone();
    let kinds: Vec<String> = keys.iter().map(|key| key.kind.to_string()).collect();
    assert_eq!(
        kinds,
        [
            "email",
            "email.canonical",
            "domain",
            "domain",
            "phone",
            "contact",
            "account"
        ]
    );
    let mut passed = Vec::new();
    for (what, keys) in broken_keys(&keys) {
        let mut changed = request.clone();
        changed.recipients[0].keys = keys;
        let found = with(&ledger, decision(changed));
        if found.1.mismatches.is_empty() {
            passed.push(what);
        } else {
            named(&what, found, "recipients[0].keys[");
        }
    }
    // Whoever takes out an identifier with all of its keys asks for somebody of whom less is known: that is
    // another request, which the content and the recipients as received were made of. So is one domain less.
    passed.sort();
    assert_eq!(
        passed,
        [
            "without account at 6",
            "without contact at 5",
            "without domain at 2",
            "without domain at 3",
            "without phone at 4",
        ]
    );
    // All of the domains, by which a company is listed: nobody has an address without one.
    let mut changed = request.clone();
    changed.recipients[0]
        .keys
        .retain(|key| key.kind != Kind::Domain);
    let found = with(&ledger, decision(changed));
    named(
        "no domain",
        found,
        "recipients[0].keys[2].kind `phone`: expected `domain`",
    );
    // And what no person is known by.
    let mut changed = request;
    changed.recipients[0].keys[6].kind = Kind::Mailbox;
    named(
        "a mailbox",
        with(&ledger, decision(changed)),
        "keys[6].kind `mailbox`",
    );
}

#[test]
fn one_address_has_the_same_keys_every_time() {
    let mut ledger = ledger();
    let first = ledger.email(&[person("ann@wonder.land.io", "c-1")]);
    let first = ledger.decide(first);
    let listing = ledger.listing(Subject::Email("eve@wonder.land.io"), ListingReason::Manual);
    let listed = ledger.dnc(DncOp::List, vec![listing]);
    let of = |ledger: &mut Ledger, email: &'static str| ledger.email(&[person(email, "c-1")]);
    // The same address, another at the same host, one at the parent, one whose canonical form is listed.
    for (email, changed_at, words) in [
        (
            "ann@wonder.land.io",
            2,
            format!("recipients[0].keys[2] `domain`: expected what entry {first} has"),
        ),
        (
            "ann@wonder.land.io",
            3,
            format!("recipients[0].keys[3] `domain`: expected what entry {first} has"),
        ),
        (
            "bob@wonder.land.io",
            3,
            format!("recipients[0].keys[3] `domain`: expected what entry {first} has"),
        ),
    ] {
        let mut request = of(&mut ledger, email);
        fine(email, with(&ledger, decision(request.clone())));
        request.recipients[0].keys.remove(changed_at);
        named(email, with(&ledger, decision(request)), &words);
    }
    let mut request = of(&mut ledger, "eve@wonder.land.io");
    request.recipients[0].keys[1].token = Token([5; 32]);
    let words = format!("keys[1] `email.canonical`: expected what entry {listed} has");
    named(
        "another canonical form",
        with(&ledger, decision(request)),
        &words,
    );
    // A parent put in above the registrable one.
    let mut request = of(&mut ledger, "cat@land.io");
    let mut more = request.recipients[0].keys[2].clone();
    more.token = Token([6; 32]);
    request.recipients[0].keys.insert(3, more);
    let words = format!("keys[3] `domain`: expected what entry {first} has");
    named("a domain more", with(&ledger, decision(request)), &words);
}

#[test]
fn evidence_of_a_decision_without_its_domains_is_refused() {
    let mut ledger = ledger();
    let request = ledger.email(&[person("someone@sub.blocked.io", "c-2")]);
    let mut without = request.clone();
    without.recipients[0]
        .keys
        .retain(|key| key.kind != Kind::Domain);
    let judged = |ledger: &Ledger, request: Decision| {
        let mut fork = Ledger::empty();
        (fork.state, fork.lines, fork.now) =
            (ledger.state.clone(), ledger.lines.clone(), ledger.now);
        let ledger = &mut fork;
        let seq = ledger.submit(decision(request));
        let primary = ledger.entry(seq);
        let read = |seq| Ok::<_, ()>(Some(ledger.entry(seq)));
        let needed = ledger_core::judge::required(&primary, read).unwrap();
        let others = needed
            .into_iter()
            .map(|seq| (seq, ledger.entry(seq)))
            .collect();
        ledger_core::judge::judge(&primary, &others)
    };
    assert!(judged(&ledger, request).is_ok());
    let refused = judged(&ledger, without).unwrap_err().to_string();
    assert!(refused.contains("expected `domain`"), "{refused}");
}

#[test]
fn a_denial_by_domain_is_not_made_an_allow_by_taking_the_domain_out() {
    let mut ledger = ledger();
    let listing = ledger.listing(Subject::Domain("blocked.io"), ListingReason::Manual);
    ledger.dnc(DncOp::List, vec![listing]);
    let mut request = ledger.email(&[person("someone@sub.blocked.io", "c-2")]);
    let (seq, report) = with(&ledger, decision(request.clone()));
    assert_eq!((seq, report.fault()), (ledger.size(), None));
    request.recipients[0]
        .keys
        .retain(|key| key.kind != Kind::Domain);
    let found = with(&ledger, decision(request));
    named("the domain taken out", found, "expected `domain`");
}

type Change = fn(&mut Recipient);

#[test]
fn what_cannot_be_normalised_has_no_key() {
    let mut ledger = ledger();
    let request = Ledger::served(ledger.email(&[Identifiers {
        phone: Some("none"),
        ..person("not an address", "c-8")
    }]));
    assert_eq!(request.recipients[0].unusable, [Kind::Email, Kind::Phone]);
    fine("as it is", with(&ledger, decision(request.clone())));
    let all: [(&str, Change); 4] = [
        ("out of order", |who| who.unusable.reverse()),
        ("twice", |who| who.unusable.push(Kind::Phone)),
        ("no identifier", |who| who.unusable = vec![Kind::Domain]),
        ("a key as well", |who| who.unusable = vec![Kind::Contact]),
    ];
    for (what, change) in all {
        let mut changed = request.clone();
        change(&mut changed.recipients[0]);
        named(
            what,
            with(&ledger, decision(changed)),
            "recipients[0].unusable[",
        );
    }
}

#[test]
fn listings_and_reports_are_held_to_the_same() {
    let mut ledger = ledger();
    let Body::Dnc(command) = ({
        let listing = ledger.listing(Subject::Email("ann@x.io"), ListingReason::Manual);
        let seq = ledger.dnc(DncOp::List, vec![listing]);
        ledger_core::plan::request_part(&ledger.entry(seq).body)
    }) else {
        panic!("a listing")
    };
    let listed = |ledger: &Ledger, keys: Vec<Key>, n: usize| {
        let mut command = command.clone();
        command.cause.request_id = Some(format!("other-{n}"));
        command.listings[0].keys = keys;
        with(ledger, Body::Dnc(command))
    };
    let email = command.listings[0].keys.clone();
    let phone = ledger.listing(Subject::Phone("+44 20 7946 0001"), ListingReason::Manual);
    let whole: Vec<Key> = email.iter().chain(&phone.keys).cloned().collect();
    fine("an address and a phone", listed(&ledger, whole.clone(), 0));
    for (n, keys) in [
        vec![email[0].clone()],
        vec![email[1].clone()],
        vec![email[1].clone(), email[0].clone()],
        whole.iter().rev().cloned().collect(),
    ]
    .into_iter()
    .enumerate()
    {
        named(
            "a listing",
            listed(&ledger, keys, n + 1),
            "listings[0].keys[",
        );
    }

    let request = ledger.email(&[person("bob@else.io", "c-2")]);
    let decision = ledger.decide(request);
    let execution = ledger.execution(decision);
    let execution = ledger.report(execution);
    let seq = ledger.outcome(Some(execution), Event::BounceHard);
    let Body::Outcome(told) = ledger_core::plan::request_part(&ledger.entry(seq).body) else {
        panic!("an outcome")
    };
    let mut keys = ledger.recipient(person("bob@else.io", "c-2")).keys;
    let reported = |ledger: &Ledger, keys: &[Key], n: usize| {
        let mut told = told.clone();
        told.cause.request_id = Some(format!("outcome-{n}"));
        told.tokens_v = Some(1);
        told.keys = keys.to_vec();
        with(ledger, Body::Outcome(told))
    };
    named(
        "with its domain",
        reported(&ledger, &keys, 0),
        "keys[2].kind `domain`",
    );
    keys.retain(|key| key.kind != Kind::Domain);
    fine("a person", reported(&ledger, &keys, 1));
    keys.remove(1);
    named(
        "no canonical form",
        reported(&ledger, &keys, 2),
        "expected `email.canonical`",
    );
}
