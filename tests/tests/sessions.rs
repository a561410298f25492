//! Recorded agent sessions as real input: 1,164 tool calls of 182 sessions, each asked for before it is
//! carried out and reported on afterwards, against an oracle that shares no code with the gate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Client, Line, Site, ask, bin, python, repository, say};
use serde_json::{Value, json};

const AGENT: &str = "agent.airline.service";

/// The tools that reach the customer, and how.
const CONTACTS: [(&str, pb::RecipientRole); 2] = [
    ("send_certificate", pb::RecipientRole::To),
    ("transfer_to_human_agents", pb::RecipientRole::Callee),
];

#[tokio::test]
async fn recorded_sessions_are_decided_as_an_oracle_computes() {
    let Some(file) = recording() else { return };
    let calls = calls(&file);
    assert_eq!(calls.len(), 1_164, "calls in `{}`", file.display());
    let policy = repository().join("policies/airline/policy.toml");
    let site =
        Site::with_policy(&std::fs::read_to_string(&policy).expect("the airline's policy")).await;
    let agent = site.principal(AGENT, Role::Agent).await;
    let compliance = site.principal("compliance.desk", Role::Compliance).await;

    let listed = listed(&calls);
    assert_eq!(listed.len(), 10);
    site.list(
        listed
            .iter()
            .map(|(user, channels)| listing(user, channels))
            .collect(),
    )
    .await;

    let listed_file = site.ledger.path("listed.json");
    let rows: Vec<Value> = listed
        .iter()
        .map(|(user, channels)| json!({ "user_id": user, "channels": words(channels) }))
        .collect();
    std::fs::write(&listed_file, json!(rows).to_string()).expect("room on the disk");
    let mut script = python::script("oracles/sessions.py");
    let oracle = bin::run(script.arg(&file).arg(&policy).arg(&listed_file))
        .expect(0)
        .json();

    let outcomes = oracle["outcomes"].as_array().expect("one outcome a call");

    let mut reports = tokio::task::JoinSet::new();
    let mut sessions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut allows, mut dnc, mut throttled, mut both) = (0u64, 0u64, 0u64, 0u64);
    for (call, expected) in calls.iter().zip(outcomes) {
        let request = request(call);
        let name = request.request_id.clone();
        let session = request.correlation_id.clone();
        let reply = agent
            .decide(request)
            .await
            .unwrap_or_else(|status| panic!("{name}: {status}"));
        let entry = Line::parse(
            &reply
                .receipt
                .as_ref()
                .expect("every decision has a receipt")
                .entry,
        );
        let codes = entry.codes();
        let (is_dnc, is_throttled) = (
            codes.contains(&"dnc.listed"),
            codes.contains(&"throttle.exceeded"),
        );
        let mut denials = Vec::new();
        denials.extend(is_dnc.then_some("dnc"));
        denials.extend(is_throttled.then_some("throttle"));
        assert_eq!(
            json!([call["session"], call["step"], denials]),
            *expected,
            "{name}: {}",
            entry.0
        );
        let allowed = reply.outcome() == pb::Outcome::Allow;
        assert_eq!(
            allowed,
            denials.is_empty(),
            "{name}: denied for another reason: {codes:?}"
        );

        let seqs = sessions.entry(session).or_default();
        seqs.push(entry.seq());
        allows += u64::from(allowed);
        dnc += u64::from(is_dnc);
        throttled += u64::from(is_throttled);
        both += u64::from(is_dnc && is_throttled);
        if allowed {
            let (agent, report) = (agent.clone(), report(call, entry.seq()));
            reports.spawn(async move { agent.record(report).await.map(|reply| (name, reply)) });
        }
    }
    while let Some(reply) = reports.join_next().await {
        let (name, reply) = reply.expect("no panic").expect("a report is recorded");
        assert!(reply.findings.is_empty(), "{name}: {:?}", reply.findings);
    }

    let totals = &oracle["totals"];
    let counted = json!({
        "calls": calls.len(), "sessions": sessions.len(), "allow": allows, "deny": calls.len() as u64 - allows,
        "dnc": dnc, "throttle": throttled, "dnc_and_throttle": both,
    });
    assert_eq!(counted, *totals);
    assert!(allows > 0 && dnc > 0 && throttled > 0);
    assert_eq!(sessions.len(), 182);
    say(&format!(
        "recorded sessions: {} calls in {} sessions; {allows} allowed and reported, {dnc} denied for a listing, \
         {throttled} by a throttle, {both} of them by both",
        calls.len(),
        sessions.len()
    ));

    for (session, decisions) in &sessions {
        traced(&agent, session, decisions).await;
    }

    let folder = site.ledger.path("export");
    let log = site
        .operator
        .export()
        .await
        .expect("an operator may export");
    log.write(&folder);
    site.verifier().whole(&folder);
    let root = bin::run(python::script("oracles/tree.py").arg(&folder))
        .expect(0)
        .stdout;
    assert!(
        root.starts_with(&format!("{} ", log.entries.len())),
        "{root}"
    );
    for (user, _) in &listed {
        person(&site, &compliance, &folder, user, &calls, outcomes).await;
    }
    assert_eq!(log.of_kind("decision").len(), calls.len());
    assert_eq!(log.of_kind("execution").len() as u64, allows);

    // The log names nobody: neither customers nor what was said to them.
    let users: BTreeSet<&str> = calls
        .iter()
        .filter_map(|call| call["user_id"].as_str())
        .collect();
    for entry in &log.entries {
        let text = String::from_utf8_lossy(entry);
        for user in &users {
            assert!(!text.contains(user), "`{user}` stands in clear in {text}");
        }
    }
}

