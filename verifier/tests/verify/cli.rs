//! The command line: exit codes, JSON, help, and one whole run to the letter.

use crate::common::run::{Files, rich, run};
use crate::common::{Ledger, person};
use serde_json::Value;

#[test]
fn usage_is_2_and_help_names_every_exit_code() {
    let (ledger, _) = rich();
    let vkey = ledger.vkey();
    for args in [
        vec![],
        vec!["receipt"],
        vec!["receipt", "file"],
        vec!["receipt", "file", "--vkey", &vkey, "--policy", "file"],
        vec!["receipt", "--vkey", &vkey],
        vec!["receipt", "-", "-", "--vkey", &vkey],
        vec!["evidence", "-", "--opening", "-", "--vkey", &vkey],
        vec!["consistency", "a", "b", "--vkey", &vkey],
        vec!["log", "--vkey", &vkey],
        vec!["frobnicate", "--vkey", &vkey],
        vec!["log", "folder", "--vkey", &vkey, "--frobnicate"],
    ] {
        let said = run(&args);
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert!(
            said.out.is_empty() && !said.err.is_empty(),
            "{args:?}: {said:?}"
        );
    }
    for args in [
        vec!["--help"],
        vec!["receipt", "--help"],
        vec!["replay", "--help"],
    ] {
        let said = run(&args);
        assert_eq!(said.code, 0);
        for words in [
            "0  verified",
            "1  refuted",
            "2  the command line was not understood",
            "3  the input could not be read",
            "4  cannot be judged",
        ] {
            assert!(
                said.out.contains(words),
                "{args:?}: `{words}` in {}",
                said.out
            );
        }
    }
}

#[test]
fn the_key_comes_from_the_command_line_or_a_file_and_from_nowhere_else() {
    let (ledger, _) = rich();
    let files = Files::new();
    let receipt = files.put("receipt", ledger.receipt(26).to_bytes());
    let key = files.put("key", format!("{}\n", ledger.vkey()));
    run(&["--vkey", &key, "receipt", &receipt]).expect("file", 0, "Verified.");
    run(&["receipt", &receipt, "--vkey", &ledger.vkey()]).expect("text", 0, "Verified.");
    let other = "ledger.example/verify+00000000+AAAA";
    run(&["receipt", &receipt, "--vkey", other]).expect("no key", 3, "is no file and no key");
    let garbage = files.put("garbage", "garbage\n");
    run(&["receipt", &receipt, "--vkey", &garbage]).expect(
        "garbage",
        3,
        "expected `<name>+<key id>+<base64 key>`",
    );
    run(&["receipt", &receipt, "--policy", &files.name("absent")]).expect(
        "absent",
        3,
        "cannot be read",
    );
}

#[test]
fn json_says_the_same_for_programs() {
    let (ledger, at) = rich();
    let files = Files::new();
    let vkey = ledger.vkey();
    let json = |args: &[&str]| -> (i32, Value) {
        let said = run(&[args, &["--json", "--vkey", &vkey]].concat());
        (
            said.code,
            serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out)),
        )
    };

    let receipt = files.put("receipt", ledger.receipt(at.denied_domain).to_bytes());
    let (code, said) = json(&["receipt", &receipt]);
    assert_eq!(
        (code, &said["verdict"], &said["exit_code"]),
        (0, &"verified".into(), &0.into())
    );
    assert_eq!(said["command"], "receipt");
    assert_eq!(said["result"]["receipts"][0]["seq"], at.denied_domain);
    assert_eq!(said["result"]["receipts"][0]["entry"]["outcome"], "deny");
    let steps: Vec<&str> = said["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["check"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["trust", "checkpoint", "inclusion", "entry"]);
    assert!(
        said["does_not_prove"]
            .as_array()
            .is_some_and(|words| !words.is_empty())
    );

    let evidence = files.put("evidence", ledger.evidence(at.denied_domain).to_bytes());
    let opening = files.put(
        "opening",
        ledger
            .opening(person("someone@sub.blocked.io", "c-2"))
            .to_bytes(),
    );
    let (code, said) = json(&["evidence", &evidence, "--opening", &opening]);
    assert_eq!(code, 0);
    assert_eq!(
        said["result"]["judgement"]["listings"][0]["cite"]["seq"],
        at.listing
    );
    assert_eq!(said["result"]["opening"][0]["recipients"][0], 0);

    let folder = files.export("export", ledger);
    let folder = folder.to_str().unwrap();
    let (code, said) = json(&["log", folder, "--opening", &opening]);
    assert_eq!(code, 0);
    assert_eq!(said["result"]["person"]["allows"]["total"], 0);
    assert_eq!(
        said["result"]["person"]["refusals"]["listed"][0]["seq"],
        at.denied_domain
    );
    assert_eq!(said["result"]["summary"]["decided"]["allow"], 6);
    assert_eq!(said["result"]["summary"]["coverage"]["gaps_total"], 2);

    let (code, said) = json(&["replay", folder]);
    assert_eq!(code, 0);
    assert_eq!(said["result"]["replay"]["mismatches_total"], 0);
    assert_eq!(said["result"]["replay"]["kinds"]["decision"]["matched"], 28);

    let mut forged = Ledger::empty();
    forged.lines = ledger.lines.clone();
    let line = String::from_utf8(forged.lines[26].clone()).unwrap();
    forged.lines[26] = line.replace("dnc.listed", "dnc.exempt").into_bytes();
    let folder = files.export("forged", &forged);
    let (code, said) = json(&["replay", folder.to_str().unwrap()]);
    assert_eq!(
        (code, &said["verdict"], &said["exit_code"]),
        (1, &"refuted".into(), &1.into())
    );
    let mismatch = &said["result"]["replay"]["mismatches"][0];
    assert_eq!(mismatch["seq"], 26);
    assert_eq!(mismatch["what"]["differs"]["path"], "reasons[0].code");
    let failed: Vec<&Value> = said["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["status"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1);

    let (code, said) = json(&["receipt", &files.name("absent")]);
    assert_eq!((code, &said["verdict"]), (3, &"unreadable".into()));
}

#[test]
fn a_whole_run_reads_as_it_always_did() {
    let (whole, at) = rich();
    let mut ledger = Ledger::empty();
    // The log as it was right after the denial.
    ledger.lines = whole.lines[..=usize::try_from(at.denied_domain).unwrap()].to_vec();
    let files = Files::new();
    let evidence = files.put("evidence", ledger.evidence(at.denied_domain).to_bytes());
    let opening = files.put(
        "opening",
        ledger
            .opening(person("someone@sub.blocked.io", "c-2"))
            .to_bytes(),
    );
    let said = run(&[
        "evidence",
        &evidence,
        "--opening",
        &opening,
        "--vkey",
        &ledger.vkey(),
    ]);
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/verify/golden/denial.txt"
    );
    // After a change that was meant: BLESS=1 writes it down anew, to be read before it is committed.
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden, &said.out).unwrap();
    }
    assert_eq!(said.out, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn a_pipe_that_is_closed_early_does_not_change_the_exit_code() {
    use std::process::Command;
    let (ledger, _) = rich();
    let files = Files::new();
    let folder = files.export("export", ledger);
    // Closed before anything is written to it.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ledger-verify"))
        .args([
            "replay",
            folder.to_str().unwrap(),
            "--json",
            "--vkey",
            &ledger.vkey(),
        ])
        .stdout(writer)
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
