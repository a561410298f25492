//! Making a store, and opening one: the one recovery path, which every start takes.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::note::VerificationKey;
use ledger_core::tile::TILE_WIDTH;
use ledger_core::tree::{CompactRange, range, root, root_of};
use ledger_core::trust::Trust;
use rocksdb::{DB, DBRecoveryMode, Direction, ErrorKind, IteratorMode, WriteOptions};

use super::{
    Committed, DETAILS, ENTRIES, FORMAT, LogStore, META, OpenError, ReadError, TILES, options,
    tile_key, wal,
};

/// Holds an advisory lock while the store is open. RocksDB has a lock file of its own; this one is taken
/// before anything is looked at.
pub(super) const LOCK_FILE: &str = "ledger.lock";
/// RocksDB's own: where it is missing there is no database.
const CURRENT_FILE: &str = "CURRENT";
const FORMAT_KEY: &[u8] = b"format";
const WIDTH: u64 = TILE_WIDTH as u64;

/// A store whose tree is the one that its newest checkpoint signs.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: LogStore,
    /// The tree's right edge, to append to.
    pub tree: CompactRange,
    /// The partial tile of every level.
    pub partial: Vec<Vec<Hash>>,
    /// The newest checkpoint; none in a store to which nothing was ever committed.
    pub checkpoint: Option<Checkpoint>,
    /// The number of entries.
    pub size: u64,
}

