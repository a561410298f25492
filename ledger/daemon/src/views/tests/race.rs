//! Readers, a publisher and the real writer thread at once.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ledger_core::hash::Hash;
use ledger_core::view::{ReadView, Table, View, ViewError};
use tempfile::TempDir;

use crate::views::{SequencerView, SharedViews, ViewStore, ViewWriter};

/// Rows that are always there, each with the number of the batch that last wrote it.
const ROWS: u64 = 1_500;
const ROUNDS: u64 = 120;

fn key(row: u64) -> Vec<u8> {
    row.to_be_bytes().to_vec()
}

/// Large enough that a few batches make a write due.
fn value(round: u64) -> Vec<u8> {
    let mut value = round.to_be_bytes().to_vec();
    value.resize(2_000, 0);
    value
}

fn round_of(value: &[u8]) -> u64 {
    u64::from_be_bytes(*value.first_chunk().unwrap())
}

#[test]
fn no_read_misses_a_row_or_goes_back_while_rows_move_down() {
    let dir = TempDir::new().unwrap();
    let shared = Arc::new(SharedViews::new(ViewStore::open(dir.path()).unwrap()));
    let writer = ViewWriter::start(Arc::clone(&shared), 0).unwrap();
    let mut sequencer = SequencerView::new(Arc::clone(&shared));
    let publish = |sequencer: &mut SequencerView, round: u64| {
        let changes = sequencer.take_planned();
        shared.publish(changes, round, Hash::of(b""));
    };
    for row in 0..ROWS {
        sequencer.put(Table::Listing, key(row), value(1));
    }
    publish(&mut sequencer, 1);

    let published = AtomicU64::new(1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..2 {
            let (shared, published, done) = (&shared, &published, &done);
            scope.spawn(move || {
                let mut seen = BTreeMap::new();
                let mut row = reader;
                while !done.load(Ordering::SeqCst) {
                    let floor = published.load(Ordering::SeqCst);
                    row = (row + 7_919) % ROWS;
                    let found = shared.get(Table::Listing, &key(row)).unwrap().unwrap();
                    assert_later(&mut seen, row, round_of(&found));
                    assert_eq!(shared.get(Table::Listing, &key(ROWS + row)).unwrap(), None);
                    if row % 50 == reader {
                        let mut rows = 0;
                        let mut visit = |found: &[u8], value: &[u8]| {
                            assert_eq!(found, key(rows), "a row was missed");
                            assert_later(&mut seen, rows, round_of(value));
                            rows += 1;
                            ControlFlow::Continue(())
                        };
                        shared.scan(Table::Listing, b"", &mut visit).unwrap();
                        assert_eq!(rows, ROWS);
                        assert!(*seen.values().max().unwrap() >= floor);
                    }
                }
            });
        }
        let end = Instant::now() + Duration::from_secs(20);
        for round in 2..=ROUNDS {
            shared.wait_for_room();
            for row in (round % 3..ROWS).step_by(3) {
                sequencer.put(Table::Listing, key(row), value(round));
            }
            publish(&mut sequencer, round);
            // The sequencer sees what it planned, wherever that is by now.
            for row in (round % 3..ROWS).step_by(100 * 3) {
                let found = sequencer.get(Table::Listing, &key(row)).unwrap().unwrap();
                assert_eq!(round_of(&found), round);
            }
            published.store(round, Ordering::SeqCst);
            if Instant::now() > end {
                break;
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    writer.finish().unwrap();
}

fn assert_later(seen: &mut BTreeMap<u64, u64>, row: u64, round: u64) {
    let before = seen.insert(row, round);
    assert!(
        before.is_none_or(|before| before <= round),
        "row {row} went back from {before:?} to {round}"
    );
}

#[test]
fn the_bound_makes_the_sequencer_wait_until_there_is_room() {
    let dir = TempDir::new().unwrap();
    let shared = Arc::new(SharedViews::new(ViewStore::open(dir.path()).unwrap()));
    let mut sequencer = SequencerView::new(Arc::clone(&shared));
    for row in 0..70 {
        sequencer.put(Table::Subject, key(row), vec![0; 1 << 20]);
    }
    shared.wait_for_room();
    shared.publish(sequencer.take_planned(), 1, Hash::of(b""));
    let waited = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            shared.wait_for_room();
            waited.store(true, Ordering::SeqCst);
        });
        thread::sleep(Duration::from_millis(100));
        assert!(
            !waited.load(Ordering::SeqCst),
            "nobody has written anything yet"
        );
        ViewWriter::start(Arc::clone(&shared), 0)
            .unwrap()
            .finish()
            .unwrap();
    });
    assert!(waited.load(Ordering::SeqCst));
}

#[test]
fn a_failure_ends_every_read_and_every_wait() {
    let dir = TempDir::new().unwrap();
    let shared = Arc::new(SharedViews::new(ViewStore::open(dir.path()).unwrap()));
    let mut sequencer = SequencerView::new(Arc::clone(&shared));
    for row in 0..70 {
        sequencer.put(Table::Subject, key(row), vec![0; 1 << 20]);
    }
    shared.publish(sequencer.take_planned(), 1, Hash::of(b""));
    let error = ViewError {
        table: Table::Listing,
        why: "the disk is gone".to_owned(),
    };
    thread::scope(|scope| {
        scope.spawn(|| shared.wait_for_room());
        thread::sleep(Duration::from_millis(50));
        shared.fail(error.clone());
    });
    shared.fail(ViewError {
        table: Table::Open,
        why: "a later one".to_owned(),
    });
    assert_eq!(shared.failure(), Some(&error));
    for view in [&*shared as &dyn ReadView, &sequencer] {
        assert_eq!(view.get(Table::Fact, b"absent"), Err(error.clone()));
        assert_eq!(
            view.scan(Table::Fact, b"", &mut |_, _| ControlFlow::Continue(())),
            Err(error.clone())
        );
    }
    // Rows in memory are no exception: an answer from half of the views is none.
    assert_eq!(shared.get(Table::Subject, &key(1)), Err(error));
}
