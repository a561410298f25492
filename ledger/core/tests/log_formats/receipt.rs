//! Receipts: golden bytes and mutants.

use ledger_core::fault::Fault;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::receipt::{RECEIPT_BYTES_MAX, Receipt, ReceiptError, VerifiedReceipt};
use ledger_core::tree::{BatchTree, CompactRange};
use ledger_core::trust::Trust;

use crate::golden::{
    CHECKPOINT, COSIGNED, COSIGNED_RECEIPT, POLICY, RECEIPT, ROOT, entry, key, trust,
};
use crate::mutants::{reblob, refused, with, without_line};

fn verify(bytes: impl AsRef<[u8]>, trust: &Trust) -> Result<VerifiedReceipt, ReceiptError> {
    Receipt::parse(bytes.as_ref())?.verify(trust)
}

fn tree() -> BatchTree {
    let leaves: Vec<Hash> = (0..5).map(|seq| leaf_hash(&entry(seq))).collect();
    BatchTree::new(&CompactRange::new(), &leaves)
}

#[test]
fn the_golden_receipts_are_written_read_and_verified() {
    let tree = tree();
    assert_eq!(tree.root().to_string(), ROOT);
    let policy = Trust::parse_policy(POLICY.as_bytes()).unwrap();
    for (seq, golden, checkpoint, trust, witnesses) in [
        (3, RECEIPT, CHECKPOINT, trust(), 0),
        (4, COSIGNED_RECEIPT, COSIGNED, policy, 2),
    ] {
        let proof = tree.inclusion_proof(seq).unwrap();
        let receipt = Receipt {
            entry: entry(seq),
            seq,
            proof,
            checkpoint: checkpoint.into(),
        };
        assert_eq!(String::from_utf8(receipt.to_bytes()).unwrap(), golden);
        assert_eq!(Receipt::parse(golden.as_bytes()).unwrap(), receipt);
        let verified = receipt.verify(&trust).unwrap();
        assert_eq!((verified.seq, verified.leaf), (seq, leaf_hash(&entry(seq))));
        assert_eq!(verified.checkpoint.checkpoint.size, 5);
        assert_eq!(verified.checkpoint.key, key());
        assert_eq!(verified.checkpoint.witnesses.len(), witnesses);
    }
}

#[test]
fn every_byte_of_a_receipt_counts() {
    // Whatever byte is changed to whatever other bits: refused, or it was no part of anything believed.
    for at in 0..RECEIPT.len() {
        for bit in 0..8 {
            let mut bytes = RECEIPT.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert!(verify(&bytes, &trust()).is_err(), "bit {bit} of byte {at}");
        }
        let truncated = verify(&RECEIPT.as_bytes()[..at], &trust());
        assert!(truncated.is_err(), "truncated to {at} bytes");
    }
}

