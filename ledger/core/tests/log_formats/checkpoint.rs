//! Checkpoints and trust in them: golden bytes, policies, and mutants named by their mutation, each refused
//! with the error that says what.

use ledger_core::checkpoint::{Checkpoint, CheckpointError};
use ledger_core::fault::Fault;
use ledger_core::hash::{Hash, empty_root};
use ledger_core::note::{SignedNote, SigningKey};
use ledger_core::tree::TREE_SIZE_MAX;
use ledger_core::trust::{Cosigned, Trust, TrustError};

use crate::golden::{CHECKPOINT, COSIGNED, ORIGIN, POLICY, ROOT, VKEY, key, signing_key};
use crate::mutants::{refused, with, without_line};

fn policy(text: &str) -> Trust {
    Trust::parse_policy(text.as_bytes()).unwrap()
}

/// The golden policy with another quorum, after these groups.
fn with_quorum(groups: &str) -> Trust {
    policy(&with(
        POLICY,
        "group two-of-three 2 w1 w2 w3\nquorum two-of-three\n",
        groups,
    ))
}

#[test]
fn checkpoint_mutants_are_refused() {
    let text = CHECKPOINT.split_inclusive('\n').take(3).collect::<String>();
    let parse = |text: &str| Checkpoint::parse_text(text);
    assert_eq!(
        parse(&text).unwrap(),
        Checkpoint::new(ORIGIN, 5, ROOT.parse().unwrap())
    );
    let size = |size: &str| with(&text, "\n5\n", &format!("\n{size}\n"));
    let decimal = |found: &str| {
        format!(
            "line 2: tree size: expected a decimal number below 2^64 without sign or leading zeroes, found `{found}`"
        )
    };
    let base64 = |found: &str| {
        format!(
            "line 3: root hash: expected standard base64 with canonical padding, found `{found}`"
        )
    };
    let unreadable = |expected: String| (expected, Fault::Unreadable);
    for (mutation, text, (expected, fault)) in [
        (
            "empty",
            String::new(),
            unreadable("line 1: expected the log's origin, found the end of the text".into()),
        ),
        (
            "no-origin",
            with(&text, ORIGIN, ""),
            unreadable("line 1: expected the log's origin, found ``".into()),
        ),
        (
            "no-size",
            without_line(&text, 2),
            unreadable(decimal("SN/fXvsGElS8AXpQhRyHHb2MZF9IT9AbLemm1hU0yc8=")),
        ),
        (
            "no-root",
            without_line(&text, 3),
            unreadable("line 3: expected the root hash, found the end of the text".into()),
        ),
        (
            "size-with-leading-zero",
            size("05"),
            unreadable(decimal("05")),
        ),
        ("size-zeroes", size("00"), unreadable(decimal("00"))),
        ("size-with-plus", size("+5"), unreadable(decimal("+5"))),
        ("size-negative", size("-5"), unreadable(decimal("-5"))),
        ("size-in-hex", size("0x5"), unreadable(decimal("0x5"))),
        ("size-with-space", size("5 "), unreadable(decimal("5 "))),
        ("size-empty", size(""), unreadable(decimal(""))),
        (
            "size-in-other-digits",
            size("\u{0665}"),
            unreadable(decimal("\u{0665}")),
        ),
        (
            "size-is-2-to-64",
            size("18446744073709551616"),
            unreadable(decimal("18446744073709551616")),
        ),
        (
            "size-above-2-to-63",
            size("9223372036854775809"),
            (
                format!(
                    "tree size `9223372036854775809` is too large, expected at most {TREE_SIZE_MAX}"
                ),
                Fault::Refuted,
            ),
        ),
        (
            "size-0-with-a-root",
            size("0"),
            (
                format!(
                    "expected the root of an empty tree to be `{}`, found `{ROOT}`",
                    empty_root()
                ),
                Fault::Refuted,
            ),
        ),
        (
            "root-in-hex",
            with(&text, "SN/fXvsGElS8AXpQhRyHHb2MZF9IT9AbLemm1hU0yc8=", ROOT),
            unreadable("line 3: root hash: expected 32 bytes, found 48".into()),
        ),
        (
            "root-truncated",
            with(&text, "SN/f", ""),
            unreadable("line 3: root hash: expected 32 bytes, found 29".into()),
        ),
        (
            "root-with-surplus-byte",
            with(&text, "yc8=", "yc8A"),
            unreadable("line 3: root hash: expected 32 bytes, found 33".into()),
        ),
        (
            "root-without-padding",
            with(&text, "yc8=", "yc8"),
            unreadable(base64("SN/fXvsGElS8AXpQhRyHHb2MZF9IT9AbLemm1hU0yc8")),
        ),
        (
            "root-with-non-canonical-base64",
            with(&text, "yc8=", "yc9="),
            unreadable(base64("SN/fXvsGElS8AXpQhRyHHb2MZF9IT9AbLemm1hU0yc9=")),
        ),
        (
            "empty-extension-line",
            format!("{text}\n"),
            unreadable(
                "line 4: expected an extension line or the end of the text, found ``".into(),
            ),
        ),
        (
            "extension-line-unterminated",
            format!("{text}x"),
            unreadable(
                "line 4: expected the line to end in a newline, found the end of the text".into(),
            ),
        ),
        (
            "crlf",
            text.replace('\n', "\r\n"),
            unreadable("line 1: expected no control character, found `0x0d` in column 26".into()),
        ),
    ] {
        refused(
            mutation,
            parse(&text),
            &expected,
            CheckpointError::fault,
            fault,
        );
    }
}

