use ledger_core::entry::{Commitment, Environment, Genesis};
use ledger_core::hash::Hash;
use ledger_core::limits::{FIELDS_MAX, KEYS_MAX, RECIPIENTS_MAX, TARGETS_MAX};
use ledger_core::role::Role;
use ledger_core::token::{ContentKey, Kind, SubjectKey};
use ledger_core::well_formed::well_formed;

use super::*;

mod content;
mod known;
mod largest;

/// Intake with fixed keys, as the golden values need.
pub(in crate::intake) fn intake() -> Intake {
    Intake::new(
        SubjectKey::new([1; 32]),
        ContentKey::new([2; 32]),
        &genesis(),
    )
}

fn genesis() -> Genesis {
    Genesis {
        actor: ledger_core::entry::Actor::ledger(),
        origin: "ledger.example/test".to_owned(),
        environment: Environment::Prod,
        gate: 1,
        key: String::new(),
        subject_key: Hash([0; 32]),
        content_key: Hash([0; 32]),
        normaliser: String::new(),
        tokens_v: 1,
        reserved: Vec::new(),
    }
}

pub(in crate::intake) fn agent() -> Caller {
    Caller::test("agent.outbound.sender", Role::Agent)
}

pub(in crate::intake) fn refused(error: Result<Command, CallError>) -> FieldError {
    match error {
        Err(CallError::Field(error)) => error,
        other => panic!("expected an error about a field, got {other:?}"),
    }
}

fn person(email: &str, contact: &str) -> wire::Identifiers {
    wire::Identifiers {
        email: email.to_owned(),
        contact_id: contact.to_owned(),
        ..Default::default()
    }
}

fn to(identifiers: wire::Identifiers) -> wire::Recipient {
    wire::Recipient {
        role: wire::RecipientRole::To.into(),
        identifiers: Some(identifiers),
        dnc: false,
        utc_offset: String::new(),
    }
}

fn detail(name: wire::DetailName, value: &'static str) -> wire::Detail {
    wire::Detail {
        name: name.into(),
        value: value.into(),
    }
}

fn target() -> wire::Target {
    wire::Target {
        r#type: "Deal".to_owned(),
        id: " d-9 ".to_owned(),
        reads: vec!["stage".to_owned()],
        writes: vec!["owner".to_owned()],
    }
}

