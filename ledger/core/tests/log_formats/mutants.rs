//! How the tables of mutants make their mutants, and hold what came of them.

use std::fmt::{Debug, Display};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_core::fault::Fault;

/// Asserts that a mutant was refused with exactly this error, of this fault.
#[track_caller]
pub(crate) fn refused<T: Debug, E: Display>(
    mutation: &str,
    result: Result<T, E>,
    expected: &str,
    fault_of: impl Fn(&E) -> Fault,
    fault: Fault,
) {
    match result {
        Ok(accepted) => panic!("{mutation} was accepted: {accepted:?}"),
        Err(e) => {
            assert_eq!(e.to_string(), expected, "{mutation}");
            assert_eq!(fault_of(&e), fault, "{mutation}");
        }
    }
}

/// `text` with the first `old` in it replaced, which must be there.
#[track_caller]
pub(crate) fn with(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "`{old}` is not in `{text}`");
    text.replacen(old, new, 1)
}

/// `text` without its line of this number, from 1.
#[track_caller]
pub(crate) fn without_line(text: &str, line: usize) -> String {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    assert!(
        (1..=lines.len()).contains(&line),
        "no line {line} in `{text}`"
    );
    lines
        .iter()
        .enumerate()
        .filter(|(at, _)| at + 1 != line)
        .map(|(_, line)| *line)
        .collect()
}

/// The base64 of what `base64` encodes, changed.
pub(crate) fn reblob(base64: &str, change: &dyn Fn(&mut Vec<u8>)) -> String {
    let mut blob = STANDARD.decode(base64).unwrap();
    change(&mut blob);
    STANDARD.encode(blob)
}

/// Adds Ed25519's group order to a little-endian scalar: the same scalar to a careless verifier.
pub(crate) fn add_group_order(scalar: &mut [u8]) {
    // 2^252 + 27742317777372353535851937790883648493, RFC 8032 section 5.1.
    let order =
        hex::decode("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed").unwrap();
    let mut carry = 0;
    for (digit, add) in scalar.iter_mut().zip(order.iter().rev()) {
        carry += u16::from(*digit) + u16::from(*add);
        *digit = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    assert_eq!(carry, 0, "the scalar was not below the order");
}
