//! What conditions answer, and that nothing of them is passed over.

use cedar_policy::{
    Authorizer, Context, Decision as Plain, Entities, EntityUid, PolicySet, Request,
};
use ledger_core::entry::{Actor, Code, Foreign, Outcome, Recipient, RecipientRole};
use ledger_core::role::Role;

use super::ledger::seconds;
use super::scene::{AGENT, Scene, said};

const PERMIT: &str = "@id(\"granted\") permit (principal, action, resource);\n";

/// The decision of a `crm.read` under these conditions.
fn read(conditions: &str) -> ledger_core::entry::Decision {
    let mut scene = Scene::new(conditions);
    let request = scene.request("crm.read");
    scene.decide(request, seconds(1))
}

#[test]
fn one_that_permits_is_enough_and_the_first_is_named() {
    let decision = read(
        "@id(\"b\") permit (principal, action, resource);\n\
         @id(\"c\") permit (principal, action, resource);\n\
         @id(\"a\") permit (principal, action == Action::\"crm.update\", resource);\n",
    );
    assert_eq!(said(&decision), [(Code::ConditionPermit, Some("b"))]);
    assert_eq!(decision.outcome, Outcome::Allow);
}

#[test]
fn what_forbids_denies_whatever_permits_and_all_of_it_is_named() {
    let forbid = "@id(\"z\") forbid (principal, action, resource) when { context.tier == 0 };\n\
         @id(\"m\") forbid (principal == Agent::\"agent.one\", action, resource);\n\
         @id(\"other\") forbid (principal == Agent::\"agent.two\", action, resource);\n";
    let decision = read(&format!("{PERMIT}{forbid}"));
    let both = [
        (Code::ConditionForbid, Some("m")),
        (Code::ConditionForbid, Some("z")),
    ];
    assert_eq!(said(&decision), both);
    assert_eq!(decision.outcome, Outcome::Deny);
}

#[test]
fn without_one_that_permits_it_is_denied() {
    let decision =
        read("@id(\"a\") permit (principal, action == Action::\"crm.update\", resource);");
    assert_eq!(said(&decision), [(Code::ConditionNone, None)]);
    assert_eq!(decision.outcome, Outcome::Deny);
    // A file that holds none permits nothing either.
    let decision = read("// nothing yet\n");
    assert_eq!(said(&decision), [(Code::ConditionNone, None)]);
    assert_eq!(decision.outcome, Outcome::Deny);
}

#[test]
fn a_policy_without_them_says_nothing_of_them() {
    let mut scene = Scene::new(PERMIT);
    scene.ledger.publish(super::scene::POLICY, seconds(1));
    let request = scene.request("crm.read");
    let decision = scene.decide(request, seconds(2));
    assert_eq!(said(&decision), []);
    assert_eq!(decision.outcome, Outcome::Allow);
}

/// Two recipients are enough to overflow it.
const OVERFLOWS: &str = "context.recipients * 9223372036854775807 > 10";

#[test]
fn a_forbid_that_cannot_be_evaluated_denies_where_plain_cedar_would_allow() {
    let forbid =
        format!("@id(\"many\") forbid (principal, action, resource) when {{ {OVERFLOWS} }};");
    let conditions = format!("{PERMIT}{forbid}");

    // What Cedar alone answers: it passes over the forbid that failed.
    let uid = |text: &str| text.parse::<EntityUid>().unwrap();
    let two = cedar_policy::RestrictedExpression::new_long(2);
    let request = Request::new(
        uid("Agent::\"agent.one\""),
        uid("Action::\"crm.read\""),
        uid("Ledger::\"test.example/ledger\""),
        Context::from_pairs([("recipients".to_owned(), two)]).unwrap(),
        None,
    )
    .unwrap();
    let set: PolicySet = conditions.parse().unwrap();
    let plain = Authorizer::new().is_authorized(&request, &set, &Entities::empty());
    assert_eq!(plain.decision(), Plain::Allow);
    assert_eq!(plain.diagnostics().errors().count(), 1);

    let mut scene = Scene::new(&conditions);
    let mut request = scene.request("crm.read");
    let nobody = Recipient {
        role: RecipientRole::To,
        keys: Vec::new(),
        utc_offset: None,
        dnc: false,
        unusable: Vec::new(),
    };
    request.recipients = vec![nobody.clone(), nobody.clone()];
    let decision = scene.decide(request, seconds(1));
    assert_eq!(said(&decision), [(Code::ConditionError, Some("many"))]);
    assert_eq!(decision.outcome, Outcome::Deny);

    // Of one recipient it can be evaluated, and forbids.
    let mut request = scene.request("crm.read");
    request.recipients = vec![nobody];
    let decision = scene.decide(request, seconds(2));
    assert_eq!(said(&decision), [(Code::ConditionForbid, Some("many"))]);
    let request = scene.request("crm.read");
    let decision = scene.decide(request, seconds(3));
    assert_eq!(said(&decision), [(Code::ConditionPermit, Some("granted"))]);
}

