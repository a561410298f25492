//! SendGrid's event webhook.

use std::io::Write;
use std::process::Stdio;

use ledger_tests::ask;
use ledger_tests::python;
use serde_json::{Value, json};

use super::post::post;
use super::*;

/// A message as SendGrid names it to its sender.
const MESSAGE: &str = "5lLsBhBUQZmYYPRhHwZHaA";
/// A key for tests alone.
const SECRET: &str = "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988";

pub(crate) fn event(id: &str, what: &str, who: &str) -> Value {
    json!({
        "email": who, "timestamp": ask::now().seconds, "smtp-id": format!("<{MESSAGE}@geopod-ismtpd-1>"),
        "event": what, "category": ["renewal"], "sg_event_id": id,
        "sg_message_id": format!("{MESSAGE}.filter0810p1mdw1.13036.5915E0B88.0"),
        "reason": "550 5.1.1 user unknown"
    })
}

#[tokio::test]
async fn whoever_unsubscribes_is_denied_next_and_a_redelivery_counts_once() {
    let house = House::open(&[]).await;
    let sent = house.sent(&PEOPLE, "sendgrid", MESSAGE).await;
    let body = json!([
        event("d1", "delivered", PEOPLE[0]),
        event("b1", "bounce", PEOPLE[0]),
        event("u1", "unsubscribe", PEOPLE[1]),
    ])
    .to_string();
    house
        .post("sendgrid", &body)
        .is(200)
        .counts([2, 0, 0, 1, 0]);
    assert!(house.denied(PEOPLE[1], "acme").await, "at once");
    assert!(
        !house.denied(PEOPLE[1], "beta").await,
        "the message was for one seller"
    );
    assert!(
        !house.denied(PEOPLE[0], "acme").await,
        "a bounce lists nobody"
    );
    assert!(!house.denied(PEOPLE[2], "acme").await, "another recipient");
    let size = house.agent.size().await;
    house
        .post("sendgrid", &body)
        .is(200)
        .counts([0, 2, 0, 1, 0]);
    assert_eq!(
        house.agent.size().await,
        size,
        "a redelivery writes nothing"
    );
    let web = house
        .site
        .daemon
        .web()
        .await
        .with(house.site.ledger.operator());
    let counted = |became: &str, count: u64| {
        format!(
            "ledger_provider_events_total{{provider=\"sendgrid\",became=\"{became}\"}} {count}\n"
        )
    };
    web.get("/metrics").await.expect(
        200,
        &[
            &counted("recorded", 2),
            &counted("repeated", 2),
            &counted("passed", 2),
            &counted("refused", 0),
        ],
    );
    // The same id with another content is no redelivery.
    let other = json!([event("u1", "unsubscribe", PEOPLE[2])]).to_string();
    let answer = house
        .post("sendgrid", &other)
        .is(400)
        .counts([0, 0, 0, 0, 1]);
    assert!(answer.body.contains("already used"), "{}", answer.body);
    assert!(!house.denied(PEOPLE[2], "acme").await);

    let (_ledger, log) = house.whole().await;
    let outcomes = log.of_kind("outcome");
    let told: Vec<_> = outcomes
        .iter()
        .map(|line| {
            let matched = &line.0["matched"];
            (
                line.text("event"),
                matched["recipient"].as_u64(),
                matched["execution"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("bounce_hard", Some(0), Some(sent)),
            ("unsubscribe", Some(1), Some(sent))
        ]
    );
    for line in &outcomes {
        assert_eq!(line.0["matched"]["correlation_id"], RUN);
        assert_eq!(line.0["actor"], json!({"type": "ingest", "id": INGEST}));
        assert_eq!(line.findings(), [] as [&str; 0]);
        assert!(
            line.0["details"]["response"].is_object(),
            "what was said is kept"
        );
        assert!(line.text("request_id").starts_with("sendgrid-"));
    }
    let listed: Vec<_> = log.of_kind("dnc");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].text("correlation_id"), RUN);
    assert_eq!(listed[0].0["listings"][0]["reason"], "unsubscribe");
    assert_eq!(listed[0].0["listings"][0]["source"], "sendgrid");
}