#[test]
fn extension_lines_are_kept_and_signed_with_the_rest() {
    let mut checkpoint = Checkpoint::new(ORIGIN, 0, empty_root());
    checkpoint.extensions = vec!["first".to_owned(), "second one".to_owned()];
    let note = checkpoint.sign(&signing_key()).unwrap();
    assert_eq!(Checkpoint::parse_text(note.text()).unwrap(), checkpoint);
    assert!(note.verify(&[key()]).is_ok());
}

#[test]
fn nothing_is_signed_that_would_read_back_as_something_else() {
    let root: Hash = ROOT.parse().unwrap();
    let sign = |checkpoint: &Checkpoint| checkpoint.sign(&signing_key()).map(|_| ());
    let other = Checkpoint::new("another.example/log", 5, root);
    let expected = "the signing key is named `ledger.example.com/golden`, expected the log's origin `another.example/log`";
    refused(
        "another-origin",
        sign(&other),
        expected,
        CheckpointError::fault,
        Fault::Refuted,
    );
    let mut smuggled = Checkpoint::new(ORIGIN, 5, root);
    smuggled.extensions = vec!["one\ntwo".to_owned()];
    let expected = "line 4: expected no line break in an extension line, found ``";
    refused(
        "line-break-in-extension",
        sign(&smuggled),
        expected,
        CheckpointError::fault,
        Fault::Unreadable,
    );
    let zero = Checkpoint::new(ORIGIN, 0, root);
    let expected = format!(
        "expected the root of an empty tree to be `{}`, found `{ROOT}`",
        empty_root()
    );
    refused(
        "size-0-with-a-root",
        sign(&zero),
        &expected,
        CheckpointError::fault,
        Fault::Refuted,
    );
}

#[test]
fn a_vkey_is_trusted_with_and_without_its_newline() {
    for text in [VKEY, VKEY.trim_end()] {
        let trust = Trust::parse_vkey(text).unwrap();
        assert_eq!(trust.logs(), [key()]);
        let verified = trust.verify_checkpoint(CHECKPOINT.as_bytes()).unwrap();
        assert_eq!(
            verified.checkpoint,
            Checkpoint::new(ORIGIN, 5, ROOT.parse().unwrap())
        );
        assert_eq!((verified.key, verified.witnesses), (key(), Vec::new()));
    }
    let witness = POLICY
        .lines()
        .find(|line| line.starts_with("witness"))
        .unwrap();
    let witness = witness.split(' ').nth(2).unwrap();
    for (mutation, vkey, expected) in [
        ("two-newlines", format!("{VKEY}\n"), "verification key: key: expected standard base64 with canonical padding, found `AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\\n`".to_owned()),
        ("leading-space", format!(" {VKEY}"), "verification key: the key name has ` ` in it, expected no space, plus or control character".to_owned()),
        ("a-witness", witness.to_owned(), format!("verification key `{witness}` is a witness's, expected a log's (signature type 0x01)")),
    ] {
        refused(mutation, Trust::parse_vkey(&vkey), &expected, TrustError::fault, Fault::Unreadable);
    }
}

