//! Who is heard, and with what.

use ledger_core::entry::{
    Access, Actor, ActorType, Approval, Basis, Body, BreakGlass, BreakGlassEvent, Breaker,
    BreakerEvent, BreakerScope, Cause, Change, Clock, ClockEvent, Code, Commitment, Decision,
    DetailName, Details, Dnc, DncOp, Event, Foreign, Genesis, Heartbeat, Import, KeyEntry,
    KeyEvent, ListingReason, Measure, Outcome, OutcomeReport, PrincipalChange, Resume, Scope,
    Status, Stop, Unresolved, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::note::SigningKey;
use ledger_core::plan::{Plan, Refusal};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;

use super::ledger::{
    AGENTS, COMPLIANCE, OPERATOR, RECORDER, cause_mut, caused, dnc, grouped, policy, principal,
    seconds,
};
use super::scene::{
    AGENT, POLICY, Scene, execution, exempted, has, key, listed, person, unlisting,
};

pub(crate) fn stop(scope: Scope, role: Role, id: &str, request_id: &str) -> Body {
    Body::Stop(Stop {
        cause: caused(Call::Stop, role, id, request_id),
        scope,
        voided: 0,
        details: Details::new(),
    })
}

/// Who requests break-glass in these tests, so that everybody else may confirm it.
const FIRST: &str = "ops-1";

fn glass(cause: Cause, event: BreakGlassEvent, request: Option<u64>) -> Body {
    let reason = Commitment {
        commitment: Hash([8; 32]),
        bytes: 3,
        redacted: None,
    };
    Body::BreakGlass(BreakGlass {
        cause,
        event,
        request,
        requested_by: None,
        agent: AGENT.to_owned(),
        action: None,
        duration_s: 600,
        until: None,
        details: Details::from([(DetailName::Reason, reason)]),
    })
}

fn key_entry(cause: Cause, event: KeyEvent, name: &str) -> Body {
    let key = SigningKey::from_seed(&[3; 32], name).unwrap();
    Body::Key(KeyEntry {
        cause,
        event,
        key: key.verification_key().to_string(),
    })
}

pub(crate) fn import(op: DncOp, import: Option<u64>, request_id: &str) -> Body {
    let Body::Dnc(entry) = dnc(op, Vec::new(), request_id) else {
        panic!("not a dnc entry")
    };
    Body::Dnc(Dnc {
        import,
        imports: import.is_none().then(|| Import {
            source: "ftc".to_owned(),
            reason: ListingReason::NationalRegistry,
            sha256: Hash([0x11; 32]),
            rows: None,
            rejected: None,
            changes: false,
        }),
        ..entry
    })
}

/// What people do about the gate: approvals, break-glass, breakers, keys, imports.
fn gate_commands(scene: &mut Scene) -> Vec<(Call, Body)> {
    let new = |call: Call, role, id| caused(call, role, id, &format!("new-{}", call.as_str()));
    let before = |call, id: &str| caused(call, Role::Operator, FIRST, id);
    let mut asking = scene.request("email.send", vec![person(1)]);
    asking.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::RequireApproval,
    });
    let (asked, found) = scene.decide(asking, seconds(1));
    assert_eq!(found.approvers.as_deref(), Some("sales-ops"));
    let first = caused(Call::PutPrincipal, Role::Operator, OPERATOR, FIRST);
    let first = principal(first, FIRST, Role::Operator);
    scene.ledger.append(first, seconds(1));
    let mut requested = [0; 2];
    for (number, seq) in requested.iter_mut().enumerate() {
        let cause = before(Call::RequestBreakGlass, &format!("glass-{number}"));
        let request = glass(cause, BreakGlassEvent::Requested, None);
        *seq = scene.ledger.append(request, seconds(1)).0;
    }
    // A contact that the list denied was carried out all the same: the gate's own breaker opens.
    scene.list(listed(&[key(Kind::Phone, 60)]), seconds(1));
    let request = scene.request("email.send", vec![person(60)]);
    let (denied, _) = scene.decide(request, seconds(1));
    let cause = caused(Call::Record, Role::Agent, AGENT, "breach");
    let report = execution(cause, denied, Status::Success);
    let (breach, _) = scene
        .ledger
        .append(Body::Execution(Box::new(report)), seconds(1));
    let trusted = before(Call::TrustKey, "trusted");
    let trusted = key_entry(trusted, KeyEvent::Trusted, "sandbox.example/a");
    scene.ledger.append(trusted, seconds(1));
    let begun = import(DncOp::ImportBegin, None, "begun");
    let (begun, _) = scene.ledger.append(begun, seconds(1));
    let answer = Approval {
        cause: new(Call::AnswerApproval, Role::Approver, "approver-1"),
        decision: Some(asked),
        policy: None,
        verdict: Verdict::Granted,
        group: String::new(),
        expires_at: None,
        granted: None,
        details: Details::new(),
    };
    let reset = Breaker {
        cause: new(Call::ResetBreaker, Role::Operator, OPERATOR),
        event: BreakerEvent::Reset,
        rule: String::new(),
        scope: BreakerScope::default(),
        measure: Measure::DncBreach,
        opened: Some(breach + 1),
        threshold: None,
        count: None,
        sample: None,
        window_s: None,
        until: None,
        cites: Vec::new(),
        cites_total: None,
        details: Details::new(),
    };
    let of = |call| new(call, Role::Operator, OPERATOR);
    vec![
        (Call::AnswerApproval, Body::Approval(answer)),
        (
            Call::RequestBreakGlass,
            glass(
                of(Call::RequestBreakGlass),
                BreakGlassEvent::Requested,
                None,
            ),
        ),
        (
            Call::ConfirmBreakGlass,
            glass(
                of(Call::ConfirmBreakGlass),
                BreakGlassEvent::Opened,
                Some(requested[0]),
            ),
        ),
        (
            Call::CloseBreakGlass,
            glass(
                of(Call::CloseBreakGlass),
                BreakGlassEvent::Closed,
                Some(requested[1]),
            ),
        ),
        (Call::ResetBreaker, Body::Breaker(Box::new(reset))),
        (
            Call::TrustKey,
            key_entry(of(Call::TrustKey), KeyEvent::Trusted, "sandbox.example/b"),
        ),
        (
            Call::DistrustKey,
            key_entry(
                of(Call::DistrustKey),
                KeyEvent::Distrusted,
                "sandbox.example/a",
            ),
        ),
        (
            Call::BeginImport,
            import(DncOp::ImportBegin, None, "new-BeginImport"),
        ),
        (
            Call::EndImport,
            import(DncOp::ImportEnd, Some(begun), "new-EndImport"),
        ),
    ]
}