/// What the log says of one customer, with the opening of their keys and without anybody's help, is what
/// the oracle has computed.
async fn person(
    site: &Site,
    compliance: &Client,
    folder: &Path,
    user: &str,
    calls: &[Value],
    expected: &[Value],
) {
    let disclosed = compliance
        .disclose(pb::DiscloseRequest {
            identifiers: Some(contact(user)),
        })
        .await;
    let opening = site.ledger.path(format!("{user}.opening"));
    std::fs::write(
        &opening,
        disclosed.expect("compliance may disclose").opening,
    )
    .expect("room on the disk");
    let text = |path: &Path| path.to_str().expect("temporary paths are UTF-8").to_owned();
    let report = site
        .verifier()
        .run(
            "log",
            &["--json", &text(folder), "--opening", &text(&opening)],
        )
        .expect(0)
        .json();
    let found = &report["result"]["person"];

    let about = |call: &Value| {
        call["user_id"] == user && CONTACTS.iter().any(|(tool, _)| call["tool"] == *tool)
    };
    let asked = calls.iter().zip(expected).filter(|(call, _)| about(call));
    let (allows, refusals): (Vec<_>, Vec<_>) =
        asked.partition(|(_, expected)| expected[2] == json!([]));
    let counts = |found: &Value| {
        json!([
            found["allows"]["total"],
            found["refusals"]["total"],
            found["executions"]["total"]
        ])
    };
    assert_eq!(
        counts(found),
        json!([allows.len(), refusals.len(), allows.len()]),
        "{user}: {report}"
    );
    assert!(
        !refusals.is_empty() || !allows.is_empty(),
        "{user} was concerned"
    );
}

/// Every entry of a session, in order: its decisions, and the executions of those that were allowed.
async fn traced(agent: &Client, session: &str, decisions: &[u64]) {
    let reply = agent
        .trace(ask::trace(session))
        .await
        .expect("an agent may trace what it opened");
    assert_eq!(reply.next_seq, None, "{session} fits one page");
    let entries: Vec<Line> = reply
        .receipts
        .iter()
        .map(|receipt| Line::parse(&receipt.entry))
        .collect();
    assert!(
        entries.is_sorted_by(|a, b| a.seq() < b.seq()),
        "{session} in the order of the log"
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.text("correlation_id") == session)
    );
    let of = |kind: &str| {
        entries
            .iter()
            .filter(|entry| entry.text("kind") == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("decision")
            .iter()
            .map(|entry| entry.seq())
            .collect::<Vec<_>>(),
        decisions,
        "{session}"
    );
    let allowed: BTreeSet<u64> = of("decision")
        .iter()
        .filter(|entry| entry.text("outcome") == "allow")
        .map(|entry| entry.seq())
        .collect();
    let executed: BTreeSet<u64> = of("execution")
        .iter()
        .map(|entry| entry.0["decision"].as_u64().expect("the decision's seq"))
        .collect();
    assert_eq!(
        executed, allowed,
        "{session}: what was allowed was reported, once"
    );
    assert_eq!(entries.len(), decisions.len() + allowed.len(), "{session}");
}

