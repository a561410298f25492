use ledger_core::entry::{Entry, Event, Status};
use ledger_core::role::Role;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, SubjectKey};

use super::super::decide::tests::{agent, intake, refused};
use super::*;

fn time(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds,
        nanos: 999,
    }
}

fn execution() -> wire::Execution {
    wire::Execution {
        decision: 41,
        status: wire::ExecutionStatus::Partial.into(),
        error_code: "550".to_owned(),
        provider: "gmail".to_owned(),
        provider_id: " <msg-1@mail.example> ".to_owned(),
        started_at: Some(time(5)),
        occurred_at: Some(time(6)),
        cost_micros: Some(3),
        results: vec![wire::RecipientResult {
            recipient: 1,
            status: wire::ExecutionStatus::Failure.into(),
            error_code: "5.1.1".to_owned(),
        }],
    }
}

fn outcome() -> wire::OutcomeEvent {
    wire::OutcomeEvent {
        execution: Some(42),
        event: wire::EventType::BounceHard.into(),
        recipient: Some(1),
        provider: "gmail".to_owned(),
        provider_id: "msg-1".to_owned(),
        occurred_at: Some(time(7)),
        person: None,
    }
}

fn asserted() -> wire::AssertedDecision {
    wire::AssertedDecision {
        action: "crm.task.create".to_owned(),
        targets: vec![wire::Target {
            r#type: "deal".to_owned(),
            id: "d-1".to_owned(),
            ..Default::default()
        }],
        foreign: Some(wire::ForeignDecision {
            engine: "opa".to_owned(),
            outcome: wire::Outcome::Deny.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn request(report: Report) -> wire::RecordRequest {
    wire::RecordRequest {
        request_id: "report-1".to_owned(),
        correlation_id: "run-1".to_owned(),
        report: Some(report),
        ..Default::default()
    }
}

fn record(request: wire::RecordRequest) -> Result<Command, CallError> {
    intake().record(&agent(), &Redact::default_rule(), request)
}

#[test]
fn an_execution_keeps_what_was_said_and_the_providers_id_as_a_token() {
    let command = record(request(Report::Execution(execution()))).expect("well-formed");
    assert_eq!(command.lane, Lane::Reports);
    let Body::Execution(found) = command.body else {
        panic!("{:?}", command.body)
    };
    let token = SubjectKey::new([1; 32]).token(&Kind::ProviderId, "<msg-1@mail.example>");
    assert_eq!(found.provider_id, Some(token));
    assert_eq!((found.decision, found.status), (41, Status::Partial));
    assert_eq!(
        found.started_at.map(Timestamp::micros),
        Some(5_000_000),
        "cut to the microsecond"
    );
    assert_eq!(found.results.len(), 1);
    assert!(
        found.findings.is_empty() && found.policy.is_none(),
        "answers are not the service's"
    );
}

#[test]
fn outcomes_and_asserted_decisions_are_reports_too() {
    let recorder = Caller::test("recorder.mail", Role::Recorder);
    let command = intake().record(
        &recorder,
        &Redact::default_rule(),
        request(Report::Outcome(outcome())),
    );
    let Body::Outcome(found) = command.expect("well-formed").body else {
        panic!("an outcome")
    };
    assert_eq!(
        (found.execution, found.event, found.recipient),
        (Some(42), Event::BounceHard, Some(1))
    );
    let command = record(request(Report::Decision(asserted()))).expect("well-formed");
    assert_eq!(command.lane, Lane::Reports);
    let Body::Decision(found) = command.body else {
        panic!("a decision")
    };
    assert_eq!((found.basis, found.tokens_v), (Basis::Asserted, Some(1)));
    assert_eq!(found.cause.call, Some(Call::Record));
}

#[test]
fn bad_reports_are_refused_by_the_field() {
    use wire::{AssertedDecision as A, Execution as E, OutcomeEvent as O, RecipientResult as R};
    let result = |change: fn(&mut R)| {
        let mut result = execution().results.remove(0);
        change(&mut result);
        Report::Execution(E {
            results: vec![result],
            ..execution()
        })
    };
    let foreign = |change: fn(&mut wire::ForeignDecision)| {
        let mut decision = asserted();
        change(decision.foreign.as_mut().expect("one"));
        Report::Decision(decision)
    };
    for (what, report, field) in [
        (
            "no status",
            Report::Execution(E {
                status: 0,
                ..execution()
            }),
            "execution.status",
        ),
        (
            "an unknown status",
            Report::Execution(E {
                status: 9,
                ..execution()
            }),
            "execution.status",
        ),
        (
            "a seq too high",
            Report::Execution(E {
                decision: 1 << 53,
                ..execution()
            }),
            "execution.decision",
        ),
        (
            "a personal code",
            Report::Execution(E {
                error_code: "a@b".into(),
                ..execution()
            }),
            "execution.error_code",
        ),
        (
            "a provider with a space",
            Report::Execution(E {
                provider: "a b".into(),
                ..execution()
            }),
            "execution.provider",
        ),
        (
            "a long provider id",
            Report::Execution(E {
                provider_id: "x".repeat(257),
                ..execution()
            }),
            "execution.provider_id",
        ),
        (
            "a start before 1970",
            Report::Execution(E {
                started_at: Some(time(-1)),
                ..execution()
            }),
            "execution.started_at",
        ),
        (
            "a time after 9999",
            Report::Execution(E {
                occurred_at: Some(time(i64::MAX)),
                ..execution()
            }),
            "execution.occurred_at",
        ),
        (
            "too high a cost",
            Report::Execution(E {
                cost_micros: Some(1 << 53),
                ..execution()
            }),
            "execution.cost_micros",
        ),
        (
            "too many results",
            Report::Execution(E {
                results: vec![execution().results.remove(0); 51],
                ..execution()
            }),
            "execution.results",
        ),
        (
            "an index too high",
            result(|r| r.recipient = 50),
            "execution.results[0].recipient",
        ),
        (
            "a result without status",
            result(|r| r.status = 0),
            "execution.results[0].status",
        ),
        (
            "a bad code",
            result(|r| r.error_code = "a b".into()),
            "execution.results[0].error_code",
        ),
        (
            "no event",
            Report::Outcome(O {
                event: 0,
                ..outcome()
            }),
            "outcome.event",
        ),
        (
            "an unknown event",
            Report::Outcome(O {
                event: 6,
                ..outcome()
            }),
            "outcome.event",
        ),
        (
            "an index too high",
            Report::Outcome(O {
                recipient: Some(50),
                ..outcome()
            }),
            "outcome.recipient",
        ),
        (
            "a seq too high",
            Report::Outcome(O {
                execution: Some(1 << 53),
                ..outcome()
            }),
            "outcome.execution",
        ),
        (
            "no action",
            Report::Decision(A {
                action: String::new(),
                ..asserted()
            }),
            "decision.action",
        ),
        (
            "a seller in upper case",
            Report::Decision(A {
                seller: "Acme".to_owned(),
                ..asserted()
            }),
            "decision.seller",
        ),
        (
            "no foreign decision",
            Report::Decision(A {
                foreign: None,
                ..asserted()
            }),
            "decision.foreign",
        ),
        (
            "no engine",
            foreign(|f| f.engine.clear()),
            "decision.foreign.engine",
        ),
        (
            "no outcome",
            foreign(|f| f.outcome = 0),
            "decision.foreign.outcome",
        ),
        (
            "recipients",
            Report::Decision(A {
                recipients: vec![wire::Recipient::default()],
                ..asserted()
            }),
            "decision.recipients",
        ),
        (
            "a bad target",
            Report::Decision(A {
                targets: vec![wire::Target::default()],
                ..asserted()
            }),
            "decision.targets[0].type",
        ),
    ] {
        let error = refused(record(request(report)));
        assert_eq!(error.field, field, "{what}: {error}");
    }
    let nothing = wire::RecordRequest {
        report: None,
        ..request(Report::Outcome(outcome()))
    };
    assert_eq!(refused(record(nothing)).field, "report");
    for (field, change) in [
        (
            "request_id",
            (|r| r.request_id.clear()) as fn(&mut wire::RecordRequest),
        ),
        ("correlation_id", |r| r.correlation_id.clear()),
        ("action_id", |r| r.action_id = "a b".to_owned()),
        ("agent_version", |r| r.agent_version = "a b".to_owned()),
    ] {
        let mut request = request(Report::Outcome(outcome()));
        change(&mut request);
        assert_eq!(refused(record(request)).field, field);
    }
}

#[test]
fn three_reports_of_the_same_values_have_three_contents() {
    let content = |report| {
        let command = record(request(report)).expect("well-formed");
        command
            .body
            .cause()
            .and_then(|cause| cause.content)
            .expect("content")
    };
    let one = content(Report::Execution(execution()));
    assert_eq!(one, content(Report::Execution(execution())));
    assert_ne!(
        one,
        content(Report::Execution(wire::Execution {
            decision: 40,
            ..execution()
        }))
    );
    assert_ne!(
        content(Report::Outcome(outcome())),
        content(Report::Decision(asserted()))
    );
}

#[test]
fn the_largest_report_fits_its_entry() {
    let results = (0..50).map(|recipient| wire::RecipientResult {
        recipient,
        status: wire::ExecutionStatus::NotStarted.into(),
        error_code: "x".repeat(128),
    });
    let report = Report::Execution(wire::Execution {
        error_code: "x".repeat(128),
        provider: "x".repeat(128),
        results: results.collect(),
        ..execution()
    });
    let details = (1..=11)
        .map(|name| wire::Detail {
            name,
            value: "{}".into(),
        })
        .collect();
    let request = wire::RecordRequest {
        request_id: "x".repeat(128),
        correlation_id: "x".repeat(128),
        action_id: "x".repeat(128),
        agent_version: "x".repeat(128),
        details,
        ..request(report)
    };
    let body = record(request).expect("well-formed").body;
    let line = Entry {
        seq: 1 << 52,
        time: Timestamp::MAX,
        sandbox: true,
        body,
    }
    .encode()
    .expect("fits");
    assert!(
        line.len() < 32_768,
        "{} bytes leave no room for findings",
        line.len()
    );
}

#[test]
fn whom_an_outcome_is_about_is_recorded_as_far_as_it_can_be_and_never_refused() {
    let about = |person: wire::Identifiers| {
        let event = wire::OutcomeEvent {
            person: Some(person),
            ..outcome()
        };
        let command = record(request(Report::Outcome(event))).expect("evidence is taken");
        match command.body {
            Body::Outcome(outcome) => *outcome,
            other => panic!("{other:?}"),
        }
    };
    let kinds = |outcome: &OutcomeReport| -> Vec<Kind> {
        outcome.keys.iter().map(|key| key.kind.clone()).collect()
    };
    let known = about(wire::Identifiers {
        email: "Ann+x@gmail.com".to_owned(),
        phone: "+49 151 1234567".to_owned(),
        contact_id: "c-1".to_owned(),
        account_id: "acct-1".to_owned(),
    });
    // Neither their host nor their company: those are not one person.
    assert_eq!(
        kinds(&known),
        [
            Kind::Email,
            Kind::EmailCanonical,
            Kind::Phone,
            Kind::Contact
        ]
    );
    assert_eq!(known.tokens_v, Some(1));
    let half = about(wire::Identifiers {
        email: "no address".to_owned(),
        contact_id: "c-1".to_owned(),
        ..Default::default()
    });
    assert_eq!(kinds(&half), [Kind::Contact]);
    let nobody = about(wire::Identifiers {
        email: "no address".to_owned(),
        ..Default::default()
    });
    assert_eq!((nobody.keys.len(), nobody.tokens_v), (0, None));
    let nothing = about(wire::Identifiers::default());
    // What could not be recorded was still said: with other words it is another report.
    let contents = [&known, &half, &nobody, &nothing].map(|it| it.cause.content);
    for (at, content) in contents.iter().enumerate() {
        assert!(!contents[..at].contains(content), "{at}");
    }
    let company = about(wire::Identifiers {
        account_id: "acct-1".to_owned(),
        ..Default::default()
    });
    assert!(company.keys.is_empty());
    assert_ne!(company.cause.content, nothing.cause.content);
    let long = wire::OutcomeEvent {
        person: Some(wire::Identifiers {
            phone: "1".repeat(65),
            ..Default::default()
        }),
        ..outcome()
    };
    let error = refused(record(request(Report::Outcome(long))));
    assert_eq!(error.field, "outcome.person.phone");
}
