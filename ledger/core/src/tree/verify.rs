use crate::hash::{Hash, empty_root, node_hash};
use crate::tree::{Sibling, TREE_SIZE_MAX, siblings};

/// A proof that does not prove its claim, or a claim that no proof can prove. All of them refute the
/// material: it could be read, and it is wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of that size.
    #[error("index `{seq}` is not in a tree of size `{size}`, expected an index below the size")]
    Index {
        /// The leaf's index.
        seq: u64,
        /// The tree's size.
        size: u64,
    },
    /// A tree cannot shrink.
    #[error(
        "tree size fell from `{old}` to `{new}`, expected the newer tree to be as large or larger"
    )]
    Sizes {
        /// The older tree's size.
        old: u64,
        /// The newer tree's size.
        new: u64,
    },
    /// More leaves than a tree can have.
    #[error("tree size `{size}` is too large, expected at most {TREE_SIZE_MAX}")]
    Size {
        /// The size claimed.
        size: u64,
    },
    /// The number of hashes in a proof follows from its claim; these are too few or too many.
    #[error("expected {expected} proof hashes, found {found}")]
    Length {
        /// How many the claim takes.
        expected: usize,
        /// How many the proof has.
        found: usize,
    },
    /// The proof leads to another root.
    #[error(
        "expected the root of size `{size}` to be `{expected}`, computed `{computed}` from the proof"
    )]
    Root {
        /// The size of the tree whose root differs; of a consistency proof, the older or the newer one.
        size: u64,
        /// The root to prove.
        expected: Hash,
        /// The root that the proof leads to.
        computed: Hash,
    },
}

/// Verifies that `leaf` (a leaf hash) is leaf `seq` of the tree of `size` leaves with this `root`, by an
/// inclusion proof of RFC 6962 section 2.1.1. A tree of one leaf has an empty proof; one of none proves
/// nothing.
pub fn verify_inclusion(
    leaf: &Hash,
    seq: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    check_index(seq, size)?;
    check_len(inclusion_proof_len(seq, size), proof)?;
    let mut computed = *leaf;
    for (sibling, hash) in siblings(0, seq, size).zip(proof) {
        computed = match sibling {
            Sibling::Left { .. } => node_hash(hash, &computed),
            Sibling::Right { .. } | Sibling::RightEdge { .. } => node_hash(&computed, hash),
        };
    }
    check_root(size, root, computed)
}

/// Verifies that the tree of `old` leaves with root `old_root` is a prefix of the tree of `new` leaves with
/// root `new_root`, by a consistency proof of RFC 6962 section 2.1.2. A tree is consistent with itself, and
/// an empty one with every other, by an empty proof.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    check_sizes(old, new)?;
    check_len(consistency_proof_len(old, new), proof)?;
    if old == 0 {
        check_root(0, old_root, empty_root())?;
        // Nothing follows for the newer root, unless that tree is the empty one too.
        return if new == 0 {
            check_root(0, new_root, empty_root())
        } else {
            Ok(())
        };
    }
    if old == new {
        return check_root(new, new_root, *old_root);
    }
    let (height, index) = last_complete(old);
    // Where the older tree is one complete subtree its root is known; else the proof names the node.
    let (start, path) = match proof.split_first() {
        Some((start, path)) if !old.is_power_of_two() => (*start, path),
        _ => (*old_root, proof),
    };
    let (mut older, mut newer) = (start, start);
    for (sibling, hash) in siblings(height, index, new).zip(path) {
        match sibling {
            Sibling::Left { .. } => {
                older = node_hash(hash, &older);
                newer = node_hash(hash, &newer);
            }
            // What lies to the right of the older tree's last node came after it.
            Sibling::Right { .. } | Sibling::RightEdge { .. } => newer = node_hash(&newer, hash),
        }
    }
    check_root(old, old_root, older)?;
    check_root(new, new_root, newer)
}

/// How many hashes an inclusion proof has; 0 for a leaf that is not in the tree.
pub fn inclusion_proof_len(seq: u64, size: u64) -> usize {
    if seq >= size {
        return 0;
    }
    path_len(0, seq, size)
}

/// How many hashes a consistency proof has; 0 where the sizes are equal, the older is 0, or the newer smaller.
pub fn consistency_proof_len(old: u64, new: u64) -> usize {
    if old == 0 || old >= new {
        return 0;
    }
    let (height, index) = last_complete(old);
    usize::from(!old.is_power_of_two()) + path_len(height, index, new)
}

/// The last and smallest of the complete subtrees that cover a tree of `size > 0` leaves. A consistency
/// proof is the path from it to the newer root, with the node itself in front where it is not the whole tree.
pub(super) const fn last_complete(size: u64) -> (u32, u64) {
    let height = size.trailing_zeros();
    (height, (size >> height) - 1)
}

pub(super) fn check_index(seq: u64, size: u64) -> Result<(), ProofError> {
    if size > TREE_SIZE_MAX {
        return Err(ProofError::Size { size });
    }
    if seq >= size {
        Err(ProofError::Index { seq, size })
    } else {
        Ok(())
    }
}

pub(super) fn check_sizes(old: u64, new: u64) -> Result<(), ProofError> {
    if new > TREE_SIZE_MAX {
        return Err(ProofError::Size { size: new });
    }
    if old > new {
        Err(ProofError::Sizes { old, new })
    } else {
        Ok(())
    }
}

/// How many siblings a node meets on its way up. Below the height where its path meets that of the last
/// leaf it has one at every height; above, it is at the right edge, with one to the left wherever its index is odd.
const fn path_len(height: u32, index: u64, size: u64) -> usize {
    let apart = u64::BITS - (index ^ ((size - 1) >> height)).leading_zeros();
    let edge = match index.checked_shr(apart) {
        Some(above) => above.count_ones(),
        None => 0,
    };
    (apart + edge) as usize
}

fn check_len(expected: usize, proof: &[Hash]) -> Result<(), ProofError> {
    let found = proof.len();
    if found == expected {
        Ok(())
    } else {
        Err(ProofError::Length { expected, found })
    }
}

fn check_root(size: u64, expected: &Hash, computed: Hash) -> Result<(), ProofError> {
    if *expected == computed {
        Ok(())
    } else {
        Err(ProofError::Root {
            size,
            expected: *expected,
            computed,
        })
    }
}
