//! The bytes of entries: goldens for every kind, a round trip over everything that can be said, and
//! a table of mutants, each of which must be refused for the right reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod any;
mod golden;
mod round_trip;
mod selected;
mod strict;
