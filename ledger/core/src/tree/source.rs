use rs_merkle::MerkleTree;

use crate::hash::{Hash, leaf_hash, node_hash};
use crate::tile::{TILE_WIDTH, width_at};
use crate::tree::range::fold;
use crate::tree::verify::{check_index, check_sizes, last_complete};
use crate::tree::{CompactRange, ProofError, Sibling, TREE_SIZE_MAX, siblings};

/// Height of a tile in tree levels: its 256 hashes are the leaves of a subtree this high.
const TILE_HEIGHT: u32 = TILE_WIDTH.trailing_zeros();

/// Where tiles are kept (C2SP tlog-tiles). What it hands out is not trusted: whoever needs more than a
/// proof that fails compares the [`root`] with a signed one.
pub trait TileSource {
    /// Why a tile could not be read.
    type Error;

    /// The first `width` (1 to 256) hashes of tile `index` at `level`, exactly.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, Self::Error>;
}

/// Why a proof could not be made from tiles.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TileReadError<E> {
    /// The source failed.
    #[error("tile {level}/{index} could not be read")]
    Source {
        /// The tile's level.
        level: u8,
        /// The tile's index in its level.
        index: u64,
        /// The source's own error.
        source: E,
    },
    /// The source gave a tile of another width.
    #[error("expected {expected} hashes in tile {level}/{index}, found {found}")]
    Width {
        /// The tile's level.
        level: u8,
        /// The tile's index in its level.
        index: u64,
        /// The width asked for.
        expected: u16,
        /// How many hashes came.
        found: usize,
    },
    /// No such proof exists.
    #[error(transparent)]
    Claim(#[from] ProofError),
}

/// The right edge of the tree of `size` leaves. Reads the last tile of each level and nothing else.
pub fn range<S: TileSource>(
    source: &S,
    size: u64,
) -> Result<CompactRange, TileReadError<S::Error>> {
    check_sizes(0, size)?;
    let roots = Reader::new(source, size).subtrees_below(u64::BITS)?;
    Ok(CompactRange { size, roots })
}

/// The root of the tree of `size` leaves.
pub fn root<S: TileSource>(source: &S, size: u64) -> Result<Hash, TileReadError<S::Error>> {
    Ok(range(source, size)?.root())
}

/// The inclusion proof of leaf `seq` in the tree of `size` leaves (RFC 6962 section 2.1.1). Reads one tile
/// a level on the way up, and where the path meets the right edge the last tiles below as well.
pub fn inclusion_proof<S: TileSource>(
    source: &S,
    seq: u64,
    size: u64,
) -> Result<Vec<Hash>, TileReadError<S::Error>> {
    check_index(seq, size)?;
    let mut proof = Vec::new();
    Reader::new(source, size).path(0, seq, &mut proof)?;
    Ok(proof)
}

/// The consistency proof from the tree of `old` leaves to that of `new` (RFC 6962 section 2.1.2); empty
/// where they are the same or the older is empty. Reads only tiles of the newer tree.
pub fn consistency_proof<S: TileSource>(
    source: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, TileReadError<S::Error>> {
    check_sizes(old, new)?;
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let mut reader = Reader::new(source, new);
    let (height, index) = last_complete(old);
    if !old.is_power_of_two() {
        proof.push(reader.node(height, index)?);
    }
    reader.path(height, index, &mut proof)?;
    Ok(proof)
}

/// RFC 6962's prefixes for rs_merkle, whose own hasher adds none. A node without a sibling is promoted.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(entry: &[u8]) -> [u8; 32] {
        leaf_hash(entry).0
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| node_hash(&Hash(*left), &Hash(*right)).0)
    }
}

/// One tree, read from its tiles; each tile once.
struct Reader<'a, S> {
    source: &'a S,
    size: u64,
    /// At most a few dozen, so looked up in order.
    tiles: Vec<(u8, u64, Vec<[u8; 32]>)>,
}

