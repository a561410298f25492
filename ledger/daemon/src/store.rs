//! The log on disk: one RocksDB, written by one atomic synced batch per commit.
//!
//! Layout, all of it monotone keys, because a random key per record halves the rate of commits:
//!
//! | column family | key | value |
//! |---|---|---|
//! | `default` | `format` | the version of this layout, in decimal |
//! | `entries` | seq, big-endian u64 | the entry's bytes, exactly as hashed |
//! | `tiles` | level u8, index big-endian u64 | the 256 hashes of a full tile (C2SP tlog-tiles) |
//! | `details` | seq, big-endian u64, then the detail's name | salt, 32 bytes, then the detail's bytes |
//! | `meta` | tree size, big-endian u64 | the checkpoint signed at that size; one for every batch |
//!
//! Only full tiles are stored. The partial tile of each level is at most 255 hashes: rebuilt at open,
//! kept in memory, and shared with readers through [`Committed`]. Nothing is ever overwritten, and
//! nothing but a detail is ever removed.
//!
//! What stands here can fail for the world's reasons, and every failure names what failed. Reads trust
//! nothing: an entry is compared with its leaf hash each time, tiles and checkpoints when the store is
//! opened.

mod committed;
mod error;
mod inspect;
mod open;
mod options;
mod read;
mod wal;

use std::fmt;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ledger_core::entry::DetailName;
use ledger_core::hash::Hash;
use ledger_core::limits::ENTRY_BYTES_MAX;
use ledger_core::tile::{TILE_WIDTH, encode_hashes};
use rocksdb::properties::TOTAL_SST_FILES_SIZE;
use rocksdb::{ColumnFamily, DB, WriteBatch, WriteOptions};

pub use committed::{Committed, CommittedTiles};
pub use error::{CommitError, OpenError, ReadError};
pub use inspect::{Inspected, Part, Record};
pub use open::Opened;
pub(crate) use options::{base_options, close_to};
pub use read::{Entries, StoredEntry};
pub use wal::WalError;

/// The version of the layout above. A store of another version is refused.
pub const FORMAT: u32 = 1;

/// Column families beside RocksDB's own `default`.
const ENTRIES: &str = "entries";
const TILES: &str = "tiles";
const DETAILS: &str = "details";
const META: &str = "meta";

/// A detail as it is kept beside the log.
#[derive(Clone, PartialEq, Eq)]
pub struct DetailBytes {
    /// Its name in the entry.
    pub name: DetailName,
    /// The salt of its commitment.
    pub salt: [u8; 32],
    /// What was committed to, secrets already replaced.
    pub bytes: Vec<u8>,
}

/// Details are private: only their size is shown.
impl fmt::Debug for DetailBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.name.as_str(), self.bytes.len())
    }
}

/// Everything that one commit writes.
#[derive(Clone, Copy, Debug)]
pub struct CommitBatch<'a> {
    /// The seq of the first entry: the size of the log so far.
    pub first_seq: u64,
    /// The entries' bytes in order, 1 to 65,535 each.
    pub entries: &'a [Vec<u8>],
    /// The tiles that this batch fills: level, index, all 256 hashes.
    pub tiles: &'a [(u8, u64, Vec<Hash>)],
    /// The details, with the seq of their entry.
    pub details: &'a [(u64, DetailBytes)],
    /// The signed checkpoint of the tree after the batch.
    pub checkpoint: &'a [u8],
    /// The size of that tree.
    pub size: u64,
}

/// What the committer needs of a log. [`LogStore`] is the one in production; tests wrap it, to lose or
/// to keep a commit and report the opposite.
pub trait Commit: Send + Sync {
    /// Writes a batch to stable storage, all of it or nothing.
    ///
    /// # Errors
    /// [`CommitError`]: the outcome is not known. Whoever planned on top of this batch throws that away,
    /// writes nothing more, and finds out by opening the store again.
    fn commit(&self, batch: &CommitBatch<'_>) -> Result<(), CommitError>;
}

/// The log of one ledger. Written by the committer thread alone, read by any thread.
pub struct LogStore {
    db: DB,
    committed: RwLock<Arc<Committed>>,
    /// The size after the last commit that succeeded; owned by the committer thread.
    written: AtomicU64,
    /// Set by the first commit that fails, and never cleared: unknown outcome means stop.
    failed: AtomicBool,
    /// Keeps a second process out, and tells it so in our own words. Released by the operating system
    /// when this process dies.
    _lock: File,
}

impl fmt::Debug for LogStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStore")
            .field("dir", &self.db.path())
            .field("committed", &self.committed())
            .finish_non_exhaustive()
    }
}

