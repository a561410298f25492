//! RFC 6962 section 2.1 as it is written: three recursive definitions over the list of entries, splitting
//! at the largest power of two below its length. Shares nothing with the code under test but the type
//! of a hash.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ledger_core::hash::{Hash, leaf_hash};
use sha2::{Digest, Sha256};

pub(crate) type Node = [u8; 32];

/// The entries of a log, with the roots over ranges that were computed once.
pub(crate) struct Naive {
    entries: Vec<Vec<u8>>,
    roots: RefCell<BTreeMap<(usize, usize), Node>>,
}

impl Naive {
    pub(crate) fn new(entries: Vec<Vec<u8>>) -> Self {
        Self {
            entries,
            roots: RefCell::default(),
        }
    }

    /// MTH(D[from:to]).
    pub(crate) fn mth(&self, from: usize, to: usize) -> Node {
        if let Some(root) = self.roots.borrow().get(&(from, to)) {
            return *root;
        }
        let root = match to - from {
            0 => Sha256::digest(b"").into(),
            1 => Sha256::digest([&[0x00], self.entries[from].as_slice()].concat()).into(),
            n => {
                let k = largest_power_of_two_below(n);
                let (left, right) = (self.mth(from, from + k), self.mth(from + k, to));
                Sha256::digest([&[0x01], left.as_slice(), right.as_slice()].concat()).into()
            }
        };
        self.roots.borrow_mut().insert((from, to), root);
        root
    }

    /// PATH(m, D[from:to]), where m counts from `from`.
    pub(crate) fn path(&self, m: usize, from: usize, to: usize) -> Vec<Node> {
        let n = to - from;
        if n == 1 {
            return Vec::new();
        }
        let k = largest_power_of_two_below(n);
        if m < k {
            let mut path = self.path(m, from, from + k);
            path.push(self.mth(from + k, to));
            path
        } else {
            let mut path = self.path(m - k, from + k, to);
            path.push(self.mth(from, from + k));
            path
        }
    }

    /// PROOF(m, D[n]); empty for the empty tree, which the RFC leaves out.
    pub(crate) fn proof(&self, m: usize, n: usize) -> Vec<Node> {
        if m == 0 {
            Vec::new()
        } else {
            self.subproof(m, 0, n, true)
        }
    }

    /// SUBPROOF(m, D[from:to], b).
    fn subproof(&self, m: usize, from: usize, to: usize, b: bool) -> Vec<Node> {
        let n = to - from;
        if m == n {
            return if b {
                Vec::new()
            } else {
                vec![self.mth(from, to)]
            };
        }
        let k = largest_power_of_two_below(n);
        if m <= k {
            let mut proof = self.subproof(m, from, from + k, b);
            proof.push(self.mth(from + k, to));
            proof
        } else {
            let mut proof = self.subproof(m - k, from + k, to, false);
            proof.push(self.mth(from, from + k));
            proof
        }
    }
}

fn largest_power_of_two_below(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

pub(crate) fn entry(at: usize) -> Vec<u8> {
    format!("entry {at}").into_bytes()
}

pub(crate) fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|at| leaf_hash(&entry(at))).collect()
}

pub(crate) fn naive(size: usize) -> Naive {
    Naive::new((0..size).map(entry).collect())
}

pub(crate) fn hashes(nodes: Vec<Node>) -> Vec<Hash> {
    nodes.into_iter().map(Hash).collect()
}
