//! The very edges: thresholds, windows, minimum, warn and open, closing and resetting.

use ledger_core::entry::{BreakerEvent, Code, Decision, Event, Measure, Outcome, Status};
use ledger_core::plan::Refusal;
use ledger_core::replay::What as Wrong;
use ledger_core::token::Token;

use super::ledger::{AGENTS, Done, Ledger, RECORDER, at, breakers, replay, told};
use super::rule::{Rule, What};

const OPENED: BreakerEvent = BreakerEvent::Opened;
const WARNED: BreakerEvent = BreakerEvent::Warned;

/// With so many e-mails sent to one person each: the executions.
fn sending(rules: &[Rule], mails: u8) -> (Ledger, Vec<u64>) {
    let mut ledger = Ledger::new(rules);
    let sent = (0..mails).map(|who| ledger.sent(&[who]).0).collect();
    (ledger, sent)
}

fn bounce(ledger: &mut Ledger, execution: u64) -> Vec<(BreakerEvent, u64, u64)> {
    told(&ledger.told(Event::BounceHard, execution, None))
}

#[test]
fn a_rate_opens_above_its_threshold_and_not_at_it() {
    let rule = Rule::new(What::Bounce, 50_000);
    let (mut ledger, sent) = sending(&[rule], 20);
    // 1 of 20 is 5 %, exactly.
    assert_eq!(bounce(&mut ledger, sent[0]), []);
    assert_eq!(bounce(&mut ledger, sent[1]), [(OPENED, 2, 20)]);
}

#[test]
fn integers_compare_where_a_division_would_round() {
    // 1 of 3 is more than 333,333 millionths and less than 333,334.
    for (open, expected) in [(333_333, vec![(OPENED, 1, 3)]), (333_334, vec![])] {
        let (mut ledger, sent) = sending(&[Rule::new(What::Bounce, open)], 3);
        assert_eq!(bounce(&mut ledger, sent[0]), expected, "{open}");
    }
}

#[test]
fn below_its_minimum_a_rate_does_nothing_and_the_execution_that_reaches_it_opens() {
    let rule = Rule {
        minimum: 3,
        warn: Some(1),
        ..Rule::new(What::Bounce, 100_000)
    };
    let (mut ledger, sent) = sending(&[rule], 2);
    assert_eq!(bounce(&mut ledger, sent[0]), []);
    let (third, bodies) = ledger.sent(&[3]);
    assert_eq!(told(&bodies), [(OPENED, 1, 3)]);
    let opened = breakers(&bodies).remove(0);
    assert_eq!(
        opened.cites[0].seq,
        third - 2,
        "the bounce, not the execution"
    );
}

#[test]
fn what_came_one_window_ago_has_left() {
    for (then, expected) in [(99, vec![(OPENED, 2, 2)]), (100, vec![])] {
        let rule = Rule {
            minimum: 1,
            ..Rule::new(What::Error, 500_000)
        };
        let mut ledger = Ledger::new(&[rule]);
        let decisions = [ledger.ask(&[1]).0, ledger.ask(&[2]).0];
        let first = ledger.done(&Done::failure(decisions[0])).1;
        assert_eq!(told(&first), [(OPENED, 1, 1)]);
        let opened = ledger.last();
        // So that both failures may count, it is reset by nobody and stays open; another rule looks on.
        assert!(ledger.state.breaker_opened(opened).is_some());
        let watch = Rule {
            id: "watch",
            minimum: 2,
            ..Rule::new(What::Error, 500_000)
        };
        ledger.publish(&[watch], "");
        ledger.now = at(then);
        assert_eq!(
            told(&ledger.done(&Done::failure(decisions[1])).1),
            expected,
            "{then}"
        );
    }
}

#[test]
fn a_warning_is_given_once_for_each_crossing() {
    let rule = Rule {
        warn: Some(200_000),
        minimum: 1,
        ..Rule::new(What::Bounce, 900_000)
    };
    let (mut ledger, sent) = sending(&[rule], 4);
    assert_eq!(bounce(&mut ledger, sent[0]), [(WARNED, 1, 4)]);
    assert_eq!(bounce(&mut ledger, sent[1]), [], "still above");
    let mut last = Vec::new();
    for who in 10..16 {
        last = told(&ledger.sent(&[who]).1);
    }
    assert_eq!(last, [], "2 of 10 is at the threshold: the warning is over");
    assert_eq!(bounce(&mut ledger, sent[2]), [(WARNED, 3, 10)]);
}