/// One command of every kind that a call makes, each of which would be accepted.
pub(crate) fn commands(scene: &mut Scene) -> Vec<(Call, Body)> {
    let of_the_gate = gate_commands(scene);
    let decision = scene.request("email.send", vec![person(1)]);
    let (allow, _) = scene.decide(decision.clone(), seconds(1));
    let listing = scene.list(listed(&[key(Kind::Phone, 50)]), seconds(1));
    let stop_all = stop(
        Scope::Agent {
            id: "nobody".to_owned(),
        },
        Role::Operator,
        OPERATOR,
        "stop-0",
    );
    scene.ledger.append(stop_all, seconds(1));
    let seen = Body::Clock(Clock {
        cause: Cause::ledger(),
        event: ClockEvent::Seen,
        before: seconds(1),
        after: seconds(9),
        bound_ms: Some(5_000),
        acknowledges: None,
    });
    scene.ledger.append(seen, seconds(1));
    let new = |call| {
        caused(
            call,
            Role::Operator,
            OPERATOR,
            &format!("new-{}", call.as_str()),
        )
    };
    let asserted = Decision {
        foreign: Some(Foreign {
            engine: "opa".to_owned(),
            policy: None,
            outcome: Outcome::Allow,
        }),
        ..Decision::request(Basis::Asserted, new(Call::Record), "crm.update".to_owned())
    };
    let outcome = OutcomeReport {
        cause: new(Call::Record),
        execution: None,
        event: Event::Reply,
        recipient: None,
        keys: Vec::new(),
        tokens_v: None,
        provider: None,
        provider_id: None,
        occurred_at: None,
        matched: None,
        decision: None,
        policy: None,
        findings: Vec::new(),
        details: Details::new(),
    };
    let revoked = PrincipalChange {
        cause: new(Call::RevokePrincipal),
        id: AGENTS[2].to_owned(),
        role: Role::Agent,
        groups: Vec::new(),
        credential: None,
        change: Change::Revoked,
    };
    let mut ask = decision;
    ask.cause = new(Call::Decide);
    let resume = Resume {
        cause: new(Call::Resume),
        scope: Scope::Agent {
            id: "nobody".to_owned(),
        },
        stops: Vec::new(),
        details: Details::new(),
    };
    let acknowledge = Clock {
        cause: new(Call::AcknowledgeClock),
        event: ClockEvent::Acknowledged,
        before: Timestamp::EPOCH,
        after: seconds(9),
        bound_ms: None,
        acknowledges: None,
    };
    let access = |call| {
        let access = Access {
            call,
            actor: Actor::principal(Role::Operator, OPERATOR),
            from: Some(0),
            to: Some(1),
            detail: None,
            tokens: Vec::new(),
            pack: None,
        };
        (call, Body::Access(access))
    };
    let mut commands = of_the_gate;
    commands.extend([
        (Call::Decide, Body::Decision(Box::new(ask))),
        (
            Call::Record,
            Body::Execution(Box::new(execution(
                new(Call::Record),
                allow,
                Status::Success,
            ))),
        ),
        (Call::Record, Body::Outcome(Box::new(outcome))),
        (Call::Record, Body::Decision(Box::new(asserted))),
        (
            Call::PutPrincipal,
            principal(new(Call::PutPrincipal), "agent.new", Role::Agent),
        ),
        (Call::RevokePrincipal, Body::Principal(revoked)),
        (
            Call::AddDnc,
            dnc(
                DncOp::List,
                vec![listed(&[key(Kind::Phone, 51)])],
                "new-AddDnc",
            ),
        ),
        (Call::RemoveDnc, unlisting(&[(listing, 0)], "new-RemoveDnc")),
        (
            Call::ExemptDnc,
            dnc(
                DncOp::Exempt,
                vec![exempted(&[key(Kind::Phone, 51)])],
                "new-ExemptDnc",
            ),
        ),
        (Call::PublishPolicy, policy(POLICY, "new-PublishPolicy")),
        (
            Call::Stop,
            stop(Scope::All, Role::Operator, OPERATOR, "new-Stop"),
        ),
        (Call::Resume, Body::Resume(resume)),
        (Call::AcknowledgeClock, Body::Clock(acknowledge)),
        access(Call::GetDetail),
        access(Call::GetEvidence),
        access(Call::GetPack),
        access(Call::Disclose),
        access(Call::Tokenise),
        access(Call::CheckDnc),
        access(Call::Export),
        access(Call::List),
        access(Call::Tail),
    ]);
    commands
}

