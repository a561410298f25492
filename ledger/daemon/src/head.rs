//! The head file: the last checkpoint, kept outside the data directory.
//!
//! It tells a restored backup from the store that the ledger last wrote: a store that is behind it, or
//! has another history, is refused, because going on from there would sign a second history under the
//! same name. It is written after commits and off the path of replies, at most once a second, so a store
//! that is ahead of it is normal.
//!
//! The file has two slots of [`SLOT_BYTES`], written in turn, each with its own checksum: a write that is
//! torn leaves the other slot, which was synced before. A slot is text, so that a person can read it:
//!
//! ```text
//! ledger-head/v1 <count> <bytes of the checkpoint> <64 hex digits>
//! <the checkpoint, verbatim>
//! <line feeds to the slot's end>
//! ```
//!
//! The digits are SHA-256 over the count as a big-endian u64 and the checkpoint. The higher count is newer.

mod file;
mod writer;

use std::path::{Path, PathBuf};

use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::Hash;
use ledger_core::note::VerificationKey;
use ledger_core::tree::root;
use ledger_core::trust::{Trust, TrustError};

pub use file::{HeadFile, SLOT_BYTES};
pub use writer::{HeadLag, HeadWriter};

use crate::store::{LogStore, ReadError};

/// Why the head file and the store do not let the daemon start, or why the file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// There is none.
    #[error(
        "there is no head file at `{}`, so whether the store is the newest one cannot be told: name the file that \
         `ledgerd init` made, or, if you know that no newer copy of the store was ever in use, start once with \
         --accept-head",
        path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It would be lost, and brought back, together with what it is to tell apart.
    #[error(
        "the head file `{}` lies inside the data directory `{}`: a restored copy would bring its own along; name a \
         path outside with --head",
        path.display(), data.display()
    )]
    Inside {
        /// Its path.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// There is one already: of this ledger or another.
    #[error("there is a head file at `{}` already: name another path for the new ledger", path.display())]
    Exists {
        /// Its path.
        path: PathBuf,
    },
    /// Neither slot can be read.
    #[error(
        "the head file `{}` has no readable slot: restore it, or, if you know that no newer copy of the store was \
         ever in use, start once with --accept-head",
        path.display()
    )]
    Damaged {
        /// Its path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("head file `{}`: {source}", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// The checkpoint does not fit a slot.
    #[error("the checkpoint has {bytes} bytes, expected at most {max} for a slot of the head file")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most that fit.
        max: usize,
    },
    /// The file's checkpoint is not one that this ledger's key has signed, under this ledger's name.
    #[error(
        "the head file's checkpoint is not to be trusted: {0}; name the head file of this ledger"
    )]
    Untrusted(#[from] TrustError),
    /// The store is older than what was signed.
    #[error(
        "the store has {store} entries, but {head} were signed and handed out: this is an older copy, and going on \
         from it would fork the ledger. {SAFE_CHOICES}"
    )]
    Behind {
        /// The size of the store.
        store: u64,
        /// The size in the head file.
        head: u64,
    },
    /// The store has another history.
    #[error(
        "the store's first {size} entries have the root {found}, but {expected} was signed and handed out: this is \
         a copy that went on by itself, and going on from it would fork the ledger. {SAFE_CHOICES}"
    )]
    Beside {
        /// The size in the head file.
        size: u64,
        /// The root in the head file.
        expected: Hash,
        /// The store's root at that size.
        found: Hash,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] ReadError),
}

const SAFE_CHOICES: &str = "Nothing was changed. Safe choices: restore the newest copy of the data directory; or \
     keep this one as it is, hand its material out with `ledgerd export`, and begin a new ledger under another \
     origin with `ledgerd init`";

/// Refuses a head file inside the data directory, whatever symbolic links lead there.
///
/// # Errors
/// [`HeadError::Inside`]
pub fn check_outside(path: &Path, data: &Path) -> Result<(), HeadError> {
    if resolved(path).starts_with(resolved(data)) {
        return Err(HeadError::Inside {
            path: path.to_owned(),
            data: data.to_owned(),
        });
    }
    Ok(())
}

/// A path without symbolic links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest = Vec::new();
    for at in path.ancestors() {
        if let Ok(mut real) = at.canonicalize() {
            real.extend(rest.iter().rev());
            return real;
        }
        rest.extend(at.file_name());
    }
    path
}

/// Compares the head file at `path` with an opened store, and returns it to be kept up to date.
///
/// Where the file is missing or unreadable and `accept_head` is set, the store is taken for the newest one
/// and the file is made from its checkpoint. A store that is behind or beside a readable file is refused
/// whatever is set.
///
/// # Errors
/// [`HeadError`]; then nothing was changed.
pub fn open(
    path: &Path,
    store: &LogStore,
    key: &VerificationKey,
    accept_head: bool,
) -> Result<HeadFile, HeadError> {
    match HeadFile::open(path) {
        Ok((file, checkpoint)) => {
            check(&checkpoint, store, key)?;
            Ok(file)
        }
        // Of a store to which nothing was committed there is nothing to keep.
        Err(HeadError::Missing { .. } | HeadError::Damaged { .. })
            if accept_head && store.committed().size > 0 =>
        {
            HeadFile::replace(path, &store.committed().checkpoint)
        }
        Err(error) => Err(error),
    }
}

/// Compares the head file's checkpoint with an opened store. The store may be ahead.
///
/// # Errors
/// [`HeadError`]
pub fn check(checkpoint: &[u8], store: &LogStore, key: &VerificationKey) -> Result<(), HeadError> {
    let head: Checkpoint = Trust::from_key(key.clone())?
        .verify_checkpoint(checkpoint)?
        .checkpoint;
    let at = store.committed();
    if head.size > at.size {
        return Err(HeadError::Behind {
            store: at.size,
            head: head.size,
        });
    }
    // The same root at that size: the store's first entries are the ones that were signed.
    let found = root(&store.tiles(&at), head.size).map_err(ReadError::from)?;
    if found != head.root {
        return Err(HeadError::Beside {
            size: head.size,
            expected: head.root,
            found,
        });
    }
    Ok(())
}

/// The checkpoint of the newest readable slot of the head file at `path`, which stays as it is.
///
/// # Errors
/// [`HeadError::Missing`], [`HeadError::Damaged`] where neither slot can be read, or another.
pub fn read(path: &Path) -> Result<Vec<u8>, HeadError> {
    HeadFile::open_as(path, false).map(|(_, checkpoint)| checkpoint)
}

#[cfg(test)]
mod tests;