#[test]
fn opening_needs_no_warning_and_what_is_open_says_no_more() {
    let rule = Rule {
        warn: Some(100_000),
        ..Rule::new(What::Bounce, 200_000)
    };
    let (mut ledger, sent) = sending(&[rule], 4);
    assert_eq!(bounce(&mut ledger, sent[0]), [(OPENED, 1, 4)]);
    assert_eq!(bounce(&mut ledger, sent[1]), []);
    let (_, denied) = ledger.ask(&[1]);
    assert_eq!(denied.outcome, Outcome::Deny);
    let reason = denied
        .reasons
        .iter()
        .find(|reason| reason.code == Code::BreakerOpen)
        .unwrap();
    assert_eq!(reason.rule.as_deref(), Some("rule"));
    assert_eq!(reason.cites[0].seq, sent[3] + 2);
}

#[test]
fn a_person_resets_and_what_was_counted_before_counts_no_more() {
    let rule = Rule {
        minimum: 2,
        ..Rule::new(What::Bounce, 200_000)
    };
    let (mut ledger, sent) = sending(&[rule], 4);
    bounce(&mut ledger, sent[0]);
    let opened = ledger.last();
    ledger.now = at(10_000);
    assert_eq!(
        ledger.ask(&[1]).1.outcome,
        Outcome::Deny,
        "time closes no reputation breaker"
    );
    assert_eq!(ledger.state.breakers_due(ledger.now).count(), 0);
    ledger.now = at(10_001);
    ledger.reset(opened);
    assert_eq!(ledger.ask(&[1]).1.outcome, Outcome::Allow);
    let again = ledger.ending(BreakerEvent::Reset, opened);
    assert!(matches!(
        ledger.submit(again),
        Err(Refusal::Invalid {
            field: "opened",
            ..
        })
    ));
    // One old bounce of two new mails: only what came after the reset counts.
    ledger.sent(&[7]);
    ledger.sent(&[8]);
    assert_eq!(bounce(&mut ledger, sent[1]), [(OPENED, 1, 2)]);
}

#[test]
fn an_error_breaker_closes_after_its_window() {
    let mut ledger = Ledger::new(&[Rule::new(What::Error, 100_000)]);
    let (decision, _) = ledger.ask(&[1]);
    let (early, _) = ledger.ask(&[2]);
    let bodies = ledger.done(&Done::failure(decision)).1;
    let opened = ledger.last();
    assert_eq!(breakers(&bodies)[0].until, Some(at(100)));
    assert_eq!(ledger.state.next_breaker_due(), Some(at(100)));
    let close = ledger.ending(BreakerEvent::Closed, opened);
    ledger.now = at(99);
    assert!(
        ledger.submit(close.clone()).is_err(),
        "its time is not over"
    );
    assert_eq!(ledger.ask(&[3]).1.outcome, Outcome::Deny);
    ledger.now = at(100);
    assert_eq!(
        ledger.state.breakers_due(ledger.now).collect::<Vec<_>>(),
        [opened]
    );
    assert_eq!(
        ledger.ask(&[3]).1.outcome,
        Outcome::Allow,
        "time decides, not the entry"
    );
    ledger.append(close.clone());
    assert_eq!(ledger.state.next_breaker_due(), None);
    assert!(ledger.submit(close).is_err(), "it is closed already");
    // It opens again, for reports after the closing alone.
    let bodies = ledger.done(&Done::failure(early)).1;
    assert_eq!(told(&bodies), [(OPENED, 1, 1)]);
}

#[test]
fn a_breaker_whose_time_is_over_opens_again_though_no_entry_closed_it() {
    let mut ledger = Ledger::new(&[Rule::new(What::Error, 100_000)]);
    let decisions = [ledger.ask(&[1]).0, ledger.ask(&[2]).0, ledger.ask(&[3]).0];
    ledger.done(&Done::failure(decisions[0]));
    ledger.now = at(99);
    assert_eq!(told(&ledger.done(&Done::failure(decisions[1])).1), []);
    ledger.now = at(100);
    let bodies = ledger.done(&Done::failure(decisions[2])).1;
    assert_eq!(
        told(&bodies),
        [(OPENED, 1, 1)],
        "what came while it was open does not count"
    );
    assert_eq!(ledger.state.next_breaker_due(), Some(at(200)));
    assert_eq!(ledger.state.breakers_open(at(100)).count(), 1);
}

