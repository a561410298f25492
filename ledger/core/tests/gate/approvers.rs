//! Who approves: one group for all that is asked, and nobody who may no longer. And what a change that
//! names no field is taken to change.

use ledger_core::action::Class;
use ledger_core::entry::{
    Approval, Body, Change, Code, Decision, Details, Outcome, PrincipalChange, Target, Verdict,
};
use ledger_core::gate::decide;
use ledger_core::role::{Call, Role};

use super::ledger::{APPROVERS, Ledger, OPERATOR, caused, grouped, seconds};
use super::scene::{Scene, has, target};

/// Rows for contacts and deals, with what stands in each besides, and one for notes that is about no field.
fn policy(contact: &str, deal: &str) -> String {
    format!(
        r#"
version = 1

[[action]]
name = "crm.update"
class = "write"
tier = 2

[[action]]
name = "crm.touch"
class = "write"
tier = 1

[[grant]]
id = "contacts"
agent = "agent.one"
actions = ["crm.update", "crm.touch"]
objects = ["contact"]
writes = ["phone"]
{contact}
[[grant]]
id = "deals"
agent = "agent.one"
actions = ["crm.update", "crm.touch"]
objects = ["deal"]
writes = ["*"]
{deal}
[[grant]]
id = "notes"
agent = "agent.one"
actions = ["crm.touch"]
objects = ["note"]
"#
    )
}

fn writing(kind: &str, field: &str) -> Target {
    Target {
        writes: vec![field.to_owned()],
        ..target(kind, 1)
    }
}

fn scene(contact: &str, deal: &str) -> Scene {
    let mut scene = Scene::new("");
    scene.ledger.publish(&policy(contact, deal), seconds(0));
    for (approver, groups) in [
        (APPROVERS[0], &["revops"][..]),
        (APPROVERS[1], &["revops", "finance"]),
    ] {
        let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, approver);
        let body = grouped(cause, approver, Role::Approver, groups);
        scene.ledger.append(body, seconds(0));
    }
    scene
}

fn update(scene: &mut Scene, action: &str, targets: Vec<Target>) -> Decision {
    let mut request = scene.request(action, Vec::new());
    request.seller = None;
    request.targets = targets;
    request
}

#[test]
fn rows_that_ask_different_groups_deny_and_name_no_group() {
    let both = || vec![writing("contact", "phone"), writing("deal", "name")];
    let asked = |contact: &str, deal: &str, targets: Vec<Target>| {
        let mut scene = scene(contact, deal);
        let request = update(&mut scene, "crm.update", targets);
        scene.decide(request, seconds(1)).1
    };
    let finance = "approvers = \"finance\"\n";
    let found = asked("", finance, both());
    assert_eq!(found.outcome, Outcome::Deny);
    assert!(has(&found, Code::TierApprovers) && has(&found, Code::TierApproval));
    assert_eq!(found.approvers, None);
    // The other way round as well: the first row's word is not everybody's.
    assert_eq!(asked(finance, "", both()).outcome, Outcome::Deny);
    // One group for all, by name or by default, can answer; and each row alone.
    let group = |found: Decision| (found.outcome, found.approvers);
    let by = |name: &str| (Outcome::RequireApproval, Some(name.to_owned()));
    assert_eq!(group(asked(finance, finance, both())), by("finance"));
    let default = "approvers = \"revops\"\n";
    assert_eq!(group(asked("", default, both())), by("revops"));
    let deal = vec![writing("deal", "name")];
    assert_eq!(group(asked("", finance, deal)), by("finance"));
    // Where nothing is to be approved there is nobody to disagree.
    let touch = {
        let mut scene = scene("", finance);
        let request = update(&mut scene, "crm.touch", both());
        scene.decide(request, seconds(1)).1
    };
    assert_eq!(touch.outcome, Outcome::Allow, "{:?}", touch.reasons);
}

#[test]
fn an_approval_that_a_row_requires_is_asked_for() {
    let asked = |contact: &str, action: &str, kind: &str, field: &str| {
        let mut scene = scene(contact, "");
        let request = update(&mut scene, action, vec![writing(kind, field)]);
        let found = scene.decide(request, seconds(1)).1;
        (found.outcome, found.tier, found.approvers)
    };
    let group = |name: &str| Some(name.to_owned());
    let required = "approval = \"required\"\napprovers = \"finance\"\n";
    let asks = (Outcome::RequireApproval, Some(2), group("finance"));
    assert_eq!(asked(required, "crm.touch", "contact", "phone"), asks);
    // The agents' own fields are no way round, and a row that says nothing goes by tier.
    assert_eq!(asked(required, "crm.touch", "contact", "agent_x"), asks);
    let passes = |tier| (Outcome::Allow, Some(tier), None);
    assert_eq!(asked("", "crm.touch", "contact", "phone"), passes(1));
    assert_eq!(asked("", "crm.touch", "contact", "agent_x"), passes(0));
    assert_eq!(asked(required, "crm.touch", "deal", "name"), passes(1));
}

