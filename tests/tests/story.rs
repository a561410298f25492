//! The product's story from end to end: people and agents through their own doors, then an auditor with
//! files and a key, and the daemon gone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;

use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Ctl, Line, Log, Site, Verifier, bin, python, repository, site};
use pb::record_request::Report;
use serde_json::json;

const SENDER: &str = "agent.outbound.sender";
const DRAFTING: &str = "agent.drafting";
const MAILBOX_LIMIT: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_an_ask_to_an_offline_proof() {
    let site = Site::open().await;
    let operator = Ctl::operator(&site.ledger);
    let policies = repository().join("policies/sales");
    operator
        .run(&["policy", "publish", text(&policies)])
        .expect(0);
    let compliance = people(&site, &operator);
    let sender = site.daemon.client(credential(&site, SENDER));
    let drafting = site.daemon.client(credential(&site, DRAFTING));

    // The sending agent works through its contacts.
    let allow = send(&sender, "ana@prospect.example", "c-1", "outreach-1").await;
    assert_eq!(allow.0.text("outcome"), "allow", "{}", allow.0.0);
    assert_eq!(report(&sender, &allow.0, 0).await, Vec::<String>::new());
    let person = send(&sender, "Ben@Buyer.example", "c-2", "outreach-1").await;
    denied(&person.0, "dnc.listed", Some("email"));
    let domain = send(&sender, "cleo@eu.quiet.example", "c-3", "outreach-1").await;
    denied(&domain.0, "dnc.listed", Some("domain"));
    let draft = send(&drafting, "dan@buyer.example", "c-4", "outreach-1").await;
    denied(&draft.0, "grant.none", None);

    // The mailbox is full after 25, and the answer says until when.
    for at in 1..MAILBOX_LIMIT {
        let (entry, _) = send(
            &sender,
            &format!("p{at}@p{at}.example"),
            &format!("p-{at}"),
            "outreach-1",
        )
        .await;
        assert_eq!(entry.text("outcome"), "allow", "{}", entry.0);
        assert_eq!(report(&sender, &entry, 0).await, Vec::<String>::new());
    }
    let (full, reply) = send(&sender, "eve@buyer.example", "c-5", "outreach-1").await;
    denied(&full, "throttle.exceeded", None);
    let passes = reply
        .passes_at
        .expect("denied by a throttle alone: it says when it would pass");
    let first = allow.0.micros() + 86_400_000_000;
    assert_eq!(
        passes.seconds * 1_000_000 + i64::from(passes.nanos / 1_000),
        first,
        "a day after the first"
    );
    let other = send(&sender, "eve@buyer.example", "c-5", "outreach-2").await;
    assert_eq!(other.0.text("outcome"), "allow", "another mailbox has room");
    report(&sender, &other.0, 0).await;

    stopped_in_mid_run(&site, &operator, &sender).await;

    // Whoever may takes away what an auditor is to see; then the daemon is gone.
    let ledger = &site.ledger;
    let seq = person.0.seq().to_string();
    let [receipt, evidence, opening, export] = [
        "denial.tlog-proof",
        "denial.evidence",
        "denial.opening",
        "export",
    ]
    .map(|name| ledger.path(name));
    compliance
        .run(&["receipt", &seq, "--out", text(&receipt)])
        .expect(0);
    compliance
        .run(&["evidence", &seq, "--out", text(&evidence)])
        .expect(0);
    let disclose = [
        "disclose",
        "--email",
        "ben@buyer.example",
        "--contact",
        "c-2",
        "--out",
        text(&opening),
    ];
    compliance.run(&disclose).expect(0);
    operator.run(&["export", "--out", text(&export)]).expect(0);
    operator
        .run(&["trace", person.0.text("correlation_id")])
        .expect(0)
        .says(&["deny", "dnc.listed"]);
    let verifier = site.verifier();
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    assert_eq!(
        operator.run(&["status"]).code,
        Some(3),
        "nobody answers any more"
    );
    audited(
        &verifier,
        [&receipt, &evidence, &opening, &export],
        &person.0,
    );

    // The stopped store still hands everything out: all of the above, and its own end.
    let offline = ledger.export("offline");
    verifier.whole(&offline);
    let (before, after) = (Log::read(&export), Log::read(&offline));
    assert_eq!(after.entries[..before.entries.len()], before.entries);
    assert_eq!(
        after.lines().last().expect("entries").text("kind"),
        "shutdown"
    );
    bin::run(python::script("oracles/tree.py").arg(&offline)).expect(0);
}

