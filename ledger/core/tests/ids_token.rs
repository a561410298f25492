//! Tokens and openings against HMAC written out from its definition, and against golden bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::normalise::{self, MatchKey};
use ledger_core::token::{ContentKey, Kind, SubjectKey, Token, object_type, token_from_opening};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// RFC 2104 with nothing but the hash.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = sha256(&[&block.map(|b| b ^ 0x36), message]);
    sha256(&[&block.map(|b| b ^ 0x5c), &inner])
}

fn key() -> SubjectKey {
    SubjectKey::new(std::array::from_fn(|i| u8::try_from(i).unwrap()))
}

/// Kind, identifier, opening secret and token under the key 00 01 02 … 1f; made with Python's `hmac`.
const GOLDEN: [(&str, &str, &str, &str); 10] = [
    (
        "email",
        "kim@northwind.example",
        "d771d19b3494b0aa5815ec2bcece40b240035ec9b53fae691186c06479987eef",
        "c26c2855b740d22d62cb97a499477bd063b40d66886d41b90f1c1dda71d4cfb2",
    ),
    (
        "email.canonical",
        "kim@northwind.example",
        "f9cb9126aa7f16b1f7da4eb55046cf77c315a8877f33f911976fa1b41e189eb4",
        "0b36c234e3d1ba5d407478858e9aeb67fdb667b058719e66bbd2e51ac670f0da",
    ),
    (
        "domain",
        "northwind.example",
        "d1fb3322a919b5c65ff5be141191cca30c94d6429c0e5a9e337211d5ee93b307",
        "e2ebcf120195fbeba465cc4a0b293c23e281a6e87d89151d81869ee22f644c1a",
    ),
    (
        "phone",
        "+4915112345678",
        "3516b8803d5aa87c157ea88fb7c54644142a7e0fdf3e5ed90b1b1496d85ca82c",
        "5a256a359757dee30830acbdc499082c6a25d4c7d345bda2c6cff6cfe9a3ccd7",
    ),
    (
        "contact",
        "0031x",
        "8485aa37c7795b827cb71b6a49fbd7dd056874e343f8fc065a59b7f02df681cd",
        "f1b8ef45469065109d20ea3c091da8fb603d546032d1601f64d14fd716065d9d",
    ),
    (
        "account",
        "Ä-7",
        "767a72389b95763050d955a7e5813d2bfb552343aef49986657076a71260a545",
        "5b5b0f530c9746a9bb9dadc99ccb08770934ab1a6e764bdd8eb520a7d95702ef",
    ),
    (
        "mailbox",
        "outreach-1",
        "f512c655062bc937d9d643d0fea7d1abf62e604a7f92b29ea9c80b85260f32a7",
        "449681f4f904e4c79b246745fd810c74688a00d19940a8f2a7a5a91dcfbec3b2",
    ),
    (
        "provider_id",
        "<m-1>",
        "bf65c7b8e5c595cccadf1246142810249c13cdedfa97441622a7584a98a23f7e",
        "e7dd8a60204920b86a86477fad5218f19ac9741adc572099899e68eaef200959",
    ),
    (
        "text",
        "x",
        "d6340456b6034a04a8b928a6dc06e43f4fd0fb8cac2c2878d2a41e718ba59f23",
        "431208b23e133fc26ce50733d5fb916066eea5f80db877ecc9647ef97a4aa976",
    ),
    (
        "target.deal",
        "42",
        "83350190ac3addc39198896444ffb512b8145acf3219a275e52838ae5e44fd82",
        "38af60d94744d0d2cc00686d882f33421bddafee29970093108d938ffe473e1a",
    ),
];

#[test]
fn golden_tokens() {
    for (kind, identifier, s, token) in GOLDEN {
        let kind: Kind = kind.parse().unwrap();
        assert_eq!(hex::encode(key().opening_secret(&kind, identifier)), s);
        assert_eq!(key().token(&kind, identifier).to_string(), token);
        let s = hex::decode(s).unwrap().try_into().unwrap();
        assert_eq!(
            token_from_opening(&s, &kind, identifier),
            token.parse().unwrap()
        );
    }
}

#[test]
fn golden_commitments_and_content() {
    let content = ContentKey::new(std::array::from_fn(|i| u8::try_from(i).unwrap()));
    assert_eq!(
        hex::encode(key().commitment()),
        "c173ec0f93518f06980f27566d70ca75830a8e34e12282ce6fa628a1f0938a30"
    );
    assert_eq!(
        hex::encode(content.commitment()),
        "c855fe36b61de54aa7773af42a0a90ccd2b7eb42c1590346e8dd6591bc732dab"
    );
    let canonical = br#"{"action":"email.send"}"#;
    assert_eq!(
        hex::encode(content.content(canonical)),
        "98ea3af7977262307c18cb2d1ec105bc72625f8b817fc5da65e40eab003b89b3"
    );
}

#[test]
fn keys_do_not_show_themselves() {
    let (subject, content) = (SubjectKey::new([0xab; 32]), ContentKey::new([0xab; 32]));
    assert_eq!(
        format!("{subject:?} {content:?}"),
        "SubjectKey([redacted]) ContentKey([redacted])"
    );
    let key = normalise::phone("+49 151 12345678").unwrap();
    assert_eq!(format!("{key:?}"), "MatchKey(phone [redacted])");
}