#[tokio::test]
async fn a_malformed_event_is_named_and_spoils_no_other() {
    let house = House::open(&[]).await;
    house.sent(&PEOPLE, "sendgrid", MESSAGE).await;
    let mut bad = event("x1", "unsubscribe", PEOPLE[0]);
    bad["timestamp"] = json!("now");
    let mut long = event("x2", "bounce", PEOPLE[0]);
    long["email"] = json!(format!("{}@buyer.example", "x".repeat(400)));
    let body = json!([bad, event("s1", "spamreport", PEOPLE[1]), long, 7]).to_string();
    let answer = house
        .post("sendgrid", &body)
        .is(400)
        .counts([1, 0, 0, 0, 3]);
    let found: Value = serde_json::from_str(&answer.body).expect("JSON");
    let named: Vec<_> = found["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| {
            (
                error["index"].as_u64().expect("an index"),
                error["field"].as_str().expect("a field"),
            )
        })
        .collect();
    assert_eq!(named, [(0, "timestamp"), (2, "email"), (3, "body")]);
    assert!(!answer.body.contains("buyer"), "{}", answer.body);
    assert!(
        house.denied(PEOPLE[1], "acme").await,
        "the good one is recorded"
    );
    let size = house.agent.size().await;
    for body in ["", "[", "{}]", "event=bounce", "[{},]"] {
        house.post("sendgrid", body).is(400);
    }
    house.post("sendgrid", "[]").is(200).counts([0; 5]);
    assert_eq!(
        house.agent.size().await,
        size,
        "nothing of these was written"
    );
    house.whole().await;
}

#[tokio::test]
async fn what_matches_nothing_is_recorded_and_lists_for_every_seller() {
    let house = House::open(&[]).await;
    // The message of another provider, and none at all.
    house.sent(&PEOPLE, "ses", MESSAGE).await;
    let mut lone = event("u2", "unsubscribe", PEOPLE[1]);
    lone["sg_message_id"] = Value::Null;
    let body = json!([event("s1", "spamreport", PEOPLE[0]), lone]).to_string();
    house
        .post("sendgrid", &body)
        .is(200)
        .counts([2, 0, 2, 0, 0]);
    for who in &PEOPLE[..2] {
        assert!(
            house.denied(who, "acme").await && house.denied(who, "beta").await,
            "{who}"
        );
    }
    let (_ledger, log) = house.whole().await;
    for line in log.of_kind("outcome") {
        assert_eq!(line.findings(), ["unknown_execution"]);
        assert_eq!(line.0.get("matched"), None);
    }
}

#[tokio::test]
async fn more_events_than_the_quota_holds_are_recorded_all_the_same() {
    let house = House::open(&["--quota-reports", "1"]).await;
    house.sent(&PEOPLE, "sendgrid", MESSAGE).await;
    let events: Vec<_> = (0..40)
        .map(|at| event(&format!("b{at}"), "bounce", PEOPLE[0]))
        .collect();
    let body = Value::from(events).to_string();
    house
        .post("sendgrid", &body)
        .is(200)
        .counts([40, 0, 0, 0, 0]);
    house.whole().await;
}

