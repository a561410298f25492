use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use ledger_core::entry::DetailName;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::receipt::Receipt;
use ledger_core::tile::{TILE_WIDTH, decode_hashes};
use ledger_core::tree::{TileSource, inclusion_proof};
use rocksdb::{Direction, IteratorMode};

use super::{
    Committed, CommittedTiles, DETAILS, DetailBytes, ENTRIES, LogStore, META, ReadError, TILES,
    detail_key, tile_key,
};

/// Entries read ahead by a range: no more than one tile's, and no more than this many bytes unless one
/// entry alone has more.
const CHUNK_BYTES: usize = 1 << 20;

/// One entry as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredEntry {
    /// Its place in the log.
    pub seq: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its leaf hash, which the tree has for it.
    pub leaf: Hash,
}

impl LogStore {
    /// The tiles of the tree at `at`, for the core's proofs.
    pub const fn tiles<'a>(&'a self, at: &'a Committed) -> CommittedTiles<'a> {
        CommittedTiles { store: self, at }
    }

    /// The bytes of entry `seq`, compared with its leaf hash.
    ///
    /// # Errors
    /// [`ReadError::NoEntry`] beyond the end of the log; any other is damage.
    pub fn entry(&self, seq: u64) -> Result<Vec<u8>, ReadError> {
        self.entry_at(seq, &self.committed())
    }

    /// The receipt of entry `seq`, under the newest checkpoint.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn receipt(&self, seq: u64) -> Result<Receipt, ReadError> {
        self.receipt_at(seq, &self.committed())
    }

    /// The receipt of entry `seq`, under the checkpoint of `at`. Several of the same `at` agree.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn receipt_at(&self, seq: u64, at: &Committed) -> Result<Receipt, ReadError> {
        let entry = self.entry_at(seq, at)?;
        let proof = inclusion_proof(&self.tiles(at), seq, at.size)?;
        Ok(Receipt {
            entry,
            seq,
            proof,
            checkpoint: at.checkpoint.to_vec(),
        })
    }

    /// The entries of `range`, as far as the log at `at` has them, each compared with its leaf hash. Holds
    /// about a megabyte and no lock, however long the range and however slow the reader.
    pub fn entries(self: &Arc<Self>, range: Range<u64>, at: Arc<Committed>) -> Entries {
        let end = range.end.min(at.size);
        Entries {
            store: Arc::clone(self),
            at,
            next: range.start,
            end,
            ahead: VecDeque::new(),
            failed: None,
        }
    }

    /// A detail with its salt; `None` where it was never there or was erased. Whoever discloses it
    /// compares it with the commitment in its entry.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn detail(&self, seq: u64, name: DetailName) -> Result<Option<DetailBytes>, ReadError> {
        let what = || format!("detail `{}` of entry {seq}", name.as_str());
        let Some(value) = self.get(DETAILS, &detail_key(seq, name), what)? else {
            return Ok(None);
        };
        let Some((salt, bytes)) = value.split_first_chunk() else {
            return Err(ReadError::Detail {
                seq,
                name: name.as_str(),
                found: value.len(),
            });
        };
        Ok(Some(DetailBytes {
            name,
            salt: *salt,
            bytes: bytes.to_vec(),
        }))
    }

    /// The checkpoint that was signed at exactly this size, if a batch ended there.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn checkpoint_of_size(&self, size: u64) -> Result<Option<Vec<u8>>, ReadError> {
        if size > self.committed().size {
            return Ok(None);
        }
        self.get(META, &size.to_be_bytes(), || {
            format!("the checkpoint of size {size}")
        })
    }

    pub(super) fn entry_at(&self, seq: u64, at: &Committed) -> Result<Vec<u8>, ReadError> {
        if seq >= at.size {
            return Err(ReadError::NoEntry { seq, size: at.size });
        }
        let bytes = self
            .raw_entry(seq)?
            .ok_or(ReadError::MissingEntry { seq })?;
        let place = usize::from(seq.to_le_bytes()[0]);
        let index = seq / u64::from(TILE_WIDTH);
        let leaves =
            self.tiles(at)
                .tile(0, index, u16::try_from(place + 1).unwrap_or(TILE_WIDTH))?;
        check_leaf(seq, &bytes, leaves.get(place))?;
        Ok(bytes)
    }

    pub(super) fn raw_entry(&self, seq: u64) -> Result<Option<Vec<u8>>, ReadError> {
        self.get(ENTRIES, &seq.to_be_bytes(), || format!("entry {seq}"))
    }

    pub(super) fn full_tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, ReadError> {
        let unreadable = |why: String| ReadError::Tile { level, index, why };
        let bytes = self
            .get(TILES, &tile_key(level, index), || {
                format!("tile {level}/{index}")
            })?
            .ok_or_else(|| unreadable("it is missing".to_owned()))?;
        decode_hashes(&bytes, TILE_WIDTH).map_err(|error| unreadable(error.to_string()))
    }

    fn get(
        &self,
        family: &'static str,
        key: &[u8],
        what: impl Fn() -> String,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        self.db
            .get_cf(self.cf(family), key)
            .map_err(|error| ReadError::Db {
                what: what(),
                why: error.to_string(),
            })
    }
}

