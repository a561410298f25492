//! `List` and `Tail` against a naive model: the export's lines, read by a JSON parser and looked through
//! one after the other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod ctl;
mod list;
mod model;
mod scan;
mod tail;
mod world;
