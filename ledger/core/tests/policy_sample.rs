//! The sample policy that ships is the requirements document's table, its tiers and its numbers, written
//! down here a second time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::action::Class;
use ledger_core::entry::{Environment, Measure};
use ledger_core::policy::{
    AGENT_OWNED, BreachScope, BreakerPer, Fields, Mailboxes, Names, Numbers, Per, Policy,
    SENSITIVE, Unit,
};
use ledger_core::token::Kind;

fn sample() -> Policy {
    let text = include_str!("../../../policies/sales/policy.toml");
    Policy::parse(&[("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn words<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    names.join(" ")
}

fn fields(fields: &Fields) -> String {
    words(&fields.patterns())
}

/// Agent, actions, objects, fields to read, fields to write: every row, in the order of the file.
const TABLE: [[&str; 5]; 11] = [
    [
        "agent.enrichment",
        "crm.read crm.search research.lookup",
        "company contact",
        "company country domain email firstname industry jobtitle lastname name numberofemployees website agent_*",
        "",
    ],
    [
        "agent.enrichment",
        "crm.contact.create crm.contact.update",
        "contact",
        "company country email firstname jobtitle lastname agent_*",
        "company country email firstname jobtitle lastname",
    ],
    [
        "agent.enrichment",
        "crm.company.update",
        "company",
        "country domain industry name numberofemployees website agent_*",
        "country industry numberofemployees website",
    ],
    [
        "agent.drafting",
        "crm.read crm.search",
        "company contact deal",
        "company dealname firstname industry jobtitle lastname name agent_*",
        "",
    ],
    [
        "agent.drafting",
        "crm.draft.write",
        "contact",
        "",
        "agent_*",
    ],
    [
        "agent.routing",
        "crm.read crm.search",
        "company contact deal",
        "company country dealname firstname hubspot_owner_id industry lastname name numberofemployees agent_*",
        "",
    ],
    [
        "agent.routing",
        "crm.owner.assign",
        "company contact deal",
        "hubspot_owner_id",
        "hubspot_owner_id",
    ],
    [
        "agent.routing",
        "crm.task.create",
        "task",
        "",
        "body due_at hubspot_owner_id subject",
    ],
    [
        "agent.outbound.sender",
        "email.send",
        "contact",
        "company email firstname lastname agent_*",
        "",
    ],
    [
        "agent.outbound.sender",
        "meeting.book sequence.enroll",
        "contact",
        "company email firstname lastname agent_*",
        "",
    ],
    [
        "agent.outbound.sender",
        "call.queue",
        "contact",
        "company firstname lastname phone agent_*",
        "",
    ],
];

#[test]
fn the_rows_are_the_document_s_table() {
    let policy = sample();
    let rows: Vec<[String; 5]> = policy
        .all_grants()
        .iter()
        .map(|row| {
            let Names::Only(objects) = &row.objects else {
                panic!("{}: any object", row.id)
            };
            [
                row.agent.clone(),
                words(&row.actions),
                words(objects),
                fields(&row.reads),
                fields(&row.writes),
            ]
        })
        .collect();
    assert_eq!(rows.len(), TABLE.len());
    for (row, expected) in rows.iter().zip(TABLE) {
        assert_eq!(*row, expected);
    }
    for row in policy.all_grants() {
        let both = [Environment::Prod, Environment::Sandbox];
        assert_eq!(row.environments, both, "{}", row.id);
        assert!(row.tier.is_none() && !row.elsewhere, "{}", row.id);
        assert!(row.agent_versions.is_empty(), "{}", row.id);
    }
}

#[test]
fn the_starter_agents_prepare_and_one_agent_reaches_people() {
    let policy = sample();
    for row in policy.all_grants() {
        let sender = row.agent == "agent.outbound.sender";
        for action in &row.actions {
            let class = policy.action(action).unwrap().class;
            assert_eq!(class == Class::Contact, sender, "{}: {action}", row.id);
            assert_ne!(class, Class::Admin, "{}: {action}", row.id);
        }
        assert_eq!(row.sellers.contains("acme"), sender, "{}", row.id);
        assert!(!row.sellers.contains("globex"), "{}", row.id);
        // The one approval that is waived is the sender's for e-mail.
        assert_eq!(row.waived, row.id == "outbound-sends", "{}", row.id);
        let asks = matches!(row.id.as_str(), "outbound-bookings" | "outbound-calls");
        assert_eq!(row.approvers.as_deref(), asks.then_some("sales-ops"));
        let named = matches!(&row.mailboxes, Mailboxes::Only { names, .. } if !names.is_empty());
        assert_eq!(named, row.id == "outbound-sends", "{}", row.id);
    }
    let mailboxes = BTreeSet::from(["outreach-1", "outreach-2"]);
    assert_eq!(policy.mailbox_names(), mailboxes);
    // It is said where it is waived, too: whoever reads the file must see it.
    let text = include_str!("../../../policies/sales/policy.toml");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("\"waived\""))
        .collect();
    assert!(
        lines.len() == 1 && lines[0].contains("# WAIVED: "),
        "{lines:?}"
    );
}

#[test]
fn the_tiers_are_the_document_s() {
    let tiers = [
        (
            0,
            "crm.read crm.search research.lookup crm.note.create crm.task.create crm.draft.write",
        ),
        (
            1,
            "crm.contact.create crm.contact.update crm.company.update crm.owner.assign",
        ),
        // The document says two things of stages: the stricter holds.
        (
            2,
            "crm.deal.stage crm.lifecycle.stage email.send sms.send sequence.enroll meeting.book call.queue",
        ),
        (
            3,
            "crm.record.delete crm.record.merge crm.list.edit crm.bulk.update crm.permission.change dnc.change",
        ),
    ];
    let expected: BTreeMap<&str, u8> = tiers
        .into_iter()
        .flat_map(|(tier, names)| names.split(' ').map(move |name| (name, tier)))
        .collect();
    let policy = sample();
    let found: BTreeMap<&str, u8> = policy
        .actions()
        .map(|(name, rule)| (name, rule.tier))
        .collect();
    assert_eq!(found, expected);
    // Spelled out in the file, not left to defaults.
    let text = include_str!("../../../policies/sales/policy.toml");
    let rows = text.split("[[action]]").skip(1);
    assert!(rows.clone().all(|row| row.contains("\ntier = ")));
    assert_eq!(rows.count(), expected.len());

    assert_eq!(
        policy.action("email.send").unwrap().requires,
        [Kind::Email, Kind::Contact]
    );
    let call = policy.action("call.queue").unwrap();
    assert_eq!(call.requires, [Kind::Phone, Kind::Contact]);
    assert_eq!(call.hours, Some((8 * 60, 21 * 60)));
    assert_eq!(call.registry_max_age_s, Some(31 * 24 * 3600));
    assert_eq!(call.registry_sources, ["ftc".to_owned()].into());
    let others = policy.actions().filter(|(name, _)| *name != "call.queue");
    for (name, rule) in others {
        assert!(
            rule.hours.is_none() && rule.registry_max_age_s.is_none(),
            "{name}"
        );
    }
    // Stages are sensitive in every object, and a deal's amount; an owner is not: that is tier 1.
    let is = |object, field| policy.fields.is_sensitive(object, field);
    assert!(is("deal", "dealstage") && is("contact", "lifecyclestage") && is("deal", "amount"));
    assert!(!is("contact", "hubspot_owner_id") && !is("contact", "amount"));
    assert_eq!(policy.fields.sensitive.len(), SENSITIVE.len() + 1);
    assert_eq!(policy.fields.agent_owned, Fields::of([AGENT_OWNED]));
}

#[test]
fn the_limits_are_the_document_s() {
    let policy = sample();
    let rules: Vec<_> = policy
        .throttles()
        .iter()
        .map(|r| {
            (
                words(&r.actions),
                r.classes.iter().copied().collect::<Vec<_>>(),
                r.per,
                r.unit,
                r.limit,
                r.window_s,
            )
        })
        .collect();
    let of = |action: &str| (action.to_owned(), Vec::new());
    let row = |(actions, classes): (String, Vec<Class>), per, unit, limit, window_s| {
        (actions, classes, per, unit, limit, window_s)
    };
    let writes = (String::new(), vec![Class::Write]);
    assert_eq!(
        rules,
        [
            row(writes, Per::Agent, Unit::Actions, 60, 3_600),
            row(of("email.send"), Per::Mailbox, Unit::Recipients, 25, 86_400),
            row(
                of("sequence.enroll"),
                Per::Workspace,
                Unit::Recipients,
                10,
                3_600
            ),
            row(of("meeting.book"), Per::Workspace, Unit::Actions, 5, 86_400),
            row(of("email.send"), Per::Recipient, Unit::Actions, 1, 86_400),
        ]
    );
    assert_eq!(policy.numbers, Numbers::default());
}

#[test]
fn the_breakers_are_the_document_s_and_can_open() {
    let policy = sample();
    let [bounces, complaints, errors, cost] = policy.breakers() else {
        panic!("{:?}", policy.breakers())
    };
    for (rule, measure, warn, open) in [
        (bounces, Measure::HardBounceRate, 20_000, 50_000),
        (complaints, Measure::ComplaintRate, 800, 3_000),
    ] {
        assert_eq!(
            (rule.measure, rule.warn, rule.open),
            (measure, Some(warn), open)
        );
        assert_eq!((rule.per, rule.minimum), (BreakerPer::Workspace, 200));
        assert!(
            rule.matches("email.send", Class::Contact)
                && !rule.matches("call.queue", Class::Contact)
        );
        // What all mailboxes may send in the window reaches the minimum: else it could never open.
        let mailboxes = policy.mailbox_names().len() as u64;
        let sent = 25 * mailboxes * rule.window_s / 86_400;
        assert!(sent >= rule.minimum, "{}: {sent} in the window", rule.id);
    }
    assert_eq!(
        (errors.measure, errors.per),
        (Measure::ErrorRate, BreakerPer::Agent)
    );
    assert!(
        errors.matches("crm.owner.assign", Class::Write)
            && !errors.matches("crm.read", Class::Read)
    );
    assert!(
        errors.minimum <= 60,
        "more than an agent may write in the window"
    );
    assert_eq!(
        (cost.measure, cost.per, cost.window_s),
        (Measure::Cost, BreakerPer::Agent, 86_400)
    );
    assert!(cost.matches("research.lookup", Class::Read) && cost.minimum == 1);
    assert_eq!(policy.dnc_breach, BreachScope::Agent);
    assert!(policy.fake_domains.is_empty() && policy.sandbox_clear.is_empty());
}
