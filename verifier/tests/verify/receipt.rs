//! Receipts, consistency proofs and whose word counts.

use crate::common::run::{Files, Said, rich, run, run_with};
use crate::common::{Ledger, ORIGIN};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_core::hash::Hash;
use ledger_core::note::SigningKey;
use ledger_core::receipt::Receipt;
use ledger_core::tree::{CompactRange, root_of};

type Mutation = fn(&mut Receipt);

/// Each by its name: what is done to the receipt of entry 26 of 81, the exit code, and the words.
const MUTANTS: &[(&str, Mutation, i32, &str)] = &[
    (
        "entry-with-a-byte-changed",
        |receipt| receipt.entry[200] ^= 1,
        1,
        "inclusion proof of entry 26",
    ),
    (
        "entry-of-another-place",
        |receipt| receipt.entry = rich().0.lines[25].clone(),
        1,
        "inclusion proof of entry 26",
    ),
    (
        "index-plus-1",
        |receipt| receipt.seq += 1,
        1,
        "inclusion proof of entry 27",
    ),
    (
        "index-beyond-the-log",
        |receipt| receipt.seq = 81,
        1,
        "index `81` is not in a tree of size `81`",
    ),
    (
        "proof-without-its-last-hash",
        |receipt| receipt.proof.truncate(6),
        1,
        "expected 7 proof hashes, found 6",
    ),
    (
        "proof-with-surplus-hash",
        |receipt| receipt.proof.push(Hash([0; 32])),
        1,
        "expected 7 proof hashes, found 8",
    ),
    (
        "proof-with-swapped-hashes",
        |receipt| receipt.proof.swap(0, 1),
        1,
        "expected the root",
    ),
    (
        "proof-with-a-bit-changed",
        |receipt| receipt.proof[3].0[5] ^= 1,
        1,
        "expected the root",
    ),
    (
        "checkpoint-of-another-size",
        |receipt| receipt.checkpoint = rich().0.checkpoint_at(80),
        1,
        "inclusion proof of entry 26",
    ),
    (
        "checkpoint-with-a-trailing-byte",
        |receipt| receipt.checkpoint.push(b'x'),
        3,
        "newline",
    ),
    (
        "checkpoint-with-a-trailing-line",
        |receipt| receipt.checkpoint.extend(b"x\n"),
        3,
        "line 6",
    ),
    (
        "checkpoint-signed-twice",
        |receipt| {
            let text = String::from_utf8(receipt.checkpoint.clone()).unwrap();
            let last = text.lines().last().unwrap().to_owned();
            receipt.checkpoint.extend(format!("{last}\n").bytes());
        },
        1,
        "there are two signatures",
    ),
    (
        "checkpoint-missing",
        |receipt| receipt.checkpoint.clear(),
        3,
        "checkpoint",
    ),
    (
        "receipt-of-another-log",
        |receipt| {
            let mut other = Ledger::empty();
            other.genesis();
            other.key = SigningKey::from_seed(&[8; 32], ORIGIN).unwrap();
            *receipt = other.receipt(0);
        },
        1,
        "no signature by a trusted key",
    ),
];

#[test]
fn a_receipt_that_was_changed_is_refused() {
    let (ledger, _) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    for (name, mutate, code, words) in MUTANTS {
        let mut receipt = ledger.receipt(26);
        mutate(&mut receipt);
        let file = files.put(name, receipt.to_bytes());
        run(&["receipt", &file, "--vkey", &vkey]).expect(name, *code, words);
    }
}

type Scribble = fn(String) -> String;

/// Changes to the text of a receipt.
const SCRIBBLES: &[(&str, Scribble, i32, &str)] = &[
    (
        "without-its-entry",
        |text| {
            let lines: Vec<&str> = text
                .split_inclusive('\n')
                .filter(|line| !line.starts_with("extra "))
                .collect();
            lines.concat()
        },
        4,
        "no `extra` line",
    ),
    (
        "with-carriage-returns",
        |text| text.replace('\n', "\r\n"),
        3,
        "control character",
    ),
    (
        "with-another-header",
        |text| text.replace("proof@v1", "proof@v2"),
        3,
        "c2sp.org/tlog-proof@v1",
    ),
    (
        "with-a-leading-zero",
        |text| text.replace("index 26", "index 026"),
        3,
        "leading zeroes",
    ),
    (
        "without-the-empty-line",
        |text| text.replacen("\n\n", "\n", 1),
        3,
        "line 11",
    ),
    (
        "with-spaced-base64",
        |text| text.replacen("extra ", "extra  ", 1),
        3,
        "base64",
    ),
    ("empty", |_| String::new(), 3, "line 1"),
    (
        "cut-in-half",
        |text| text[..text.len() / 2].to_owned(),
        3,
        "end",
    ),
];

