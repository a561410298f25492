//! The golden files, made by `golden/make.py`, and the keys that they were made with.

use ledger_core::note::{SigningKey, VerificationKey};
use ledger_core::trust::Trust;

pub(crate) const ORIGIN: &str = "ledger.example.com/golden";
/// The root of the checkpoint's five entries.
pub(crate) const ROOT: &str = "48dfdf5efb061254bc017a50851c871dbd8c645f484fd01b2de9a6d61534c9cf";
pub(crate) const VKEY: &str = include_str!("golden/ledger.vkey");
pub(crate) const POLICY: &str = include_str!("golden/trust.policy");
pub(crate) const CHECKPOINT: &str = include_str!("golden/checkpoint");
pub(crate) const COSIGNED: &str = include_str!("golden/checkpoint.cosigned");
pub(crate) const SMALL_ORDER_NONCE: &str = include_str!("golden/checkpoint.small-order-nonce");
pub(crate) const RECEIPT: &str = include_str!("golden/entry-3.tlog-proof");
pub(crate) const COSIGNED_RECEIPT: &str = include_str!("golden/entry-4.cosigned.tlog-proof");
pub(crate) const EVIDENCE: &str = include_str!("golden/entry-3.evidence");
pub(crate) const OPENING: &str = include_str!("golden/person.opening");

pub(crate) fn entry(seq: u64) -> Vec<u8> {
    format!(r#"{{"v":1,"seq":{seq},"kind":"golden"}}"#).into_bytes()
}

pub(crate) fn key() -> VerificationKey {
    VKEY.trim_end().parse().unwrap()
}

pub(crate) fn signing_key() -> SigningKey {
    let seed: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    SigningKey::from_seed(&seed, ORIGIN).unwrap()
}

/// Trust in the golden log alone.
pub(crate) fn trust() -> Trust {
    Trust::parse_vkey(VKEY).unwrap()
}

/// The golden policy's witness keys.
pub(crate) fn witnesses() -> Vec<VerificationKey> {
    let lines = POLICY.lines().filter(|line| line.starts_with("witness "));
    lines
        .map(|line| line.split(' ').nth(2).unwrap().parse().unwrap())
        .collect()
}
