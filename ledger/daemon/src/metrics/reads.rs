//! Reads of the store or the views that failed. An error is made far from whoever counts, so the count is
//! the process's.

use std::sync::atomic::{AtomicU64, Ordering};

static FAILED: AtomicU64 = AtomicU64::new(0);

/// Notes one.
pub fn failed() {
    FAILED.fetch_add(1, Ordering::Relaxed);
}

/// How many there were since the process was started.
pub fn failures() -> u64 {
    FAILED.load(Ordering::Relaxed)
}
