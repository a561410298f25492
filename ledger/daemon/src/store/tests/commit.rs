//! Commits that fail.

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ledger_core::entry::DetailName;
use ledger_core::hash::Hash;

use super::support::{Log, entry, open};
use crate::store::{Commit, CommitBatch, CommitError, DetailBytes};

#[test]
fn a_batch_that_does_not_continue_the_log_is_refused_and_ends_writing() {
    let detail = |seq| {
        (
            seq,
            DetailBytes {
                name: DetailName::Params,
                salt: [0; 32],
                bytes: Vec::new(),
            },
        )
    };
    let good = [entry("next")];
    let entries: [(&str, u64, &[Vec<u8>], u64); 6] = [
        ("a gap", 4, &good, 5),
        ("an entry written before", 2, &good, 3),
        ("another size", 3, &good, 5),
        ("no entry", 3, &[], 3),
        ("an empty entry", 3, &[Vec::new()], 4),
        ("an entry over the limit", 3, &[vec![b'x'; 65_536]], 4),
    ];
    for (name, first_seq, entries, size) in entries {
        let log = Log::with(&[3]);
        let batch = CommitBatch {
            first_seq,
            entries,
            tiles: &[],
            details: &[],
            checkpoint: b"c",
            size,
        };
        assert!(
            matches!(log.store.commit(&batch), Err(CommitError::Unfit { .. })),
            "{name}"
        );
        assert_stopped(&log);
    }
    let log = Log::with(&[3]);
    let batch = CommitBatch {
        first_seq: 3,
        entries: &good,
        tiles: &[],
        details: &[],
        checkpoint: b"c",
        size: 4,
    };
    let (details, tiles) = ([detail(4)], [(0, 0, vec![Hash::of(b""); 255])]);
    let of_another_entry = CommitBatch {
        details: &details,
        ..batch
    };
    assert!(matches!(
        log.store.commit(&of_another_entry),
        Err(CommitError::Unfit { .. })
    ));
    let log = Log::with(&[3]);
    assert!(matches!(
        log.store.commit(&CommitBatch {
            tiles: &tiles,
            ..batch
        }),
        Err(CommitError::Unfit { .. })
    ));
}

/// Nothing more is written after a failure, and what was there before is still all there is.
fn assert_stopped(log: &Log) {
    let entries = [entry("after")];
    let good = CommitBatch {
        first_seq: log.size(),
        entries: &entries,
        tiles: &[],
        details: &[],
        checkpoint: b"c",
        size: log.size() + 1,
    };
    assert_eq!(log.store.commit(&good), Err(CommitError::Stopped));
    let copy = log.crash();
    log.assert_is(&open(copy.path()).unwrap(), log.size());
}

/// Names the directory in which the second process writes until it cannot.
const CHILD: &str = "LEDGER_TEST_COMMIT_FAILS_IN";

/// The disk takes no more in the middle of a record: a second process runs into its limit of file size.
/// What it was told is down is there afterwards, and nothing else.
#[test]
fn a_commit_that_the_disk_refuses_is_an_error_and_leaves_what_was_acknowledged() {
    if let Some(dir) = env::var_os(CHILD) {
        return write_until_it_fails(Path::new(&dir));
    }
    let log = Log::with(&[3]);
    let copy = log.crash();
    // The limit counts in KiB. Without the trap, the signal that comes with it would end the process.
    let script = "trap '' XFSZ; ulimit -f 300; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("store::tests::commit::a_commit_that_the_disk_refuses_is_an_error_and_leaves_what_was_acknowledged")
        .env(CHILD, copy.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let acknowledged: u64 = text
        .lines()
        .find_map(|line| line.split_once("acknowledged ")?.1.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert!(acknowledged > 3);
    let opened = open(copy.path()).unwrap();
    assert_eq!(opened.size, acknowledged);
    let store = Arc::new(opened.store);
    assert!(
        store
            .entries(0..acknowledged, store.committed())
            .all(|entry| entry.is_ok())
    );
}

fn write_until_it_fails(dir: &Path) {
    let opened = open(dir).unwrap();
    let mut log = Log::new();
    log.entries = (0..opened.size)
        .map(|seq| opened.store.entry(seq).unwrap())
        .collect();
    log.leaves = log
        .entries
        .iter()
        .map(|entry| ledger_core::hash::leaf_hash(entry))
        .collect();
    log.store = Arc::new(opened.store);
    for _ in 0..100 {
        let batch = vec![entry(&"x".repeat(5_000)); 3];
        match log.append(batch, &[]) {
            Ok(()) => {}
            Err(CommitError::Unknown(_)) => {
                assert_eq!(
                    log.append(vec![entry("more")], &[]),
                    Err(CommitError::Stopped)
                );
                println!("acknowledged {}", log.size());
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the limit was never reached");
}
