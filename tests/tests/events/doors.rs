//! Who may hand events on, and how much at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use tonic::Code;

use super::post::{basic, post, raw};
use super::*;

#[tokio::test]
async fn nobody_else_is_heard_and_nothing_is_written() {
    let house = House::open(&[]).await;
    house.site.principal("recorder.mail", Role::Recorder).await;
    let body = json!([sendgrid::event("u1", "unsubscribe", PEOPLE[0])]).to_string();
    let size = house.agent.size().await;
    let digits = Credential::of(INGEST).to_hex();
    let bearer = |id: &str| format!("authorization: {}", Credential::of(id).bearer());
    let operator = format!("authorization: {}", house.site.ledger.operator().bearer());
    for (header, status) in [
        (None, 401),
        (Some("authorization: Bearer 00".to_owned()), 401),
        (Some(bearer("somebody.else")), 401),
        (Some(basic("ingest.other", &digits)), 401),
        (Some(basic("", &digits)), 401),
        (Some(basic(INGEST, &Credential::of("other").to_hex())), 401),
        (Some(bearer(SENDER)), 403),
        (Some(basic(SENDER, &Credential::of(SENDER).to_hex())), 403),
        (Some(operator), 403),
    ] {
        for path in ["/v1/events/ses", "/v1/events/sendgrid"] {
            let headers: Vec<String> = header.clone().into_iter().collect();
            let answer = post(house.http, path, &headers, body.as_bytes()).is(status);
            let asks = answer.headers.contains("www-authenticate: basic");
            assert_eq!(
                asks,
                status == 401,
                "SNS sends its password once it is asked"
            );
        }
    }
    let get = b"GET /v1/events/ses HTTP/1.1\r\nhost: ledger.test\r\nconnection: close\r\n\r\n";
    raw(house.http, get).is(405);
    house.post("mailgun", &body).is(404);
    assert_eq!(house.agent.size().await, size);
    // A recorder may, by the same door.
    let answer = post(
        house.http,
        "/v1/events/sendgrid",
        &[bearer("recorder.mail")],
        body.as_bytes(),
    );
    answer.is(200).counts([1, 0, 1, 0, 0]);
    // A credential that was revoked opens nothing any more.
    let revoke = pb::RevokePrincipalRequest {
        header: ask::header("revoke"),
        id: INGEST.to_owned(),
    };
    house
        .site
        .operator
        .revoke_principal(revoke)
        .await
        .expect("revoked");
    house.post("sendgrid", &body).is(401);
    house.whole().await;
}

#[tokio::test]
async fn an_ingest_may_report_outcomes_and_do_nothing_else() {
    let house = House::open(&[]).await;
    let sent = house.sent(&PEOPLE[..1], "ses", "m-1").await;
    let refused = |code: Result<(), tonic::Status>| code.expect_err("refused").code();
    let ingest = &house.ingest;
    let execution = ask::executed("e", RUN, sent - 1);
    let asserted = ask::asserted("a", RUN, "crm.note");
    for report in [execution, asserted] {
        let found = ingest.record(report).await.map(|_| ());
        assert_eq!(refused(found), Code::PermissionDenied);
    }
    let found = ingest
        .decide(ask::email("d", RUN, PEOPLE[0], ""))
        .await
        .map(|_| ());
    assert_eq!(refused(found), Code::PermissionDenied);
    let found = ingest.trace(ask::trace(RUN)).await.map(|_| ());
    assert_eq!(refused(found), Code::PermissionDenied);
    let found = ingest.get_receipt(ask::receipt_of(sent)).await.map(|_| ());
    assert_eq!(refused(found), Code::PermissionDenied);
    let bounce = pb::OutcomeEvent {
        event: pb::EventType::BounceHard.into(),
        provider: "ses".to_owned(),
        provider_id: "m-1".to_owned(),
        ..pb::OutcomeEvent::default()
    };
    // Whoever could name seqs could try them all.
    for (execution, recipient) in [(Some(sent), None), (None, Some(0))] {
        let named = pb::OutcomeEvent {
            execution,
            recipient,
            ..bounce.clone()
        };
        let found = ingest
            .record(ask::report("n", RUN, Report::Outcome(named)))
            .await
            .map(|_| ());
        assert_eq!(refused(found), Code::PermissionDenied);
    }
    let reply = ingest
        .record(ask::report("b", RUN, Report::Outcome(bounce)))
        .await;
    assert_eq!(reply.expect("an outcome").findings, [] as [&str; 0]);
    house.whole().await;
}

#[tokio::test]
async fn a_body_too_long_or_too_slow_is_given_up() {
    let house = House::open(&[]).await;
    let size = house.agent.size().await;
    let long = " ".repeat((2 << 20) + 1);
    house.post("sendgrid", &long).is(413);
    let mut slow = TcpStream::connect(house.http).expect("the daemon listens");
    let head = format!(
        "POST /v1/events/sendgrid HTTP/1.1\r\nhost: ledger.test\r\nauthorization: {}\r\ncontent-length: 100\r\n\r\n[",
        Credential::of(INGEST).bearer()
    );
    slow.write_all(head.as_bytes()).expect("sent");
    slow.set_read_timeout(Some(Duration::from_secs(40)))
        .expect("a timeout");
    let began = Instant::now();
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    let good = json!([sendgrid::event("d1", "delivered", PEOPLE[0])]).to_string();
    house.post("sendgrid", &good).is(200);
    assert_eq!(house.agent.size().await, size);
}
