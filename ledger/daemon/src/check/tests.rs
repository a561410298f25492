//! The walk over logs that are larger than a test of the whole makes them, and older.

use ledger_core::entry::{
    Actor, Body, Cause, DetailName, Entry, Environment, Genesis, Heartbeat, Scope, Stop,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use rocksdb::{DB, Options};
use tempfile::TempDir;

use super::found::Stop as Ended;
use super::walk::{Counts, Walk};
use crate::store::tests::support::{Log, ORIGIN, trust, vkey};
use crate::store::{DetailBytes, Inspected};

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + micros).unwrap()
}

fn entry(seq: u64, time: Timestamp, body: Body) -> Vec<u8> {
    let entry = Entry {
        seq,
        time,
        sandbox: false,
        body,
    };
    entry.encode().unwrap()
}

fn genesis() -> Body {
    Body::Genesis(Genesis {
        actor: Actor::ledger(),
        origin: ORIGIN.to_owned(),
        environment: Environment::Prod,
        gate: 1,
        key: vkey().to_string(),
        subject_key: Hash::of(b"s"),
        content_key: Hash::of(b"c"),
        normaliser: "1".to_owned(),
        tokens_v: 1,
        reserved: Vec::new(),
    })
}

fn heartbeat() -> Body {
    Body::Heartbeat(Heartbeat {
        actor: Actor::ledger(),
    })
}

/// A log of heartbeats in batches of 8,192, all at one time.
fn log(size: u64) -> Log {
    let mut log = Log::new();
    let bodies = (0..size).map(|seq| if seq == 0 { genesis() } else { heartbeat() });
    let lines: Vec<_> = (0..)
        .zip(bodies)
        .map(|(seq, body)| entry(seq, time(0), body))
        .collect();
    for batch in lines.chunks(8192) {
        log.append(batch.to_vec(), &[]).unwrap();
    }
    log
}

/// Closes the log and changes one record of it.
fn changed(log: Log, family: &str, key: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> TempDir {
    let Log { dir, store, .. } = log;
    drop(store);
    let mut options = Options::default();
    options.set_track_and_verify_wals_in_manifest(true);
    let families = ["default", "entries", "tiles", "details", "meta"];
    let db = DB::open_cf(&options, dir.path().join("log"), families).unwrap();
    let family = db.cf_handle(family).unwrap();
    let mut value = db.get_cf(family, key).unwrap().unwrap();
    change(&mut value);
    if value.is_empty() {
        db.delete_cf(family, key).unwrap();
    } else {
        db.put_cf(family, key, value).unwrap();
    }
    drop(db);
    dir
}

fn walk(dir: &TempDir, kept_from: Option<Timestamp>) -> Result<Counts, String> {
    let log = Inspected::open(&dir.path().join("log")).unwrap();
    let trust = trust();
    let walked = Walk::new(&log, &trust, ORIGIN).and_then(|mut walk| {
        walk.kept_from = kept_from;
        walk.run(&mut |_, _| Ok(()))?;
        Ok(walk.counts.clone())
    });
    walked.map_err(|stop| match stop {
        Ended::Wrong(wrong) => format!("{}: {}", wrong.part, wrong.what),
        other => panic!("{other:?}"),
    })
}

#[test]
fn tiles_of_every_level_are_recomputed() {
    let size = 65_536 + 300;
    let level_one = [[1].as_slice(), &0u64.to_be_bytes()].concat();
    let counts = walk(&changed(log(size), "tiles", &level_one, |_| {}), None).unwrap();
    assert_eq!((counts.entries, counts.tiles), (size, 256 + 1 + 1));
    let dir = changed(log(size), "tiles", &level_one, |tile| {
        tile[77 * 32 + 5] ^= 1
    });
    let said = walk(&dir, None).unwrap_err();
    assert!(
        said.starts_with("tile: tile 1/0 was changed: hash 77 is "),
        "{said}"
    );
    assert!(said.ends_with("the root of tile 0/77"), "{said}");
    let dir = changed(log(size), "tiles", &level_one, Vec::clear);
    assert_eq!(walk(&dir, None).unwrap_err(), "tile: tile 1/0 is missing");
}

/// An entry and its tile that agree on what was never signed: the checkpoint tells.
#[test]
fn what_was_not_signed_is_found_though_its_hashes_agree() {
    let actor = Actor::principal(Role::Operator, "operator.one");
    let forged = entry(5, time(0), Body::Heartbeat(Heartbeat { actor }));
    let leaf = ledger_core::hash::leaf_hash(&forged);
    let dir = changed(log(600), "entries", &5u64.to_be_bytes(), |line| {
        line.clone_from(&forged);
    });
    let said = walk(&dir, None).unwrap_err();
    assert!(said.starts_with("entry: entry 5 was changed"), "{said}");
    let db = Options::default();
    let families = ["default", "entries", "tiles", "details", "meta"];
    let db = DB::open_cf(&db, dir.path().join("log"), families).unwrap();
    let (tiles, at) = (db.cf_handle("tiles").unwrap(), [0; 9]);
    let mut tile = db.get_cf(tiles, at).unwrap().unwrap();
    tile[5 * 32..6 * 32].copy_from_slice(&leaf.0);
    db.put_cf(tiles, at, tile).unwrap();
    drop(db);
    let said = walk(&dir, None).unwrap_err();
    let expected = "entry: one of entry 0 to 599 is not the one that was signed";
    assert!(said.starts_with(expected), "{said}");
}

/// Details are counted when their time is over, and are no fault by it.
#[test]
fn details_past_their_retention_are_counted() {
    let mut log = Log::new();
    log.append(vec![entry(0, time(0), genesis())], &[]).unwrap();
    for seq in 1..=4 {
        let (salt, bytes) = ([9; 32], b"because".to_vec());
        let commitment = ledger_core::entry::Commitment::new(&salt, &bytes, 0);
        let at = time(i64::try_from(seq).unwrap() * 1_000_000);
        let stop = Body::Stop(Stop {
            cause: Cause {
                request_id: Some(format!("stop-{seq}")),
                call: Some(Call::Stop),
                correlation_id: None,
                content: Some(Hash::of(b"content")),
                action_id: None,
                actor: Actor::principal(Role::Operator, "operator.one"),
            },
            scope: Scope::All,
            details: [(DetailName::Reason, commitment)].into(),
            voided: 0,
        });
        let detail = DetailBytes {
            name: DetailName::Reason,
            salt,
            bytes,
        };
        log.append(vec![entry(seq, at, stop)], &[(seq, detail)])
            .unwrap();
    }
    let Log { dir, store, .. } = log;
    drop(store);
    for (from, past) in [
        (None, 0),
        (Some(0), 0),
        (Some(3_000_000), 2),
        (Some(9_000_000), 4),
    ] {
        let counts = walk(&dir, from.map(time)).unwrap();
        assert_eq!((counts.details, counts.detail_bytes), (4, 28));
        assert_eq!(counts.details_past_retention, past, "{from:?}");
    }
}
