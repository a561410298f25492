//! The verifier from outside, over ledgers that a test builds and signs itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs
)]

mod common;
mod replay;
