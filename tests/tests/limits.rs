//! Stated limits: one more is an error that names what there was too much of and writes nothing, and
//! the largest request that is admitted still fits its entry.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Line, Refused, Site, sales_policy, site};
use tonic::Code;

const KIB: usize = 1024;

async fn house() -> (Site, Client) {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal("agent.outbound.sender", Role::Agent).await;
    (site, agent)
}

fn decide(change: impl FnOnce(&mut pb::DecideRequest)) -> pb::DecideRequest {
    with(
        ask::email(&site::fresh("ask"), "run-1", "ana@buyer.example", "c-1"),
        change,
    )
}

fn rationale(bytes: usize) -> pb::Detail {
    ask::detail(pb::DetailName::Rationale, vec![b'a'; bytes])
}

/// `count` people with five match keys each.
fn people(count: usize) -> Vec<pb::Recipient> {
    // Five keys each: the address twice, two names of its host up to the reserved one, and the contact.
    let person = |at| ask::person(&format!("{at}@buyer.example"), &format!("c-{at}"));
    (0..count).map(|at| ask::to(person(at))).collect()
}

fn fields(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("field_{at}")).collect()
}

fn target(reads: usize, writes: usize) -> pb::Target {
    pb::Target {
        r#type: "deal".into(),
        id: "d-1".into(),
        reads: fields(reads),
        writes: fields(writes),
    }
}

#[tokio::test]
async fn one_more_than_a_limit_is_an_error_and_the_limit_itself_is_not() {
    let (site, agent) = house().await;
    let five = [
        pb::DetailName::Rationale,
        pb::DetailName::Diff,
        pb::DetailName::Context,
        pb::DetailName::Prompt,
        pb::DetailName::Plan,
    ];
    let quarters = |count: usize| {
        five.iter()
            .take(count)
            .map(|name| ask::detail(*name, vec![b'a'; 256 * KIB]))
            .collect::<Vec<_>>()
    };
    let over: Vec<(&str, pb::DecideRequest, &str)> = vec![
        (
            "recipients",
            decide(|r| r.recipients = vec![ask::to(ask::person("", "c-1")); 51]),
            "recipients",
        ),
        (
            "match keys",
            decide(|r| {
                r.recipients = people(50);
                r.recipients[0].identifiers = Some(ask::person("a@eu.sales.buyer.example", "c-0"));
            }),
            "recipients",
        ),
        (
            "targets",
            decide(|r| r.targets = vec![target(1, 1); 17]),
            "targets",
        ),
        (
            "fields",
            decide(|r| r.targets = vec![target(24, 0), target(0, 25)]),
            "targets",
        ),
        (
            "one detail",
            decide(|r| r.details = vec![rationale(256 * KIB + 1)]),
            "details[0].value",
        ),
        (
            "details together",
            decide(|r| r.details = quarters(5)),
            "details",
        ),
        (
            "a detail twice",
            decide(|r| r.details = vec![rationale(1), rationale(2)]),
            "details[1].name",
        ),
        (
            "an address",
            decide(|r| r.recipients = vec![ask::to(ask::person(&"a".repeat(321), "c"))]),
            "recipients[0].identifiers.email",
        ),
        (
            "an id",
            decide(|r| r.recipients = vec![ask::to(ask::person("", &"c".repeat(257)))]),
            "recipients[0].identifiers.contact_id",
        ),
        (
            "a target's id",
            decide(|r| {
                r.targets = vec![pb::Target {
                    id: "d".repeat(257),
                    ..target(0, 0)
                }];
            }),
            "targets[0].id",
        ),
        (
            "a field's name",
            decide(|r| {
                r.targets = vec![pb::Target {
                    reads: vec!["f".repeat(65)],
                    ..target(0, 0)
                }];
            }),
            "targets[0].reads[0]",
        ),
        (
            "cost",
            decide(|r| r.cost_micros = Some(1 << 53)),
            "cost_micros",
        ),
        (
            "not UTF-8",
            decide(|r| r.details = vec![ask::detail(pb::DetailName::Rationale, [0xff])]),
            "details[0].value",
        ),
        (
            "no JSON",
            decide(|r| r.details = vec![ask::detail(pb::DetailName::Params, "{")]),
            "details[0].value",
        ),
        (
            "a hash",
            decide(|r| {
                r.foreign = Some(pb::ForeignDecision {
                    policy_sha256: vec![0; 33].into(),
                    ..ask::foreign(pb::Outcome::Allow)
                });
            }),
            "foreign.policy_sha256",
        ),
        (
            "a nameless engine",
            decide(|r| {
                r.foreign = Some(pb::ForeignDecision {
                    engine: String::new(),
                    ..ask::foreign(pb::Outcome::Allow)
                });
            }),
            "foreign.engine",
        ),
    ];
    let before = site.operator.size().await;
    for (what, request, field) in over {
        Refused::of(what, agent.decide(request).await)
            .code(what, Code::InvalidArgument)
            .names(what, field);
    }
    let groups = with(
        ask::principal(
            "groups",
            "agent.x",
            pb::Role::Agent,
            &ledger_tests::Credential::of("agent.x"),
        ),
        |request| request.groups = fields(17),
    );
    Refused::of("groups", site.operator.put_principal(groups).await).names("groups", "groups");
    let nobody = ask::listing(ask::someone(ask::person("ben@buyer.example", "")));
    let listings = ask::list("listings", vec![nobody; 51]);
    Refused::of("listings", site.operator.add_dnc(listings).await).names("listings", "listings");
    assert_eq!(site.operator.size().await, before, "something was written");

    for (what, request) in [
        (
            "recipients and match keys",
            decide(|r| r.recipients = people(50)),
        ),
        (
            "targets and fields",
            decide(|r| r.targets = vec![target(1, 2); 16]),
        ),
        ("details", decide(|r| r.details = quarters(4))),
        (
            "ids",
            decide(|r| {
                r.request_id = "r".repeat(128);
                r.correlation_id = "c".repeat(128);
                r.action_id = "a".repeat(128);
            }),
        ),
        ("cost", decide(|r| r.cost_micros = Some((1 << 53) - 1))),
    ] {
        agent
            .decide(request)
            .await
            .unwrap_or_else(|status| panic!("{what} at the limit: {status}"));
    }
}

