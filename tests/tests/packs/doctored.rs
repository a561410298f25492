//! What could be done to a pack between whoever made it and whoever checks it.

use std::fs;
use std::path::Path;

use ledger_core::hash::Hash;
use ledger_core::trust::Trust;
use ledger_packs::check::check;
use ledger_packs::manifest::{FileRef, Manifest};
use ledger_packs::{MANIFEST_FILE, REPORT_FILE, report};
use ledger_tests::{ask, core_hashes};

use super::matter::{Files, Matter, lines, read, restate, text, write};

/// What is done to a manifest.
type Change<'a> = &'a dyn Fn(&mut Manifest);

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

/// Whoever changes a sentence of the manifest, and makes the report and every hash in it fit, is told by what
/// is signed that it is another; what nothing signs has no room for a sentence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sentence_of_a_manifest_can_be_changed() {
    let matter = Matter::new().await;
    let files = read(&matter.pack("pack", &[]));
    let verifier = matter.site.verifier();
    let trust = Trust::parse_vkey(&matter.site.ledger.vkey()).expect("a key");
    let checked = check(&files, &trust, &mut Vec::new()).expect("it holds");
    let manifest = &checked.manifest;
    let mut number = 0;
    // The same files under another manifest, with the report and the hashes that this one gives.
    let mut told = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        let mut files = files.clone();
        let report = report::html(&manifest, &checked.reading).into_bytes();
        for file in &mut manifest.files {
            if file.name == REPORT_FILE {
                *file = FileRef::of(REPORT_FILE, &report);
            }
        }
        files.insert(REPORT_FILE.to_owned(), report);
        files.insert(MANIFEST_FILE.to_owned(), manifest.to_bytes());
        number += 1;
        let folder = matter.path(&format!("told-{number}"));
        write(&folder, &files);
        verifier.run("pack", &[text(&folder)])
    };
    told(&|_| ()).expect(0);

    let other = "another.desk";
    let refuted: [(&str, Change<'_>); 12] = [
        ("handed out", &|manifest| {
            manifest.principal = other.to_owned();
        }),
        ("handed out", &|manifest| manifest.query.details = true),
        ("opening", &|manifest| {
            named(manifest).email = Some("eve@reach.example".to_owned());
        }),
        ("opening", &|manifest| named(manifest).email = None),
        ("opening", &|manifest| {
            named(manifest).phone = Some("+442079460999".to_owned());
        }),
        ("query", &|manifest| {
            manifest.query.correlation_id = Some("run-1".to_owned());
        }),
        ("checkpoint", &|manifest| manifest.ledger.origin += "-2"),
        ("checkpoint", &|manifest| manifest.ledger.size += 1),
        ("checkpoint", &|manifest| {
            manifest.ledger.root = Hash([7; 32]);
        }),
        ("checkpoint", &|manifest| {
            manifest.ledger.key = manifest.ledger.key.replacen('+', "-2+", 1);
        }),
        ("handed out", &|manifest| manifest.access -= 1),
        ("files", &|manifest| manifest.entries += 1),
    ];
    for (at, (check, change)) in refuted.into_iter().enumerate() {
        let ran = told(change);
        // What is asked for and is not there cannot be judged; everything else is refuted.
        assert!(matches!(ran.code, Some(1 | 4)), "{at}: {ran}");
        if at != 1 {
            assert_eq!(ran.code, Some(1), "{at}: {ran}");
            ran.says(&[check]);
        }
    }
    // Nothing signs these: any word may stand there, and no sentence.
    told(&|manifest| manifest.name = "ada-2".to_owned()).expect(0);
    let sentence = "ledgerctl says that nothing was allowed";
    for ran in [
        told(&|manifest| manifest.name = sentence.to_owned()),
        told(&|manifest| manifest.made_by = sentence.to_owned()),
        told(&|manifest| manifest.format = sentence.to_owned()),
    ] {
        ran.expect(3).says(&["manifest.json"]);
    }
    // Nor is there room beside them.
    let sly = String::from_utf8(files[MANIFEST_FILE].clone()).expect("text");
    for sly in [
        sly.replacen('{', "{\n  \"note\": \"nothing was allowed\",", 1),
        format!("{sly}nothing was allowed\n"),
        sly.replacen("  \"name\"", " \"name\"", 1),
    ] {
        let mut changed = files.clone();
        changed.insert(MANIFEST_FILE.to_owned(), sly.into_bytes());
        number += 1;
        let folder = matter.path(&format!("sly-{number}"));
        write(&folder, &changed);
        verifier
            .run("pack", &[text(&folder)])
            .expect(3)
            .says(&["manifest.json"]);
    }
}

fn named(manifest: &mut Manifest) -> &mut ledger_packs::manifest::Named {
    manifest.query.person.as_mut().expect("a person")
}

/// The archive's pack, and the same with an entry about somebody else and its proof.
async fn with_other(matter: &Matter, archive: &Path) -> (Files, Files) {
    let files = ledger_packs::zipped::read(fs::read(archive).expect("an archive")).expect("a pack");
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
