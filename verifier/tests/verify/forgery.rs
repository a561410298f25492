//! Logs that whoever holds the key has changed and signed anew: every hash is right.

use crate::common::Ledger;
use crate::common::run::{Files, rich, run};
use ledger_core::entry::{Body, Entry, Outcome};

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
