//! The log's files: the vectors of the C2SP specifications, golden bytes made by a script that shares no
//! code with ours, and tables of mutants, named by mutation, each refused with the error that says what.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "log_formats/checkpoint.rs"]
mod checkpoint;
#[path = "log_formats/evidence.rs"]
mod evidence;
#[path = "log_formats/golden.rs"]
mod golden;
#[path = "log_formats/hash.rs"]
mod hash;
#[path = "log_formats/mutants.rs"]
mod mutants;
#[path = "log_formats/note.rs"]
mod note;
#[path = "log_formats/opening.rs"]
mod opening;
#[path = "log_formats/receipt.rs"]
mod receipt;
#[path = "log_formats/tile.rs"]
mod tile;
#[path = "log_formats/vkey.rs"]
mod vkey;
