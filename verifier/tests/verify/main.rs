//! The verifier from outside, over ledgers that a test builds and signs itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::assigning_clones,
    unreachable_pub,
    missing_docs
)]

mod cli;
mod common;
mod completeness;
mod evidence;
mod export;
mod forgery;
mod forms;
mod judge;
mod mutate;
mod person;
mod receipt;
mod replay;
mod timers;
