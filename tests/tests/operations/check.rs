//! `ledgerd check` names the first thing that is wrong, whatever it is, and changes nothing; `ledgerd
//! rebuild` brings the views back.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::note::SigningKey;
use ledger_core::role::Role;
use ledger_core::tree::root_of;
use ledger_core::view::Table;
use ledger_tests::{Ledger, Log, Site, bin, damage, repository, sales_policy, same_views};

use crate::{check, decide, ledgerd, stopped};

/// Every file under the ledger's own paths with its SHA-256, and when it was last written.
fn fingerprint(ledger: &Ledger) -> BTreeMap<String, (Hash, std::time::SystemTime)> {
    fn collect(at: &Path, into: &mut BTreeMap<String, (Hash, std::time::SystemTime)>) {
        if at.is_dir() {
            for item in fs::read_dir(at).expect("a directory") {
                collect(&item.expect("an item").path(), into);
            }
        } else if at.is_file() {
            let written = at
                .metadata()
                .and_then(|file| file.modified())
                .expect("a time");
            let content = Hash::of(&fs::read(at).expect("a file"));
            into.insert(at.display().to_string(), (content, written));
        }
    }
    let mut files = BTreeMap::new();
    collect(&ledger.data(), &mut files);
    collect(&ledger.head(), &mut files);
    files
}

fn key(seq: u64) -> Vec<u8> {
    seq.to_be_bytes().to_vec()
}

/// One bit in the middle of a stored value.
fn flip(ledger: &Ledger, family: &str, key: &[u8]) {
    let mut value = damage::get(ledger, family, key);
    let middle = value.len() / 2;
    value[middle] ^= 1;
    damage::put(ledger, family, key, &value);
}

/// Demands that the check of a damaged ledger names what is wrong, and changes nothing.
#[track_caller]
fn names(ledger: &Ledger, part: &str, words: &[&str]) {
    let before = fingerprint(ledger);
    let found = check(ledger, &["--json"]).expect(1).json();
    assert_eq!(found["outcome"], "wrong");
    assert_eq!(found["wrong"]["part"], part, "{found}");
    let what = format!("{}; {}", found["wrong"]["what"], found["wrong"]["remedy"]);
    for word in words {
        assert!(what.contains(word), "`{word}` is not in {what}");
    }
    assert!(fingerprint(ledger) == before, "a check changes nothing");
}

/// A whole ledger is whole: just made, killed, stopped, started again; and no check leaves a trace.
#[tokio::test]
async fn a_whole_ledger_is_whole_and_stays_as_it_is() {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal("agent.routing", Role::Agent).await;
    decide(&agent, 300).await;
    let in_use = check(&site.ledger, &["--json"]).expect(3).json();
    assert_eq!(in_use["outcome"], "not_checked");
    assert!(
        in_use["why"].as_str().unwrap().contains("in use"),
        "{in_use}"
    );
    let acknowledged = site.operator.size().await;
    let Site { daemon, ledger, .. } = site;
    // Killed: the write-ahead log is all that many entries are in, and the views are behind.
    daemon.kill().await;
    let scratch = ledger.path("scratch");
    fs::create_dir(&scratch).expect("room");
    for round in ["killed", "stopped"] {
        let before = fingerprint(&ledger);
        let words = ["--replay", "--json", "--scratch", scratch.to_str().unwrap()];
        let found = check(&ledger, &words).expect(0).json();
        assert!(
            fingerprint(&ledger) == before,
            "{round}: a check changes nothing"
        );
        assert_eq!(
            fs::read_dir(&scratch).expect("there").count(),
            0,
            "and leaves nothing"
        );
        assert_eq!(found["outcome"], "whole");
        let log = Log::read(&ledger.export(round));
        assert_eq!(found["entries"], log.entries.len());
        assert!(found["entries"].as_u64() >= Some(acknowledged));
        let root = root_of(log.entries.iter().map(|line| leaf_hash(line)));
        assert_eq!(found["root"], root.to_string());
        assert_eq!(found["checkpoints"], damage::all(&ledger, "meta").len());
        assert_eq!(
            found["tiles"], 1,
            "{acknowledged} entries fill one tile of level 0"
        );
        assert_eq!(found["details"], damage::all(&ledger, "details").len());
        assert!(found["details"].as_u64() >= Some(300));
        assert_eq!(
            (&found["details_past_retention"], &found["retention_years"]),
            (&0.into(), &6.into())
        );
        let replay = &found["replay"];
        let judged = ["matched", "asserted", "attested"].map(|key| replay[key].as_u64().unwrap());
        assert_eq!(judged.iter().sum::<u64>(), log.entries.len() as u64);
        if round == "stopped" {
            assert_eq!(found["views"]["rows"], same_views(&log, &ledger));
            assert_eq!(found["head"], log.entries.len());
        }
        // What looked at it in the test has written to it since: once more through a daemon.
        ledger.run().await.stop().await;
    }
    check(&ledger, &[])
        .expect(0)
        .says(&["whole:", "head file", "views", "6 years at least"]);
    let mut none = ledgerd(&["check", "--data", "/not/there"]);
    let said = bin::run(&mut none)
        .expect(3)
        .says(&["not checked", "/not/there", "ledgerd init"]);
    assert!(
        !said.stdout.contains("entries"),
        "nothing was looked at, so nothing was counted: {said}"
    );
}