/// A message over what the daemon reads at all: it is refused before anybody looks into it.
#[tokio::test]
async fn a_message_beyond_every_limit_is_refused_and_the_daemon_goes_on() {
    let (site, agent) = house().await;
    let before = site.operator.size().await;
    let request = decide(|r| r.details = vec![rationale(48 * KIB * KIB)]);
    let refused = Refused::of("48 MiB", agent.decide(request).await);
    let code = refused.0.code();
    assert!(
        matches!(
            code,
            Code::OutOfRange | Code::ResourceExhausted | Code::InvalidArgument
        ),
        "{:?}",
        refused.0
    );
    assert_eq!(site.operator.size().await, before);
    assert_eq!(
        agent
            .decide(decide(|_| {}))
            .await
            .expect("it goes on")
            .outcome(),
        pb::Outcome::Allow
    );
}

/// Everything at its limit in one request, and as much to say about it as there can be.
#[tokio::test]
async fn the_largest_request_fits_its_entry() {
    let (site, agent) = house().await;
    // Ten listings of each: every recipient brings reasons with cites.
    for _ in 0..10 {
        site.list(
            (0..50)
                .map(|at| {
                    ask::listing(ask::someone(ask::person(
                        &format!("{at}@buyer.example"),
                        "",
                    )))
                })
                .collect(),
        )
        .await;
    }
    let long = |letter: &str, bytes: usize| letter.repeat(bytes);
    let request = pb::DecideRequest {
        approval: None,
        undoes: None,
        request_id: long("r", 128),
        correlation_id: long("c", 128),
        action_id: long("a", 128),
        agent_id: long("x", 64),
        agent_version: long("v", 128),
        action: long("e", 64),
        tool: long("t", 128),
        seller: long("s", 64),
        campaign: long("m", 64),
        mailbox: "outreach-1".into(),
        targets: (0..16u8)
            .map(|at| pb::Target {
                r#type: long("o", 32),
                id: format!("{at}{}", long("i", 250)),
                reads: (0..2)
                    .map(|field| format!("{field}{}", long("f", 63)))
                    .collect(),
                writes: vec![long("w", 64)],
            })
            .collect(),
        recipients: people(50)
            .into_iter()
            .map(|recipient| pb::Recipient {
                utc_offset: "-09:30".to_owned(),
                dnc: true,
                ..recipient
            })
            .collect(),
        details: [
            pb::DetailName::Params,
            pb::DetailName::Rationale,
            pb::DetailName::Diff,
            pb::DetailName::Context,
            pb::DetailName::Prompt,
            pb::DetailName::Plan,
            pb::DetailName::Before,
            pb::DetailName::After,
            pb::DetailName::Response,
            pb::DetailName::Reason,
            pb::DetailName::Evidence,
        ]
        .map(|name| ask::detail(name, "{}"))
        .to_vec(),
        cost_micros: Some((1 << 53) - 1),
        foreign: Some(pb::ForeignDecision {
            engine: long("g", 128),
            policy_sha256: vec![255; 32].into(),
            outcome: pb::Outcome::Deny.into(),
        }),
    };
    let reply = agent
        .decide(request)
        .await
        .expect("the largest request is answered");
    assert_eq!(reply.outcome(), pb::Outcome::Deny);
    let receipt = reply.receipt.expect("with a receipt");
    let entry = Line::parse(&receipt.entry);
    assert!(
        receipt.entry.len() <= 65_535,
        "{} bytes",
        receipt.entry.len()
    );
    assert_eq!(entry.0["recipients"].as_array().map(Vec::len), Some(50));
    assert!(
        entry.0["reasons_total"]
            .as_u64()
            .is_some_and(|total| total > 100),
        "{}",
        entry.0["reasons_total"]
    );
    for code in [
        "identity.impersonation",
        "action.unknown",
        "dnc.crm_flag",
        "dnc.listed",
        "foreign.deny",
    ] {
        assert!(
            entry.codes().contains(&code),
            "`{code}` is missing from {:?}",
            entry.codes()
        );
    }
    site.verifier().receipt(&receipt).expect(0);
}

