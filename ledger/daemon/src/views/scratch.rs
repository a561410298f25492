//! The views compared with a fresh fold of the log, without holding either in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::entry::Entry;
use ledger_core::hash::Hash;
use ledger_core::view::{Table, ViewError};
use rocksdb::ErrorKind;

use super::open::Fold;
use super::store::StoredRow;
use super::{Difference, Mark, OpenViewsError, SharedViews, ViewStore, ViewWriter};

/// The views that a daemon left on disk, opened to be read.
#[derive(Debug)]
pub enum StoredViews {
    /// Views of this version.
    Kept(ViewStore, Mark),
    /// There are none, or only of another version: the next start folds them anew.
    None,
}

impl StoredViews {
    /// Opens the views in `dir`, and changes nothing there.
    ///
    /// # Errors
    /// What RocksDB says where they are damaged.
    pub fn open(dir: &Path) -> Result<Self, rocksdb::Error> {
        if !dir.join("CURRENT").is_file() {
            return Ok(Self::None);
        }
        let store = match ViewStore::open_read_only(dir) {
            // Tables that this version has and that one had not.
            Err(error) if error.kind() == ErrorKind::InvalidArgument => return Ok(Self::None),
            opened => opened?,
        };
        Ok(match store.mark()? {
            Some(mark) => Self::Kept(store, mark),
            None => Self::None,
        })
    }
}

/// Views folded anew, in a directory that goes with them.
#[derive(Debug)]
pub struct Scratch {
    fold: Fold,
    views: Arc<SharedViews>,
    writer: ViewWriter,
    // Last, so that it is removed when nobody has it open any more.
    dir: Removed,
}

impl Scratch {
    /// Begins a fold in `dir`, which must not exist.
    ///
    /// # Errors
    /// [`OpenViewsError`]
    pub fn create(dir: &Path) -> Result<Self, OpenViewsError> {
        let failed = |source| OpenViewsError::Db {
            dir: dir.to_owned(),
            source,
        };
        std::fs::create_dir(dir)?;
        let dir_removed = Removed(dir.to_owned());
        let store = ViewStore::open(dir).map_err(failed)?;
        let views = Arc::new(SharedViews::new(store));
        Ok(Self {
            fold: Fold::new(Arc::clone(&views))?,
            writer: ViewWriter::start(Arc::clone(&views), 0)?,
            views,
            dir: dir_removed,
        })
    }

    /// Folds the next entry, with its leaf hash.
    ///
    /// # Errors
    /// [`OpenViewsError`] where it does not follow from those before.
    pub fn push(&mut self, entry: &Entry, leaf: Hash) -> Result<(), OpenViewsError> {
        self.fold.push(entry, leaf)?;
        if self.fold.is_enough() {
            self.fold.publish();
        }
        Ok(())
    }

    /// Writes what is left and returns the views.
    ///
    /// # Errors
    /// [`ViewError`] where they cannot be written.
    pub fn finish(mut self) -> Result<Folded, ViewError> {
        self.fold.publish();
        self.writer.finish()?;
        Ok(Folded {
            views: self.views,
            _dir: self.dir,
        })
    }
}

/// The views of a fold that is done.
#[derive(Debug)]
pub struct Folded {
    views: Arc<SharedViews>,
    _dir: Removed,
}

/// Removed with everything in it when it goes out of scope.
#[derive(Debug)]
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(dir = %self.0.display(), %error, "a temporary directory stays");
        }
    }
}

/// Compares views row by row with those of a fold of the same log, and returns the first row on which they
/// differ, else how many there are. `progress` is told how many are compared, and about how many there are.
///
/// # Errors
/// [`ViewError`] where a row cannot be read.
pub fn first_difference(
    stored: &ViewStore,
    folded: &Folded,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Result<u64, Box<Difference>>, ViewError> {
    let total = stored.rows_about();
    let mut compared = 0;
    for table in Table::ALL {
        let mut stored = stored.rows(table);
        let mut folded = folded.views.stored().rows(table);
        loop {
            let pair = (stored.next().transpose()?, folded.next().transpose()?);
            match pair {
                (None, None) => break,
                (stored, folded) if stored != folded => {
                    return Ok(Err(Box::new(difference(table, stored, folded))));
                }
                _ => {
                    compared += 1;
                    progress(compared, total);
                }
            }
        }
    }
    Ok(Ok(compared))
}

/// The first of two rows that are not the same, and what the other side has for its key.
fn difference(table: Table, stored: Option<StoredRow>, folded: Option<StoredRow>) -> Difference {
    let (key, stored, folded) = match (stored, folded) {
        (Some((stored_key, stored)), Some((folded_key, folded))) if stored_key == folded_key => {
            (stored_key, Some(stored), Some(folded))
        }
        (Some((stored_key, stored)), Some((folded_key, _))) if stored_key < folded_key => {
            (stored_key, Some(stored), None)
        }
        (_, Some((folded_key, folded))) => (folded_key, None, Some(folded)),
        (Some((stored_key, stored)), None) => (stored_key, Some(stored), None),
        (None, None) => unreachable!("two ends do not differ"),
    };
    Difference {
        table,
        key: key.into_vec(),
        stored: stored.map(<[u8]>::into_vec),
        folded: folded.map(<[u8]>::into_vec),
    }
}
