//! Bodies in the shapes that Amazon documents, with values of our own.

use serde_json::json;

use super::*;

const FEEDBACK: &str = "010001378603177f-7a5433e7-8edb-42ae-af10-f0181f34d6ee-000000";
const MESSAGE: &str = "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000";

fn mail() -> Value {
    json!({
        "timestamp": "2026-11-22T11:30:00.000Z", "source": "sender@seller.example",
        "sourceArn": "arn:aws:ses:eu-west-1:000000000000:identity/seller.example",
        "sendingAccountId": "000000000000", "messageId": MESSAGE,
        "destination": ["kim@buyer.example", "lee@buyer.example"],
        "headersTruncated": false, "headers": [{"name": "Subject", "value": "Renewal"}],
        "commonHeaders": {"from": ["Sender <sender@seller.example>"], "subject": "Renewal"}
    })
}

fn bounce(kind: &str) -> Value {
    json!({
        "bounceType": kind, "bounceSubType": "General",
        "bouncedRecipients": [
            {"emailAddress": "kim@buyer.example", "action": "failed", "status": "5.1.1",
             "diagnosticCode": "smtp; 550 5.1.1 user unknown"},
            {"emailAddress": "Lee <lee@buyer.example>"}
        ],
        "timestamp": "2026-11-22T11:31:05.123Z", "feedbackId": FEEDBACK,
        "remoteMtaIp": "192.0.2.9", "reportingMTA": "dns; mail.seller.example"
    })
}

fn enveloped(message: &Value) -> Value {
    json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-west-1:000000000000:ses-events", "Subject": "Amazon SES Email Event Notification",
        "Message": message.to_string(), "Timestamp": "2026-11-22T11:31:06.000Z",
        "SignatureVersion": "1", "Signature": "RVhBTVBMRQ==",
        "SigningCertURL": "https://sns.invalid/cert.pem", "UnsubscribeURL": "https://sns.invalid/?Action=Unsubscribe"
    })
}

fn delivered(body: &Value) -> Result<Delivery, Refused> {
    read(body.to_string().as_bytes())
}

fn items(body: &Value) -> Vec<Item> {
    match delivered(body) {
        Ok(Delivery::Events(items)) => items,
        other => panic!("{body}: {other:?}"),
    }
}

fn outcomes(body: &Value) -> Vec<Outcome> {
    let outcome = |item: Item| match item.read {
        Ok(Some(outcome)) => *outcome,
        other => panic!("{other:?}"),
    };
    items(body).into_iter().map(outcome).collect()
}

#[test]
fn a_bounce_is_one_outcome_for_each_recipient_in_every_form_alike() {
    let notification =
        json!({"notificationType": "Bounce", "bounce": bounce("Permanent"), "mail": mail()});
    let event = json!({"eventType": "Bounce", "bounce": bounce("Permanent"), "mail": mail()});
    let found = outcomes(&notification);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].id, format!("ses-{FEEDBACK}-0"));
    assert_eq!(found[1].id, format!("ses-{FEEDBACK}-1"));
    assert_eq!(found[0].message.as_deref(), Some(MESSAGE));
    assert_eq!(
        (found[0].email.as_str(), found[1].email.as_str()),
        ("kim@buyer.example", "lee@buyer.example")
    );
    // `date -u -d 2026-11-22T11:31:05Z +%s`
    assert_eq!(found[0].occurred_at.micros(), 1_795_347_065_123_000);
    let said: Value = serde_json::from_str(&found[0].said).expect("an object");
    let expected = json!({
        "bounce_type": "Permanent", "bounce_sub_type": "General", "action": "failed",
        "status": "5.1.1", "diagnostic_code": "smtp; 550 5.1.1 user unknown",
    });
    assert_eq!(said, expected);
    for body in [event.clone(), enveloped(&notification), enveloped(&event)] {
        assert_eq!(outcomes(&body), found, "{body}");
    }
}