fn request() -> wire::DecideRequest {
    wire::DecideRequest {
        request_id: "ask-1".to_owned(),
        correlation_id: "run-1".to_owned(),
        action_id: "act-1".to_owned(),
        agent_id: String::new(),
        agent_version: "sha256:9c1e".to_owned(),
        action: "email.send".to_owned(),
        tool: "gmail.messages.send".to_owned(),
        seller: "acme".to_owned(),
        campaign: "q4".to_owned(),
        mailbox: "Out.Reach+x@Gmail.com".to_owned(),
        targets: vec![target()],
        recipients: vec![
            to(person("Ann+news@Mail.Example.ORG", "c-1")),
            wire::Recipient {
                dnc: true,
                ..to(person("no address", ""))
            },
        ],
        details: vec![
            detail(wire::DetailName::Rationale, "because"),
            detail(wire::DetailName::Params, r#"{"password":"x"}"#),
        ],
        cost_micros: Some(1_500),
        foreign: Some(wire::ForeignDecision {
            engine: "opa".to_owned(),
            policy_sha256: vec![0xab; 32].into(),
            outcome: wire::Outcome::Allow.into(),
        }),
        approval: None,
        undoes: None,
    }
}

fn taken(request: wire::DecideRequest) -> (Decision, Command) {
    let command = intake()
        .decide(&agent(), &Redact::default_rule(), request)
        .expect("well-formed");
    match &command.body {
        Body::Decision(decision) => ((**decision).clone(), command),
        other => panic!("{other:?}"),
    }
}

/// Whatever is let in has the form that a verifier demands; without what the service puts in, it has not.
#[test]
fn what_is_let_in_has_the_form_that_replay_demands() {
    let mut requests = vec![request()];
    for (email, phone, contact, account) in [
        ("", "+44 20 7946 0001", "", ""),
        ("a@mail.b.example.co.uk", "nothing", "c-1", "a-1"),
        ("a@gmail.com", "+1 202 555 0100", "a@b.io", ""),
        ("", "", "", ""),
    ] {
        let mut other = request();
        other.recipients.push(to(wire::Identifiers {
            email: email.to_owned(),
            phone: phone.to_owned(),
            contact_id: contact.to_owned(),
            account_id: account.to_owned(),
        }));
        requests.push(other);
    }
    let mut bare = request();
    (bare.recipients, bare.targets, bare.mailbox) = (Vec::new(), Vec::new(), String::new());
    bare.agent_id = "agent.outbound.sender".to_owned();
    requests.push(bare);
    for request in requests {
        let (decision, command) = taken(request);
        assert_eq!(well_formed(&command.body, Some(&genesis())), Ok(()));
        let mut without = decision;
        without.cause.content = None;
        let without = Body::Decision(Box::new(without));
        assert!(well_formed(&without, Some(&genesis())).is_err());
    }
}

fn content(request: wire::DecideRequest) -> Hash {
    taken(request).0.cause.content.expect("content")
}

/// The line was written down by hand from the documentation in `content.rs`; its HMAC is of Python's
/// `hmac`, under the key 02…02.
#[test]
fn the_content_of_a_request_is_the_hmac_of_its_canonical_line() {
    const LINE: &str = concat!(
        r#"{"call":"Decide","principal":"agent.outbound.sender","agent_version":"sha256:9c1e","environment":"prod","#,
        r#""request":{"action":"email.send","tool":"gmail.messages.send","seller":"acme","campaign":"q4","#,
        r#""mailbox":"outreach@gmail.com","#,
        r#""targets":[{"type":"deal","id":"d-9","reads":["stage"],"writes":["owner"]}],"#,
        r#""recipients":[{"role":"to","keys":[{"kind":"email","value":"ann+news@mail.example.org"},"#,
        r#"{"kind":"email.canonical","value":"ann@mail.example.org"},"#,
        r#"{"kind":"domain","value":"mail.example.org"},{"kind":"domain","value":"example.org"},"#,
        r#"{"kind":"contact","value":"c-1"}]},"#,
        r#"{"role":"to","unusable":[{"kind":"email","value":"no address"}],"dnc":true}],"#,
        r#""cost_micros":1500,"#,
        r#""foreign":{"engine":"opa","policy":"abababababababababababababababababababababababababababababababab","outcome":"allow"}},"#,
        r#""details":{"params":"e706dfe4ff2ca129d7682db134703cb675948cf0d37e8860e5d5f2455a856a60","#,
        r#""rationale":"a511aeeeb8a119931a67038a63b7974faee48712de1c79391ebe2c9b929678e9"}}"#,
    );
    const HMAC: &str = "de91cb06acba82ea6473d6bfdbf55f755d793349227826112cd8850c7c3cd640";
    let expected = ContentKey::new([2; 32]).content(LINE.as_bytes());
    assert_eq!(content(request()), Hash(expected));
    assert_eq!(content(request()).to_string(), HMAC);
}

#[test]
fn content_knows_no_ids_and_no_spelling_and_everything_else() {
    let same = content(request());
    for (what, change) in [
        (
            "request id",
            (|r| r.request_id = "ask-2".to_owned()) as fn(&mut wire::DecideRequest),
        ),
        ("correlation id", |r| r.correlation_id = "run-2".to_owned()),
        ("action id", |r| r.action_id.clear()),
        ("naming oneself", |r| {
            r.agent_id = "agent.outbound.sender".to_owned();
        }),
        ("spelling of the mailbox", |r| {
            r.mailbox = "outreach@googlemail.com".to_owned();
        }),
        ("spelling of an address", |r| {
            r.recipients[0].identifiers = Some(person(" ann+news@MAIL.example.org ", "c-1"));
        }),
        ("case of a type", |r| {
            r.targets[0].r#type = "deal".to_owned();
        }),
        ("plural of a type", |r| {
            r.targets[0].r#type = "Deals".to_owned();
        }),
        ("id of a type", |r| r.targets[0].r#type = "0-3".to_owned()),
        ("order of details", |r| r.details.reverse()),
    ] {
        let mut request = request();
        change(&mut request);
        assert_eq!(content(request), same, "{what}");
    }
    for (what, change) in [
        (
            "action",
            (|r| r.action = "sms.send".to_owned()) as fn(&mut wire::DecideRequest),
        ),
        ("version", |r| r.agent_version = "sha256:0".to_owned()),
        ("another agent", |r| r.agent_id = "agent.other".to_owned()),
        ("tool", |r| r.tool.clear()),
        ("seller", |r| r.seller = "other".to_owned()),
        ("campaign", |r| r.campaign.clear()),
        ("mailbox", |r| r.mailbox.clear()),
        ("target", |r| r.targets[0].id = "d-8".to_owned()),
        ("fields", |r| r.targets[0].writes.clear()),
        ("recipient", |r| {
            r.recipients[0].identifiers = Some(person("bob@example.org", "c-1"));
        }),
        ("unusable recipient", |r| {
            r.recipients[1].identifiers = Some(person("no address either", ""));
        }),
        ("role", |r| {
            r.recipients[0].role = wire::RecipientRole::Cc.into();
        }),
        ("flag", |r| r.recipients[1].dnc = false),
        ("order of recipients", |r| r.recipients.reverse()),
        ("a secret that redaction hides", |r| {
            r.details[1] = detail(wire::DetailName::Params, r#"{"password":"y"}"#);
        }),
        ("cost", |r| r.cost_micros = None),
        ("foreign", |r| r.foreign = None),
    ] {
        let mut request = request();
        change(&mut request);
        assert_ne!(content(request), same, "{what}");
    }
    let other = Caller::test("agent.other", Role::Agent);
    let command = intake()
        .decide(&other, &Redact::default_rule(), request())
        .expect("well-formed");
    assert_ne!(
        command.body.cause().and_then(|cause| cause.content),
        Some(same),
        "principal"
    );
}

#[test]
fn bad_requests_are_refused_by_the_field() {
    type Change = Box<dyn FnOnce(&mut wire::DecideRequest)>;
    let long = |n: usize| "x".repeat(n);
    let change = |change: fn(&mut wire::DecideRequest)| -> Change { Box::new(change) };
    let cases: Vec<(&str, Change, &str)> = vec![
        (
            "no request id",
            change(|r| r.request_id.clear()),
            "request_id",
        ),
        (
            "no correlation id",
            change(|r| r.correlation_id.clear()),
            "correlation_id",
        ),
        ("no action", change(|r| r.action.clear()), "action"),
        (
            "a long request id",
            Box::new(move |r| r.request_id = long(129)),
            "request_id",
        ),
        (
            "a long action id",
            Box::new(move |r| r.action_id = long(129)),
            "action_id",
        ),
        (
            "a long version",
            Box::new(move |r| r.agent_version = long(129)),
            "agent_version",
        ),
        (
            "a long agent",
            Box::new(move |r| r.agent_id = long(65)),
            "agent_id",
        ),
        (
            "a long action",
            Box::new(move |r| r.action = long(65)),
            "action",
        ),
        ("a long tool", Box::new(move |r| r.tool = long(129)), "tool"),
        (
            "a long seller",
            Box::new(move |r| r.seller = long(65)),
            "seller",
        ),
        (
            "a seller in upper case",
            Box::new(|r| r.seller = "Acme".to_owned()),
            "seller",
        ),
        (
            "a long campaign",
            Box::new(move |r| r.campaign = long(65)),
            "campaign",
        ),
        (
            "a personal tool",
            change(|r| r.tool = "ann@example.org".to_owned()),
            "tool",
        ),
        (
            "half a mailbox",
            change(|r| r.mailbox = "ann@".to_owned()),
            "mailbox",
        ),
        (
            "a control in a mailbox",
            change(|r| r.mailbox = "out\u{7}reach".to_owned()),
            "mailbox",
        ),
        (
            "too many targets",
            change(|r| r.targets = vec![target(); TARGETS_MAX + 1]),
            "targets",
        ),
        (
            "too many fields",
            change(|r| r.targets[0].reads = vec!["f".to_owned(); FIELDS_MAX]),
            "targets",
        ),
        (
            "no type",
            change(|r| r.targets[0].r#type.clear()),
            "targets[0].type",
        ),
        (
            "a type with a slash",
            change(|r| r.targets[0].r#type = "a/b".to_owned()),
            "targets[0].type",
        ),
        (
            "a blank target id",
            change(|r| r.targets[0].id = "  ".to_owned()),
            "targets[0].id",
        ),
        (
            "a long target id",
            Box::new(move |r| r.targets[0].id = long(257)),
            "targets[0].id",
        ),
        (
            "a nameless field",
            change(|r| r.targets[0].reads[0].clear()),
            "targets[0].reads[0]",
        ),
        (
            "a field with a space",
            change(|r| r.targets[0].writes[0] = "a b".to_owned()),
            "targets[0].writes[0]",
        ),
        (
            "too many recipients",
            change(|r| r.recipients = vec![to(person("", "c")); RECIPIENTS_MAX + 1]),
            "recipients",
        ),
        (
            "too many keys",
            change(|r| r.recipients = vec![to(person("a@b.c.example.org", "c")); RECIPIENTS_MAX]),
            "recipients",
        ),
        (
            "no role",
            change(|r| r.recipients[1].role = 0),
            "recipients[1].role",
        ),
        (
            "an unknown role",
            change(|r| r.recipients[0].role = 77),
            "recipients[0].role",
        ),
        (
            "a long address",
            Box::new(move |r| r.recipients[0].identifiers = Some(person(&long(321), ""))),
            "recipients[0].identifiers.email",
        ),
        (
            "a long phone number",
            Box::new(move |r| {
                r.recipients[0].identifiers = Some(wire::Identifiers {
                    phone: long(65),
                    ..Default::default()
                });
            }),
            "recipients[0].identifiers.phone",
        ),
        (
            "a long contact id",
            Box::new(move |r| r.recipients[0].identifiers = Some(person("", &long(257)))),
            "recipients[0].identifiers.contact_id",
        ),
        (
            "a long account id",
            Box::new(move |r| {
                r.recipients[0].identifiers = Some(wire::Identifiers {
                    account_id: long(257),
                    ..Default::default()
                });
            }),
            "recipients[0].identifiers.account_id",
        ),
        (
            "an offset of fifteen hours",
            change(|r| r.recipients[1].utc_offset = "+15:00".to_owned()),
            "recipients[1].utc_offset",
        ),
        (
            "somebody's address for an offset",
            change(|r| r.recipients[0].utc_offset = "+01:00 ann@example.org".to_owned()),
            "recipients[0].utc_offset",
        ),
        (
            "an approval too high",
            change(|r| r.approval = Some(1 << 53)),
            "approval",
        ),
        (
            "an undone seq too high",
            change(|r| r.undoes = Some(1 << 53)),
            "undoes",
        ),
        (
            "a detail without name",
            change(|r| r.details[0].name = 0),
            "details[0].name",
        ),
        (
            "too high a cost",
            change(|r| r.cost_micros = Some(1 << 53)),
            "cost_micros",
        ),
        (
            "no engine",
            change(|r| r.foreign.as_mut().expect("one").engine.clear()),
            "foreign.engine",
        ),
        (
            "half a hash",
            change(|r| r.foreign.as_mut().expect("one").policy_sha256 = vec![1; 16].into()),
            "foreign.policy_sha256",
        ),
        (
            "no outcome",
            change(|r| r.foreign.as_mut().expect("one").outcome = 0),
            "foreign.outcome",
        ),
        (
            "an unknown outcome",
            change(|r| r.foreign.as_mut().expect("one").outcome = 4),
            "foreign.outcome",
        ),
    ];
    for (what, change, field) in cases {
        let mut request = request();
        change(&mut request);
        let error = refused(intake().decide(&agent(), &Redact::default_rule(), request));
        assert_eq!(error.field, field, "{what}: {error}");
        assert!(!error.to_string().contains("ann@"), "{what}: {error}");
    }
}

#[test]
fn what_is_forbidden_and_not_malformed_goes_on_to_the_gate() {
    let (decision, _) = taken(wire::DecideRequest {
        agent_id: "agent.other".to_owned(),
        action: "no.such.action".to_owned(),
        recipients: vec![
            to(wire::Identifiers {
                phone: "0151 2345".to_owned(),
                ..person("no address", "c-1")
            }),
            wire::Recipient {
                role: wire::RecipientRole::To.into(),
                identifiers: None,
                dnc: false,
                utc_offset: String::new(),
            },
        ],
        ..request()
    });
    assert_eq!(decision.agent.as_deref(), Some("agent.other"));
    let [one, nobody] = &decision.recipients[..] else {
        panic!("{:?}", decision.recipients)
    };
    assert_eq!(one.unusable, [Kind::Email, Kind::Phone]);
    assert_eq!(
        one.keys.iter().map(|key| &key.kind).collect::<Vec<_>>(),
        [&Kind::Contact]
    );
    assert!(nobody.keys.is_empty() && nobody.unusable.is_empty());
}
