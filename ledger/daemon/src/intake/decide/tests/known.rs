//! By what objects and people are known.

use super::*;

#[test]
fn an_object_is_known_by_one_word_and_people_by_one_token() {
    let key = SubjectKey::new([1; 32]);
    for (given, word, kind) in [
        ("contacts", "contact", Kind::Contact),
        ("0-1", "contact", Kind::Contact),
        ("Leads", "lead", Kind::Contact),
        ("people", "person", Kind::Contact),
        ("companies", "company", Kind::Account),
        ("0-2", "company", Kind::Account),
        ("accounts", "account", Kind::Account),
    ] {
        let mut asked = request();
        asked.targets[0].r#type = given.to_owned();
        let (decision, _) = taken(asked);
        let found = (decision.targets[0].kind.as_str(), decision.targets[0].id);
        assert_eq!(found, (word, Some(key.token(&kind, "d-9"))), "{given}");
    }
}

#[test]
fn people_become_tokens_and_what_was_received_a_detail() {
    let (decision, command) = taken(request());
    let key = SubjectKey::new([1; 32]);
    assert_eq!(
        decision.mailbox,
        Some(key.token(&Kind::Mailbox, "outreach@gmail.com"))
    );
    assert_eq!(decision.targets[0].kind, "deal");
    assert_eq!(
        decision.targets[0].id,
        Some(key.token(&Kind::target("deal").expect("a type"), "d-9"))
    );
    let keys: Vec<_> = decision.recipients[0]
        .keys
        .iter()
        .map(|key| (key.kind.clone(), key.token))
        .collect();
    let expected = [
        (Kind::Email, "ann+news@mail.example.org"),
        (Kind::EmailCanonical, "ann@mail.example.org"),
        (Kind::Domain, "mail.example.org"),
        (Kind::Domain, "example.org"),
        (Kind::Contact, "c-1"),
    ]
    .map(|(kind, id)| (kind.clone(), key.token(&kind, id)));
    assert_eq!(keys, expected);
    assert_eq!(decision.tokens_v, Some(1));
    let raw = command
        .details
        .iter()
        .find(|detail| detail.name == DetailName::Recipients)
        .expect("a detail");
    let text = std::str::from_utf8(&raw.bytes).expect("text");
    assert_eq!(
        text,
        concat!(
            r#"[{"role":"to","email":"Ann+news@Mail.Example.ORG","contact_id":"c-1"},"#,
            r#"{"role":"to","email":"no address","dnc":true}]"#
        )
    );
    assert_eq!(
        decision.details[&DetailName::Recipients],
        Commitment::new(&raw.salt, &raw.bytes, 0)
    );
    let line = ledger_core::entry::Entry {
        seq: 1,
        time: ledger_core::time::Timestamp::EPOCH,
        sandbox: false,
        body: command.body,
    };
    let line = String::from_utf8(line.encode().expect("fits"))
        .expect("text")
        .to_lowercase();
    for personal in [
        "ann",
        "mail.example",
        "outreach",
        "no address",
        "c-1",
        "d-9",
        "password",
        "because",
    ] {
        assert!(
            !line.contains(personal),
            "`{personal}` stands in the entry: {line}"
        );
    }
}

#[test]
fn a_contact_acted_on_and_a_contact_reached_have_the_same_token() {
    let (decision, _) = taken(wire::DecideRequest {
        targets: vec![wire::Target {
            r#type: "Contact".to_owned(),
            id: "c-1".to_owned(),
            ..Default::default()
        }],
        recipients: vec![to(person("", "c-1"))],
        ..request()
    });
    assert_eq!(
        decision.targets[0].id,
        Some(decision.recipients[0].keys[0].token)
    );
}

#[test]
fn an_object_without_id_is_one_that_does_not_exist_yet() {
    let mut ask = request();
    ask.mailbox.clear();
    ask.recipients.clear();
    ask.targets[0].id.clear();
    let (decision, _) = taken(ask.clone());
    assert_eq!(decision.targets[0].id, None);
    assert_eq!(decision.tokens_v, None, "there is no token in it");
    ask.targets.push(target());
    let (decision, _) = taken(ask);
    assert_eq!(decision.tokens_v, Some(1));
    assert!(decision.targets[1].id.is_some());
}

#[test]
fn an_offset_stands_in_the_entry_and_in_what_was_received() {
    let mut ask = request();
    ask.recipients[0].utc_offset = "-00:30".to_owned();
    let (decision, command) = taken(ask);
    let offset = decision.recipients[0]
        .utc_offset
        .map(ledger_core::utc_offset::UtcOffset::minutes);
    assert_eq!(offset, Some(-30));
    assert_eq!(decision.recipients[1].utc_offset, None);
    let raw = command
        .details
        .iter()
        .find(|detail| detail.name == DetailName::Recipients);
    let raw = String::from_utf8(raw.expect("kept").bytes.clone()).expect("text");
    assert_eq!(raw.matches(r#""utc_offset":"-00:30""#).count(), 1, "{raw}");
}