#[test]
fn every_type_is_what_the_table_says() {
    for (bounced, kind) in [
        ("Permanent", Event::BounceHard),
        ("Transient", Event::BounceSoft),
        ("Undetermined", Event::BounceSoft),
    ] {
        let body = json!({"eventType": "Bounce", "bounce": bounce(bounced), "mail": mail()});
        assert_eq!(outcomes(&body)[0].event, kind, "{bounced}");
    }
    let complaint = |feedback: Option<&str>| {
        json!({"notificationType": "Complaint", "mail": mail(), "complaint": {
            "complainedRecipients": [{"emailAddress": "kim@buyer.example"}],
            "timestamp": "2026-11-22T11:31:05.000Z", "feedbackId": FEEDBACK,
            "complaintSubType": null, "complaintFeedbackType": feedback,
            "userAgent": "AnyCompany Feedback Loop (V0.01)", "arrivalDate": "2026-11-22T11:31:04.000Z"
        }})
    };
    for feedback in [None, Some("abuse"), Some("fraud"), Some("other")] {
        assert_eq!(outcomes(&complaint(feedback))[0].event, Event::Complaint);
    }
    let not_spam = items(&complaint(Some("not-spam")));
    assert_eq!(not_spam[0].read, Ok(None));
    for event in [
        "Delivery",
        "Send",
        "Reject",
        "Open",
        "Click",
        "Rendering Failure",
        "DeliveryDelay",
        "AmazonSnsSubscriptionSucceeded",
        "Later",
    ] {
        let body = json!({"eventType": event, "mail": mail()});
        assert_eq!(items(&body)[0].read, Ok(None), "{event}");
        assert_eq!(items(&enveloped(&body))[0].read, Ok(None), "{event}");
    }
    let mut greeting = enveloped(&json!({}));
    greeting["Message"] =
        "Successfully validated SNS topic for Amazon SES event publishing.".into();
    assert_eq!(items(&greeting)[0].read, Ok(None));
}

#[test]
fn a_change_of_subscription_counts_where_it_leaves_something_out() {
    let topics = |status: &str| json!([{"topicName": "News", "subscriptionStatus": status}]);
    let body = |new: Value, old: Value| {
        json!({"eventType": "Subscription", "mail": mail(), "subscription": {
            "contactList": "ContactListName", "timestamp": "2026-11-22T11:31:05.000Z",
            "source": "UnsubscribeHeader", "newTopicPreferences": new, "oldTopicPreferences": old
        }})
    };
    let preferences = |all: bool, status: &str| json!({"unsubscribeAll": all, "topicSubscriptionStatus": topics(status)});
    for (new, old) in [
        (preferences(true, "OptOut"), preferences(false, "OptIn")),
        (preferences(false, "OptOut"), preferences(false, "OptIn")),
        (json!({"unsubscribeAll": true}), json!({})),
    ] {
        let found = outcomes(&body(new, old));
        assert_eq!(found.len(), 2, "everybody whom the message went to");
        assert_eq!(found[1].event, Event::Unsubscribe);
        assert_eq!(
            found[1].id,
            format!("ses-subscription-{MESSAGE}-1795347065000000-1")
        );
        assert_eq!(found[1].email, "lee@buyer.example");
    }
    for (new, old) in [
        (preferences(false, "OptIn"), preferences(true, "OptOut")),
        (preferences(false, "OptOut"), preferences(false, "OptOut")),
        (json!(null), json!(null)),
    ] {
        assert_eq!(items(&body(new, old))[0].read, Ok(None));
    }
}

#[test]
fn a_malformed_event_is_refused_with_its_field() {
    let good = json!({"eventType": "Bounce", "bounce": bounce("Permanent"), "mail": mail()});
    let cases: [(&str, Value, &str); 11] = [
        ("/bounce/bounceType", json!("Odd"), "bounce.bounceType"),
        ("/bounce/bounceType", json!(null), "bounce.bounceType"),
        ("/bounce/feedbackId", json!(7), "bounce.feedbackId"),
        ("/bounce/timestamp", json!("yesterday"), "bounce.timestamp"),
        (
            "/bounce/bouncedRecipients",
            json!([]),
            "bounce.bouncedRecipients",
        ),
        (
            "/bounce/bouncedRecipients",
            json!("kim@buyer.example"),
            "bounce.bouncedRecipients",
        ),
        (
            "/bounce/bouncedRecipients/0",
            json!({}),
            "bounce.bouncedRecipients[0].emailAddress",
        ),
        (
            "/bounce/bouncedRecipients/0/emailAddress",
            json!(["kim"]),
            "bounce.bouncedRecipients[0].emailAddress",
        ),
        ("/bounce", json!([]), "bounce.bounceType"),
        ("/mail/messageId", json!({}), "mail.messageId"),
        ("/mail/messageId", json!("x".repeat(300)), "mail.messageId"),
    ];
    for (at, value, field) in cases {
        let mut body = good.clone();
        *body.pointer_mut(at).expect("there") = value;
        let found = items(&body);
        let refused = found[0].read.clone().expect_err("malformed");
        assert_eq!(refused.field, field, "{at}");
        assert!(!refused.to_string().contains("kim"), "{refused}");
        if found.len() > 1 && !at.contains("messageId") {
            assert!(found[1].read.is_ok(), "{at}: the other recipient's is good");
        }
    }
    // Without a message, it matches nothing and is recorded all the same.
    let mut body = good;
    body["mail"] = json!(null);
    assert_eq!(outcomes(&body)[0].message, None);
}

