//! The write-ahead log as a crash may have left it: which recovery is safe.
//!
//! A process or a machine that dies in the middle of a commit leaves the last record incomplete. It was
//! never acknowledged and must not keep the store from opening. A damaged record that is whole was
//! acknowledged, and must. RocksDB 11.8 has four recovery modes, and none of them tells the two apart:
//!
//! - `PointInTime`, the default, ends the log before the first record that it cannot read, whatever the
//!   reason, and opens. Acknowledged records behind a flipped bit are gone without a word.
//! - `SkipAnyCorruptedRecord` is the same with holes.
//! - `AbsoluteConsistency` refuses an incomplete last record as well, which is what every crash may
//!   leave.
//! - `TolerateCorruptedTailRecords` drops an incomplete last record and refuses a record with a bad
//!   checksum. It is the one to use, but it believes two fields before it has checked their checksum: a
//!   changed *length* that runs past the end of the file looks like an incomplete record, and a changed
//!   *type* that makes a record one of a recycled log looks like the end of the log, or makes the reader
//!   spin on it for ever. And after a power failure some file systems show the part of the last record
//!   that was not written as zeros, which it takes for damage.
//!
//! So the files are read here first, before RocksDB opens them, by its documented format: blocks of
//! 32 KiB, of fragments, each with a masked CRC-32C, a length and a type before its bytes. What is sound
//! or incomplete goes to `TolerateCorruptedTailRecords`. An incomplete record that shows zeros goes to
//! `PointInTime`, which here drops that record alone: everything before it was just checked, and nothing
//! comes after. Everything else is refused.
//!
//! What this cannot see is a log that lost whole records from its end, since nothing in it says how
//! many there were. The [head file](crate::head) knows.

mod crc32c;
mod scan;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rocksdb::DBRecoveryMode;
use scan::{End, scan};

/// Why the write-ahead log is not to be replayed.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// A record that was whole is not any more.
    #[error(
        "write-ahead log `{}` is damaged: the record at byte {offset} {what}; acknowledged entries are in doubt: \
         restore a backup that verifies",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the fragment begins that is damaged.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("write-ahead log `{}`: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

/// Reads every write-ahead log in `dir` and returns the recovery mode that loses nothing.
pub(super) fn check(dir: &Path) -> Result<DBRecoveryMode, WalError> {
    let mut mode = DBRecoveryMode::TolerateCorruptedTailRecords;
    let mut zeroed: Option<(PathBuf, u64)> = None;
    for file in files(dir)? {
        let failed = |source| WalError::Io {
            path: file.clone(),
            source,
        };
        let is_empty = fs::metadata(&file).map_err(failed)?.len() == 0;
        if let Some((file, offset)) = zeroed.take_if(|_| !is_empty) {
            // A commit that began after this record was written found it whole.
            return Err(WalError::Damaged {
                file,
                offset,
                what: "is full of zeros, and later ones are not",
            });
        }
        match scan(&file).map_err(failed)? {
            End::Whole => {}
            End::Incomplete { offset } => {
                tracing::info!(file = %file.display(), offset, "the last commit was cut off before it was acknowledged");
            }
            End::Zeroed { offset } => {
                tracing::warn!(
                    file = %file.display(),
                    offset,
                    "the last commit was cut off before it was acknowledged, and shows zeros"
                );
                zeroed = Some((file, offset));
                mode = DBRecoveryMode::PointInTime;
            }
            End::Damaged { offset, what } => return Err(WalError::Damaged { file, offset, what }),
        }
    }
    Ok(mode)
}

/// The logs in the order in which they were written: their names are numbers.
fn files(dir: &Path) -> Result<Vec<PathBuf>, WalError> {
    let failed = |source| WalError::Io {
        path: dir.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for item in fs::read_dir(dir).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse::<u64>().ok());
        if let Some(number) = number
            && path.extension().is_some_and(|extension| extension == "log")
        {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}