#[test]
fn a_receipt_that_is_none_cannot_be_read() {
    let (ledger, _) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let text = String::from_utf8(ledger.receipt(26).to_bytes()).unwrap();
    for (name, scribble, code, words) in SCRIBBLES {
        let file = files.put(name, scribble(text.clone()));
        run(&["receipt", &file, "--vkey", &vkey]).expect(name, *code, words);
    }
    let large = files.put("large", vec![b'x'; 4 << 20]);
    run(&["receipt", &large, "--vkey", &vkey]).expect("large", 3, "expected at most");
    let binary = files.put("binary", [0xff, 0xfe, 0x00]);
    run(&["receipt", &binary, "--vkey", &vkey]).expect("binary", 3, "UTF-8");
}

#[test]
fn every_entry_has_a_receipt_that_verifies() {
    let (ledger, _) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let names: Vec<String> = (0..ledger.size())
        .map(|seq| files.put(&format!("{seq}.tlog-proof"), ledger.receipt(seq).to_bytes()))
        .collect();
    let mut args = vec!["receipt", "--vkey", &vkey];
    args.extend(names.iter().map(String::as_str));
    run(&args).expect("all", 0, "Verified.");
}

#[test]
fn of_several_receipts_each_is_looked_at_and_the_worst_counts() {
    let (ledger, _) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let good = files.put("good", ledger.receipt(3).to_bytes());
    let mut wrong = ledger.receipt(4);
    wrong.seq = 5;
    let wrong = files.put("wrong", wrong.to_bytes());
    let absent = files.name("absent");
    let said = run(&["receipt", &absent, &wrong, &good, "--vkey", &vkey]);
    said.expect("three", 1, "inclusion proof of entry 5");
    said.expect("three", 1, "entry 3 of the 81 that were signed");
    run(&["receipt", &absent, &good, "--vkey", &vkey]).expect("two", 3, "entry 3 of the 81");
}

#[test]
fn an_entry_that_lies_about_its_place_is_refused() {
    let (ledger, _) = rich();
    let mut forged = Ledger::empty();
    forged.lines = ledger.lines.clone();
    forged.lines[4] = ledger.lines[5].clone();
    let files = Files::new();
    let file = files.put("receipt", forged.receipt(4).to_bytes());
    run(&["receipt", &file, "--vkey", &forged.vkey()]).expect(
        "place",
        1,
        "the entry at 4 says seq `5`",
    );
    forged.lines[4] = b"{\"v\":9,\"seq\":4}".to_vec();
    let file = files.put("receipt", forged.receipt(4).to_bytes());
    run(&["receipt", &file, "--vkey", &forged.vkey()]).expect(
        "version",
        4,
        "schema version 9 is not known",
    );
    forged.lines[4] = b"hello".to_vec();
    let file = files.put("receipt", forged.receipt(4).to_bytes());
    run(&["receipt", &file, "--vkey", &forged.vkey()]).expect("no entry", 1, "is not an entry");
}

/// A consistency proof by the definition of RFC 6962 section 2.1.2, over all leaves, sharing no code with
/// the core's.
fn proof(leaves: &[Hash], old: usize, whole: bool) -> Vec<Hash> {
    let new = leaves.len();
    if old == new {
        return if whole {
            Vec::new()
        } else {
            vec![root_of(leaves.iter().copied())]
        };
    }
    let split = new.next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut path, other) = if old <= split {
        (proof(left, old, whole), right)
    } else {
        (proof(right, old - split, false), left)
    };
    path.push(root_of(other.iter().copied()));
    path
}

fn consistency(files: &Files, old: &[u8], new: &[u8], proof: &[Hash], vkey: &str) -> Said {
    let lines: String = proof
        .iter()
        .map(|hash| STANDARD.encode(hash.0) + "\n")
        .collect();
    let (old, new, proof) = (
        files.put("old", old),
        files.put("new", new),
        files.put("proof", lines),
    );
    run(&["consistency", &old, &new, "--proof", &proof, "--vkey", vkey])
}