/// The recording: where `AGENT_LEDGER_DATA` points, else beside the checkout.
fn recording() -> Option<PathBuf> {
    let folder = std::env::var_os("AGENT_LEDGER_DATA").map_or_else(
        || repository().join("../shared/data/agent-trajectories"),
        PathBuf::from,
    );
    let file = folder.join("airline-gpt-4o.jsonl");
    if file.is_file() {
        return Some(file);
    }
    say(&format!(
        "skipped: no recorded sessions at `{}`; name their folder in AGENT_LEDGER_DATA",
        file.display()
    ));
    None
}

fn calls(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("the recording can be read");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("one call a line"))
        .collect()
}

/// Every second one of the customers concerned, most by any channel, some by one alone.
fn listed(calls: &[Value]) -> Vec<(String, Vec<pb::Channel>)> {
    let concerned: BTreeSet<&str> = calls
        .iter()
        .filter(|call| CONTACTS.iter().any(|(tool, _)| call["tool"] == *tool))
        .filter_map(|call| call["user_id"].as_str())
        .collect();
    let listed = concerned.into_iter().skip(1).step_by(2);
    listed
        .enumerate()
        .map(|(at, user)| {
            let channels = match at % 5 {
                3 => vec![pb::Channel::Email],
                4 => vec![pb::Channel::Call],
                _ => Vec::new(),
            };
            (user.to_owned(), channels)
        })
        .collect()
}

fn words(channels: &[pb::Channel]) -> Vec<String> {
    let word = |channel: &pb::Channel| {
        channel
            .as_str_name()
            .trim_start_matches("CHANNEL_")
            .to_lowercase()
    };
    channels.iter().map(word).collect()
}

fn listing(user: &str, channels: &[pb::Channel]) -> pb::Listing {
    pb::Listing {
        channels: channels.iter().map(|channel| i32::from(*channel)).collect(),
        ..ask::listing(ask::someone(contact(user)))
    }
}

fn contact(user: &str) -> pb::Identifiers {
    pb::Identifiers {
        contact_id: user.to_owned(),
        ..Default::default()
    }
}

/// The tools that change something.
const CHANGES: [&str; 5] = [
    "book_reservation",
    "cancel_reservation",
    "update_reservation_baggages",
    "update_reservation_flights",
    "update_reservation_passengers",
];

/// What a tool changes: the reservation that it names, or where it makes one the customer's account.
fn target(call: &Value) -> pb::Target {
    let (kind, id) = match call["arguments"]["reservation_id"].as_str() {
        Some(reservation) => ("reservation", reservation),
        None => ("customer", call["user_id"].as_str().expect("a user")),
    };
    pb::Target {
        r#type: kind.to_owned(),
        id: id.to_owned(),
        ..Default::default()
    }
}

/// The call as the runtime asks for it. (session, step) names it; the model's own id repeats.
fn request(call: &Value) -> pb::DecideRequest {
    let session = call["session"].as_str().expect("a session");
    let tool = call["tool"].as_str().expect("a tool");
    let mut request = ask::act(&format!("{session}/{}", call["step"]), session, tool);
    tool.clone_into(&mut request.tool);
    request.details = vec![ask::detail(
        pb::DetailName::Params,
        call["arguments"].to_string(),
    )];
    if CHANGES.contains(&tool) {
        request.targets = vec![target(call)];
    }
    if let Some((_, role)) = CONTACTS.iter().find(|(contact, _)| *contact == tool) {
        let user = call["user_id"].as_str().expect("a user");
        "airline".clone_into(&mut request.seller);
        request.recipients = vec![pb::Recipient {
            utc_offset: String::new(),
            role: (*role).into(),
            identifiers: Some(contact(user)),
            dnc: false,
        }];
    }
    request
}

/// What the recording says came of it.
fn report(call: &Value, decision: u64) -> pb::RecordRequest {
    let session = call["session"].as_str().expect("a session");
    let mut report = ask::executed(&format!("{session}/{}", call["step"]), session, decision);
    if let Some(response) = call["response"]
        .as_str()
        .filter(|response| !response.is_empty())
    {
        report.details = vec![ask::detail(pb::DetailName::Response, response)];
    }
    report
}
