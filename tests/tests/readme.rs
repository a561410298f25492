//! The commands in README.md, run as a reader would type them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ledger_tests::{bin, markdown};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

#[test]
fn the_first_receipt_is_made_by_the_commands_as_they_stand() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = markdown::blocks(&readme, "sh");
    assert!(
        blocks.len() >= 7,
        "the walk-through is gone: {} blocks",
        blocks.len()
    );
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("policies"), folder.path().join("policies")).unwrap();

    let mut script =
        String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n");
    for (line, block) in &blocks {
        writeln!(script, "echo '== README.md line {line}'\n{block}").unwrap();
        if block.contains("ledgerd run") {
            // A reader takes longer to read on than the daemon takes to start.
            script.push_str(
                "for _ in $(seq 200); do [ -S ledger/ledger.sock ] && break; sleep 0.05; done\n",
            );
        }
    }
    let binaries = bin::path("ledgerd").parent().unwrap().to_owned();
    for name in ["ledgerctl", "ledger-verify"] {
        bin::path(name);
    }
    let mut shell = Command::new("bash");
    for (key, _) in
        std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("LEDGER"))
    {
        shell.env_remove(key);
    }
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let ran = bin::run_within(
        shell
            .arg("-c")
            .arg(&script)
            .current_dir(folder.path())
            .env("PATH", path),
        Duration::from_mins(2),
    );
    let ran = ran.expect(0).says(&["DENY", "dnc.listed", "Verified"]);
    assert_eq!(
        ran.stdout.matches("Verified.").count(),
        2,
        "a receipt and a replay: {ran}"
    );
    let allow = std::fs::read(folder.path().join("allow.tlog-proof")).unwrap();
    assert!(allow.starts_with(b"c2sp.org/tlog-proof@v1\n"));
}

#[test]
fn the_two_commands_are_doors_of_the_makefile() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let console: String = markdown::blocks(&readme, "console")
        .into_iter()
        .map(|(_, block)| block)
        .collect();
    let doors: Vec<&str> = console
        .lines()
        .filter_map(|line| line.split('#').next()?.strip_prefix("make "))
        .collect();
    assert_eq!(
        doors.iter().map(|door| door.trim()).collect::<Vec<_>>(),
        ["demo", "test"]
    );
    for door in doors {
        bin::run(
            Command::new("make")
                .args(["--dry-run", door.trim()])
                .current_dir(root()),
        )
        .expect(0);
    }
}

#[test]
fn every_file_that_the_readme_links_to_is_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let links: Vec<&str> = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(links.len() > 4);
    for link in links {
        assert!(
            root().join(link).exists(),
            "`{link}` is linked to and not there"
        );
    }
}
