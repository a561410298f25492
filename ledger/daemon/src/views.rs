//! The views on disk and in memory: what the log says so far, ready to be looked up.
//!
//! Everything here is derived: a fold over the log by the one [`State`](ledger_core::state::State), so it
//! is never synced, never backed up and never trusted over the log. It lives in a RocksDB of its own,
//! one column family a table, written without WAL and flushed atomically across column families. A
//! *mark*, the size and root of the log that it holds, goes down in the same batch as what it marks.
//!
//! ```text
//!   sequencer ── put/delete ──> planned ──> in flight     SequencerView, owned by the sequencer thread
//!                                               │ publish, after the commit
//!                                               v
//!   every reader ── get/scan ──> active ──> flushing      SharedViews: what the log has above the mark
//!                                               │ writer thread, in sorted batches
//!                                               v
//!                                            RocksDB      ViewStore
//! ```
//!
//! A read asks from the top down, so the sequencer sees every planned entry and everybody else every
//! acknowledged one. A change leaves a layer only after the layer below has it, so no read falls between.
//! A failure anywhere here ends all reads with an error: a view that cannot be read never means "not
//! listed".

mod layer;
mod open;
mod scratch;
mod sequencer;
mod shared;
mod store;
mod writer;

pub use layer::Changes;
pub use open::{Difference, OpenViewsError, OpenedViews, Progress, check, open_views, rebuild};
pub use scratch::{Scratch, StoredViews, first_difference};
pub use sequencer::SequencerView;
pub use shared::{SharedViews, ViewLag};
pub use store::{Mark, ViewStore};
pub use writer::ViewWriter;

#[cfg(test)]
mod tests;