#[test]
fn mutants_are_refused() {
    let lines: Vec<&str> = RECEIPT.lines().collect();
    let entry_base64 = lines[1].strip_prefix("extra ").unwrap();
    let index = |seq: &str| with(RECEIPT, "index 3", &format!("index {seq}"));
    let resized = |size: &str| with(RECEIPT, "\n5\n", &format!("\n{size}\n"));
    let bad_signature = format!("checkpoint: the signature by `{}` does not verify", key());
    let unreadable = |expected: &str| (expected.to_owned(), Fault::Unreadable);
    let refuted = |expected: &str| (expected.to_owned(), Fault::Refuted);
    let proof = |problem: &str| {
        (
            format!("inclusion proof of entry 3: {problem}"),
            Fault::Refuted,
        )
    };
    let decimal = |found: &str| {
        unreadable(&format!(
            "line 3: index: expected a decimal number below 2^64 without sign or leading zeroes, found `{found}`"
        ))
    };
    let root = |computed: &str| {
        proof(&format!(
            "expected the root of size `5` to be `{ROOT}`, computed `{computed}` from the proof"
        ))
    };
    let without_checkpoint = RECEIPT.strip_suffix(CHECKPOINT).unwrap();

    for (mutation, receipt, (expected, fault)) in [
        ("empty", String::new(), unreadable("line 1: expected `c2sp.org/tlog-proof@v1`, found the end of the text")),
        ("another-version", with(RECEIPT, "@v1", "@v2"), unreadable("line 1: expected `c2sp.org/tlog-proof@v1`, found `c2sp.org/tlog-proof@v2`")),
        ("no-header", without_line(RECEIPT, 1), unreadable(&format!("line 1: expected `c2sp.org/tlog-proof@v1`, found `{}`", lines[1]))),
        ("header-alone", "c2sp.org/tlog-proof@v1\n".to_owned(), unreadable("line 2: expected `extra <base64 of the entry>`, found the end of the text")),
        ("byte-order-mark", format!("\u{feff}{RECEIPT}"), unreadable("line 1: expected `c2sp.org/tlog-proof@v1`, found `\\u{feff}c2sp.org/tlog-proof@v1`")),
        ("crlf", RECEIPT.replace('\n', "\r\n"), unreadable("line 1: expected no control character, found `0x0d` in column 23")),
        ("no-entry", without_line(RECEIPT, 2), ("the receipt has no `extra` line, expected the entry's bytes there".to_owned(), Fault::Unjudged)),
        ("empty-entry", with(RECEIPT, entry_base64, ""), unreadable("line 2: expected the entry's bytes, found ``")),
        ("entry-twice", with(RECEIPT, "index 3", &format!("{}\nindex 3", lines[1])), unreadable(&format!("line 3: expected `index <seq>`, found `{}`", lines[1]))),
        ("entry-upper-case-keyword", with(RECEIPT, "extra", "Extra"), unreadable(&format!("line 2: expected `extra <base64 of the entry>`, found `{}`", lines[1].replace("extra", "Extra")))),
        ("entry-with-two-spaces", with(RECEIPT, "extra ", "extra  "), unreadable(&format!("line 2: entry: expected standard base64 with canonical padding, found ` {entry_base64}`"))),
        ("entry-with-non-canonical-base64", with(RECEIPT, "ZW4ifQ==", "ZW4ifR=="), unreadable(&format!("line 2: entry: expected standard base64 with canonical padding, found `{}`", entry_base64.replace("ifQ", "ifR")))),
        ("entry-without-padding", with(RECEIPT, "ZW4ifQ==", "ZW4ifQ"), unreadable(&format!("line 2: entry: expected standard base64 with canonical padding, found `{}`", entry_base64.trim_end_matches('=')))),
        ("entry-above-65535-bytes", with(RECEIPT, entry_base64, &"A".repeat(87_384)), unreadable("line 2: bytes in an entry: expected at most 65535, found more")),
        ("entry-changed", with(RECEIPT, entry_base64, &reblob(entry_base64, &|entry| entry[13] = b'4')), root("74183946d94b33d54f332f1a874bd98c1fe231004446f65dc7c50a7083178670")),
        ("no-index", without_line(RECEIPT, 3), unreadable(&format!("line 3: expected `index <seq>`, found `{}`", lines[3]))),
        ("index-with-leading-zero", index("03"), decimal("03")),
        ("index-with-plus", index("+3"), decimal("+3")),
        ("index-negative", index("-3"), decimal("-3")),
        ("index-empty", index(""), decimal("")),
        ("index-with-trailing-space", index("3 "), decimal("3 ")),
        ("index-is-2-to-64", index("18446744073709551616"), decimal("18446744073709551616")),
        ("index-is-2-to-64-less-1", index("18446744073709551615"), ("inclusion proof of entry 18446744073709551615: index `18446744073709551615` is not in a tree of size `5`, expected an index below the size".to_owned(), Fault::Refuted)),
        ("index-is-the-size", index("5"), ("inclusion proof of entry 5: index `5` is not in a tree of size `5`, expected an index below the size".to_owned(), Fault::Refuted)),
        ("index-of-the-sibling", index("2"), ("inclusion proof of entry 2: expected the root of size `5` to be `48dfdf5efb061254bc017a50851c871dbd8c645f484fd01b2de9a6d61534c9cf`, computed `9ef2f3b72b0a2de1116bef6c18c658f4f583d3fd1730d070c480c59f0b296dd8` from the proof".to_owned(), Fault::Refuted)),
        ("index-with-a-shorter-path", index("4"), ("inclusion proof of entry 4: expected 1 proof hashes, found 3".to_owned(), Fault::Refuted)),
        ("proof-with-surplus-hash", with(RECEIPT, &format!("{}\n\n", lines[5]), &format!("{}\n{}\n\n", lines[5], lines[5])), proof("expected 3 proof hashes, found 4")),
        ("proof-with-surplus-hash-in-front", with(RECEIPT, lines[3], &format!("{}\n{}", lines[3], lines[3])), proof("expected 3 proof hashes, found 4")),
        ("proof-without-its-first-hash", without_line(RECEIPT, 4), proof("expected 3 proof hashes, found 2")),
        ("proof-without-its-last-hash", without_line(RECEIPT, 6), proof("expected 3 proof hashes, found 2")),
        ("proof-without-hashes", without_line(&without_line(&without_line(RECEIPT, 6), 5), 4), proof("expected 3 proof hashes, found 0")),
        ("proof-hash-in-hex", with(RECEIPT, lines[3], ROOT), unreadable("line 4: proof hash: expected 32 bytes, found 48")),
        ("proof-hash-truncated", with(RECEIPT, lines[3], &reblob(lines[3], &|hash| hash.truncate(31))), unreadable("line 4: proof hash: expected 32 bytes, found 31")),
        ("proof-hash-with-surplus-byte", with(RECEIPT, lines[3], &reblob(lines[3], &|hash| hash.push(0))), unreadable("line 4: proof hash: expected 32 bytes, found 33")),
        ("proof-hash-with-non-canonical-base64", with(RECEIPT, "0UMU=", "0UMV="), unreadable(&format!("line 4: proof hash: expected standard base64 with canonical padding, found `{}`", lines[3].replace("UMU=", "UMV=")))),
        ("65-proof-hashes", with(RECEIPT, lines[3], &[lines[3]; 63].join("\n")), unreadable("line 68: proof hashes: expected at most 64, found more")),
        ("no-empty-line", without_line(RECEIPT, 7), unreadable("line 7: proof hash: expected standard base64 with canonical padding, found `ledger.example.com/golden`")),
        ("two-empty-lines", with(RECEIPT, "\n\n", "\n\n\n"), refuted(&bad_signature)),
        ("no-checkpoint", without_checkpoint.to_owned(), unreadable("checkpoint: line 1: expected an empty line and signatures after the text, found the end of the text")),
        ("cut-before-the-empty-line", without_checkpoint.trim_end().to_owned() + "\n", unreadable("line 7: expected a proof hash, or an empty line and the checkpoint, found the end of the text")),
        ("checkpoint-unsigned", without_line(RECEIPT, 12), unreadable("checkpoint: line 5: expected a signature line, found the end of the text")),
        ("checkpoint-twice", format!("{RECEIPT}{CHECKPOINT}"), refuted(&bad_signature)),
        ("trailing-byte", format!("{RECEIPT}x"), unreadable("checkpoint: line 6: expected the line to end in a newline, found the end of the text")),
        ("trailing-newline", format!("{RECEIPT}\n"), unreadable("checkpoint: line 7: expected a signature line, found the end of the text")),
        ("tree-size-div-2", resized("2"), refuted(&bad_signature)),
        ("tree-size-with-leading-zero", resized("05"), refuted(&bad_signature)),
        ("root-changed", with(RECEIPT, "\nSN/f", "\nSM/f"), refuted(&bad_signature)),
        ("too-large", format!("{RECEIPT}{}", "\n".repeat(RECEIPT_BYTES_MAX)), unreadable(&format!("the receipt has {} bytes, expected at most {RECEIPT_BYTES_MAX}", RECEIPT_BYTES_MAX + RECEIPT.len()))),
    ] {
        refused(mutation, verify(receipt, &trust()), &expected, ReceiptError::fault, fault);
    }
}

#[test]
fn a_receipt_of_another_log_or_under_a_quorum_that_is_not_met_is_refused() {
    let stranger =
        Trust::parse_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
            .unwrap();
    let expected = format!(
        "checkpoint: no signature by a trusted key: expected one by `{}`, found `ledger.example.com/golden+f59a6d74`",
        stranger.logs()[0]
    );
    refused(
        "wrong-key",
        verify(RECEIPT, &stranger),
        &expected,
        ReceiptError::fault,
        Fault::Refuted,
    );
    let policy = Trust::parse_policy(POLICY.as_bytes()).unwrap();
    let expected = "checkpoint: the quorum `two-of-three` is not reached: cosigned by nobody";
    refused(
        "no-cosignature",
        verify(RECEIPT, &policy),
        expected,
        ReceiptError::fault,
        Fault::Refuted,
    );
}
