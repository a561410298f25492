use std::sync::Arc;

use ledger_core::hash::{Hash, empty_root};
use ledger_core::tile::{TILE_WIDTH, width_at};
use ledger_core::tree::TileSource;

use super::{LogStore, ReadError};

/// The tree as far as it is committed: what receipts and proofs are built from. A reader holds one and
/// sees one size throughout, whatever is committed meanwhile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Committed {
    /// How many entries the log has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The signed checkpoint of this size; empty where nothing was ever committed.
    pub checkpoint: Arc<[u8]>,
    /// The partial tile of every level: at most 255 hashes each, none where the last tile is full.
    pub partial: Vec<Vec<Hash>>,
}

impl Committed {
    /// A log without entries.
    pub fn empty() -> Self {
        Self {
            size: 0,
            root: empty_root(),
            checkpoint: Arc::from([]),
            partial: Vec::new(),
        }
    }
}

/// The tiles of a committed tree, partial ones included.
#[derive(Clone, Copy, Debug)]
pub struct CommittedTiles<'a> {
    pub(super) store: &'a LogStore,
    pub(super) at: &'a Committed,
}

impl TileSource for CommittedTiles<'_> {
    type Error = ReadError;

    /// Hashes of a smaller tree are read as well: a tile only ever grows.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, ReadError> {
        let wanted = usize::from(width);
        let missing = || ReadError::Tile {
            level,
            index,
            why: format!("fewer than {width} hashes exist"),
        };
        let mut hashes = match width_at(level, index, self.at.size) {
            TILE_WIDTH => self.store.full_tile(level, index)?,
            _ if width_at(level, index, self.at.size) < width => return Err(missing()),
            _ => self
                .at
                .partial
                .get(usize::from(level))
                .cloned()
                .ok_or_else(missing)?,
        };
        if hashes.len() < wanted {
            return Err(missing());
        }
        hashes.truncate(wanted);
        Ok(hashes)
    }
}
