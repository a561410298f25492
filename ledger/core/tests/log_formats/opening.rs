//! Openings: golden bytes and mutants.

use ledger_core::fault::Fault;
use ledger_core::opening::{OPENING_BYTES_MAX, OPENING_KEYS_MAX, OpenedKey, Opening, OpeningError};

use crate::golden::OPENING;
use crate::mutants::{refused, with, without_line};

const SECRETS: [&str; 3] = [
    "fb580dd1e762596cb87dd704b59c2a28fe65a2e99f7fad3ba148bfe05933da08",
    "4ce22aba10e5304eac7917cb2ff2915a69dcc60ce300a60c52960c4cd85c2027",
    "3782e9e9739736693c9ee057c8c9bad6c4043a4dfe21d6969ed8f238f290e268",
];

fn golden_keys() -> Vec<OpenedKey> {
    let identifiers = ["person@example.com", "example.com", "+12025550123"];
    let kinds = ["email", "domain", "phone"];
    let key = |at: usize| OpenedKey {
        kind: kinds[at].to_owned(),
        identifier: identifiers[at].to_owned(),
        s: hex::decode(SECRETS[at]).unwrap().try_into().unwrap(),
    };
    (0..3).map(key).collect()
}

#[test]
fn the_golden_opening_is_written_and_read() {
    let opening = Opening::new(golden_keys()).unwrap();
    assert_eq!(String::from_utf8(opening.to_bytes()).unwrap(), OPENING);
    assert_eq!(Opening::parse(OPENING.as_bytes()).unwrap(), opening);
    assert_eq!(opening.keys(), golden_keys());
    let shown = format!("{opening:?}");
    assert!(
        shown.contains("phone") && !shown.contains("example"),
        "{shown}"
    );
}

