//! Encoding and decoding are each other's inverse, over everything an entry can hold.

use ledger_core::entry::Entry;
use ledger_core::limits::ENTRY_BYTES_MAX;
use proptest::prelude::*;

use super::any::entry;

/// `PROPTEST_CASES` asks for more.
pub(super) fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() {
        asked.cases
    } else {
        1_000
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_encoded_decodes_to_itself(entry in entry()) {
        let line = entry.encode().unwrap();
        prop_assert!(line.len() <= ENTRY_BYTES_MAX);
        prop_assert!(!line.contains(&b'\n'), "one line");
        prop_assert_eq!(Entry::decode(&line).unwrap(), entry);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        prop_assert_eq!(value.get("v"), Some(&serde_json::Value::from(1)));
    }

    /// One byte changed, left out or put in: another entry, or none; never the same entry twice.
    #[test]
    fn one_entry_has_one_encoding(entry in entry(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3) {
        let line = entry.encode().unwrap();
        let mut other = line.clone();
        let at = at.index(line.len());
        match how {
            0 => other[at] = byte,
            1 => _ = other.remove(at),
            _ => other.insert(at, byte),
        }
        if other != line && let Ok(decoded) = Entry::decode(&other) {
            prop_assert_ne!(&decoded, &entry);
            prop_assert_eq!(decoded.encode().unwrap(), other);
        }
    }
}
