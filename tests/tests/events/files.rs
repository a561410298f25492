//! The same events from files, and in a sandbox.

use std::path::Path;

use ledger_tests::Ctl;
use serde_json::json;

use super::*;

fn write(ledger: &Ledger, name: &str, text: &str) -> String {
    let path = ledger.path(name);
    std::fs::write(&path, text).expect("room");
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn what_was_delivered_already_is_not_recorded_again_from_a_file() {
    let house = House::open(&[]).await;
    house
        .sent(&PEOPLE, "sendgrid", "5lLsBhBUQZmYYPRhHwZHaA")
        .await;
    let first = sendgrid::event("u1", "unsubscribe", PEOPLE[0]);
    house
        .post("sendgrid", &json!([first]).to_string())
        .is(200)
        .counts([1, 0, 0, 0, 0]);
    let ledger = &house.site.ledger;
    let ctl = Ctl::of(ledger, "ingest", &Credential::of(INGEST));
    let (second, third) = (
        sendgrid::event("s1", "spamreport", PEOPLE[1]),
        sendgrid::event("o1", "open", PEOPLE[2]),
    );
    let lines = write(
        ledger,
        "lines.jsonl",
        &format!("{first}\n[{second},{third}]\n"),
    );
    let words = ["outcomes", "import", "--format", "sendgrid", &lines];
    let found = ctl.json(&words);
    let counts = |found: &serde_json::Value| {
        ["recorded", "repeated", "unmatched", "followed", "passed"]
            .map(|name| found[name].as_u64().expect("a count"))
    };
    assert_eq!(counts(&found), [1, 1, 0, 1, 1], "{found}");
    assert!(house.denied(PEOPLE[1], "acme").await);
    let size = house.agent.size().await;
    assert_eq!(counts(&ctl.json(&words)), [0, 2, 0, 0, 1], "the same again");
    ctl.run(&words)
        .expect(0)
        .says(&["2 events were recorded before"]);
    // All or nothing, and every bad line by its number.
    let bad = write(
        ledger,
        "bad.jsonl",
        &format!(
            "{}\n{{\"event\":\"bounce\"}}\nnot json\n",
            sendgrid::event("b9", "bounce", PEOPLE[2])
        ),
    );
    let words = ["outcomes", "import", "--format", "sendgrid", &lines, &bad];
    ctl.run(&words).expect(2).says(&[
        "nothing was sent",
        "bad.jsonl` line 2: sg_event_id",
        "bad.jsonl` line 3: body",
    ]);
    assert_eq!(house.agent.size().await, size);
    let accepted = [&words[..], &["--accept-rejects"]].concat();
    let found = ctl.json(&accepted);
    assert_eq!(counts(&found), [1, 2, 0, 0, 1], "{found}");
    assert_eq!(found["rejects"].as_array().map(Vec::len), Some(2));
    // SES, in its envelope and without.
    let event = ses::event("Complaint", "f-1", &PEOPLE[2..]);
    let envelope = json!({"Type": "Notification", "Message": event.to_string()});
    let file = write(ledger, "ses.jsonl", &format!("{envelope}\n{event}\n"));
    let found = ctl.json(&["outcomes", "import", "--format", "ses", &file]);
    assert_eq!(counts(&found), [1, 1, 2, 1, 0], "{found}");
    // An agent's credential imports nothing of others: what it reports matches nothing but its own.
    let operator = Ctl::operator(ledger);
    operator
        .run(&["outcomes", "import", "--format", "ses", &file])
        .refuses(&["PERMISSION_DENIED"]);
    house.whole().await;
}

#[tokio::test]
async fn a_file_with_more_events_than_the_quota_of_reports_is_recorded_whole() {
    const EVENTS: usize = 120;
    let house = House::open(&["--quota-reports", "4"]).await;
    let event = |n: usize| {
        let (id, address) = (format!("q{n}"), format!("q{n}@buyer.example"));
        sendgrid::event(&id, "spamreport", &address)
    };
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    let file = write(&house.site.ledger, "many.json", &json!(events).to_string());
    let ctl = Ctl::of(&house.site.ledger, "ingest", &Credential::of(INGEST));
    let words = ["outcomes", "import", "--format", "sendgrid", &file];
    let counts = |found: &serde_json::Value| (found["recorded"].clone(), found["repeated"].clone());
    assert_eq!(counts(&ctl.json(&words)), (json!(EVENTS), json!(0)));
    assert_eq!(counts(&ctl.json(&words)), (json!(0), json!(EVENTS)));
    house.whole().await;
}

#[tokio::test]
async fn a_sandbox_keeps_nothing_of_an_event_readable() {
    const ADDRESS: &str = "ines.example-person@reach.example";
    const SAID: &str = "550-because-ines-has-moved";
    let site = Site::sandbox("sandbox.test/events").await;
    site.principal(INGEST, Role::Ingest).await;
    let mut event = sendgrid::event("b1", "bounce", ADDRESS);
    event["reason"] = json!(SAID);
    let file = write(&site.ledger, "events.json", &json!([event]).to_string());
    let ctl = Ctl::of(&site.ledger, "ingest", &Credential::of(INGEST));
    let found = ctl.json(&["outcomes", "import", "--format", "sendgrid", &file]);
    assert_eq!(found["recorded"], 1);
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    for secret in [ADDRESS, "ines.example", SAID, "5lLsBhBUQZmYYPRhHwZHaA"] {
        assert!(
            !holds(&ledger.data(), secret.as_bytes()),
            "`{secret}` stands in the store"
        );
    }
    assert!(
        holds(&ledger.data(), b"sendgrid-b1"),
        "the search finds what is there"
    );
    let folder = ledger.export("export");
    ledger_tests::Verifier::of(&ledger).whole(&folder);
}

fn holds(folder: &Path, what: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|item| {
        let path = item.expect("an item").path();
        if path.is_dir() {
            return holds(&path, what);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(what.len()).any(|window| window == what)
    })
}
