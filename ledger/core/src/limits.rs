//! Format caps: constants of schema version 1.
//!
//! They are chosen together, so that the worst request that is admitted still fits its entry: a test
//! builds that request and encodes it.

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
/// The most reasons that a decision lists; `reasons_total` says how many there were.
pub const REASONS_MAX: usize = 40;
/// The most entries that one reason cites; `cites_total` says how many there were.
pub const CITES_MAX: usize = 8;
/// The most entries that the reasons of one decision cite together.
pub const CITES_TOTAL_MAX: usize = 128;
/// The most listings of one `dnc` entry, and the most that one ends.
pub const LISTINGS_MAX: usize = 50;
/// The most keys of one listing.
pub const LISTING_KEYS_MAX: usize = 6;
/// The most per-recipient results of one execution.
pub const RESULTS_MAX: usize = RECIPIENTS_MAX;
/// The most bytes of one detail.
pub const DETAIL_BYTES_MAX: usize = 256 * 1024;
/// The most bytes of all details of one entry.
pub const DETAILS_BYTES_MAX: usize = 1024 * 1024;
/// The most approver groups of one principal.
pub const GROUPS_MAX: usize = 16;
/// The most bytes of policy text, as JSON, in one entry; the rest goes into continuations.
pub const POLICY_PART_BYTES_MAX: usize = 48 * 1024;
/// The most mailboxes that one policy names.
pub const POLICY_MAILBOXES_MAX: usize = 64;
/// Integers in entries are below this.
pub const INTEGER_MAX: u64 = 1 << 53;
/// The longest throttle window, in seconds: 31 days. Allows older than this are forgotten by the
/// gate's state, never by the log.
pub const WINDOW_S_MAX: u64 = 31 * 24 * 3600;
