use crate::hash::{Hash, empty_root, node_hash};
use crate::tree::TREE_SIZE_MAX;

/// The right edge of a tree: its size, and the roots of the complete subtrees that cover it, largest
/// first, one for each bit set in the size. All that appending needs, whatever the tree's size.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CompactRange {
    pub(crate) size: u64,
    pub(crate) roots: Vec<Hash>,
}

/// Subtree roots that do not fit a size.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RangeError {
    /// More leaves than a tree can have.
    #[error("tree size `{size}` is too large, expected at most {TREE_SIZE_MAX}")]
    Size {
        /// The size asked for.
        size: u64,
    },
    /// Another number of roots than the size has bits set.
    #[error("expected {expected} subtree roots for a tree of {size} leaves, found {found}")]
    Roots {
        /// The tree's size.
        size: u64,
        /// How many bits the size has set.
        expected: usize,
        /// How many roots were given.
        found: usize,
    },
}

impl CompactRange {
    /// The range of a tree without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            roots: Vec::new(),
        }
    }

    /// The range of a tree of `size` leaves whose complete subtrees have these `roots`, largest first.
    /// That they belong to one tree is not checked here: compare [`root`](Self::root) with a signed one.
    pub fn from_roots(size: u64, roots: Vec<Hash>) -> Result<Self, RangeError> {
        if size > TREE_SIZE_MAX {
            return Err(RangeError::Size { size });
        }
        let expected = size.count_ones() as usize;
        if roots.len() != expected {
            return Err(RangeError::Roots {
                size,
                expected,
                found: roots.len(),
            });
        }
        Ok(Self { size, roots })
    }

    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// The complete subtree of `2^height` leaves at the right edge, where the size has one.
    pub(super) fn subtree(&self, height: u32) -> Option<Hash> {
        let larger = self.size.checked_shr(height)?;
        if larger % 2 == 0 {
            return None;
        }
        self.roots.get(larger.count_ones() as usize - 1).copied()
    }

    /// Appends one leaf hash. A tree has at most [`TREE_SIZE_MAX`] leaves.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each bit that the addition carries over is a subtree that the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// The root hash (RFC 6962 section 2.1).
    pub fn root(&self) -> Hash {
        fold(&self.roots).unwrap_or_else(empty_root)
    }
}

/// The root over adjacent subtrees, each larger than the next: the right edge joins from its small end.
pub(super) fn fold(roots: &[Hash]) -> Option<Hash> {
    roots
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(&left, &right))
}