#[test]
fn the_golden_policy_trusts_what_two_of_three_have_cosigned() {
    let trust = policy(POLICY);
    let verified = trust.verify_checkpoint(COSIGNED.as_bytes()).unwrap();
    let cosigned = |at: u8| Cosigned {
        witness: format!("w{at}"),
        key: format!("witness{at}.example/w"),
        time_s: 1_789_999_999 + u64::from(at),
    };
    assert_eq!(verified.witnesses, [cosigned(1), cosigned(2)]);
    assert_eq!(verified.key, key());

    let one_witness = without_line(COSIGNED, 7);
    let expected = "the quorum `two-of-three` is not reached: cosigned by `w1`";
    refused(
        "one-cosignature",
        trust.verify_checkpoint(one_witness.as_bytes()),
        expected,
        TrustError::fault,
        Fault::Refuted,
    );
    let expected = "the quorum `two-of-three` is not reached: cosigned by nobody";
    refused(
        "no-cosignature",
        trust.verify_checkpoint(CHECKPOINT.as_bytes()),
        expected,
        TrustError::fault,
        Fault::Refuted,
    );
    // Cosignatures alone are not the log's word.
    let unsigned = without_line(COSIGNED, 5);
    let expected = "no signature by a trusted log named `ledger.example.com/golden`, the checkpoint's origin; trusted keys that signed: `witness1.example/w`, `witness2.example/w`";
    refused(
        "no-log-signature",
        trust.verify_checkpoint(unsigned.as_bytes()),
        expected,
        TrustError::fault,
        Fault::Refuted,
    );
}

#[test]
fn quorums_are_counted_through_groups() {
    // Cosigned by w1 and w2, not by w3.
    for (groups, reached) in [
        ("quorum none", true),
        ("quorum w1", true),
        ("quorum w3", false),
        ("group g any w1 w2 w3\nquorum g", true),
        ("group g any w3\nquorum g", false),
        ("group g all w1 w2\nquorum g", true),
        ("group g all w1 w2 w3\nquorum g", false),
        ("group g 2 w1 w2 w3\nquorum g", true),
        ("group g 3 w1 w2 w3\nquorum g", false),
        ("group a all w1 w2\ngroup b any a w3\nquorum b", true),
        ("group a all w1 w2\ngroup b all a w3\nquorum b", false),
        (
            "group a any w1 w3\ngroup b 1 w2\ngroup c all a b\nquorum c",
            true,
        ),
        (
            "group a all w1 w3\ngroup b 1 w2\ngroup c 2 a b\nquorum c",
            false,
        ),
        ("group unused all w3\nquorum w2", true),
        // Names are opaque, and may look like anything else.
        ("group 1 any w1\ngroup all all 1\nquorum all", true),
        ("  quorum\t none\t ", true),
        ("# quorum w3\n\n \t\n  #\nquorum w1", true),
    ] {
        let verified = with_quorum(&format!("{groups}\n")).verify_checkpoint(COSIGNED.as_bytes());
        assert_eq!(verified.is_ok(), reached, "{groups}: {verified:?}");
    }
}

#[test]
fn a_policy_accepts_any_of_its_logs_and_no_other() {
    let other = SigningKey::from_seed(&[9; 32], "other.example/log").unwrap();
    let rotated = SigningKey::from_seed(&[10; 32], ORIGIN).unwrap();
    let text = format!(
        "log {VKEY}log {}\nlog {} https://other.example/log\nquorum none\n",
        rotated.verification_key(),
        other.verification_key()
    );
    let trust = policy(&text);
    let checkpoint = Checkpoint::new(ORIGIN, 5, ROOT.parse().unwrap());
    for signer in [&signing_key(), &rotated] {
        let note = checkpoint.sign(signer).unwrap().to_bytes();
        assert_eq!(
            &trust.verify_checkpoint(&note).unwrap().key,
            signer.verification_key()
        );
    }
    // A trusted log speaks for itself alone.
    let note = SignedNote::sign(checkpoint.to_text(), &other)
        .unwrap()
        .to_bytes();
    let expected = "no signature by a trusted log named `ledger.example.com/golden`, the checkpoint's origin; trusted keys that signed: `other.example/log`";
    refused(
        "wrong-origin",
        trust.verify_checkpoint(&note),
        expected,
        TrustError::fault,
        Fault::Refuted,
    );
    let stranger = SigningKey::from_seed(&[11; 32], ORIGIN).unwrap();
    let note = checkpoint.sign(&stranger).unwrap().to_bytes();
    let expected = format!(
        "no signature by a trusted key: expected one by `{}`, found `{ORIGIN}+{:08x}`",
        VKEY.trim_end(),
        stranger.verification_key().id()
    );
    refused(
        "wrong-key",
        crate::golden::trust().verify_checkpoint(&note),
        &expected,
        TrustError::fault,
        Fault::Refuted,
    );
    // A good signature over something that is no checkpoint.
    let note = SignedNote::sign("a\nb\n".to_owned(), &signing_key())
        .unwrap()
        .to_bytes();
    let expected = "line 2: tree size: expected a decimal number below 2^64 without sign or leading zeroes, found `b`";
    refused(
        "not-a-checkpoint",
        trust.verify_checkpoint(&note),
        expected,
        TrustError::fault,
        Fault::Unreadable,
    );
}

