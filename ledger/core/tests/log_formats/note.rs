//! Signed notes, verification keys and checkpoints: the vectors of the specifications, golden bytes, and
//! mutants named by their mutation, each refused with the error that says what.

use ledger_core::checkpoint::Checkpoint;
use ledger_core::fault::Fault;
use ledger_core::note::{
    KeyKind, NOTE_BYTES_MAX, NameError, NoteError, SignedNote, SigningKey, VerificationKey,
};

use crate::golden::{
    CHECKPOINT, COSIGNED, ORIGIN, ROOT, SMALL_ORDER_NONCE, VKEY, key, signing_key, witnesses,
};
use crate::mutants::{add_group_order, reblob, refused, with, without_line};

/// C2SP signed-note, "Example".
const EXAMPLE_VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn open(bytes: impl AsRef<[u8]>, known: &[VerificationKey]) -> Result<String, NoteError> {
    let note = SignedNote::parse(bytes.as_ref())?;
    note.verify(known).map(|verified| verified.text.to_owned())
}

#[test]
fn the_specifications_example_verifies() {
    let key: VerificationKey = EXAMPLE_VKEY.parse().unwrap();
    assert_eq!(
        (key.name(), key.id(), key.kind()),
        ("example.com/foo", 0x530d_903a, KeyKind::Ed25519)
    );
    assert_eq!(key.to_string(), EXAMPLE_VKEY);
    assert_eq!(
        open(EXAMPLE_NOTE, std::slice::from_ref(&key)).unwrap(),
        "This is an example message.\n"
    );
    assert_eq!(
        SignedNote::parse(EXAMPLE_NOTE.as_bytes())
            .unwrap()
            .to_bytes(),
        EXAMPLE_NOTE.as_bytes()
    );
    let changed = EXAMPLE_NOTE.replacen("example", "Example", 1);
    let expected = format!("the signature by `{EXAMPLE_VKEY}` does not verify");
    refused(
        "text-changed",
        open(changed, &[key]),
        &expected,
        NoteError::fault,
        Fault::Refuted,
    );
}

#[test]
fn the_first_example_reads_with_its_empty_line_in_the_text() {
    // C2SP signed-note: its key is not published, but it splits at the last empty line.
    let text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n\
                ed \u{e8} subito sera.\n";
    let note = format!(
        "{text}\n\u{2014} quasimodo.example/salvatore \
         NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
    );
    let note = SignedNote::parse(note.as_bytes()).unwrap();
    assert_eq!(note.text(), text);
    let [signature] = note.signatures() else {
        panic!("{note:?}")
    };
    assert_eq!(
        (signature.name.as_str(), signature.id),
        ("quasimodo.example/salvatore", 0x367b_a04b)
    );
    assert_eq!(signature.bytes.len(), 64);
}

#[test]
fn the_seed_makes_the_golden_key_and_checkpoint() {
    let signing = signing_key();
    assert_eq!(format!("{}\n", signing.verification_key()), VKEY);
    let checkpoint = Checkpoint::new(ORIGIN, 5, ROOT.parse().unwrap());
    let note = checkpoint.sign(&signing).unwrap();
    assert_eq!(note.to_string(), CHECKPOINT);
    assert_eq!(Checkpoint::parse_text(note.text()).unwrap(), checkpoint);
    assert_eq!(
        format!("{signing:?}"),
        format!("SigningKey(of {})", VKEY.trim_end())
    );
}

#[test]
fn the_golden_cosignatures_verify_with_their_times() {
    let keys = [vec![key()], witnesses()].concat();
    let note = SignedNote::parse(COSIGNED.as_bytes()).unwrap();
    let verified = note.verify(&keys).unwrap();
    let signed: Vec<_> = verified
        .signatures
        .iter()
        .map(|s| (s.key.name(), s.time_s))
        .collect();
    assert_eq!(
        signed,
        [
            (ORIGIN, None),
            ("witness1.example/w", Some(1_790_000_000)),
            ("witness2.example/w", Some(1_790_000_001)),
        ]
    );
    // Whoever knows the log alone ignores the witnesses, and the other way round.
    assert_eq!(note.verify(&[key()]).unwrap().signatures.len(), 1);
    assert_eq!(note.verify(&witnesses()).unwrap().signatures.len(), 2);
}

