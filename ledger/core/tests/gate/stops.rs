//! What a stop voids: every outstanding allow in its scope, and none of them twice.

use std::collections::BTreeMap;

use ledger_core::action::Class;
use ledger_core::entry::{Body, Cause, Finding, Outcome, Resume, Scope, Status, Stop, Unresolved};
use ledger_core::replay::Replay;
use ledger_core::role::{Call, Role};
use ledger_core::state::{State, listed};
use ledger_core::time::Timestamp;
use ledger_core::view::Table;

use super::ledger::{AGENTS, OPERATOR, caused, seconds};
use super::scene::{AGENT, Scene, execution, person};

fn agent() -> Scope {
    Scope::Agent {
        id: AGENT.to_owned(),
    }
}

const CONTACT: Scope = Scope::Class {
    class: Class::Contact,
};

fn stop(scene: &mut Scene, scope: Scope, now: Timestamp) -> u64 {
    let command = Body::Stop(Stop {
        cause: caused(Call::Stop, Role::Operator, OPERATOR, &scene.request_id()),
        scope,
        voided: 0,
        details: BTreeMap::new(),
    });
    match scene.ledger.append(command, now).1 {
        Body::Stop(stop) => stop.voided,
        other => panic!("{other:?}"),
    }
}

fn resume(scene: &mut Scene, scope: Scope, now: Timestamp) {
    let command = Body::Resume(Resume {
        cause: caused(Call::Resume, Role::Operator, OPERATOR, &scene.request_id()),
        scope,
        stops: Vec::new(),
        details: BTreeMap::new(),
    });
    scene.ledger.append(command, now);
}

fn allow(scene: &mut Scene, action: &str, now: Timestamp) -> u64 {
    let request = match action {
        "crm.update" => scene.request(action, Vec::new()),
        _ => scene.request(action, vec![person(1)]),
    };
    let (seq, decision) = scene.decide(request, now);
    assert_eq!(decision.outcome, Outcome::Allow, "{:?}", decision.reasons);
    seq
}

/// Open, unresolved and voided allows.
fn lists(scene: &Scene) -> [Vec<u64>; 3] {
    [Table::Open, Table::Unresolved, Table::Voided]
        .map(|table| listed(scene.ledger.state.view(), table, 0, 100).unwrap())
}

/// The people are made up: no service let them in.
fn replays(scene: &Scene) {
    let mut replay = Replay::of_answers();
    scene.ledger.lines.iter().for_each(|line| replay.push(line));
    let report = replay.finish();
    assert_eq!((report.mismatches, report.unverifiable), (vec![], None));
}

fn unresolved(scene: &mut Scene, decision: u64, now: Timestamp) {
    let command = Body::Unresolved(Unresolved {
        correlation_id: String::new(),
        actor: Cause::ledger().actor,
        decision,
    });
    scene.ledger.append(command, now);
}

#[test]
fn a_stop_voids_nothing_that_a_stop_before_it_has_voided() {
    let mut scene = Scene::new("");
    let mail = allow(&mut scene, "email.send", seconds(1));
    let note = allow(&mut scene, "crm.update", seconds(1));
    assert_eq!(lists(&scene), [vec![mail, note], vec![], vec![]]);

    assert_eq!(stop(&mut scene, CONTACT, seconds(2)), 1);
    assert_eq!(lists(&scene), [vec![note], vec![], vec![mail]]);
    assert_eq!(scene.ledger.state.open_count(), 1);
    // The agent's other allow, and not the one that stands under both scopes.
    assert_eq!(stop(&mut scene, agent(), seconds(3)), 1);
    assert_eq!(lists(&scene), [vec![], vec![], vec![mail, note]]);
    assert_eq!(stop(&mut scene, Scope::All, seconds(4)), 0);
    assert_eq!(stop(&mut scene, CONTACT, seconds(4)), 0);
    let nobody = Scope::Agent {
        id: AGENTS[1].to_owned(),
    };
    assert_eq!(stop(&mut scene, nobody.clone(), seconds(4)), 0);

    // What is allowed again counts anew, also for a stop of a scope that was stopped before.
    for scope in [CONTACT, agent(), Scope::All, nobody] {
        resume(&mut scene, scope, seconds(5));
    }
    let again = allow(&mut scene, "email.send", seconds(6));
    assert_eq!(stop(&mut scene, Scope::All, seconds(7)), 1);
    assert_eq!(lists(&scene), [vec![], vec![], vec![mail, note, again]]);
    assert_eq!(scene.ledger.state.last_stop().unwrap().voided, 1);
    // The finding of a late start goes by the first stop.
    let first = scene.ledger.state.decision(mail).unwrap().unwrap().voided;
    assert_eq!(first.unwrap().1, seconds(2));
    replays(&scene);
}

#[test]
fn a_voided_allow_is_listed_as_that_alone_whatever_comes_of_it() {
    let mut scene = Scene::new("");
    let silent = allow(&mut scene, "email.send", seconds(1));
    let late = allow(&mut scene, "email.send", seconds(1));
    let told = allow(&mut scene, "email.send", seconds(1));
    stop(&mut scene, Scope::All, seconds(2));
    let tally = |scene: &Scene| {
        let tally = scene.ledger.state.tally();
        (tally.unresolved, tally.voided, tally.voided_unresolved)
    };
    let report = |scene: &mut Scene, decision| {
        let cause = caused(Call::Record, Role::Agent, AGENT, &scene.request_id());
        let mut execution = execution(cause, decision, Status::Success);
        execution.started_at = Some(seconds(3));
        match scene
            .ledger
            .append(Body::Execution(Box::new(execution)), seconds(1_000))
            .1
        {
            Body::Execution(execution) => execution.findings,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        scene.ledger.state.open().count(),
        3,
        "their reports are awaited"
    );
    unresolved(&mut scene, silent, seconds(1_000));
    unresolved(&mut scene, late, seconds(1_000));
    assert_eq!(tally(&scene), (0, 3, 2));
    assert!(report(&mut scene, told).contains(&Finding::AfterStop));
    assert!(report(&mut scene, late).contains(&Finding::AfterStop));
    assert_eq!(tally(&scene), (0, 3, 1));
    assert_eq!(lists(&scene), [vec![], vec![], vec![silent, late, told]]);
    assert_eq!(scene.ledger.state.open_count(), 0);
    let loaded = State::load(scene.ledger.state.view().clone()).unwrap();
    assert_eq!(loaded.open_count(), 0);
    replays(&scene);
}
