//! Verification keys: their one spelling, and which keys are none.

use ledger_core::fault::Fault;
use ledger_core::note::{KeyKind, VerificationKey};

use crate::golden::{ORIGIN, VKEY, key};
use crate::mutants::{reblob, refused, with};

#[test]
fn vkey_mutants_are_refused() {
    let vkey = VKEY.trim_end();
    let base64 = vkey.splitn(3, '+').nth(2).unwrap();
    let parse = |vkey: &str| vkey.parse::<VerificationKey>();
    assert_eq!(parse(vkey).unwrap(), key());
    let point = "the public key is not a canonical Ed25519 key of full order";
    let rekeyed = |change: &dyn Fn(&mut Vec<u8>)| with(vkey, base64, &reblob(base64, change));
    for (mutation, vkey, expected) in [
        (
            "empty",
            String::new(),
            "expected `<name>+<key id>+<base64 key>`, found 0 other characters (withheld: they may be a secret)",
        ),
        (
            "name-alone",
            ORIGIN.to_owned(),
            "expected `<name>+<key id>+<base64 key>`, found 25 other characters (withheld: they may be a secret)",
        ),
        (
            "no-name",
            with(vkey, ORIGIN, ""),
            "the key name is empty, expected something like `ledger.example.com/main`",
        ),
        (
            "space-in-name",
            with(vkey, "ledger", "led ger"),
            "the key name has ` ` in it, expected no space, plus or control character",
        ),
        (
            "plus-in-name",
            with(vkey, "ledger", "led+ger"),
            "key id: expected 8 lower-case hex digits, found `ger.example.com/golden`",
        ),
        (
            "name-changed",
            with(vkey, "golden", "silver"),
            "key id: expected `e2f02fd1` for this name and key, found `f59a6d74`",
        ),
        (
            "key-id-flipped",
            with(vkey, "f59a6d74", "f59a6d75"),
            "key id: expected `f59a6d74` for this name and key, found `f59a6d75`",
        ),
        (
            "key-id-upper-case",
            with(vkey, "f59a6d74", "F59A6D74"),
            "key id: expected 8 lower-case hex digits, found `F59A6D74`",
        ),
        (
            "key-id-short",
            with(vkey, "f59a6d74", "f59a6d7"),
            "key id: expected 8 lower-case hex digits, found `f59a6d7`",
        ),
        (
            "key-id-signed",
            with(vkey, "f59a6d74", "+59a6d74"),
            "key id: expected 8 lower-case hex digits, found ``",
        ),
        (
            "trailing-newline",
            format!("{vkey}\n"),
            "key: expected standard base64 with canonical padding, found `AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\\n`",
        ),
        (
            "surplus-part",
            format!("{vkey}+"),
            "key: expected standard base64 with canonical padding, found `AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4+`",
        ),
        (
            "no-key",
            with(vkey, base64, ""),
            "expected a public key of 32 bytes, found 0",
        ),
        (
            "key-short",
            rekeyed(&|key| key.truncate(32)),
            "expected a public key of 32 bytes, found 31",
        ),
        (
            "key-long",
            rekeyed(&|key| key.push(0)),
            "expected a public key of 32 bytes, found 33",
        ),
        (
            "key-changed",
            rekeyed(&|key| key[1] ^= 2),
            "key id: expected `4bf73b96` for this name and key, found `f59a6d74`",
        ),
        (
            "type-of-a-cosigner",
            rekeyed(&|key| key[0] = 4),
            "key id: expected `3eb84ffd` for this name and key, found `f59a6d74`",
        ),
        (
            "type-ecdsa",
            rekeyed(&|key| key[0] = 2),
            "signature type `0x02` is not supported, expected 0x01 (Ed25519) or 0x04 (Ed25519 cosignature)",
        ),
        (
            "type-ml-dsa-44",
            rekeyed(&|key| {
                key[0] = 6;
                key.resize(1313, 0);
            }),
            "signature type `0x06` is not supported, expected 0x01 (Ed25519) or 0x04 (Ed25519 cosignature)",
        ),
        (
            "key-of-small-order",
            rekeyed(&|key| {
                key[1..].fill(0);
                key[1] = 1;
            }),
            point,
        ),
        (
            "key-not-on-the-curve",
            rekeyed(&|key| {
                key[1..].fill(0);
                key[1] = 2;
            }),
            point,
        ),
    ] {
        refused(
            mutation,
            parse(&vkey),
            expected,
            |_| Fault::Unreadable,
            Fault::Unreadable,
        );
    }
    // y = p + n for n below 19 fits 255 bits, and is another spelling of y = n.
    for n in 0..19 {
        let mut bytes = [0xFF; 32];
        (bytes[0], bytes[31]) = (0xED + n, 0x7F);
        let made = VerificationKey::new(ORIGIN, KeyKind::Ed25519, &bytes).map(|_| ());
        refused(
            "key-with-non-canonical-y",
            made,
            point,
            |_| Fault::Unreadable,
            Fault::Unreadable,
        );
    }
}