pub(crate) const EVERYBODY: [(Role, &str); 7] = [
    (Role::Agent, AGENT),
    (Role::Operator, OPERATOR),
    (Role::Compliance, COMPLIANCE),
    (Role::Approver, "approver-1"),
    (Role::Auditor, "auditor-1"),
    (Role::Recorder, RECORDER),
    (Role::Ingest, "ingest-1"),
];

/// Written by hand, from what the roles are for.
pub(crate) fn may(call: Call) -> Vec<Role> {
    use Role::{Agent, Approver, Auditor, Compliance, Operator, Recorder};
    match call {
        Call::Decide => vec![Agent],
        Call::Record => vec![Agent, Recorder],
        Call::TrustKey
        | Call::DistrustKey
        | Call::PutPrincipal
        | Call::RevokePrincipal
        | Call::PublishPolicy
        | Call::Resume
        | Call::AcknowledgeClock => vec![Operator],
        Call::AnswerApproval => vec![Approver],
        Call::RequestBreakGlass | Call::ConfirmBreakGlass | Call::CloseBreakGlass => {
            vec![Operator, Compliance, Approver]
        }
        Call::AddDnc
        | Call::Stop
        | Call::Tokenise
        | Call::ResetBreaker
        | Call::BeginImport
        | Call::EndImport => vec![Operator, Compliance],
        Call::RemoveDnc | Call::ExemptDnc | Call::Disclose => vec![Compliance],
        // Agents and approvers of what is theirs, which the service sees to.
        Call::GetDetail => vec![Compliance, Auditor, Agent, Approver],
        Call::GetEvidence | Call::GetPack | Call::Export | Call::CheckDnc => {
            vec![Operator, Compliance, Auditor]
        }
        // Everybody who reads entries, of what they may read.
        Call::List | Call::Tail => {
            vec![Operator, Compliance, Auditor, Agent, Approver, Recorder]
        }
        other => panic!("{other} writes nothing"),
    }
}

