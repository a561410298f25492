//! What time alone brings about, and what a report brings about besides its own entry.

use ledger_core::entry::{BreakerEvent, Execution, Status, Verdict};

use super::*;

/// Waits for an entry that time brings about.
#[track_caller]
fn wait_for<T>(house: &House, what: &str, mut found: impl FnMut(&Entry) -> Option<T>) -> T {
    let mut it = None;
    eventually(what, || {
        it = house.log().iter().find_map(&mut found);
        it.is_some()
    });
    it.unwrap()
}

fn staged(id: &str, approval: Option<u64>) -> Body {
    match decide(id) {
        Body::Decision(mut decision) => {
            "crm.stage".clone_into(&mut decision.action);
            decision.approval = approval;
            Body::Decision(decision)
        }
        other => other,
    }
}

fn failed(id: &str, decision: u64) -> Body {
    Body::Execution(Box::new(Execution {
        cause: cause(id, Call::Record, Role::Agent, "agent.a"),
        decision,
        status: Status::Failure,
        error_code: None,
        provider: None,
        provider_id: None,
        started_at: None,
        occurred_at: None,
        cost_micros: None,
        results: Vec::new(),
        policy: None,
        findings: Vec::new(),
        details: std::collections::BTreeMap::new(),
    }))
}

#[test]
fn a_request_for_approval_expires_by_its_time() {
    let (_dir, hands, house) = furnished();
    let asked = house.ask(staged("asks", None)).unwrap();
    assert_eq!(outcome(&asked), Outcome::RequireApproval);
    hands.pass_s(14_399);
    house.ask(decide("meanwhile")).unwrap();
    let expired = |entry: &Entry| match &entry.body {
        Body::Approval(approval) => Some((approval.decision, approval.verdict)),
        _ => None,
    };
    assert_eq!(house.log().iter().find_map(expired), None, "not yet");
    hands.pass_s(1);
    let found = wait_for(&house, "expiry", expired);
    assert_eq!(found, (Some(asked.entry.seq), Verdict::Expired));
    house.close();
}

#[test]
fn a_breaker_opens_with_the_report_in_one_batch_and_closes_by_its_time() {
    let (_dir, hands, house) = furnished();
    let allow = house.ask(decide("fails")).unwrap();
    let report = house.ask(failed("report", allow.entry.seq)).unwrap();
    // What stands under the report's own checkpoint was committed with it.
    let log = house.log();
    let follower = &log[usize::try_from(report.entry.seq).unwrap() + 1];
    let Body::Breaker(opened) = &follower.body else {
        panic!("{follower:?}")
    };
    assert_eq!(
        (opened.event, opened.rule.as_str()),
        (BreakerEvent::Opened, "errors")
    );
    assert_eq!(follower.time, report.entry.time);
    let refused = house.ask(decide("refused")).unwrap();
    assert!(codes(&refused.entry).contains(&Code::BreakerOpen));
    hands.pass_s(300);
    let closed = wait_for(&house, "closing", |entry| match &entry.body {
        Body::Breaker(breaker) if breaker.event == BreakerEvent::Closed => breaker.opened,
        _ => None,
    });
    assert_eq!(closed, follower.seq);
    assert_eq!(
        outcome(&house.ask(decide("again")).unwrap()),
        Outcome::Allow
    );
    house.close();
}

#[test]
fn time_alone_brings_heartbeats_and_overdue_reports() {
    let (_dir, hands, house) = furnished();
    let allow = house.ask(decide("never reported")).unwrap();
    hands.pass_s(120);
    let unresolved = wait_for(&house, "unresolved entry", |entry| match &entry.body {
        Body::Unresolved(unresolved) => Some(unresolved.clone()),
        _ => None,
    });
    assert_eq!(
        (unresolved.decision, unresolved.correlation_id.as_str()),
        (allow.entry.seq, "run-1")
    );
    hands.pass_s(300);
    wait_for(&house, "heartbeat", |entry| {
        matches!(entry.body, Body::Heartbeat(_)).then_some(())
    });
    assert_eq!(
        house
            .log()
            .iter()
            .filter(|entry| matches!(entry.body, Body::Unresolved(_)))
            .count(),
        1
    );
    house.close();
}
