//! Boundaries that random histories seldom meet.

use ledger_core::entry::{Approval, Body, Code, Details, Environment, Foreign, Outcome, Verdict};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;

use super::ledger::{APPROVERS, Ledger, OPERATOR, caused, grouped, seconds};
use super::scene::{POLICY, Scene, allowed, has, key, person, registrable, to};

/// An approval can be given, and used, until a microsecond before its time is over.
#[test]
fn an_approval_ends_to_the_microsecond() {
    let mut scene = Scene::new("");
    let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, "approver");
    let approver = grouped(cause, APPROVERS[0], Role::Approver, &["sales-ops"]);
    scene.ledger.append(approver, seconds(1));
    let mut asking = scene.request("email.send", vec![person(1)]);
    asking.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::RequireApproval,
    });
    let (asked, found) = scene.decide(asking.clone(), seconds(1));
    let over = found.approve_by.unwrap();
    let before = Timestamp::from_micros(over.micros() - 1).unwrap();
    let answer = Body::Approval(Approval {
        cause: caused(Call::AnswerApproval, Role::Approver, APPROVERS[0], "answer"),
        decision: Some(asked),
        policy: None,
        verdict: Verdict::Granted,
        group: String::new(),
        expires_at: None,
        granted: None,
        details: Details::new(),
    });
    assert!(scene.ledger.clone().submit(answer.clone(), over).is_err());
    let (granted, _) = scene.ledger.append(answer, before);
    asking.cause.request_id = Some("second".to_owned());
    asking.approval = Some(granted);
    let at = |now| ledger_core::gate::decide(&scene.ledger.state, asking.clone(), now).unwrap();
    assert!(allowed(&at(before)));
    assert_eq!(at(over).outcome, Outcome::Deny);
    assert!(has(&at(over), Code::ApprovalExpired));
}

/// In a sandbox it takes an address: a domain alone, or a phone beside it, reaches somebody.
#[test]
fn a_sandbox_reaches_addresses_alone() {
    let mut scene = Scene::new("");
    scene.ledger = Ledger::within(Environment::Sandbox, vec![registrable(1).token]);
    let phones = [1, 2].map(|number| format!("\"token:{}\"", key(Kind::Phone, number).token));
    let fake = format!("{POLICY}[sandbox]\nfake_phones = [{}]\n", phones.join(","));
    scene.ledger.publish(&fake, seconds(0));
    let phone = to(vec![registrable(1), key(Kind::Phone, 1)]);
    let mut rings = person(1);
    rings.keys.push(key(Kind::Phone, 3));
    let table = [
        (person(1), true),
        (person(2), false),
        (phone, false),
        (rings, false),
    ];
    for (who, reached) in table {
        let found = scene.ask("call.queue", who, seconds(1));
        assert_eq!(allowed(&found), reached, "{:?}", found.reasons);
        assert_eq!(has(&found, Code::SandboxRecipient), !reached);
    }
}
