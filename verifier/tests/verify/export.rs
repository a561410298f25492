//! Exports: what was changed on the way, and what an attacker with the key has signed.

use std::path::Path;

use crate::common::run::{Files, change, rich, run};
use crate::common::{Ledger, ORIGIN};
use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::leaf_hash;
use ledger_core::note::SigningKey;
use ledger_core::tree::root_of;

const HASH: usize = 32;

/// The byte at which a line of the export begins.
fn line_at(bytes: &[u8], seq: usize) -> usize {
    let ends = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).nth(seq).unwrap()
}

fn entries(folder: &Path, with: impl FnOnce(&mut Vec<u8>)) {
    change(&folder.join("entries.jsonl"), with);
}

fn leaves(folder: &Path, with: impl FnOnce(&mut Vec<u8>)) {
    change(&folder.join("leaves"), with);
}

fn lines(folder: &Path, with: impl FnOnce(&mut Vec<Vec<u8>>)) {
    entries(folder, |bytes| {
        let mut lines: Vec<Vec<u8>> = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        with(&mut lines);
        *bytes = lines.concat();
    });
}

fn sign(folder: &Path, key: &SigningKey, size: u64, root: ledger_core::hash::Hash) {
    let checkpoint = Checkpoint::new(key.name(), size, root).sign(key).unwrap();
    std::fs::write(folder.join("checkpoint"), checkpoint.to_string()).unwrap();
}

type Mutation = fn(&Path);

/// Each by its name: what is done to the export, the exit code, and the words.
const MUTANTS: &[(&str, Mutation, i32, &str)] = &[
    (
        "entry-with-a-byte-changed",
        |folder| {
            entries(folder, |bytes| {
                let at = line_at(bytes, 26) + 200;
                bytes[at] ^= 1;
            });
        },
        1,
        "entry 26 (line 27) is not what was signed: its leaf hash must be expected",
    ),
    (
        "entry-and-leaf-changed",
        |folder| {
            lines(folder, |lines| lines[26][200] ^= 1);
            let line = std::fs::read(folder.join("entries.jsonl")).unwrap();
            let line = &line[line_at(&line, 26)..line_at(&line, 27) - 1];
            leaves(folder, |bytes| {
                bytes[26 * HASH..27 * HASH].copy_from_slice(&leaf_hash(line).0);
            });
        },
        1,
        "the hashes in `leaves` do not make the signed root",
    ),
    (
        "leaf-changed",
        |folder| leaves(folder, |bytes| bytes[0] ^= 1),
        1,
        "do not make the signed root",
    ),
    (
        "entry-removed",
        |folder| lines(folder, |lines| drop(lines.remove(30))),
        1,
        "entry 30 (line 31) is not what was signed",
    ),
    (
        "entries-swapped",
        |folder| lines(folder, |lines| lines.swap(40, 41)),
        1,
        "entry 40 (line 41) is not",
    ),
    (
        "entry-twice",
        |folder| lines(folder, |lines| lines.insert(7, lines[7].clone())),
        1,
        "entry 8 (line 9) is not",
    ),
    (
        "last-entry-missing",
        |folder| lines(folder, |lines| drop(lines.pop())),
        1,
        "ends after 80 entries, expected 81",
    ),
    (
        "surplus-entry",
        |folder| lines(folder, |lines| lines.push(lines[80].clone())),
        1,
        "goes on after entry 80",
    ),
    (
        "trailing-byte",
        |folder| entries(folder, |bytes| bytes.push(b'x')),
        1,
        "ends without a newline",
    ),
    (
        "trailing-newline",
        |folder| entries(folder, |bytes| bytes.push(b'\n')),
        1,
        "goes on after entry 80",
    ),
    (
        "no-final-newline",
        |folder| entries(folder, |bytes| bytes.truncate(bytes.len() - 1)),
        1,
        "entry 80 (line 81) ends without a newline",
    ),
    (
        "carriage-returns",
        |folder| {
            lines(folder, |lines| {
                for line in lines {
                    line.insert(line.len() - 1, b'\r');
                }
            });
        },
        1,
        "entry 0 (line 1) is not what was signed",
    ),
    (
        "line-of-64-KiB",
        |folder| {
            lines(folder, |lines| {
                lines[3] = [vec![b' '; 65_536], vec![b'\n']].concat();
            });
        },
        1,
        "entry 3 (line 4) has more than 65535 bytes",
    ),
    (
        "line-without-end",
        |folder| entries(folder, |bytes| *bytes = vec![b'{'; 1 << 20]),
        1,
        "entry 0 (line 1) has more than 65535 bytes",
    ),
    (
        "leaves-short-of-a-hash",
        |folder| leaves(folder, |bytes| bytes.truncate(80 * HASH)),
        1,
        "has 2560 bytes, expected 81 hashes of 32",
    ),
    (
        "leaves-within-a-hash",
        |folder| leaves(folder, |bytes| bytes.truncate(bytes.len() - 1)),
        1,
        "has 2591 bytes",
    ),
    (
        "leaves-with-a-surplus-hash",
        |folder| leaves(folder, |bytes| bytes.extend([0; HASH])),
        1,
        "has 2624 bytes",
    ),
    (
        "leaves-with-a-surplus-byte",
        |folder| leaves(folder, |bytes| bytes.push(0)),
        1,
        "has 2593 bytes",
    ),
    (
        "checkpoint-of-a-smaller-log",
        |folder| std::fs::write(folder.join("checkpoint"), rich().0.checkpoint_at(80)).unwrap(),
        1,
        "expected 80 hashes",
    ),
    (
        "checkpoint-by-another-key",
        |folder| {
            let (ledger, _) = rich();
            sign(
                folder,
                &SigningKey::from_seed(&[8; 32], ORIGIN).unwrap(),
                81,
                root_of(ledger.leaves()),
            );
        },
        1,
        "no signature by a trusted key",
    ),
    (
        "checkpoint-of-another-origin",
        |folder| {
            let (ledger, _) = rich();
            sign(
                folder,
                &SigningKey::from_seed(&[7; 32], "elsewhere").unwrap(),
                81,
                root_of(ledger.leaves()),
            );
        },
        1,
        "no signature by a trusted key",
    ),
    (
        "signature-changed",
        |folder| {
            change(&folder.join("checkpoint"), |bytes| {
                let at = bytes.len() - 10;
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            });
        },
        1,
        "does not verify",
    ),
    (
        "root-changed-under-the-signature",
        |folder| {
            change(&folder.join("checkpoint"), |bytes| {
                let at = line_at(bytes, 2);
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            });
        },
        1,
        "does not verify",
    ),
    (
        "checkpoint-that-is-none",
        |folder| std::fs::write(folder.join("checkpoint"), "nothing\n").unwrap(),
        3,
        "checkpoint",
    ),
    (
        "checkpoint-missing",
        |folder| std::fs::remove_file(folder.join("checkpoint")).unwrap(),
        4,
        "is missing",
    ),
    (
        "leaves-missing",
        |folder| std::fs::remove_file(folder.join("leaves")).unwrap(),
        4,
        "is missing",
    ),
    (
        "entries-missing",
        |folder| std::fs::remove_file(folder.join("entries.jsonl")).unwrap(),
        4,
        "is missing",
    ),
    (
        "folder-missing",
        |folder| std::fs::remove_dir_all(folder).unwrap(),
        3,
        "cannot be read",
    ),
];

