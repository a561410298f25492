use std::sync::Arc;

use ledger_core::hash::Hash;
use ledger_core::role::Role;
use ledger_core::state::State;
use ledger_core::token::{Kind, SubjectKey};
use ledger_core::view::MemoryView;

use super::super::decide::tests::{intake, refused};
use super::*;
use crate::snapshot::{Directory, Known};
use crate::submission::SubmitError;

fn ops() -> Caller {
    Caller::test("ops.1", Role::Operator)
}

fn header() -> wire::WriteHeader {
    wire::WriteHeader {
        request_id: "r-1".to_owned(),
        correlation_id: "c-1".to_owned(),
    }
}

fn principal() -> wire::PutPrincipalRequest {
    wire::PutPrincipalRequest {
        header: Some(header()),
        id: "agent.a".to_owned(),
        role: wire::Role::Agent.into(),
        groups: vec!["g".to_owned()],
        credential_sha256: vec![5; 32].into(),
    }
}

fn reason() -> Vec<wire::Detail> {
    vec![wire::Detail {
        name: wire::DetailName::Reason.into(),
        value: "because".into(),
    }]
}

fn agent_a_known() -> Snapshot {
    let state = State::load(MemoryView::default()).expect("empty");
    let mut snapshot = Snapshot::first(&state, Timestamp::EPOCH);
    let known = Known {
        id: "agent.a".to_owned(),
        role: Role::Agent,
        groups: Vec::new(),
        seq: 3,
        revoked: false,
    };
    let mut directory = Directory::default();
    directory.all.push(known);
    snapshot.principals = Arc::new(directory);
    snapshot
}

#[test]
fn bad_principals_are_refused_by_the_field() {
    use wire::PutPrincipalRequest as P;
    for (what, bad, field) in [
        (
            "no header",
            P {
                header: None,
                ..principal()
            },
            "header.request_id",
        ),
        (
            "no id",
            P {
                id: String::new(),
                ..principal()
            },
            "id",
        ),
        (
            "a person",
            P {
                id: "ann@example.org".into(),
                ..principal()
            },
            "id",
        ),
        (
            "a long id",
            P {
                id: "x".repeat(65),
                ..principal()
            },
            "id",
        ),
        (
            "the ledger",
            P {
                id: "ledger".into(),
                ..principal()
            },
            "id",
        ),
        (
            "a user name that Basic credentials cannot carry",
            P {
                id: "provider:ses".into(),
                role: wire::Role::Ingest.into(),
                ..principal()
            },
            "id",
        ),
        (
            "no role",
            P {
                role: 0,
                ..principal()
            },
            "role",
        ),
        (
            "an unknown role",
            P {
                role: 8,
                ..principal()
            },
            "role",
        ),
        (
            "too many groups",
            P {
                groups: (0..17).map(|i| format!("g{i}")).collect(),
                ..principal()
            },
            "groups",
        ),
        (
            "a nameless group",
            P {
                groups: vec![String::new()],
                ..principal()
            },
            "groups[0]",
        ),
        (
            "a group twice",
            P {
                groups: vec!["g".into(), "g".into()],
                ..principal()
            },
            "groups[1]",
        ),
        (
            "no credential",
            P {
                credential_sha256: Vec::new().into(),
                ..principal()
            },
            "credential_sha256",
        ),
        (
            "half a hash",
            P {
                credential_sha256: vec![1; 16].into(),
                ..principal()
            },
            "credential_sha256",
        ),
    ] {
        let error = refused(intake().put_principal(&ops(), bad));
        assert_eq!(error.field, field, "{what}: {error}");
    }
    let command = intake()
        .put_principal(&ops(), principal())
        .expect("well-formed");
    assert_eq!(command.lane, Lane::Control);
    let Body::Principal(change) = command.body else {
        panic!("a principal")
    };
    assert_eq!(change.credential, Some(Hash([5; 32])));
    assert_eq!(change.cause.correlation_id.as_deref(), Some("c-1"));
}

#[test]
fn only_a_registered_principal_can_be_revoked_and_keeps_its_role() {
    let request = |id: &str| wire::RevokePrincipalRequest {
        header: Some(header()),
        id: id.to_owned(),
    };
    let known = agent_a_known();
    let command = intake()
        .revoke_principal(&ops(), &known, request("agent.a"))
        .expect("registered");
    let Body::Principal(change) = command.body else {
        panic!("a principal")
    };
    assert_eq!((change.role, change.credential), (Role::Agent, None));
    let error = intake()
        .revoke_principal(&ops(), &known, request("agent.b"))
        .expect_err("unknown");
    assert!(
        matches!(
            error,
            CallError::Submit(SubmitError::Refused(Refusal::Precondition { .. }))
        ),
        "{error}"
    );
    assert_eq!(
        refused(intake().revoke_principal(&ops(), &known, request(""))).field,
        "id"
    );
}

