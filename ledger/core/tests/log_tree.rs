//! Roots and proofs against two oracles that share no code with ours: `ct-merkle`, and the recursive
//! definitions of RFC 6962 section 2.1 in `naive`. Every size to 300, and random ones to 100,000.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// Sizes here are small: the log counts in u64, the oracles in usize.
#![allow(clippy::cast_possible_truncation)]

#[path = "log_tree/naive.rs"]
mod naive;
#[path = "log_tree/proofs.rs"]
mod proofs;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ledger_core::hash::{Hash, empty_root, leaf_hash, node_hash};
use ledger_core::tile::{TILE_WIDTH, TileEdge, TileKind, TileName, width_at};
use ledger_core::tree::{
    BatchTree, CompactRange, OutsideBatch, ProofError, RangeError, TREE_SIZE_MAX, TileReadError,
    TileSource, consistency_proof, consistency_proof_len, inclusion_proof, inclusion_proof_len,
    range, root, root_of, verify_consistency, verify_inclusion,
};
use naive::{Naive, entry, hashes, leaves, naive};
use sha2::Sha256;

const SMALL: usize = 300;

/// A generator of its own (splitmix64), so that a failure repeats.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// Whether proofs of a small tree are also read from tiles: an unoptimised build takes a third of a
/// millisecond for each, so all those around the sizes where a tile fills, and one in sixteen between.
fn also_from_tiles(at: usize, size: usize) -> bool {
    size <= 64 || (252..=260).contains(&size) || (at + size).is_multiple_of(16)
}

/// Every tile of a tree, cut from naive roots, and which of them were read.
struct NaiveTiles {
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
    read: RefCell<Vec<(u8, u64, u16)>>,
}

impl NaiveTiles {
    fn of(model: &Naive, size: usize) -> Self {
        let mut tiles: BTreeMap<(u8, u64), Vec<Hash>> = BTreeMap::new();
        let mut span = 1;
        for level in 0.. {
            if span > size {
                break;
            }
            for at in 0..size / span {
                let hash = Hash(model.mth(at * span, (at + 1) * span));
                tiles
                    .entry((level, at as u64 / 256))
                    .or_default()
                    .push(hash);
            }
            span *= 256;
        }
        Self {
            tiles,
            read: RefCell::default(),
        }
    }

    fn reads(&self) -> Vec<(u8, u64, u16)> {
        self.read.take()
    }
}

impl TileSource for NaiveTiles {
    type Error = String;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, String> {
        self.read.borrow_mut().push((level, index, width));
        let tile = self.tiles.get(&(level, index)).ok_or("no such tile")?;
        Ok(tile
            .get(..usize::from(width))
            .ok_or("not that wide")?
            .to_vec())
    }
}

