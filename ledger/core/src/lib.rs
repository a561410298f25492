//! The pure core of Agent Ledger: everything that is true of bytes.
//!
//! Entries and their strict encoding, the RFC 6962 tree and its proofs, tiles, signed notes,
//! checkpoints, receipts and evidence, normalisation and tokens, policy text, and the gate that decides.
//! There is no clock, no I/O and no randomness here, and a lint keeps it so: what the daemon decides
//! today, a verifier decides again years later from the log alone.

pub mod action;
pub mod checkpoint;
pub mod codebook;
pub mod dry_run;
pub mod entry;
pub mod evidence;
pub mod export;
pub mod fault;
pub mod gate;
pub mod hash;
pub mod judge;
pub mod limits;
pub mod meter;
pub mod name;
pub mod normalise;
pub mod note;
pub mod opening;
pub mod plan;
pub mod policy;
pub mod promotion;
pub mod receipt;
pub mod record;
pub mod redact;
pub mod replay;
pub mod role;
pub mod select;
pub mod state;
pub mod syntax;
pub mod tile;
pub mod time;
pub mod token;
pub mod tree;
pub mod trust;
pub mod utc_offset;
pub mod view;
pub mod well_formed;
pub mod window;
