//! Evidence: golden bytes and mutants.

use ledger_core::evidence::{
    EVIDENCE_BYTES_MAX, EVIDENCE_ENTRIES_MAX, Evidence, EvidenceError, ProvenEntry,
};
use ledger_core::fault::Fault;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::tree::{BatchTree, CompactRange};
use ledger_core::trust::VerifiedCheckpoint;

use crate::golden::{CHECKPOINT, EVIDENCE, ROOT, entry, key, trust};
use crate::mutants::{reblob, refused, with, without_line};

fn verify(bytes: impl AsRef<[u8]>) -> Result<VerifiedCheckpoint, EvidenceError> {
    Evidence::parse(bytes.as_ref())?.verify(&trust())
}

#[test]
fn the_golden_evidence_is_written_read_and_verified() {
    let leaves: Vec<Hash> = (0..5).map(|seq| leaf_hash(&entry(seq))).collect();
    let tree = BatchTree::new(&CompactRange::new(), &leaves);
    let proven = |seq| ProvenEntry {
        seq,
        entry: entry(seq),
        proof: tree.inclusion_proof(seq).unwrap(),
    };
    // In any order, twice, and the primary one among the others: it comes out the same.
    let others = [4, 0, 3, 1, 4].map(proven).to_vec();
    let evidence = Evidence::new(proven(3), others, CHECKPOINT.into());
    assert_eq!(String::from_utf8(evidence.to_bytes()).unwrap(), EVIDENCE);
    let read = Evidence::parse(EVIDENCE.as_bytes()).unwrap();
    assert_eq!(read, evidence);
    assert_eq!(read.primary().seq, 3);
    assert_eq!(
        read.entries().map(|entry| entry.seq).collect::<Vec<_>>(),
        [3, 0, 1, 4]
    );
    assert_eq!(
        read.verify(&trust()).unwrap().checkpoint.root.to_string(),
        ROOT
    );
    // An entry that cites none stands alone.
    let alone = Evidence::new(proven(0), Vec::new(), CHECKPOINT.into());
    assert_eq!(verify(alone.to_bytes()).unwrap().checkpoint.size, 5);
}

#[test]
fn every_byte_of_evidence_counts() {
    for at in 0..EVIDENCE.len() {
        let mut bytes = EVIDENCE.as_bytes().to_vec();
        bytes[at] ^= 1;
        assert!(verify(&bytes).is_err(), "byte {at}");
        assert!(
            verify(&EVIDENCE.as_bytes()[..at]).is_err(),
            "truncated to {at} bytes"
        );
    }
}