#[test]
fn an_error_denies_beside_a_permit_a_forbid_and_nothing() {
    let overflow = "context.tier + 9223372036854775807 + 9223372036854775807 > 0";
    let broken = format!(
        "@id(\"y\") permit (principal, action, resource) when {{ {overflow} }};\n\
         @id(\"x\") forbid (principal, action, resource) when {{ {overflow} }};\n"
    );
    let errors = [
        (Code::ConditionError, Some("x")),
        (Code::ConditionError, Some("y")),
    ];
    assert_eq!(said(&read(&broken)), errors);
    assert_eq!(said(&read(&format!("{broken}{PERMIT}"))), errors);
    let forbid = "@id(\"a\") forbid (principal, action, resource);";
    let decision = read(&format!("{broken}{forbid}"));
    let mut all = errors.to_vec();
    all.push((Code::ConditionForbid, Some("a")));
    assert_eq!(said(&decision), all);
    assert_eq!(decision.outcome, Outcome::Deny);
}

/// Whether a condition holds for a request: it is the only one that permits.
fn holds(scene: &mut Scene, request: ledger_core::entry::Decision, second: i64) -> bool {
    let decision = scene.decide(request, seconds(second));
    match said(&decision).as_slice() {
        [(Code::ConditionPermit, Some("it"))] => true,
        [(Code::ConditionNone, None)] => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_attribute_is_what_the_request_and_the_ledger_say() {
    for (holds_for, other, condition) in [
        (
            "full",
            "bare",
            "principal has version && principal.version == \"sha256:9c1e\"",
        ),
        (
            "full",
            "bare",
            "context has tool && context.tool == \"crm.importer\"",
        ),
        (
            "full",
            "bare",
            "context has seller && context.seller == \"acme\"",
        ),
        (
            "full",
            "bare",
            "context has campaign && context.campaign like \"q4-*\"",
        ),
        (
            "full",
            "bare",
            "context has cost_micros && context.cost_micros == 1500000",
        ),
        (
            "full",
            "bare",
            "context has foreign && context.foreign == Outcome::\"require_approval\"",
        ),
        ("full", "bare", "context.undoes"),
        ("full", "bare", "context.recipients == 1"),
        (
            "full",
            "bare",
            "context.writes.contains(\"deal.amount\") && context.reads.contains(\"deal.owner\")",
        ),
        ("full", "bare", "context.objects.contains(\"deal\")"),
        ("full", "bare", "context.class == Class::\"write\""),
        (
            "bare",
            "full",
            "context.class == Class::\"read\" && context.tier == 0",
        ),
        ("bare", "mail", "context.channels.isEmpty()"),
        (
            "mail",
            "bare",
            "context.channels.contains(Channel::\"email\") && context.tier == 2",
        ),
        (
            "bare",
            "",
            "context.environment == Environment::\"prod\" && !context.approved",
        ),
        (
            "bare",
            "late",
            "context.hour == 12 && context.weekday == Weekday::\"sunday\"",
        ),
        (
            "late",
            "bare",
            "context.hour == 1 && context.weekday == Weekday::\"monday\"",
        ),
        (
            "bare",
            "",
            "resource == Ledger::\"test.example/ledger\" && principal == Agent::\"agent.one\"",
        ),
    ] {
        let text =
            format!("@id(\"it\") permit (principal, action, resource) when {{ {condition} }};");
        for (which, expected) in [(holds_for, true), (other, false)] {
            // Each at a time of its own, and no ledger's time runs backwards.
            let mut scene = Scene::new(&text);
            let mut second = 1;
            let request = match which {
                "" => continue,
                "full" => full(&mut scene),
                "mail" => scene.request("email.send"),
                "late" => {
                    // 2026-11-23, a Monday, at 1:59:59.
                    second = 13 * 3600 + 3599;
                    scene.request("crm.read")
                }
                _ => scene.request("crm.read"),
            };
            assert_eq!(
                holds(&mut scene, request, second),
                expected,
                "{which}: {condition}"
            );
        }
    }
}

/// A request that says everything that a request can say in clear.
fn full(scene: &mut Scene) -> ledger_core::entry::Decision {
    let mut request = scene.write(&["amount", "name"]);
    request.targets[0].reads = vec!["owner".to_owned()];
    request.cause.actor = Actor {
        version: Some("sha256:9c1e".to_owned()),
        ..Actor::principal(Role::Agent, AGENT)
    };
    request.tool = Some("crm.importer".to_owned());
    request.seller = Some("acme".to_owned());
    request.campaign = Some("q4-renewals".to_owned());
    request.cost_micros = Some(1_500_000);
    request.undoes = Some(3);
    request.foreign = Some(Foreign {
        engine: "other".to_owned(),
        policy: None,
        outcome: Outcome::RequireApproval,
    });
    request.recipients = vec![Recipient {
        role: RecipientRole::To,
        keys: Vec::new(),
        utc_offset: None,
        dnc: false,
        unusable: Vec::new(),
    }];
    request
}

#[test]
fn conditions_pass_no_other_check() {
    let mut scene = Scene::new(PERMIT);
    let mut request = scene.request("email.send");
    request.seller = Some("acme".to_owned());
    let decision = scene.decide(request, seconds(1));
    assert_eq!(said(&decision), [(Code::ConditionPermit, Some("granted"))]);
    assert_eq!(decision.outcome, Outcome::Deny, "no recipient");
    // What nobody declared is denied, and the conditions were never checked for it.
    let request = scene.request("crm.drop");
    let decision = scene.decide(request, seconds(2));
    assert_eq!(said(&decision), []);
    assert_eq!(decision.outcome, Outcome::Deny);
}

#[test]
fn the_evaluator_named_is_the_one_built_in() {
    let version = format!("cedar-policy {}", cedar_policy::get_sdk_version());
    assert_eq!(ledger_core::policy::EVALUATOR, Some(version.as_str()));
}
