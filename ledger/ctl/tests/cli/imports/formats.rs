//! What the formats bring: several reasons, rejected rows, terms that do not fit, deletions.

use std::sync::Arc;

use ledger_core::action::Channel;
use ledger_core::entry::{DncOp, ListingReason};
use ledger_core::hash::Hash;

use super::{Imports, LINE, numbers};
use crate::Cli;

const SUPPRESSED: &str = r#"{"SuppressedDestinationSummaries": [
{"EmailAddress": "ada@example.com", "Reason": "BOUNCE", "LastUpdateTime": "2026-11-20T09:00:00Z"},
{"EmailAddress": "bob@example.com", "Reason": "COMPLAINT", "LastUpdateTime": 1795339800.5},
{"EmailAddress": "carl@example.com", "Reason": "BOUNCE"}
]}"#;

#[test]
fn a_list_with_several_reasons_is_an_import_of_each() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    std::fs::write(cli.folder().join("list"), SUPPRESSED).unwrap();
    let line = "dnc import --format ses --file list --seller acme --requested-at 2026-01-01T00:00:00Z --json";
    let object = cli.run(line).json();
    let parts: Vec<_> = object["imports"].as_array().unwrap().iter().collect();
    let told: Vec<_> = parts
        .iter()
        .map(|part| (&part["reason"], &part["listed"]))
        .collect();
    assert_eq!(
        told,
        [
            (&"complaint".into(), &1.into()),
            (&"hard_bounce".into(), &2.into())
        ]
    );
    let changes = imports.changes();
    let mut listings = Vec::new();
    for listing in changes.iter().flat_map(|dnc| &dnc.listings) {
        assert_eq!(listing.channels, [Channel::Email].into_iter().collect());
        assert_eq!(listing.seller.as_deref(), Some("acme"));
        assert_eq!(listing.source.as_deref(), Some("ses"));
        let time = listing.requested_at.map(|time| time.to_string());
        listings.push((listing.reason.unwrap(), time.unwrap()));
    }
    listings.sort();
    assert_eq!(
        listings,
        [
            (
                ListingReason::Complaint,
                "2026-11-22T09:30:00.500000Z".to_owned()
            ),
            (
                ListingReason::HardBounce,
                "2026-01-01T00:00:00.000000Z".to_owned()
            ),
            (
                ListingReason::HardBounce,
                "2026-11-20T09:00:00.000000Z".to_owned()
            ),
        ]
    );
    let again = cli.run(line).json();
    assert_eq!(again["repeated_calls"], 6);
    assert_eq!(imports.changes().len(), 6);
}

#[test]
fn rejects_are_told_and_left_out_only_where_that_is_accepted() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    let text = "email,reason\nada@example.com,legal_hold\n\nada lovelace,legal_hold\nbob@example.com,\nbob@example.com\n";
    std::fs::write(cli.folder().join("list"), text).unwrap();
    let line = "dnc import --format csv --file list --source legal";
    let run = cli.run(line);
    assert_eq!(run.code, 2, "{}", run.err);
    for part in [
        "3 rows are rejected",
        "line 4: email: ",
        "line 5: reason: ",
        "line 6: row: ",
        "--accept-rejects",
    ] {
        assert!(run.err.contains(part), "{}", run.err);
    }
    assert!(!run.err.contains("lovelace"), "{}", run.err);
    let run = cli.run(&format!("{line} --rejects ./list"));
    assert!(
        run.code == 2 && run.err.contains("overwrite"),
        "{}",
        run.err
    );
    assert_eq!(
        std::fs::read_to_string(cli.folder().join("list")).unwrap(),
        text
    );
    assert_eq!(cli.calls(), 0);
    let run = cli.run(&format!("{line} --rejects bad.csv"));
    assert_eq!((run.code, cli.calls()), (2, 0), "{}", run.err);
    let rejects = std::fs::read_to_string(cli.folder().join("bad.csv")).unwrap();
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "line,field,reason"));
    assert!(lines[1].starts_with("4,email,\""), "{rejects}");
    let run = cli.run(&format!("{line} --accept-rejects --json"));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.err.contains("line 4: email: "),
        "never in silence: {}",
        run.err
    );
    let object = run.json();
    assert_eq!(
        (&object["listed"], &object["rejected"]),
        (&1.into(), &3.into())
    );
    let end = &object["imports"][0]["end"]["entry"];
    assert_eq!(
        (&end["imported"], &end["imports"]["rejected"]),
        (&1.into(), &3.into())
    );
    // More than can be told on a screen go to a file, or nowhere.
    let many = format!(
        "email,reason\nada@example.com,legal_hold\n{}",
        "x,legal_hold\n".repeat(1_001)
    );
    std::fs::write(cli.folder().join("list"), many).unwrap();
    let calls = cli.calls();
    let run = cli.run(&format!("{line} --accept-rejects"));
    assert_eq!((run.code, cli.calls()), (2, calls), "{}", run.err);
    assert!(run.err.contains("--rejects"), "{}", run.err);
    let run = cli.run(&format!("{line} --accept-rejects --rejects bad.csv"));
    assert_eq!(run.code, 0, "{}", run.err);
    let rejects = std::fs::read_to_string(cli.folder().join("bad.csv")).unwrap();
    assert_eq!(rejects.lines().count(), 1_002);
}

