use std::fs;
use std::sync::Arc;

use ledger_core::entry::DetailName;
use ledger_core::note::SigningKey;
use ledger_core::tree::{TileSource, consistency_proof, verify_consistency};
use tempfile::TempDir;

use super::support::{Log, ORIGIN, entry, naive_root, naive_tiles, open, trust, vkey};
use crate::store::{DetailBytes, LogStore, OpenError, ReadError};

/// Around every boundary of level 0, with batches of one, of many, and over more than one tile.
const BATCHES: [usize; 12] = [1, 2, 252, 1, 1, 1, 254, 256, 700, 1, 5, 61];

#[test]
fn a_log_reads_back_at_every_size_and_after_every_reopening() {
    let mut log = Log::new();
    for batch in BATCHES {
        log.grow(batch);
        check_reads(&log);
        let crashed = log.crash();
        let opened = open(crashed.path()).unwrap();
        log.assert_is(&opened, log.size());
        assert_eq!(opened.checkpoint.unwrap().root, log.root());
        log = log.reopen();
        check_reads(&log);
    }
}

fn check_reads(log: &Log) {
    let at = log.store.committed();
    assert_eq!((at.size, at.root), (log.size(), log.root()));
    let read: Vec<_> = log
        .store
        .entries(0..u64::MAX, Arc::clone(&at))
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), log.entries.len());
    for (seq, read) in (0..).zip(&read) {
        let place = usize::try_from(seq).unwrap();
        assert_eq!(
            (read.seq, &read.bytes, read.leaf),
            (seq, &log.entries[place], log.leaves[place])
        );
    }
    for seq in [0, log.size() / 2, log.size() - 1] {
        let receipt = log.store.receipt(seq).unwrap();
        assert_eq!(receipt.entry, log.entries[usize::try_from(seq).unwrap()]);
        let verified = receipt.verify(&trust()).unwrap();
        assert_eq!(verified.checkpoint.checkpoint.size, log.size());
    }
    let end = ReadError::NoEntry {
        seq: log.size(),
        size: log.size(),
    };
    assert_eq!(log.store.entry(log.size()), Err(end.clone()));
    assert_eq!(log.store.receipt(log.size()), Err(end));
    for (size, checkpoint) in &log.checkpoints {
        assert_eq!(
            log.store.checkpoint_of_size(*size).unwrap().as_ref(),
            Some(checkpoint)
        );
        let (old, new) = (&log.leaves[..usize::try_from(*size).unwrap()], log.size());
        let proof = consistency_proof(&log.store.tiles(&at), *size, new).unwrap();
        verify_consistency(*size, &naive_root(old), new, &log.root(), &proof).unwrap();
    }
    assert_eq!(log.store.checkpoint_of_size(log.size() + 1).unwrap(), None);
    for (level, (full, rest)) in (0..).zip(naive_tiles(&log.leaves)) {
        let tiles = log.store.tiles(&at);
        for (index, hashes) in (0..).zip(&full) {
            assert_eq!(tiles.tile(level, index, 256).unwrap(), *hashes);
            assert_eq!(tiles.tile(level, index, 3).unwrap(), hashes[..3]);
        }
        let (index, width) = (full.len() as u64, u16::try_from(rest.len()).unwrap());
        if width > 0 {
            assert_eq!(tiles.tile(level, index, width).unwrap(), rest);
        }
        assert!(tiles.tile(level, index, width + 1).is_err());
    }
}

/// 66,000 entries have a full tile at level 1, and with it everything that a tree of any size has.
#[test]
fn a_log_with_a_full_tile_above_the_leaves_reopens() {
    let log = Log::with(&[30_000, 30_000, 5_000, 536, 464]);
    check_reads(&log);
    let crashed = log.crash();
    let opened = open(crashed.path()).unwrap();
    assert_eq!(opened.partial.len(), 3);
    log.assert_is(&opened, 66_000);
}

#[test]
fn ranges_begin_and_end_where_they_are_told() {
    let log = Log::with(&[300, 300]);
    for (range, expected) in [
        (0..1, 0..1),
        (255..257, 255..257),
        (599..2000, 599..600),
        (600..700, 0..0),
        (5..5, 0..0),
    ] {
        let at = log.store.committed();
        let read: Vec<u64> = log
            .store
            .entries(range, at)
            .map(|read| read.unwrap().seq)
            .collect();
        assert_eq!(read, expected.collect::<Vec<_>>());
    }
    // A reader that began before a commit ends where the log ended then.
    let earlier = log.store.committed();
    let mut log = log;
    log.grow(10);
    assert_eq!(log.store.entries(590..610, earlier).count(), 10);
}

#[test]
fn details_come_back_by_entry_and_name() {
    let mut log = Log::new();
    let detail = |name, text: &str| DetailBytes {
        name,
        salt: [9; 32],
        bytes: text.into(),
    };
    let params = detail(DetailName::Params, "to whom");
    let plan = detail(DetailName::Plan, "");
    log.append(
        vec![entry("a"), entry("b")],
        &[(1, params.clone()), (1, plan.clone())],
    )
    .unwrap();
    let log = log.reopen();
    assert_eq!(
        log.store.detail(1, DetailName::Params).unwrap(),
        Some(params.clone())
    );
    assert_eq!(log.store.detail(1, DetailName::Plan).unwrap(), Some(plan));
    assert_eq!(log.store.detail(0, DetailName::Params).unwrap(), None);
    assert_eq!(log.store.detail(1, DetailName::Diff).unwrap(), None);
    assert_eq!(format!("{params:?}"), "params(7 bytes)");
}

#[test]
fn a_new_store_is_empty_and_its_directory_its_own() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("new/log");
    LogStore::create(&path).unwrap();
    let opened = LogStore::open(&path, ORIGIN, &vkey()).unwrap();
    assert_eq!(
        (opened.size, opened.checkpoint, opened.partial.len()),
        (0, None, 0)
    );
    assert!(matches!(
        LogStore::create(&path),
        Err(OpenError::NotEmpty { .. })
    ));

    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(
        LogStore::create(dir.path()),
        Err(OpenError::NotEmpty { .. })
    ));
}

#[test]
fn a_directory_without_a_ledger_is_not_opened_and_not_changed() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::NoLedger { .. })));
    fs::create_dir(dir.path().join("log")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::NoLedger { .. })));
    assert_eq!(fs::read_dir(dir.path().join("log")).unwrap().count(), 0);
}

#[test]
fn a_directory_in_use_is_not_opened() {
    let log = Log::with(&[3]);
    assert!(matches!(open(log.dir.path()), Err(OpenError::InUse { .. })));
    let dir = log.dir;
    drop(log.store);
    assert_eq!(open(dir.path()).unwrap().size, 3);
}

#[test]
fn another_origin_or_key_is_refused() {
    let log = Log::with(&[3]);
    let copy = log.crash();
    let path = copy.path().join("log");
    let other_key = SigningKey::from_seed(&[8; 32], ORIGIN).unwrap();
    let refused = LogStore::open(&path, ORIGIN, other_key.verification_key()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Checkpoint { size: 3, .. }),
        "{refused}"
    );
    let refused = LogStore::open(&path, "ledger.test/other", &vkey()).unwrap_err();
    assert!(matches!(refused, OpenError::Origin { .. }), "{refused}");
    assert_eq!(open(copy.path()).unwrap().size, 3);
}
