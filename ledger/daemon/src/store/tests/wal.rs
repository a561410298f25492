//! What a crash, a power failure and a flipped bit leave of the write-ahead log.

use std::fs;
use std::path::{Path, PathBuf};

use rocksdb::{DBRecoveryMode, IteratorMode};
use tempfile::TempDir;

use super::support::{Log, copy_dir, entry, open};
use crate::store::{ENTRIES, OpenError, WalError, cf, options, wal};

/// The only log file with anything in it.
fn wal_of(dir: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("log"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    assert_eq!(files.len(), 1);
    files.pop().unwrap()
}

/// A crashed log of two committed batches, the last of these sizes in bytes of entries.
struct Crashed {
    log: Log,
    dir: TempDir,
    whole: Vec<u8>,
    /// Where the last batch's record begins.
    last: usize,
}

impl Crashed {
    fn new(entries: usize, bytes: usize) -> Self {
        let mut log = Log::with(&[2]);
        let last = usize::try_from(fs::metadata(wal_of(log.dir.path())).unwrap().len()).unwrap();
        let text = |seq: usize| entry(&format!("{seq:x>bytes$}"));
        log.append((0..entries).map(text).collect(), &[]).unwrap();
        let dir = log.crash();
        let whole = fs::read(wal_of(dir.path())).unwrap();
        Self {
            log,
            dir,
            whole,
            last,
        }
    }

    /// Opens a copy whose log file is this.
    fn open_with(&self, bytes: &[u8]) -> Result<u64, OpenError> {
        let scratch = TempDir::new().unwrap();
        copy_dir(&self.dir.path().join("log"), &scratch.path().join("log"));
        fs::write(wal_of(scratch.path()), bytes).unwrap();
        let opened = open(scratch.path())?;
        self.log.assert_is(&opened, opened.size);
        // Whatever the recovery did, the next one finds nothing to do.
        drop(opened);
        Ok(open(scratch.path())?.size)
    }

    fn flipped(&self, byte: usize, bit: u8) -> Vec<u8> {
        let mut bytes = self.whole.clone();
        bytes[byte] ^= 1 << bit;
        bytes
    }

    fn assert_refused(&self, byte: usize, bit: u8) {
        let bytes = self.flipped(byte, bit);
        let place = || {
            format!(
                "byte {byte} of {}, last record at {}, bit {bit}",
                bytes.len(),
                self.last
            )
        };
        let checked = check_alone(&bytes);
        assert!(
            matches!(checked, Err(WalError::Damaged { .. })),
            "{}: {checked:?}",
            place()
        );
        if (byte + usize::from(bit)).is_multiple_of(61) {
            let opened = self.open_with(&bytes);
            assert!(
                matches!(opened, Err(OpenError::Wal(_))),
                "{}: {opened:?}",
                place()
            );
        }
    }

    fn assert_cut_off(&self, length: usize) {
        let bytes = &self.whole[..length];
        let mode = check_alone(bytes).unwrap();
        assert_eq!(
            mode,
            DBRecoveryMode::TolerateCorruptedTailRecords,
            "{length} bytes"
        );
        if length == self.last || length + 1 == self.whole.len() || length.is_multiple_of(61) {
            assert_eq!(self.open_with(bytes).unwrap(), 2, "{length} bytes");
        }
    }
}

/// What the look at the files alone says, which every open begins with. An open takes a hundred times
/// as long, so only some are made.
fn check_alone(bytes: &[u8]) -> Result<DBRecoveryMode, WalError> {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("000004.log"), bytes).unwrap();
    wal::check(dir.path())
}

#[test]
fn any_flipped_bit_of_the_last_record_is_refused() {
    let crashed = Crashed::new(1, 20);
    assert_eq!(crashed.open_with(&crashed.whole).unwrap(), 3);
    for byte in crashed.last..crashed.whole.len() {
        for bit in 0..8 {
            crashed.assert_refused(byte, bit);
        }
    }
}

#[test]
fn a_flipped_bit_of_an_earlier_record_is_refused() {
    let crashed = Crashed::new(1, 20);
    for byte in 0..crashed.last {
        crashed.assert_refused(byte, (byte % 8).to_le_bytes()[0]);
    }
}

