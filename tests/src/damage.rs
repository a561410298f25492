//! Damage to a stopped ledger's store, done without the daemon's own code: through RocksDB, so that its
//! checksums are right again, and to the bytes on the disk, so that they are not.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ledger_core::view::Table;
use rocksdb::{DB, IteratorMode, Options};

use crate::Ledger;

/// The column families of the log, as its documentation lists them.
const FAMILIES: [&str; 5] = ["default", "entries", "tiles", "details", "meta"];

fn open(ledger: &Ledger) -> DB {
    let mut options = Options::default();
    // As the daemon does it, so that what it notes about its logs stays right.
    options.set_track_and_verify_wals_in_manifest(true);
    DB::open_cf(&options, ledger.data().join("log"), FAMILIES)
        .expect("a store that no daemon has open")
}

/// A value in the store.
pub fn get(ledger: &Ledger, family: &str, key: &[u8]) -> Vec<u8> {
    let db = open(ledger);
    let value = db
        .get_cf(db.cf_handle(family).expect("a column family"), key)
        .expect("a store that can be read");
    value.unwrap_or_else(|| panic!("`{family}` has nothing under `{}`", key.escape_ascii()))
}

/// Puts another value there.
pub fn put(ledger: &Ledger, family: &str, key: &[u8], value: &[u8]) {
    let db = open(ledger);
    db.put_cf(db.cf_handle(family).expect("a column family"), key, value)
        .expect("room on the disk");
}

/// Takes a value out.
pub fn delete(ledger: &Ledger, family: &str, key: &[u8]) {
    let db = open(ledger);
    db.delete_cf(db.cf_handle(family).expect("a column family"), key)
        .expect("room on the disk");
}

/// Every key and value of a column family of the log, in their order.
pub fn all(ledger: &Ledger, family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let db = open(ledger);
    rows(&db, family)
}

/// Every key and value of a table of the views, in their order.
pub fn view(ledger: &Ledger, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    rows(&open_views(ledger), table.name())
}

/// Puts another value into a table of the views, or takes one out.
pub fn set_view(ledger: &Ledger, table: Table, key: &[u8], value: Option<&[u8]>) {
    let db = open_views(ledger);
    let family = db.cf_handle(table.name()).expect("a column family");
    match value {
        Some(value) => db.put_cf(family, key, value),
        None => db.delete_cf(family, key),
    }
    .expect("room on the disk");
}

fn open_views(ledger: &Ledger) -> DB {
    let families = std::iter::once("default").chain(Table::ALL.map(Table::name));
    DB::open_cf(&Options::default(), ledger.data().join("views"), families)
        .expect("views that no daemon has open")
}

fn rows(db: &DB, family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let family = db.cf_handle(family).expect("a column family");
    db.iterator_cf(family, IteratorMode::Start)
        .map(|row| {
            let (key, value) = row.expect("a row can be read");
            (key.into_vec(), value.into_vec())
        })
        .collect()
}

/// Flips one bit in the middle of `bytes`, wherever the store's files hold them. Says which files.
pub fn flip(ledger: &Ledger, bytes: &[u8]) -> String {
    let mut found = Vec::new();
    for path in files(ledger) {
        let mut content = fs::read(&path).expect("a file of the store");
        // What lies across the end of a block of a write-ahead log is in two pieces there.
        let places = if is_wal(&path) {
            fragments(&content).into_iter().flatten().collect()
        } else {
            (0..content.len()).collect::<Vec<usize>>()
        };
        let written: Vec<u8> = places.iter().map(|place| content[*place]).collect();
        let middles: Vec<usize> = written
            .windows(bytes.len())
            .enumerate()
            .filter(|(_, at)| *at == bytes)
            .map(|(at, _)| places[at + bytes.len() / 2])
            .collect();
        for middle in &middles {
            content[*middle] ^= 1;
        }
        if !middles.is_empty() {
            fs::write(&path, content).expect("room on the disk");
            found.push(
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    assert!(
        !found.is_empty(),
        "no file of the store holds `{}`",
        bytes.escape_ascii()
    );
    found.join(", ")
}

/// Flips one bit in the last record of the write-ahead log: in what comes before its bytes (its length),
/// in its middle, or in its last byte.
pub fn flip_in_wal(ledger: &Ledger, place: &str) {
    let newest = files(ledger)
        .into_iter()
        .filter(|path| is_wal(path))
        .filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0))
        .max()
        .expect("a write-ahead log");
    let mut content = fs::read(&newest).expect("a write-ahead log");
    let last = fragments(&content).pop().expect("a record").start - HEADER;
    let at = match place {
        "head" => last + 4,
        "middle" => last + (content.len() - last) / 2,
        _ => content.len() - 1,
    };
    content[at] ^= 1;
    fs::write(&newest, content).expect("room on the disk");
}

/// What stands before the bytes of a fragment of a write-ahead log: checksum (4 bytes), length (2, little
/// endian), type (1).
const HEADER: usize = 7;

fn is_wal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

/// Where the bytes of each fragment of a write-ahead log lie. Blocks of 32 KiB, of fragments; a rest of a
/// block too small for a header is filled up.
fn fragments(content: &[u8]) -> Vec<Range<usize>> {
    const BLOCK: usize = 32 * 1024;
    let (mut at, mut fragments) = (0, Vec::new());
    while at + HEADER <= content.len() {
        let left = BLOCK - at % BLOCK;
        if left < HEADER {
            at += left;
            continue;
        }
        let length = u16::from_le_bytes([content[at + 4], content[at + 5]]);
        let from = at + HEADER;
        at = from + usize::from(length);
        fragments.push(from..at);
    }
    assert_eq!(
        at,
        content.len(),
        "a write-ahead log made of whole fragments"
    );
    fragments
}

fn files(ledger: &Ledger) -> Vec<PathBuf> {
    let folder = fs::read_dir(ledger.data().join("log")).expect("a store");
    let mut files: Vec<PathBuf> = folder
        .map(|item| item.expect("an item").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}