#[test]
fn mutants_are_refused() {
    let lines: Vec<&str> = EVIDENCE.lines().collect();
    // The primary entry is on lines 2 to 5, entry 0 on 6 to 9, 1 on 10 to 13, 4 on 14 and 15.
    let block = |from: usize, to: usize| lines[from - 1..to].join("\n") + "\n";
    let (third, zeroth, first, fourth) = (block(2, 5), block(6, 9), block(10, 13), block(14, 15));
    let tail = format!("\n{CHECKPOINT}");
    let of = |blocks: &[&str]| format!("ledger-evidence/v1\n{}{tail}", blocks.concat());
    assert_eq!(of(&[&third, &zeroth, &first, &fourth]), EVIDENCE);
    let unreadable = |expected: &str| (expected.to_owned(), Fault::Unreadable);
    let refuted = |expected: &str| (expected.to_owned(), Fault::Refuted);
    let entry_1 = lines[9].rsplit(' ').next().unwrap();
    let form = "expected `entry <seq> <base64 of the entry>`";

    for (mutation, evidence, (expected, fault)) in [
        (
            "empty",
            String::new(),
            unreadable("line 1: expected `ledger-evidence/v1`, found the end of the text"),
        ),
        (
            "another-version",
            with(EVIDENCE, "/v1", "/v2"),
            unreadable("line 1: expected `ledger-evidence/v1`, found `ledger-evidence/v2`"),
        ),
        (
            "header-alone",
            "ledger-evidence/v1\n".to_owned(),
            unreadable(&format!("line 2: {form}, found the end of the text")),
        ),
        (
            "crlf",
            EVIDENCE.replace('\n', "\r\n"),
            unreadable("line 1: expected no control character, found `0x0d` in column 19"),
        ),
        (
            "no-entries",
            of(&[]),
            unreadable(&format!("line 2: {form}, found ``")),
        ),
        (
            "proof-before-the-first-entry",
            without_line(EVIDENCE, 2),
            unreadable(&format!("line 2: {form}, found `{}`", lines[2])),
        ),
        (
            "no-empty-line",
            without_line(EVIDENCE, 16),
            unreadable(
                "line 16: proof hash: expected standard base64 with canonical padding, found `ledger.example.com/golden`",
            ),
        ),
        (
            "cut-before-the-empty-line",
            EVIDENCE.strip_suffix(&tail).unwrap().to_owned(),
            unreadable(
                "line 16: expected a proof hash, an entry, or an empty line and the checkpoint, found the end of the text",
            ),
        ),
        (
            "no-checkpoint",
            EVIDENCE.strip_suffix(CHECKPOINT).unwrap().to_owned(),
            unreadable(
                "checkpoint: line 1: expected an empty line and signatures after the text, found the end of the text",
            ),
        ),
        (
            "trailing-byte",
            format!("{EVIDENCE}x"),
            unreadable(
                "checkpoint: line 6: expected the line to end in a newline, found the end of the text",
            ),
        ),
        (
            "trailing-newline",
            format!("{EVIDENCE}\n"),
            unreadable("checkpoint: line 7: expected a signature line, found the end of the text"),
        ),
        (
            "others-out-of-order",
            of(&[&third, &first, &zeroth, &fourth]),
            unreadable("line 10: seq: expected more than `1`, found `0`"),
        ),
        (
            "an-entry-twice",
            of(&[&third, &zeroth, &zeroth, &fourth]),
            unreadable("line 10: seq: expected more than `0`, found `0`"),
        ),
        (
            "the-primary-entry-twice",
            of(&[&third, &zeroth, &third]),
            unreadable("line 10: entry: `3` is there twice"),
        ),
        (
            "seq-with-leading-zero",
            with(EVIDENCE, "entry 1", "entry 01"),
            unreadable(
                "line 10: seq: expected a decimal number below 2^64 without sign or leading zeroes, found `01`",
            ),
        ),
        (
            "seq-with-plus",
            with(EVIDENCE, "entry 1", "entry +1"),
            unreadable(
                "line 10: seq: expected a decimal number below 2^64 without sign or leading zeroes, found `+1`",
            ),
        ),
        (
            "seq-is-2-to-64",
            with(EVIDENCE, "entry 4", "entry 18446744073709551616"),
            unreadable(
                "line 14: seq: expected a decimal number below 2^64 without sign or leading zeroes, found `18446744073709551616`",
            ),
        ),
        (
            "entry-without-bytes",
            with(EVIDENCE, &format!("entry 1 {entry_1}"), "entry 1"),
            unreadable("line 10: expected `<seq> <base64 of the entry>`, found `1`"),
        ),
        (
            "entry-with-empty-bytes",
            with(EVIDENCE, entry_1, ""),
            unreadable("line 10: expected the entry's bytes, found ``"),
        ),
        (
            "entry-with-surplus-word",
            with(EVIDENCE, entry_1, &format!("{entry_1} x")),
            unreadable(&format!(
                "line 10: entry: expected standard base64 with canonical padding, found `{entry_1} x`"
            )),
        ),
        (
            "entry-with-non-canonical-base64",
            with(EVIDENCE, entry_1, &entry_1.replace("ifQ==", "ifR==")),
            unreadable(&format!(
                "line 10: entry: expected standard base64 with canonical padding, found `{}`",
                entry_1.replace("ifQ", "ifR")
            )),
        ),
        (
            "entry-above-65535-bytes",
            with(EVIDENCE, entry_1, &"A".repeat(87_384)),
            unreadable("line 10: bytes in an entry: expected at most 65535, found more"),
        ),
        (
            "proof-hash-truncated",
            with(
                EVIDENCE,
                lines[10],
                &reblob(lines[10], &|hash| hash.truncate(31)),
            ),
            unreadable("line 11: proof hash: expected 32 bytes, found 31"),
        ),
        (
            "65-proof-hashes",
            with(EVIDENCE, lines[10], &[lines[10]; 63].join("\n")),
            unreadable("line 75: proof hashes: expected at most 64, found more"),
        ),
        (
            "proof-with-surplus-hash",
            with(EVIDENCE, lines[10], &[lines[10]; 2].join("\n")),
            refuted("inclusion proof of entry 1: expected 3 proof hashes, found 4"),
        ),
        (
            "proof-without-a-hash",
            without_line(EVIDENCE, 11),
            refuted("inclusion proof of entry 1: expected 3 proof hashes, found 2"),
        ),
        (
            "last-proof-without-its-hash",
            without_line(EVIDENCE, 15),
            refuted("inclusion proof of entry 4: expected 1 proof hashes, found 0"),
        ),
        (
            "proof-of-another-entry",
            of(&[&third, &with(&zeroth, lines[6], lines[10])]),
            refuted(&format!(
                "inclusion proof of entry 0: expected the root of size `5` to be `{ROOT}`, computed `f560a17416ea96f46ab8e7113cb093d605f230f7fa241734b0ff6cd92cbb16b1` from the proof"
            )),
        ),
        (
            "seq-changed",
            with(EVIDENCE, "entry 0", "entry 2").replace("entry 1", "entry 3"),
            unreadable("line 10: entry: `3` is there twice"),
        ),
        (
            "seq-is-the-size",
            with(EVIDENCE, "entry 4", "entry 5"),
            refuted(
                "inclusion proof of entry 5: index `5` is not in a tree of size `5`, expected an index below the size",
            ),
        ),
        (
            "tree-size-div-2",
            with(EVIDENCE, "\n5\n", "\n2\n"),
            refuted(&format!(
                "checkpoint: the signature by `{}` does not verify",
                key()
            )),
        ),
        (
            "too-large",
            format!("{EVIDENCE}{}", "\n".repeat(EVIDENCE_BYTES_MAX)),
            unreadable(&format!(
                "the evidence has {} bytes, expected at most {EVIDENCE_BYTES_MAX}",
                EVIDENCE_BYTES_MAX + EVIDENCE.len()
            )),
        ),
        (
            "too-many-entries",
            of(&(0..=EVIDENCE_ENTRIES_MAX)
                .map(|seq| format!("entry {seq} AAAA\n"))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()),
            unreadable("line 4098: entries: expected at most 4096, found more"),
        ),
    ] {
        refused(
            mutation,
            verify(evidence),
            &expected,
            EvidenceError::fault,
            fault,
        );
    }
}
