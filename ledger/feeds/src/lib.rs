//! What mail providers and registries deliver, read into the ledger's own words.
//!
//! Files of people who must not be contacted, for `ledgerctl dnc import`, and events of messages that
//! were sent, for the daemon's `POST /v1/events/…` and `ledgerctl outcomes import`. Bytes in, values
//! out: nothing here opens a file, a socket or a clock.

pub mod event;
pub mod suppression;
mod time;