/// An approved request, asked anew.
fn approved(scene: &mut Scene) -> Decision {
    let mut request = update(scene, "crm.update", vec![writing("contact", "phone")]);
    let (asked, found) = scene.decide(request.clone(), seconds(1));
    assert_eq!(found.outcome, Outcome::RequireApproval);
    let answer = Body::Approval(Approval {
        cause: caused(Call::AnswerApproval, Role::Approver, APPROVERS[0], "yes"),
        decision: Some(asked),
        policy: None,
        verdict: Verdict::Granted,
        group: String::new(),
        expires_at: None,
        granted: None,
        details: Details::new(),
    });
    let (granted, _) = scene.ledger.append(answer, seconds(2));
    request.cause.request_id = Some("again".to_owned());
    request.approval = Some(granted);
    request
}

#[test]
fn an_approval_ends_with_its_approver() {
    let again = |change: &dyn Fn(&mut Ledger)| {
        let mut scene = scene("", "");
        let request = approved(&mut scene);
        change(&mut scene.ledger);
        decide(&scene.ledger.state, request, seconds(4)).unwrap()
    };
    let put = |groups: &'static [&'static str]| {
        move |ledger: &mut Ledger| {
            let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, "moved");
            let body = grouped(cause, APPROVERS[0], Role::Approver, groups);
            ledger.append(body, seconds(3));
        }
    };
    let revoke = |ledger: &mut Ledger| {
        let cause = caused(Call::RevokePrincipal, Role::Operator, OPERATOR, "gone");
        ledger.append(
            Body::Principal(PrincipalChange {
                cause,
                id: APPROVERS[0].to_owned(),
                role: Role::Approver,
                groups: Vec::new(),
                credential: None,
                change: Change::Revoked,
            }),
            seconds(3),
        );
    };
    let refused = |found: &Decision| {
        assert_eq!(found.outcome, Outcome::Deny, "{:?}", found.reasons);
        assert!(has(found, Code::ApprovalApprover), "{:?}", found.reasons);
        assert_eq!(found.approver, None);
    };
    let used = again(&|_| ());
    assert_eq!(used.outcome, Outcome::Allow, "{:?}", used.reasons);
    assert_eq!(used.approver.as_deref(), Some(APPROVERS[0]));
    assert_eq!(again(&put(&["finance", "revops"])).outcome, Outcome::Allow);
    refused(&again(&put(&["finance"])));
    refused(&again(&revoke));
    // And with a policy that asks somebody else now.
    refused(&again(&|ledger| {
        ledger.publish(&policy("approvers = \"finance\"\n", ""), seconds(3));
    }));
}

#[test]
fn a_change_that_names_no_field_is_one_of_every_field() {
    let touch = |targets: Vec<Target>| {
        let mut scene = scene("", "");
        let request = update(&mut scene, "crm.touch", targets);
        assert_eq!(
            scene.decide(request.clone(), seconds(1)).1.class,
            Class::Write
        );
        decide(&scene.ledger.state, request, seconds(1)).unwrap()
    };
    // The row grants one field, so not all of them.
    let found = touch(vec![target("contact", 1)]);
    assert_eq!(found.outcome, Outcome::Deny);
    let reason = found
        .reasons
        .iter()
        .find(|reason| reason.code == Code::GrantField);
    assert_eq!(reason.and_then(|reason| reason.field.as_deref()), Some("*"));
    // Where every field is granted, some of them are sensitive.
    let found = touch(vec![target("deal", 1)]);
    assert_eq!(
        (found.outcome, found.tier),
        (Outcome::RequireApproval, Some(2))
    );
    // What another target names says nothing of this one.
    let found = touch(vec![writing("deal", "name"), target("contact", 1)]);
    assert_eq!(found.outcome, Outcome::Deny);
    assert_eq!(touch(vec![writing("deal", "name")]).tier, Some(1));
    // A row that is about no fields grants what it grants whatever it does to them.
    let found = touch(vec![target("note", 1)]);
    assert_eq!((found.outcome, found.tier), (Outcome::Allow, Some(1)));
    let new = Target {
        id: None,
        ..target("contact", 1)
    };
    // Nor does it help to leave the id out of what makes nothing.
    assert_eq!(touch(vec![new]).outcome, Outcome::Deny);
}
