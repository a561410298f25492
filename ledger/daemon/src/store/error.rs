use std::path::PathBuf;

use ledger_core::hash::Hash;
use ledger_core::tree::TileReadError;
use ledger_core::trust::TrustError;

use super::{FORMAT, WalError};

/// Why a store cannot be created or opened. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A new ledger needs a directory of its own.
    #[error("directory `{}` is not empty: name a new one", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// Another process has it open.
    #[error("directory `{}` is in use by another process: a ledger has one daemon; stop that one first", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Its error.
        source: std::io::Error,
    },
    /// There is no ledger, or `init` was interrupted before it had one.
    #[error("directory `{}` holds no ledger: expected a directory made by `ledgerd init`", dir.display())]
    NoLedger {
        /// The directory.
        dir: PathBuf,
    },
    /// Written by another version.
    #[error(
        "the store has layout `{found}`, expected `{FORMAT}`: use the version of ledgerd that wrote it"
    )]
    Format {
        /// The version found.
        found: String,
    },
    /// The write-ahead log is damaged: synced records are in doubt.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// RocksDB refuses, or finds its files damaged.
    #[error("the store cannot be read: {0}; restore a backup that verifies")]
    Db(#[from] rocksdb::Error),
    /// Something in it cannot be read.
    #[error("{0}; restore a backup that verifies")]
    Read(#[from] ReadError),
    /// The newest checkpoint is not one that this ledger's key has signed.
    #[error(
        "the checkpoint of size {size} is not to be trusted: {source}; restore a backup that verifies"
    )]
    Checkpoint {
        /// The size under which it is stored.
        size: u64,
        /// What is wrong with it.
        source: TrustError,
    },
    /// The newest checkpoint is of another size than it is stored under.
    #[error(
        "the checkpoint stored for size {size} is of size {found}; restore a backup that verifies"
    )]
    CheckpointSize {
        /// The size under which it is stored.
        size: u64,
        /// The size that it states.
        found: u64,
    },
    /// It is another ledger.
    #[error(
        "the store is of origin `{found}`, expected `{expected}`: name the directory of the ledger meant"
    )]
    Origin {
        /// The origin expected.
        expected: String,
        /// The origin of its checkpoint.
        found: String,
    },
    /// More than was signed.
    #[error(
        "there is {what}, beyond the newest checkpoint, which is of size {size}; restore a backup that verifies"
    )]
    Beyond {
        /// The surplus record.
        what: String,
        /// The size of the newest checkpoint.
        size: u64,
    },
    /// A stored hash is not that of what it covers.
    #[error(
        "{what} hashes to {found}, but tile {level}/{index} has {expected} for it; restore a backup that verifies"
    )]
    Hash {
        /// The entry or tile below.
        what: String,
        /// The level of the tile.
        level: u8,
        /// The index of the tile.
        index: u64,
        /// The hash in the tile.
        expected: Hash,
        /// The hash computed.
        found: Hash,
    },
    /// The tree is not the one that was signed.
    #[error(
        "{what} was changed: the root signed at size {size} is {expected}, found {found}; restore a backup that \
         verifies"
    )]
    Root {
        /// The entries or tiles among which the change is: as few as the checkpoints in between can tell.
        what: String,
        /// The smallest size at which the root differs.
        size: u64,
        /// The root signed at that size.
        expected: Hash,
        /// The root computed.
        found: Hash,
    },
    /// The key is not one that signs checkpoints.
    #[error(transparent)]
    Key(TrustError),
}

/// Why something in the log cannot be read. It is there, or must be there, so each of these is damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// RocksDB failed, or found its files damaged.
    #[error("{what} cannot be read: {why}")]
    Db {
        /// What was to be read.
        what: String,
        /// What RocksDB says.
        why: String,
    },
    /// No such entry: the log is shorter. Of all of these, the caller's mistake and not damage.
    #[error("there is no entry {seq}: the log has {size}")]
    NoEntry {
        /// The seq asked for.
        seq: u64,
        /// The size of the log.
        size: u64,
    },
    /// An entry that the tree covers is not there.
    #[error("entry {seq} is missing")]
    MissingEntry {
        /// Its seq.
        seq: u64,
    },
    /// An entry's bytes are not those that were hashed.
    #[error("entry {seq} was changed: expected leaf hash {expected}, found {found}")]
    ChangedEntry {
        /// Its seq.
        seq: u64,
        /// The leaf hash in the tree.
        expected: Hash,
        /// The leaf hash of the bytes.
        found: Hash,
    },
    /// A tile is not there, or not of its form.
    #[error("tile {level}/{index} cannot be read: {why}")]
    Tile {
        /// Its level.
        level: u8,
        /// Its index.
        index: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A detail is shorter than its salt.
    #[error(
        "detail `{name}` of entry {seq} has {found} bytes, expected a salt of 32 and the detail"
    )]
    Detail {
        /// The seq of its entry.
        seq: u64,
        /// Its name.
        name: &'static str,
        /// Its bytes.
        found: usize,
    },
}

impl From<TileReadError<Self>> for ReadError {
    /// Of a tree at a size that it has, proofs and roots can fail in the tiles alone.
    fn from(error: TileReadError<Self>) -> Self {
        match error {
            TileReadError::Source { source, .. } => source,
            TileReadError::Width {
                level,
                index,
                expected,
                found,
            } => {
                let why = format!("expected {expected} hashes, found {found}");
                Self::Tile { level, index, why }
            }
            TileReadError::Claim(error) => Self::Db {
                what: "the tree".to_owned(),
                why: error.to_string(),
            },
        }
    }
}

/// Why a commit failed. Whatever it says, the outcome counts as unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The store failed: the batch may be on stable storage, or not, or will be after the next start.
    #[error("the batch may or may not be written: {0}")]
    Unknown(#[from] rocksdb::Error),
    /// A commit failed before.
    #[error(
        "an earlier commit has an unknown outcome, so nothing more is written: open the store again"
    )]
    Stopped,
    /// The batch does not continue the log: a bug of whoever made it. It was not written.
    #[error("the batch does not continue the log: {why}")]
    Unfit {
        /// What is wrong with it.
        why: String,
    },
}
