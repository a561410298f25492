//! A ledger's log that tests grow. Its tree is computed the naive way, from all leaves each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::{Hash, leaf_hash, node_hash};
use ledger_core::note::{SigningKey, VerificationKey};
use ledger_core::trust::Trust;
use tempfile::TempDir;

use crate::store::{
    Commit, CommitBatch, CommitError, Committed, DetailBytes, LogStore, OpenError, Opened,
};

pub(crate) const ORIGIN: &str = "ledger.test/store";

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], ORIGIN).unwrap()
}

pub(crate) fn vkey() -> VerificationKey {
    key().verification_key().clone()
}

pub(crate) fn trust() -> Trust {
    Trust::from_key(vkey()).unwrap()
}

pub(crate) fn entry(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The root over `hashes`, as RFC 6962 section 2.1 defines it: split at the largest power of two.
pub(crate) fn naive_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::of(b""),
        [one] => *one,
        _ => {
            let left = hashes.len().next_power_of_two() / 2;
            node_hash(&naive_root(&hashes[..left]), &naive_root(&hashes[left..]))
        }
    }
}

/// Every level of tiles over `leaves`: the full tiles, and what is left over.
pub(crate) fn naive_tiles(leaves: &[Hash]) -> Vec<(Vec<Vec<Hash>>, Vec<Hash>)> {
    let mut levels = Vec::new();
    let mut hashes = leaves.to_vec();
    while !hashes.is_empty() {
        let full: Vec<Vec<Hash>> = hashes.chunks_exact(256).map(<[Hash]>::to_vec).collect();
        let rest = hashes.chunks_exact(256).remainder().to_vec();
        hashes = full.iter().map(|tile| naive_root(tile)).collect();
        levels.push((full, rest));
    }
    levels
}

/// A log in a directory of its own, and what it must hold.
pub(crate) struct Log {
    pub(crate) dir: TempDir,
    pub(crate) store: Arc<LogStore>,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) leaves: Vec<Hash>,
    pub(crate) checkpoints: Vec<(u64, Vec<u8>)>,
    key: SigningKey,
}

impl Log {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        LogStore::create(&dir.path().join("log")).unwrap();
        let store = Arc::new(open(dir.path()).unwrap().store);
        Self {
            dir,
            store,
            entries: Vec::new(),
            leaves: Vec::new(),
            checkpoints: Vec::new(),
            key: key(),
        }
    }

    /// A log with batches of these sizes.
    pub(crate) fn with(batches: &[usize]) -> Self {
        let mut log = Self::new();
        for batch in batches {
            log.grow(*batch);
        }
        log
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn root(&self) -> Hash {
        naive_root(&self.leaves)
    }

    /// Commits a batch of so many entries.
    pub(crate) fn grow(&mut self, entries: usize) {
        let first = self.entries.len();
        let entries = (first..first + entries).map(|seq| entry(&format!("entry number {seq}")));
        self.append(entries.collect(), &[]).unwrap();
    }

    pub(crate) fn append(
        &mut self,
        entries: Vec<Vec<u8>>,
        details: &[(u64, DetailBytes)],
    ) -> Result<(), CommitError> {
        let store = Arc::clone(&self.store);
        self.append_through(&*store, entries, details)
    }

    /// Commits and publishes a batch, the way the committer does.
    pub(crate) fn append_through(
        &mut self,
        through: &dyn Commit,
        entries: Vec<Vec<u8>>,
        details: &[(u64, DetailBytes)],
    ) -> Result<(), CommitError> {
        let mut leaves = self.leaves.clone();
        leaves.extend(entries.iter().map(|entry| leaf_hash(entry)));
        let before = naive_tiles(&self.leaves);
        let after = naive_tiles(&leaves);
        let mut tiles = Vec::new();
        for (level, (full, _)) in (0_u8..).zip(&after) {
            let known = before
                .get(usize::from(level))
                .map_or(0, |(full, _)| full.len());
            for (index, hashes) in full.iter().enumerate().skip(known) {
                tiles.push((level, index as u64, hashes.clone()));
            }
        }
        let (size, root) = (leaves.len() as u64, naive_root(&leaves));
        let checkpoint = Checkpoint::new(ORIGIN, size, root)
            .sign(&self.key)
            .unwrap()
            .to_bytes();
        through.commit(&CommitBatch {
            first_seq: self.size(),
            entries: &entries,
            tiles: &tiles,
            details,
            checkpoint: &checkpoint,
            size,
        })?;
        self.store.publish(Committed {
            size,
            root,
            checkpoint: checkpoint.clone().into(),
            partial: after.into_iter().map(|(_, rest)| rest).collect(),
        });
        self.entries.extend(entries);
        self.leaves = leaves;
        self.checkpoints.push((size, checkpoint));
        Ok(())
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(mut self) -> Self {
        let path = self.dir.path().to_owned();
        // One store at a time: this one gives way to another first.
        let elsewhere = TempDir::new().unwrap();
        LogStore::create(&elsewhere.path().join("log")).unwrap();
        self.store = Arc::new(open(elsewhere.path()).unwrap().store);
        self.store = Arc::new(open(&path).unwrap().store);
        self
    }

    /// The directory as a crash at this moment leaves it: copied while the store is open, nothing flushed.
    pub(crate) fn crash(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        copy_dir(&self.path(), &copy.path().join("log"));
        copy
    }

    /// The directory after a start and a stop in good order, everything in table files.
    pub(crate) fn at_rest(&self) -> TempDir {
        let copy = self.crash();
        drop(open(copy.path()).unwrap());
        copy
    }

    /// Asserts that `opened` is this log as it was at `size`.
    pub(crate) fn assert_is(&self, opened: &Opened, size: u64) {
        let at = usize::try_from(size).unwrap();
        assert_eq!(opened.size, size);
        assert_eq!(opened.tree.root(), naive_root(&self.leaves[..at]));
        assert_eq!(opened.tree.size(), size);
        let partial: Vec<_> = naive_tiles(&self.leaves[..at])
            .into_iter()
            .map(|(_, rest)| rest)
            .collect();
        assert_eq!(opened.partial, partial);
        for (seq, entry) in (0..).zip(&self.entries[..at]).step_by(at / 1_000 + 1) {
            assert_eq!(&opened.store.entry(seq).unwrap(), entry);
        }
        assert!(opened.store.entry(size).is_err());
    }
}

/// Opens the log in `dir`.
pub(crate) fn open(dir: &Path) -> Result<Opened, OpenError> {
    LogStore::open(&dir.join("log"), ORIGIN, &vkey())
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        assert!(
            item.file_type().unwrap().is_file(),
            "a store's directory is flat"
        );
        fs::copy(item.path(), to.join(item.file_name())).unwrap();
    }
}