#[test]
fn the_layout_of_the_specifications_cosignature() {
    // C2SP tlog-cosignature, "Format": neither key is published, but the signed message shows the time.
    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let note = SignedNote::parse(note.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse_text(note.text()).unwrap();
    assert_eq!(
        (checkpoint.origin.as_str(), checkpoint.size),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(checkpoint.to_text(), note.text());
    let lengths: Vec<_> = note.signatures().iter().map(|s| s.bytes.len()).collect();
    assert_eq!(lengths, [64, 72]);
    assert_eq!(
        note.signatures()[1].bytes[..8],
        1_679_315_147_u64.to_be_bytes()
    );
}

#[test]
fn signatures_by_unknown_keys_are_ignored_and_64_are_read() {
    let line = CHECKPOINT.lines().last().unwrap();
    let stranger = line.replace("ledger.example.com/golden", "stranger.example");
    // The name of a known key with another id, and its id under another name: unknown both.
    let other_id = line.replace("9Zpt", "9Zpu");
    for extra in [stranger.as_str(), other_id.as_str(), "\u{2014} x AAAAAAA="] {
        for count in [1, 15, 63] {
            let extra = format!("{extra}\n").repeat(count);
            for note in [
                format!("{CHECKPOINT}{extra}"),
                CHECKPOINT.replace(line, &format!("{extra}{line}")),
            ] {
                assert!(open(&note, &[key()]).is_ok(), "{note}");
            }
        }
    }
    let many = format!("{CHECKPOINT}{}", format!("{stranger}\n").repeat(64));
    let expected = "line 69: signatures: expected at most 64, found more";
    refused(
        "65-signatures",
        open(many, &[key()]),
        expected,
        NoteError::fault,
        Fault::Unreadable,
    );
}

#[test]
fn note_mutants_are_refused() {
    let line = CHECKPOINT.lines().last().unwrap();
    let base64 = line.rsplit(' ').next().unwrap();
    let keys = [vec![key()], witnesses()].concat();
    let vkey = VKEY.trim_end();
    let bad = format!("the signature by `{vkey}` does not verify");
    let unreadable = |problem: &str| (problem.to_owned(), Fault::Unreadable);
    let refuted = |problem: &str| (problem.to_owned(), Fault::Refuted);
    let untrusted = |found: &str| {
        let names: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        let problem = "no signature by a trusted key: expected one by";
        (
            format!("{problem} {}, found `{found}`", names.join(", ")),
            Fault::Refuted,
        )
    };
    let resigned =
        |change: &dyn Fn(&mut Vec<u8>)| with(CHECKPOINT, base64, &reblob(base64, change));
    let witness_line = COSIGNED.lines().nth(5).unwrap();
    let witness_blob = witness_line.rsplit(' ').next().unwrap();
    let cosigned =
        |change: &dyn Fn(&mut Vec<u8>)| with(COSIGNED, witness_blob, &reblob(witness_blob, change));
    let witness = witnesses()[0].to_string();

    for (mutation, note, (expected, fault)) in [
        (
            "empty",
            String::new(),
            unreadable(
                "line 1: expected an empty line and signatures after the text, found the end of the text",
            ),
        ),
        (
            "text-alone",
            without_line(&without_line(CHECKPOINT, 5), 4),
            unreadable(
                "line 4: expected an empty line and signatures after the text, found the end of the text",
            ),
        ),
        (
            "no-empty-line",
            without_line(CHECKPOINT, 4),
            unreadable(
                "line 5: expected an empty line and signatures after the text, found the end of the text",
            ),
        ),
        (
            "no-signature",
            without_line(CHECKPOINT, 5),
            unreadable("line 5: expected a signature line, found the end of the text"),
        ),
        (
            "no-final-newline",
            CHECKPOINT.trim_end().to_owned(),
            unreadable("line 5: expected the line to end in a newline, found the end of the text"),
        ),
        (
            "trailing-empty-line",
            format!("{CHECKPOINT}\n"),
            unreadable("line 7: expected a signature line, found the end of the text"),
        ),
        (
            "trailing-byte",
            format!("{CHECKPOINT}x"),
            unreadable("line 6: expected the line to end in a newline, found the end of the text"),
        ),
        (
            "trailing-line",
            format!("{CHECKPOINT}x\n"),
            unreadable("line 6: expected `\u{2014} <key name> <base64 signature>`, found `x`"),
        ),
        (
            "crlf",
            CHECKPOINT.replace('\n', "\r\n"),
            unreadable("line 1: expected no control character, found `0x0d` in column 26"),
        ),
        (
            "nul",
            with(CHECKPOINT, "\n5\n", "\n5\0\n"),
            unreadable("line 2: expected no control character, found `0x00` in column 2"),
        ),
        (
            "tab-in-text",
            with(CHECKPOINT, "\n5\n", "\n\t5\n"),
            unreadable("line 2: expected no control character, found `0x09` in column 1"),
        ),
        (
            "hyphen-for-em-dash",
            with(CHECKPOINT, "\u{2014}", "-"),
            unreadable(
                "line 5: expected `\u{2014} <key name> <base64 signature>`, found `- ledger.example.com/golden 9ZptdKipESnePqEWjM6nBGv87gy9zKjK\u{2026}`",
            ),
        ),
        (
            "no-key-name",
            with(CHECKPOINT, ORIGIN_IN_SIGNATURE, "\u{2014} "),
            unreadable(
                "line 5: the key name is empty, expected something like `ledger.example.com/main`",
            ),
        ),
        (
            "plus-in-key-name",
            with(CHECKPOINT, ORIGIN_IN_SIGNATURE, "\u{2014} a+b"),
            unreadable(
                "line 5: the key name has `+` in it, expected no space, plus or control character",
            ),
        ),
        (
            "no-break-space-in-key-name",
            with(CHECKPOINT, ORIGIN_IN_SIGNATURE, "\u{2014} a\u{a0}b"),
            unreadable(
                "line 5: the key name has `\\u{a0}` in it, expected no space, plus or control character",
            ),
        ),
        (
            "two-spaces",
            with(CHECKPOINT, " 9Zpt", "  9Zpt"),
            unreadable(&format!(
                "line 5: signature: expected standard base64 with canonical padding, found `{}\u{2026}`",
                &format!(" {base64}")[..60]
            )),
        ),
        (
            "trailing-space",
            with(CHECKPOINT, "JQY=\n", "JQY= \n"),
            unreadable(&format!(
                "line 5: signature: expected standard base64 with canonical padding, found `{}\u{2026}`",
                &base64[..60]
            )),
        ),
        (
            "no-padding",
            with(CHECKPOINT, "JQY=\n", "JQY\n"),
            unreadable(&format!(
                "line 5: signature: expected standard base64 with canonical padding, found `{}\u{2026}`",
                &base64[..60]
            )),
        ),
        // The last digit's low bits are no part of any byte.
        (
            "non-canonical-base64",
            with(CHECKPOINT, "JQY=\n", "JQZ=\n"),
            unreadable(&format!(
                "line 5: signature: expected standard base64 with canonical padding, found `{}\u{2026}`",
                &base64[..60]
            )),
        ),
        (
            "url-safe-base64",
            with(CHECKPOINT, "Sd+msW", "Sd-msW"),
            unreadable(&format!(
                "line 5: signature: expected standard base64 with canonical padding, found `{}\u{2026}`",
                base64[..60].replace('+', "-")
            )),
        ),
        (
            "key-id-alone",
            with(CHECKPOINT, base64, "9ZptdA=="),
            unreadable(
                "line 5: expected a key id and a signature, found `\u{2014} ledger.example.com/golden 9ZptdA==`",
            ),
        ),
        (
            "too-large",
            format!("{}{CHECKPOINT}", "x\n".repeat(NOTE_BYTES_MAX / 2)),
            unreadable(&format!(
                "the signed note has {} bytes, expected at most 1048576",
                NOTE_BYTES_MAX + CHECKPOINT.len()
            )),
        ),
        (
            "text-changed",
            with(CHECKPOINT, "\n5\n", "\n6\n"),
            refuted(&bad),
        ),
        (
            "empty-line-added-to-text",
            with(CHECKPOINT, "\n5\n", "\n5\n\n"),
            refuted(&bad),
        ),
        (
            "signature-bit-flipped",
            resigned(&|blob| blob[4] ^= 1),
            refuted(&bad),
        ),
        (
            "signature-s-plus-l",
            resigned(&|blob| add_group_order(&mut blob[36..])),
            refuted(&bad),
        ),
        (
            "small-order-nonce",
            SMALL_ORDER_NONCE.to_owned(),
            refuted(&bad),
        ),
        (
            "signature-truncated",
            resigned(&|blob| blob.truncate(67)),
            refuted(&format!(
                "the signature by `{vkey}` has 63 bytes, expected 64"
            )),
        ),
        (
            "signature-with-surplus-byte",
            resigned(&|blob| blob.push(0)),
            refuted(&format!(
                "the signature by `{vkey}` has 65 bytes, expected 64"
            )),
        ),
        (
            "key-id-flipped",
            resigned(&|blob| blob[0] ^= 1),
            untrusted("ledger.example.com/golden+f49a6d74"),
        ),
        (
            "key-name-changed",
            with(
                CHECKPOINT,
                ORIGIN_IN_SIGNATURE,
                "\u{2014} ledger.example.com/silver",
            ),
            untrusted("ledger.example.com/silver+f59a6d74"),
        ),
        (
            "signed-twice",
            format!("{CHECKPOINT}{line}\n"),
            refuted(&format!(
                "there are two signatures by `{vkey}`, expected one"
            )),
        ),
        (
            "bad-second-signature",
            format!("{CHECKPOINT}{}\n", line.replace("JQY=", "JQU=")),
            refuted(&bad),
        ),
        (
            "cosignature-bit-flipped",
            cosigned(&|blob| blob[12] ^= 1),
            refuted(&format!("the signature by `{witness}` does not verify")),
        ),
        (
            "cosignature-time-changed",
            cosigned(&|blob| blob[11] ^= 1),
            refuted(&format!("the signature by `{witness}` does not verify")),
        ),
        (
            "cosignature-time-above-2-to-63",
            cosigned(&|blob| blob[4] = 0x80),
            refuted(&format!(
                "the cosignature by `{witness}` has the time `9223372038644775808`, expected at most 2^63 - 1"
            )),
        ),
        (
            "cosignature-without-time",
            cosigned(&|blob| drop(blob.drain(4..12))),
            refuted(&format!(
                "the signature by `{witness}` has 64 bytes, expected 72"
            )),
        ),
        (
            "cosigned-twice",
            format!("{COSIGNED}{witness_line}\n"),
            refuted(&format!(
                "there are two signatures by `{witness}`, expected one"
            )),
        ),
    ] {
        refused(
            mutation,
            open(note, &keys),
            &expected,
            NoteError::fault,
            fault,
        );
    }
    let mut bytes = CHECKPOINT.as_bytes().to_vec();
    bytes[30] = 0xFF;
    let expected = "line 3: expected UTF-8, found byte `0xff` in column 3";
    refused(
        "not-utf-8",
        open(bytes, &keys),
        expected,
        NoteError::fault,
        Fault::Unreadable,
    );
}

const ORIGIN_IN_SIGNATURE: &str = "\u{2014} ledger.example.com/golden";

#[test]
fn a_signing_key_has_a_name_and_signs_whole_lines() {
    assert_eq!(
        SigningKey::from_seed(&[7; 32], "").unwrap_err(),
        NameError::Empty
    );
    let refused_name = SigningKey::from_seed(&[7; 32], "a\tb").unwrap_err();
    assert_eq!(
        refused_name,
        NameError::Character {
            found: "\\t".to_owned()
        }
    );
    for (text, expected) in [
        (
            "",
            "line 1: expected the text to sign, found the end of the text",
        ),
        (
            "text",
            "line 1: expected the line to end in a newline, found the end of the text",
        ),
        (
            "a\nb\r\n",
            "line 2: expected no control character, found `0x0d` in column 2",
        ),
    ] {
        let signed = SignedNote::sign(text.to_owned(), &signing_key());
        refused(text, signed, expected, NoteError::fault, Fault::Unreadable);
    }
}
