//! Starts that must not happen: on a store that is not the newest, not this ledger's, or not as it was
//! written. Each refusal says what is wrong, and leaves everything as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::leaf_hash;
use ledger_core::note::{KeyKind, SigningKey, VerificationKey};
use ledger_core::role::Role;
use ledger_core::tree::root_of;
use ledger_proto::v1 as pb;
use ledger_tests::{Client, Daemon, Ledger, Log, Site, ask, bin, damage, sales_policy, site};

/// Decides that many requests, many at a time: a full tile takes 256 entries.
async fn decide(client: &Client, count: usize) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (client, id) = (client.clone(), site::fresh("ask"));
        calls.spawn(async move {
            client
                .decide(ask::act(&id, &id, "crm.read"))
                .await
                .map(drop)
        });
    }
    for call in calls.join_all().await {
        call.expect("decided");
    }
}

/// A stopped ledger with that many decisions.
async fn stopped(decisions: usize) -> Ledger {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal("agent.routing", Role::Agent).await;
    decide(&agent, decisions).await;
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    ledger
}

/// Runs it once more, adds decisions, and stops it.
async fn go_on(ledger: &Ledger, decisions: usize) {
    let daemon = ledger.run().await;
    let agent = daemon.client(ledger_tests::Credential::of("agent.routing"));
    decide(&agent, decisions).await;
    daemon.stop().await;
}