#[test]
fn costs_add_up_and_open_above_the_threshold_without_end() {
    let rule = Rule {
        warn: Some(50),
        ..Rule::new(What::Cost, 100)
    };
    let mut ledger = Ledger::new(&[rule]);
    let mut found = Vec::new();
    for (who, cost) in [
        (1, Some(50)),
        (2, None),
        (3, Some(1)),
        (4, Some(49)),
        (5, Some(1)),
    ] {
        let (decision, _) = ledger.ask(&[who]);
        let done = Done {
            cost,
            status: Status::NotStarted,
            ..Done::success(decision)
        };
        found.extend(breakers(&ledger.done(&done).1));
    }
    let numbers: Vec<_> = found
        .iter()
        .map(|one| (one.event, one.count, one.sample))
        .collect();
    assert_eq!(
        numbers,
        [(WARNED, Some(51), Some(3)), (OPENED, Some(101), Some(5))]
    );
    assert_eq!((found[1].until, found[1].measure), (None, Measure::Cost));
    assert_eq!(
        found[1].cites.len(),
        4,
        "the execution without a cost is no part of it"
    );
}

#[test]
fn what_a_request_said_that_it_costs_counts_where_the_report_says_less() {
    let stated = |cost, status, reported| {
        let mut ledger = Ledger::new(&[Rule::new(What::Cost, 9)]);
        let request = Decision {
            cost_micros: cost,
            ..ledger.email(&[1])
        };
        let (decision, _) = ledger.decide(request);
        let done = Done {
            status,
            cost: reported,
            ..Done::success(decision)
        };
        told(&ledger.done(&done).1)
    };
    assert_eq!(stated(Some(10), Status::Success, None), [(OPENED, 10, 1)]);
    assert_eq!(
        stated(Some(10), Status::Failure, Some(3)),
        [(OPENED, 10, 1)]
    );
    assert_eq!(
        stated(Some(10), Status::Partial, Some(11)),
        [(OPENED, 11, 1)]
    );
    assert_eq!(stated(None, Status::Success, Some(12)), [(OPENED, 12, 1)]);
    assert_eq!(stated(Some(10), Status::NotStarted, None), []);
    assert_eq!(stated(Some(9), Status::Success, None), []);
}

#[test]
fn costs_beyond_what_an_entry_holds_still_open() {
    let most = (1 << 53) - 1;
    let mut ledger = Ledger::new(&[Rule::new(What::Cost, most)]);
    let decisions = [ledger.ask(&[1]).0, ledger.ask(&[2]).0];
    let done = |decision| Done {
        cost: Some(most),
        ..Done::success(decision)
    };
    assert_eq!(told(&ledger.done(&done(decisions[0])).1), []);
    assert_eq!(
        told(&ledger.done(&done(decisions[1])).1),
        [(OPENED, most, 2)]
    );
}

#[test]
fn the_latest_eight_are_cited_in_order_and_all_are_numbered() {
    let rule = Rule {
        minimum: 10,
        ..Rule::new(What::Error, 10_000)
    };
    let mut ledger = Ledger::new(&[rule]);
    let decisions: Vec<u64> = (0..10).map(|who| ledger.ask(&[who]).0).collect();
    let mut reports = Vec::new();
    let mut last = Vec::new();
    for decision in decisions {
        let (seq, bodies) = ledger.done(&Done::failure(decision));
        reports.push(seq);
        last = bodies;
    }
    let opened = breakers(&last).remove(0);
    let cited: Vec<u64> = opened.cites.iter().map(|cite| cite.seq).collect();
    assert_eq!(
        (cited, opened.cites_total),
        (reports[2..].to_vec(), Some(10))
    );
    assert_eq!(opened.cause.request_id, None);
    assert_eq!(opened.cause.content, None);
    assert_eq!(opened.cause.correlation_id.as_deref(), Some("run-1"));
    assert_eq!(opened.cause.actor.id, AGENTS[0]);
}

