//! Ids that stand in clear, and the closed words of actions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::action::{ActionRule, Channel, Channels, Class};
use ledger_core::name::{NameError, check, seller};
use ledger_core::token::Kind;
use proptest::prelude::*;

#[test]
fn ids_in_use_pass() {
    for id in [
        "a",
        "7",
        "0190f5c0-7b1e-7a3c-9d2e-5f1a2b3c4d5e",
        "run-7f3a",
        "agent.outbound.sender",
        "gmail.messages.send",
        "send_certificate",
        "sha256:9c1e0b",
        "urn:example:run/42",
        "dGVzdA==",
        "4915112345678901234",
        "2026-11-22T11:31:05",
        "c++",
        "1.0+4",
        "a+1234567",
        "555-123-4567",
    ] {
        assert_eq!(check("action_id", id, 128), Ok(()), "{id}");
    }
    assert_eq!(check("seller", &"s".repeat(64), 64), Ok(()));
    for good in ["acme", "acme-2", &"s".repeat(64)] {
        assert_eq!(seller(good), Ok(()), "{good}");
    }
    for bad in ["Acme", "acmE", "acme-DE"] {
        let error = seller(bad).unwrap_err().to_string();
        assert!(
            error.contains("seller") && error.contains(bad) && error.contains("lower case"),
            "{error}"
        );
    }
    assert!(matches!(seller("ACME INC"), Err(NameError::Charset { .. })));
    assert!(matches!(
        seller(&"s".repeat(65)),
        Err(NameError::TooLong { .. })
    ));
}