/// One thing changed, taken away or added at a time, under checksums that are right.
#[tokio::test]
async fn each_thing_that_is_wrong_is_named() {
    let ledger = stopped(300).await;
    let other = Ledger::init_named("ledger.test/other");
    let entries = damage::all(&ledger, "entries").len() as u64;
    let last = entries - 1;
    let sizes: Vec<u64> = damage::all(&ledger, "meta")
        .into_iter()
        .map(|(size, _)| u64::from_be_bytes(size.try_into().expect("a size")))
        .collect();
    let middle = sizes[sizes.len() / 2];
    let (detail, _) = damage::all(&ledger, "details")[7].clone();
    let detail_seq = u64::from_be_bytes(detail[..8].try_into().expect("a seq"));
    let tile = [[0].as_slice(), &key(0)].concat();
    let copy = |change: &dyn Fn(&Ledger)| {
        let copy = ledger.copy();
        change(&copy);
        copy
    };
    let named =
        |part: &str, words: &[&str], change: &dyn Fn(&Ledger)| names(&copy(change), part, words);

    named("entry", &["entry 17 was changed", "tile 0/0"], &|at| {
        flip(at, "entries", &key(17));
    });
    let tail = format!("entry {last}");
    named("entry", &[&tail], &|at| flip(at, "entries", &key(last)));
    named("entry", &["entry 20 is missing"], &|at| {
        damage::delete(at, "entries", &key(20));
    });
    named("entry", &[&format!("{tail} is missing")], &|at| {
        damage::delete(at, "entries", &key(last));
    });
    let surplus = format!("entry {entries}, beyond the newest checkpoint");
    named("entry", &[&surplus], &|at| {
        damage::put(at, "entries", &key(entries), b"{}");
    });

    // The same entry twice, and a time that runs backwards, are for the tile to tell: it was not signed so.
    named("tile", &["tile 0/0 was changed: hash 128"], &|at| {
        flip(at, "tiles", &tile);
    });
    named("tile", &["tile 0/0 is missing"], &|at| {
        damage::delete(at, "tiles", &tile);
    });
    let short = vec![0; 100];
    named("tile", &["tile 0/0", "100"], &|at| {
        damage::put(at, "tiles", &tile, &short);
    });
    let next = [[0].as_slice(), &key(1)].concat();
    named("tile", &["tile 0/1"], &|at| {
        damage::put(at, "tiles", &next, &damage::get(at, "tiles", &tile));
    });

    let checkpoint = format!("checkpoint of size {middle}");
    named("checkpoint", &[&checkpoint, "not to be trusted"], &|at| {
        flip(at, "meta", &key(middle));
    });
    named("checkpoint", &[&checkpoint, "is missing"], &|at| {
        damage::delete(at, "meta", &key(middle));
    });
    let before = sizes[sizes.len() / 2 - 1];
    named(
        "checkpoint",
        &[&format!("stored for size {middle} is of size {before}")],
        &|at| {
            damage::put(
                at,
                "meta",
                &key(middle),
                &damage::get(at, "meta", &key(before)),
            );
        },
    );
    named("entry", &["beyond the newest checkpoint"], &|at| {
        damage::delete(at, "meta", &key(entries));
    });

    let of = format!("detail `rationale` of entry {detail_seq}");
    named("detail", &[&of, "was changed"], &|at| {
        flip(at, "details", &detail);
    });
    named("detail", &[&of, "is missing"], &|at| {
        damage::delete(at, "details", &detail);
    });
    let stray = [key(0), b"params".to_vec()].concat();
    named(
        "detail",
        &["detail `params` of entry 0", "commits to none"],
        &|at| {
            damage::put(at, "details", &stray, &[0; 40]);
        },
    );

    for (table, what) in [
        (Table::Listing, "listing"),
        (Table::Principal, "principal"),
        (Table::Correlation, "correlation"),
    ] {
        let (row, value) = damage::view(&ledger, table)[0].clone();
        let view = format!("view `{what}`");
        let words = [view.as_str(), "ledgerd rebuild"];
        named("view", &words, &|at| {
            damage::set_view(at, table, &row, None);
        });
        named("view", &words, &|at| {
            damage::set_view(at, table, &row, Some(b"{}"));
        });
        let extra = [row.as_slice(), b"x"].concat();
        named("view", &words, &|at| {
            damage::set_view(at, table, &extra, Some(&value));
        });
    }

    named("head file", &["no head file"], &|at| {
        fs::remove_file(at.head()).expect("there");
    });
    named("head file", &["no readable slot"], &|at| {
        fs::write(at.head(), "x").expect("room");
    });
    named("head file", &["not to be trusted"], &|at| {
        fs::copy(other.head(), at.head()).expect("room");
    });
    named("key", &["content key", "genesis"], &|at| {
        let content = "keys/content.key";
        fs::copy(other.data().join(content), at.data().join(content)).expect("room");
    });
    named("key", &["signing.key", "640"], &|at| {
        let path = at.data().join("keys/signing.key");
        fs::set_permissions(path, Permissions::from_mode(0o640)).expect("own");
    });
    named("checkpoint", &["not to be trusted"], &|at| {
        fs::copy(other.vkey_file(), at.vkey_file()).expect("room");
    });
    named("verification key", &["ledger.vkey"], &|at| {
        fs::write(at.vkey_file(), "x\n").expect("room");
    });

    // A copy without head file, keys and views is what a backup of the log alone is.
    let bare = copy(&|at| {
        fs::remove_file(at.head()).expect("there");
        fs::remove_dir_all(at.data().join("keys")).expect("there");
        fs::remove_dir_all(at.data().join("views")).expect("there");
    });
    check(&bare, &["--no-head", "--no-keys"])
        .expect(0)
        .says(&["whole", "next start folds them anew"]);
    check(&bare, &["--no-keys"]).expect(1).says(&["head file"]);
    check(&ledger, &[]).expect(0);
}