impl LogStore {
    /// Makes an empty store in `dir`, which must be empty or not exist.
    ///
    /// # Errors
    /// [`OpenError`]; what was made by then is left for the caller to remove.
    pub fn create(dir: &Path) -> Result<(), OpenError> {
        let io = |source| OpenError::Io {
            path: dir.to_owned(),
            source,
        };
        fs::create_dir_all(dir).map_err(io)?;
        if fs::read_dir(dir).map_err(io)?.next().is_some() {
            return Err(OpenError::NotEmpty {
                dir: dir.to_owned(),
            });
        }
        let _lock = lock(dir)?;
        let db = options::open(dir, DBRecoveryMode::TolerateCorruptedTailRecords, true)?;
        let mut options = WriteOptions::default();
        options.set_sync(true);
        db.put_opt(FORMAT_KEY, FORMAT.to_string(), &options)?;
        // The directory's own name must survive as well.
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let io = |source| OpenError::Io {
                path: parent.to_owned(),
                source,
            };
            File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(io)?;
        }
        Ok(())
    }

    /// Opens the store of the ledger `origin` and holds it against its newest checkpoint, which must be
    /// signed by `key`.
    ///
    /// Looked at are the write-ahead log, the newest checkpoint, the last tile of every level with all
    /// that it is made from, and the entries after the last full tile: what a crash or a restore can have
    /// touched, and enough to append. Of a million entries that is four megabytes. What lies further back
    /// is compared when it is read.
    ///
    /// # Errors
    /// [`OpenError`] names what does not match.
    pub fn open(dir: &Path, origin: &str, key: &VerificationKey) -> Result<Opened, OpenError> {
        let trust = Trust::from_key(key.clone()).map_err(OpenError::Key)?;
        is_there(dir)?;
        let lock = lock(dir)?;
        let recovery = wal::check(dir)?;
        let db = options::open(dir, recovery, false).map_err(|error| {
            // A tool that knows RocksDB's lock alone.
            if error.kind() == ErrorKind::IOError && error.as_ref().contains("lock") {
                OpenError::InUse {
                    dir: dir.to_owned(),
                }
            } else {
                error.into()
            }
        })?;
        is_known(&db, dir)?;
        let store = Self {
            db,
            committed: RwLock::new(Arc::new(Committed::empty())),
            written: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            _lock: lock,
        };
        store.verify(origin, &trust)
    }

    fn verify(self, origin: &str, trust: &Trust) -> Result<Opened, OpenError> {
        let Some((size, bytes)) = self.newest_checkpoint()? else {
            self.nothing_beyond(0)?;
            return Ok(Opened {
                store: self,
                tree: CompactRange::new(),
                partial: Vec::new(),
                checkpoint: None,
                size: 0,
            });
        };
        let checkpoint = match trust.verify_checkpoint(&bytes) {
            Ok(verified) => verified.checkpoint,
            Err(source) => return Err(OpenError::Checkpoint { size, source }),
        };
        if checkpoint.origin != origin {
            let (expected, found) = (origin.to_owned(), checkpoint.origin);
            return Err(OpenError::Origin { expected, found });
        }
        if checkpoint.size != size {
            return Err(OpenError::CheckpointSize {
                size,
                found: checkpoint.size,
            });
        }
        self.nothing_beyond(size)?;
        let partial = self.right_edge(size)?;
        let committed = Committed {
            size,
            root: checkpoint.root,
            checkpoint: bytes.into(),
            partial,
        };
        let tree = range(&self.tiles(&committed), size).map_err(ReadError::from)?;
        if tree.root() != checkpoint.root {
            return Err(self.localise(&committed, &checkpoint, tree.root(), trust)?);
        }
        let partial = committed.partial.clone();
        self.written.store(size, Ordering::SeqCst);
        self.publish(committed);
        Ok(Opened {
            store: self,
            tree,
            partial,
            checkpoint: Some(checkpoint),
            size,
        })
    }

    /// The checkpoint of the largest size, with the size that it is stored under.
    fn newest_checkpoint(&self) -> Result<Option<(u64, Vec<u8>)>, OpenError> {
        let Some((key, bytes)) = self
            .db
            .iterator_cf(self.cf(META), IteratorMode::End)
            .next()
            .transpose()?
        else {
            return Ok(None);
        };
        Ok(Some((size_of_key(&key)?, bytes.into_vec())))
    }

    /// Refuses records that the newest checkpoint does not cover: no commit writes them.
    fn nothing_beyond(&self, size: u64) -> Result<(), OpenError> {
        let beyond = |what: String| Err(OpenError::Beyond { what, size });
        for (family, kind) in [(ENTRIES, "entry"), (DETAILS, "a detail of entry")] {
            let last = self
                .db
                .iterator_cf(self.cf(family), IteratorMode::End)
                .next()
                .transpose()?;
            if let Some(seq) = last
                .and_then(|(key, _)| seq_prefix(&key))
                .filter(|seq| *seq >= size)
            {
                return beyond(format!("{kind} {seq}"));
            }
        }
        for level in 0..=u8::MAX {
            let full = size.checked_shr(8 * u32::from(level) + 8).unwrap_or(0);
            let from = tile_key(level, full);
            let mode = IteratorMode::From(&from, Direction::Forward);
            let next = self
                .db
                .iterator_cf(self.cf(TILES), mode)
                .next()
                .transpose()?;
            if let Some((key, _)) = next
                && (full == 0 || key.first() == Some(&level))
            {
                return beyond(match (key.first(), key.get(1..).and_then(seq_prefix)) {
                    (Some(level), Some(index)) => format!("tile {level}/{index}"),
                    _ => "a tile under a key that is none".to_owned(),
                });
            }
            if full == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The partial tile of every level, computed from what is below it. The last full tile of each level
    /// is compared with what is below it too, so that damage to it is found now and not by a proof.
    fn right_edge(&self, size: u64) -> Result<Vec<Vec<Hash>>, OpenError> {
        let below = |level: u8, index: u64| -> Result<(String, Hash), OpenError> {
            if level == 0 {
                let bytes = self
                    .raw_entry(index)?
                    .ok_or(ReadError::MissingEntry { seq: index })?;
                return Ok((format!("entry {index}"), leaf_hash(&bytes)));
            }
            let tile = self.full_tile(level - 1, index)?;
            Ok((format!("tile {}/{index}", level - 1), root_of(tile)))
        };
        let mut partial = Vec::new();
        for level in 0..u8::MAX {
            let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            if hashes == 0 {
                break;
            }
            let full = hashes / WIDTH;
            if let Some(index) = full.checked_sub(1) {
                for (at, expected) in (index * WIDTH..).zip(self.full_tile(level, index)?) {
                    let (what, found) = below(level, at)?;
                    if found != expected {
                        return Err(OpenError::Hash {
                            what,
                            level,
                            index,
                            expected,
                            found,
                        });
                    }
                }
            }
            let rest = (full * WIDTH..hashes).map(|at| below(level, at).map(|(_, hash)| hash));
            partial.push(rest.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(partial)
    }

    /// Says where a tree differs from the one that was signed: the checkpoints of earlier batches tell at
    /// which sizes the root is still right.
    fn localise(
        &self,
        at: &Committed,
        newest: &Checkpoint,
        found: Hash,
        trust: &Trust,
    ) -> Result<OpenError, OpenError> {
        let mut right = 0;
        let (mut wrong, mut expected, mut found) = (newest.size, newest.root, found);
        while let Some((size, bytes)) = self.checkpoint_between(right, wrong)? {
            let Ok(verified) = trust.verify_checkpoint(&bytes) else {
                break;
            };
            let computed = root(&self.tiles(at), size).map_err(ReadError::from)?;
            if computed == verified.checkpoint.root {
                right = size;
            } else {
                (wrong, expected, found) = (size, verified.checkpoint.root, computed);
            }
        }
        // Below this, the hashes came from tiles; from here on, from the entries themselves.
        let tail = at.size / WIDTH * WIDTH;
        let what = if wrong <= tail {
            one_of("tile 0/", right / WIDTH, (wrong - 1) / WIDTH)
        } else if right >= tail {
            one_of("entry ", right, wrong - 1)
        } else {
            format!(
                "{}, or a tile of theirs,",
                one_of("entry ", right, wrong - 1)
            )
        };
        Ok(OpenError::Root {
            what,
            size: wrong,
            expected,
            found,
        })
    }

    /// A checkpoint of a size between these two, neither included: one near the middle.
    fn checkpoint_between(&self, low: u64, high: u64) -> Result<Option<(u64, Vec<u8>)>, OpenError> {
        let middle = (low + (high - low) / 2).to_be_bytes();
        for direction in [Direction::Forward, Direction::Reverse] {
            let mode = IteratorMode::From(&middle, direction);
            if let Some((key, bytes)) = self
                .db
                .iterator_cf(self.cf(META), mode)
                .next()
                .transpose()?
            {
                let size = size_of_key(&key)?;
                if low < size && size < high {
                    return Ok(Some((size, bytes.into_vec())));
                }
            }
        }
        Ok(None)
    }
}

/// Refuses a directory without a database.
pub(super) fn is_there(dir: &Path) -> Result<(), OpenError> {
    if dir.join(CURRENT_FILE).is_file() {
        return Ok(());
    }
    Err(OpenError::NoLedger {
        dir: dir.to_owned(),
    })
}

/// Refuses a database of another format, or of something else.
pub(super) fn is_known(db: &DB, dir: &Path) -> Result<(), OpenError> {
    match db.get(FORMAT_KEY)? {
        Some(found) if found == FORMAT.to_string().as_bytes() => Ok(()),
        Some(found) => Err(OpenError::Format {
            found: String::from_utf8_lossy(&found).escape_debug().to_string(),
        }),
        None => Err(OpenError::NoLedger {
            dir: dir.to_owned(),
        }),
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| OpenError::Io { path, source })?;
    held(file, dir)
}

/// The lock file, once nobody else holds it.
pub(super) fn held(file: File, dir: &Path) -> Result<File, OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(OpenError::Io {
            path: dir.join(LOCK_FILE),
            source,
        }),
    }
}

fn one_of(kind: &str, first: u64, last: u64) -> String {
    if first == last {
        format!("{kind}{first}")
    } else {
        format!("one of {kind}{first} to {kind}{last}")
    }
}

fn seq_prefix(key: &[u8]) -> Option<u64> {
    key.first_chunk().map(|seq| u64::from_be_bytes(*seq))
}

fn size_of_key(key: &[u8]) -> Result<u64, OpenError> {
    match key.try_into() {
        Ok(size) => Ok(u64::from_be_bytes(size)),
        Err(_) => Err(ReadError::Db {
            what: "the newest checkpoint".to_owned(),
            why: format!("its key has {} bytes, expected 8", key.len()),
        }
        .into()),
    }
}
