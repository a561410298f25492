//! The breaker that the gate itself has: carrying out what the do-not-contact list denied.

use ledger_core::action::Class;
use ledger_core::entry::{Body, BreakerEvent, Code, Finding, Measure, Outcome, Status};
use ledger_core::policy::DNC_BREACH;
use ledger_core::view::Table;

use super::ledger::{AGENTS, Done, LISTED, Ledger, RECORDER, breakers};

fn denied(ledger: &mut Ledger) -> u64 {
    let (seq, decision) = ledger.ask(&[LISTED]);
    assert!(
        decision
            .reasons
            .iter()
            .any(|reason| reason.code == Code::DncListed)
    );
    seq
}

#[test]
fn an_execution_of_what_the_list_denied_opens_at_once() {
    for status in [Status::Success, Status::Partial, Status::Failure] {
        let mut ledger = Ledger::new(&[]);
        let decision = denied(&mut ledger);
        let (seq, bodies) = ledger.done(&Done {
            status,
            ..Done::success(decision)
        });
        let found = breakers(&bodies);
        assert_eq!(found.len(), 1, "{status:?}");
        let one = &found[0];
        assert_eq!(
            (one.event, one.rule.as_str()),
            (BreakerEvent::Opened, DNC_BREACH)
        );
        assert_eq!((one.measure, one.until), (Measure::DncBreach, None));
        assert_eq!(
            (one.threshold, one.count, one.sample),
            (Some(0), Some(1), Some(1))
        );
        let cited: Vec<u64> = one.cites.iter().map(|cite| cite.seq).collect();
        assert_eq!(cited, [decision, seq]);
        assert_eq!(one.scope.agent.as_deref(), Some(AGENTS[0]));
        assert_eq!(one.scope.classes, [Class::Contact]);
        assert_eq!(ledger.ask(&[1]).1.outcome, Outcome::Deny);
        let mut other = ledger.email(&[1]);
        other.cause.actor.id = AGENTS[1].to_owned();
        assert_eq!(
            ledger.decide(other).1.outcome,
            Outcome::Allow,
            "the other agent goes on"
        );
        // Already open: nothing new.
        assert_eq!(breakers(&ledger.done(&Done::success(decision)).1), []);
        ledger.reset(seq + 1);
        assert_eq!(ledger.ask(&[1]).1.outcome, Outcome::Allow);
        assert_eq!(breakers(&ledger.done(&Done::success(decision)).1).len(), 1);
    }
}

#[test]
fn what_was_given_up_or_is_told_by_somebody_else_opens_nothing() {
    let mut ledger = Ledger::new(&[]);
    let decision = denied(&mut ledger);
    let given_up = Done {
        status: Status::NotStarted,
        ..Done::success(decision)
    };
    assert_eq!(breakers(&ledger.done(&given_up).1), []);
    let other = Done {
        by: AGENTS[1],
        ..Done::success(decision)
    };
    assert_eq!(breakers(&ledger.done(&other).1), []);
    let recorder = Done {
        by: RECORDER,
        ..Done::success(decision)
    };
    assert_eq!(breakers(&ledger.done(&recorder).1).len(), 1);
}

#[test]
fn a_denial_for_another_reason_opens_nothing() {
    let mut ledger = Ledger::new(&[]);
    let mut request = ledger.email(&[1]);
    request.action = "sms.send".to_owned();
    let (decision, answer) = ledger.decide(request);
    assert_eq!(answer.outcome, Outcome::Deny);
    assert_eq!(breakers(&ledger.done(&Done::success(decision)).1), []);
}

#[test]
fn a_policy_widens_the_scope_to_the_whole_ledger() {
    let mut ledger = Ledger::new(&[]);
    ledger.publish(&[], "[dnc_breach]\nscope = \"workspace\"\n");
    let decision = denied(&mut ledger);
    let found = breakers(&ledger.done(&Done::success(decision)).1);
    assert_eq!(found[0].scope.agent, None);
    let mut other = ledger.email(&[1]);
    other.cause.actor.id = AGENTS[1].to_owned();
    assert_eq!(ledger.decide(other).1.outcome, Outcome::Deny);
}

#[test]
fn executions_without_or_beyond_an_allow_are_kept_in_a_list() {
    let mut ledger = Ledger::new(&[]);
    let breach = denied(&mut ledger);
    let (decision, _) = ledger.ask(&[1]);
    let (other, _) = ledger.ask(&[2]);
    let mut expected = Vec::new();
    let reports = [
        (Done::success(breach), true),
        (Done::success(decision), false),
        (Done::success(decision), true),
        (
            Done {
                by: AGENTS[1],
                ..Done::success(other)
            },
            // Whoever did it had no allow of their own.
            true,
        ),
        (Done::success(9_999), true),
    ];
    for (done, irregular) in &reports {
        let (seq, bodies) = ledger.done(done);
        if *irregular {
            expected.push(seq);
        }
        let Body::Execution(execution) = &bodies[0] else {
            panic!("{bodies:?}")
        };
        assert_eq!(
            execution.findings.contains(&Finding::OtherPrincipal),
            done.by == AGENTS[1]
        );
    }
    let rows = ledger.state.view().table(Table::Irregular);
    let found: Vec<u64> = rows
        .map(|(key, value)| {
            assert!(value.is_empty());
            u64::from_be_bytes(key.try_into().unwrap())
        })
        .collect();
    assert_eq!(found, expected);
}