#[test]
fn what_is_neither_envelope_nor_event_is_refused_whole() {
    for (body, field) in [
        (json!({}), "body"),
        (json!([]), "body"),
        (json!(7), "body"),
        (json!({"Type": "Other"}), "Type"),
        (json!({"Type": 7}), "Type"),
        (json!({"Type": "Notification"}), "Message"),
        (json!({"Type": "Notification", "Message": "{"}), "Message"),
        (json!({"Type": "Notification", "Message": "{}"}), "Message"),
        (json!({"Type": "SubscriptionConfirmation"}), "TopicArn"),
        (
            json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:x"}),
            "Token",
        ),
    ] {
        assert_eq!(
            delivered(&body).expect_err("refused").field,
            field,
            "{body}"
        );
    }
    assert_eq!(read(b"{").expect_err("refused").field, "body");
}

#[test]
fn a_confirmation_gives_topic_and_token_and_no_address_to_follow() {
    let mut body = json!({
        "Type": "SubscriptionConfirmation", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a747ba6f3",
        "TopicArn": "arn:aws:sns:eu-west-1:000000000000:ses-events",
        "Message": "You have chosen to subscribe to the topic", "Timestamp": "2026-11-22T11:31:06.000Z",
        "SubscribeURL": "https://sns.invalid/?Action=ConfirmSubscription"
    });
    let Ok(Delivery::Subscription(found)) = delivered(&body) else {
        panic!("a subscription")
    };
    assert_eq!(found.topic, "arn:aws:sns:eu-west-1:000000000000:ses-events");
    assert!(
        found
            .token
            .is_some_and(|token| token.starts_with("2336412f"))
    );
    body["Type"] = "UnsubscribeConfirmation".into();
    assert!(matches!(
        delivered(&body),
        Ok(Delivery::Subscription(Subscription { token: None, .. }))
    ));
    // What is repeated in a log must not break out of its line.
    for (name, odd) in [
        ("TopicArn", "arn:aws:sns:x\nforged"),
        ("TopicArn", "https://sns.invalid/"),
        ("Token", "a b"),
        ("Token", "$(reboot)"),
    ] {
        let mut body = body.clone();
        body["Type"] = "SubscriptionConfirmation".into();
        body[name] = odd.into();
        assert_eq!(delivered(&body).expect_err("refused").field, name, "{odd}");
    }
}

/// One delivery becomes no more entries than its recipients can be.
#[test]
fn an_event_of_more_recipients_than_a_message_has_is_refused() {
    let of = |people: usize| {
        let mut bounce = bounce("Permanent");
        let person = |n| json!({"emailAddress": format!("p{n}@buyer.example")});
        bounce["bouncedRecipients"] = (0..people).map(person).collect();
        json!({"notificationType": "Bounce", "bounce": bounce, "mail": mail()})
    };
    assert_eq!(outcomes(&of(RECIPIENTS_MAX)).len(), RECIPIENTS_MAX);
    let refused = match delivered(&of(RECIPIENTS_MAX + 1)) {
        Err(refused) => refused,
        Ok(Delivery::Events(mut items)) => items.remove(0).read.expect_err("too many"),
        other => panic!("{other:?}"),
    };
    assert!(format!("{refused:?}").contains("129"), "{refused:?}");
}
