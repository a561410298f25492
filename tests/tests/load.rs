//! Load: twenty agents, ten throttle rules, a hundred thousand listings, about one denial in twenty. In
//! the end every answer was the one that follows from the numbers, and the views that the daemon kept
//! beside its log equal a fresh fold of it.
//!
//! `LEDGER_TEST_DECISIONS` asks for another number of decisions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Instant;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Log, Site, same_views, say, site};
use tokio::sync::Semaphore;

const LISTINGS: u64 = 100_000;
const LISTINGS_A_CALL: u64 = 50;
const AGENTS: u64 = 20;
const DECISIONS: u64 = 12_000;
/// One request in this many is for somebody on the list.
const LISTED_EVERY: u64 = 25;
/// One request in this many is a call; of each agent's calls the last tenth is over the limit.
const CALL_EVERY: u64 = 10;
/// Requests of one agent under way at once.
const IN_FLIGHT: usize = 8;

/// Ten rules, of every kind. Only the first one's limit is ever reached.
fn policy(decisions: u64) -> String {
    let grant = |agent: u64| {
        format!(
            "[[grant]]\nid = \"g{agent}\"\nagent = \"agent.{agent}\"\nactions = [\"email.send\", \"call.queue\"]\n\
             sellers = [\"acme\"]\nmailboxes = [\"*\"]\napproval = \"waived\"\n[[grant]]\nid = \"c{agent}\"\nagent = \"agent.{agent}\"\n\
             actions = [\"call.queue\"]\nsellers = [\"acme\"]\napproval = \"waived\"\n"
        )
    };
    let rules = [
        (
            "agent-calls",
            "call.queue",
            "agent",
            "actions",
            calls_allowed(decisions),
            "24h",
        ),
        (
            "agent-mails",
            "email.send",
            "agent",
            "actions",
            1_000_000,
            "24h",
        ),
        (
            "agent-mails-minute",
            "email.send",
            "agent",
            "recipients",
            1_000_000,
            "1m",
        ),
        (
            "workspace-mails",
            "email.send",
            "workspace",
            "recipients",
            1_000_000,
            "24h",
        ),
        (
            "workspace-calls",
            "call.queue",
            "workspace",
            "actions",
            1_000_000,
            "1h",
        ),
        (
            "mailbox-day",
            "email.send",
            "mailbox",
            "actions",
            1_000_000,
            "24h",
        ),
        (
            "person-week",
            "email.send",
            "recipient",
            "actions",
            1_000,
            "7d",
        ),
        (
            "domain-day",
            "email.send",
            "domain",
            "recipients",
            1_000_000,
            "24h",
        ),
        (
            "campaign-day",
            "email.send",
            "campaign",
            "actions",
            1_000_000,
            "24h",
        ),
        (
            "seller-month",
            "email.send",
            "seller",
            "recipients",
            1_000_000,
            "31d",
        ),
    ];
    let rule = |(id, action, per, unit, limit, window): (&str, &str, &str, &str, u64, &str)| {
        format!(
            "[[throttle]]\nid = \"{id}\"\nactions = [\"{action}\"]\nper = \"{per}\"\nunit = \"{unit}\"\n\
             limit = {limit}\nwindow = \"{window}\"\n"
        )
    };
    let rows = (0..AGENTS).map(grant).chain(rules.map(rule));
    std::iter::once("version = 1\n".to_owned())
        .chain(rows)
        .collect()
}

fn per_agent(decisions: u64) -> u64 {
    decisions / AGENTS
}

/// How many calls each agent asks for.
fn calls_asked(decisions: u64) -> u64 {
    (0..per_agent(decisions)).filter(|at| is_call(*at)).count() as u64
}

fn calls_allowed(decisions: u64) -> u64 {
    let asked = calls_asked(decisions);
    asked - asked / 10
}

fn is_call(at: u64) -> bool {
    at % CALL_EVERY == 3
}

fn is_listed(at: u64) -> bool {
    at % LISTED_EVERY == 5
}

/// The people on the list: most by their address, some by their phone, some by their domain.
fn listing(at: u64) -> pb::Listing {
    let subject = match at % 100 {
        98 => ask::domain(&domain(at)),
        99 => ask::someone(pb::Identifiers {
            phone: phone(at),
            ..Default::default()
        }),
        _ => ask::someone(ask::person(&address(at), "")),
    };
    ask::listing(subject)
}

fn address(at: u64) -> String {
    format!("person-{at}@{}", domain(at))
}

fn domain(at: u64) -> String {
    format!("company-{at}.example")
}

fn phone(at: u64) -> String {
    format!("+49151{at:08}")
}