/// What RocksDB's checksums and those of its write-ahead log find, and a store behind its head file.
#[tokio::test]
async fn damaged_bytes_and_an_older_copy_are_named() {
    let ledger = stopped(300).await;
    let older = ledger.copy();
    let entry = Log::read(&ledger.export("export")).entries[10].clone();
    let daemon = ledger.run().await;
    decide(
        &daemon.client(ledger_tests::Credential::of("agent.routing")),
        20,
    )
    .await;
    daemon.kill().await;

    fs::copy(ledger.head(), older.head()).expect("room");
    names(
        &older,
        "head file",
        &["older copy", "restore the newest copy"],
    );
    let in_tables = ledger.copy();
    damage::flip(&in_tables, &entry);
    names(&in_tables, "tables", &["cannot be read"]);
    let in_wal = ledger.copy();
    damage::flip_in_wal(&in_wal, "middle");
    names(&in_wal, "write-ahead log", &["damaged", "byte"]);
    check(&ledger, &[]).expect(0);
}

/// Damaged views are found, folded anew, and found whole; nothing is signed meanwhile.
#[tokio::test]
async fn a_rebuild_brings_damaged_views_back_and_signs_nothing() {
    let ledger = stopped(30).await;
    let meta = damage::all(&ledger, "meta");
    let entries = damage::all(&ledger, "entries");
    let (listing, _) = damage::view(&ledger, Table::Listing)[0].clone();
    damage::set_view(&ledger, Table::Listing, &listing, None);
    names(&ledger, "view", &["listing", "ledgerd rebuild"]);
    let mut rebuild = ledgerd(&["rebuild", "--json", "--data"]);
    let said = bin::run(rebuild.arg(ledger.data())).expect(0).json();
    assert_eq!(said["entries"], entries.len());
    check(&ledger, &[]).expect(0);
    assert_eq!(
        damage::all(&ledger, "meta"),
        meta,
        "no checkpoint was made or lost"
    );
    assert_eq!(damage::all(&ledger, "entries"), entries);
    same_views(&Log::read(&ledger.export("export")), &ledger);
}