#[test]
fn kinds_have_one_word_each() {
    let words = [
        "email",
        "email.canonical",
        "domain",
        "phone",
        "contact",
        "account",
        "mailbox",
        "provider_id",
        "text",
    ];
    assert_eq!(Kind::PLAIN.map(|kind| kind.to_string()).as_slice(), words);
    for word in words.into_iter().chain(["target.deal", "target.p_2-x.y"]) {
        let kind: Kind = word.parse().unwrap();
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{word}\""));
        assert_eq!(
            serde_json::from_str::<Kind>(&format!("\"{word}\"")).unwrap(),
            kind
        );
    }
    for refused in [
        "",
        "Email",
        "email ",
        "emails",
        "target",
        "target.",
        "target.Deal",
        "target.contact",
        "target.account",
        "target.company",
        "target.-x",
        "target.a b",
        "target.ä",
    ] {
        assert!(refused.parse::<Kind>().is_err(), "{refused}");
    }
    assert_eq!(Kind::target("Contact"), Ok(Kind::Contact));
    assert_eq!(Kind::target("company"), Ok(Kind::Account));
    assert_eq!(Kind::target("ACCOUNT"), Ok(Kind::Account));
    for (other, word) in [
        ("contacts", "contact"),
        ("0-1", "contact"),
        ("LEADS", "lead"),
        ("People", "person"),
        ("companies", "company"),
        ("0-2", "company"),
        ("accounts", "account"),
        ("deals", "deal"),
        ("0-3", "deal"),
        ("tasks", "task"),
        ("0-4", "0-4"),
        ("ticket", "ticket"),
        ("Note", "note"),
    ] {
        assert_eq!(object_type(other), word);
        assert_eq!(object_type(word), word, "the word of a word is itself");
        assert_eq!(Kind::target(other), Kind::target(word));
        // Entries hold no other word.
        let is_word = format!("target.{}", other.to_lowercase()).parse::<Kind>();
        assert_eq!(
            is_word.is_ok(),
            matches!(word, "0-4" | "ticket" | "note"),
            "{other}"
        );
    }
    assert_eq!(Kind::target("lead"), Ok(Kind::Contact));
    assert_eq!(Kind::target("person"), Ok(Kind::Contact));
    assert_eq!(Kind::target("Deal").unwrap().to_string(), "target.deal");
    assert_eq!(Kind::target("deal"), Kind::target("DEAL"));
    for refused in ["", " deal", "deal/x", "d\u{e9}al", &"d".repeat(65)] {
        assert!(Kind::target(refused).is_err(), "{refused}");
    }
    assert!(Kind::target(&"d".repeat(64)).is_ok());
}

#[test]
fn tokens_have_one_spelling() {
    let text = GOLDEN[0].3;
    let token: Token = text.parse().unwrap();
    assert_eq!(
        serde_json::to_string(&token).unwrap(),
        format!("\"{text}\"")
    );
    assert_eq!(
        serde_json::from_str::<Token>(&format!("\"{text}\"")).unwrap(),
        token
    );
    let (short, long) = (&text[1..], format!("{text}0"));
    for refused in [
        "",
        short,
        &long,
        &text.to_uppercase(),
        &text.replace('c', "g"),
        &format!("0x{}", &text[2..]),
    ] {
        let error = refused.parse::<Token>().unwrap_err();
        assert_eq!(error.chars, refused.chars().count());
    }
    // What was put in the wrong place may be an identifier: it is not repeated.
    assert!(
        !"kim@northwind.example"
            .parse::<Token>()
            .unwrap_err()
            .to_string()
            .contains("kim")
    );
}

#[test]
fn another_kind_key_or_identifier_is_another_token() {
    let token = key().token(&Kind::Phone, "+4915112345678");
    assert_ne!(token, key().token(&Kind::Contact, "+4915112345678"));
    assert_ne!(token, key().token(&Kind::Phone, "+4915112345679"));
    assert_ne!(
        token,
        SubjectKey::new([1; 32]).token(&Kind::Phone, "+4915112345678")
    );
    // The zero byte keeps kind and identifier apart.
    assert_ne!(
        key().token(&Kind::Email, ".canonicalx"),
        key().token(&Kind::EmailCanonical, "x")
    );
    let s = key().opening_secret(&Kind::Phone, "+4915112345678");
    assert_ne!(
        token,
        token_from_opening(&s, &Kind::Phone, "+4915112345679")
    );
    assert_ne!(
        token,
        token_from_opening(&s, &Kind::Contact, "+4915112345678")
    );
}

proptest! {
    #[test]
    fn tokens_are_the_definition(bytes: [u8; 32], identifier in "\\PC{0,80}", plain in 0..9_usize) {
        let kind = &Kind::PLAIN[plain];
        let key = SubjectKey::new(bytes);
        let message = [kind.as_str().as_bytes(), b"\0", identifier.as_bytes()].concat();
        let s = hmac(&bytes, &message);
        let token = sha256(&[b"ledger-token/v1", &s, &message]);
        prop_assert_eq!(key.opening_secret(kind, &identifier), s);
        prop_assert_eq!(key.token(kind, &identifier), Token(token));
        prop_assert_eq!(token_from_opening(&s, kind, &identifier), Token(token));
        prop_assert_eq!(MatchKey { kind: kind.clone(), identifier }.token(&key), Token(token));
        prop_assert_eq!(ContentKey::new(bytes).content(&message), s);
        prop_assert_eq!(key.commitment(), sha256(&[b"ledger-subject-key/v1", &bytes]));
    }
}
