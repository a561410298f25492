//! Whom a sandbox reaches: with real keys, from an address to the decision.

use ledger_core::entry::{Code, Decision, Environment, Outcome};
use ledger_core::normalise::{self, Identifiers};
use ledger_core::replay::replay;
use ledger_core::token::Kind;

use super::house::{House, at};

const POLICY: &str = r#"
version = 1
[[action]]
name = "crm.lookup"
class = "read"
[[grant]]
id = "send"
agent = "agent.one"
actions = ["email.send", "crm.lookup", "call.queue", "sms.send", "meeting.book", "sequence.enroll"]
sellers = ["*"]
"#;

fn refused(house: &mut House, action: &str, people: &[Identifiers<'_>]) -> (Decision, Vec<u64>) {
    let recipients = people.iter().map(|given| house.recipient(*given)).collect();
    let request = Decision {
        seller: Some("acme".to_owned()),
        recipients,
        tokens_v: Some(1),
        ..house.request(action)
    };
    let (_, decision) = house.decide(request, at(2));
    let reasons = decision.reasons.iter();
    let found = reasons
        .filter(|reason| reason.code == Code::SandboxRecipient)
        .map(|reason| reason.recipient.unwrap())
        .collect();
    (decision, found)
}

fn email(address: &str) -> Identifiers<'_> {
    Identifiers {
        email: Some(address),
        ..Identifiers::default()
    }
}

const NOBODYS: [&str; 9] = [
    "kim@example.com",
    "Kim+tag@EXAMPLE.com",
    "kim@a.b.example.org",
    "kim@example.net.",
    "kim@northwind.example",
    "kim@mail.foo.test",
    "kim@foo.invalid",
    "kim@foo.localhost",
    "kim@b\u{fc}cher.example",
];

const SOMEBODYS: [&str; 6] = [
    "kim@northwind.com",
    "kim@example.com.northwind.com",
    "kim@myexample.com",
    "kim@test.com",
    "kim@example.co.uk",
    "kim@test.northwind.org",
];

#[test]
fn a_sandbox_reaches_addresses_that_belong_to_nobody() {
    let mut house = House::sandbox();
    house.publish(POLICY, at(1));
    for address in NOBODYS {
        let (decision, found) = refused(&mut house, "email.send", &[email(address)]);
        assert_eq!(found, [0_u64; 0], "{address}");
        assert_eq!(decision.environment, Environment::Sandbox);
    }
    for address in SOMEBODYS {
        let (decision, found) = refused(&mut house, "email.send", &[email(address)]);
        assert_eq!(found, [0], "{address}");
        assert_eq!(decision.outcome, Outcome::Deny, "{address}");
    }
    // One somebody among nobodies is one too many, and each is named.
    let people = [
        email(NOBODYS[0]),
        email(SOMEBODYS[0]),
        email(NOBODYS[4]),
        email(SOMEBODYS[1]),
    ];
    assert_eq!(refused(&mut house, "email.send", &people).1, [1, 3]);
}

#[test]
fn a_person_without_an_address_is_not_reached() {
    let mut house = House::sandbox();
    house.publish(POLICY, at(1));
    let phone = Identifiers {
        phone: Some("+15555550100"),
        contact: Some("c-1"),
        ..Identifiers::default()
    };
    assert_eq!(refused(&mut house, "email.send", &[phone]).1, [0]);
    // An address that cannot be normalised is none.
    assert_eq!(
        refused(&mut house, "email.send", &[email("kim@test")]).1,
        [0]
    );
}

#[test]
fn a_phone_is_reached_only_where_the_policy_says_that_it_is_nobodys() {
    const OURS: &str = "+12025550123";
    const THEIRS: &str = "+12025550177";
    let mut house = House::sandbox();
    house.publish(POLICY, at(1));
    let with = |phone| Identifiers {
        phone: Some(phone),
        ..email(NOBODYS[0])
    };
    let beyond_email = ["call.queue", "sms.send", "meeting.book", "sequence.enroll"];
    for action in beyond_email {
        for phone in [OURS, THEIRS] {
            let (decision, found) = refused(&mut house, action, &[email(NOBODYS[1]), with(phone)]);
            assert_eq!(found, [1], "{action}");
            let reason = decision
                .reasons
                .iter()
                .find(|one| one.code == Code::SandboxRecipient);
            assert_eq!(reason.unwrap().key, Some(Kind::Phone));
        }
    }
    // An e-mail uses no phone, whoever has one.
    assert_eq!(
        refused(&mut house, "email.send", &[with(THEIRS)]).1,
        [0_u64; 0]
    );
    let token = normalise::phone(OURS).unwrap().token(&house.subject);
    let naming = format!("{POLICY}[sandbox]\nfake_phones = [\"token:{token}\"]\n");
    house.publish(&naming, at(2));
    for action in beyond_email {
        let people = [
            with(OURS),
            with("+1 (202) 555-0177"),
            with("+1 202 555 0123"),
        ];
        assert_eq!(refused(&mut house, action, &people).1, [1], "{action}");
        // Neither stands for the other.
        let real = Identifiers {
            phone: Some(OURS),
            ..email(SOMEBODYS[0])
        };
        assert_eq!(refused(&mut house, action, &[real]).1, [0], "{action}");
    }
    assert_eq!(replay(&house.lines).fault(), None);
    let mut prod = House::prod();
    prod.publish(POLICY, at(1));
    assert_eq!(
        refused(&mut prod, "call.queue", &[with(THEIRS)]).1,
        [0_u64; 0]
    );
}

#[test]
fn only_contact_in_a_sandbox_is_refused_for_it() {
    let mut house = House::sandbox();
    house.publish(POLICY, at(1));
    let (decision, found) = refused(&mut house, "crm.lookup", &[email(SOMEBODYS[0])]);
    assert_eq!(
        (decision.outcome, found.as_slice()),
        (Outcome::Allow, &[][..])
    );
    let mut prod = House::prod();
    prod.publish(POLICY, at(1));
    assert_eq!(
        refused(&mut prod, "email.send", &[email(SOMEBODYS[0])]).1,
        [0_u64; 0]
    );
}

#[test]
fn every_entry_of_a_sandbox_says_so() {
    let mut house = House::sandbox();
    house.publish(POLICY, at(1));
    refused(&mut house, "email.send", &[email(NOBODYS[0])]);
    for (seq, line) in (0..).zip(&house.lines) {
        let line = std::str::from_utf8(line).unwrap();
        assert!(line.contains(r#","sandbox":true,"#), "{line}");
        assert!(house.entry(seq).sandbox);
    }
}
