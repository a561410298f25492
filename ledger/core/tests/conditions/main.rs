//! Conditions: `.cedar` files beside `policy.toml`.
//!
//! `cargo test -p ledger-core --features cedar --test conditions`; without the feature, what a build does
//! that evaluates none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test that goes wrong panics"
)]

#[cfg(feature = "cedar")]
mod decide;
#[cfg(feature = "cedar")]
mod document;
#[allow(dead_code, reason = "shared with the tests of the gate")]
#[path = "../gate/ledger.rs"]
mod ledger;
#[cfg(feature = "cedar")]
mod limits;
#[cfg(feature = "cedar")]
mod publish;
mod scene;
#[cfg(feature = "cedar")]
mod verify;
#[cfg(not(feature = "cedar"))]
mod without;