impl<'a, S: TileSource> Reader<'a, S> {
    const fn new(source: &'a S, size: u64) -> Self {
        Self {
            source,
            size,
            tiles: Vec::new(),
        }
    }

    /// Appends the siblings of node `(height, index)`, its own first, the root's child last.
    fn path(
        &mut self,
        mut height: u32,
        mut index: u64,
        proof: &mut Vec<Hash>,
    ) -> Result<(), TileReadError<S::Error>> {
        // Through full tiles: the tile's own audit path, from the node's height on.
        while let place = Place::of(height, index)
            && width_at(place.level, place.tile, self.size) == TILE_WIDTH
        {
            let hashes = self.tile(place.level, place.tile)?;
            let audit = MerkleTree::<Rfc6962>::from_leaves(hashes).proof(&[place.offset]);
            proof.extend(
                audit
                    .proof_hashes()
                    .iter()
                    .skip(place.rise as usize)
                    .map(|hash| Hash(*hash)),
            );
            (height, index) = ((u32::from(place.level) + 1) * TILE_HEIGHT, place.tile);
        }
        // From here on it runs along the right edge.
        for sibling in siblings(height, index, self.size) {
            match sibling {
                Sibling::Left { height, index } | Sibling::Right { height, index } => {
                    proof.push(self.node(height, index)?);
                }
                Sibling::RightEdge { height } => proof.extend(fold(&self.subtrees_below(height)?)),
            }
        }
        Ok(())
    }

    /// The roots of the complete subtrees at the right edge that are lower than `height`, largest first.
    fn subtrees_below(&mut self, height: u32) -> Result<Vec<Hash>, TileReadError<S::Error>> {
        let size = self.size;
        (0..height)
            .rev()
            .filter(|height| (size >> height) % 2 == 1)
            .map(|height| self.node(height, (size >> height) - 1))
            .collect()
    }

    /// The complete node `(height, index)`.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, TileReadError<S::Error>> {
        let place = Place::of(height, index);
        let expected = width_at(place.level, place.tile, self.size);
        let hashes = self.tile(place.level, place.tile)?;
        let found = hashes.len();
        hashes
            .get(place.offset..place.offset + (1 << place.rise))
            .and_then(|covered| MerkleTree::<Rfc6962>::from_leaves(covered).root())
            .map(Hash)
            .ok_or(TileReadError::Width {
                level: place.level,
                index: place.tile,
                expected,
                found,
            })
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&[[u8; 32]], TileReadError<S::Error>> {
        let known = self
            .tiles
            .iter()
            .position(|(l, i, _)| (*l, *i) == (level, index));
        let at = if let Some(at) = known {
            at
        } else {
            let expected = width_at(level, index, self.size);
            let hashes = self.source.tile(level, index, expected).map_err(|source| {
                TileReadError::Source {
                    level,
                    index,
                    source,
                }
            })?;
            if hashes.len() != usize::from(expected) {
                return Err(TileReadError::Width {
                    level,
                    index,
                    expected,
                    found: hashes.len(),
                });
            }
            self.tiles
                .push((level, index, hashes.iter().map(|hash| hash.0).collect()));
            self.tiles.len() - 1
        };
        Ok(&self.tiles[at].2)
    }
}

/// Where a node's hashes lie in the tiles.
struct Place {
    level: u8,
    tile: u64,
    /// The first of the tile's hashes that the node covers.
    offset: usize,
    /// The node's height above the tile's hashes, 0 to 7.
    rise: u32,
}

impl Place {
    fn of(height: u32, index: u64) -> Self {
        let rise = height % TILE_HEIGHT;
        let first = index << rise;
        Self {
            level: (height / TILE_HEIGHT).to_le_bytes()[0],
            tile: first >> TILE_HEIGHT,
            offset: usize::from(first.to_le_bytes()[0]),
            rise,
        }
    }
}

const _: () = assert!(TREE_SIZE_MAX.is_power_of_two() && 1 << TILE_HEIGHT == TILE_WIDTH);