#[test]
fn terms_that_do_not_fit_the_file_are_refused_before_anything_is_sent() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    std::fs::write(cli.folder().join("list"), "Email\nada@example.com\n").unwrap();
    for (line, why) in [
        (
            "--format hubspot --expires-at 2030-01-01T00:00:00Z",
            "--expires-at",
        ),
        ("--format hubspot --kind email", "--kind"),
        ("--format csv --source legal", "line 2: reason"),
        ("--format ses", "`Reason`"),
        ("--format sendgrid-spam --reason manual", "--reason"),
        ("--format ftc-full", "202,5550123"),
    ] {
        let run = cli.run(&format!("dnc import --file list {line}"));
        assert_eq!(run.code, 2, "{line}: {}", run.err);
        assert!(run.err.contains(why), "{line}: {}", run.err);
    }
    std::fs::write(cli.folder().join("list"), "Email\n").unwrap();
    let run = cli.run("dnc import --file list --format hubspot");
    assert!(
        run.code == 2 && run.err.contains("names nobody"),
        "{}",
        run.err
    );
    let run = cli.run("dnc import --file . --format hubspot");
    assert_eq!(run.code, 2, "{}", run.err);
    assert_eq!(cli.calls(), 0);
}

#[test]
fn a_long_import_goes_on_without_repeating_what_was_made() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    std::fs::write(cli.folder().join("list"), numbers(5_000)).unwrap();
    *imports.breaks.lock().unwrap() = Some((81, false));
    let broken = cli.run(LINE);
    assert_eq!(broken.code, 3, "{}", broken.err);
    let calls = cli.calls();
    let run = cli.run(&format!("{LINE} --json"));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        cli.calls() - calls < 60,
        "{} calls more",
        cli.calls() - calls
    );
    let object = run.json();
    assert_eq!(object["listed"], 5_000);
    let state = imports.state.lock().unwrap();
    assert_eq!((state.listed, state.made.len()), (5_000, 102));
}

#[test]
fn a_change_list_ends_what_earlier_imports_of_that_list_made() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    let list = "202,5550001,2026-11-20,D\n202,5550002,2026-11-20,D\n202,5550003,2026-11-20,A\n202,5550004,2026-11-20,D\n";
    std::fs::write(cli.folder().join("list"), list).unwrap();
    let line = "dnc import --format ftc-changes --file list";
    *imports.may_remove.lock().unwrap() = false;
    let run = cli.run(line);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(
        run.err.contains("compliance; nothing was sent"),
        "{}",
        run.err
    );
    assert!(imports.changes().is_empty());
    *imports.may_remove.lock().unwrap() = true;
    let run = cli.run(&format!("{line} --json"));
    assert_eq!(run.code, 0, "{}", run.err);
    let object = run.json();
    assert_eq!(
        (&object["listed"], &object["deleted"]),
        (&1.into(), &3.into())
    );
    assert_eq!(object["listings_ended"], 3);
    let changed = imports.changes();
    let [ended] = &changed
        .iter()
        .filter(|dnc| dnc.op == DncOp::Unlist)
        .collect::<Vec<_>>()[..]
    else {
        panic!("{changed:?}")
    };
    let cites: Vec<_> = ended
        .ends
        .iter()
        .map(|cite| (cite.seq, cite.index))
        .collect();
    assert_eq!(cites, [(900, Some(0)), (900, Some(1)), (905, Some(1))]);
    assert_eq!(ended.evidence, Some(Hash::of(list.as_bytes())));
    // A list of deletions alone is an import too, of nobody.
    std::fs::write(cli.folder().join("list"), "202,5550004,2026-11-21,D\n").unwrap();
    let object = cli.run(&format!("{line} --json")).json();
    assert_eq!(
        (&object["listed"], &object["listings_ended"]),
        (&0.into(), &0.into())
    );
    assert_eq!(object["imports"][0]["end"]["entry"]["imports"]["rows"], 0);
}