#[test]
fn mutants_are_refused_without_repeating_what_they_say() {
    let email = OPENING.lines().nth(1).unwrap();
    let words: Vec<&str> = email.split(' ').collect();
    let base64 = "the identifier as standard base64 with canonical padding";
    let kind = "a kind such as `email` or `email.canonical`";
    let secret = "a secret of 64 lower-case hex digits";
    let identifier = "an identifier of 1 to 1024 bytes without control characters";
    let form = "`<kind> <base64 identifier> <64 lower-case hex digits>`";
    let withheld = |expected: &str| format!("line 2: expected {expected}, found `(withheld)`");
    let mut many = String::new();
    for at in 0..OPENING_KEYS_MAX - 2 {
        many.extend(["k", &at.to_string(), " YQ== ", words[2], "\n"]);
    }
    for (mutation, opening, expected) in [
        (
            "empty",
            String::new(),
            "line 1: expected `ledger-opening/v1`, found the end of the text".to_owned(),
        ),
        (
            "another-version",
            with(OPENING, "/v1", "/v2"),
            "line 1: expected `ledger-opening/v1`, found `(withheld)`".to_owned(),
        ),
        (
            "no-header",
            without_line(OPENING, 1),
            "line 1: expected `ledger-opening/v1`, found `(withheld)`".to_owned(),
        ),
        (
            "no-keys",
            "ledger-opening/v1\n".to_owned(),
            format!("line 2: expected {form}, found the end of the text"),
        ),
        (
            "no-final-newline",
            OPENING.trim_end().to_owned(),
            "line 4: expected the line to end in a newline, found the end of the text".to_owned(),
        ),
        (
            "trailing-byte",
            format!("{OPENING}x"),
            "line 5: expected the line to end in a newline, found the end of the text".to_owned(),
        ),
        (
            "trailing-empty-line",
            format!("{OPENING}\n"),
            format!("line 5: expected {form}, found `(withheld)`"),
        ),
        (
            "crlf",
            OPENING.replace('\n', "\r\n"),
            "line 1: expected no control character, found `0x0d` in column 18".to_owned(),
        ),
        (
            "key-twice",
            format!("{OPENING}{email}\n"),
            "line 5: identifier: `(withheld)` is there twice".to_owned(),
        ),
        (
            "missing-word",
            with(OPENING, email, &words[..2].join(" ")),
            withheld(form),
        ),
        (
            "surplus-word",
            with(OPENING, email, &format!("{email} x")),
            withheld(form),
        ),
        (
            "two-spaces",
            with(OPENING, "email ", "email  "),
            withheld(form),
        ),
        (
            "trailing-space",
            with(OPENING, email, &format!("{email} ")),
            withheld(form),
        ),
        (
            "kind-upper-case",
            with(OPENING, "email", "Email"),
            withheld(kind),
        ),
        (
            "kind-starts-with-a-digit",
            with(OPENING, "email", "1email"),
            withheld(kind),
        ),
        (
            "kind-with-hyphen",
            with(OPENING, "email", "e-mail"),
            withheld(kind),
        ),
        ("kind-empty", with(OPENING, "email", ""), withheld(kind)),
        (
            "kind-too-long",
            with(OPENING, "email", &"k".repeat(65)),
            withheld(kind),
        ),
        (
            "identifier-empty",
            with(OPENING, words[1], ""),
            withheld(identifier),
        ),
        (
            "identifier-in-clear",
            with(OPENING, words[1], "person@example.com"),
            withheld(base64),
        ),
        (
            "identifier-without-padding",
            with(OPENING, "domain ZXhhbXBsZS5jb20=", "domain ZXhhbXBsZS5jb20"),
            format!("line 3: expected {base64}, found `(withheld)`"),
        ),
        (
            "identifier-with-non-canonical-base64",
            with(OPENING, words[1], "YR=="),
            withheld(base64),
        ),
        (
            "identifier-not-utf-8",
            with(OPENING, words[1], "/w=="),
            withheld("an identifier of UTF-8"),
        ),
        (
            "identifier-with-newline",
            with(OPENING, words[1], "YQo="),
            withheld(identifier),
        ),
        (
            "identifier-too-long",
            with(OPENING, words[1], &"YWFh".repeat(342)),
            withheld(identifier),
        ),
        (
            "secret-upper-case",
            with(OPENING, words[2], &words[2].to_uppercase()),
            withheld(secret),
        ),
        (
            "secret-short",
            with(OPENING, words[2], &words[2][2..]),
            withheld(secret),
        ),
        (
            "secret-long",
            with(OPENING, words[2], &format!("{}00", words[2])),
            withheld(secret),
        ),
        (
            "secret-not-hex",
            with(OPENING, words[2], &"g".repeat(64)),
            withheld(secret),
        ),
        (
            "too-many-keys",
            format!("{OPENING}{many}"),
            "line 258: keys: expected at most 256, found more".to_owned(),
        ),
        (
            "too-large",
            format!("{OPENING}{}", "x".repeat(OPENING_BYTES_MAX)),
            format!(
                "the opening has {} bytes, expected at most {OPENING_BYTES_MAX}",
                OPENING_BYTES_MAX + OPENING.len()
            ),
        ),
    ] {
        let opening = Opening::parse(opening.as_bytes());
        refused(
            mutation,
            opening,
            &expected,
            OpeningError::fault,
            Fault::Unreadable,
        );
    }
}

#[test]
fn what_cannot_be_read_back_is_not_made() {
    let mut keys = golden_keys();
    keys[1].kind = "a b".to_owned();
    let expected =
        "line 3: expected a kind such as `email` or `email.canonical`, found `(withheld)`";
    refused(
        "space-in-kind",
        Opening::new(keys),
        expected,
        OpeningError::fault,
        Fault::Unreadable,
    );
    let expected = "line 2: expected `<kind> <base64 identifier> <64 lower-case hex digits>`, found the end of the text";
    refused(
        "no-keys",
        Opening::new(Vec::new()),
        expected,
        OpeningError::fault,
        Fault::Unreadable,
    );
}
