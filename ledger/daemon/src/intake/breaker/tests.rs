use ledger_core::role::Role;

use super::super::decide::tests::{intake, refused};
use super::*;

fn header() -> wire::WriteHeader {
    wire::WriteHeader {
        request_id: "r-1".to_owned(),
        correlation_id: "c-1".to_owned(),
    }
}

fn reason() -> Vec<wire::Detail> {
    vec![wire::Detail {
        name: wire::DetailName::Reason.into(),
        value: "because".into(),
    }]
}

#[test]
fn a_reset_names_the_opening_and_says_why() {
    let ops = Caller::test("ops.1", Role::Operator);
    let reset = |opened, details| {
        let request = wire::ResetBreakerRequest {
            header: Some(header()),
            opened,
            details,
        };
        intake().reset_breaker(&ops, &Redact::default_rule(), request)
    };
    let command = reset(9, reason()).expect("well-formed");
    assert_eq!(command.lane, Lane::Control);
    let Body::Breaker(breaker) = command.body else {
        panic!("a breaker")
    };
    assert_eq!(breaker.event, BreakerEvent::Reset);
    assert_eq!((breaker.opened, breaker.details.len()), (Some(9), 1));
    assert_eq!(refused(reset(9, Vec::new())).field, "details");
    assert_eq!(refused(reset(1 << 53, reason())).field, "opened");
}