#[test]
fn an_export_that_was_changed_is_refused_and_the_first_bad_thing_named() {
    let (ledger, _) = rich();
    let files = Files::new();
    let vkey = ledger.vkey();
    for (name, mutate, code, words) in MUTANTS {
        let folder = files.export(name, ledger);
        mutate(&folder);
        let folder = folder.to_str().unwrap();
        for command in ["log", "replay"] {
            run(&[command, folder, "--vkey", &vkey]).expect(
                &format!("{name}, {command}"),
                *code,
                words,
            );
        }
    }
    let folder = files.export("unchanged", ledger);
    // The key that lies beside the log is not what decides.
    std::fs::write(folder.join("ledger.vkey"), "another+00000000+AAAA\n").unwrap();
    for command in ["log", "replay"] {
        run(&[command, folder.to_str().unwrap(), "--vkey", &vkey]).expect(command, 0, "Verified.");
    }
}

#[test]
fn an_empty_log_and_a_log_of_one_entry_verify() {
    let files = Files::new();
    let mut ledger = Ledger::empty();
    let empty = files.export("empty", &ledger);
    run(&["log", empty.to_str().unwrap(), "--vkey", &ledger.vkey()]).expect(
        "empty",
        0,
        "0 leaf hashes",
    );
    ledger.genesis();
    ledger.lines.truncate(1);
    let one = files.export("one", &ledger);
    run(&["replay", one.to_str().unwrap(), "--vkey", &ledger.vkey()]).expect("one", 0, "Verified.");
}