#[test]
fn hashes_have_the_prefixes_of_rfc_6962() {
    // Published with certificate-transparency: the empty tree, and the leaf of an empty entry.
    assert_eq!(
        empty_root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        leaf_hash(b"").to_string(),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    let model = Naive::new(vec![b"L".to_vec(), b"R".to_vec()]);
    assert_eq!(
        node_hash(&leaf_hash(b"L"), &leaf_hash(b"R")).0,
        model.mth(0, 2)
    );
}

#[test]
fn roots_equal_both_oracles_at_every_size_to_300() {
    let (model, leaves) = (naive(SMALL), leaves(SMALL));
    let mut peer = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut grown = CompactRange::new();
    for size in 0..=SMALL {
        let expected = Hash(model.mth(0, size));
        assert_eq!(grown.root(), expected, "appended to {size}");
        assert_eq!(grown.size(), size as u64);
        assert_eq!(
            root_of(leaves[..size].iter().copied()),
            expected,
            "root_of {size}"
        );
        if size > 0 {
            assert_eq!(
                peer.root().as_bytes().as_slice(),
                expected.0,
                "the oracles at {size}"
            );
        }
        if size < SMALL {
            grown.append(leaves[size]);
            peer.push(entry(size));
        }
    }
}

#[test]
fn every_inclusion_proof_to_size_300_equals_both_oracles_and_verifies() {
    let (model, leaves) = (naive(SMALL), leaves(SMALL));
    let mut peer = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=SMALL {
        peer.push(entry(size - 1));
        let tree = BatchTree::new(&CompactRange::new(), &leaves[..size]);
        let tiles = NaiveTiles::of(&model, size);
        assert_eq!(tree.root().0, model.mth(0, size));
        for seq in 0..size {
            let expected = hashes(model.path(seq, 0, size));
            let (seq, size) = (seq as u64, size as u64);
            assert_eq!(
                tree.inclusion_proof(seq).unwrap(),
                expected,
                "{seq} of {size}"
            );
            if also_from_tiles(seq as usize, size as usize) {
                assert_eq!(
                    inclusion_proof(&tiles, seq, size).unwrap(),
                    expected,
                    "{seq} of {size}"
                );
            }
            assert_eq!(
                inclusion_proof_len(seq, size),
                expected.len(),
                "{seq} of {size}"
            );
            verify_inclusion(&leaves[seq as usize], seq, size, &expected, &tree.root()).unwrap();
            let bytes: Vec<u8> = expected.iter().flat_map(|hash| hash.0).collect();
            assert_eq!(
                peer.prove_inclusion(seq as usize).as_bytes(),
                bytes,
                "{seq} of {size}"
            );
        }
    }
}

#[test]
fn every_consistency_proof_to_size_300_equals_both_oracles_and_verifies() {
    let (model, leaves) = (naive(SMALL), leaves(SMALL));
    let mut peer = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let roots: Vec<Hash> = (0..=SMALL)
        .map(|size| root_of(leaves[..size].iter().copied()))
        .collect();
    for new in 0..=SMALL {
        let tiles = NaiveTiles::of(&model, new);
        for old in 0..=new {
            let proof = hashes(model.proof(old, new));
            let (old_size, new_size) = (old as u64, new as u64);
            if also_from_tiles(old, new) {
                let made = consistency_proof(&tiles, old_size, new_size).unwrap();
                assert_eq!(made, proof, "{old} to {new}");
            }
            assert_eq!(
                consistency_proof_len(old_size, new_size),
                proof.len(),
                "{old} to {new}"
            );
            verify_consistency(old_size, &roots[old], new_size, &roots[new], &proof).unwrap();
            if old > 0 && old < new {
                let bytes: Vec<u8> = proof.iter().flat_map(|hash| hash.0).collect();
                assert_eq!(
                    peer.prove_consistency(new - old).as_bytes(),
                    bytes,
                    "{old} to {new}"
                );
            }
        }
        if new < SMALL {
            peer.push(entry(new));
        }
    }
}

#[test]
fn proofs_at_random_sizes_to_100_000_equal_both_oracles() {
    const SIZE_MAX: u64 = 100_000;
    let mut random = Seeded(1);
    let mut sizes: BTreeSet<u64> = (0..30).map(|_| 1 + random.below(SIZE_MAX)).collect();
    sizes.extend([65_535, 65_536, 65_537, 65_536 + 256, SIZE_MAX]);
    let (model, leaves) = (naive(SIZE_MAX as usize), leaves(SIZE_MAX as usize));
    let mut peer = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in sizes {
        while peer.len() < size {
            peer.push(entry(peer.len() as usize));
        }
        let tiles = NaiveTiles::of(&model, size as usize);
        let expected_root = Hash(model.mth(0, size as usize));
        assert_eq!(root(&tiles, size).unwrap(), expected_root, "size {size}");
        assert_eq!(
            peer.root().as_bytes().as_slice(),
            expected_root.0,
            "size {size}"
        );
        for _ in 0..8 {
            let seq = random.below(size);
            let proof = inclusion_proof(&tiles, seq, size).unwrap();
            let bytes: Vec<u8> = proof.iter().flat_map(|hash| hash.0).collect();
            assert_eq!(
                peer.prove_inclusion(seq as usize).as_bytes(),
                bytes,
                "{seq} of {size}"
            );
            assert_eq!(
                proof,
                hashes(model.path(seq as usize, 0, size as usize)),
                "{seq} of {size}"
            );
            verify_inclusion(&leaves[seq as usize], seq, size, &proof, &expected_root).unwrap();

            let old = 1 + random.below(size);
            let proof = consistency_proof(&tiles, old, size).unwrap();
            assert_eq!(
                proof,
                hashes(model.proof(old as usize, size as usize)),
                "{old} to {size}"
            );
            let old_root = Hash(model.mth(0, old as usize));
            verify_consistency(old, &old_root, size, &expected_root, &proof).unwrap();
            if old < size {
                let bytes: Vec<u8> = proof.iter().flat_map(|hash| hash.0).collect();
                let additions = (size - old) as usize;
                assert_eq!(
                    peer.prove_consistency(additions).as_bytes(),
                    bytes,
                    "{old} to {size}"
                );
            }
        }
    }
}

/// Grows a tree in batches of random sizes and checks each batch's every proof, range and tiles.
#[test]
fn batches_of_any_size_give_the_naive_proofs_and_tiles() {
    const SIZE: usize = 1500;
    let (model, leaves) = (naive(SIZE), leaves(SIZE));
    for seed in 0..8 {
        let mut random = Seeded(seed);
        let batch_max = [1, 2, 3, 7, 40, 256, 257, 600][seed as usize];
        let mut range = CompactRange::new();
        let mut edge = TileEdge::new();
        let mut written: BTreeMap<(u8, u64), Vec<Hash>> = BTreeMap::new();
        let mut size = 0;
        while size < SIZE {
            let taken = (random.below(batch_max + 1) as usize).min(SIZE - size);
            let batch = BatchTree::new(&range, &leaves[size..size + taken]);
            let first = size as u64;
            size += taken;
            assert_eq!((batch.first(), batch.size()), (first, size as u64));
            assert_eq!(
                batch.root().0,
                model.mth(0, size),
                "seed {seed} size {size}"
            );
            for seq in first..size as u64 {
                let expected = hashes(model.path(seq as usize, 0, size));
                assert_eq!(
                    batch.inclusion_proof(seq).unwrap(),
                    expected,
                    "{seq} of {size}"
                );
            }
            for seq in [first.wrapping_sub(1), size as u64, u64::MAX] {
                let refused = OutsideBatch {
                    seq,
                    first,
                    size: size as u64,
                };
                assert_eq!(batch.inclusion_proof(seq), Err(refused));
            }

            for (TileName { kind, index, width }, hashes) in edge.append(&batch).unwrap() {
                let TileKind::Hashes(level) = kind else {
                    panic!("an entry bundle")
                };
                assert_eq!(width_at(level, index, size as u64), width);
                assert_eq!(hashes.len(), usize::from(width));
                let known = written
                    .insert((level, index), hashes.clone())
                    .unwrap_or_default();
                assert!(hashes.starts_with(&known), "a tile only grows");
                assert!(
                    hashes.len() > known.len(),
                    "an unchanged tile is not written"
                );
            }
            range = batch.into_range();
            assert_eq!(range.root().0, model.mth(0, size));
            assert_eq!(edge.range(), range, "seed {seed} size {size}");
        }
        assert_eq!(written, NaiveTiles::of(&model, SIZE).tiles, "seed {seed}");
    }
}

#[test]
fn the_right_edge_reads_back_from_tiles_and_goes_on() {
    let (model, leaves) = (naive(70_300), leaves(70_300));
    for size in [
        0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 70_000,
    ] {
        let tiles = NaiveTiles::of(&model, size as usize);
        let read = range(&tiles, size).unwrap();
        assert_eq!(read.root().0, model.mth(0, size as usize), "size {size}");
        let levels: BTreeSet<u8> = tiles.reads().iter().map(|(level, ..)| *level).collect();
        let mut edge = TileEdge::read(&tiles, size).unwrap();
        assert_eq!(edge.size(), size);
        assert_eq!(edge.range(), read);
        assert_eq!(
            tiles.reads().len(),
            levels.len(),
            "each edge tile once, size {size}"
        );

        let batch = BatchTree::new(&read, &leaves[size as usize..size as usize + 300]);
        assert!(edge.append(&batch).is_some());
        assert_eq!(
            batch.root().0,
            model.mth(0, size as usize + 300),
            "size {size} and 300"
        );
        assert!(edge.append(&batch).is_none(), "the same batch twice");
    }
}

#[test]
fn the_tile_widths_of_the_specifications_example() {
    // C2SP tlog-tiles, "Partial Tiles": a tree of size 70,000, and one of 256.
    let full = |level, size| {
        (0..size)
            .take_while(|&n| width_at(level, n, size) == TILE_WIDTH)
            .count()
    };
    assert_eq!((full(0, 70_000), width_at(0, 273, 70_000)), (273, 112));
    assert_eq!((full(1, 70_000), width_at(1, 1, 70_000)), (1, 17));
    assert_eq!((full(2, 70_000), width_at(2, 0, 70_000)), (0, 1));
    assert_eq!((full(0, 256), width_at(0, 1, 256)), (1, 0));
    assert_eq!((full(1, 256), width_at(1, 0, 256)), (0, 1));
    assert_eq!(width_at(3, 0, 70_000), 0);
    assert_eq!(width_at(63, 0, u64::MAX), 0);
}

#[test]
fn a_proof_reads_one_tile_a_level() {
    let size = 70_000;
    let tiles = NaiveTiles::of(&naive(size as usize), size as usize);
    // In a full tile, whose path meets the edge only above: the tile, and the last one of each level.
    inclusion_proof(&tiles, 66_000, size).unwrap();
    assert_eq!(
        tiles.reads(),
        [(0, 257, 256), (1, 1, 17), (0, 273, 112), (2, 0, 1)]
    );
    inclusion_proof(&tiles, 0, size).unwrap();
    assert_eq!(
        tiles.reads(),
        [(0, 0, 256), (1, 0, 256), (1, 1, 17), (0, 273, 112)]
    );
    inclusion_proof(&tiles, size - 1, size).unwrap();
    assert_eq!(tiles.reads(), [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
    // From a multiple of 65,536 only the edge is read.
    consistency_proof(&tiles, 65_536, size).unwrap();
    assert_eq!(tiles.reads(), [(1, 1, 17), (0, 273, 112)]);
}

#[test]
fn a_source_that_fails_or_gives_another_width_is_named() {
    struct Bad(Result<usize, &'static str>);
    impl TileSource for Bad {
        type Error = &'static str;
        fn tile(&self, _: u8, _: u64, _: u16) -> Result<Vec<Hash>, &'static str> {
            self.0.map(|width| vec![empty_root(); width])
        }
    }
    let failed = TileReadError::Source {
        level: 0,
        index: 0,
        source: "gone",
    };
    assert_eq!(inclusion_proof(&Bad(Err("gone")), 5, 7), Err(failed));
    for found in [6, 8] {
        let width = TileReadError::Width {
            level: 0,
            index: 0,
            expected: 7,
            found,
        };
        assert_eq!(root(&Bad(Ok(found)), 7), Err(width.clone()));
        assert_eq!(TileEdge::read(&Bad(Ok(found)), 7), Err(width));
    }
    let claim = ProofError::Index { seq: 7, size: 7 };
    assert_eq!(
        inclusion_proof(&Bad(Ok(7)), 7, 7),
        Err(TileReadError::Claim(claim))
    );
    let claim = ProofError::Sizes { old: 8, new: 7 };
    assert_eq!(
        consistency_proof(&Bad(Ok(7)), 8, 7),
        Err(TileReadError::Claim(claim))
    );
}

#[test]
fn a_range_has_one_root_for_each_bit_of_its_size() {
    let one = vec![empty_root()];
    assert_eq!(
        CompactRange::from_roots(8, one.clone()).unwrap().roots(),
        one
    );
    let refused = RangeError::Roots {
        size: 7,
        expected: 3,
        found: 1,
    };
    assert_eq!(CompactRange::from_roots(7, one.clone()), Err(refused));
    let size = TREE_SIZE_MAX + 1;
    assert_eq!(
        CompactRange::from_roots(size, [one.clone(), one].concat()),
        Err(RangeError::Size { size })
    );
}
