//! Whoever unsubscribes or complains is listed at once.

use ledger_core::entry::{
    Body, Code, Decision, DncOp, Event, Finding, Key, ListingReason, Outcome, OutcomeReport,
};
use ledger_core::token::Kind;

use super::ledger::{
    AGENTS, COMPLIANCE, Done, LISTED, Ledger, RECORDER, at, key, listings, person, replay,
};

fn report(ledger: &mut Ledger, report: OutcomeReport) -> (u64, OutcomeReport, Vec<Body>) {
    let (seq, mut bodies) = ledger.append(Body::Outcome(Box::new(report)));
    match bodies.remove(0) {
        Body::Outcome(outcome) => (seq, *outcome, bodies),
        other => panic!("{other:?}"),
    }
}

fn refused(ledger: &mut Ledger, who: u8, seller: &str) -> bool {
    let mut request = ledger.email(&[who]);
    request.seller = Some(seller.to_owned());
    has(&ledger.decide(request).1, Code::DncListed)
}

fn has(decision: &Decision, code: Code) -> bool {
    decision.reasons.iter().any(|reason| reason.code == code)
}

#[test]
fn the_person_named_is_listed_for_the_seller_in_the_same_batch() {
    for (event, reason) in [
        (Event::Unsubscribe, ListingReason::Unsubscribe),
        (Event::Complaint, ListingReason::Complaint),
    ] {
        let mut ledger = Ledger::new(&[]);
        let (sent, _) = ledger.sent(&[1, 2]);
        let unsubscribe = ledger.outcome(RECORDER, event, Some(sent), Some(1));
        let (seq, outcome, followers) = report(&mut ledger, unsubscribe);
        assert_eq!(outcome.findings, []);
        let dnc = &listings(&followers)[0];
        assert_eq!(
            (dnc.op, dnc.outcome, dnc.tokens_v),
            (DncOp::List, Some(seq), Some(1))
        );
        assert_eq!((&dnc.cause.request_id, &dnc.cause.content), (&None, &None));
        assert_eq!(dnc.cause.actor.id, RECORDER);
        let listing = &dnc.listings[0];
        assert_eq!(dnc.listings.len(), 1);
        assert_eq!(
            (listing.reason, listing.seller.as_deref()),
            (Some(reason), Some("acme"))
        );
        assert_eq!(
            (listing.requested_at, listing.channels.is_empty()),
            (Some(at(1)), true)
        );
        assert_eq!(listing.source.as_deref(), Some("mailer"));
        assert!(refused(&mut ledger, 2, "acme"));
        assert!(!refused(&mut ledger, 2, "beta"));
        assert!(!refused(&mut ledger, 1, "acme"));
    }
}

#[test]
fn other_events_list_nobody() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1]);
    for event in [Event::BounceHard, Event::BounceSoft, Event::Reply] {
        assert_eq!(ledger.told(event, sent, Some(0)).len(), 1, "{event:?}");
    }
}

#[test]
fn where_nobody_is_named_everybody_is_concerned() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1, 2, 3]);
    let bodies = ledger.told(Event::Unsubscribe, sent, None);
    assert_eq!(listings(&bodies)[0].listings.len(), 3);
}

#[test]
fn the_keys_of_a_report_say_who_of_several_it_was() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1, 2]);
    let mut unsubscribe = ledger.outcome(RECORDER, Event::Unsubscribe, Some(sent), None);
    unsubscribe.keys = vec![
        key(Kind::EmailCanonical, 2),
        key(Kind::Domain, 2),
        key(Kind::Phone, 2),
    ];
    unsubscribe.tokens_v = Some(1);
    let (_, _, followers) = report(&mut ledger, unsubscribe);
    let listed = &listings(&followers)[0].listings;
    assert_eq!(listed.len(), 1);
    let mut kinds: Vec<_> = listed[0].keys.iter().map(|key| key.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["contact", "email.canonical", "phone"],
        "the domain names no person"
    );
    assert!(refused(&mut ledger, 2, "acme"));
    assert!(!refused(&mut ledger, 1, "acme"));
}