/// Of what `Record` takes, an ingest hands on outcomes alone.
fn is_heard(call: Call, command: &Body, role: Role) -> bool {
    let delivered = role == Role::Ingest && matches!(command, Body::Outcome(_));
    may(call).contains(&role) || delivered
}

pub(crate) fn with_actor(mut command: Body, role: Role, id: &str) -> Body {
    let actor = Actor::principal(role, id);
    match &mut command {
        Body::Access(access) => access.actor = actor,
        other => cause_mut(other).actor = actor,
    }
    command
}

pub(crate) fn with_everybody() -> Scene {
    let mut scene = Scene::new("");
    for (role, id) in [EVERYBODY[3], EVERYBODY[4], EVERYBODY[6]] {
        let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, id);
        scene
            .ledger
            .append(grouped(cause, id, role, &["sales-ops"]), seconds(0));
    }
    scene
}

#[test]
fn only_the_roles_that_may_are_heard() {
    let mut scene = with_everybody();
    for (call, command) in commands(&mut scene) {
        for (role, id) in EVERYBODY {
            let mut then = scene.ledger.clone();
            let found = then.submit(with_actor(command.clone(), role, id), seconds(2));
            if is_heard(call, &command, role) {
                assert!(
                    matches!(found, Ok(Plan::Append(_))),
                    "{call} by {role}: {found:?}"
                );
            } else {
                assert!(
                    matches!(found, Err(Refusal::NotPermitted { .. })),
                    "{call} by {role}: {found:?}"
                );
                assert_eq!(then.lines.len(), scene.ledger.lines.len());
            }
            // Nobody is another role than the one they were registered with.
            for other in Role::ALL.into_iter().filter(|other| *other != role) {
                let found = then.submit(with_actor(command.clone(), other, id), seconds(2));
                let heard = matches!(found, Ok(Plan::Append(_)));
                // Whoever calls itself an agent is answered, by a denial.
                assert_eq!(
                    heard,
                    call == Call::Decide && other == Role::Agent,
                    "{call}, {id} as {other}"
                );
            }
            let found = then.submit(with_actor(command.clone(), role, "nobody"), seconds(2));
            let heard = matches!(found, Ok(Plan::Append(_)));
            assert_eq!(
                heard,
                call == Call::Decide && role == Role::Agent,
                "{call} by nobody as {role}"
            );
        }
    }
}