impl LogStore {
    /// The state that readers see: what was committed and [published](Self::publish).
    pub fn committed(&self) -> Arc<Committed> {
        Arc::clone(
            &self
                .committed
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Shows a batch to readers. Called by the committer, after the batch's commit succeeded.
    pub fn publish(&self, committed: Committed) {
        *self
            .committed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(committed);
    }

    /// Whether a commit has failed: its outcome is not known, and nothing more is written.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Bytes of all tables on disk, as RocksDB estimates them; what is in its write-ahead log alone is not
    /// among them.
    pub fn table_bytes(&self) -> u64 {
        let families = [ENTRIES, TILES, DETAILS, META].map(|name| self.cf(name));
        let bytes = families.map(|family| {
            let size = self.db.property_int_value_cf(family, TOTAL_SST_FILES_SIZE);
            size.ok().flatten().unwrap_or(0)
        });
        bytes.iter().sum()
    }

    fn cf(&self, name: &'static str) -> &ColumnFamily {
        cf(&self.db, name)
    }
}

impl Commit for LogStore {
    fn commit(&self, batch: &CommitBatch<'_>) -> Result<(), CommitError> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(CommitError::Stopped);
        }
        let outcome = self.write(batch);
        if outcome.is_err() {
            self.failed.store(true, Ordering::SeqCst);
        } else {
            self.written.store(batch.size, Ordering::SeqCst);
        }
        outcome
    }
}

impl LogStore {
    fn write(&self, batch: &CommitBatch<'_>) -> Result<(), CommitError> {
        check_batch(batch, self.written.load(Ordering::SeqCst))?;
        let mut writes = WriteBatch::default();
        let entries = self.cf(ENTRIES);
        for (seq, entry) in (batch.first_seq..).zip(batch.entries) {
            writes.put_cf(entries, seq.to_be_bytes(), entry);
        }
        let tiles = self.cf(TILES);
        for (level, index, hashes) in batch.tiles {
            writes.put_cf(tiles, tile_key(*level, *index), encode_hashes(hashes));
        }
        let details = self.cf(DETAILS);
        for (seq, detail) in batch.details {
            let value = [detail.salt.as_slice(), &detail.bytes].concat();
            writes.put_cf(details, detail_key(*seq, detail.name), value);
        }
        writes.put_cf(self.cf(META), batch.size.to_be_bytes(), batch.checkpoint);
        let mut options = WriteOptions::default();
        options.set_sync(true);
        // The commit point. When this returns `Ok`, the batch is on stable storage, all of it, and may be
        // spoken of. When it returns an error, nobody knows: the record may be in the WAL or not.
        self.db.write_opt(writes, &options)?;
        Ok(())
    }
}

/// A batch that does not continue the log is a bug of the caller, and is not written.
fn check_batch(batch: &CommitBatch<'_>, written: u64) -> Result<(), CommitError> {
    let unfit = |why: String| Err(CommitError::Unfit { why });
    let CommitBatch {
        first_seq,
        entries,
        tiles,
        details,
        size,
        ..
    } = *batch;
    if first_seq != written {
        return unfit(format!("it starts at seq {first_seq}, expected {written}"));
    }
    if entries.is_empty() || first_seq.checked_add(entries.len() as u64) != Some(size) {
        return unfit(format!(
            "{} entries from seq {first_seq} do not give size {size}",
            entries.len()
        ));
    }
    if let Some((seq, entry)) = (first_seq..)
        .zip(entries)
        .find(|(_, entry)| entry.is_empty() || entry.len() > ENTRY_BYTES_MAX)
    {
        return unfit(format!(
            "entry {seq} has {} bytes, expected 1 to {ENTRY_BYTES_MAX}",
            entry.len()
        ));
    }
    if let Some((level, index, hashes)) = tiles
        .iter()
        .find(|(_, _, hashes)| hashes.len() != usize::from(TILE_WIDTH))
    {
        return unfit(format!(
            "tile {level}/{index} has {} hashes, expected {TILE_WIDTH}",
            hashes.len()
        ));
    }
    if let Some((seq, detail)) = details
        .iter()
        .find(|(seq, _)| !(first_seq..size).contains(seq))
    {
        return unfit(format!(
            "detail `{}` is of entry {seq}, which is not in it",
            detail.name.as_str()
        ));
    }
    Ok(())
}

/// RocksDB is opened with every column family, so that none can be missing here.
fn cf<'db>(db: &'db DB, name: &'static str) -> &'db ColumnFamily {
    match db.cf_handle(name) {
        Some(cf) => cf,
        None => unreachable!("column family `{name}` was opened with the store"),
    }
}

fn tile_key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [level; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

fn detail_key(seq: u64, name: DetailName) -> Vec<u8> {
    [&seq.to_be_bytes(), name.as_str().as_bytes()].concat()
}

#[cfg(test)]
pub(crate) mod tests;