#[test]
fn a_person_named_twice_is_found_under_both_indices() {
    let mut ledger = Ledger::new(&[]);
    let mut request = ledger.email(&[1, 2]);
    request.recipients.push(person(1));
    let (decision, _) = ledger.decide(request);
    let (sent, _) = ledger.done(&Done::success(decision));
    ledger.told(Event::Unsubscribe, sent, Some(2));
    assert!(refused(&mut ledger, 1, "acme"));
    assert!(!refused(&mut ledger, 2, "acme"));
}

#[test]
fn an_unmatched_report_lists_its_own_keys_for_every_seller() {
    let mut ledger = Ledger::new(&[]);
    for execution in [None, Some(9_999)] {
        let who = if execution.is_some() { 5 } else { 6 };
        let mut unsubscribe = ledger.outcome(RECORDER, Event::Unsubscribe, execution, None);
        unsubscribe.keys = vec![key(Kind::Email, who), key(Kind::Account, who)];
        let (_, outcome, followers) = report(&mut ledger, unsubscribe);
        assert_eq!(outcome.findings, [Finding::UnknownExecution]);
        assert_eq!(listings(&followers)[0].listings[0].seller, None);
        assert!(refused(&mut ledger, who, "acme") && refused(&mut ledger, who, "beta"));
    }
    let empty = ledger.outcome(RECORDER, Event::Unsubscribe, None, None);
    assert_eq!(report(&mut ledger, empty).2, [], "nobody is known");
    let mut domain = ledger.outcome(RECORDER, Event::Unsubscribe, None, None);
    domain.keys = vec![key(Kind::Domain, 7)];
    assert_eq!(
        report(&mut ledger, domain).2,
        [],
        "one person does not list a company"
    );
}

#[test]
fn what_is_listed_already_is_not_listed_twice() {
    let mut ledger = Ledger::new(&[]);
    let (first, _) = ledger.sent(&[1]);
    let mut second = ledger.email(&[1]);
    second.seller = Some("beta".to_owned());
    let (second, _) = ledger.decide(second);
    let (second, _) = ledger.done(&Done::success(second));
    assert_eq!(ledger.told(Event::Unsubscribe, first, None).len(), 2);
    let made = ledger.last();
    assert_eq!(
        ledger.told(Event::Unsubscribe, first, None).len(),
        1,
        "the same again"
    );
    assert_eq!(
        ledger.told(Event::Complaint, first, None).len(),
        2,
        "for another reason"
    );
    assert_eq!(
        ledger.told(Event::Unsubscribe, second, None).len(),
        2,
        "for another seller"
    );
    // Once unlisted, it lists again.
    let mut unlist = ledger.dnc(
        ledger_core::role::Call::RemoveDnc,
        DncOp::Unlist,
        Vec::new(),
    );
    unlist.ends = vec![ledger_core::entry::Cite {
        seq: made,
        index: Some(0),
    }];
    unlist.evidence = Some(ledger_core::hash::Hash([7; 32]));
    let reason = ledger_core::entry::Commitment {
        commitment: ledger_core::hash::Hash([8; 32]),
        bytes: 3,
        redacted: None,
    };
    unlist.details = [(ledger_core::entry::DetailName::Reason, reason)].into();
    ledger.append(Body::Dnc(unlist));
    assert_eq!(ledger.told(Event::Unsubscribe, first, None).len(), 2);
}

#[test]
fn somebody_elses_report_is_marked_and_says_nothing_of_whom_the_decision_names() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1]);
    let unsubscribe = ledger.outcome(AGENTS[1], Event::Unsubscribe, Some(sent), Some(7));
    let (_, outcome, followers) = report(&mut ledger, unsubscribe);
    assert_eq!(
        outcome.findings,
        [Finding::OtherPrincipal],
        "and no other finding is told"
    );
    assert_eq!(listings(&followers).len(), 0);
    assert!(!refused(&mut ledger, 1, "acme"));
    let own = ledger.outcome(AGENTS[0], Event::Reply, Some(sent), Some(0));
    assert_eq!(report(&mut ledger, own).1.findings, []);
}