/// Registers everybody who has a part, each with a credential file of their own, and lists two subjects.
fn people(site: &Site, operator: &Ctl) -> Ctl {
    for (id, role) in [
        (SENDER, "agent"),
        (DRAFTING, "agent"),
        ("compliance.desk", "compliance"),
    ] {
        let file = site.ledger.path(format!("{id}.credential"));
        operator
            .run(&[
                "principal",
                "put",
                id,
                "--role",
                role,
                "--credential-out",
                text(&file),
            ])
            .expect(0);
    }
    let compliance = Ctl::with(&site.ledger, site.ledger.path("compliance.desk.credential"));
    let person = [
        "dnc",
        "add",
        "--email",
        "ben@buyer.example",
        "--reason",
        "unsubscribe",
        "--seller",
        "acme",
    ];
    compliance.run(&person).expect(0);
    compliance
        .run(&[
            "dnc",
            "add",
            "--domain",
            "quiet.example",
            "--reason",
            "legal_hold",
        ])
        .expect(0);
    compliance
        .run(&["dnc", "check", "--email", "ben@buyer.example"])
        .expect(0)
        .says(&["unsubscribe", "acme"]);
    let agents = operator.json(&["principal", "list"]).to_string();
    assert!(
        agents.contains(SENDER) && agents.contains(DRAFTING),
        "{agents}"
    );
    compliance
}

