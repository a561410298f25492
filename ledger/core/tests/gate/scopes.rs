//! What a target that names no field is taken to read or to change, for every pair of targets: one that names fields
//! says nothing of another.

use std::fmt::Write as _;

use ledger_core::action::Class;
use ledger_core::entry::{Code, Decision, Outcome, Target};

use super::ledger::seconds;
use super::scene::{Scene, has, person, target};

/// Actions of every class, and one that the policy takes out of those that create.
const ACTIONS: [(&str, Class, bool); 8] = [
    ("crm.read", Class::Read, false),
    ("email.note", Class::Contact, false),
    ("crm.update", Class::Write, false),
    ("crm.note.create", Class::Write, true),
    ("crm.import", Class::Write, true),
    ("crm.tag.create", Class::Write, false),
    ("crm.recreate", Class::Write, false),
    ("crm.user.create", Class::Admin, true),
];
/// What the rows of a policy say of fields.
const ROWS: [&str; 4] = [
    "reads = [\"owner\"]\nwrites = [\"title\"]\n",
    "reads = [\"owner\"]\nwrites = [\"*\"]\n",
    "reads = [\"*\"]\nwrites = [\"title\"]\n",
    "",
];

fn policy(row: &str) -> String {
    let mut text = String::from("version = 1\n");
    for (name, class, creates) in ACTIONS {
        write!(text, "[[action]]\nname = \"{name}\"\nclass = \"{class}\"\n").unwrap();
        if matches!(class, Class::Write | Class::Admin) {
            text += "tier = 1\n";
        }
        if matches!(name, "crm.import" | "crm.tag.create") {
            writeln!(text, "creates = {creates}").unwrap();
        }
    }
    let names = ACTIONS.map(|(name, ..)| name);
    text + &format!(
        "[[grant]]\nid = \"row\"\nagent = \"agent.one\"\nactions = {names:?}\nobjects = [\"note\"]\nsellers = [\"*\"]\n{row}"
    )
}

/// Every form of one target: with and without an id, field to read and field to write.
fn forms() -> Vec<Target> {
    let mut forms = Vec::new();
    for id in [false, true] {
        for reads in [&[][..], &["owner"]] {
            for writes in [&[][..], &["title"], &["agent_note"]] {
                let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
                let of = target("note", 1);
                forms.push(Target {
                    id: of.id.filter(|_| id),
                    reads: owned(reads),
                    writes: owned(writes),
                    ..of
                });
            }
        }
    }
    forms
}

/// Tier and outcome by the words of the rule.
fn expected(row: &str, class: Class, creates: bool, targets: &[Target]) -> (Option<u8>, Outcome) {
    let fresh = |target: &Target| target.id.is_none() && creates;
    let unnamed = |target: &Target| match class {
        Class::Read => target.reads.is_empty(),
        Class::Write | Class::Admin => target.writes.is_empty() && !fresh(target),
        Class::Contact => false,
    };
    if row.is_empty() {
        // About no field: the agents' own may be named, and no other; what is not named is not asked for.
        let named = |target: &Target| {
            !target.reads.is_empty() || target.writes.iter().any(|field| field == "title")
        };
        if targets.iter().any(named) {
            return (None, Outcome::Deny);
        }
    } else if targets.iter().any(unnamed) {
        let all = |key: &str| row.contains(&format!("{key} = [\"*\"]"));
        return match class {
            Class::Read if all("reads") => (Some(1), Outcome::Allow),
            Class::Write | Class::Admin if all("writes") => (Some(2), Outcome::RequireApproval),
            _ => (None, Outcome::Deny),
        };
    }
    (None, Outcome::Allow)
}

fn decided(scene: &mut Scene, action: &str, targets: Vec<Target>) -> Decision {
    let mut request = scene.request(action, Vec::new());
    request.recipients = vec![person(1)];
    request.targets = targets;
    scene.decide(request, seconds(1)).1
}

#[test]
fn each_target_names_its_fields_whatever_another_names() {
    for row in ROWS {
        let mut scene = Scene::new("");
        scene.ledger.publish(&policy(row), seconds(0));
        let mut outcomes = [0; 3];
        for (action, class, creates) in ACTIONS {
            for one in forms() {
                for other in forms() {
                    let targets = vec![one.clone(), other.clone()];
                    let (tier, mut outcome) = expected(row, class, creates, &targets);
                    if class == Class::Contact {
                        outcome = outcome.max(Outcome::RequireApproval);
                    }
                    let found = decided(&mut scene, action, targets.clone());
                    assert_eq!(found.outcome, outcome, "{row} {action} {targets:?}");
                    if let Some(tier) = tier {
                        assert_eq!(found.tier, Some(tier), "{row} {action} {targets:?}");
                    }
                    outcomes[outcome as usize] += 1;
                }
            }
            // A change that names nothing at all is none that a row could grant; looking covers nothing.
            let found = decided(&mut scene, action, Vec::new());
            let changes = matches!(class, Class::Write | Class::Admin);
            assert_eq!(has(&found, Code::GrantTargetMissing), changes, "{action}");
            assert_eq!(found.outcome == Outcome::Deny, changes, "{row} {action}");
        }
        assert!(outcomes[Outcome::Allow as usize] > 0, "{row}");
    }
}

#[test]
fn the_target_without_fields_is_the_one_that_is_named() {
    let mut scene = Scene::new("");
    scene.ledger.publish(&policy(ROWS[0]), seconds(0));
    let named = Target {
        writes: vec!["agent_note".to_owned()],
        ..target("note", 1)
    };
    for unnamed in [
        target("note", 2),
        Target {
            id: None,
            ..target("note", 2)
        },
    ] {
        let targets = vec![named.clone(), unnamed];
        let found = decided(&mut scene, "crm.update", targets);
        let reason = found.reasons.iter().find(|r| r.code == Code::GrantField);
        let reason = reason.unwrap_or_else(|| panic!("{:?}", found.reasons));
        assert_eq!(
            (reason.target, reason.field.as_deref()),
            (Some(1), Some("*"))
        );
    }
}