#[test]
fn a_recipient_that_the_decision_does_not_have_is_a_finding_and_counts_as_nobody() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1, 2]);
    let unsubscribe = ledger.outcome(RECORDER, Event::Unsubscribe, Some(sent), Some(2));
    let (_, outcome, followers) = report(&mut ledger, unsubscribe);
    assert_eq!(outcome.findings, [Finding::UnknownRecipient]);
    assert_eq!(listings(&followers)[0].listings.len(), 2);
}

#[test]
fn whoever_cannot_be_listed_is_a_finding() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1]);
    let (decision, _) = ledger.ask(&[2]);
    let mut found = |event, execution, keys: Vec<Key>| {
        let report = OutcomeReport {
            tokens_v: (!keys.is_empty()).then_some(1),
            keys,
            ..ledger.outcome(RECORDER, event, execution, None)
        };
        let (_, outcome, followers) = self::report(&mut ledger, report);
        (outcome.findings, listings(&followers).len())
    };
    let unknown = Finding::UnknownExecution;
    let address = || vec![key(Kind::EmailCanonical, 7)];
    for event in [Event::Unsubscribe, Event::Complaint] {
        assert_eq!(
            found(event, None, vec![]),
            (vec![unknown, Finding::Unlisted], 0)
        );
        assert_eq!(
            found(event, Some(decision), vec![]),
            (vec![unknown, Finding::Unlisted], 0)
        );
        assert_eq!(
            found(event, None, address()),
            (vec![unknown], 1),
            "{event:?}"
        );
        assert_eq!(found(event, Some(sent), vec![]), (vec![], 1));
        // Who is listed already is listed.
        assert_eq!(found(event, Some(sent), vec![]), (vec![], 0));
    }
    for event in [Event::BounceHard, Event::BounceSoft, Event::Reply] {
        assert_eq!(found(event, None, vec![]), (vec![unknown], 0));
    }
    assert_eq!(replay(ledger.lines()).fault(), None);
}

#[test]
fn whoever_was_written_to_against_a_denial_can_still_unsubscribe() {
    let mut ledger = Ledger::new(&[]);
    let (decision, answer) = ledger.ask(&[LISTED]);
    assert_eq!(answer.outcome, Outcome::Deny);
    let (sent, _) = ledger.done(&Done::success(decision));
    let bodies = ledger.told(Event::Unsubscribe, sent, None);
    assert_eq!(
        listings(&bodies)[0].listings[0].reason,
        Some(ListingReason::Unsubscribe)
    );
}

#[test]
fn more_keys_than_one_entry_holds_become_several_entries() {
    let mut ledger = Ledger::new(&[]);
    let mut request = ledger.email(&[]);
    // 32 people whom seven keys each tell apart: two listings a person, and 50 in one entry.
    request.recipients = (0..32u8)
        .map(|who| {
            let mut one = person(who);
            let contacts = (0..5u8).map(|of| key(Kind::Contact, 40 + who * 5 + of));
            one.keys = [key(Kind::EmailCanonical, who), key(Kind::Phone, who)]
                .into_iter()
                .chain(contacts)
                .collect();
            one
        })
        .collect();
    let (decision, answer) = ledger.decide(request);
    assert_eq!(answer.outcome, Outcome::Allow, "{:?}", answer.reasons);
    let (sent, _) = ledger.done(&Done::success(decision));
    let found = listings(&ledger.told(Event::Unsubscribe, sent, None));
    let counts: Vec<usize> = found.iter().map(|dnc| dnc.listings.len()).collect();
    assert_eq!(counts, [50, 14]);
    assert!(refused(&mut ledger, 31, "acme"));
}

#[test]
fn no_command_lists_in_the_name_of_an_outcome() {
    let mut ledger = Ledger::new(&[]);
    let (sent, _) = ledger.sent(&[1]);
    let bodies = ledger.told(Event::Unsubscribe, sent, None);
    let mut forged = listings(&bodies).remove(0);
    forged.cause = ledger.cause(
        ledger_core::role::Call::AddDnc,
        ledger_core::role::Role::Compliance,
        COMPLIANCE,
    );
    assert!(ledger.submit(Body::Dnc(forged.clone())).is_err());
    forged.cause = ledger.cause(
        ledger_core::role::Call::Record,
        ledger_core::role::Role::Recorder,
        RECORDER,
    );
    assert!(ledger.submit(Body::Dnc(forged)).is_err());
}
