//! An export: a folder that holds a whole log, so that a stranger can check every byte of it offline.
//!
//! Each entry's leaf hash is [`leaf_hash`](crate::hash::leaf_hash) of its line without the LF. The hashes
//! in [`LEAVES_FILE`] make the checkpoint's root, and tell which line is wrong where one is.

/// Every entry's bytes in order, each followed by one LF that is not part of it.
pub const ENTRIES_FILE: &str = "entries.jsonl";

/// Every leaf hash in order, 32 bytes each.
pub const LEAVES_FILE: &str = "leaves";

/// The signed checkpoint of exactly that many leaves.
pub const CHECKPOINT_FILE: &str = "checkpoint";

/// The log's vkey, for convenience only: a verifier is told its key and never takes it from here.
pub const VKEY_FILE: &str = "ledger.vkey";
