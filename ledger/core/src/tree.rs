//! The Merkle tree of RFC 6962 section 2.1: its growing right edge, its proofs, their verification.
//!
//! A node is named by its height above the leaves and its index at that height: node `(h, i)` is the
//! root over entries `i << h .. (i + 1) << h`. At a given size a node is *complete* if all of those
//! entries exist. Only complete nodes are ever stored; what is left over at the right edge is folded
//! anew for each size, and gives the same tree as splitting at the largest power of two.
//!
//! - [`CompactRange`]: the complete subtrees that cover a tree, enough to append and to know the root;
//! - [`BatchTree`]: one batch of leaves on top of a range, with the proof of each of them;
//! - [`TileSource`] and its functions: proofs for any leaf and any two sizes, read from tiles;
//! - [`verify_inclusion`], [`verify_consistency`]: what a stranger runs.

mod batch;
mod range;
mod source;
mod verify;

pub use batch::{BatchTree, OutsideBatch};
pub use range::{CompactRange, RangeError};
pub use source::{TileReadError, TileSource, consistency_proof, inclusion_proof, range, root};
pub use verify::{
    ProofError, consistency_proof_len, inclusion_proof_len, verify_consistency, verify_inclusion,
};

use crate::hash::Hash;

/// The most leaves a tree can have. With this bound no index or size below overflows.
pub const TREE_SIZE_MAX: u64 = 1 << 63;

/// No proof has more hashes: a tree of [`TREE_SIZE_MAX`] leaves is 63 nodes high, and a consistency
/// proof may name the node it starts from as well.
pub const PROOF_HASHES_MAX: usize = 64;

/// The root over the leaf hashes `leaves`, in order. Holds one hash per level, however many there are.
pub fn root_of(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut range = CompactRange::new();
    for leaf in leaves {
        range.append(leaf);
    }
    range.root()
}

/// Which sibling a node meets on its way to the root.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Sibling {
    /// It is hashed with a complete node to its left.
    Left { height: u32, index: u64 },
    /// It is hashed with a complete node to its right.
    Right { height: u32, index: u64 },
    /// It is hashed with what the right edge leaves over beside it, `(size >> height) << height .. size`.
    RightEdge { height: u32 },
}

/// The siblings of node `(height, index)` in a tree of `size` leaves, from its own up to the root's child.
/// A node without one is promoted as it is. The node must exist: `index << height < size`.
fn siblings(height: u32, index: u64, size: u64) -> impl Iterator<Item = Sibling> {
    let last = size - 1;
    let levels = u64::BITS - (last >> height).leading_zeros();
    (0..levels).filter_map(move |up| {
        let (height, index) = (height + up, index >> up);
        let complete = size >> height;
        if index % 2 == 1 {
            Some(Sibling::Left {
                height,
                index: index - 1,
            })
        } else if index + 1 < complete {
            Some(Sibling::Right {
                height,
                index: index + 1,
            })
        } else if index < last >> height {
            Some(Sibling::RightEdge { height })
        } else {
            None
        }
    })
}
