//! Views over a real log: behind it, ahead of it, of another history, damaged, gone.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use ledger_core::action::Channels;
use ledger_core::entry::{
    Actor, Body, Cause, Cite, Dnc, DncOp, Entry, Environment, Genesis, Heartbeat, Key, Listing,
    ListingReason,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_core::view::{ReadView, Table};
use tempfile::TempDir;

use crate::store::tests::support::{Log, ORIGIN, open};
use crate::views::{OpenedViews, Progress, ViewStore, check, open_views, rebuild};

/// A ledger with a list that grows and shrinks. `salt` makes another history of the same shape.
fn entry(seq: u64, salt: u64) -> Vec<u8> {
    let cause = Cause {
        request_id: Some(format!("request-{seq}-{salt}")),
        call: Some(Call::AddDnc),
        correlation_id: Some(format!("run-{}", seq % 10)),
        content: Some(Hash::of(&seq.to_be_bytes())),
        action_id: None,
        actor: Actor::principal(Role::Compliance, "compliance.one"),
    };
    let token = |n: u64| Token(Hash::of(&(n + 1_000_000 * salt).to_be_bytes()).0);
    let dnc = |op, listings, ends| {
        let tokens_v = Some(1);
        Body::Dnc(Dnc {
            cause: cause.clone(),
            op,
            tokens_v,
            listings,
            ends,
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence: None,
            details: [].into(),
        })
    };
    let body = match seq {
        0 => Body::Genesis(Genesis {
            actor: Actor::ledger(),
            origin: ORIGIN.to_owned(),
            environment: Environment::Prod,
            gate: 1,
            key: String::new(),
            subject_key: Hash::of(b"s"),
            content_key: Hash::of(b"c"),
            normaliser: "1".to_owned(),
            tokens_v: 1,
            reserved: Vec::new(),
        }),
        seq if seq.is_multiple_of(7) => Body::Heartbeat(Heartbeat {
            actor: Actor::ledger(),
        }),
        seq if seq % 5 == 2 && !(seq - 1).is_multiple_of(7) => dnc(
            DncOp::Unlist,
            Vec::new(),
            vec![Cite {
                seq: seq - 1,
                index: Some(0),
            }],
        ),
        seq => {
            let key = |n| Key {
                kind: Kind::Email,
                token: token(n),
                v: None,
            };
            let listing = |keys| Listing {
                keys,
                seller: None,
                channels: Channels::none(),
                reason: Some(ListingReason::Manual),
                source: None,
                evidence: None,
                requested_at: None,
                effective_from: None,
                expires_at: None,
            };
            dnc(
                DncOp::List,
                vec![
                    listing(vec![key(seq), key(seq / 3)]),
                    listing(vec![key(seq / 9)]),
                ],
                Vec::new(),
            )
        }
    };
    let time = Timestamp::from_micros(1_800_000_000_000_000 + i64::try_from(seq).unwrap()).unwrap();
    Entry {
        seq,
        time,
        sandbox: false,
        body,
    }
    .encode()
    .unwrap()
}

fn grow(log: &mut Log, to: u64, salt: u64) {
    let entries: Vec<_> = (log.size()..to).map(|seq| entry(seq, salt)).collect();
    for batch in entries.chunks(97) {
        log.append(batch.to_vec(), &[]).unwrap();
    }
}

fn log(size: u64) -> Log {
    let mut log = Log::new();
    grow(&mut log, size, 0);
    log
}

fn views_dir(log: &Log) -> PathBuf {
    log.dir.path().join("views")
}

/// Opens the views and returns where the fold began. They must then hold the whole log.
fn opened(log: &Log) -> (OpenedViews, u64) {
    let mut steps = Vec::new();
    let opened = open_views(&views_dir(log), &log.store, &mut |progress| {
        steps.push(progress);
    })
    .unwrap();
    let total = log.size();
    assert!(steps.iter().all(|step| step.total == total));
    assert_eq!(
        steps.last(),
        Some(&Progress {
            folded: total,
            total
        })
    );
    assert_eq!(opened.state.head().next, total);
    assert_eq!(check(&*opened.views, &log.store, 5).unwrap(), []);
    assert_eq!(check(opened.state.view(), &log.store, 5).unwrap(), []);
    (opened, steps[0].folded)
}

/// Opens and closes in good order.
fn settle(log: &Log) -> u64 {
    let (opened, began) = opened(log);
    opened.writer.finish().unwrap();
    began
}

#[test]
fn views_are_folded_once_and_then_kept() {
    let mut log = log(300);
    assert_eq!(settle(&log), 0);
    assert_eq!(settle(&log), 300);
    grow(&mut log, 420, 0);
    assert_eq!(settle(&log), 300);
    assert_eq!(settle(&log), 420);
    // Many rows, so that this compares something.
    let (opened, _) = opened(&log);
    let mut rows = 0;
    opened
        .views
        .scan(Table::Subject, b"", &mut |_, _| {
            rows += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(rows > 500, "{rows}");
}

#[test]
fn an_empty_log_has_empty_views() {
    let log = Log::new();
    assert_eq!(settle(&log), 0);
}

/// A long fold publishes as it goes, and its memory with it.
#[test]
fn a_long_fold_is_published_in_parts() {
    let log = log(9_000);
    let mut steps = Vec::new();
    rebuild(&views_dir(&log), &log.store, &mut |progress| {
        steps.push(progress.folded);
    })
    .unwrap();
    assert_eq!((steps.first(), steps.last()), (Some(&0), Some(&9_000)));
    assert!(
        steps
            .windows(2)
            .all(|two| two[0] < two[1] && two[1] - two[0] <= 4_096),
        "{steps:?}"
    );
    assert_eq!(settle(&log), 9_000);
}

/// What a crash leaves is what was last flushed. The fold begins there.
#[test]
fn views_that_a_crash_left_behind_catch_up() {
    let mut log = log(200);
    settle(&log);
    let (running, _) = opened(&log);
    grow(&mut log, 260, 0);
    // Copied while open: nothing of the 60 is on disk, for nobody has told the views.
    let copy = TempDir::new().unwrap();
    crate::store::tests::support::copy_dir(&views_dir(&log), copy.path());
    running.writer.finish().unwrap();
    let after = open_views(copy.path(), &log.store, &mut |_| ()).unwrap();
    assert_eq!(check(&*after.views, &log.store, 5).unwrap(), []);
}

#[test]
fn views_ahead_of_the_log_are_dropped() {
    let mut longer = log(200);
    let backup = longer.crash();
    grow(&mut longer, 260, 0);
    settle(&longer);
    let mut restored = longer;
    restored.store = Arc::new(open(backup.path()).unwrap().store);
    restored.entries.truncate(200);
    assert_eq!(settle(&restored), 0);
    assert_eq!(settle(&restored), 200);
}

#[test]
fn views_of_another_history_are_dropped() {
    let mut one = log(200);
    let backup = one.crash();
    grow(&mut one, 260, 0);
    settle(&one);
    // The backup goes on by itself, past where the views are.
    let mut other = one;
    other.store = Arc::new(open(backup.path()).unwrap().store);
    other.entries.truncate(200);
    other.leaves.truncate(200);
    grow(&mut other, 300, 1);
    assert_eq!(settle(&other), 0);
    assert_eq!(settle(&other), 300);
}

#[test]
fn damaged_views_are_folded_anew() {
    let log = log(200);
    settle(&log);
    let damage = |extension: &str, place: usize| {
        for item in fs::read_dir(views_dir(&log)).unwrap() {
            let path = item.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(extension) || name.starts_with(extension) {
                let mut bytes = fs::read(&path).unwrap();
                let place = place.min(bytes.len() - 1);
                bytes[place] ^= 0xff;
                fs::write(&path, bytes).unwrap();
            }
        }
    };
    damage("MANIFEST", 10);
    assert_eq!(settle(&log), 0);
    damage("sst", 3);
    let began = settle(&log);
    assert_eq!((began, settle(&log)), (0, 200));
}

#[test]
fn views_of_another_version_are_folded_anew() {
    let log = log(50);
    settle(&log);
    let store = ViewStore::open(&views_dir(&log)).unwrap();
    store.db.put("format", "0/1").unwrap();
    drop(store);
    assert_eq!(settle(&log), 0);
}

#[test]
fn a_row_that_the_fold_did_not_write_is_found() {
    let log = log(50);
    settle(&log);
    let store = ViewStore::open(&views_dir(&log)).unwrap();
    let cf = |table: Table| store.db.cf_handle(table.name()).unwrap();
    let mut key = None;
    let visit = &mut |row: &[u8], _: &[u8]| {
        key = Some(row.to_vec());
        ControlFlow::Continue(())
    };
    store.dump(Table::Listing, visit).unwrap();
    let last = key.unwrap();
    store
        .db
        .put_cf(cf(Table::Subject), b"planted", b"1")
        .unwrap();
    store.db.put_cf(cf(Table::Listing), &last, b"[]").unwrap();
    let first_correlation = b"run-1\0\0\0\0\0\0\0\0\x01";
    store
        .db
        .delete_cf(cf(Table::Correlation), first_correlation)
        .unwrap();
    drop(store);
    let opened = open_views(&views_dir(&log), &log.store, &mut |_| ()).unwrap();
    let found = check(&*opened.views, &log.store, 5).unwrap();
    let tables: Vec<_> = found
        .iter()
        .map(|found| (found.table, found.key.clone()))
        .collect();
    assert_eq!(
        tables,
        [
            (Table::Listing, last),
            (Table::Correlation, first_correlation.to_vec()),
            (Table::Subject, b"planted".to_vec()),
        ]
    );
    assert_eq!(
        (&found[2].stored, &found[2].folded),
        (&Some(b"1".to_vec()), &None)
    );
    assert_eq!(
        (&found[1].stored, &found[1].folded),
        (&None, &Some(Vec::new()))
    );
    assert_eq!(
        found[2].to_string(),
        "view `subject`, key `planted`: stored 1, folded nothing"
    );
    // Only the beginning is told.
    assert_eq!(check(&*opened.views, &log.store, 1).unwrap().len(), 1);
    drop(opened);
    rebuild(&views_dir(&log), &log.store, &mut |_| ()).unwrap();
    assert_eq!(settle(&log), 50);
}

/// A leaf that is no entry stops the fold, by its seq.
#[test]
fn a_log_that_does_not_fold_is_refused() {
    let mut log = log(20);
    log.grow(1);
    let error = open_views(&views_dir(&log), &log.store, &mut |_| ()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("entry 20 of the log: not an entry"),
        "{error}"
    );
}
