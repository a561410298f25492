//! Every record that an open looks at, changed or taken away: refused, and named.

use rocksdb::{DB, DBRecoveryMode};
use tempfile::TempDir;

use super::support::{Log, open};
use crate::store::{DETAILS, ENTRIES, META, OpenError, TILES, cf, options, tile_key};

/// What is done to a store behind its back.
type Tamper = Box<dyn Fn(&DB)>;

fn tampered(log: &Log, tamper: &Tamper) -> OpenError {
    let copy = log.at_rest();
    tamper(&raw(&copy));
    open(copy.path()).unwrap_err()
}

fn raw(copy: &TempDir) -> DB {
    let path = copy.path().join("log");
    options::open(&path, DBRecoveryMode::AbsoluteConsistency, false).unwrap()
}

fn change(family: &'static str, key: &[u8], change: fn(&DB, Vec<u8>) -> Vec<u8>) -> Tamper {
    let key = key.to_vec();
    Box::new(move |db| {
        let old = db.get_cf(cf(db, family), &key).unwrap().unwrap();
        let new = change(db, old.clone());
        assert_ne!(old, new);
        db.put_cf(cf(db, family), &key, new).unwrap();
    })
}

/// Flips the lowest bit of the last byte.
fn flip(family: &'static str, key: &[u8]) -> Tamper {
    change(family, key, |_, mut value| {
        *value.last_mut().unwrap() ^= 1;
        value
    })
}

fn remove(family: &'static str, keys: &[[u8; 8]]) -> Tamper {
    let keys = keys.to_vec();
    Box::new(move |db| {
        for key in &keys {
            assert!(db.get_cf(cf(db, family), key).unwrap().is_some());
            db.delete_cf(cf(db, family), key).unwrap();
        }
    })
}

fn add(family: &'static str, key: &[u8], bytes: usize) -> Tamper {
    let key = key.to_vec();
    Box::new(move |db| {
        assert!(db.get_cf(cf(db, family), &key).unwrap().is_none());
        db.put_cf(cf(db, family), &key, vec![0; bytes]).unwrap();
    })
}

fn seq(seq: u64) -> [u8; 8] {
    seq.to_be_bytes()
}

/// 1,000 entries: three full tiles and 232 entries after them, in batches that end at 500, 700, 996, 999
/// and 1,000.
fn log() -> Log {
    Log::with(&[500, 200, 296, 3, 1])
}

fn assert_refused(log: &Log, cases: Vec<(Tamper, &str)>) {
    for (tamper, expected) in cases {
        let refused = tampered(log, &tamper).to_string();
        assert!(
            refused.contains(expected),
            "expected `{expected}`, found `{refused}`"
        );
    }
}

#[test]
fn a_changed_or_missing_entry_is_named() {
    let tail = "one of entry 700 to entry 995, or a tile of theirs, was changed: the root signed at size 996";
    let cases = vec![
        (flip(ENTRIES, &seq(999)), "entry 999 was changed"),
        (
            flip(ENTRIES, &seq(997)),
            "one of entry 996 to entry 998 was changed",
        ),
        (flip(ENTRIES, &seq(768)), tail),
        (flip(ENTRIES, &seq(767)), "entry 767 hashes to"),
        (flip(ENTRIES, &seq(512)), "entry 512 hashes to"),
        (remove(ENTRIES, &[seq(999)]), "entry 999 is missing"),
        (remove(ENTRIES, &[seq(800)]), "entry 800 is missing"),
        (remove(ENTRIES, &[seq(600)]), "entry 600 is missing"),
        (add(ENTRIES, &seq(1000), 9), "there is entry 1000, beyond"),
    ];
    assert_refused(&log(), cases);
}

#[test]
fn a_changed_or_missing_tile_is_named() {
    let last = tile_key(0, 2);
    let missing: Tamper = Box::new(move |db| db.delete_cf(cf(db, TILES), last).unwrap());
    let cut = change(TILES, &last, |_, mut tile| {
        tile.truncate(8160);
        tile
    });
    let cases = vec![
        (flip(TILES, &last), "tile 0/2 has"),
        (missing, "tile 0/2 cannot be read: it is missing"),
        (cut, "tile 0/2 cannot be read: expected 8192 bytes"),
        (
            flip(TILES, &tile_key(0, 0)),
            "one of tile 0/0 to tile 0/1 was changed",
        ),
        (
            add(TILES, &tile_key(0, 3), 8192),
            "there is tile 0/3, beyond",
        ),
        (
            add(TILES, &tile_key(1, 0), 8192),
            "there is tile 1/0, beyond",
        ),
    ];
    assert_refused(&log(), cases);
}

