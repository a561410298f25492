//! The write-ahead log as a crash leaves it (placeholder until the scan below is written).
use std::path::{Path, PathBuf};

use rocksdb::DBRecoveryMode;

/// Damage to the write-ahead log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write-ahead log `{}` is damaged at byte {offset}: {what}; restore a backup that verifies", file.display())]
pub struct WalError {
    /// The file.
    pub file: PathBuf,
    /// Where the record begins that is damaged.
    pub offset: u64,
    /// What is wrong with it.
    pub what: &'static str,
}

pub(super) fn check(_dir: &Path) -> Result<DBRecoveryMode, WalError> {
    Ok(DBRecoveryMode::TolerateCorruptedTailRecords)
}
