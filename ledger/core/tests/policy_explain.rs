//! What the sample policy says of single requests, worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::action::Class;
use ledger_core::entry::{
    Actor, ActorType, Basis, Cause, Code, Decision, Environment, Foreign, Outcome, Target,
};
use ledger_core::gate::{Explained, TierCause, explain};
use ledger_core::hash::Hash;
use ledger_core::policy::Policy;
use ledger_core::role::Role;
use ledger_core::state::InForce;
use ledger_core::token::Token;

const OUTREACH: Token = Token([1; 32]);

fn in_force(text: &str) -> InForce {
    InForce {
        seq: 1,
        sha256: Hash([0; 32]),
        text: Policy::parse(&[("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}")),
        mailboxes: [("outreach-1".to_owned(), OUTREACH)].into(),
        fake_domains: [].into(),
    }
}

fn sample() -> InForce {
    in_force(include_str!("../../../policies/sales/policy.toml"))
}

fn ask(agent: &str, action: &str) -> Decision {
    let actor = Actor {
        kind: ActorType::Principal(Role::Agent),
        id: agent.to_owned(),
        version: None,
    };
    let cause = Cause {
        actor,
        ..Cause::ledger()
    };
    Decision::request(Basis::Gate, cause, action.to_owned())
}

fn target(kind: &str, reads: &[&str], writes: &[&str]) -> Target {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Target {
        kind: kind.to_owned(),
        id: None,
        reads: owned(reads),
        writes: owned(writes),
    }
}

fn codes(explained: &Explained<'_>) -> Vec<Code> {
    explained.reasons.iter().map(|reason| reason.code).collect()
}

fn used<'a>(explained: &Explained<'a>) -> Vec<&'a str> {
    explained.used.iter().map(|row| row.id.as_str()).collect()
}

#[test]
fn every_target_has_the_row_that_decides_it() {
    let policy = sample();
    let mut request = ask("agent.enrichment", "crm.read");
    request.targets = vec![
        target("company", &["domain"], &[]),
        target("deal", &["amount"], &[]),
        target("contact", &["jobtitle", "phone"], &[]),
    ];
    let said = explain(&policy, &request, Environment::Prod);
    assert_eq!(said.rows.len(), 1);
    assert_eq!(said.targets[0].row.unwrap().id, "enrichment-research");
    assert!(said.targets[0].missed.is_empty());
    for (index, code, what) in [
        (1, Code::GrantObject, "deal"),
        (2, Code::GrantField, "phone"),
    ] {
        let says = &said.targets[index];
        let miss = &says.missed[0];
        assert!(says.row.is_none() && says.missed.len() == 1);
        let found = (miss.row.id.as_str(), miss.code, miss.what);
        assert_eq!(found, ("enrichment-research", code, what));
    }
    assert_eq!(said.outcome, Outcome::Deny);
    assert_eq!(codes(&said), [Code::GrantObject, Code::GrantField]);
    assert!(used(&said).is_empty() && said.approvers.is_none());
}

#[test]
fn the_tier_comes_with_everything_that_says_one() {
    let policy = sample();
    let tier = |action: &str, targets: Vec<Target>| {
        let mut request = ask("agent.enrichment", action);
        request.targets = targets;
        let said = explain(&policy, &request, Environment::Prod);
        let causes: Vec<String> = said
            .causes
            .iter()
            .map(|cause| format!("{cause:?}"))
            .collect();
        (said.tier, causes.join(" "))
    };
    let own = target("contact", &[], &["agent_reason"]);
    let stage = target(
        "contact",
        &["lifecyclestage"],
        &["jobtitle", "lifecyclestage"],
    );
    let title = target("contact", &[], &["jobtitle"]);
    for (action, targets, expected, causes) in [
        ("crm.contact.update", vec![title.clone()], 1, "(1, Action)"),
        ("crm.contact.update", vec![own.clone()], 0, "(0, OwnFields)"),
        (
            "crm.contact.update",
            vec![own.clone(), title],
            1,
            "(1, Action)",
        ),
        (
            "crm.contact.update",
            vec![own.clone(), stage],
            2,
            "(1, Action) (2, Writes(1, \"lifecyclestage\")) (1, Reads(1, \"lifecyclestage\"))",
        ),
        ("crm.deal.stage", vec![own], 2, "(2, Action)"),
        ("crm.record.delete", vec![], 3, "(3, Action)"),
    ] {
        assert_eq!(
            tier(action, targets),
            (expected, causes.to_owned()),
            "{action}"
        );
    }
    let raised = in_force(
        "version = 1\n[[action]]\nname = \"r\"\nclass = \"read\"\n[[grant]]\nid = \"up\"\nagent = \"a\"\nactions = [\"r\"]\ntier = 3\n",
    );
    let request = ask("a", "r");
    let said = explain(&raised, &request, Environment::Prod);
    assert_eq!(
        said.causes,
        [(0, TierCause::Action), (3, TierCause::Row("up"))]
    );
    assert_eq!((said.tier, said.outcome), (3, Outcome::Deny));
    assert_eq!(codes(&said), [Code::TierBlocked, Code::GrantRow]);
}

