//! Throttles, rule by rule.

use ledger_core::entry::{Code, Decision, Foreign, Outcome, Recipient};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_core::view::Table;

use super::ledger::{AGENTS, at, seconds};
use super::scene::{POLICY, Scene, allowed, has, key, person, registrable, to};

fn rule(per: &str, unit: &str, limit: u64, window: &str) -> String {
    format!(
        "[[throttle]]\nid = \"the-rule\"\nactions = [\"email.send\"]\nper = \"{per}\"\nunit = \"{unit}\"\nlimit = {limit}\nwindow = \"{window}\"\n"
    )
}

fn full(request: &mut Decision) {
    request.campaign = Some("c1".to_owned());
    request.mailbox = Some(Token([0xa1; 32]));
}

type Change = fn(&mut Decision);

/// Two fit, the third does not until the first has left: to the microsecond. What counts elsewhere
/// is free all the while.
#[test]
fn every_counter_is_exact_at_its_boundary() {
    let elsewhere: [(&str, Option<Change>); 7] = [
        ("workspace", None),
        (
            "agent",
            Some(|request| request.cause.actor.id = AGENTS[1].to_owned()),
        ),
        (
            "mailbox",
            Some(|request| request.mailbox = Some(Token([0xa2; 32]))),
        ),
        (
            "campaign",
            Some(|request| request.campaign = Some("c2".to_owned())),
        ),
        (
            "seller",
            Some(|request| request.seller = Some("bolt".to_owned())),
        ),
        (
            "recipient",
            Some(|request| request.recipients = vec![person(2)]),
        ),
        (
            "domain",
            Some(|request| request.recipients = vec![person(2)]),
        ),
    ];
    let other_agent = "[[grant]]\nid = \"other\"\nagent = \"agent.two\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\nmailboxes = [\"*\"]\napproval = \"waived\"\n";
    for (per, other) in elsewhere {
        let mut scene = Scene::new(&format!("{other_agent}{}", rule(per, "actions", 2, "10s")));
        let mut ask = |change: Option<Change>, now: Timestamp| {
            let mut request = scene.request("email.send", vec![person(1)]);
            full(&mut request);
            if let Some(change) = change {
                change(&mut request);
            }
            scene.decide(request, now).1
        };
        assert!(allowed(&ask(None, at(1))), "{per}");
        assert!(allowed(&ask(None, seconds(3))), "{per}");
        let denied = ask(None, seconds(3));
        assert_eq!(denied.outcome, Outcome::Deny);
        let count = &denied.throttles[0];
        assert_eq!(
            (count.count, count.needs, count.limit, count.window_s),
            (2, 1, 2, 10)
        );
        assert_eq!(count.passes_at, Some(at(10_000_001)), "{per}");
        assert!(
            !allowed(&ask(None, at(10_000_000))),
            "{per}: a microsecond before"
        );
        if let Some(other) = other {
            assert!(
                allowed(&ask(Some(other), at(10_000_000))),
                "{per}: elsewhere"
            );
        }
        assert!(
            allowed(&ask(None, at(10_000_001))),
            "{per}: at the time that was given"
        );
        // The window now holds those of 3 s and of 10 s.
        let denied = ask(None, at(12_999_999));
        assert_eq!(denied.throttles[0].passes_at, Some(seconds(13)), "{per}");
        assert!(allowed(&ask(None, seconds(13))), "{per}");
    }
}

#[test]
fn what_a_request_does_not_name_cannot_be_counted() {
    let without: [(&str, Change); 3] = [
        ("mailbox", |request| request.mailbox = None),
        ("campaign", |request| request.campaign = None),
        ("seller", |request| request.seller = None),
    ];
    for (per, change) in without {
        let mut scene = Scene::new(&rule(per, "actions", 2, "10s"));
        let mut request = scene.request("email.send", vec![person(1)]);
        full(&mut request);
        change(&mut request);
        let (_, found) = scene.decide(request, seconds(1));
        assert!(has(&found, Code::ThrottleUnkeyed), "{per}");
        assert_eq!(found.outcome, Outcome::Deny);
    }
}