#[test]
fn each_key_has_a_meter_of_its_own() {
    for per in ["agent", "seller", "mailbox", "workspace"] {
        let rule = Rule {
            per,
            ..Rule::new(What::Error, 100_000)
        };
        let mut ledger = Ledger::new(&[rule]);
        let (decision, _) = ledger.ask(&[1]);
        let bodies = ledger.done(&Done::failure(decision)).1;
        let scope = breakers(&bodies).remove(0).scope;
        assert_eq!(scope.classes.len(), 1);
        assert_eq!(
            [
                scope.agent.is_some(),
                scope.seller.is_some(),
                scope.mailbox.is_some()
            ],
            [per == "agent", per == "seller", per == "mailbox"]
        );
        // Another agent, another seller, another mailbox: which of them is refused, too?
        for other in ["agent", "seller", "mailbox"] {
            let mut request = ledger.email(&[2]);
            match other {
                "agent" => request.cause.actor.id = AGENTS[1].to_owned(),
                "seller" => request.seller = Some("beta".to_owned()),
                _ => request.mailbox = Some(Token([2; 32])),
            }
            let denied = ledger.decide(request).1.outcome == Outcome::Deny;
            let hit = per == "workspace" || other != per;
            assert_eq!(denied, hit, "{per} {other}");
        }
    }
}

#[test]
fn a_republished_policy_closes_nothing_and_counts_what_is_in_the_log() {
    let (mut ledger, sent) = sending(&[], 4);
    assert_eq!(bounce(&mut ledger, sent[0]), []);
    let strict = Rule::new(What::Bounce, 100_000);
    ledger.publish(&[strict], "");
    assert_eq!(
        ledger.state.breakers_open(ledger.now).count(),
        0,
        "publishing opens nothing"
    );
    let bodies = ledger.told(Event::Reply, sent[1], None);
    assert_eq!(
        told(&bodies),
        [(OPENED, 1, 4)],
        "any report is measured under the new rules"
    );
    ledger.publish(&[], "");
    assert_eq!(
        ledger.ask(&[9]).1.outcome,
        Outcome::Deny,
        "without its rule it stays open"
    );
    let opened = ledger.state.breakers_open(ledger.now).next().unwrap().0;
    ledger.reset(opened);
    assert_eq!(ledger.ask(&[9]).1.outcome, Outcome::Allow);
}

#[test]
fn a_warning_that_the_new_policy_would_not_give_is_over() {
    let rule = |warn| Rule {
        warn: Some(warn),
        ..Rule::new(What::Bounce, 900_000)
    };
    let (mut ledger, sent) = sending(&[rule(100_000)], 4);
    assert_eq!(bounce(&mut ledger, sent[0]), [(WARNED, 1, 4)]);
    ledger.publish(&[rule(300_000)], "");
    ledger.publish(&[rule(100_000)], "");
    assert_eq!(bounce(&mut ledger, sent[1]), [(WARNED, 2, 4)]);
}

#[test]
fn a_report_by_somebody_else_moves_nothing() {
    let rules = [
        Rule::new(What::Bounce, 1),
        Rule {
            id: "errors",
            ..Rule::new(What::Error, 1)
        },
    ];
    let (mut ledger, sent) = sending(&rules, 1);
    let (decision, _) = ledger.ask(&[2]);
    let other = Done {
        by: AGENTS[1],
        ..Done::failure(decision)
    };
    assert_eq!(told(&ledger.done(&other).1), []);
    let report = ledger.outcome(AGENTS[1], Event::BounceHard, Some(sent[0]), None);
    let (_, bodies) = ledger.append(ledger_core::entry::Body::Outcome(Box::new(report)));
    assert_eq!(told(&bodies), []);
    assert_eq!(
        told(
            &ledger
                .done(&Done {
                    by: RECORDER,
                    ..Done::failure(decision)
                })
                .1
        )
        .len(),
        1
    );
    assert_eq!(bounce(&mut ledger, sent[0]), [(OPENED, 1, 1)]);
}

/// What a report causes belongs to it: a log that lacks the breaker, or has something else in its place, is
/// named by replay at the report.
#[test]
fn a_breaker_that_does_not_follow_its_report_is_missed() {
    let mut ledger = Ledger::new(&[Rule::new(What::Cost, 10)]);
    let (decision, _) = ledger.ask(&[1]);
    let done = Done {
        cost: Some(11),
        ..Done::success(decision)
    };
    let mut without = ledger.clone();
    let (seq, bodies) = ledger.done(&done);
    assert_eq!(bodies.len(), 2, "the breaker follows");
    assert_eq!(replay(ledger.lines()).fault(), None);
    // The log ends where the breaker should stand.
    let mut cut = ledger.lines();
    cut.pop();
    assert!(replay(cut).fault().is_some());
    // And one in which something else stands there, though every entry but that is as it was.
    without.append_alone(bodies[0].clone());
    without.ask(&[2]);
    let report = replay(without.lines());
    assert!(report.fault().is_some());
    let first = report.mismatches.first().expect("one");
    assert_eq!((first.seq, &first.what), (seq, &Wrong::PartMissing));
}
