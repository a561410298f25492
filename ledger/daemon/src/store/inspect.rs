//! The log as it lies on the disk, for whoever trusts nothing of it.

use std::fs::File;
use std::path::Path;

use rocksdb::{DB, Direction, IteratorMode, ReadOptions};

use super::open::{LOCK_FILE, held, is_known, is_there};
use super::{DETAILS, ENTRIES, META, OpenError, TILES, cf, options, tile_key, wal};

/// Read ahead of a scan.
const AHEAD_BYTES: usize = 1 << 20;

/// One column family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Seq to entry.
    Entries,
    /// Level and index to tile.
    Tiles,
    /// Seq and name to detail.
    Details,
    /// Size to checkpoint.
    Checkpoints,
}

impl Part {
    const fn family(self) -> &'static str {
        match self {
            Self::Entries => ENTRIES,
            Self::Tiles => TILES,
            Self::Details => DETAILS,
            Self::Checkpoints => META,
        }
    }
}

/// A key and its value.
pub type Record = (Box<[u8]>, Box<[u8]>);

/// A log opened to be read, which changes nothing on the disk. Nothing in it has been looked at but the
/// write-ahead log and the version of its layout.
pub struct Inspected {
    db: DB,
    /// Keeps a daemon out meanwhile; none where no daemon was ever here.
    _lock: Option<File>,
}

impl std::fmt::Debug for Inspected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspected")
            .field("dir", &self.db.path())
            .finish_non_exhaustive()
    }
}

impl Inspected {
    /// Opens the log in `dir`, which no daemon may have open.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        is_there(dir)?;
        let lock = lock(dir)?;
        let db = options::open_read_only(dir, wal::check(dir)?)?;
        is_known(&db, dir)?;
        Ok(Self { db, _lock: lock })
    }

    /// Every record of a part from `key` on, in the order of their keys.
    pub fn records(
        &self,
        part: Part,
        key: &[u8],
    ) -> impl Iterator<Item = Result<Record, rocksdb::Error>> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(AHEAD_BYTES);
        let mode = IteratorMode::From(key, Direction::Forward);
        self.db
            .iterator_cf_opt(cf(&self.db, part.family()), options, mode)
    }

    /// The last record of a part.
    ///
    /// # Errors
    /// RocksDB's.
    pub fn last(&self, part: Part) -> Result<Option<Record>, rocksdb::Error> {
        self.db
            .iterator_cf(cf(&self.db, part.family()), IteratorMode::End)
            .next()
            .transpose()
    }

    /// The bytes of a full tile, if they are there.
    ///
    /// # Errors
    /// RocksDB's.
    pub fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, rocksdb::Error> {
        self.db.get_cf(cf(&self.db, TILES), tile_key(level, index))
    }
}

/// The daemon's own lock, where it left its file: nothing is made.
fn lock(dir: &Path) -> Result<Option<File>, OpenError> {
    let path = dir.join(LOCK_FILE);
    let failed = |source| OpenError::Io {
        path: path.clone(),
        source,
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    held(file, dir).map(Some)
}