#[test]
fn the_sender_sends_and_asks_for_the_rest() {
    let policy = sample();
    let sender = "agent.outbound.sender";
    let mut send = ask(sender, "email.send");
    send.seller = Some("acme".to_owned());
    send.mailbox = Some(OUTREACH);
    let said = explain(&policy, &send, Environment::Prod);
    assert_eq!(
        (said.class, said.tier, said.outcome),
        (Class::Contact, 2, Outcome::Allow)
    );
    assert_eq!(codes(&said), [Code::GrantRow, Code::TierWaived]);
    assert_eq!(used(&said), ["outbound-sends"]);
    let counted: Vec<(&str, bool)> = said
        .throttles
        .iter()
        .map(|(rule, keyed)| (rule.id.as_str(), *keyed))
        .collect();
    assert_eq!(counted, [("mailbox-day", true), ("person-day", true)]);
    let measured: Vec<(&str, bool)> = said
        .breakers
        .iter()
        .map(|(rule, keyed)| (rule.id.as_str(), *keyed))
        .collect();
    assert_eq!(measured, [("bounces", true), ("complaints", true)]);

    let mut other = send.clone();
    other.mailbox = Some(Token([2; 32]));
    let said = explain(&policy, &other, Environment::Prod);
    assert_eq!(said.rows[0].refuses, Some(Code::GrantMailbox));
    let mut nobody = send.clone();
    nobody.mailbox = None;
    let said = explain(&policy, &nobody, Environment::Prod);
    assert_eq!(said.throttles[0].0.id, "mailbox-day");
    assert!(!said.throttles[0].1, "it names no mailbox to count per");
    let mut seller = send.clone();
    seller.seller = Some("globex".to_owned());
    let said = explain(&policy, &seller, Environment::Prod);
    assert_eq!(
        (said.rows[0].refuses, codes(&said)),
        (
            Some(Code::GrantSeller),
            vec![Code::GrantSeller, Code::TierApproval]
        )
    );
    assert_eq!(said.outcome, Outcome::Deny);

    let mut book = ask(sender, "meeting.book");
    book.seller = Some("acme".to_owned());
    let said = explain(&policy, &book, Environment::Sandbox);
    assert_eq!(
        (said.outcome, said.approvers.as_deref()),
        (Outcome::RequireApproval, Some("sales-ops"))
    );
    // A decision handed in only makes it stricter: the row does not leave it to another engine.
    book.foreign = Some(Foreign {
        engine: "other".to_owned(),
        policy: None,
        outcome: Outcome::Allow,
    });
    assert_eq!(
        explain(&policy, &book, Environment::Prod).outcome,
        Outcome::RequireApproval
    );
    book.foreign = Some(Foreign {
        engine: "other".to_owned(),
        policy: None,
        outcome: Outcome::Deny,
    });
    assert_eq!(
        explain(&policy, &book, Environment::Prod).outcome,
        Outcome::Deny
    );
}

#[test]
fn what_no_row_covers_is_said_and_why() {
    let policy = sample();
    let prod = Environment::Prod;
    let unknown = ask("agent.enrichment", "crm.wish");
    let said = explain(&policy, &unknown, prod);
    assert!(said.action.is_none() && said.rows.is_empty());
    assert!(codes(&said).contains(&Code::ActionUnknown) && codes(&said).contains(&Code::GrantNone));
    let other = ask("agent.drafting", "email.send");
    assert_eq!(codes(&explain(&policy, &other, prod))[0], Code::GrantNone);
    let nothing = ask("agent.routing", "crm.owner.assign");
    assert!(codes(&explain(&policy, &nothing, prod)).contains(&Code::GrantTargetMissing));
    let pinned = in_force(
        "version = 1\n[[action]]\nname = \"r\"\nclass = \"read\"\n\
         [[grant]]\nid = \"one\"\nagent = \"a\"\nactions = [\"r\"]\nenvironments = [\"sandbox\"]\n\
         [[grant]]\nid = \"two\"\nagent = \"a\"\nactions = [\"r\"]\nagent_versions = [\"v1\"]\n",
    );
    let mut request = ask("a", "r");
    let refuses = |request: &Decision| -> Vec<Option<Code>> {
        let said = explain(&pinned, request, prod);
        said.rows.iter().map(|says| says.refuses).collect()
    };
    assert_eq!(
        refuses(&request),
        [Some(Code::GrantEnvironment), Some(Code::GrantVersion)]
    );
    request.cause.actor.version = Some("v1".to_owned());
    assert_eq!(refuses(&request), [Some(Code::GrantEnvironment), None]);
    assert_eq!(used(&explain(&pinned, &request, prod)), ["two"]);
    assert_eq!(
        used(&explain(&pinned, &request, Environment::Sandbox)),
        ["one"]
    );
}
