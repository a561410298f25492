//! Amazon SES, by way of SNS.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use super::post::{basic, post};
use super::*;

const MESSAGE: &str = "0102018f1c2d3e4f-5a6b7c8d-0000-4000-8000-1a2b3c4d5e6f-000000";
const TOPIC: &str = "arn:aws:sns:eu-west-1:000000000000:ses-events";

/// A bounce or a complaint in the form of event publishing.
pub(crate) fn event(what: &str, feedback: &str, people: &[&str]) -> Value {
    let people: Vec<_> = people
        .iter()
        .map(|who| json!({"emailAddress": who, "status": "5.1.1", "diagnosticCode": "smtp; 550 unknown"}))
        .collect();
    let time = "2026-11-22T11:31:05.000Z";
    let mut body = json!({
        "eventType": what,
        "mail": {"timestamp": time, "messageId": MESSAGE, "destination": PEOPLE, "source": "sender@seller.example"},
    });
    let (member, list) = if what == "Bounce" {
        ("bounce", "bouncedRecipients")
    } else {
        ("complaint", "complainedRecipients")
    };
    body[member] = json!({"bounceType": "Permanent", "bounceSubType": "General", list: people,
        "timestamp": time, "feedbackId": feedback});
    body
}

fn enveloped(message: &Value, id: &str) -> String {
    json!({
        "Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": message.to_string(),
        "Timestamp": "2026-11-22T11:31:06.000Z", "SignatureVersion": "1", "Signature": "AAAA",
        "SigningCertURL": "http://127.0.0.1:9/cert.pem", "UnsubscribeURL": "http://127.0.0.1:9/"
    })
    .to_string()
}

#[tokio::test]
async fn sns_delivers_with_basic_and_every_form_of_an_event_is_one() {
    let house = House::open(&[]).await;
    let execution = house.sent(&PEOPLE, "ses", MESSAGE).await;
    let password = Credential::of(INGEST).to_hex();
    let headers = [
        basic(INGEST, &password),
        "x-amz-sns-message-type: Notification".to_owned(),
        "content-type: text/plain; charset=UTF-8".to_owned(),
    ];
    let send = |body: &str| post(house.http, "/v1/events/ses", &headers, body.as_bytes());
    let complaint = event("Complaint", "0102018f-complaint-000000", &PEOPLE[1..]);
    send(&enveloped(&complaint, "m-1"))
        .is(200)
        .counts([2, 0, 0, 0, 0]);
    assert!(house.denied(PEOPLE[1], "acme").await && house.denied(PEOPLE[2], "acme").await);
    assert!(!house.denied(PEOPLE[0], "acme").await);
    let size = house.agent.size().await;
    // Delivered again; published a second time; without its envelope; in the other form.
    let mut other = complaint.clone();
    other["notificationType"] = other["eventType"].take();
    for body in [
        enveloped(&complaint, "m-1"),
        enveloped(&complaint, "m-2"),
        complaint.to_string(),
        enveloped(&other, "m-3"),
    ] {
        send(&body).is(200).counts([0, 2, 0, 0, 0]);
    }
    assert_eq!(house.agent.size().await, size);
    let bounce = event("Bounce", "0102018f-bounce-000000", &PEOPLE[..1]);
    send(&enveloped(&bounce, "m-4"))
        .is(200)
        .counts([1, 0, 0, 0, 0]);
    let delivery = json!({"eventType": "Delivery", "mail": {}});
    send(&enveloped(&delivery, "m-5"))
        .is(200)
        .counts([0, 0, 0, 1, 0]);
    let mut odd = bounce;
    odd["bounce"]["bounceType"] = json!("Odd");
    let answer = send(&enveloped(&odd, "m-6"))
        .is(400)
        .counts([0, 0, 0, 0, 1]);
    assert!(answer.body.contains("bounce.bounceType"), "{}", answer.body);
    send("{}").is(400);

    let trace = house
        .agent
        .trace(ask::trace(RUN))
        .await
        .expect("its own run");
    assert!(
        trace.receipts.len() >= 5,
        "the agent sees what came of its message"
    );
    let (_ledger, log) = house.whole().await;
    let indices: Vec<_> = log
        .of_kind("outcome")
        .iter()
        .map(|line| {
            (
                line.0["matched"]["execution"].as_u64(),
                line.0["matched"]["recipient"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        indices,
        [
            (Some(execution), Some(1)),
            (Some(execution), Some(2)),
            (Some(execution), Some(0))
        ]
    );
}

#[tokio::test]
async fn a_topic_that_asks_to_be_confirmed_is_said_in_the_log_and_never_followed() {
    let house = House::open(&[]).await;
    let watched = TcpListener::bind("127.0.0.1:0").expect("a port");
    watched.set_nonblocking(true).expect("non-blocking");
    let url = format!(
        "http://{}/confirm-me",
        watched.local_addr().expect("its address")
    );
    let mut body = json!({
        "Type": "SubscriptionConfirmation", "MessageId": "m-1", "Token": "2336412f37fb687f5d51e6e241d0", "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe", "SubscribeURL": url, "Timestamp": "2026-11-22T11:31:06.000Z",
        "SigningCertURL": url, "Signature": "AAAA", "SignatureVersion": "1"
    });
    let size = house.agent.size().await;
    house.post("ses", &body.to_string()).is(200);
    body["Type"] = json!("UnsubscribeConfirmation");
    house.post("ses", &body.to_string()).is(200);
    body["TopicArn"] = json!("arn:aws:sns:x\nforged line");
    house.post("ses", &body.to_string()).is(400);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(watched.accept().is_err(), "nothing connects there");
    assert_eq!(house.agent.size().await, size, "it is nothing of the log's");
    let said = house.site.daemon.said();
    assert!(
        said.contains(TOPIC) && said.contains("2336412f37fb687f5d51e6e241d0"),
        "{said}"
    );
    assert!(
        said.contains("confirm-subscription") && said.contains("no longer delivers"),
        "{said}"
    );
    assert!(
        !said.contains("confirm-me") && !said.contains("forged"),
        "{said}"
    );
}
