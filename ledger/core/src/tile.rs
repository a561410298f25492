//! Tiles and entry bundles: the tree as static files (C2SP tlog-tiles).
//!
//! A tile is up to 256 neighbouring hashes of one level: level 0 holds leaf hashes, and each hash of a
//! higher level is the root over one full tile of the level below. The rightmost tile of a level is
//! usually partial; it is a prefix of the full tile that it becomes. Which path a tile has, which width
//! at which tree size, and its bytes are here; where it is stored is not.

use std::fmt;
use std::str::FromStr;

use crate::hash::{HASH_BYTES, Hash};
use crate::limits::ENTRY_BYTES_MAX;
use crate::tree::{BatchTree, CompactRange, TileReadError, TileSource};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The highest level that a tile path may name. (A tree of 2^63 leaves ends at level 7.)
pub const TILE_LEVEL_MAX: u8 = 63;

// An entry's length is a 16-bit number in a bundle.
const _: () = assert!(ENTRY_BYTES_MAX == u16::MAX as usize);

/// The width of tile `index` at `level` in a tree of `size` leaves: 256 where it is full, 0 where there is none.
pub const fn width_at(level: u8, index: u64, size: u64) -> u16 {
    let hashes = match size.checked_shr(8 * level as u32) {
        Some(hashes) => hashes,
        None => 0,
    };
    let full = hashes / TILE_WIDTH as u64;
    if index < full {
        TILE_WIDTH
    } else if index == full {
        // The low byte: what 256 leaves over.
        hashes.to_le_bytes()[0] as u16
    } else {
        0
    }
}

/// What a path names: hashes of one level, or entries.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum TileKind {
    /// A tile of hashes at this level, at most [`TILE_LEVEL_MAX`].
    Hashes(u8),
    /// A bundle of entries: the leaves of the level 0 tile with the same index and width.
    Entries,
}

/// The name of one tile or bundle. As text it is the path below a log's prefix,
/// `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct TileName {
    /// What it holds.
    pub kind: TileKind,
    /// Its place in its level, from 0.
    pub index: u64,
    /// How many hashes or entries it has, 1 to 256.
    pub width: u16,
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut above = 1;
        while self.index / above >= 1000 {
            above *= 1000;
        }
        while above > 1 {
            write!(f, "x{:03}/", self.index / above % 1000)?;
            above /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)
        } else {
            Ok(())
        }
    }
}

/// A path that names no tile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{path}` is not the path of a tile: expected {expected}")]
pub struct TileNameError {
    path: String,
    expected: &'static str,
}

impl FromStr for TileName {
    type Err = TileNameError;

    /// Reads a path exactly as it is written: no leading slash, no other spelling of a number.
    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let name = Self::read(path).map_err(|expected| {
            let path = path.escape_debug().take(100).collect();
            TileNameError { path, expected }
        })?;
        // One tile has one path: zeroes too many show as a path that is not the one written for it.
        if name.to_string() == path {
            Ok(name)
        } else {
            let path = path.escape_debug().take(100).collect();
            Err(TileNameError {
                path,
                expected: "numbers without surplus zeroes",
            })
        }
    }
}

impl TileName {
    fn read(path: &str) -> Result<Self, &'static str> {
        let rest = path
            .strip_prefix("tile/")
            .ok_or("it to start with `tile/`")?;
        let (kind, rest) = rest.split_once('/').ok_or("`tile/<level>/<index>`")?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = digits(level).and_then(|level| u8::try_from(level).ok());
                let level = level.filter(|level| *level <= TILE_LEVEL_MAX);
                TileKind::Hashes(level.ok_or("a level from 0 to 63, or `entries`")?)
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((index, width)) => {
                let width = digits(width).and_then(|width| u16::try_from(width).ok());
                let width = width.filter(|width| (1..TILE_WIDTH).contains(width));
                (index, width.ok_or("a partial width from 1 to 255")?)
            }
        };
        let mut value: u64 = 0;
        let mut groups = index.split('/').peekable();
        while let Some(group) = groups.next() {
            let group = if groups.peek().is_some() {
                group.strip_prefix('x')
            } else {
                Some(group)
            };
            let number = group.filter(|group| group.len() == 3).and_then(digits);
            let number = number
                .ok_or("an index in groups of three digits, all but the last after an `x`")?;
            value = value
                .checked_mul(1000)
                .and_then(|value| value.checked_add(number))
                .ok_or("an index below 2^64")?;
        }
        Ok(Self {
            kind,
            index: value,
            width,
        })
    }
}

fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The bytes of a tile or bundle do not fit its width.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TileBytesError {
    /// A tile is 32 bytes a hash.
    #[error("expected {expected} bytes for a tile of width {width}, found {found}")]
    Hashes {
        /// The width asked for.
        width: u16,
        /// The bytes that it takes.
        expected: usize,
        /// The bytes given.
        found: usize,
    },
    /// An entry's length cannot be written.
    #[error("entry {at} of the bundle has {found} bytes, expected at most {ENTRY_BYTES_MAX}")]
    EntryTooLong {
        /// The entry's place in the bundle, from 0.
        at: usize,
        /// Its bytes.
        found: usize,
    },
    /// The bundle ends within an entry, or before one.
    #[error("the bundle ends within entry {at}, expected {width} entries")]
    Truncated {
        /// The entry's place in the bundle, from 0.
        at: usize,
        /// The width asked for.
        width: u16,
    },
    /// Bytes after the last entry.
    #[error("the bundle has {surplus} bytes after its {width} entries")]
    Surplus {
        /// How many.
        surplus: usize,
        /// The width asked for.
        width: u16,
    },
}

