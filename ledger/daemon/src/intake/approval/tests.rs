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

fn answer(request: wire::AnswerApprovalRequest) -> Result<Command, CallError> {
    let approver = Caller::test("approver.one", Role::Approver);
    intake().answer_approval(&approver, &Redact::default_rule(), request)
}

fn granted() -> wire::AnswerApprovalRequest {
    wire::AnswerApprovalRequest {
        header: Some(header()),
        verdict: wire::Verdict::Granted.into(),
        details: Vec::new(),
        of: Some(wire::answer_approval_request::Of::Decision(41)),
    }
}

#[test]
fn an_answer_names_a_decision_or_a_policy_and_goes_before_the_agents() {
    let command = answer(granted()).expect("well-formed");
    assert_eq!(command.lane, Lane::Control);
    let Body::Approval(approval) = command.body else {
        panic!("an approval")
    };
    assert_eq!((approval.decision, approval.policy), (Some(41), None));
    assert_eq!(approval.verdict, Verdict::Granted);
    assert_eq!(approval.cause.call, Some(Call::AnswerApproval));
    let of_policy = answer(wire::AnswerApprovalRequest {
        of: Some(wire::answer_approval_request::Of::PolicySha256(
            vec![7; 32].into(),
        )),
        ..granted()
    });
    let Body::Approval(of_policy) = of_policy.expect("well-formed").body else {
        panic!("an approval")
    };
    assert_eq!(of_policy.decision, None);
    assert_eq!(of_policy.policy.map(|hash| hash.0), Some([7; 32]));
    assert_ne!(of_policy.cause.content, approval.cause.content);
}

#[test]
fn a_denial_says_why() {
    let denied = wire::AnswerApprovalRequest {
        verdict: wire::Verdict::Denied.into(),
        ..granted()
    };
    assert_eq!(refused(answer(denied.clone())).field, "details");
    let command = answer(wire::AnswerApprovalRequest {
        details: reason(),
        ..denied
    });
    let Body::Approval(approval) = command.expect("well-formed").body else {
        panic!("an approval")
    };
    assert_eq!(approval.verdict, Verdict::Denied);
    assert_eq!(approval.details.len(), 1);
}

#[test]
fn bad_answers_are_refused_by_the_field() {
    use wire::answer_approval_request::Of;
    let of = |of| wire::AnswerApprovalRequest { of, ..granted() };
    let verdict = |verdict| wire::AnswerApprovalRequest {
        verdict,
        ..granted()
    };
    let headless = wire::AnswerApprovalRequest {
        header: None,
        ..granted()
    };
    for (request, field) in [
        (of(None), "decision"),
        (of(Some(Of::Decision(1 << 53))), "decision"),
        (
            of(Some(Of::PolicySha256(vec![7; 31].into()))),
            "policy_sha256",
        ),
        (
            of(Some(Of::PolicySha256(Vec::new().into()))),
            "policy_sha256",
        ),
        (verdict(0), "verdict"),
        (verdict(3), "verdict"),
        (headless, "header.request_id"),
    ] {
        assert_eq!(refused(answer(request)).field, field);
    }
}
