//! Bodies in the shapes that SendGrid documents, with values of our own.

use super::*;

const TIME: i64 = 1_795_347_065;

fn one(members: &str) -> Result<Option<Box<Outcome>>, Refused> {
    let body = format!(
        r#"[{{"email":"kim@buyer.example","timestamp":{TIME},"smtp-id":"<c3Rv@geopod-ismtpd-1>",
        "sg_event_id":"ZXZlbnQtMQ","sg_message_id":"c3Rv.recvd-5f54b5d587-kczxb-1-62AB6EE4-1B.0",{members}}}]"#
    );
    let mut items = read(body.as_bytes()).expect("a body");
    assert_eq!(items.len(), 1);
    items.remove(0).read
}

fn outcome(members: &str) -> Outcome {
    match one(members) {
        Ok(Some(outcome)) => *outcome,
        other => panic!("{members}: {other:?}"),
    }
}

#[test]
fn every_type_is_what_the_table_says() {
    for (members, kind) in [
        (
            r#""event":"bounce","type":"bounce","status":"5.1.1""#,
            Event::BounceHard,
        ),
        (r#""event":"bounce","type":"blocked""#, Event::BounceSoft),
        (r#""event":"bounce""#, Event::BounceHard),
        (r#""event":"blocked""#, Event::BounceSoft),
        (
            r#""event":"dropped","reason":"Bounced Address""#,
            Event::BounceHard,
        ),
        (r#""event":"dropped","reason":"Invalid""#, Event::BounceHard),
        (
            r#""event":"dropped","reason":"Spam Reporting Address""#,
            Event::Complaint,
        ),
        (
            r#""event":"dropped","reason":"Unsubscribed Address""#,
            Event::Unsubscribe,
        ),
        (r#""event":"spamreport""#, Event::Complaint),
        (r#""event":"unsubscribe""#, Event::Unsubscribe),
        (
            r#""event":"group_unsubscribe","asm_group_id":10"#,
            Event::Unsubscribe,
        ),
    ] {
        assert_eq!(outcome(members).event, kind, "{members}");
    }
    for event in [
        "processed",
        "deferred",
        "delivered",
        "open",
        "click",
        "group_resubscribe",
        "something_new",
        "Bounce",
    ] {
        let members = format!(r#""event":"{event}""#);
        assert_eq!(one(&members), Ok(None), "{event}");
    }
    let quota = r#""event":"dropped","reason":"Recipient List over Package Quota""#;
    assert_eq!(one(quota), Ok(None));
    assert_eq!(one(r#""event":"dropped""#), Ok(None));
}

#[test]
fn an_outcome_has_its_ids_its_time_and_what_was_said() {
    let found = outcome(
        r#""event":"bounce","type":"bounce","status":"5.0.0","reason":"500 unknown recipient","category":["cat"],"ip":"192.0.2.7""#,
    );
    assert_eq!(found.id, "sendgrid-ZXZlbnQtMQ");
    assert_eq!(found.message.as_deref(), Some("c3Rv"));
    assert_eq!(found.email, "kim@buyer.example");
    assert_eq!(found.occurred_at.micros(), TIME * 1_000_000);
    let said: Value = serde_json::from_str(&found.said).expect("an object");
    let expected = serde_json::json!({
        "event": "bounce", "type": "bounce", "status": "5.0.0", "reason": "500 unknown recipient",
    });
    assert_eq!(said, expected);
}

#[test]
fn the_message_is_what_the_sender_was_told() {
    let of = |smtp: &str, message: &str| {
        let body = format!(
            r#"{{"event":"spamreport","email":"kim@buyer.example","timestamp":1,"sg_event_id":"e","smtp-id":{smtp},"sg_message_id":{message}}}"#
        );
        let mut items = read(body.as_bytes()).expect("a body");
        match items.remove(0).read {
            Ok(Some(outcome)) => outcome.message,
            other => panic!("{other:?}"),
        }
    };
    for (smtp, message, expected) in [
        // As the documentation has it: the id itself has dots.
        (
            r#""<14c5d75ce93.dfd.64b469@ismtpd-555>""#,
            r#""14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0""#,
            Some("14c5d75ce93.dfd.64b469"),
        ),
        // A Message-ID of the sender's own says nothing of SendGrid's.
        (
            r#""<own-1@seller.example>""#,
            r#""c3Rv.filter1.0""#,
            Some("c3Rv"),
        ),
        (r#""<c3@x>""#, r#""c3Rv.filter1.0""#, Some("c3Rv")),
        ("null", r#""c3Rv""#, Some("c3Rv")),
        ("7", r#"" c3Rv.x ""#, Some("c3Rv")),
        ("null", "null", None),
        ("null", r#""""#, None),
    ] {
        assert_eq!(of(smtp, message).as_deref(), expected, "{message}");
    }
}

#[test]
fn a_malformed_event_is_refused_with_its_field_and_spoils_no_other() {
    let good =
        r#"{"event":"spamreport","email":"kim@buyer.example","timestamp":1,"sg_event_id":"e"}"#;
    for (bad, field) in [
        (good.replace(r#""e""#, "7"), "sg_event_id"),
        (good.replace(r#""e""#, r#""""#), "sg_event_id"),
        (good.replace(r#""sg_event_id""#, r#""id""#), "sg_event_id"),
        (good.replace("kim@buyer.example", " "), "email"),
        (good.replace(r#""kim@buyer.example""#, "{}"), "email"),
        (good.replace(":1,", ":1.5,"), "timestamp"),
        (good.replace(":1,", ":-1,"), "timestamp"),
        (good.replace(":1,", ":99999999999999,"), "timestamp"),
        (good.replace(r#""timestamp":1,"#, ""), "timestamp"),
        (good.replace(r#""spamreport""#, "null"), "event"),
        (good.replace('{', r#"{"sg_message_id":7,"#), "sg_message_id"),
        (
            good.replace('{', &format!(r#"{{"sg_message_id":"{}","#, "x".repeat(300))),
            "sg_message_id",
        ),
        ("7".to_owned(), "body"),
        ("[]".to_owned(), "body"),
    ] {
        let items = read(format!("[{good},{bad},{good}]").as_bytes()).expect("a body");
        let refused = items[1].read.clone().expect_err("malformed");
        assert_eq!(refused.field, field, "{bad}");
        assert!(!refused.to_string().contains("kim"), "{refused}");
        assert!(items[0].read.is_ok() && items[2].read.is_ok(), "{bad}");
        assert_eq!((items[1].index, items[1].offset), (1, good.len() + 2));
    }
    // An event that is passed over needs none of it.
    assert_eq!(
        read(br#"{"event":"delivered"}"#).expect("a body")[0].read,
        Ok(None)
    );
}

#[test]
fn what_is_no_body_is_refused_whole() {
    for body in [
        &b""[..],
        b"[",
        b"{}}",
        b"[{}",
        b"\xff",
        b"[{},]",
        b"event=bounce",
    ] {
        let error = read(body).expect_err("no body");
        assert_eq!(error.field, "body", "{body:?}");
    }
    assert_eq!(read(b" [ ] "), Ok(Vec::new()));
}

#[test]
fn a_body_has_a_bound_of_events() {
    let of = |events: usize| format!("[{}]", vec!["{}"; events].join(","));
    let found = read(of(EVENTS_MAX).as_bytes()).expect("as many as may be");
    assert_eq!(found.len(), EVENTS_MAX);
    let refused = read(of(EVENTS_MAX + 1).as_bytes()).expect_err("one more");
    assert!(format!("{refused:?}").contains("16385"), "{refused:?}");
}