/// A tile's bytes: its hashes one after another.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile of exactly this width.
pub fn decode_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileBytesError> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    if hashes.len() != usize::from(width) || !rest.is_empty() {
        let expected = usize::from(width) * HASH_BYTES;
        return Err(TileBytesError::Hashes {
            width,
            expected,
            found: bytes.len(),
        });
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// A bundle's bytes: each entry after its length, a big-endian 16-bit number.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileBytesError> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for (at, entry) in entries.iter().map(AsRef::as_ref).enumerate() {
        let found = entry.len();
        let len = u16::try_from(found).map_err(|_| TileBytesError::EntryTooLong { at, found })?;
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle of exactly this width.
pub fn decode_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileBytesError> {
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(usize::from(width).min(bytes.len() / 2));
    for at in 0..usize::from(width) {
        let truncated = TileBytesError::Truncated { at, width };
        let Some((len, after)) = rest.split_first_chunk() else {
            return Err(truncated);
        };
        let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        else {
            return Err(truncated);
        };
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() {
        Ok(entries)
    } else {
        Err(TileBytesError::Surplus {
            surplus: rest.len(),
            width,
        })
    }
}

/// The last tile of each level, where it is partial: what a log keeps in memory to write the tiles of
/// its next batch without reading any. Together these hashes are the tree's right edge.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TileEdge {
    size: u64,
    /// The partial tile of each level, possibly empty; fewer than 256 hashes each.
    levels: Vec<Vec<Hash>>,
}

impl TileEdge {
    /// The edge of an empty tree.
    pub const fn new() -> Self {
        Self {
            size: 0,
            levels: Vec::new(),
        }
    }

    /// Reads the edge of the tree of `size` leaves. That the tiles belong to it is not checked here:
    /// compare the root of [`range`](Self::range) with a signed one.
    pub fn read<S: TileSource>(source: &S, size: u64) -> Result<Self, TileReadError<S::Error>> {
        let mut levels = Vec::new();
        let mut hashes = size;
        for level in 0_u8.. {
            if hashes == 0 {
                break;
            }
            let index = hashes / u64::from(TILE_WIDTH);
            let expected = width_at(level, index, size);
            levels.push(if expected == 0 {
                Vec::new()
            } else {
                let tile = source.tile(level, index, expected).map_err(|source| {
                    TileReadError::Source {
                        level,
                        index,
                        source,
                    }
                })?;
                if tile.len() != usize::from(expected) {
                    return Err(TileReadError::Width {
                        level,
                        index,
                        expected,
                        found: tile.len(),
                    });
                }
                tile
            });
            hashes = index;
        }
        Ok(Self { size, levels })
    }

    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Takes in a batch and returns every tile that it changes or adds, each once, with all of its hashes:
    /// the full ones, and of each level the partial one. `None` if the batch was not built on this size.
    pub fn append(&mut self, batch: &BatchTree) -> Option<Vec<(TileName, Vec<Hash>)>> {
        if batch.first() != self.size {
            return None;
        }
        let mut written = Vec::new();
        for level in 0..=TILE_LEVEL_MAX {
            let completed = batch.completed(8 * u32::from(level));
            if completed.is_empty() {
                break;
            }
            if self.levels.len() <= usize::from(level) {
                self.levels.resize(usize::from(level) + 1, Vec::new());
            }
            let partial = &mut self.levels[usize::from(level)];
            let first = self.size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let mut index = first / u64::from(TILE_WIDTH);
            partial.extend_from_slice(completed);
            let (tiles, rest) = partial.as_chunks::<{ TILE_WIDTH as usize }>();
            let kind = TileKind::Hashes(level);
            for tile in tiles {
                written.push((
                    TileName {
                        kind,
                        index,
                        width: TILE_WIDTH,
                    },
                    tile.to_vec(),
                ));
                index += 1;
            }
            let rest = rest.to_vec();
            if !rest.is_empty() {
                let width = width_at(level, index, batch.size());
                written.push((TileName { kind, index, width }, rest.clone()));
            }
            *partial = rest;
        }
        self.size = batch.size();
        Some(written)
    }

    /// The right edge as subtree roots, to append the next batch to.
    pub fn range(&self) -> CompactRange {
        let mut roots = Vec::with_capacity(self.size.count_ones() as usize);
        // The subtrees over a partial tile's hashes are those of this level's eight bits of the size.
        for hashes in self.levels.iter().rev() {
            let mut subtrees = CompactRange::new();
            for hash in hashes {
                subtrees.append(*hash);
            }
            roots.append(&mut subtrees.roots);
        }
        CompactRange {
            size: self.size,
            roots,
        }
    }
}
