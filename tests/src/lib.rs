//! What the end to end tests share: the real binaries, ledgers of their own in temporary directories,
//! clients that speak gRPC to them, and the verifier that judges what they hand out.
//!
//! Everything here fails its test by panicking, with what was expected and what the binary said. A test
//! reaches nothing outside its own temporary directory and Unix socket, waits for nothing without a
//! bound, and ends only processes that it started: a [`Daemon`] that goes out of scope is killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a helper of tests fails its test by panicking"
)]
#![allow(
    clippy::return_self_not_must_use,
    reason = "demands are chained, and nobody needs the last one's result"
)]

pub mod ask;
pub mod bin;
mod client;
mod credential;
mod ctl;
mod daemon;
pub mod damage;
mod ledger;
mod log;
pub mod markdown;
pub mod python;
pub mod reference;
mod refusal;
pub mod site;
mod strait;
mod verify;
mod views;
mod web;

pub use client::{Client, Service, connect};
pub use credential::Credential;
pub use ctl::Ctl;
pub use daemon::Daemon;
pub use ledger::Ledger;
pub use log::{Line, Log};
pub use refusal::Refused;
pub use site::Site;
pub use strait::Strait;
pub use verify::{Verifier, core_hashes, core_receipt};
pub use views::same_views;
pub use web::{Answered, Web};

/// The root of the repository.
pub fn repository() -> std::path::PathBuf {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the crate stands in the repository")
        .to_owned()
}

/// The sales team's policy, as the demo publishes it.
pub fn sales_policy() -> String {
    let path = repository().join("policies/sales/policy.toml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

/// Says something that stands in the output of a test that passes, too: what was skipped, and figures.
pub fn say(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{what}");
}