#[test]
fn who_was_revoked_is_not_heard() {
    let mut scene = with_everybody();
    let commands = commands(&mut scene);
    let second = caused(
        Call::PutPrincipal,
        Role::Operator,
        OPERATOR,
        "second-operator",
    );
    scene
        .ledger
        .append(principal(second, "ops-2", Role::Operator), seconds(2));
    for (role, id) in EVERYBODY {
        let mut then = scene.ledger.clone();
        let revoke = PrincipalChange {
            cause: caused(Call::RevokePrincipal, Role::Operator, "ops-2", "revoke"),
            id: id.to_owned(),
            role,
            groups: Vec::new(),
            credential: None,
            change: Change::Added,
        };
        then.append(Body::Principal(revoke), seconds(2));
        for (call, command) in &commands {
            if !is_heard(*call, command, role) {
                continue;
            }
            let found = then.submit(with_actor(command.clone(), role, id), seconds(3));
            if *call == Call::Decide {
                let Ok(Plan::Append(bodies)) = found else {
                    panic!("{found:?}")
                };
                let Body::Decision(decision) = &bodies[0] else {
                    panic!("{bodies:?}")
                };
                assert!(has(decision, Code::IdentityUnknown));
            } else {
                assert!(
                    matches!(found, Err(Refusal::Unauthenticated { .. })),
                    "{call}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn a_call_makes_entries_of_its_own_kind_alone() {
    let mut scene = with_everybody();
    for (call, command) in commands(&mut scene) {
        for other in Call::ALL.into_iter().filter(|other| *other != call) {
            // Reading is one kind of entry, whatever was read.
            if matches!(command, Body::Access(_)) {
                continue;
            }
            let mut command = command.clone();
            cause_mut(&mut command).call = Some(other);
            for (role, id) in EVERYBODY {
                let command = with_actor(command.clone(), role, id);
                let found = scene.ledger.clone().submit(command, seconds(2));
                assert!(found.is_err(), "{call} as {other} by {role}: {found:?}");
            }
        }
    }
}

#[test]
fn the_ledger_itself_does_only_what_is_its_own() {
    let mut scene = with_everybody();
    let refused = |scene: &Scene, command: Body| {
        let found = scene.ledger.clone().submit(command.clone(), seconds(2));
        assert!(
            matches!(found, Err(Refusal::Precondition { .. })),
            "{command:?}: {found:?}"
        );
    };
    for (_, command) in commands(&mut scene) {
        let mut command = command;
        match &mut command {
            Body::Access(access) => access.actor = Actor::ledger(),
            other => *cause_mut(other) = Cause::ledger(),
        }
        refused(&scene, command);
    }
    let genesis = Genesis {
        actor: Actor::ledger(),
        origin: "again.example".to_owned(),
        environment: ledger_core::entry::Environment::Prod,
        gate: 1,
        key: String::new(),
        subject_key: Hash([1; 32]),
        content_key: Hash([2; 32]),
        normaliser: String::new(),
        tokens_v: 1,
        reserved: Vec::new(),
    };
    refused(&scene, Body::Genesis(genesis));
    let by_somebody = Heartbeat {
        actor: Actor {
            kind: ActorType::Ledger,
            id: "somebody".to_owned(),
            version: None,
        },
    };
    refused(&scene, Body::Heartbeat(by_somebody));
    // Not overdue yet, and not twice; nor a denial, nor what is no decision.
    let unresolved = |decision| {
        Body::Unresolved(Unresolved {
            correlation_id: String::new(),
            actor: Actor::ledger(),
            decision,
        })
    };
    let mut scene = Scene::new("");
    let request = scene.request("email.send", vec![person(1)]);
    let (allow, found) = scene.decide(request, seconds(2));
    let due = found.report_by.unwrap();
    let denied = scene.request("email.send", Vec::new());
    let (denial, _) = scene.decide(denied, seconds(2));
    let before = Timestamp::from_micros(due.micros() - 1).unwrap();
    assert!(scene.ledger.submit(unresolved(allow), before).is_err());
    assert!(scene.ledger.submit(unresolved(denial), due).is_err());
    assert!(scene.ledger.submit(unresolved(0), due).is_err());
    assert!(scene.ledger.submit(unresolved(allow), due).is_ok());
    assert!(scene.ledger.submit(unresolved(allow), due).is_err());
}
