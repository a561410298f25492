//! Circuit breakers and outcomes: what reports open, warn, list and count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod breach;
mod early;
mod edges;
mod imports;
mod ledger;
mod listed;
mod matched;
mod model;
mod random;
mod rule;
mod samples;
mod step;
