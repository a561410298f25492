//! Exports: what was changed on the way, and what an attacker with the key has signed.

use std::path::Path;

use crate::common::run::{Files, change, rich, run};
use crate::common::{Ledger, ORIGIN, person};
use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{Body, Entry, Outcome};
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

/// The ledger with other lines, all hashes made anew and signed by its own key.
fn forged(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Ledger {
    let (ledger, _) = rich();
    let mut forged = Ledger::empty();
    forged.lines = ledger.lines.clone();
    change(&mut forged.lines);
    forged
}

fn text(line: &mut Vec<u8>, from: &str, to: &str) {
    let before = String::from_utf8(line.clone()).unwrap();
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after, "`{from}` is not in `{before}`");
    *line = after.into_bytes();
}

fn entry(line: &mut Vec<u8>, change: impl FnOnce(&mut Entry)) {
    let mut entry = Entry::decode(line).unwrap();
    change(&mut entry);
    *line = entry.encode().unwrap();
}

type Forgery = fn(&mut Vec<Vec<u8>>);
type Told = (i32, &'static str);

/// What a signature does not help against: by name, what is done, and the exit code and words of `log`
/// and of `replay`.
const FORGERIES: &[(&str, Forgery, Told, Told)] = &[
    (
        "denial-made-an-allow",
        |lines| {
            entry(&mut lines[26], |entry| {
                let time = entry.time;
                if let Body::Decision(decision) = &mut entry.body {
                    decision.outcome = Outcome::Allow;
                    decision.reasons.remove(0);
                    (decision.valid_until, decision.report_by) = (
                        Some(time.saturating_add_s(120)),
                        Some(time.saturating_add_s(900)),
                    );
                }
            });
        },
        (0, "Verified."),
        (
            1,
            "entry 26 (decision): `outcome`: expected `\"deny\"`, found `\"allow\"`",
        ),
    ),
    (
        "reason-made-another",
        |lines| text(&mut lines[26], "dnc.listed", "dnc.exempt"),
        (0, "Verified."),
        (
            1,
            "entry 26 (decision): `reasons[0].code`: expected `\"dnc.listed\"`, found `\"dnc.exempt\"`",
        ),
    ),
    (
        "listing-taken-out-of-the-log",
        |lines| {
            entry(&mut lines[12], |entry| {
                if let Body::Dnc(dnc) = &mut entry.body {
                    dnc.listings.remove(0);
                }
            });
        },
        (0, "Verified."),
        (1, "entry 26 (decision)"),
    ),
    (
        "request-answered-twice",
        |lines| {
            let mut again = lines[80].clone();
            entry(&mut again, |entry| entry.seq = 81);
            lines.push(again);
        },
        (0, "Verified."),
        (
            1,
            "entry 81 (decision): entry 80 already answers this request",
        ),
    ),
    (
        "write-by-a-revoked-principal",
        |lines| {
            let mut entry = Entry::decode(&lines[71]).unwrap();
            entry.seq = 81;
            entry.time = Entry::decode(&lines[80]).unwrap().time;
            if let Body::Dnc(dnc) = &mut entry.body {
                dnc.cause.actor.id = "compliance.nobody".to_owned();
                dnc.cause.request_id = Some("another".to_owned());
            }
            lines.push(entry.encode().unwrap());
        },
        (0, "Verified."),
        (
            1,
            "principal `compliance.nobody` is not registered or was revoked",
        ),
    ),
    (
        "ledger-of-another-name",
        |lines| {
            text(
                &mut lines[64],
                "{\"type\":\"ledger\",\"id\":\"ledger\"}",
                "{\"type\":\"ledger\",\"id\":\"other\"}",
            );
        },
        (0, "Verified."),
        (1, "entry 64 (heartbeat): the ledger must refuse this"),
    ),
    (
        "other-policy-text",
        |lines| text(&mut lines[11], "limit = 3\\n", "limit = 4\\n"),
        (0, "Verified."),
        (1, "entry 11 (policy): `sha256`: expected"),
    ),
    (
        "part-of-a-policy-taken-out",
        |lines| {
            lines.remove(74);
            for (seq, line) in lines.iter_mut().enumerate().skip(74) {
                entry(line, |entry| entry.seq = seq as u64);
            }
        },
        (0, "Verified."),
        (1, "entry 73 (policy)"),
    ),
    (
        "seq-repeated",
        |lines| entry(&mut lines[9], |entry| entry.seq = 8),
        (1, "entry 9 says seq `8`, expected its place, 9"),
        (1, "entry 9 says seq `8`, expected its place, 9"),
    ),
    (
        "time-running-backwards",
        |lines| {
            entry(&mut lines[30], |entry| {
                entry.time = entry.time.checked_sub_s(1).unwrap();
            });
        },
        (1, "entry 30 has the time"),
        (1, "entry 30 has the time"),
    ),
    (
        "space-in-the-json",
        |lines| text(&mut lines[5], "\"role\":", "\"role\": "),
        (1, "entry 5 was signed, but is not an entry"),
        (1, "entry 5 was signed, but is not an entry"),
    ),
    (
        "key-twice",
        |lines| {
            text(
                &mut lines[64],
                "\"actor\":",
                "\"actor\":{\"type\":\"ledger\",\"id\":\"ledger\"},\"actor\":",
            );
        },
        (1, "entry 64 was signed, but is not an entry"),
        (1, "entry 64 was signed, but is not an entry"),
    ),
    (
        "keys-out-of-order",
        |lines| {
            text(
                &mut lines[56],
                "\"voided\":3}",
                "\"details\":{},\"voided\":3}",
            );
        },
        (1, "entry 56 was signed, but is not an entry"),
        (1, "entry 56 was signed, but is not an entry"),
    ),
    (
        "empty-line",
        |lines| lines[64] = Vec::new(),
        (1, "entry 64 was signed, but is not an entry"),
        (1, "entry 64 was signed, but is not an entry"),
    ),
    (
        "no-genesis",
        |lines| lines[0] = lines[64].clone(),
        (1, "entry 0 says seq"),
        (1, "entry 0 says seq"),
    ),
    (
        "heartbeat-in-place-of-the-genesis",
        |lines| {
            lines[0] = lines[64].clone();
            entry(&mut lines[0], |entry| {
                entry.seq = 0;
                entry.time = ledger_core::time::Timestamp::EPOCH;
            });
        },
        (1, "entry 0 is a `heartbeat`, expected the genesis"),
        (1, "entry 0 is a `heartbeat`, expected the genesis"),
    ),
    (
        "genesis-of-another-origin",
        |lines| {
            text(
                &mut lines[0],
                "\"origin\":\"ledger.example/verify\"",
                "\"origin\":\"ledger.example/other\"",
            );
        },
        (1, "genesis names the origin `ledger.example/other`"),
        (1, "genesis names the origin `ledger.example/other`"),
    ),
    (
        "genesis-of-another-key",
        |lines| text(&mut lines[0], "+e1b82b72+", "+e1b82b73+"),
        (1, "genesis names the key"),
        (1, "genesis names the key"),
    ),
    (
        "unknown-key",
        |lines| {
            text(
                &mut lines[64],
                "\"kind\":\"heartbeat\",",
                "\"kind\":\"heartbeat\",\"mood\":\"good\",",
            );
        },
        (4, "entry 64: key `mood` is not known"),
        (4, "entry 64: key `mood` is not known"),
    ),
    (
        "unknown-schema-version",
        |lines| text(&mut lines[64], "{\"v\":1,", "{\"v\":2,"),
        (4, "entry 64: schema version 2"),
        (4, "entry 64: schema version 2"),
    ),
    (
        "unknown-kind",
        |lines| text(&mut lines[64], "\"heartbeat\"", "\"sunbeam\""),
        (4, "entry 64: entry kind `sunbeam`"),
        (4, "entry 64: entry kind `sunbeam`"),
    ),
    (
        "unknown-word",
        |lines| text(&mut lines[26], "dnc.listed", "dnc.feared"),
        (4, "entry 26: a value (unknown variant `dnc.feared`"),
        (4, "entry 26: a value (unknown variant `dnc.feared`"),
    ),
    (
        "unknown-gate-version",
        |lines| text(&mut lines[77], "\"gate\":1", "\"gate\":2"),
        (0, "Verified."),
        (
            4,
            "entry 77: gate version `2` is not known to this version; 4 entries from there on are not judged",
        ),
    ),
    (
        "unknown-part-of-a-policy",
        |lines| {
            text(
                &mut lines[74],
                "\"continues\":",
                "\"tone\":\"stern\",\"continues\":",
            );
        },
        (4, "entry 74: key `tone`"),
        (4, "a policy of which a part cannot be read"),
    ),
    (
        "unknown-key-after-a-forged-denial",
        |lines| {
            text(&mut lines[26], "dnc.listed", "dnc.exempt");
            text(
                &mut lines[64],
                "\"kind\":\"heartbeat\",",
                "\"kind\":\"heartbeat\",\"mood\":\"good\",",
            );
        },
        (4, "entry 64: key `mood`"),
        (1, "entry 26 (decision)"),
    ),
    (
        "no-entry-after-an-unknown-key",
        |lines| {
            text(
                &mut lines[64],
                "\"kind\":\"heartbeat\",",
                "\"kind\":\"heartbeat\",\"mood\":\"good\",",
            );
            text(&mut lines[70], "\"event\":", "\"event\": ");
        },
        (1, "entry 70 was signed, but is not an entry"),
        (1, "entry 70 was signed, but is not an entry"),
    ),
];

#[test]
fn a_log_that_was_signed_anew_is_refused_by_what_its_entries_say() {
    let files = Files::new();
    for (name, change, log, replay) in FORGERIES {
        let forged = forged(change);
        let folder = files.export(name, &forged);
        let folder = folder.to_str().unwrap();
        for (command, (code, words)) in [("log", log), ("replay", replay)] {
            run(&[command, folder, "--vkey", &forged.vkey()]).expect(
                &format!("{name}, {command}"),
                *code,
                words,
            );
        }
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

#[test]
fn one_person_is_found_in_a_log_by_an_opening() {
    let (ledger, at) = rich();
    let files = Files::new();
    let folder = files.export("export", ledger);
    let (folder, vkey) = (folder.to_str().unwrap(), ledger.vkey());
    let log = |opening: &str, code, words: &str| {
        run(&["log", folder, "--vkey", &vkey, "--opening", opening]).expect(opening, code, words);
    };

    let never = files.put(
        "never.opening",
        ledger
            .opening(person("someone@sub.blocked.io", "c-2"))
            .to_bytes(),
    );
    log(
        &never,
        0,
        "No action that reaches this person was allowed by the gate anywhere in this log; 1 was refused.",
    );
    log(
        &never,
        0,
        "The log covers from 2026-11-22T09:00:00.000000Z to 2026-11-22T10:18:12.000000Z, with 2 gaps.",
    );
    log(&never, 0, "sends that bypass the ledger are not covered");
    log(
        &never,
        0,
        "entry 26 at 2026-11-22T09:01:11.000000Z: `email.send` by `agent.sender` for `acme`: dnc.listed by its domain, grant.row",
    );
    log(
        &never,
        0,
        "entry 12, index 0, at 2026-11-22T09:00:10.000000Z: listed by domain, manual, for every seller, by every channel",
    );
    log(&never, 0, "ended by entry 71");
    log(
        &never,
        0,
        "1 of these reports are about an action that the gate had not allowed",
    );

    let reached = files.put(
        "reached.opening",
        ledger
            .opening(person("ann@wonder.land.io", "c-1"))
            .to_bytes(),
    );
    log(
        &reached,
        0,
        "Actions that reach this person were allowed 1 time and refused 2 times.",
    );
    log(&reached, 0, &format!("entry {} at", at.allow));

    // The neighbour has the same domains, and nothing else.
    let neighbour = files.put(
        "neighbour.opening",
        ledger
            .opening(person("else@wonder.land.io", "c-77"))
            .to_bytes(),
    );
    log(
        &neighbour,
        0,
        "No action that reaches this person was allowed",
    );
    log(
        &neighbour,
        0,
        "That the opening is right about what stands in no entry: email `else@wonder.land.io`",
    );

    // Of a company, everybody at its domain counts.
    let mut company = ledger
        .opening(person("ann@wonder.land.io", "c-1"))
        .keys()
        .to_vec();
    company.retain(|key| key.kind == "domain");
    let company = files.put(
        "company.opening",
        ledger_core::opening::Opening::new(company)
            .unwrap()
            .to_bytes(),
    );
    log(
        &company,
        0,
        "Actions that reach this company were allowed 1 time and refused 2 times.",
    );

    // With made-up secrets nothing is found, which proves nothing.
    let mut forged = ledger
        .opening(person("ann@wonder.land.io", "c-1"))
        .keys()
        .to_vec();
    for key in &mut forged {
        key.s = [5; 32];
    }
    let forged = files.put(
        "forged.opening",
        ledger_core::opening::Opening::new(forged)
            .unwrap()
            .to_bytes(),
    );
    log(&forged, 4, "no entry carries a token of this opening");

    let broken = files.put("broken.opening", "ledger-opening/v1\nemail\n");
    log(&broken, 3, "line 2");
    log(&files.name("absent.opening"), 3, "cannot be read");
}
