use crate::hash::{Hash, empty_root, node_hash};
use crate::tree::verify::inclusion_proof_len;
use crate::tree::{CompactRange, Sibling, siblings};

/// A tree with one batch of leaves appended: its root, and the inclusion proof of each leaf of the batch
/// at the batch's final size. It needs nothing but the range that the batch was appended to.
///
/// Held is, for each height, a run of neighbouring complete nodes: the last one from before the batch where
/// it is a left sibling, and every one that the batch completed. Each node is hashed once; so is each part
/// of the right edge, whose hashes the proofs share. A proof is then copied together.
#[derive(Clone, Debug)]
pub struct BatchTree {
    first: u64,
    size: u64,
    root: Hash,
    levels: Vec<Level>,
}

/// The nodes of one height that a batch touches.
#[derive(Clone, Debug)]
struct Level {
    /// The index of `nodes[0]`; always even.
    base: u64,
    /// How many of `nodes` stood before the batch: 0 or 1.
    before: usize,
    nodes: Vec<Hash>,
    /// The root over what the right edge leaves over below this height, if anything.
    edge: Option<Hash>,
}

/// A proof was asked for a leaf that is not of this batch.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("seq `{seq}` is not in this batch, which holds {first} up to, not including, {size}")]
pub struct OutsideBatch {
    /// The leaf asked for.
    pub seq: u64,
    /// The batch's first leaf.
    pub first: u64,
    /// The tree's size after the batch.
    pub size: u64,
}

impl BatchTree {
    /// Appends `leaves` (leaf hashes, in order) to the tree whose right edge is `range`.
    pub fn new(range: &CompactRange, leaves: &[Hash]) -> Self {
        let first = range.size();
        let size = first + leaves.len() as u64;
        let heights = u64::BITS - size.leading_zeros();
        let mut levels: Vec<Level> = Vec::with_capacity(heights as usize);
        let mut edge = None;
        for height in 0..heights {
            let left = range.subtree(height);
            let mut nodes = Vec::with_capacity(leaves.len().checked_shr(height).unwrap_or(0) + 2);
            nodes.extend(left);
            match levels.last() {
                None => nodes.extend_from_slice(leaves),
                // A level starts at an even index, so its pairs are its parents. None of them stood before
                // the batch: the one over an old left sibling has a new right child.
                Some(below) => nodes.extend(
                    below
                        .nodes
                        .as_chunks()
                        .0
                        .iter()
                        .map(|[left, right]| node_hash(left, right)),
                ),
            }
            let before = usize::from(left.is_some());
            let level = Level {
                base: (first >> height) - before as u64,
                before,
                nodes,
                edge,
            };
            if let Some(left) = level.last_if_unpaired() {
                edge = Some(edge.map_or(left, |right| node_hash(&left, &right)));
            }
            levels.push(level);
        }
        Self {
            first,
            size,
            root: edge.unwrap_or_else(empty_root),
            levels,
        }
    }

    /// The batch's first leaf: the tree's size before it.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The tree's size after the batch.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root after the batch.
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// The nodes of this `height` that the batch completed, in order; the first has index
    /// `first() >> height`. Height 0 are the leaves themselves.
    pub fn completed(&self, height: u32) -> &[Hash] {
        self.levels
            .get(height as usize)
            .map_or(&[], |level| level.nodes.get(level.before..).unwrap_or(&[]))
    }

    /// The inclusion proof of leaf `seq` of this batch in the tree of [`size`](Self::size) leaves
    /// (RFC 6962 section 2.1.1): the leaf's sibling first, the root's child last.
    pub fn inclusion_proof(&self, seq: u64) -> Result<Vec<Hash>, OutsideBatch> {
        let outside = OutsideBatch {
            seq,
            first: self.first,
            size: self.size,
        };
        if !(self.first..self.size).contains(&seq) {
            return Err(outside);
        }
        let mut proof = Vec::with_capacity(inclusion_proof_len(seq, self.size));
        for sibling in siblings(0, seq, self.size) {
            let hash = match sibling {
                Sibling::Left { height, index } | Sibling::Right { height, index } => self
                    .levels
                    .get(height as usize)
                    .and_then(|level| level.node(index)),
                Sibling::RightEdge { height } => self
                    .levels
                    .get(height as usize)
                    .and_then(|level| level.edge),
            };
            proof.push(hash.ok_or(outside)?);
        }
        Ok(proof)
    }

    /// The right edge after the batch: what the next one is appended to.
    pub fn into_range(self) -> CompactRange {
        let roots = self
            .levels
            .iter()
            .rev()
            .filter_map(Level::last_if_unpaired)
            .collect();
        CompactRange {
            size: self.size,
            roots,
        }
    }
}

impl Level {
    fn node(&self, index: u64) -> Option<Hash> {
        let at = usize::try_from(index.checked_sub(self.base)?).ok()?;
        self.nodes.get(at).copied()
    }

    /// The node at the right edge that has no sibling yet: the subtree for this height's bit of the size.
    fn last_if_unpaired(&self) -> Option<Hash> {
        if self.nodes.len() % 2 == 1 {
            self.nodes.last().copied()
        } else {
            None
        }
    }
}
