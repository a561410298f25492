//! What counts as reached, and that one recipient's bounce counts once.

use ledger_core::entry::{Basis, Body, Cause, Decision, Event, Foreign, Outcome, Status};
use ledger_core::limits::WINDOW_S_MAX;
use ledger_core::role::{Call, Role};
use ledger_core::view::Table;

use super::ledger::{AGENTS, Done, Ledger, at, told};
use super::rule::{Rule, What};

/// Bounces above nothing in the sample of what is reached: the sample is what the opening says.
fn sample(people: &[u8], status: Status, missed: &[u64]) -> Option<u64> {
    let rule = Rule::new(What::Bounce, 1);
    let mut ledger = Ledger::new(&[rule]);
    let (decision, _) = ledger.ask(people);
    let done = Done {
        status,
        missed: missed.to_vec(),
        ..Done::success(decision)
    };
    let (seq, _) = ledger.done(&done);
    let found = told(&ledger.told(Event::BounceHard, seq, Some(0)));
    found.first().map(|(_, _, sample)| *sample)
}

#[test]
fn the_sample_of_a_rate_is_who_was_reached() {
    assert_eq!(sample(&[1], Status::Success, &[]), Some(1));
    assert_eq!(sample(&[1, 2, 3], Status::Success, &[]), Some(3));
    assert_eq!(
        sample(&[1, 2, 3], Status::Success, &[0]),
        Some(3),
        "results are of partial ones"
    );
    assert_eq!(sample(&[1, 2, 3], Status::Partial, &[2]), Some(2));
    assert_eq!(sample(&[1, 2, 3], Status::Partial, &[1, 1, 2, 9]), Some(1));
}

/// An agent that says it sent nothing hides no bounce: mail that came back was sent.
#[test]
fn whoever_bounced_was_reached_whatever_the_execution_says() {
    assert_eq!(sample(&[1, 2, 3], Status::Partial, &[0]), Some(3));
    assert_eq!(sample(&[1, 2, 3], Status::Partial, &[0, 1, 2]), Some(1));
    assert_eq!(sample(&[1, 2, 3], Status::Failure, &[]), Some(1));
    assert_eq!(sample(&[1, 2, 3], Status::NotStarted, &[]), Some(1));
}

/// One person under two entries of a request is one of the sample.
#[test]
fn a_person_named_twice_is_reached_once() {
    assert_eq!(sample(&[1, 1, 2], Status::Success, &[]), Some(2));
    assert_eq!(sample(&[1, 1, 2], Status::Partial, &[1]), Some(2));
}

#[test]
fn one_recipient_bounces_once_and_complains_once() {
    let watch = |what, id| Rule {
        id,
        minimum: 4,
        ..Rule::new(what, 1)
    };
    let rules = [
        watch(What::Bounce, "bounces"),
        watch(What::Complaint, "complaints"),
    ];
    let mut ledger = Ledger::new(&rules);
    let (sent, _) = ledger.sent(&[1, 2, 3]);
    let reports = [Some(0), Some(0), Some(1), None, None, Some(7), Some(2)];
    for recipient in reports {
        for event in [
            Event::BounceHard,
            Event::BounceSoft,
            Event::Complaint,
            Event::Reply,
        ] {
            assert_eq!(told(&ledger.told(event, sent, recipient)), []);
        }
    }
    // The next execution reaches the minimum, and both rates say what they counted until then: three
    // recipients, and the execution as a whole.
    let (decision, _) = {
        let mut request = ledger.email(&[9]);
        request.seller = Some("beta".to_owned());
        ledger.decide(request)
    };
    let bodies = ledger.done(&Done::success(decision)).1;
    let counted: Vec<_> = told(&bodies)
        .iter()
        .map(|(_, count, sample)| (*count, *sample))
        .collect();
    assert_eq!(counted, [(4, 4), (4, 4)]);
}

#[test]
fn errors_are_out_of_what_was_tried() {
    let rule = Rule {
        minimum: 3,
        ..Rule::new(What::Error, 1)
    };
    let mut ledger = Ledger::new(&[rule]);
    let statuses = [
        Status::NotStarted,
        Status::Failure,
        Status::Partial,
        Status::NotStarted,
        Status::Success,
    ];
    let mut found = Vec::new();
    for (who, status) in (1..).zip(statuses) {
        let (decision, _) = ledger.ask(&[who]);
        found.push(told(
            &ledger
                .done(&Done {
                    status,
                    ..Done::success(decision)
                })
                .1,
        ));
    }
    assert_eq!(found[..4], [vec![], vec![], vec![], vec![]]);
    assert_eq!(found[4][0].1, 1);
    assert_eq!(found[4][0].2, 3);
}

#[test]
fn an_execution_that_uses_no_allow_up_is_no_sample() {
    let mut ledger = Ledger::new(&[Rule::new(What::Cost, 10)]);
    let (decision, _) = ledger.ask(&[1]);
    let done = || Done {
        cost: Some(10),
        ..Done::success(decision)
    };
    assert_eq!(told(&ledger.done(&done()).1), []);
    assert_eq!(told(&ledger.done(&done()).1), [], "beyond its allow");
    assert_eq!(ledger.state.view().table(Table::Sample).count(), 1);
}

#[test]
fn samples_are_kept_for_as_long_as_the_longest_window() {
    let mut ledger = Ledger::new(&[]);
    for who in 1..=5 {
        ledger.sent(&[who]);
    }
    ledger.now = at(WINDOW_S_MAX - 1);
    let young = ledger.sent(&[6]).0.to_be_bytes().to_vec();
    let count = |ledger: &Ledger| ledger.state.view().table(Table::Sample).count();
    assert_eq!(count(&ledger), 6);
    ledger.now = at(WINDOW_S_MAX);
    for left in [5, 4, 4] {
        ledger.sent(&[7]);
        assert_eq!(count(&ledger), left, "two go for each that comes");
    }
    assert_eq!(
        ledger
            .state
            .view()
            .table(Table::Sample)
            .next()
            .map(|(key, _)| key.to_vec()),
        Some(young)
    );
}

/// What another engine allowed is no allow of this gate: its reports open nothing and dilute nothing.
#[test]
fn an_execution_of_an_asserted_decision_is_no_sample() {
    let mut ledger = Ledger::new(&[]);
    let cause = Cause {
        correlation_id: Some("run-asserted".to_owned()),
        ..ledger.cause(Call::Record, Role::Agent, AGENTS[0])
    };
    let mut asserted = Decision::request(Basis::Asserted, cause, "crm.update".to_owned());
    asserted.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::Allow,
    });
    let (decision, _) = ledger.append(Body::Decision(Box::new(asserted)));
    let before = ledger.state.view().table(Table::Sample).count();
    ledger.done(&Done::failure(decision));
    assert_eq!(ledger.state.view().table(Table::Sample).count(), before);
}