#[test]
fn what_is_no_id_is_refused_by_name() {
    for (name, value) in [
        ("space", "a b"),
        ("leading-dot", ".a"),
        ("leading-plus", "+a"),
        ("quote", "a\"b"),
        ("apostrophe", "a'b"),
        ("backslash", "a\\b"),
        ("newline", "a\nb"),
        ("nul", "a\0b"),
        ("umlaut", "ä"),
        ("inner-umlaut", "aä"),
        ("full-width", "ａ"),
        ("percent", "a%40b"),
        ("comma", "a,b"),
        ("braces", "{a}"),
    ] {
        let error = check("tool", value, 128).expect_err(name);
        assert!(
            matches!(error, NameError::Charset { field: "tool", .. }),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains(['\n', '\0']), "{name}: {error}");
    }
    assert!(matches!(
        check("tool", "", 128),
        Err(NameError::Empty {
            field: "tool",
            max: 128
        })
    ));
    let long = "s".repeat(65);
    let error = check("seller", &long, 64).unwrap_err();
    assert!(
        matches!(
            error,
            NameError::TooLong {
                bytes: 65,
                max: 64,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        !error.to_string().contains(&long),
        "the value is cut: {error}"
    );
}

#[test]
fn personal_data_is_refused_and_not_repeated() {
    for (name, value) in [
        ("address", "kim@northwind.example"),
        (
            "address-over-the-limit",
            &format!("{}@northwind.example", "kim".repeat(100)),
        ),
        ("bare-at", "a@"),
        ("full-width-at", "kim＠northwind"),
        ("e164", "+4915112345678"),
        ("e164-after-text", "call:+4915112345678"),
        ("e164-with-dashes", "to+49-151-1234-5678"),
        ("e164-with-spaces", "+49 151 12345678"),
        ("e164-in-parentheses", "+(49)15112345678"),
        ("shortest-e164", "x+12345678"),
        ("tel-uri", "tel:4915112345678"),
        ("tel-uri-upper-case", "TEL:+4915112345678"),
        ("build-metadata-that-could-be-one", "1.0+20261122"),
    ] {
        let error = check("correlation_id", value, 128).expect_err(name);
        assert!(
            matches!(
                error,
                NameError::Personal {
                    field: "correlation_id",
                    ..
                }
            ),
            "{name}: {error}"
        );
        for part in ["kim", "northwind", "4915", "151", "12345678", "20261122"] {
            assert!(!error.to_string().contains(part), "{name}: {error}");
        }
    }
}

#[test]
fn channels_have_one_encoding() {
    let sets = 0..16_u8;
    for set in sets {
        let list: Vec<Channel> = Channel::ALL
            .into_iter()
            .enumerate()
            .filter(|(i, _)| set >> i & 1 == 1)
            .map(|(_, c)| c)
            .collect();
        let channels: Channels = list.iter().rev().copied().collect();
        let words: Vec<String> = list.iter().map(|c| format!("\"{c}\"")).collect();
        let json = format!("[{}]", words.join(","));
        assert_eq!(serde_json::to_string(&channels).unwrap(), json);
        assert_eq!(serde_json::from_str::<Channels>(&json).unwrap(), channels);
        assert_eq!(channels.iter().collect::<Vec<_>>(), list);
        assert_eq!(channels.is_empty(), list.is_empty());
        for channel in Channel::ALL {
            assert_eq!(channels.contains(channel), list.contains(&channel));
            assert_eq!(
                channels.intersects(Channels::of(&[channel])),
                list.contains(&channel)
            );
        }
        assert!(Channels::all().contains_all(channels) && channels.contains_all(Channels::none()));
    }
    for refused in [
        r#"["call","email"]"#,
        r#"["email","email"]"#,
        r#"["fax"]"#,
        r#"["Email"]"#,
        r#""email""#,
        "[1]",
    ] {
        assert!(
            serde_json::from_str::<Channels>(refused).is_err(),
            "{refused}"
        );
    }
    assert_eq!(Channels::default(), Channels::none());
    assert_eq!(Channels::all().to_string(), "email, call, sms, meeting");
}

#[test]
fn classes_and_built_in_actions_are_what_the_design_fixes() {
    for class in Class::ALL {
        assert_eq!(class.as_str().parse(), Ok(class));
        assert_eq!(
            serde_json::to_string(&class).unwrap(),
            format!("\"{class}\"")
        );
    }
    assert!("Contact".parse::<Class>().is_err() && "".parse::<Class>().is_err());
    let fixed = [
        ("email.send", "email"),
        ("sms.send", "sms"),
        ("call.queue", "call"),
        ("meeting.book", "email, meeting"),
        ("sequence.enroll", "email, call, sms, meeting"),
    ];
    for (name, channels) in fixed {
        let rule = ActionRule::builtin(name).unwrap();
        assert_eq!(
            (rule.class, rule.channels.to_string()),
            (Class::Contact, channels.to_owned()),
            "{name}"
        );
        assert_eq!(rule.requires, Vec::<Kind>::new());
        assert!(ActionRule::BUILTIN.contains(&name));
    }
    assert_eq!(ActionRule::BUILTIN.len(), fixed.len());
    assert_eq!(ActionRule::builtin("email.Send"), None);
}

proptest! {
    #[test]
    fn what_passes_is_in_the_set(value in "\\PC{0,20}|[A-Za-z0-9@+ ._:/=-]{0,20}") {
        let in_set = |c: char| c.is_ascii_alphanumeric() || "._:/+=-".contains(c);
        let first = value.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        match check("action", &value, 16) {
            Ok(()) => prop_assert!(first && value.chars().all(in_set) && value.len() <= 16),
            Err(NameError::Charset { .. }) => prop_assert!(!first || !value.chars().all(in_set)),
            Err(NameError::Empty { .. }) => prop_assert!(value.is_empty()),
            Err(NameError::TooLong { .. }) => prop_assert!(value.len() > 16),
            Err(NameError::Case { .. }) => prop_assert!(false, "only of sellers"),
            Err(NameError::Personal { .. }) => prop_assert!(value.contains(['@', '+', '＠', '＋', '﹫', ':'])),
        }
    }
}
