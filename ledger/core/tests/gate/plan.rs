//! What a ledger refuses to write, and what it takes for a repetition.

use ledger_core::action::{Channels, Class};
use ledger_core::entry::{
    Basis, Body, Change, Cite, Code, Decision, Details, DncOp, Environment, Finding, Foreign,
    Measure, Outcome, PolicyRef, PrincipalChange, Resume, Scope, Status, ThrottleCount,
};
use ledger_core::hash::Hash;
use ledger_core::plan::{Plan, Refusal};
use ledger_core::role::{Call, Role};
use ledger_core::token::Kind;

use super::ledger::{
    AGENTS, COMPLIANCE, Ledger, OPERATOR, cause_mut, caused, dnc, policy, seconds,
};
use super::roles::{EVERYBODY, commands, may, stop, with_actor, with_everybody};
use super::scene::{AGENT, POLICY, Scene, allowed, execution, has, key, listed, person};

type Alter = fn(&mut Decision);

#[test]
fn a_request_id_stands_for_one_request() {
    let changes: [(&str, Alter); 5] = [
        ("content", |request| {
            request.cause.content = Some(Hash([0xee; 32]));
        }),
        ("no content", |request| request.cause.content = None),
        ("correlation id", |request| {
            request.cause.correlation_id = Some("run-2".to_owned());
        }),
        ("action id", |request| {
            request.cause.action_id = Some("a-2".to_owned());
        }),
        ("approval", |request| request.approval = Some(1)),
    ];
    let rule = "[[throttle]]\nid = \"two\"\nactions = [\"email.send\"]\nper = \"agent\"\nlimit = 2\nwindow = \"1h\"\n";
    let mut scene = Scene::new(rule);
    let request = scene.request("email.send", vec![person(1)]);
    let (first, _) = scene.decide(request.clone(), seconds(1));
    let again = |scene: &mut Scene, request: Decision| {
        scene
            .ledger
            .submit(Body::Decision(Box::new(request)), seconds(3))
    };
    for _ in 0..5 {
        assert_eq!(
            again(&mut scene, request.clone()).unwrap(),
            Plan::Repeat(first)
        );
    }
    // Salts differ from try to try, and so do answers: neither is part of what is compared.
    let mut resalted = request.clone();
    resalted.cause.actor.version = Some("v2".to_owned());
    resalted.outcome = Outcome::Allow;
    assert_eq!(again(&mut scene, resalted).unwrap(), Plan::Repeat(first));
    for (name, change) in changes {
        let mut other = request.clone();
        change(&mut other);
        match again(&mut scene, other) {
            Err(Refusal::RequestReused { first: named, .. }) => assert_eq!(named, first, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    // The repetitions counted once: one more is allowed, a second is not.
    assert!(allowed(&scene.ask("email.send", person(2), seconds(3))));
    assert!(!allowed(&scene.ask("email.send", person(3), seconds(3))));

    // Another principal's request of this id, and another call's, are others.
    let mut other = request.clone();
    other.cause.actor.id = AGENTS[1].to_owned();
    assert!(matches!(again(&mut scene, other), Ok(Plan::Append(_))));
    let mut report = execution(request.cause.clone(), first, Status::Success);
    report.cause.call = Some(Call::Record);
    let found = scene
        .ledger
        .submit(Body::Execution(Box::new(report)), seconds(3));
    assert!(matches!(found, Ok(Plan::Append(_))), "{found:?}");

    let mut without = request;
    without.cause.request_id = None;
    let found = again(&mut scene, without);
    assert!(
        matches!(
            found,
            Err(Refusal::Invalid {
                field: "request_id",
                ..
            })
        ),
        "{found:?}"
    );
}

#[test]
fn every_write_can_be_repeated() {
    let mut scene = with_everybody();
    for (call, command) in commands(&mut scene) {
        if matches!(command, Body::Access(_)) {
            continue;
        }
        let who = may(call)[0];
        let (_, id) = EVERYBODY
            .into_iter()
            .find(|(role, _)| *role == who)
            .unwrap();
        let command = with_actor(command, who, id);
        let mut then = scene.ledger.clone();
        let (first, _) = then.append(command.clone(), seconds(2));
        let lines = then.lines.len();
        assert_eq!(
            then.submit(command, seconds(3)).unwrap(),
            Plan::Repeat(first),
            "{call}"
        );
        assert_eq!(then.lines.len(), lines);
    }
    // A repeated read is a second entry.
    let (_, read) = commands(&mut with_everybody()).pop().unwrap();
    for _ in 0..2 {
        assert!(matches!(
            scene.ledger.submit(read.clone(), seconds(2)),
            Ok(Plan::Append(_))
        ));
    }
}

/// What a command claims to be answered does not matter.
#[test]
fn answers_in_a_command_are_not_taken() {
    let mut scene = with_everybody();
    for (call, command) in commands(&mut scene) {
        let who = may(call)[0];
        let (_, id) = EVERYBODY
            .into_iter()
            .find(|(role, _)| *role == who)
            .unwrap();
        let command = with_actor(command, who, id);
        let mut claiming = command.clone();
        let policy = Some(PolicyRef {
            seq: 77,
            sha256: Hash([0x77; 32]),
        });
        let findings = vec![Finding::Expired, Finding::UnderStop];
        match &mut claiming {
            Body::Decision(decision) => {
                decision.environment = Environment::Sandbox;
                decision.class = Class::Admin;
                decision.channels = Channels::all();
                decision.tier = Some(1);
                decision.policy = policy;
                decision.outcome = Outcome::RequireApproval;
                decision.reasons = vec![Code::DncClear.reason()];
                decision.reasons_total = Some(99);
                decision.throttles = vec![ThrottleCount {
                    rule: "mine".to_owned(),
                    recipient: None,
                    key: None,
                    count: 0,
                    needs: 0,
                    limit: 0,
                    window_s: 0,
                    passes_at: None,
                }];
                decision.valid_until = Some(seconds(1_000_000));
                decision.report_by = Some(seconds(1_000_000));
                decision.approver = Some("approver-1".to_owned());
                decision.approvers = Some("mine".to_owned());
                decision.approve_by = Some(seconds(1_000_000));
                decision.findings = findings;
            }
            Body::Execution(execution) => {
                (execution.policy, execution.findings) = (policy, findings);
            }
            Body::Outcome(outcome) => {
                outcome.decision = Some(1);
                (outcome.policy, outcome.findings) = (policy, findings);
            }
            Body::Principal(principal) => principal.change = Change::Changed,
            Body::Policy(entry) => {
                entry.sha256 = Some(Hash([0x77; 32]));
                entry.replaces = policy;
                entry.parts = Some(7);
            }
            Body::Stop(stop) => stop.voided = 77,
            Body::Resume(resume) => resume.stops = vec![1, 2, 3],
            Body::Clock(clock) => {
                clock.before = seconds(500);
                clock.bound_ms = Some(1);
                clock.acknowledges = Some(1);
            }
            Body::Approval(answer) => {
                answer.group = "mine".to_owned();
                answer.expires_at = Some(seconds(500));
                answer.granted = Some(7);
            }
            Body::BreakGlass(glass) => {
                glass.requested_by = Some("approver-1".to_owned());
                glass.until = Some(seconds(1_000_000));
                if glass.request.is_some() {
                    glass.agent = AGENTS[1].to_owned();
                    glass.action = Some("crm.update".to_owned());
                    glass.duration_s = 7;
                }
            }
            Body::Breaker(breaker) => {
                breaker.rule = "mine".to_owned();
                breaker.scope.agent = Some(AGENTS[1].to_owned());
                breaker.measure = Measure::Cost;
                (breaker.threshold, breaker.count) = (Some(1), Some(2));
                (breaker.sample, breaker.window_s) = (Some(3), Some(4));
                breaker.until = Some(seconds(500));
                breaker.cites = vec![Cite {
                    seq: 1,
                    index: None,
                }];
                breaker.cites_total = Some(9);
            }
            Body::Dnc(dnc) => dnc.imported = Some(77),
            Body::Access(_) | Body::Key(_) => continue,
            other => panic!("{other:?}"),
        }
        let told = |command| scene.ledger.clone().submit(command, seconds(2)).unwrap();
        assert_eq!(told(claiming), told(command), "{call}");
    }
    // Of a denial, too, and where everything would be allowed.
    for recipients in [Vec::new(), vec![person(1)]] {
        let request = scene.request("email.send", recipients);
        let mut claiming = request.clone();
        claiming.valid_until = Some(seconds(1_000_000));
        claiming.report_by = Some(seconds(1_000_000));
        let decide = |request| {
            scene
                .ledger
                .clone()
                .append(Body::Decision(Box::new(request)), seconds(2))
        };
        assert_eq!(decide(claiming), decide(request));
    }
}

#[test]
fn a_refused_request_leaves_its_id_free() {
    let mut scene = Scene::new("");
    let bad = dnc(DncOp::List, Vec::new(), "once");
    assert!(scene.ledger.submit(bad, seconds(1)).is_err());
    let good = dnc(DncOp::List, vec![listed(&[key(Kind::Phone, 1)])], "once");
    assert!(matches!(
        scene.ledger.submit(good, seconds(1)),
        Ok(Plan::Append(_))
    ));
}

#[test]
fn an_agent_acts_only_as_itself() {
    let mut scene = Scene::new("");
    let mut named = scene.request("email.send", vec![person(1)]);
    named.agent = Some(AGENT.to_owned());
    assert!(allowed(&scene.decide(named, seconds(1)).1));
    let mut named = scene.request("email.send", vec![person(1)]);
    named.cause.actor.id = AGENTS[1].to_owned();
    named.agent = Some(AGENT.to_owned());
    let (_, found) = scene.decide(named, seconds(1));
    assert!(has(&found, Code::IdentityImpersonation));
    // Both are recorded, and the grants are those of who called.
    assert_eq!(
        (found.cause.actor.id.as_str(), found.agent.as_deref()),
        (AGENTS[1], Some(AGENT))
    );
    assert!(has(&found, Code::GrantNone));
}

#[test]
fn principals() {
    let change = |id: &str, role, credential: Option<u8>, request: &str| {
        let call = if credential.is_some() {
            Call::PutPrincipal
        } else {
            Call::RevokePrincipal
        };
        Body::Principal(PrincipalChange {
            cause: caused(call, Role::Operator, OPERATOR, request),
            id: id.to_owned(),
            role,
            groups: Vec::new(),
            credential: credential.map(|byte| Hash([byte; 32])),
            change: Change::Added,
        })
    };
    let mut ledger = Ledger::new();
    let refused = |ledger: &mut Ledger, command| {
        let lines = ledger.lines.len();
        ledger.submit(command, seconds(1)).unwrap_err();
        assert_eq!(ledger.lines.len(), lines);
    };
    let done = |ledger: &mut Ledger, command| match ledger.append(command, seconds(1)).1 {
        Body::Principal(change) => change.change,
        other => panic!("{other:?}"),
    };
    refused(&mut ledger, change("nobody", Role::Agent, None, "1"));
    refused(&mut ledger, change(AGENT, Role::Operator, Some(1), "2"));
    refused(&mut ledger, change(AGENT, Role::Auditor, None, "3"));
    refused(&mut ledger, change(OPERATOR, Role::Operator, None, "4"));
    assert_eq!(
        done(&mut ledger, change("agent.new", Role::Agent, Some(1), "5")),
        Change::Added
    );
    // One credential is one principal's.
    refused(
        &mut ledger,
        change("agent.newer", Role::Agent, Some(1), "6"),
    );
    refused(&mut ledger, change(AGENT, Role::Agent, Some(1), "7"));
    assert_eq!(
        done(&mut ledger, change("agent.new", Role::Agent, Some(2), "8")),
        Change::Changed
    );
    assert_eq!(
        done(&mut ledger, change("agent.new", Role::Agent, None, "9")),
        Change::Revoked
    );
    assert_eq!(
        done(&mut ledger, change("agent.new", Role::Agent, Some(3), "10")),
        Change::Changed
    );
    assert_eq!(
        done(&mut ledger, change("ops-2", Role::Operator, Some(4), "11")),
        Change::Added
    );
    assert_eq!(
        done(&mut ledger, change(OPERATOR, Role::Operator, None, "12")),
        Change::Revoked
    );
    let by_the_other = |mut command: Body| {
        cause_mut(&mut command).actor.id = "ops-2".to_owned();
        command
    };
    refused(
        &mut ledger,
        by_the_other(change("ops-2", Role::Operator, None, "13")),
    );
    assert_eq!(
        done(
            &mut ledger,
            by_the_other(change(OPERATOR, Role::Operator, Some(5), "14"))
        ),
        Change::Changed
    );
}

#[test]
fn an_invalid_policy_changes_nothing() {
    let mut scene = Scene::new("");
    let before = scene.ledger.state.policy_ref();
    for text in [
        "",
        "version = 2\n",
        "version = 1\nfrobnicate = 3\n",
        "version = 1\n[[action]]\nname = \"email.send\"\nclass = \"write\"\n",
    ] {
        let found = scene.ledger.submit(policy(text, "invalid"), seconds(1));
        assert!(matches!(found, Err(Refusal::Policy(_))), "{found:?}");
        assert_eq!(scene.ledger.state.policy_ref(), before);
        assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    }
    let Body::Policy(mut continuation) = policy(POLICY, "c") else {
        panic!("not a policy")
    };
    continuation.continues = before.map(|policy| policy.seq);
    assert!(
        scene
            .ledger
            .submit(Body::Policy(continuation), seconds(1))
            .is_err()
    );
}

#[test]
fn a_stop_stops_and_a_resume_ends_stops_of_its_very_scope() {
    let scopes = [
        Scope::All,
        Scope::Agent {
            id: AGENT.to_owned(),
        },
        Scope::Class {
            class: ledger_core::action::Class::Contact,
        },
    ];
    for scope in &scopes {
        let mut scene = Scene::new("");
        assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
        let (first, _) = scene.ledger.append(
            stop(scope.clone(), Role::Compliance, COMPLIANCE, "s1"),
            seconds(1),
        );
        let (second, _) = scene.ledger.append(
            stop(scope.clone(), Role::Operator, OPERATOR, "s2"),
            seconds(1),
        );
        let found = scene.ask("email.send", person(1), seconds(1));
        let reason = &found.reasons[0];
        assert_eq!(reason.code, Code::StopActive);
        assert_eq!(
            reason.cites.iter().map(|cite| cite.seq).collect::<Vec<_>>(),
            [first, second]
        );
        let resume = |scope: &Scope, request: &str| {
            Body::Resume(Resume {
                cause: caused(Call::Resume, Role::Operator, OPERATOR, request),
                scope: scope.clone(),
                stops: Vec::new(),
                details: Details::new(),
            })
        };
        for other in scopes.iter().filter(|other| *other != scope) {
            assert!(
                scene
                    .ledger
                    .submit(resume(other, "other"), seconds(1))
                    .is_err()
            );
        }
        let Body::Resume(resumed) = scene.ledger.append(resume(scope, "mine"), seconds(1)).1 else {
            panic!("not a resume")
        };
        assert_eq!(resumed.stops, [first, second]);
        assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    }
    // Out of scope.
    let mut scene = Scene::new("");
    let others = [
        Scope::Agent {
            id: AGENTS[1].to_owned(),
        },
        Scope::Class {
            class: ledger_core::action::Class::Write,
        },
    ];
    for (number, scope) in others.into_iter().enumerate() {
        scene.ledger.append(
            stop(scope, Role::Operator, OPERATOR, &number.to_string()),
            seconds(1),
        );
    }
    assert!(allowed(&scene.ask("email.send", person(1), seconds(1))));
    assert!(!allowed(&scene.ask("crm.update", person(1), seconds(1))));
}

#[test]
fn what_cannot_be_asserted() {
    let table: [(&str, Alter); 6] = [
        ("a contact action", |decision| {
            decision.action = "email.send".to_owned();
        }),
        ("an unknown action", |decision| {
            decision.action = "no.such".to_owned();
        }),
        ("recipients", |decision| {
            decision.recipients = vec![person(1)];
        }),
        ("no engine", |decision| decision.foreign = None),
        ("a raised class", |decision| {
            decision.action = "crm.raised".to_owned();
        }),
        ("an allow of tier 3", |decision| {
            decision.action = "crm.blocked".to_owned();
            if let Some(foreign) = &mut decision.foreign {
                foreign.outcome = Outcome::Allow;
            }
        }),
    ];
    let more = "[[action]]\nname = \"crm.raised\"\nclass = \"contact\"\n\
                [[action]]\nname = \"crm.blocked\"\nclass = \"write\"\ntier = 3\n";
    let mut scene = Scene::new(more);
    let mut assert_it = |change: Alter| {
        let cause = caused(Call::Record, Role::Agent, AGENT, &scene.request_id());
        let mut decision = Decision {
            foreign: Some(Foreign {
                engine: "opa".to_owned(),
                policy: None,
                outcome: Outcome::Deny,
            }),
            // What it claims to be answered does not matter.
            outcome: Outcome::Allow,
            ..Decision::request(Basis::Asserted, cause, "crm.update".to_owned())
        };
        change(&mut decision);
        scene
            .ledger
            .submit(Body::Decision(Box::new(decision)), seconds(1))
    };
    for (name, change) in table {
        let found = assert_it(change);
        assert!(
            matches!(found, Err(Refusal::Invalid { .. })),
            "{name}: {found:?}"
        );
    }
    let denied = assert_it(|decision| decision.action = "crm.blocked".to_owned());
    assert!(denied.is_ok(), "a denial of tier 3: {denied:?}");
    let Ok(Plan::Append(bodies)) = assert_it(|_| {}) else {
        panic!("refused")
    };
    let Body::Decision(decision) = &bodies[0] else {
        panic!("{bodies:?}")
    };
    assert_eq!(decision.outcome, Outcome::Deny);
    // Before the first policy nothing is declared.
    let mut ledger = Ledger::new();
    let found = ledger.submit(Body::Decision(decision.clone()), seconds(1));
    assert!(found.is_err(), "{found:?}");
}