/// A policy that needs several entries is in force whole, is shown whole, and replays.
#[tokio::test]
async fn a_policy_of_the_largest_size_is_published_in_parts() {
    let (site, agent) = house().await;
    let mut text = sales_policy();
    let line =
        "# \"quoted\" and \\escaped\\, so that JSON needs more room for it than the file has\n";
    while text.len() + line.len() <= 256 * KIB {
        text.push_str(line);
    }
    let before = site.operator.size().await;
    let seq = site.publish(&text).await;
    let entries = site.operator.size().await - before;
    assert!(entries > 4, "{entries} entries");
    let shown = site
        .operator
        .show_policy(pb::ShowPolicyRequest {})
        .await
        .expect("a policy is in force");
    assert_eq!((shown.seq, shown.files.len()), (Some(seq), 1));
    assert_eq!(shown.files[0].text, text);
    let reply = agent.decide(decide(|_| {})).await.expect("decided");
    assert_eq!(reply.outcome(), pb::Outcome::Allow);
    let entry = Line::parse(&reply.receipt.expect("a receipt").entry);
    assert_eq!(entry.0["policy"]["seq"].as_u64(), Some(seq));

    let folder = site.ledger.path("export");
    site.operator
        .export()
        .await
        .expect("an export")
        .write(&folder);
    site.verifier().whole(&folder);
}