/// The entries of a range, in order. Ends after the first error.
#[derive(Debug)]
pub struct Entries {
    store: Arc<LogStore>,
    at: Arc<Committed>,
    next: u64,
    end: u64,
    /// Read and checked, not yet handed out.
    ahead: VecDeque<StoredEntry>,
    /// What comes after those.
    failed: Option<ReadError>,
}

impl Iterator for Entries {
    type Item = Result<StoredEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ahead.is_empty()
            && self.next < self.end
            && let Err(error) = self.read_ahead()
        {
            self.end = self.next;
            self.failed = Some(error);
        }
        self.ahead
            .pop_front()
            .map(Ok)
            .or_else(|| self.failed.take().map(Err))
    }
}

impl Entries {
    /// Reads a chunk within one tile. Each chunk has an iterator of its own: one that lived as long as a
    /// slow reader would keep old tables from being deleted.
    fn read_ahead(&mut self) -> Result<(), ReadError> {
        let width = u64::from(TILE_WIDTH);
        let index = self.next / width;
        let stop = self.end.min((index + 1) * width);
        let hashes = u16::try_from(stop - index * width).unwrap_or(TILE_WIDTH);
        let leaves = self.store.tiles(&self.at).tile(0, index, hashes)?;
        let from = self.next.to_be_bytes();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let mut bytes_read = 0;
        for item in self.store.db.iterator_cf(self.store.cf(ENTRIES), mode) {
            let seq = self.next;
            let (key, bytes) = item.map_err(|error| ReadError::Db {
                what: format!("entry {seq}"),
                why: error.to_string(),
            })?;
            if *key != seq.to_be_bytes() {
                return Err(ReadError::MissingEntry { seq });
            }
            let bytes = bytes.into_vec();
            let leaf = check_leaf(seq, &bytes, leaves.get(usize::from(seq.to_le_bytes()[0])))?;
            bytes_read += bytes.len();
            self.ahead.push_back(StoredEntry { seq, bytes, leaf });
            self.next += 1;
            if self.next == stop || bytes_read >= CHUNK_BYTES {
                return Ok(());
            }
        }
        Err(ReadError::MissingEntry { seq: self.next })
    }
}

/// Compares an entry with the leaf that the tree has for it.
pub(super) fn check_leaf(
    seq: u64,
    bytes: &[u8],
    expected: Option<&Hash>,
) -> Result<Hash, ReadError> {
    let found = leaf_hash(bytes);
    match expected {
        Some(expected) if *expected == found => Ok(found),
        Some(expected) => Err(ReadError::ChangedEntry {
            seq,
            expected: *expected,
            found,
        }),
        None => Err(ReadError::MissingEntry { seq }),
    }
}