/// Demands that it starts, knows its policy, decides, and stops.
async fn starts(ledger: &Ledger, arguments: &[&str]) {
    let daemon: Daemon = ledger.run_with(arguments).await;
    let operator = daemon.client(ledger.operator());
    let shown = operator
        .show_policy(pb::ShowPolicyRequest {})
        .await
        .expect("it answers");
    assert!(shown.seq.is_some(), "it has lost its policy");
    decide(
        &daemon.client(ledger_tests::Credential::of("agent.routing")),
        1,
    )
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_directory_in_use_is_nobody_elses() {
    let site = Site::with_policy(&sales_policy()).await;
    let before = site.operator.size().await;
    site.ledger
        .run_refused(&[])
        .refuses(&["in use", "stop that one first"]);
    let other_socket = site.ledger.path("other.sock");
    site.ledger
        .run_refused(&["--socket", other_socket.to_str().expect("UTF-8")])
        .refuses(&["in use"]);
    let mut export = bin::command("ledgerd");
    export
        .arg("export")
        .arg("--data")
        .arg(site.ledger.data())
        .arg("--out")
        .arg(site.ledger.path("export"));
    bin::run(&mut export).refuses(&["in use"]);
    let mut rebuild = bin::command("ledgerd");
    bin::run(rebuild.arg("rebuild").arg("--data").arg(site.ledger.data())).refuses(&["in use"]);
    let mut init = bin::command("ledgerd");
    init.arg("init")
        .arg("--data")
        .arg(site.ledger.data())
        .args(["--origin", "other", "--operator", "o"]);
    bin::run(
        init.arg("--credential-out")
            .arg(site.ledger.path("other.credential")),
    )
    .refuses(&[]);
    assert_eq!(
        site.operator.size().await,
        before,
        "the daemon goes on undisturbed"
    );
}

#[tokio::test]
async fn a_store_behind_or_beside_its_head_file_is_refused() {
    let ledger = stopped(3).await;
    let (older, fork) = (ledger.copy(), ledger.copy());
    go_on(&ledger, 3).await;
    go_on(&fork, 6).await;

    // A backup is brought back; what it lacks was handed out.
    fs::copy(ledger.head(), older.head()).expect("a head file");
    older
        .run_refused(&[])
        .refuses(&["older copy", "fork", "restore the newest copy"]);
    older
        .run_refused(&["--accept-head"])
        .refuses(&["older copy", "fork"]);

    // A copy went on by itself: it is longer, and another history.
    fs::copy(ledger.head(), fork.head()).expect("a head file");
    fork.run_refused(&[])
        .refuses(&["went on by itself", "fork", "another origin"]);
    fork.run_refused(&["--accept-head"])
        .refuses(&["went on by itself"]);

    // What it refuses it still hands out, and the material verifies.
    ledger_tests::Verifier::of(&fork).whole(&fork.export("export"));
    starts(&ledger, &[]).await;
}

#[tokio::test]
async fn without_its_head_file_a_store_starts_only_when_told() {
    let ledger = stopped(3).await;
    let kept = fs::read(ledger.head()).expect("a head file");
    let other = Ledger::init_named("ledger.test/other");

    fs::remove_file(ledger.head()).expect("a head file");
    ledger
        .run_refused(&[])
        .refuses(&["no head file", "--accept-head"]);
    fs::write(ledger.head(), vec![b'x'; kept.len()]).expect("room on the disk");
    ledger
        .run_refused(&[])
        .refuses(&["head file", "no readable slot"]);
    fs::copy(other.head(), ledger.head()).expect("a head file");
    ledger
        .run_refused(&[])
        .refuses(&["head file", "not to be trusted"]);
    ledger
        .run_refused(&["--accept-head"])
        .refuses(&["head file", "not to be trusted"]);

    fs::remove_file(ledger.head()).expect("a head file");
    starts(&ledger, &["--accept-head"]).await;
    starts(&ledger, &[]).await;

    // A store that is ahead of its head file died before it could be written: nothing is wrong.
    fs::write(ledger.head(), &kept).expect("room on the disk");
    starts(&ledger, &[]).await;

    // One slot torn: the other one was synced before.
    let mut torn = fs::read(ledger.head()).expect("a head file");
    let half = torn.len() / 2;
    torn[..half].fill(0);
    fs::write(ledger.head(), &torn).expect("room on the disk");
    starts(&ledger, &[]).await;
}

#[tokio::test]
async fn other_keys_and_other_names_are_refused() {
    let ledger = stopped(3).await;
    let other = Ledger::init_named("ledger.test/other");
    for (key, words) in [
        ("signing.key", ["signing key", "genesis"]),
        ("subject.key", ["subject key", "genesis"]),
        ("content.key", ["content key", "genesis"]),
    ] {
        let path = ledger.data().join("keys").join(key);
        let own = fs::read(&path).expect("a key");
        fs::write(
            &path,
            fs::read(other.data().join("keys").join(key)).expect("a key"),
        )
        .expect("room on the disk");
        ledger.run_refused(&[]).refuses(&words);
        fs::write(&path, "not a key\n").expect("room on the disk");
        ledger.run_refused(&[]).refuses(&[key, "64 hex digits"]);
        fs::remove_file(&path).expect("a key");
        ledger.run_refused(&[]).refuses(&[key]);
        fs::write(&path, &own).expect("room on the disk");
        mode(&path, 0o644);
        ledger.run_refused(&[]).refuses(&[key, "644"]);
        mode(&path, 0o600);
    }

    // Another name for the same key; another ledger's key; another ledger's log.
    let vkey: VerificationKey = ledger.vkey().parse().expect("a verification key");
    let renamed = VerificationKey::new("ledger.test/renamed", KeyKind::Ed25519, vkey.public_key())
        .expect("a name");
    fs::write(ledger.vkey_file(), format!("{renamed}\n")).expect("room on the disk");
    ledger
        .run_refused(&[])
        .refuses(&["checkpoint", "ledger.test/renamed"]);
    fs::copy(other.vkey_file(), ledger.vkey_file()).expect("a verification key");
    ledger
        .run_refused(&[])
        .refuses(&["checkpoint", "not to be trusted"]);
    fs::write(ledger.vkey_file(), format!("{vkey}\n")).expect("room on the disk");
    let log = ledger.data().join("log");
    fs::rename(&log, ledger.path("log.own")).expect("a log");
    fs::rename(other.data().join("log"), &log).expect("a log");
    ledger
        .run_refused(&[])
        .refuses(&["checkpoint", "not to be trusted"]);
    fs::remove_dir_all(&log).expect("a log");
    ledger.run_refused(&[]).refuses(&["no ledger"]);
    fs::rename(ledger.path("log.own"), &log).expect("a log");
    starts(&ledger, &[]).await;
}

/// What another version has written is not this version's to go on from: neither its layout on disk nor
/// its entries, however well they are signed.
#[tokio::test]
async fn another_version_of_layout_or_schema_is_refused() {
    let ledger = stopped(3).await;
    let layout = ledger.copy();
    damage::put(&layout, "default", b"format", b"2");
    layout
        .run_refused(&[])
        .refuses(&["layout `2`", "expected `1`"]);

    let schema = ledger.copy();
    let mut entries = Log::read(&ledger.export("export")).entries;
    let genesis = String::from_utf8(entries[0].clone()).expect("UTF-8");
    entries[0] = genesis.replacen("{\"v\":1,", "{\"v\":2,", 1).into_bytes();
    assert_ne!(entries[0], genesis.as_bytes());
    let mut seed = [0; 32];
    let key = fs::read_to_string(schema.data().join("keys/signing.key")).expect("a key");
    hex::decode_to_slice(key.trim(), &mut seed).expect("64 hex digits");
    let key = SigningKey::from_seed(&seed, schema.origin()).expect("a name");
    let root = root_of(entries.iter().map(|entry| leaf_hash(entry)));
    let signed = Checkpoint::new(schema.origin(), entries.len() as u64, root)
        .sign(&key)
        .expect("a checkpoint");
    damage::put(&schema, "entries", &0u64.to_be_bytes(), &entries[0]);
    damage::put(
        &schema,
        "meta",
        &(entries.len() as u64).to_be_bytes(),
        &signed.to_bytes(),
    );
    fs::remove_file(schema.head()).expect("a head file");
    schema
        .run_refused(&["--accept-head"])
        .refuses(&["genesis", "version"]);

    fs::write(ledger.data().join("init.incomplete"), "").expect("room on the disk");
    ledger
        .run_refused(&[])
        .refuses(&["interrupted", "ledgerd init"]);
}

/// One bit, in each thing that a start relies on. RocksDB's own checksums are of no help here: what is
/// damaged is what it was given.
#[tokio::test]
async fn a_changed_bit_under_valid_checksums_is_found_and_named() {
    let ledger = stopped(300).await;
    let last = Log::read(&ledger.export("export")).entries.len() as u64 - 1;
    let seq = |seq: u64| seq.to_be_bytes().to_vec();
    let tile = [[0].as_slice(), &0u64.to_be_bytes()].concat();
    for (what, family, key, words) in [
        (
            "the last entry",
            "entries",
            seq(last),
            vec![format!("entry {last}"), "changed".to_owned()],
        ),
        (
            "an entry of the last tile",
            "entries",
            seq(17),
            vec!["entry 17".to_owned(), "tile 0/0".to_owned()],
        ),
        ("a tile", "tiles", tile, vec!["tile 0/0".to_owned()]),
        (
            "the checkpoint",
            "meta",
            seq(last + 1),
            vec![format!("checkpoint of size {}", last + 1)],
        ),
    ] {
        let copy = ledger.copy();
        let mut value = damage::get(&copy, family, &key);
        let middle = value.len() / 2;
        value[middle] ^= 1;
        damage::put(&copy, family, &key, &value);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        copy.run_refused(&[]).refuses(&words);
        value[middle] ^= 1;
        damage::put(&copy, family, &key, &value);
        println!("{what}: refused, and taken back when it is whole again");
        starts(&copy, &[]).await;
    }

    // Records that no commit makes: one more entry, one entry less.
    let more = ledger.copy();
    damage::put(&more, "entries", &seq(last + 1), b"{}");
    more.run_refused(&[]).refuses(&[
        &format!("entry {}", last + 1),
        "beyond the newest checkpoint",
    ]);
    let less = ledger.copy();
    damage::delete(&less, "entries", &seq(last));
    less.run_refused(&[])
        .refuses(&[&format!("entry {last}"), "missing"]);
    let rolled_back = ledger.copy();
    damage::delete(&rolled_back, "meta", &seq(last + 1));
    rolled_back
        .run_refused(&[])
        .refuses(&["beyond the newest checkpoint"]);
}

/// One bit on the disk, wherever the same things lie: in the write-ahead log of a ledger that was just
/// stopped, and in the tables of one that was opened again since.
#[tokio::test]
async fn a_flipped_bit_on_the_disk_is_found() {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal("agent.routing", Role::Agent).await;
    decide(&agent, 300).await;
    let log = site
        .operator
        .export()
        .await
        .expect("an operator may export");
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;

    let leaf = leaf_hash(&log.entries[10]).0;
    let mut signature = log.checkpoint.split(|byte| *byte == b'\n').rev();
    let signature = signature.nth(1).expect("a signature's line");
    for round in ["after a stop", "after another start and stop"] {
        for (what, bytes) in [
            ("the last entry", b"\"kind\":\"shutdown\"".as_slice()),
            ("an entry", &log.entries[290]),
            ("a tile", &leaf),
            ("a checkpoint", signature),
        ] {
            let copy = ledger.copy();
            let file = damage::flip(&copy, bytes);
            let refused = copy.run_refused(&[]).refuses(&["restore a backup"]);
            println!("{what} in {file}, {round}: {}", refused.stderr.trim());
        }
        if round == "after a stop" {
            go_on(&ledger, 0).await;
        }
    }
    // The end of the write-ahead log of a ledger that was killed: acknowledged, and nowhere else yet.
    let daemon = ledger.run().await;
    decide(
        &daemon.client(ledger_tests::Credential::of("agent.routing")),
        20,
    )
    .await;
    let newest = daemon
        .client(ledger.operator())
        .checkpoint()
        .await
        .expect("a checkpoint")
        .checkpoint;
    daemon.kill().await;
    for what in ["head", "middle", "tail"] {
        let copy = ledger.copy();
        damage::flip_in_wal(&copy, what);
        let refused = copy
            .run_refused(&[])
            .refuses(&["write-ahead log", "damaged"]);
        println!("the {what} of the last record: {}", refused.stderr.trim());
    }
    let daemon = ledger.run().await;
    let operator = daemon.client(ledger.operator());
    let verifier = ledger_tests::Verifier::of(&ledger);
    let known = verifier.checkpoint(&newest).checkpoint.size;
    let request = pb::GetConsistencyRequest {
        old_size: known,
        new_size: None,
    };
    operator
        .get_consistency(request)
        .await
        .expect("undamaged, it has everything");
}

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("an own file");
}
