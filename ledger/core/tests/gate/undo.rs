//! What may be said to undo what: an execution of the same agent or run, by the same action on the same
//! objects. Of anything else nobody learns whether it is an execution.

use ledger_core::entry::{Basis, Body, Code, Decision, Outcome, Status, Target};
use ledger_core::role::{Call, Role};

use super::ledger::{AGENTS, caused, seconds};
use super::scene::{Scene, execution, has, target};

const OTHERS: &str = r#"
[[action]]
name = "crm.touch"
class = "write"
[[grant]]
id = "touches"
agent = "agent.one"
actions = ["crm.touch"]
objects = ["*"]
[[grant]]
id = "another"
agent = "agent.two"
actions = ["crm.update"]
objects = ["*"]
reads = ["*"]
writes = ["*"]
"#;

/// One ledger with an update of two objects carried out by the first agent, and its entries.
struct Done {
    scene: Scene,
    decision: u64,
    execution: u64,
}

fn titled(number: u8) -> Target {
    Target {
        writes: vec!["title".to_owned()],
        ..target("note", number)
    }
}

fn request(agent: &str, action: &str, run: &str, targets: Vec<Target>) -> Decision {
    let mut cause = caused(Call::Decide, Role::Agent, agent, &format!("{agent}-{run}"));
    cause.correlation_id = Some(run.to_owned());
    Decision {
        targets,
        tokens_v: Some(1),
        ..Decision::request(Basis::Gate, cause, action.to_owned())
    }
}

fn done() -> Done {
    let mut scene = Scene::new(OTHERS);
    let asked = request(AGENTS[0], "crm.update", "run-1", vec![titled(1), titled(2)]);
    let (decision, found) = scene.decide(asked, seconds(1));
    assert_eq!(found.outcome, Outcome::Allow, "{:?}", found.reasons);
    let cause = caused(Call::Record, Role::Agent, AGENTS[0], "report");
    let report = execution(cause, decision, Status::Success);
    let report = Body::Execution(Box::new(report));
    let (execution, _) = scene.ledger.append(report, seconds(2));
    Done {
        scene,
        decision,
        execution,
    }
}

#[test]
fn an_undo_is_of_the_same_agent_or_run_action_and_objects() {
    let (one, two) = (AGENTS[0], AGENTS[1]);
    let fresh = || Target {
        id: None,
        ..titled(1)
    };
    for (agent, action, run, targets, stands) in [
        (one, "crm.update", "run-1", vec![titled(1), titled(2)], true),
        (one, "crm.update", "run-2", vec![titled(2)], true),
        (two, "crm.update", "run-1", vec![titled(1)], true),
        (two, "crm.update", "run-2", vec![titled(1)], false),
        (one, "crm.touch", "run-1", vec![target("note", 1)], false),
        (one, "crm.update", "run-1", vec![titled(3)], false),
        (
            one,
            "crm.update",
            "run-1",
            vec![titled(1), titled(3)],
            false,
        ),
        (one, "crm.update", "run-1", vec![titled(1), fresh()], false),
        (one, "crm.update", "run-1", vec![fresh()], false),
        (one, "crm.update", "run-1", vec![], false),
    ] {
        let mut done = done();
        let mut asked = request(agent, action, run, targets);
        asked.cause.request_id = Some("undo".to_owned());
        asked.undoes = Some(done.execution);
        let (_, found) = done.scene.decide(asked.clone(), seconds(3));
        let told = format!("{agent} {action} {run} {:?}", asked.targets);
        assert_eq!(!has(&found, Code::UndoUnknown), stands, "{told}");
        assert_eq!(
            found.outcome == Outcome::Allow,
            stands,
            "{told}: {:?}",
            found.reasons
        );
    }
}

#[test]
fn what_is_not_ones_own_is_not_told_from_what_is_no_execution() {
    let answer = |undoes: &dyn Fn(&Done) -> u64| {
        let mut done = done();
        let mut asked = request(AGENTS[1], "crm.update", "run-2", vec![titled(1)]);
        asked.undoes = Some(undoes(&done));
        let (_, found) = done.scene.decide(asked, seconds(3));
        (found.outcome, found.reasons)
    };
    let (outcome, reasons) = answer(&|done| done.execution);
    assert_eq!(outcome, Outcome::Deny);
    let told = reasons
        .iter()
        .find(|r| r.code == Code::UndoUnknown)
        .unwrap();
    assert!(told.cites.is_empty() && told.rule.is_none());
    for other in [
        answer(&|done| done.decision),
        answer(&|_| 0),
        answer(&|_| 77_777),
    ] {
        assert_eq!(other, (outcome, reasons.clone()));
    }
}