#[test]
fn an_older_log_is_the_beginning_of_a_newer_one() {
    let (ledger, _) = rich();
    let (files, vkey, leaves) = (Files::new(), ledger.vkey(), ledger.leaves());
    for old in [1, 2, 3, 40, 63, 64, 65, 80] {
        let hashes = proof(&leaves, old, true);
        let (older, newer) = (ledger.checkpoint_at(old as u64), ledger.checkpoint());
        let said = consistency(&files, &older, &newer, &hashes, &vkey);
        said.expect(
            "honest",
            0,
            &format!("The first {old} entries of the newer log are exactly those of the older one"),
        );

        let mut surplus = hashes.clone();
        surplus.push(Hash([0; 32]));
        consistency(&files, &older, &newer, &surplus, &vkey).expect(
            "surplus",
            1,
            "proof hashes, found",
        );
        let short = &hashes[..hashes.len() - 1];
        consistency(&files, &older, &newer, short, &vkey).expect("short", 1, "proof hashes, found");
        let mut wrong = hashes.clone();
        wrong[0].0[0] ^= 1;
        consistency(&files, &older, &newer, &wrong, &vkey).expect(
            "wrong",
            1,
            "expected the root of size",
        );
    }
    let same = ledger.checkpoint();
    consistency(&files, &same, &same, &[], &vkey).expect("same", 0, "Verified.");
    let older = ledger.checkpoint_at(40);
    consistency(&files, &same, &older, &proof(&leaves, 40, true), &vkey).expect(
        "shrunk",
        1,
        "tree size fell from `81` to `40`",
    );

    // A log that went on from another entry 39.
    let mut forked = Ledger::empty();
    forked.lines = ledger.lines.clone();
    forked.lines[39] = ledger.lines[38].clone();
    let said = consistency(
        &files,
        &older,
        &forked.checkpoint(),
        &proof(&leaves, 40, true),
        &vkey,
    );
    said.expect("forked", 1, "expected the root of size `81`");
    assert_ne!(CompactRange::new().root(), root_of(leaves));
}

#[test]
fn a_proof_that_is_none_cannot_be_read() {
    let (ledger, _) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let (old, new) = (
        files.put("old", ledger.checkpoint_at(40)),
        files.put("new", ledger.checkpoint()),
    );
    let hash = STANDARD.encode([7; 32]);
    for (name, text, words) in [
        (
            "unterminated",
            hash.clone(),
            "line 1: expected the line to end in a newline",
        ),
        (
            "short",
            "AAAA\n".to_owned(),
            "line 1: expected a hash of 32 bytes",
        ),
        ("blank", format!("{hash}\n\n"), "line 2: expected a hash"),
        (
            "carriage-return",
            format!("{hash}\r\n"),
            "line 1: expected a hash",
        ),
        (
            "endless",
            format!("{hash}\n").repeat(65),
            "line 65: expected at most 64 hashes",
        ),
    ] {
        let proof = files.put(name, text);
        run(&[
            "consistency",
            &old,
            &new,
            "--proof",
            &proof,
            "--vkey",
            &vkey,
        ])
        .expect(name, 3, words);
    }
}

#[test]
fn witnesses_count_where_a_policy_asks_for_them() {
    let (ledger, _) = rich();
    let files = Files::new();
    let receipt = files.put("receipt", ledger.receipt(26).to_bytes());
    let witness = SigningKey::from_seed(&[3; 32], "witness.example").unwrap();
    let key = witness.verification_key().public_key();
    let vkey = ledger_core::note::VerificationKey::new(
        "witness.example",
        ledger_core::note::KeyKind::CosignatureV1,
        key,
    )
    .unwrap()
    .to_string();
    let log = ledger.vkey();
    let alone = files.put("alone", format!("log {log}\nquorum none\n"));
    run(&["receipt", &receipt, "--policy", &alone]).expect("no quorum", 0, "Verified.");
    let asked = files.put("asked", format!("log {log}\nwitness w {vkey}\nquorum w\n"));
    run(&["receipt", &receipt, "--policy", &asked]).expect(
        "quorum",
        1,
        "the quorum `w` is not reached",
    );
    let broken = files.put("broken", format!("log {log}\n"));
    run(&["receipt", &receipt, "--policy", &broken]).expect("broken", 3, "expected a quorum line");
}

#[test]
fn material_comes_from_standard_input_too() {
    let (ledger, _) = rich();
    let said = run_with(
        &["receipt", "-", "--vkey", &ledger.vkey()],
        &ledger.receipt(26).to_bytes(),
    );
    said.expect("receipt", 0, "is entry 26 of the 81");
    let said = run_with(
        &["evidence", "-", "--vkey", &ledger.vkey()],
        &ledger.evidence(26).to_bytes(),
    );
    said.expect("evidence", 0, "Verified.");
}