fn two_spellings() -> Vec<Recipient> {
    let spelled = |exact| {
        to(vec![
            key(Kind::Email, exact),
            key(Kind::EmailCanonical, 1),
            registrable(1),
        ])
    };
    vec![spelled(1), spelled(2)]
}

#[test]
fn a_repeated_recipient_counts_once() {
    for (per, needs) in [("recipient", 1), ("domain", 1), ("workspace", 1)] {
        let mut scene = Scene::new(&rule(per, "recipients", 1, "10s"));
        let request = scene.request("email.send", two_spellings());
        let (_, found) = scene.decide(request, seconds(1));
        assert!(allowed(&found), "{per}");
        assert_eq!(found.throttles[0].needs, needs);
    }
    // What is known of somebody adds up; where it differs, it is somebody else, and an id that is named
    // with many addresses makes them no fewer.
    let known = |keys: &[(Kind, u8)]| {
        to(keys
            .iter()
            .map(|(kind, number)| key(kind.clone(), *number))
            .collect())
    };
    let (phone, contact, email) = (Kind::Phone, Kind::Contact, Kind::EmailCanonical);
    let adds_up = vec![
        known(&[(phone.clone(), 1)]),
        known(&[(phone, 1), (contact.clone(), 1)]),
        known(&[(contact.clone(), 1)]),
    ];
    let shared = (1..=3)
        .map(|number| known(&[(email.clone(), number), (contact.clone(), 9)]))
        .collect();
    for (recipients, people) in [(adds_up, 1), (shared, 3)] {
        let mut scene = Scene::new(&rule("workspace", "recipients", 3, "10s"));
        let request = scene.request("email.send", recipients);
        let (_, found) = scene.decide(request, seconds(1));
        assert_eq!(found.throttles[0].needs, people);
    }
}

#[test]
fn units_are_actions_or_recipients() {
    let three = || vec![person(1), person(2), person(3)];
    let mut scene = Scene::new(&rule("agent", "recipients", 5, "10s"));
    let request = scene.request("email.send", three());
    assert!(allowed(&scene.decide(request, seconds(1)).1));
    let request = scene.request("email.send", three());
    let (_, found) = scene.decide(request, seconds(1));
    assert!(!allowed(&found));
    assert_eq!((found.throttles[0].count, found.throttles[0].needs), (3, 3));
    // Two more fit: nothing was charged for the denial.
    let request = scene.request("email.send", vec![person(1), person(2)]);
    assert!(allowed(&scene.decide(request, seconds(1)).1));
    // More than the limit never fits.
    let mut scene = Scene::new(&rule("agent", "recipients", 2, "10s"));
    let request = scene.request("email.send", three());
    let (_, found) = scene.decide(request, seconds(1));
    assert!(!allowed(&found));
    assert_eq!(found.throttles[0].passes_at, None);
    // People of one domain: as many as they are, or one action.
    let colleague = |number| {
        to(vec![
            key(Kind::Email, number),
            key(Kind::EmailCanonical, number),
            registrable(1),
        ])
    };
    for (unit, needs) in [("recipients", 2), ("actions", 1)] {
        let mut scene = Scene::new(&rule("domain", unit, 5, "10s"));
        let request = scene.request("email.send", vec![colleague(1), colleague(2)]);
        assert_eq!(
            scene.decide(request, seconds(1)).1.throttles[0].needs,
            needs
        );
    }
}

/// A rule for recipients holds for each of the tokens by which a person is known.
#[test]
fn a_person_is_counted_under_every_token() {
    let mut scene = Scene::new(&rule("recipient", "actions", 1, "10s"));
    let both = to(vec![key(Kind::Phone, 1), key(Kind::Contact, 1)]);
    assert!(allowed(&scene.ask("email.send", both, seconds(1))));
    for kind in [Kind::Phone, Kind::Contact] {
        let one = to(vec![key(kind.clone(), 1)]);
        let found = scene.ask("email.send", one, seconds(1));
        assert!(!allowed(&found));
        assert_eq!(found.throttles[0].key, Some(kind));
    }
    assert!(allowed(&scene.ask(
        "email.send",
        to(vec![key(Kind::Phone, 2)]),
        seconds(1)
    )));
}