/// A batch over several blocks: every bit of every fragment's header, and some of the rest.
#[test]
fn a_flipped_bit_of_a_record_in_fragments_is_refused() {
    let crashed = Crashed::new(4, 25_000);
    assert!(crashed.whole.len() > 3 * 32_768);
    assert_eq!(crashed.open_with(&crashed.whole).unwrap(), 6);
    for header in [crashed.last, 32_768, 2 * 32_768, 3 * 32_768] {
        for byte in header..header + 7 {
            for bit in 0..8 {
                crashed.assert_refused(byte, bit);
            }
        }
    }
    for byte in (crashed.last..crashed.whole.len()).step_by(4_999) {
        crashed.assert_refused(byte, 3);
    }
}

/// What RocksDB does alone with the recovery mode that is used here, and why its files are read first.
#[test]
fn rocksdb_alone_loses_acknowledged_records_to_one_bit() {
    let crashed = Crashed::new(1, 20);
    let left = |byte: usize, bit: u8, mode: DBRecoveryMode| {
        let scratch = TempDir::new().unwrap();
        copy_dir(&crashed.dir.path().join("log"), &scratch.path().join("log"));
        fs::write(wal_of(scratch.path()), crashed.flipped(byte, bit)).unwrap();
        let db = options::open(&scratch.path().join("log"), mode, false).unwrap();
        db.iterator_cf(cf(&db, ENTRIES), IteratorMode::Start)
            .count()
    };
    // The length of the last record, and the type of the first one.
    let tolerant = DBRecoveryMode::TolerateCorruptedTailRecords;
    assert_eq!(left(crashed.last + 5, 6, tolerant), 2);
    assert_eq!(left(6, 2, tolerant), 0);
    assert_eq!(left(6, 2, DBRecoveryMode::AbsoluteConsistency), 0);
}

#[test]
fn a_record_that_was_cut_off_is_dropped_and_the_rest_kept() {
    let crashed = Crashed::new(1, 20);
    for length in crashed.last..crashed.whole.len() {
        crashed.assert_cut_off(length);
    }
    let crashed = Crashed::new(4, 25_000);
    let lengths = (crashed.last..crashed.whole.len()).step_by(4_099);
    let edges = [32_768, 65_536, 98_304]
        .into_iter()
        .flat_map(|edge| edge - 8..edge + 9);
    for length in lengths.chain(edges) {
        crashed.assert_cut_off(length);
    }
}

/// After a power failure a file system may show the sectors that it did not write as zeros.
#[test]
fn a_record_with_a_part_never_written_is_dropped_and_the_rest_kept() {
    let crashed = Crashed::new(4, 25_000);
    let end = crashed.whole.len();
    let sector = |byte: usize| byte.next_multiple_of(512);
    for zeros in [
        sector(crashed.last)..sector(crashed.last) + 512,
        crashed.last..sector(crashed.last),
        crashed.last..end,
        32_768..32_768 + 4_096,
        40_960..40_960 + 512,
        2 * 32_768..end,
        (end - 1) / 512 * 512..end,
    ] {
        let mut bytes = crashed.whole.clone();
        bytes[zeros.clone()].fill(0);
        assert_eq!(crashed.open_with(&bytes).unwrap(), 2, "zeros at {zeros:?}");
    }
    let mut longer = crashed.whole.clone();
    longer.resize(end + 5_000, 0);
    assert_eq!(
        crashed.open_with(&longer).unwrap(),
        6,
        "zeros after the last record"
    );
}

/// The same zeros in a record that others follow were there when those were acknowledged.
#[test]
fn zeros_in_an_earlier_record_are_refused() {
    let mut log = Log::with(&[2]);
    let first = usize::try_from(fs::metadata(wal_of(log.dir.path())).unwrap().len()).unwrap();
    log.append(vec![entry(&"x".repeat(30_000)); 3], &[])
        .unwrap();
    log.grow(1);
    let dir = log.crash();
    let whole = fs::read(wal_of(dir.path())).unwrap();
    let crashed = Crashed {
        log,
        dir,
        whole,
        last: first,
    };
    for zeros in [0..512, 1_024..2_048, 32_768..33_280] {
        let mut bytes = crashed.whole.clone();
        bytes[zeros.clone()].fill(0);
        let outcome = crashed.open_with(&bytes);
        assert!(
            matches!(outcome, Err(OpenError::Wal(_))),
            "zeros at {zeros:?}: {outcome:?}"
        );
    }
}
