//! A data directory, and opening the ledger in it.
//!
//! ```text
//! DIR/                0700
//!   log/              the log: entries, tiles, details, checkpoints (RocksDB, synced)
//!   views/            what is derived from it (RocksDB; may be dropped at any time)
//!   keys/             signing.key, subject.key, content.key, each 0600
//!   ledger.vkey       the verification key, public
//!   ledger.sock       the socket, while the daemon runs
//!   init.incomplete   while `init` is at work; where it stays, `init` was interrupted
//! DIR.head            the last checkpoint, outside on purpose: it tells a restored copy
//! ```

use std::path::{Path, PathBuf};

use ledger_core::entry::{Body, Entry, Genesis};
use ledger_core::gate::GATE_VERSION;
use ledger_core::normalise;
use ledger_core::note::{VerificationKey, VkeyError};

use crate::head::HeadError;
use crate::keys::{KEYS_DIR, KeyError, Keys};
use crate::store::{LogStore, OpenError, Opened, ReadError};
use crate::views::OpenViewsError;

/// The token version that this version's normaliser and key make.
pub const TOKENS_V: u32 = 1;

/// Where everything lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The data directory.
    pub dir: PathBuf,
}

impl Layout {
    /// The layout of `dir`.
    pub fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The views.
    pub fn views(&self) -> PathBuf {
        self.dir.join("views")
    }

    /// The key files.
    pub fn keys(&self) -> PathBuf {
        self.dir.join(KEYS_DIR)
    }

    /// The verification key.
    pub fn vkey(&self) -> PathBuf {
        self.dir.join("ledger.vkey")
    }

    /// The socket, unless another path is named.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("ledger.sock")
    }

    /// What says that `init` has not finished.
    pub fn incomplete(&self) -> PathBuf {
        self.dir.join("init.incomplete")
    }

    /// The head file, unless another path is named: beside the directory, not in it.
    pub fn head(&self) -> PathBuf {
        let mut path = self.dir.components().as_path().as_os_str().to_owned();
        path.push(".head");
        path.into()
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `init` was interrupted.
    #[error(
        "`{}` is half made: `ledgerd init` was interrupted, and nothing was ever recorded here. Remove the \
         directory, with the credential and head files that the same command made, and run `ledgerd init` again",
        dir.display()
    )]
    Incomplete {
        /// The data directory.
        dir: PathBuf,
    },
    /// The verification key cannot be read.
    #[error("`{}`: {source}; expected a directory made by `ledgerd init`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The verification key is none.
    #[error("`{}`: {source}; restore it from a copy", path.display())]
    Vkey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: VkeyError,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log does not begin with a genesis that this version knows.
    #[error(
        "entry 0 is not a genesis that this version knows: {why}; use the version of ledgerd that wrote it"
    )]
    Genesis {
        /// What it is instead.
        why: String,
    },
    /// Something is not what genesis says.
    #[error("{what} `{found}` is not that of genesis, `{expected}`: {remedy}")]
    Mismatch {
        /// What.
        what: &'static str,
        /// What genesis says.
        expected: String,
        /// What is there.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The head file.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The views.
    #[error(transparent)]
    Views(#[from] OpenViewsError),
}

/// A log whose newest checkpoint, key and tree agree.
#[derive(Debug)]
pub struct OpenedLog {
    /// The store and its right edge.
    pub opened: Opened,
    /// The verification key.
    pub vkey: VerificationKey,
}

/// Opens the log of a data directory. Needs no secret.
///
/// # Errors
/// [`StartError`]; nothing was changed.
pub fn open_log(layout: &Layout) -> Result<OpenedLog, StartError> {
    if layout.incomplete().exists() {
        return Err(StartError::Incomplete {
            dir: layout.dir.clone(),
        });
    }
    let path = layout.vkey();
    let text = std::fs::read_to_string(&path).map_err(|source| StartError::Io {
        path: path.clone(),
        source,
    })?;
    let vkey: VerificationKey = text
        .trim_end()
        .parse()
        .map_err(|source| StartError::Vkey { path, source })?;
    let opened = LogStore::open(&layout.log(), vkey.name(), &vkey)?;
    Ok(OpenedLog { opened, vkey })
}

/// The genesis of an opened log.
///
/// # Errors
/// [`StartError::Genesis`] where there is none that this version knows.
pub fn genesis(store: &LogStore) -> Result<Genesis, StartError> {
    let unknown = |why: String| StartError::Genesis { why };
    let line = store.entry(0)?;
    match Entry::decode(&line)
        .map_err(|error| unknown(error.to_string()))?
        .body
    {
        Body::Genesis(genesis) => Ok(genesis),
        other => Err(unknown(format!("it is a `{}`", other.kind()))),
    }
}

/// Holds keys and rules against genesis, which fixed them for good.
///
/// # Errors
/// [`StartError::Mismatch`] names the first that differs.
pub fn check_genesis(genesis: &Genesis, keys: &Keys) -> Result<(), StartError> {
    let keys_lost =
        "restore the key file of this ledger from its backup; with another key it must not go on";
    let version = "use the version of ledgerd that wrote this ledger, or begin a new one under another origin";
    let hash = |bytes: [u8; 32]| ledger_core::hash::Hash(bytes).to_string();
    for (what, expected, found, remedy) in [
        (
            "signing key",
            genesis.key.clone(),
            keys.signing.verification_key().to_string(),
            keys_lost,
        ),
        (
            "origin",
            genesis.origin.clone(),
            keys.signing.name().to_owned(),
            keys_lost,
        ),
        (
            "commitment to the subject key",
            genesis.subject_key.to_string(),
            hash(keys.subject.commitment()),
            keys_lost,
        ),
        (
            "commitment to the content key",
            genesis.content_key.to_string(),
            hash(keys.content.commitment()),
            keys_lost,
        ),
        (
            "normaliser",
            genesis.normaliser.clone(),
            normalise::VERSION.to_owned(),
            version,
        ),
        (
            "token version",
            genesis.tokens_v.to_string(),
            TOKENS_V.to_string(),
            version,
        ),
        (
            "gate version",
            genesis.gate.to_string(),
            GATE_VERSION.to_string(),
            version,
        ),
    ] {
        if expected != found {
            return Err(StartError::Mismatch {
                what,
                expected,
                found,
                remedy,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_file_lies_beside_the_directory_whatever_its_spelling() {
        for dir in ["/var/lib/ledger", "/var/lib/ledger/", "/var/lib/ledger/."] {
            assert_eq!(
                Layout::of(Path::new(dir)).head(),
                Path::new("/var/lib/ledger.head"),
                "{dir}"
            );
        }
        assert_eq!(Layout::of(Path::new("d")).head(), Path::new("d.head"));
    }
}
