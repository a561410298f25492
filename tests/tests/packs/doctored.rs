//! What could be done to a pack between whoever made it and whoever checks it.

use std::fs;
use std::path::Path;

use ledger_core::trust::Trust;
use ledger_packs::check::check;
use ledger_tests::{ask, core_hashes};

use super::matter::{Files, Matter, lines, read, restate, text, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_pack_shows() {
    let matter = Matter::new().await;
    let folder = matter.pack("pack", &["--details"]);
    let archive = matter.pack("pack.zip", &[]);
    // The checkpoint of the folder's pack is older than that of the archive's: this one is now the latest.
    let verifier = matter.site.verifier();
    let files = read(&folder);
    let trust = Trust::parse_vkey(&matter.site.ledger.vkey()).expect("a key");
    check(&files, &trust, &mut Vec::new()).expect("it holds");

    // A flipped bit anywhere, as far as the patience of a test goes.
    for (name, bytes) in &files {
        let stride = (bytes.len() / 64).max(1);
        for at in (0..bytes.len()).step_by(stride).chain([bytes.len() - 1]) {
            let mut changed = files.clone();
            changed.get_mut(name).expect("it")[at] ^= 1;
            let refused = check(&changed, &trust, &mut Vec::new())
                .map(drop)
                .expect_err("a flipped bit");
            let named = refused.words.contains(name.as_str()) || name == "manifest.json";
            assert!(named, "byte {at} of `{name}`: {refused}");
        }
    }
    let mut number = 0;
    let mut refused = |what: &str, files: &Files, code: i32, words: &[&str]| {
        number += 1;
        let folder = matter.path(&format!("changed-{number}"));
        write(&folder, files);
        let ran = verifier.run("pack", &[text(&folder)]);
        assert_eq!(ran.code, Some(code), "{what}: {ran}");
        ran.says(words);
    };
    for (name, bytes) in &files {
        let mut changed = files.clone();
        changed.get_mut(name).expect("it")[bytes.len() / 2] ^= 1;
        let folder = matter.path(&format!("flipped-{name}"));
        write(&folder, &changed);
        let ran = verifier.run("pack", &[text(&folder)]);
        assert!(matches!(ran.code, Some(1 | 3 | 4)), "{ran}");
        ran.says(&[name]);
        let mut missing = files.clone();
        missing.remove(name);
        refused("a missing file", &missing, 4, &[name]);
    }
    let mut surplus = files.clone();
    surplus.insert("letter.txt".to_owned(), b"by the way".to_vec());
    refused("a surplus file", &surplus, 1, &["letter.txt"]);

    // The same by somebody who makes the manifest fit.
    let mut doctored = files.clone();
    let report = String::from_utf8(files["report.html"].clone())
        .expect("text")
        .replace("Denied", "Allowed");
    doctored.insert("report.html".to_owned(), report.into_bytes());
    restate(&mut doctored, &files);
    refused("a doctored report", &doctored, 1, &["report.html"]);

    let without = |seq: u64| {
        let mut changed = files.clone();
        let at = lines(&files["proofs.jsonl"])
            .iter()
            .position(|line| line["seq"] == seq)
            .expect("it is there");
        for name in ["entries.jsonl", "proofs.jsonl"] {
            let mut kept: Vec<&[u8]> = files[name].split_inclusive(|byte| *byte == b'\n').collect();
            kept.remove(at);
            changed.insert(name.to_owned(), kept.concat());
        }
        counted(&mut changed, &files, -1);
        changed
    };
    refused(
        "without the denial",
        &without(matter.denied[0]),
        1,
        &["handed out"],
    );
    refused(
        "without the entry about it",
        &without(
            lines(&files["manifest.json"])[0]["access"]
                .as_u64()
                .expect("a seq"),
        ),
        4,
        &["missing"],
    );

    let added = with_other(&matter, &archive).await;
    refused(
        "with an entry about somebody else",
        &added.1,
        1,
        &["handed out"],
    );
    refused("which by itself holds", &added.0, 0, &["verified"]);

    // Checkpoints of another time and of another ledger.
    let mut later = files.clone();
    later.insert("checkpoint".to_owned(), added.0["checkpoint"].clone());
    restate(&mut later, &files);
    refused("a later checkpoint", &later, 1, &["checkpoint"]);
    let other = ledger_tests::Ledger::init_named("ledger.test/other");
    let ran = ledger_tests::Verifier::of(&other).run("pack", &[text(&folder)]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says(&["checkpoint"]);

    // An archive, cut and with something before it.
    let bytes = fs::read(&archive).expect("an archive");
    for (what, bytes) in [
        ("cut", bytes[..bytes.len() - 1].to_vec()),
        ("padded", [b"#!/bin/sh\n", bytes.as_slice()].concat()),
    ] {
        let path = matter.path(&format!("{what}.zip"));
        fs::write(&path, bytes).expect("room");
        verifier.run("pack", &[text(&path)]).expect(3);
    }
    let link = matter.path("linked");
    write(&link, &files);
    std::os::unix::fs::symlink("/etc/hostname", link.join("note")).expect("a link");
    verifier
        .run("pack", &[text(&link)])
        .expect(1)
        .says(&["note"]);
}

/// The archive's pack, and the same with an entry about somebody else and its proof.
async fn with_other(matter: &Matter, archive: &Path) -> (Files, Files) {
    let files =
        ledger_packs::zipped::read(&fs::read(archive).expect("an archive")).expect("a pack");
    let receipt = matter
        .agent
        .get_receipt(ask::receipt_of(matter.other))
        .await
        .expect("a receipt");
    let receipt = receipt.receipt.expect("a receipt");
    assert_eq!(
        receipt.checkpoint, files["checkpoint"],
        "nothing was written since"
    );
    let seqs: Vec<u64> = lines(&files["proofs.jsonl"])
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    let at = seqs.partition_point(|seq| *seq < matter.other);
    let proof = serde_json::to_string(&core_hashes(&receipt.proof)).expect("hashes");
    let proof = format!("{{\"seq\":{},\"proof\":{proof}}}\n", matter.other);
    let mut changed = files.clone();
    for (name, line) in [
        ("entries.jsonl", [&receipt.entry[..], b"\n"].concat()),
        ("proofs.jsonl", proof.into_bytes()),
    ] {
        let mut all: Vec<&[u8]> = files[name].split_inclusive(|byte| *byte == b'\n').collect();
        all.insert(at, &line);
        changed.insert(name.to_owned(), all.concat());
    }
    counted(&mut changed, &files, 1);
    (files, changed)
}

/// Lets the manifest say how many entries there are, and the rest of what is so.
fn counted(files: &mut Files, before: &Files, more: i64) {
    restate(files, before);
    let proofs = std::str::from_utf8(&before["proofs.jsonl"]).expect("text");
    let entries = i64::try_from(proofs.lines().count()).expect("not so many");
    let manifest = String::from_utf8(files["manifest.json"].clone()).expect("text");
    let manifest = manifest.replace(
        &format!("\"entries\": {entries}"),
        &format!("\"entries\": {}", entries + more),
    );
    files.insert("manifest.json".to_owned(), manifest.into_bytes());
}
