//! Sandboxes, promotion out of them, and dry runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod contact;
mod dry_run;
mod house;
mod promotion;
