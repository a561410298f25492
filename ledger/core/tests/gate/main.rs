//! The gate and what stands around it: plans, throttles, the do-not-contact list, reports, the fold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod approvers;
mod determinism;
mod dnc;
mod edges;
#[allow(dead_code, reason = "shared with the tests of sandboxes")]
#[path = "../sandbox/house.rs"]
mod house;
mod ledger;
mod limits;
mod matrix;
mod model;
mod plan;
mod random;
mod refused;
mod roles;
mod run;
mod scene;
mod scopes;
mod state;
mod step;
mod stops;
mod throttle;
mod undo;