#[test]
fn a_tile_above_the_leaves_is_compared_with_those_below() {
    let cases = vec![
        (flip(TILES, &tile_key(1, 0)), "tile 0/255 hashes to"),
        (flip(TILES, &tile_key(0, 100)), "tile 0/100 hashes to"),
        (flip(TILES, &tile_key(0, 255)), "entry 65535 hashes to"),
    ];
    assert_refused(&Log::with(&[30_000, 30_000, 5_536]), cases);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_named() {
    let newest = seq(1000);
    let signature = change(META, &newest, |_, mut note| {
        let at = note.len() - 10;
        note[at] ^= 1;
        note
    });
    let size = change(META, &newest, |_, note| {
        let note = String::from_utf8(note).unwrap();
        note.replacen("\n1000\n", "\n1001\n", 1).into()
    });
    let older = change(META, &newest, |db, _| {
        db.get_cf(cf(db, META), seq(999)).unwrap().unwrap()
    });
    let untrusted = "the checkpoint of size 1000 is not to be trusted";
    let all = [500, 700, 996, 999, 1000].map(seq);
    let layout: Tamper = Box::new(|db| db.put("format", "2").unwrap());
    let cases = vec![
        (signature, untrusted),
        (size, untrusted),
        (older, "the checkpoint stored for size 1000 is of size 999"),
        (
            remove(META, &[newest]),
            "there is entry 999, beyond the newest checkpoint, which is of size 999",
        ),
        (
            remove(META, &all),
            "there is entry 999, beyond the newest checkpoint, which is of size 0",
        ),
        (
            add(DETAILS, &[seq(1000).as_slice(), b"params"].concat(), 40),
            "there is a detail of entry 1000, beyond",
        ),
        (layout, "the store has layout `2`, expected `1`"),
    ];
    let log = log();
    assert_refused(&log, cases);
    log.assert_is(&open(log.at_rest().path()).unwrap(), 1000);
}

/// Further back than an open looks: found when it is read.
#[test]
fn damage_further_back_is_found_by_reading() {
    let log = log();
    let copy = log.at_rest();
    let db = raw(&copy);
    flip(ENTRIES, &seq(300))(&db);
    remove(ENTRIES, &[seq(400)])(&db);
    drop(db);
    let store = std::sync::Arc::new(open(copy.path()).unwrap().store);
    let changed = store.entry(300).unwrap_err().to_string();
    assert!(changed.starts_with("entry 300 was changed"), "{changed}");
    assert_eq!(store.receipt(300).unwrap_err().to_string(), changed);
    assert_eq!(
        store.entry(400).unwrap_err().to_string(),
        "entry 400 is missing"
    );
    let mut entries = store.entries(290..500, store.committed());
    assert_eq!(entries.by_ref().take_while(Result::is_ok).count(), 10);
    assert!(
        entries.next().is_none(),
        "an iterator ends with its first error"
    );
    let mut entries = store.entries(390..500, store.committed());
    assert_eq!(
        entries.by_ref().map_while(Result::ok).last().unwrap().seq,
        399
    );
}

/// Any byte of any file that an open reads, flipped: it refuses, or nothing that it answers is different.
#[test]
fn a_flipped_bit_in_a_table_file_is_never_believed() {
    let log = log();
    let copy = log.at_rest();
    let mut refused = 0;
    let files: Vec<_> = std::fs::read_dir(copy.path().join("log"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    assert!(!files.is_empty());
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        for place in (0..whole.len()).step_by(whole.len() / 12 + 1) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            std::fs::write(&file, &bytes).unwrap();
            let scratch = TempDir::new().unwrap();
            super::support::copy_dir(&copy.path().join("log"), &scratch.path().join("log"));
            match open(scratch.path()) {
                Err(_) => refused += 1,
                Ok(opened) => {
                    for (seq, entry) in (0..).zip(&log.entries) {
                        if let Ok(read) = opened.store.entry(seq) {
                            assert_eq!(&read, entry, "{} byte {place}", file.display());
                        }
                    }
                }
            }
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert!(refused > 10, "{refused}");
}
