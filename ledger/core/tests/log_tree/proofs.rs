//! Inclusion and consistency proofs with one thing wrong, each refused with the error that says what.

use ledger_core::hash::{Hash, empty_root, leaf_hash};
use ledger_core::tree::{ProofError, TREE_SIZE_MAX, verify_consistency, verify_inclusion};

use crate::naive::{hashes, leaves, naive};

#[test]
fn inclusion_mutants_are_refused_at_every_size_to_40() {
    let (model, leaves) = (naive(41), leaves(41));
    let root = |size: u64| Hash(model.mth(0, size as usize));
    let verify = |leaf: u64, seq, size, proof: &[Hash], root: &Hash| {
        verify_inclusion(&leaves[leaf as usize], seq, size, proof, root)
    };
    for size in 1..=40_u64 {
        for seq in 0..size {
            let proof = hashes(model.path(seq as usize, 0, size as usize));
            let n = proof.len();
            let case = |mutation: &str| format!("{mutation}: {seq} of {size}");
            let length = |found| Err(ProofError::Length { expected: n, found });

            for (mutation, at) in [
                ("proof-with-surplus-hash-in-front", 0),
                ("proof-with-surplus-hash", n),
            ] {
                let mut surplus = proof.clone();
                surplus.insert(at, empty_root());
                assert_eq!(
                    verify(seq, seq, size, &surplus, &root(size)),
                    length(n + 1),
                    "{}",
                    case(mutation)
                );
            }
            for missing in 0..n {
                let mut short = proof.clone();
                short.remove(missing);
                let refused = verify(seq, seq, size, &short, &root(size));
                assert_eq!(refused, length(n - 1), "{}", case("proof-without-a-hash"));
            }
            for at in 0..n {
                let mut flipped = proof.clone();
                flipped[at].0[31] ^= 1;
                assert_root(
                    verify(seq, seq, size, &flipped, &root(size)),
                    size,
                    &case("hash-bit-flipped"),
                );
                if at > 0 {
                    let mut swapped = proof.clone();
                    swapped.swap(at - 1, at);
                    assert_root(
                        verify(seq, seq, size, &swapped, &root(size)),
                        size,
                        &case("hashes-swapped"),
                    );
                }
            }
            assert_root(
                verify((seq + 1) % 41, seq, size, &proof, &root(size)),
                size,
                &case("another-leaf"),
            );
            assert_root(
                verify(seq, seq, size, &proof, &root(size + 1)),
                size,
                &case("root-of-size-plus-1"),
            );
            for other in (0..size).filter(|other| *other != seq) {
                let refused = verify(seq, other, size, &proof, &root(size));
                assert!(refused.is_err(), "{}", case("another-index"));
            }
            for (mutation, size) in [
                ("tree-size-div-2", size / 2),
                ("tree-size-0", 0),
                ("index-is-size", seq),
            ] {
                let refused = verify(seq, seq, size, &proof, &root(size));
                if seq >= size {
                    assert_eq!(
                        refused,
                        Err(ProofError::Index { seq, size }),
                        "{}",
                        case(mutation)
                    );
                } else {
                    assert!(refused.is_err(), "{}", case(mutation));
                }
            }
        }
    }
    let size = TREE_SIZE_MAX + 1;
    assert_eq!(
        verify(0, 0, size, &[], &root(1)),
        Err(ProofError::Size { size })
    );
    assert_eq!(
        ProofError::Length {
            expected: 3,
            found: 4
        }
        .to_string(),
        "expected 3 proof hashes, found 4"
    );
}

fn assert_root(refused: Result<(), ProofError>, of: u64, case: &str) {
    match refused {
        Err(ProofError::Root { size, .. }) if size == of => {}
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn consistency_mutants_are_refused_at_every_size_to_40() {
    let model = naive(41);
    let root = |size: u64| Hash(model.mth(0, size as usize));
    let wrong = leaf_hash(b"wrong");
    for new in 1..=40_u64 {
        for old in 1..=new {
            let proof = hashes(model.proof(old as usize, new as usize));
            let n = proof.len();
            let case = |mutation: &str| format!("{mutation}: {old} to {new}");
            let length = |found| Err(ProofError::Length { expected: n, found });
            let verify =
                |proof: &[Hash]| verify_consistency(old, &root(old), new, &root(new), proof);

            let surplus = [proof.as_slice(), &[wrong]].concat();
            assert_eq!(
                verify(&surplus),
                length(n + 1),
                "{}",
                case("proof-with-surplus-hash")
            );
            if n > 0 {
                assert_eq!(
                    verify(&proof[1..]),
                    length(n - 1),
                    "{}",
                    case("proof-without-its-first-hash")
                );
                assert_eq!(
                    verify(&proof[..n - 1]),
                    length(n - 1),
                    "{}",
                    case("proof-without-its-last-hash")
                );
            }
            for at in 0..n {
                let mut flipped = proof.clone();
                flipped[at].0[0] ^= 0x80;
                assert!(
                    matches!(verify(&flipped), Err(ProofError::Root { .. })),
                    "{}",
                    case("hash-bit-flipped")
                );
            }
            let refused = verify_consistency(old, &wrong, new, &root(new), &proof);
            assert!(
                matches!(refused, Err(ProofError::Root { .. })),
                "{}",
                case("another-old-root")
            );
            let refused = verify_consistency(old, &root(old), new, &wrong, &proof);
            assert_root(refused, new, &case("another-new-root"));
            let refused = verify_consistency(old, &root(old), new + 1, &root(new + 1), &proof);
            assert!(refused.is_err(), "{}", case("new-size-plus-1"));
            if old < new {
                let refused = verify_consistency(new, &root(new), old, &root(old), &proof);
                let sizes = ProofError::Sizes { old: new, new: old };
                assert_eq!(refused, Err(sizes), "{}", case("sizes-swapped"));
            }
        }
        // Nothing needs proof from an empty tree but that it is the empty one.
        verify_consistency(0, &empty_root(), new, &root(new), &[]).unwrap();
        assert_root(
            verify_consistency(0, &wrong, new, &root(new), &[]),
            0,
            "empty-tree-with-a-root",
        );
        let refused = verify_consistency(0, &empty_root(), new, &root(new), &[wrong]);
        assert_eq!(
            refused,
            Err(ProofError::Length {
                expected: 0,
                found: 1
            })
        );
    }
    verify_consistency(0, &empty_root(), 0, &empty_root(), &[]).unwrap();
    assert_root(
        verify_consistency(0, &empty_root(), 0, &wrong, &[]),
        0,
        "empty-tree-with-a-root",
    );
}