/// An answer that the gate did not give, under hashes and signatures that are right: the walk finds nothing,
/// and replay names it.
#[tokio::test]
async fn an_answer_that_the_gate_did_not_give_is_named_by_replay() {
    let ledger = stopped(30).await;
    let mut entries = damage::all(&ledger, "entries");
    let (seq, forged) = entries
        .iter()
        .enumerate()
        .find_map(|(seq, (_, line))| {
            let line = String::from_utf8(line.clone()).expect("UTF-8");
            let forged = line.replacen("\"tier\":0", "\"tier\":1", 1);
            (forged != line).then_some((seq, forged))
        })
        .expect("a decision of tier 0");
    entries[seq].1 = forged.into_bytes();
    damage::put(&ledger, "entries", &entries[seq].0, &entries[seq].1);
    let mut seed = [0; 32];
    let file = fs::read_to_string(ledger.data().join("keys/signing.key")).expect("a key");
    hex::decode_to_slice(file.trim(), &mut seed).expect("64 hex digits");
    let signing = SigningKey::from_seed(&seed, ledger.origin()).expect("a name");
    for (at, _) in damage::all(&ledger, "meta") {
        let size = u64::from_be_bytes(at.clone().try_into().expect("a size"));
        let leaves = entries
            .iter()
            .take(usize::try_from(size).expect("in range"));
        let root = root_of(leaves.map(|(_, line)| leaf_hash(line)));
        let checkpoint = Checkpoint::new(ledger.origin(), size, root);
        damage::put(
            &ledger,
            "meta",
            &at,
            &checkpoint.sign(&signing).expect("signed").to_bytes(),
        );
    }
    check(&ledger, &["--no-head", "--no-views"]).expect(0);
    // Whoever was handed the old checkpoints notices; so does the head file.
    names(&ledger, "head file", &["went on by itself"]);
    let found = check(&ledger, &["--no-head", "--no-views", "--replay", "--json"])
        .expect(1)
        .json();
    assert_eq!(found["wrong"]["part"], "replay");
    let what = found["wrong"]["what"].as_str().expect("words");
    assert!(
        what.contains(&format!("entry {seq} ")) && what.contains("tier"),
        "{what}"
    );
}

/// Nothing of the log is ever deleted: what could do it does not stand in the daemon, the views apart.
#[test]
fn no_code_of_the_daemon_deletes_from_the_log() {
    fn look(at: &Path, found: &mut Vec<String>, read: &mut usize) {
        for item in fs::read_dir(at).expect("a folder of the checkout") {
            let path = item.expect("an item").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "views" | "tests") {
                    look(&path, found, read);
                }
            } else if name != "tests.rs" {
                *read += 1;
                let text = fs::read_to_string(&path).expect("text");
                for word in [
                    "delete_",
                    ".delete(",
                    "drop_cf",
                    "single_delete",
                    "destroy(",
                    "merge_cf",
                ] {
                    if text.contains(word) {
                        found.push(format!("`{word}` in {}", path.display()));
                    }
                }
            }
        }
    }
    let (mut found, mut read) = (Vec::new(), 0);
    look(
        &repository().join("ledger/daemon/src"),
        &mut found,
        &mut read,
    );
    assert!(read > 40, "{read} files were read");
    assert_eq!(found, [] as [String; 0]);
}