/// The `at`-th request of an agent. Listed people are taken from all over the list.
fn request(agent: u64, at: u64) -> pb::DecideRequest {
    let number = at * AGENTS + agent;
    let who = if is_listed(at) {
        number * 7_919 % LISTINGS
    } else {
        LISTINGS + number
    };
    let id = format!("a{agent}-{at}");
    let person = pb::Identifiers {
        phone: phone(who),
        ..ask::person(&address(who), &format!("c-{who}"))
    };
    with(
        ask::act(
            &id,
            &id,
            if is_call(at) {
                "call.queue"
            } else {
                "email.send"
            },
        ),
        |request| {
            request.seller = "acme".into();
            request.campaign = format!("campaign-{}", number % 5);
            request.recipients = vec![ask::to(person)];
            if !is_call(at) {
                request.mailbox = format!("outreach-{}", number % 16);
            }
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_answer_is_the_right_one_and_the_views_are_the_log() {
    let decisions = std::env::var("LEDGER_TEST_DECISIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(DECISIONS);
    let site = Site::with_policy(&policy(decisions)).await;
    let mut agents = Vec::new();
    for agent in 0..AGENTS {
        agents.push(site.principal(&format!("agent.{agent}"), Role::Agent).await);
    }

    let begun = Instant::now();
    list_everybody(&site.operator).await;
    let listed = begun.elapsed();

    come_and_go(&site).await;

    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for (agent, client) in (0..).zip(agents) {
        running.spawn(run(client, agent, per_agent(decisions)));
    }
    let mut counted = Counted::default();
    while let Some(outcome) = running.join_next().await {
        counted += outcome.expect("no panic in an agent");
    }
    let decided = begun.elapsed();

    let each = per_agent(decisions);
    let listed_mails = (0..each)
        .filter(|at| is_listed(*at) && !is_call(*at))
        .count() as u64;
    let listed_calls = (0..each)
        .filter(|at| is_listed(*at) && is_call(*at))
        .count() as u64;
    let clear_calls = calls_asked(decisions) - listed_calls;
    let throttled = clear_calls.saturating_sub(calls_allowed(decisions));
    let expected = Counted {
        asked: AGENTS * each,
        denied: AGENTS * (listed_mails + listed_calls + throttled),
        listed: AGENTS * (listed_mails + listed_calls),
        throttled: AGENTS * throttled,
    };
    assert_eq!(counted, expected);
    assert!(counted.throttled > 0 && counted.listed > 0);
    let percent = counted.denied * 100 / counted.asked;
    assert!((3..=7).contains(&percent), "{percent} % denials");

    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let folder = ledger.export("export");
    ledger_tests::Verifier::of(&ledger).log(&folder).expect(0);
    let rows = same_views(&Log::read(&folder), &ledger);
    say(&format!(
        "load: {LISTINGS} listings in {listed:.1?}; {} decisions by {AGENTS} agents in {decided:.1?}, {} for a listing \
         and {} by a throttle denied; {rows} rows of the views equal a fresh fold",
        counted.asked, counted.listed, counted.throttled
    ));
}

/// Things that the views take up and lose again: listings, a stop, a credential.
async fn come_and_go(site: &Site) {
    let compliance = site.principal("compliance.desk", Role::Compliance).await;
    let people = (LISTINGS..LISTINGS + LISTINGS_A_CALL)
        .map(listing)
        .collect();
    let seq = site.list(people).await;
    let mut ends = ask::unlist("end", seq, 0);
    ends.ends = (0..LISTINGS_A_CALL)
        .map(|index| pb::Cite {
            seq,
            index: Some(index),
        })
        .collect();
    compliance.remove_dnc(ends).await.expect("unlisted");
    let nobody = || pb::scope::Of::AgentId("agent.nobody".into());
    site.operator
        .stop(ask::stop("stop", nobody()))
        .await
        .expect("stopped");
    site.operator
        .resume(ask::resume("resume", nobody()))
        .await
        .expect("resumed");
    site.principal("agent.nobody", Role::Agent).await;
    let revoke = pb::RevokePrincipalRequest {
        header: ask::header("revoke"),
        id: "agent.nobody".into(),
    };
    site.operator
        .revoke_principal(revoke)
        .await
        .expect("revoked");
}

/// What became of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counted {
    asked: u64,
    denied: u64,
    listed: u64,
    throttled: u64,
}

impl std::ops::AddAssign for Counted {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.denied += other.denied;
        self.listed += other.listed;
        self.throttled += other.throttled;
    }
}

async fn list_everybody(operator: &Client) {
    let places = Arc::new(Semaphore::new(16));
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..LISTINGS / LISTINGS_A_CALL {
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .expect("an open semaphore");
        let operator = operator.clone();
        calls.spawn(async move {
            let listings = (call * LISTINGS_A_CALL..(call + 1) * LISTINGS_A_CALL)
                .map(listing)
                .collect();
            let reply = operator
                .add_dnc(ask::list(&format!("import-{call}"), listings))
                .await;
            drop(place);
            reply.map(drop)
        });
    }
    while let Some(reply) = calls.join_next().await {
        reply.expect("no panic").expect("listed");
    }
}

/// One agent: several requests under way at once, each answered by what its number demands.
async fn run(client: Client, agent: u64, requests: u64) -> Counted {
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut calls = tokio::task::JoinSet::new();
    for at in 0..requests {
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .expect("an open semaphore");
        let client = client.clone();
        calls.spawn(async move {
            let reply = client.decide(request(agent, at)).await.expect("decided");
            drop(place);
            let says = |code: &str| reply.reasons.iter().any(|reason| reason.code == code);
            let denied = reply.outcome() == pb::Outcome::Deny;
            if !denied && at % 2 == 0 {
                let id = format!("a{agent}-{at}");
                let seq = site::seq(reply.receipt.clone());
                let report = client
                    .record(ask::executed(&id, &id, seq))
                    .await
                    .expect("recorded");
                assert!(
                    report.findings.is_empty(),
                    "agent {agent}, request {at}: {:?}",
                    report.findings
                );
            }
            let (listed, throttled) = (says("dnc.listed"), says("throttle.exceeded"));
            assert_eq!(
                listed,
                is_listed(at),
                "agent {agent}, request {at}: {:?}",
                reply.reasons
            );
            assert!(
                is_call(at) || !throttled,
                "agent {agent}, request {at}: {:?}",
                reply.reasons
            );
            assert_eq!(
                denied,
                listed || throttled,
                "agent {agent}, request {at}: {:?}",
                reply.reasons
            );
            Counted {
                asked: 1,
                denied: denied.into(),
                listed: listed.into(),
                throttled: (throttled && !listed).into(),
            }
        });
    }
    let mut counted = Counted::default();
    while let Some(call) = calls.join_next().await {
        counted += call.expect("the right answer");
    }
    counted
}
