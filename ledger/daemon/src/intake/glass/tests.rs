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

fn ops() -> Caller {
    Caller::test("ops.1", Role::Operator)
}

fn ask() -> wire::RequestBreakGlassRequest {
    wire::RequestBreakGlassRequest {
        header: Some(header()),
        agent_id: "agent.a".to_owned(),
        action: "crm.purge".to_owned(),
        duration_s: 600,
        details: reason(),
    }
}

fn request(request: wire::RequestBreakGlassRequest) -> Result<Command, CallError> {
    intake().request_break_glass(&ops(), &Redact::default_rule(), request)
}

#[test]
fn a_request_names_agent_action_time_and_reason() {
    let command = request(ask()).expect("well-formed");
    assert_eq!(command.lane, Lane::Control);
    let Body::BreakGlass(glass) = command.body else {
        panic!("break-glass")
    };
    assert_eq!(glass.event, BreakGlassEvent::Requested);
    assert_eq!(
        (&*glass.agent, glass.action.as_deref(), glass.duration_s),
        ("agent.a", Some("crm.purge"), 600)
    );
    let every = request(wire::RequestBreakGlassRequest {
        action: String::new(),
        ..ask()
    });
    let Body::BreakGlass(every) = every.expect("well-formed").body else {
        panic!("break-glass")
    };
    assert_eq!(every.action, None);
    assert_ne!(every.cause.content, glass.cause.content);
}

#[test]
fn bad_requests_are_refused_by_the_field() {
    let change = |change: fn(&mut wire::RequestBreakGlassRequest)| {
        let mut request = ask();
        change(&mut request);
        request
    };
    for (bad, field) in [
        (change(|r| r.agent_id.clear()), "agent_id"),
        (change(|r| r.agent_id = "ledger".to_owned()), "agent_id"),
        (change(|r| r.action = "a b".to_owned()), "action"),
        (change(|r| r.duration_s = 1 << 53), "duration_s"),
        (change(|r| r.details.clear()), "details"),
        (change(|r| r.header = None), "header.request_id"),
    ] {
        assert_eq!(refused(request(bad)).field, field);
    }
}

#[test]
fn confirming_and_closing_name_the_request_and_are_different_calls() {
    let answer = wire::BreakGlassAnswer {
        header: Some(header()),
        request: 7,
        details: Vec::new(),
    };
    let rule = Redact::default_rule();
    let confirmed = intake().confirm_break_glass(&ops(), &rule, answer.clone());
    let closed = intake().close_break_glass(&ops(), &rule, answer.clone());
    for (command, call, event) in [
        (confirmed, Call::ConfirmBreakGlass, BreakGlassEvent::Opened),
        (closed, Call::CloseBreakGlass, BreakGlassEvent::Closed),
    ] {
        let command = command.expect("well-formed");
        assert_eq!(command.lane, Lane::Control);
        let Body::BreakGlass(glass) = command.body else {
            panic!("break-glass")
        };
        assert_eq!((glass.cause.call, glass.event), (Some(call), event));
        assert_eq!(glass.request, Some(7));
    }
    let high = wire::BreakGlassAnswer {
        request: 1 << 53,
        ..answer
    };
    assert_eq!(
        refused(intake().close_break_glass(&ops(), &rule, high)).field,
        "request"
    );
}
