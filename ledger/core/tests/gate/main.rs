//! The gate and what stands around it: plans, throttles, the do-not-contact list, reports, the fold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod ledger;
mod limits;
mod model;
mod random;
mod run;
mod step;