#[test]
fn a_policy_carries_the_tokens_of_its_mailboxes_and_brings_its_rules() {
    let text = concat!(
        "version = 1\n[[grant]]\nid = \"g\"\nagent = \"agent.a\"\nactions = [\"email.send\"]\nsellers = [\"acme\"]\n",
        "mailboxes = [\"Outreach-1\"]\n",
        "[[throttle]]\nid = \"t\"\nactions = [\"email.send\"]\nper = \"agent\"\nlimit = 1\nwindow = \"1h\"\n",
    );
    let request = |text: &str| wire::PublishPolicyRequest {
        header: Some(header()),
        files: vec![wire::PolicyFile {
            path: "policy.toml".to_owned(),
            text: text.to_owned(),
        }],
        promotion: None,
    };
    let command = intake()
        .publish_policy(&ops(), request(text))
        .expect("a policy");
    let counted = command
        .policy
        .as_ref()
        .map(|policy| policy.throttles().len());
    assert_eq!((command.lane, counted), (Lane::Work, Some(1)));
    let Body::Policy(policy) = command.body else {
        panic!("a policy")
    };
    let token = SubjectKey::new([1; 32]).token(&Kind::Mailbox, "Outreach-1");
    assert_eq!(
        policy.mailboxes,
        BTreeMap::from([("Outreach-1".to_owned(), token)])
    );
    assert!(
        policy.sha256.is_none() && policy.parts.is_none(),
        "answers are not the service's"
    );

    let error = intake()
        .publish_policy(&ops(), request("version = 1\nnonsense = 1\n"))
        .expect_err("not a policy");
    assert!(
        matches!(
            error,
            CallError::Submit(SubmitError::Refused(Refusal::Policy(_)))
        ),
        "{error}"
    );
    let nothing = wire::PublishPolicyRequest {
        header: Some(header()),
        files: Vec::new(),
        promotion: None,
    };
    assert!(intake().publish_policy(&ops(), nothing).is_err());
}

#[test]
fn scopes_are_one_of_three_and_a_resume_says_why() {
    use wire::scope::Of;
    let of = |of| Some(wire::Scope { of: Some(of) });
    let stop = |scope, details| {
        let request = wire::StopRequest {
            header: Some(header()),
            scope,
            details,
        };
        intake().stop(&ops(), &Redact::default_rule(), request)
    };
    for (scope, expected) in [
        (Of::All(true), Scope::All),
        (
            Of::AgentId("agent.a".into()),
            Scope::Agent {
                id: "agent.a".to_owned(),
            },
        ),
        (
            Of::Class(wire::ActionClass::Contact.into()),
            Scope::Class {
                class: ledger_core::action::Class::Contact,
            },
        ),
    ] {
        let command = stop(of(scope), Vec::new()).expect("nothing refuses a stop");
        assert_eq!(command.lane, Lane::Control);
        let Body::Stop(stop) = command.body else {
            panic!("a stop")
        };
        assert_eq!(stop.scope, expected);
    }
    for (what, scope, field) in [
        ("none", None, "scope"),
        ("an empty one", Some(wire::Scope { of: None }), "scope"),
        ("not all", of(Of::All(false)), "scope.all"),
        ("no agent", of(Of::AgentId(String::new())), "scope.agent_id"),
        ("no class", of(Of::Class(0)), "scope.class"),
        ("an unknown class", of(Of::Class(5)), "scope.class"),
    ] {
        assert_eq!(refused(stop(scope, Vec::new())).field, field, "{what}");
    }
    let resume = |details| {
        let request = wire::ResumeRequest {
            header: Some(header()),
            scope: of(Of::All(true)),
            details,
        };
        intake().resume(&ops(), &Redact::default_rule(), request)
    };
    assert_eq!(refused(resume(Vec::new())).field, "details");
    let command = resume(reason()).expect("well-formed");
    assert_eq!((command.lane, command.details.len()), (Lane::Control, 1));
}

#[test]
fn an_acknowledgement_is_a_control_command_without_times_of_its_own() {
    let request = wire::AcknowledgeClockRequest {
        header: Some(header()),
    };
    let command = intake()
        .acknowledge_clock(&ops(), request)
        .expect("well-formed");
    assert_eq!(command.lane, Lane::Control);
    let Body::Clock(clock) = command.body else {
        panic!("a clock entry")
    };
    assert_eq!(
        (clock.event, clock.after),
        (ClockEvent::Acknowledged, Timestamp::EPOCH)
    );
    let headless = wire::AcknowledgeClockRequest { header: None };
    assert_eq!(
        refused(intake().acknowledge_clock(&ops(), headless)).field,
        "header.request_id"
    );
}

#[test]
fn calls_with_the_same_values_have_different_contents() {
    let content = |command: Command| {
        command
            .body
            .cause()
            .and_then(|cause| cause.content)
            .expect("content")
    };
    let scope = || {
        Some(wire::Scope {
            of: Some(wire::scope::Of::All(true)),
        })
    };
    let stop = wire::StopRequest {
        header: Some(header()),
        scope: scope(),
        details: reason(),
    };
    let resume = wire::ResumeRequest {
        header: Some(header()),
        scope: scope(),
        details: reason(),
    };
    let stop = content(
        intake()
            .stop(&ops(), &Redact::default_rule(), stop)
            .expect("well-formed"),
    );
    let resume = content(
        intake()
            .resume(&ops(), &Redact::default_rule(), resume)
            .expect("well-formed"),
    );
    assert_ne!(stop, resume);
}