/// The oracle's answer: the public key, or a signature of `message`.
fn oracle(what: &str, message: &[u8]) -> String {
    let mut python = python::script("oracles/p256.py");
    let mut child = python
        .args([SECRET, what])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(message)
        .expect("read");
    let out = child.wait_with_output().expect("ends");
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

#[tokio::test]
async fn with_a_key_only_what_sendgrid_signed_is_taken() {
    let house = House::open(&["--sendgrid-key", &oracle("key", b"")]).await;
    house.sent(&PEOPLE, "sendgrid", MESSAGE).await;
    let body = json!([event("u1", "unsubscribe", PEOPLE[0])]).to_string();
    let size = house.agent.size().await;
    let bearer = format!("authorization: {}", Credential::of(INGEST).bearer());
    let send = |timestamp: &str, signature: Option<String>, body: &str, bearer: Option<&str>| {
        let mut headers: Vec<String> = bearer.map(str::to_owned).into_iter().collect();
        headers.push(format!(
            "X-Twilio-Email-Event-Webhook-Timestamp: {timestamp}"
        ));
        headers.extend(
            signature.map(|text| format!("X-Twilio-Email-Event-Webhook-Signature: {text}")),
        );
        post(house.http, "/v1/events/sendgrid", &headers, body.as_bytes())
    };
    let now = ask::now().seconds.to_string();
    let old = (ask::now().seconds - 200_000).to_string();
    let signed = |time: &str| Some(oracle("sign", format!("{time}{body}").as_bytes()));
    send(&now, None, &body, Some(&bearer)).is(401);
    send(&now, signed(&old), &body, Some(&bearer)).is(403);
    send(&old, signed(&old), &body, Some(&bearer)).is(403);
    send(&now, signed(&now), &format!("{body} "), Some(&bearer)).is(403);
    send(&now, signed(&now), &body, None).is(401);
    assert_eq!(
        house.agent.size().await,
        size,
        "nothing of these was written"
    );
    let good = send(&now, signed(&now), &body, Some(&bearer));
    good.is(200).counts([1, 0, 0, 0, 0]);
    assert!(house.denied(PEOPLE[0], "acme").await);
    // The key is SendGrid's: others are known by their credential alone.
    let delivery = json!({"eventType": "Delivery", "mail": {}}).to_string();
    house.post("ses", &delivery).is(200).counts([0, 0, 0, 1, 0]);
    house.whole().await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_at_the_start() {
    let ledger = Ledger::init();
    let refused = ledger.run_refused(&["--http", "127.0.0.1:0", "--sendgrid-key", "AAAA"]);
    refused.refuses(&["--sendgrid-key", "P-256"]);
    ledger
        .run_refused(&["--sendgrid-key", &oracle("key", b"")])
        .refuses(&["--http"]);
    ledger
        .run_refused(&["--http", "127.0.0.1:0", "--sendgrid-principal", INGEST])
        .refuses(&["--sendgrid-principal", "--sendgrid-key"]);
}

/// Whoever finds the credential in SendGrid's settings can say nothing with it that SendGrid did not sign.
#[tokio::test]
async fn a_credential_bound_to_the_key_opens_nothing_else() {
    let key = oracle("key", b"");
    let bound = ["--sendgrid-key", &key, "--sendgrid-principal", INGEST];
    let house = House::open(&bound).await;
    house.sent(&PEOPLE, "sendgrid", MESSAGE).await;
    house.site.principal("ingest.ses", Role::Ingest).await;
    let body = json!([event("u1", "unsubscribe", PEOPLE[0])]).to_string();
    let delivery = json!({"eventType": "Delivery", "mail": {}}).to_string();
    let size = house.agent.size().await;
    house.post("sendgrid", &body).is(401);
    let refused = house.post("ses", &delivery).is(403);
    assert!(
        refused.body.contains(INGEST) && refused.body.contains("--sendgrid-principal"),
        "{refused:?}"
    );
    let bearer = |id: &str| format!("authorization: {}", Credential::of(id).bearer());
    let basic = super::post::basic(INGEST, &Credential::of(INGEST).to_hex());
    post(house.http, "/v1/events/ses", &[basic], delivery.as_bytes()).is(403);
    let bounce = pb::OutcomeEvent {
        event: pb::EventType::BounceHard.into(),
        provider: "sendgrid".to_owned(),
        provider_id: MESSAGE.to_owned(),
        ..pb::OutcomeEvent::default()
    };
    let report = ask::report("b", RUN, Report::Outcome(bounce));
    let refused = house.ingest.record(report).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    assert!(
        refused.message().contains("/v1/events/sendgrid"),
        "{refused}"
    );
    let refused = house.ingest.checkpoint().await;
    assert_eq!(
        refused.expect_err("refused").code(),
        tonic::Code::PermissionDenied
    );
    // Another credential is not bound, and needs the signature there all the same.
    let other = [bearer("ingest.ses")];
    post(house.http, "/v1/events/sendgrid", &other, body.as_bytes()).is(401);
    assert_eq!(
        house.agent.size().await,
        size,
        "nothing of these was written"
    );
    post(house.http, "/v1/events/ses", &other, delivery.as_bytes()).is(200);
    let now = ask::now().seconds.to_string();
    let signature = oracle("sign", format!("{now}{body}").as_bytes());
    let headers = [
        bearer(INGEST),
        format!("X-Twilio-Email-Event-Webhook-Timestamp: {now}"),
        format!("X-Twilio-Email-Event-Webhook-Signature: {signature}"),
    ];
    post(house.http, "/v1/events/sendgrid", &headers, body.as_bytes())
        .is(200)
        .counts([1, 0, 0, 0, 0]);
    assert!(house.denied(PEOPLE[0], "acme").await);
    house.whole().await;
}

#[tokio::test]
async fn whoever_cannot_be_listed_is_said_aloud_and_not_by_name() {
    let house = House::open(&["--http-open-metrics"]).await;
    let bodies = json!([
        event("s1", "spamreport", "zoe@localhost"),
        event("u1", "unsubscribe", "\"zoe lee\"@corp.example"),
        event("b1", "bounce", "zoe@localhost"),
        event("u2", "unsubscribe", PEOPLE[1]),
    ]);
    let answer = house.post("sendgrid", &bodies.to_string()).is(200);
    let counts: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(
        (&counts["unlisted"], &counts["recorded"]),
        (&json!(2), &json!(4))
    );
    assert!(house.denied(PEOPLE[1], "acme").await);
    let metrics = house.site.daemon.web().await.get("/metrics").await;
    metrics.expect(
        200,
        &[
            "ledger_findings_total{code=\"unlisted\"} 2\n",
            "ledger_provider_events_total{provider=\"sendgrid\",became=\"unlisted\"} 2\n",
            "ledger_provider_events_total{provider=\"ses\",became=\"unlisted\"} 0\n",
        ],
    );
    let said = house.site.daemon.said();
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains("nobody was listed"))
        .collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines[0].contains("complaint") && lines[1].contains("unsubscribe"),
        "{said}"
    );
    assert!(
        !said.contains("zoe") && !said.contains("localhost"),
        "{said}"
    );
    let (_ledger, log) = house.whole().await;
    let outcomes = log.of_kind("outcome");
    let findings: Vec<_> = outcomes.iter().map(|line| line.findings()).collect();
    assert_eq!(findings[0], ["unknown_execution", "unlisted"]);
    assert_eq!(findings[2], ["unknown_execution"]);
}
