use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::Hash;
use ledger_core::note::SigningKey;
use tempfile::TempDir;

use super::{HeadError, HeadFile, HeadWriter, SLOT_BYTES, open};
use crate::store::tests::support::{Log, ORIGIN, key, open as open_store, vkey};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

struct Place {
    _dir: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("head");
        Self { _dir: dir, path }
    }

    fn read(&self) -> Vec<u8> {
        HeadFile::open(&self.path).unwrap().1
    }

    /// How often it was written: the newest slot says so.
    fn writes(&self) -> u64 {
        let bytes = fs::read(&self.path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let slots = text.split("ledger-head/v1 ").skip(1);
        let counts = slots.filter_map(|slot| slot.split(' ').next()?.parse().ok());
        counts.max().unwrap()
    }

    fn wait_for(&self, text: &[u8]) {
        let end = Instant::now() + PATIENCE;
        while self.read() != text {
            assert!(Instant::now() < end, "{:?}", self.read());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn the_newest_of_two_slots_counts() {
    let place = Place::new();
    let mut file = HeadFile::create(&place.path, b"one").unwrap();
    assert_eq!(place.read(), b"one");
    for text in ["two", "three", "four"] {
        file.write(text.as_bytes()).unwrap();
        assert_eq!(place.read(), text.as_bytes());
    }
    drop(file);
    // It goes on where it was.
    let (mut file, _) = HeadFile::open(&place.path).unwrap();
    file.write(b"five").unwrap();
    assert_eq!(place.read(), b"five");
    assert!(matches!(
        HeadFile::create(&place.path, b"six"),
        Err(HeadError::Exists { .. })
    ));
    assert_eq!(
        fs::metadata(&place.path).unwrap().len(),
        2 * SLOT_BYTES as u64
    );
    assert!(matches!(
        file.write(&[b'x'; SLOT_BYTES]),
        Err(HeadError::TooLarge { bytes: 4096, .. })
    ));
    assert_eq!(place.read(), b"five");
}

/// The layout, written out by hand: what a person reads, and what other versions must.
#[test]
fn a_slot_is_text() {
    let place = Place::new();
    HeadFile::create(&place.path, b"the checkpoint\n").unwrap();
    let sum = Hash::of(b"\0\0\0\0\0\0\0\x01the checkpoint\n");
    let mut expected = format!("ledger-head/v1 1 15 {sum}\nthe checkpoint\n").into_bytes();
    expected.resize(SLOT_BYTES, b'\n');
    assert_eq!(fs::read(&place.path).unwrap()[SLOT_BYTES..], expected);
}

/// A write may stop after any byte, or change any: the other slot stands.
#[test]
fn a_torn_or_flipped_slot_leaves_the_other() {
    let place = Place::new();
    let mut file = HeadFile::create(&place.path, b"the older checkpoint").unwrap();
    file.write(b"in between").unwrap();
    let before = fs::read(&place.path).unwrap();
    file.write(b"the newest checkpoint").unwrap();
    let after = fs::read(&place.path).unwrap();
    let slot = SLOT_BYTES..2 * SLOT_BYTES;
    assert_eq!(before[..SLOT_BYTES], after[..SLOT_BYTES]);
    let written = after[slot.clone()]
        .iter()
        .rposition(|byte| *byte != b'\n')
        .unwrap()
        + 1;
    for torn in 0..SLOT_BYTES {
        let mut bytes = before.clone();
        bytes[slot.start..slot.start + torn].copy_from_slice(&after[slot.start..slot.start + torn]);
        if torn % 37 != 0 && torn > written + 2 {
            continue;
        }
        fs::write(&place.path, &bytes).unwrap();
        let expected = if torn < written {
            b"in between".as_slice()
        } else {
            b"the newest checkpoint"
        };
        assert_eq!(place.read(), expected, "{torn} bytes of the newer slot");
    }
    for flipped in 0..written {
        let mut bytes = after.clone();
        bytes[slot.start + flipped] ^= 1;
        fs::write(&place.path, &bytes).unwrap();
        assert_eq!(place.read(), b"in between", "byte {flipped}");
    }
    for length in [0, 100, SLOT_BYTES, SLOT_BYTES + 50] {
        fs::write(&place.path, &after[..length]).unwrap();
        match HeadFile::open(&place.path) {
            Ok((_, checkpoint)) => assert_eq!(checkpoint, b"in between"),
            Err(error) => assert!(
                matches!(error, HeadError::Damaged { .. }) && length < SLOT_BYTES,
                "{error}"
            ),
        }
    }
}

fn refused(log: &Log, place: &Place, accept_head: bool) -> HeadError {
    let before = fs::read(&place.path).ok();
    let error = open(&place.path, &log.store, &vkey(), accept_head).unwrap_err();
    assert_eq!(
        fs::read(&place.path).ok(),
        before,
        "a refusal changes nothing"
    );
    error
}

#[test]
fn a_store_ahead_of_the_file_or_at_it_starts() {
    let mut log = Log::with(&[3, 300]);
    let place = Place::new();
    HeadFile::create(&place.path, &log.checkpoints[0].1).unwrap();
    open(&place.path, &log.store, &vkey(), false).unwrap();
    let mut file = open(&place.path, &log.store, &vkey(), false).unwrap();
    file.write(&log.checkpoints[1].1).unwrap();
    open(&place.path, &log.store, &vkey(), false).unwrap();
    log.grow(500);
    open(&place.path, &log.store, &vkey(), false).unwrap();
}

#[test]
fn a_store_behind_the_file_is_refused_with_the_safe_choices() {
    let mut log = Log::with(&[3]);
    let backup = log.crash();
    log.grow(2);
    let place = Place::new();
    HeadFile::create(&place.path, &log.checkpoints[1].1).unwrap();
    log.store = Arc::new(open_store(backup.path()).unwrap().store);
    for accept in [false, true] {
        let error = refused(&log, &place, accept);
        assert!(
            matches!(error, HeadError::Behind { store: 3, head: 5 }),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains("Safe choices: restore the newest copy"),
            "{error}"
        );
    }
}

#[test]
fn a_store_beside_the_file_is_refused_with_the_safe_choices() {
    let mut log = Log::with(&[3]);
    let backup = log.crash();
    log.grow(2);
    let place = Place::new();
    HeadFile::create(&place.path, &log.checkpoints[1].1).unwrap();
    // The backup goes on by itself, as far and further.
    log.store = Arc::new(open_store(backup.path()).unwrap().store);
    log.entries.truncate(3);
    log.leaves.truncate(3);
    log.append(vec![b"another".to_vec(), b"history".to_vec()], &[])
        .unwrap();
    for _ in 0..2 {
        let error = refused(&log, &place, true);
        assert!(
            matches!(error, HeadError::Beside { size: 5, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("Safe choices"), "{error}");
        log.grow(400);
    }
}

#[test]
fn a_missing_or_unreadable_file_needs_a_word() {
    let log = Log::with(&[3]);
    for damage in [None, Some(b"not a head file".to_vec())] {
        let place = Place::new();
        if let Some(bytes) = &damage {
            fs::write(&place.path, bytes).unwrap();
        }
        let error = refused(&log, &place, false);
        let is_damaged = matches!(error, HeadError::Damaged { .. });
        assert!(
            is_damaged || matches!(error, HeadError::Missing { .. }),
            "{error}"
        );
        assert_eq!(is_damaged, damage.is_some());
        assert!(error.to_string().contains("--accept-head"), "{error}");
        open(&place.path, &log.store, &vkey(), true).unwrap();
        assert_eq!(place.read(), log.checkpoints[0].1);
        open(&place.path, &log.store, &vkey(), false).unwrap();
    }
}

#[test]
fn a_file_of_another_ledger_or_key_is_refused() {
    let log = Log::with(&[3]);
    let other_key = SigningKey::from_seed(&[8; 32], ORIGIN).unwrap();
    let other_name = SigningKey::from_seed(&[7; 32], "ledger.test/other").unwrap();
    let checkpoint = |origin: &str, key: &SigningKey| {
        Checkpoint::new(origin, 3, log.root())
            .sign(key)
            .unwrap()
            .to_bytes()
    };
    for bytes in [
        checkpoint(ORIGIN, &other_key),
        checkpoint("ledger.test/other", &other_name),
        b"no note".to_vec(),
    ] {
        let place = Place::new();
        HeadFile::create(&place.path, &bytes).unwrap();
        let error = refused(&log, &place, true);
        assert!(matches!(error, HeadError::Untrusted(_)), "{error}");
    }
    let place = Place::new();
    HeadFile::create(&place.path, &checkpoint(ORIGIN, &key())).unwrap();
    open(&place.path, &log.store, &vkey(), false).unwrap();
}

#[test]
fn the_writer_keeps_the_latest_and_leaves_it_at_the_end() {
    let place = Place::new();
    let writer = HeadWriter::start(HeadFile::create(&place.path, b"0").unwrap()).unwrap();
    let began = Instant::now();
    for number in 1..=10_000 {
        writer.update(Arc::from(number.to_string().as_bytes()));
    }
    let (count, took) = (place.writes(), began.elapsed());
    assert!(
        count <= took.as_secs() + 3,
        "an update waits for no disk: {count} writes in {took:?}"
    );
    // Within the second, without an end to make it so.
    place.wait_for(b"10000");
    writer.update(Arc::from(b"last".as_slice()));
    writer.finish().unwrap();
    assert_eq!(place.read(), b"last");
}

/// Directly after a write, which the next one must follow by a second, unless the thread is to end. A busy
/// machine may take longer to end it now and then; an end that waited would take that long each time.
#[test]
fn the_end_waits_for_no_interval() {
    let ended_at_once = || {
        let place = Place::new();
        let writer = HeadWriter::start(HeadFile::create(&place.path, b"0").unwrap()).unwrap();
        writer.update(Arc::from(b"1".as_slice()));
        place.wait_for(b"1");
        writer.update(Arc::from(b"last".as_slice()));
        let began = Instant::now();
        writer.finish().unwrap();
        assert_eq!(place.read(), b"last");
        began.elapsed() < Duration::from_millis(500)
    };
    assert!(
        (0..20).any(|_| ended_at_once()),
        "twenty ends took their time"
    );
}

/// At most one write a second, or both slots could be torn at once.
#[test]
fn the_writer_never_has_both_slots_in_the_air() {
    let place = Place::new();
    let began = Instant::now();
    let writer = HeadWriter::start(HeadFile::create(&place.path, b"0").unwrap()).unwrap();
    let mut updates = 0;
    while began.elapsed() < Duration::from_millis(2_500) {
        updates += 1;
        writer.update(Arc::from(updates.to_string().as_bytes()));
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.finish().unwrap();
    let took = began.elapsed();
    let newest = place.writes();
    // The first is the file's making, the last its end; in between, one at once and one a second.
    assert!(
        (2..=took.as_secs() + 3).contains(&newest),
        "{newest} writes of {updates} updates in {took:?}"
    );
}
