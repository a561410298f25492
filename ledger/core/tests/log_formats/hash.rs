//! A hash's one spelling.

use ledger_core::fault::Fault;
use ledger_core::hash::{Hash, empty_root};

use crate::mutants::refused;

/// SHA-256 of nothing, as FIPS 180-4's implementations print it.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn a_hash_is_64_lower_case_hex_digits_everywhere() {
    assert_eq!(EMPTY.parse(), Ok(empty_root()));
    assert_eq!(Hash::of(b""), empty_root());
    assert_eq!(
        format!("{} {:?} {:>66}|", empty_root(), empty_root(), empty_root()),
        format!("{EMPTY} {EMPTY}   {EMPTY}|")
    );
    let json = format!("\"{EMPTY}\"");
    assert_eq!(serde_json::to_string(&empty_root()).unwrap(), json);
    assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), empty_root());
    // Escaped, so that it cannot be borrowed from the text.
    let escaped = json.replacen('e', "\\u0065", 1);
    assert_eq!(
        serde_json::from_str::<Hash>(&escaped).unwrap(),
        empty_root()
    );
    let json = serde_json::to_value(empty_root()).unwrap();
    assert_eq!(serde_json::from_value::<Hash>(json).unwrap(), empty_root());
}

#[test]
fn other_spellings_are_refused() {
    for (mutation, text, found) in [
        ("empty", String::new(), "0 bytes"),
        ("upper-case", EMPTY.to_uppercase(), "`E`"),
        ("one-digit-upper-case", EMPTY.replacen('e', "E", 1), "`E`"),
        ("short", EMPTY[1..].to_owned(), "63 bytes"),
        ("long", format!("{EMPTY}0"), "65 bytes"),
        ("prefixed", format!("0x{}", &EMPTY[2..]), "`x`"),
        ("with-newline", format!("{}\n", &EMPTY[1..]), "`\\n`"),
        (
            "other-digits",
            format!("{}\u{0665}", &EMPTY[2..]),
            "`\u{0665}`",
        ),
    ] {
        let expected = format!("expected a hash of 64 lower-case hex digits, found {found}");
        refused(
            mutation,
            text.parse::<Hash>(),
            &expected,
            |_| Fault::Unreadable,
            Fault::Unreadable,
        );
        let json = serde_json::to_string(&text).unwrap();
        assert!(
            serde_json::from_str::<Hash>(&json).is_err(),
            "{mutation} as JSON"
        );
    }
    assert!(serde_json::from_str::<Hash>("[1,2]").is_err());
}
