use ledger_core::role::Role;

use super::super::decide::tests::{intake, refused};
use super::*;

fn header() -> wire::WriteHeader {
    wire::WriteHeader {
        request_id: "r-1".to_owned(),
        correlation_id: "c-1".to_owned(),
    }
}
use ledger_core::note::SigningKey;

#[test]
fn a_key_is_a_vkey_and_nothing_else() {
    let ops = Caller::test("ops.1", Role::Operator);
    let vkey = SigningKey::from_seed(&[3; 32], "sandbox.example/ledger")
        .expect("a key")
        .verification_key()
        .to_string();
    let request = |key: &str| wire::KeyRequest {
        header: Some(header()),
        key: key.to_owned(),
    };
    for (command, call, event) in [
        (
            intake().trust_key(&ops, request(&vkey)),
            Call::TrustKey,
            KeyEvent::Trusted,
        ),
        (
            intake().distrust_key(&ops, request(&vkey)),
            Call::DistrustKey,
            KeyEvent::Distrusted,
        ),
    ] {
        let Body::Key(entry) = command.expect("well-formed").body else {
            panic!("a key")
        };
        assert_eq!((entry.cause.call, entry.event), (Some(call), event));
        assert_eq!(entry.key, vkey);
    }
    for bad in ["", "sandbox.example/ledger", &vkey[..vkey.len() - 4]] {
        assert_eq!(refused(intake().trust_key(&ops, request(bad))).field, "key");
    }
    let long = format!("{}{vkey}", "x".repeat(VKEY_BYTES_MAX));
    let error = refused(intake().trust_key(&ops, request(&long)));
    assert_eq!((error.field.as_str(), error.value), ("key", None));
}
