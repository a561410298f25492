//! How the daemon serves: what it opens and to whom, what it does when there is too much, that nothing
//! overtakes a stop, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Credential, Ledger, Line, Log, Refused, Site, bin, sales_policy, site};
use pb::scope::Of;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt;

const ROUTING: &str = "agent.routing";
/// How long anything may take that takes no time to speak of: some of a busy machine's, and no more than
/// what waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls `client` from several tasks until told to stop; hands every outcome to `each`, with the request
/// id, as soon as it is there.
fn hammer(
    client: &Client,
    tasks: usize,
    stop: &Arc<AtomicBool>,
) -> tokio::task::JoinSet<Vec<(String, Outcome)>> {
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let (client, stop) = (client.clone(), Arc::clone(stop));
        running.spawn(async move {
            let mut outcomes = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let id = site::fresh("ask");
                let outcome = client.decide(ask::act(&id, &id, "crm.read")).await;
                let gone = outcome.is_err();
                outcomes.push((id, outcome));
                if gone {
                    break;
                }
            }
            outcomes
        });
    }
    running
}

type Outcome = Result<pb::DecideReply, Status>;

#[tokio::test]
async fn health_and_reflection_answer_anybody_and_nothing_else_does() {
    let site = Site::open().await;
    let mut health = HealthClient::new(site.daemon.channel());
    for service in ["", "ledger.v1.Gate"] {
        let reply = health
            .check(HealthCheckRequest {
                service: service.into(),
            })
            .await
            .expect("health answers");
        assert_eq!(
            reply.into_inner().status(),
            ServingStatus::Serving,
            "`{service}`"
        );
    }
    let mut reflection = ServerReflectionClient::new(site.daemon.channel());
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut replies = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .expect("reflection")
        .into_inner();
    let reply = replies
        .message()
        .await
        .expect("a reply")
        .expect("one reply")
        .message_response;
    let Some(MessageResponse::ListServicesResponse(services)) = reply else {
        panic!("{reply:?}")
    };
    let names: BTreeSet<String> = services
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for name in ["Gate", "Recorder", "Proofs", "Query", "Control"] {
        assert!(names.contains(&format!("ledger.v1.{name}")), "{names:?}");
    }
}