#[test]
fn policy_mutants_are_refused() {
    let log_line = format!(
        "log {} https://ledger.example.com/golden\n",
        VKEY.trim_end()
    );
    let witness_line = |at: usize| POLICY.split_inclusive('\n').nth(2 + at).unwrap();
    let witness = witness_line(1).trim_end().split(' ').nth(2).unwrap();
    let group = |line: &str| with(POLICY, "group two-of-three 2 w1 w2 w3", line);
    let threshold = |found: &str| {
        format!(
            "line 7: expected `all`, `any` or a number from 1 to 3 as the group's threshold, found `{found}`"
        )
    };
    for (mutation, text, expected) in [
        ("empty", String::new(), "line 1: expected a quorum line: `quorum <name>`, or `quorum none` to ask for no witness".to_owned()),
        ("no-log", with(POLICY, &log_line, ""), "line 8: expected at least one log line: `log <vkey>`".to_owned()),
        ("no-quorum", with(POLICY, "quorum two-of-three\n", ""), "line 8: expected a quorum line: `quorum <name>`, or `quorum none` to ask for no witness".to_owned()),
        ("two-quorums", format!("{POLICY}quorum none\n"), "line 9: a second quorum, expected the one on line 8 alone".to_owned()),
        ("no-final-newline", POLICY.trim_end().to_owned(), "line 8: expected the line to end in a newline, found the end of the file".to_owned()),
        ("crlf", POLICY.replace('\n', "\r\n"), "line 1: expected no control character but tab and newline, found `0x0d`".to_owned()),
        ("delete-character", with(POLICY, "# Two", "# \u{7f}Two"), "line 1: expected no control character but tab and newline, found `0x7f`".to_owned()),
        ("unknown-keyword", format!("{POLICY}logs x\n"), "line 9: expected `log`, `witness`, `group` or `quorum`, found `logs`".to_owned()),
        ("keyword-upper-case", with(POLICY, "\nlog ", "\nLog "), "line 2: expected `log`, `witness`, `group` or `quorum`, found `Log`".to_owned()),
        ("log-without-key", with(POLICY, &log_line, "log\n"), "line 2: expected `log <vkey> [<url>]`, found 1 words".to_owned()),
        ("log-with-surplus-word", with(POLICY, "/golden\n", "/golden x\n"), "line 2: expected `log <vkey> [<url>]`, found 4 words".to_owned()),
        ("log-with-bad-key", with(POLICY, "+f59a6d74+", "+f59a6d75+"), "line 2: verification key: key id: expected `f59a6d74` for this name and key, found `f59a6d75`".to_owned()),
        ("log-twice", format!("{POLICY}log {VKEY}"), "line 9: this log's public key is on line 2 already, expected each once".to_owned()),
        ("log-key-of-a-witness", format!("{POLICY}log {witness}\n"), format!("line 9: expected a vkey of signature type 0x01, a log's, found `{witness}`")),
        ("witness-key-of-a-log", format!("{POLICY}witness w4 {VKEY}"), format!("line 9: expected a vkey of signature type 0x04, a witness's, found `{}`", VKEY.trim_end())),
        ("witness-without-name", with(POLICY, "witness w1 ", "witness "), "line 4: expected `witness <name> <vkey> [<url>]`, found 2 words".to_owned()),
        ("witness-with-surplus-word", with(POLICY, witness_line(1), &format!("{} u x\n", witness_line(1).trim_end())), "line 4: expected `witness <name> <vkey> [<url>]`, found 5 words".to_owned()),
        ("witness-key-twice", format!("{POLICY}{}", with(witness_line(1), "w1", "w4")), "line 9: this witness's public key is on line 4 already, expected each once".to_owned()),
        ("witness-name-twice", with(POLICY, "witness w2", "witness w1"), "line 5: the name `w1` is defined already, expected another one".to_owned()),
        ("witness-named-none", with(POLICY, "witness w2", "witness none"), "line 5: the name `none` is defined already, expected another one".to_owned()),
        ("group-named-as-a-witness", group("group w1 1 w2"), "line 7: the name `w1` is defined already, expected another one".to_owned()),
        ("group-without-members", group("group two-of-three 2"), "line 7: expected `group <name> <k|any|all> <name>...`, found 3 words".to_owned()),
        ("group-of-an-unknown-name", group("group two-of-three 2 w1 w9"), "line 7: the name `w9` is not defined on a line before this one".to_owned()),
        ("group-of-itself", group("group g any g"), "line 7: the name `g` is not defined on a line before this one".to_owned()),
        ("group-of-none", group("group g any none"), "line 7: the name `none` is not defined on a line before this one".to_owned()),
        ("group-with-a-member-twice", group("group two-of-three 2 w1 w1"), "line 7: `w1` is a member of a group already, expected each name to be one at most once".to_owned()),
        ("member-of-two-groups", group("group a any w1\ngroup two-of-three 2 w1 w2"), "line 8: `w1` is a member of a group already, expected each name to be one at most once".to_owned()),
        ("threshold-0", group("group two-of-three 0 w1 w2 w3"), threshold("0")),
        ("threshold-above-members", group("group two-of-three 4 w1 w2 w3"), threshold("4")),
        ("threshold-with-leading-zero", group("group two-of-three 02 w1 w2 w3"), threshold("02")),
        ("threshold-with-plus", group("group two-of-three +2 w1 w2 w3"), threshold("+2")),
        ("threshold-overflow", group("group two-of-three 18446744073709551617 w1 w2 w3"), threshold("18446744073709551617")),
        ("threshold-upper-case", group("group two-of-three ALL w1 w2 w3"), threshold("ALL")),
        ("quorum-of-an-unknown-name", with(POLICY, "quorum two", "quorum three"), "line 8: the name `three-of-three` is not defined on a line before this one".to_owned()),
        ("quorum-before-its-group", with(POLICY, "group two", "quorum two-of-three\ngroup two"), "line 7: the name `two-of-three` is not defined on a line before this one".to_owned()),
        ("quorum-of-two", with(POLICY, "quorum two-of-three", "quorum w1 w2"), "line 8: expected `quorum <name>`, found 3 words".to_owned()),
        ("too-many-lines", format!("{}{POLICY}", "\n".repeat(4096)), "line 4097: too many lines, expected at most 4096".to_owned()),
        ("too-large", format!("{POLICY}#{}\n", "x".repeat(1 << 20)), "line 1: too many bytes, expected at most 1048576".to_owned()),
    ] {
        let expected = format!("trust policy: {expected}");
        refused(mutation, Trust::parse_policy(text.as_bytes()), &expected, TrustError::fault, Fault::Unreadable);
    }
    let mut bytes = POLICY.as_bytes().to_vec();
    bytes.extend_from_slice(b"quorum \xe2\x84\xaa\n");
    let expected = "trust policy: line 9: a second quorum, expected the one on line 8 alone";
    refused(
        "second-quorum-in-other-octets",
        Trust::parse_policy(&bytes),
        expected,
        TrustError::fault,
        Fault::Unreadable,
    );
}

#[test]
fn names_in_a_policy_are_octets() {
    // Not UTF-8 at all, and a Kelvin sign that is no K.
    let text = with(
        POLICY,
        "group two-of-three 2 w1 w2 w3\nquorum two-of-three\n",
        "",
    );
    let text = with(
        &with(&text, "witness w1", "witness K"),
        "witness w2",
        "witness \u{212a}",
    );
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"group \xff\xfe all K \xe2\x84\xaa\nquorum \xff\xfe\n");
    let trust = Trust::parse_policy(&bytes).unwrap();
    assert_eq!(
        trust
            .verify_checkpoint(COSIGNED.as_bytes())
            .unwrap()
            .witnesses
            .len(),
        2
    );
}
