//! Evidence packs: everything that a ledger has about one person, or under one correlation id, in a form
//! that a stranger can read and check offline.
//!
//! A pack is a folder, or a zip archive of the same files without folders, compression or anything else:
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | what was asked, of which ledger, by whom, when and with what; name, size and SHA-256 of every other file |
//! | `checkpoint` | the signed checkpoint that every entry is proven under |
//! | `entries.jsonl` | the entries, each a line, by seq |
//! | `proofs.jsonl` | their inclusion proofs, each a line `{"seq":…,"proof":["<hex>",…]}`, in the same order |
//! | `person.opening` | of a person: the opening of their tokens (their domains and accounts included, which others share) |
//! | `details.jsonl` | where asked for: what the entries concerned keep outside the log, with its salts |
//! | `reasons.md` | the codebook |
//! | `report.html` | all of it for people: a function of the other files ([`report`]), made again by whoever checks |
//!
//! Entries are there for one of four reasons, and for no other: they are *concerned* ([`concern`]), they
//! are cited by one that is, they registered somebody who acts in one that is, or they show when the
//! ledger was recording ([`marks`]). Besides these there is the `access` entry by which the ledger
//! recorded that it handed the pack out. It holds a hash over the query and the seqs
//! ([`select::commitment`]), so that an entry taken out or put in shows.
//!
//! There is no clock, no file and no network here: what is read and written comes in and goes out as
//! bytes.

pub mod check;
pub mod concern;
pub mod coverage;
pub mod draft;
pub mod files;
pub mod manifest;
pub mod marks;
pub mod reading;
pub mod report;
pub mod select;
#[cfg(feature = "zip")]
pub mod zipped;

/// What was asked, of whom, and what was handed out.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The signed checkpoint.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// The entries, each a line.
pub const ENTRIES_FILE: &str = "entries.jsonl";
/// Their proofs, each a line.
pub const PROOFS_FILE: &str = "proofs.jsonl";
/// The opening of the person.
pub const OPENING_FILE: &str = "person.opening";
/// What is kept outside the log.
pub const DETAILS_FILE: &str = "details.jsonl";
/// The codebook.
pub const REASONS_FILE: &str = "reasons.md";
/// The report.
pub const REPORT_FILE: &str = "report.html";

/// Most entries in a pack.
pub const PACK_ENTRIES_MAX: usize = 100_000;
/// Most bytes of entries, proofs and details together that a ledger hands out as one pack, and most
/// bytes of one file of it.
pub const PACK_BYTES_MAX: usize = 512 << 20;