#[tokio::test]
async fn tcp_is_opt_in_and_needs_the_same_credential() {
    let site = Site::run_with(&["--listen", "127.0.0.1:0"]).await;
    let address = site.daemon.serves("listen").await;
    let address = address.expect("it was told to listen");
    site.publish(&sales_policy()).await;
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .expect("an address")
        .connect_lazy();
    let operator = Client::new(channel.clone(), Some(&site.ledger.operator().bearer()));
    let over_tcp = operator.checkpoint().await.expect("an operator").checkpoint;
    assert_eq!(
        over_tcp,
        site.operator
            .checkpoint()
            .await
            .expect("an operator")
            .checkpoint
    );
    let nobody = Client::new(channel, None);
    Refused::of("nobody", nobody.checkpoint().await).code("nobody", Code::Unauthenticated);

    let unasked = Site::open().await;
    assert_eq!(unasked.daemon.serves("listen").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_is_refused_at_once_with_a_delay_and_writes_nothing() {
    let site = Site::run_with(&["--quota", "2"]).await;
    site.publish(&sales_policy()).await;
    let hammering = site.principal("agent.hammering", Role::Agent).await;
    let other = site.principal(ROUTING, Role::Agent).await;
    let before = site.operator.size().await;

    let (mut answered, mut refused, mut others) = (0u64, 0u64, 0u64);
    // Once, unless this machine is so quick that nothing has to wait.
    for _ in 0..20 {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..300 {
            let (client, id) = (hammering.clone(), site::fresh("ask"));
            calls.spawn(async move { client.decide(ask::act(&id, &id, "crm.read")).await });
        }
        // Meanwhile another agent is answered, and so are reports of the one that hammers.
        for _ in 0..5 {
            let id = site::fresh("other");
            other
                .decide(ask::act(&id, &id, "crm.read"))
                .await
                .expect("another principal has a quota of its own");
            hammering
                .record(ask::executed(&site::fresh("report"), &id, before))
                .await
                .expect("reports have their own");
            others += 2;
        }
        while let Some(outcome) = calls.join_next().await {
            match outcome.expect("no panic") {
                Ok(_) => answered += 1,
                Err(status) => {
                    refused += 1;
                    turned_away(&status);
                }
            }
        }
        if refused > 0 {
            break;
        }
    }
    assert!(
        refused > 0 && answered > 0,
        "{answered} answered, {refused} refused"
    );
    assert_eq!(
        site.operator.size().await,
        before + answered + others,
        "a refusal writes nothing"
    );
}

/// Demands that a full queue is named, and when to try again.
fn turned_away(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let retry = status
        .get_details_retry_info()
        .and_then(|retry| retry.retry_delay);
    assert!(
        retry.is_some_and(|delay| delay > Duration::ZERO),
        "it says when to try again: {status:?}"
    );
    assert!(
        status.message().contains("(2 waiting)"),
        "it names the limit: {}",
        status.message()
    );
}

/// Once the call has returned, no allow in scope exists at a higher seq, however many are under way; and
/// what the stop says that it voids is what the log shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_allow_overtakes_a_stop() {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal(ROUTING, Role::Agent).await;
    let mut voided = Vec::new();
    for round in 0..10 {
        let stop = Arc::new(AtomicBool::new(false));
        let before = site.operator.size().await;
        let mut running = hammer(&agent, 24, &stop);
        // Not before it works, and then at a moment that differs from round to round.
        let until = Instant::now() + PATIENCE;
        while site.operator.size().await == before {
            assert!(Instant::now() < until, "nothing is decided");
        }
        tokio::time::sleep(Duration::from_millis(13 * round)).await;
        let scope = if round % 2 == 0 {
            Of::AgentId(ROUTING.into())
        } else {
            Of::Class(pb::ActionClass::Read.into())
        };
        let asked = Instant::now();
        let reply = site
            .operator
            .stop(ask::stop(&site::fresh("stop"), scope.clone()))
            .await
            .expect("nothing refuses a stop");
        assert!(
            asked.elapsed() < PATIENCE,
            "a stop took {:?}",
            asked.elapsed()
        );
        let stopped = site::seq(reply.receipt);
        voided.push((stopped, reply.voided));
        tokio::time::sleep(Duration::from_millis(30)).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(outcomes) = running.join_next().await {
            for (id, outcome) in outcomes.expect("no panic") {
                let reply = outcome.unwrap_or_else(|status| panic!("{id}: {status}"));
                let allowed = reply.outcome() == pb::Outcome::Allow;
                let seq = site::seq(reply.receipt);
                assert!(
                    !allowed || seq < stopped,
                    "{id} was allowed at {seq}, after the stop at {stopped}"
                );
                assert!(
                    allowed || seq > stopped,
                    "{id} was denied at {seq}, before the stop at {stopped}"
                );
                assert!(!reply.usable || !reply.voided, "{id} is void and usable");
            }
        }
        site.operator
            .resume(ask::resume(&site::fresh("resume"), scope))
            .await
            .expect("resumed");
    }
    let log = site
        .operator
        .export()
        .await
        .expect("an operator may export");
    // Nobody reported anything, and every scope covers all of it: outstanding is what was allowed below a stop
    // and has not expired; what was allowed below an earlier one is void already, and is not voided twice.
    let decisions = log.of_kind("decision");
    let allows: Vec<&Line> = decisions
        .iter()
        .filter(|line| line.text("outcome") == "allow")
        .collect();
    let mut from = 0;
    for (stopped, voided) in voided {
        let stop = &log.lines()[usize::try_from(stopped).expect("a seq")];
        assert!(
            allows
                .iter()
                .any(|allow| (from..stopped).contains(&allow.seq())),
            "nothing before the stop at {stopped}"
        );
        let outstanding = |allow: &&&Line| {
            (from..stopped).contains(&allow.seq()) && allow.text("valid_until") > stop.text("time")
        };
        assert_eq!(
            voided,
            allows.iter().filter(outstanding).count() as u64,
            "the stop at {stopped}"
        );
        from = stopped;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_answers_what_is_under_way_and_ends_with_a_shutdown() {
    let Site { daemon, ledger, .. } = {
        let site = Site::with_policy(&sales_policy()).await;
        site.principal(ROUTING, Role::Agent).await;
        site
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut running = hammer(&daemon.client(Credential::of(ROUTING)), 16, &stop);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = Instant::now();
    daemon.terminate();
    let mut answered = Vec::new();
    let mut refused = 0;
    while let Some(outcomes) = running.join_next().await {
        for (id, outcome) in outcomes.expect("no panic") {
            match outcome {
                Ok(reply) => answered.push((id, reply.receipt.expect("a receipt"))),
                Err(status) => {
                    refused += 1;
                    // The connection may go before the next request reaches the daemon. What the transport
                    // reports (a GOAWAY is `Internal` here) has a source; what a ledger answers has none.
                    assert!(
                        status.code() == Code::Unavailable || status.source().is_some(),
                        "{id}: {status:?}"
                    );
                }
            }
        }
    }
    assert_eq!(refused, 16, "every task ends with a refusal");
    daemon.stop().await;
    assert!(asked.elapsed() < PATIENCE, "it took {:?}", asked.elapsed());

    let log = Log::read(&ledger.export("export"));
    assert_eq!(
        log.lines().last().expect("entries").text("kind"),
        "shutdown"
    );
    for (id, receipt) in &answered {
        let at = usize::try_from(receipt.seq).expect("a seq");
        assert_eq!(
            log.entries.get(at).map(Vec::as_slice),
            Some(receipt.entry.as_ref()),
            "{id}"
        );
    }
    assert!(!ledger.socket().exists(), "the socket is gone");
    let daemon = ledger.run().await;
    let boot = Log::read(&{
        daemon.stop().await;
        ledger.export("again")
    });
    let boots = boot.of_kind("boot");
    assert_eq!(boots.last().expect("two starts").0["clean"], true);
}

#[tokio::test]
async fn an_idle_ledger_says_that_it_is_there() {
    let policy = sales_policy().replace("[numbers]", "[numbers]\nheartbeat_s = 1");
    let site = Site::with_policy(&policy).await;
    // Reading the checkpoint writes nothing: what the log grows by is heartbeats.
    let before = site.operator.size().await;
    let until = Instant::now() + PATIENCE;
    while site.operator.size().await < before + 3 {
        assert!(
            Instant::now() < until,
            "less than three heartbeats in {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = site
        .operator
        .export()
        .await
        .expect("an operator may export");
    let beats = log.of_kind("heartbeat");
    assert!(beats.len() >= 3, "{} heartbeats", beats.len());
    let gaps: Vec<i64> = beats
        .windows(2)
        .map(|two| two[1].micros() - two[0].micros())
        .collect();
    assert!(
        gaps.iter().all(|gap| *gap >= 1_000_000),
        "{gaps:?} µs apart"
    );
    assert!(beats.iter().all(|beat| beat.0["actor"]["type"] == "ledger"));
}

/// A caller that a throttle refuses is told when to come back; one that comes back at once, ever later.
#[tokio::test]
async fn whoever_hammers_a_full_window_is_told_to_wait_longer() {
    const WINDOW_US: i64 = 6_000_000;
    let policy =
        sales_policy().replace("limit = 60\nwindow = \"1h\"", "limit = 2\nwindow = \"6s\"");
    let site = Site::with_policy(&policy).await;
    let agent = site.principal(ROUTING, Role::Agent).await;
    let task = async || {
        let id = site::fresh("ask");
        agent
            .decide(with(ask::act(&id, &id, "crm.task.create"), |request| {
                request.targets = vec![pb::Target {
                    r#type: "task".to_owned(),
                    writes: vec!["subject".to_owned()],
                    ..Default::default()
                }];
            }))
            .await
            .expect("decided")
    };
    // The log's times say what is in the window: on a busy machine it may pass before there were five.
    let (mut allowed, mut waits, mut passes_us) = (Vec::new(), Vec::new(), 0);
    let until = Instant::now() + PATIENCE;
    while waits.len() < 5 {
        assert!(Instant::now() < until, "never five denials in one window");
        let reply = task().await;
        let now = Line::parse(&reply.receipt.as_ref().expect("a receipt").entry).micros();
        let in_window = allowed.iter().filter(|at| **at > now - WINDOW_US).count();
        if in_window < 2 {
            assert_eq!(
                reply.outcome(),
                pb::Outcome::Allow,
                "{in_window} in the window"
            );
            allowed.push(now);
            waits.clear();
            continue;
        }
        assert_eq!(reply.outcome(), pb::Outcome::Deny);
        let passes = reply.passes_at.expect("it will pass");
        passes_us = passes.seconds * 1_000_000 + i64::from(passes.nanos / 1_000);
        let oldest = allowed[allowed.len() - 2];
        assert_eq!(passes_us, oldest + WINDOW_US, "denials move nothing");
        waits.push(reply.retry_after_ms);
    }
    // At first until it passes; then, for somebody who does not listen, longer.
    assert!(waits[0] <= 6_000 && waits[4] > 6_000, "{waits:?}");
    // Exactly then, and not before: the window is trailing, and a denial consumes nothing.
    let passes = Duration::from_micros(passes_us.unsigned_abs());
    while UNIX_EPOCH.elapsed().expect("after 1970") < passes {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        task().await.outcome(),
        pb::Outcome::Allow,
        "it passes when it was said to"
    );
}

#[test]
fn a_ledger_is_made_once_and_only_of_what_this_version_serves() {
    let ledger = Ledger::init();
    let init = |data: &str, origin: &str, more: &[&str]| {
        let mut init = bin::command("ledgerd");
        init.arg("init")
            .arg("--data")
            .arg(ledger.path(data))
            .args(["--origin", origin]);
        init.arg("--credential-out")
            .arg(ledger.path(format!("{data}.credential")));
        bin::run(init.args(if more.is_empty() {
            &["--operator", "operator.first"]
        } else {
            more
        }))
    };
    let genesis = Log::read(&ledger.export("export")).lines();
    assert_eq!(genesis.len(), 2, "genesis and the first operator");
    assert_eq!(
        (genesis[0].text("kind"), genesis[0].text("origin")),
        ("genesis", Ledger::ORIGIN)
    );

    init("d", "ledger.test/second", &[]).refuses(&["holds a ledger already"]);
    init(
        "staging",
        "ledger.test/staging",
        &["--operator", "o", "--environment", "staging"],
    )
    .refuses(&["staging", "sandbox"]);
    init("origin", "ledger test", &[]).refuses(&["origin"]);
    init("plus", "ledger+test", &[]).refuses(&["origin"]);
    init(
        "person",
        "ledger.test/person",
        &["--operator", "ana@buyer.example"],
    )
    .refuses(&["operator"]);
    for made in ["staging", "origin", "plus", "person"] {
        assert!(
            !ledger.path(made).join("ledger.vkey").exists(),
            "`{made}` was made all the same"
        );
        assert!(
            !ledger.path(format!("{made}.credential")).exists(),
            "a credential of `{made}` was written"
        );
    }
    let mut nowhere = bin::command("ledgerd");
    bin::run(nowhere.arg("run").arg("--data").arg(ledger.path("nowhere")))
        .refuses(&["nowhere", "ledgerd init"]);
}