/// The kill switch while the agent runs: what is asked after it is denied, what was allowed before it is
/// void, and reports say on which side of it they were started.
async fn stopped_in_mid_run(site: &Site, operator: &Ctl, sender: &Client) {
    let mut outstanding = Vec::new();
    for at in 0..3 {
        outstanding.push(
            send(
                sender,
                &format!("q{at}@q{at}.example"),
                &format!("q-{at}"),
                "outreach-2",
            )
            .await
            .0,
        );
    }
    let started = ask::now();
    let (stopped, mut is_stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn({
        let sender = sender.clone();
        async move {
            // It goes on until it is refused. The mailbox has room for this many; where they are through
            // before the stop, the last one waits for it.
            for at in 0..15 {
                if at == 14 {
                    is_stopped
                        .wait_for(|stopped| *stopped)
                        .await
                        .expect("the stop comes");
                }
                let (address, contact) = (format!("r{at}@r{at}.example"), format!("r-{at}"));
                let (entry, _) = send(&sender, &address, &contact, "outreach-2").await;
                if entry.text("outcome") != "allow" {
                    return entry;
                }
                report(&sender, &entry, 0).await;
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            panic!("it was allowed to send after the stop");
        }
    });
    let stop = operator.json(&["stop", "--agent", SENDER, "--why", "complaints are rising"]);
    stopped.send_replace(true);
    let refused = running.await.expect("no panic in the agent");
    denied(&refused, "stop.active", None);
    let voided = stop["voided"]
        .as_u64()
        .unwrap_or_else(|| panic!("`voided` in {stop}"));
    assert!(
        (3..=4).contains(&voided),
        "three outstanding, and at most the one that was under way: {stop}"
    );

    let [in_flight, after, not_started] = outstanding.try_into().expect("three");
    let before = with(executed(&in_flight), |execution| {
        execution.started_at = Some(started);
    });
    assert_eq!(
        record(sender, &in_flight, before).await,
        ["in_flight_at_stop"]
    );
    assert_eq!(report(sender, &after, 0).await, ["after_stop"]);
    let given_up = with(executed(&not_started), |execution| {
        execution.status = pb::ExecutionStatus::NotStarted.into();
    });
    assert_eq!(record(sender, &not_started, given_up).await, ["after_stop"]);
    operator.run(&["status"]).expect(0).says(&[SENDER]);

    operator
        .run(&[
            "resume",
            "--agent",
            SENDER,
            "--why",
            "it was the list, not the agent",
        ])
        .expect(0);
    let (again, _) = send(sender, "fay@buyer.example", "c-6", "outreach-2").await;
    assert_eq!(again.text("outcome"), "allow", "{}", again.0);
    report(sender, &again, 0).await;
    let status = site
        .operator
        .status_of(pb::StatusRequest {})
        .await
        .expect("an operator may");
    assert!(status.stops.is_empty(), "{status:?}");
}

/// What an auditor finds, with files and a key and nothing else.
fn audited(verifier: &Verifier, [receipt, evidence, opening, export]: [&Path; 4], denial: &Line) {
    verifier
        .run("receipt", &[text(receipt)])
        .expect(0)
        .says(&["deny"]);
    let nobody = verifier
        .run("evidence", &[text(evidence)])
        .expect(0)
        .says(&["deny", "dnc.listed"]);
    assert!(
        !nobody.stdout.contains("ben@"),
        "without the opening nobody is identified: {nobody}"
    );
    let opened = verifier
        .run("evidence", &[text(evidence), "--opening", text(opening)])
        .expect(0);
    let opened = opened.says(&["ben@buyer.example", "not"]);
    println!("{}", opened.stdout);
    verifier.run("log", &[text(export)]).expect(0);
    verifier
        .run("log", &[text(export), "--opening", text(opening)])
        .expect(0)
        .says(&["ben@buyer.example"]);
    let replayed = verifier
        .run("replay", &["--json", text(export)])
        .expect(0)
        .json();
    let made_again = &replayed["result"]["replay"]["kinds"]["decision"];
    let decisions = Log::read(export).of_kind("decision").len();
    assert_eq!(
        (&replayed["verdict"], made_again["matched"].as_u64()),
        (&json!("verified"), Some(decisions as u64))
    );
    let person = verifier
        .run("log", &["--json", text(export), "--opening", text(opening)])
        .expect(0)
        .json();
    let person = &person["result"]["person"];
    assert_eq!(
        (&person["allows"]["total"], &person["refusals"]["total"]),
        (&json!(0), &json!(1)),
        "{person}"
    );
    assert_eq!(person["refusals"]["listed"][0]["seq"], denial.seq());

    // One byte of a copy is changed, at the denial: it is named.
    let seq = denial.seq();
    let copy = export.with_extension("tampered");
    let mut log = Log::read(export);
    log.write(&copy);
    let at = usize::try_from(seq).expect("a seq");
    let place = log.entries[at]
        .windows(6)
        .position(|bytes| bytes == b"\"deny\"")
        .expect("it was denied")
        + 4;
    log.entries[at][place] = b'Y';
    std::fs::write(
        copy.join("entries.jsonl"),
        [log.entries.join(&b'\n').as_slice(), b"\n"].concat(),
    )
    .expect("room");
    for command in ["log", "replay"] {
        verifier
            .run(command, &[text(&copy)])
            .expect(1)
            .says(&[&seq.to_string()]);
    }
    // And nothing is believed of it because of a key that it brings along.
    let other = Verifier::of(&ledger_tests::Ledger::init_named("ledger.test/other"));
    other.run("log", &[text(export)]).expect(1);
    other.run("receipt", &[text(receipt)]).expect(1);
    other.run("evidence", &[text(evidence)]).expect(1);
}

/// Asks for an e-mail; the receipt must verify.
async fn send(
    agent: &Client,
    address: &str,
    contact: &str,
    mailbox: &str,
) -> (Line, pb::DecideReply) {
    let id = site::fresh("run");
    let request = with(ask::email(&id, &id, address, contact), |request| {
        mailbox.clone_into(&mut request.mailbox);
        request.details = vec![ask::detail(pb::DetailName::Rationale, "the renewal is due")];
    });
    let reply = agent.decide(request).await.expect("decided");
    let entry = Line::parse(&reply.receipt.as_ref().expect("a receipt").entry);
    (entry, reply)
}

fn executed(decision: &Line) -> pb::Execution {
    pb::Execution {
        decision: decision.seq(),
        status: pb::ExecutionStatus::Success.into(),
        provider: "gmail".to_owned(),
        provider_id: format!("msg-{}", decision.seq()),
        started_at: Some(ask::now()),
        ..Default::default()
    }
}

/// Reports that it was carried out, started that many seconds from now; says what it contradicts.
async fn report(agent: &Client, decision: &Line, seconds: i64) -> Vec<String> {
    let execution = with(executed(decision), |execution| {
        execution.started_at = Some(ask::seconds_from_now(seconds));
    });
    record(agent, decision, execution).await
}

async fn record(agent: &Client, decision: &Line, execution: pb::Execution) -> Vec<String> {
    let request = ask::report(
        &site::fresh("report"),
        decision.text("correlation_id"),
        Report::Execution(execution),
    );
    agent
        .record(request)
        .await
        .expect("evidence is never turned away")
        .findings
}

#[track_caller]
fn denied(entry: &Line, code: &str, key: Option<&str>) {
    assert_eq!(entry.text("outcome"), "deny", "{}", entry.0);
    let reasons = entry.0["reasons"].as_array().expect("reasons");
    let reason = reasons.iter().find(|reason| reason["code"] == code);
    let reason = reason.unwrap_or_else(|| panic!("expected `{code}` in {}", entry.0));
    if key.is_some() {
        assert_eq!(reason["key"].as_str(), key, "{reason}");
    }
}

fn credential(site: &Site, id: &str) -> ledger_tests::Credential {
    ledger_tests::Credential::read(&site.ledger.path(format!("{id}.credential")))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