#[test]
fn rules_are_charged_together_or_not_at_all() {
    let narrow = rule("recipient", "actions", 1, "10s").replace("the-rule", "narrow");
    let wide = rule("workspace", "actions", 2, "10s").replace("the-rule", "wide");
    let mut scene = Scene::new(&format!("{narrow}{wide}"));
    assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    for _ in 0..3 {
        let found = scene.ask("email.send", person(1), seconds(1));
        assert!(!allowed(&found));
        assert_eq!(found.throttles[1].count, 1);
    }
    assert!(allowed(&scene.ask("email.send", person(2), seconds(1))));
}

#[test]
fn an_allow_is_never_released_and_nothing_else_is_charged() {
    let mut scene = Scene::new(&rule("agent", "actions", 1, "10s").replace(
        "actions = [\"email.send\"]",
        "classes = [\"contact\", \"write\"]",
    ));
    // An asserted decision is not charged.
    let mut asserted = scene.request("crm.update", Vec::new());
    asserted.basis = ledger_core::entry::Basis::Asserted;
    asserted.cause.call = Some(ledger_core::role::Call::Record);
    asserted.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::Allow,
    });
    assert!(allowed(&scene.decide(asserted, seconds(1)).1));
    // Nor is what a foreign engine wants approved.
    let mut waiting = scene.request("email.send", vec![person(1)]);
    waiting.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::RequireApproval,
    });
    assert_eq!(
        scene.decide(waiting, seconds(1)).1.outcome,
        Outcome::RequireApproval
    );
    let request = scene.request("email.send", vec![person(1)]);
    let (seq, found) = scene.decide(request, seconds(1));
    assert!(allowed(&found));
    assert_eq!(found.throttles[0].count, 0);
    assert!(scene.give_up(seq, seconds(2)).findings.len() < 2);
    assert!(!allowed(&scene.ask("email.send", person(2), seconds(2))));
}

/// Counts hang on the log, not on a rule's name or on when it was published.
#[test]
fn a_policy_that_is_published_in_between_counts_what_was_before() {
    let mut scene = Scene::new("");
    for _ in 0..3 {
        assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    }
    // A rule, its limit and window, and what it says 5 seconds after the three.
    let table = [
        ("new", 3, "10s", Some(seconds(11))),
        ("renamed", 3, "10s", Some(seconds(11))),
        ("renamed", 3, "20s", Some(seconds(21))),
        ("narrowed", 1, "31d", Some(seconds(1 + 31 * 86_400))),
        ("shortened", 1, "5s", None),
        ("raised", 4, "31d", None),
    ];
    for (id, limit, window, passes_at) in table {
        let text = format!(
            "{POLICY}{}",
            rule("agent", "actions", limit, window).replace("the-rule", id)
        );
        let mut then = Scene::new("");
        then.ledger = scene.ledger.clone();
        for _ in 0..3 {
            then.request_id();
        }
        then.ledger.publish(&text, seconds(6));
        let found = then.ask("email.send", person(1), seconds(6));
        assert_eq!(
            allowed(&found),
            passes_at.is_none(),
            "{id} {limit} {window}"
        );
        assert_eq!(
            found.throttles[0].passes_at, passes_at,
            "{id} {limit} {window}"
        );
    }
}

/// The longest window, over half a year of one allow a day: exact, and nothing older is kept.
#[test]
fn the_longest_window_is_31_days() {
    let day = 86_400;
    let mut scene = Scene::new(&rule("agent", "actions", 31, "31d"));
    for number in 0..200 {
        assert!(
            allowed(&scene.ask("email.send", person(1), seconds(number * day))),
            "day {number}"
        );
        if number < 30 {
            continue;
        }
        // The 31 of these days fill the window until tomorrow at this time.
        for now in [
            at(number * day * 1_000_000 + 1),
            at((number + 1) * day * 1_000_000 - 1),
        ] {
            let found = scene.ask("email.send", person(1), now);
            assert_eq!(found.throttles[0].count, 31);
            assert_eq!(
                found.throttles[0].passes_at,
                Some(seconds((number + 1) * day)),
                "day {number}"
            );
        }
        scene.ledger.state = State::load(scene.ledger.state.view().clone()).unwrap();
    }
    let kept = scene.ledger.state.view().table(Table::Allow).count();
    assert!((31..=32).contains(&kept), "{kept} allows are kept");
}
