//! Format caps: constants of schema version 1.
//!
//! They are chosen together, so that the worst request that is admitted still fits its entry: tests
//! build the worst of every kind and encode it. Together with the lengths in [`name`](crate::name),
//! the longest forms and their bytes are:
//!
//! | of a decision | each | at most | bytes |
//! |---|---:|---:|---:|
//! | keys, each with a token version of its own | 117 | 250 | 29,250 |
//! | recipients, with everything unusable and an offset, without keys | 112 | 50 | 5,600 |
//! | targets, without fields | 171 | 16 | 2,736 |
//! | field names | 67 | 48 | 3,216 |
//! | reasons, with rule, key and totals, without cites | 209 | 40 | 8,360 |
//! | cites: those shared out, and one for each reason after | 36 | 152 | 5,472 |
//! | throttle counts, one a rule | 228 | 32 | 7,296 |
//! | details | 128 | 12 | 1,536 |
//! | everything else | | | 1,612 |
//! | together, of 65,535 | | | 65,078 |
//!
//! | of a promoted policy's first entry | each | at most | bytes |
//! |---|---:|---:|---:|
//! | mailboxes | 134 | 64 | 8,576 |
//! | fake domains | 323 | 16 | 5,168 |
//! | the sandbox's receipt, with its line ends escaped | | | 28,800 |
//! | text | | | 20,480 |
//! | everything else | | | 2,100 |
//! | together, of 65,535 | | | 65,124 |
//!
//! A `dnc` entry has at most 50 listings of 514 bytes with 6 keys each of 117: with its head 63,144. The longest
//! answer to an approval request has 2,655 bytes, break-glass 2,740, an outcome 32,108; a breaker over 256
//! actions 20,436.

/// The most bytes of one entry: what a C2SP entry bundle can hold (16-bit length).
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// The most recipients of one request.
pub const RECIPIENTS_MAX: usize = 50;
/// The most match keys of one request, over all its recipients.
pub const KEYS_MAX: usize = 250;
/// The most targets of one request.
pub const TARGETS_MAX: usize = 16;
/// The most field names of one request, over all its targets.
pub const FIELDS_MAX: usize = 48;
/// The most bytes of a field's name.
pub const FIELD_BYTES_MAX: usize = 64;
/// The most reasons that a decision lists; `reasons_total` says how many there were.
pub const REASONS_MAX: usize = 40;
/// The most entries that one reason cites; `cites_total` says how many there were.
pub const CITES_MAX: usize = 8;
/// The most entries that the reasons of one decision cite together.
pub const CITES_TOTAL_MAX: usize = 112;
/// The most listings of one `dnc` entry, and the most that one ends.
pub const LISTINGS_MAX: usize = 50;
/// The most stops that a `resume` entry lists; all of its scope end.
pub const RESUMED_MAX: usize = 1_000;
/// The most keys of one listing.
pub const LISTING_KEYS_MAX: usize = 6;
/// The most overdue allows, expired approval requests and breakers whose time is over, of each, that one
/// batch announces; the rest is left to the next.
pub const ANNOUNCED_MAX: usize = 1_024;
/// The most per-recipient results of one execution.
pub const RESULTS_MAX: usize = RECIPIENTS_MAX;
/// The most bounces and complaints that are kept for an execution with their provider's id which is still to
/// come: one of each for every recipient of a request. Further ones are recorded and count for no breaker.
pub const EARLY_MAX: usize = 2 * RECIPIENTS_MAX;
/// The most bytes of one detail.
pub const DETAIL_BYTES_MAX: usize = 256 * 1024;
/// The most bytes of all details of one entry.
pub const DETAILS_BYTES_MAX: usize = 1024 * 1024;
/// The most approver groups of one principal.
pub const GROUPS_MAX: usize = 16;
/// The most bytes of policy text, as JSON, in one entry; the rest goes into continuations. What is
/// left holds the head, the tokens of [`POLICY_MAILBOXES_MAX`] mailboxes (134 bytes each) and of
/// [`FAKE_DOMAINS_MAX`] fake domains (323 bytes each), and a promotion's receipt.
pub const POLICY_PART_BYTES_MAX: usize = 20 * 1024;
/// The most mailboxes that one policy names.
pub const POLICY_MAILBOXES_MAX: usize = 64;
/// The most phones that one policy names as fake.
pub const FAKE_PHONES_MAX: usize = 64;
/// The most fake domains that one policy names.
pub const FAKE_DOMAINS_MAX: usize = 16;
/// The most bytes of a sandbox's receipt without the policy's text, as a promotion stores it: its entry,
/// of at most 15,900 bytes, as base64, 63 proof hashes and a checkpoint.
pub const PROMOTION_RECEIPT_BYTES_MAX: usize = 28 * 1024;
/// Integers in entries are below this.
pub const INTEGER_MAX: u64 = 1 << 53;
/// The longest throttle window, in seconds: 31 days. Allows older than this are forgotten by the
/// gate's state, never by the log.
pub const WINDOW_S_MAX: u64 = 31 * 24 * 3600;
