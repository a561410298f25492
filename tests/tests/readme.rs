//! The commands in README.md and in the pages of docs/, run as a reader would type them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ledger_tests::bin::{self, Ran};
use ledger_tests::{markdown, repository};

/// The folders of the checkout that a reader of the pages has at hand.
const AT_HAND: [&str; 2] = ["policies", "deploy"];

/// Runs the README's walk, and after it every command of `pages`, in a folder of their own.
fn walk(folder: &Path, pages: &[&str]) -> Ran {
    for name in AT_HAND {
        let at = repository().join(name);
        if at.exists() {
            std::os::unix::fs::symlink(at, folder.join(name)).unwrap();
        }
    }
    let mut script =
        String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n");
    for page in ["README.md"].iter().chain(pages) {
        let text = std::fs::read_to_string(repository().join(page)).unwrap();
        let blocks = markdown::blocks(&text, "sh");
        assert!(!blocks.is_empty(), "the commands of {page} are gone");
        for (line, block) in &blocks {
            writeln!(script, "echo '== {page} line {line}'\n{block}").unwrap();
            if block.contains("ledgerd run") {
                // A reader takes longer to read on than the daemon takes to start.
                script.push_str(
                    "for _ in $(seq 1200); do [ -S ledger/ledger.sock ] && break; sleep 0.05; done\n",
                );
            }
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
    bin::run_within(
        shell
            .arg("-c")
            .arg(&script)
            .current_dir(folder)
            .env("PATH", path),
        Duration::from_mins(5),
    )
}

#[test]
fn the_first_receipt_is_made_by_the_commands_as_they_stand() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(
        markdown::blocks(&readme, "sh").len() >= 7,
        "the walk-through is gone"
    );
    let folder = tempfile::tempdir().unwrap();
    let ran = walk(folder.path(), &[]);
    let ran = ran
        .expect(0)
        .says(&["Nobody can approve", "DENY", "dnc.listed", "Verified"]);
    assert_eq!(
        ran.stdout.matches("Verified.").count(),
        2,
        "a receipt and a replay: {ran}"
    );
    let allow = std::fs::read(folder.path().join("allow.tlog-proof")).unwrap();
    assert!(allow.starts_with(b"c2sp.org/tlog-proof@v1\n"));
}

/// Each page goes on where the README's walk ends.
macro_rules! pages {
    ($($name:ident: $page:literal says $says:expr;)+) => {
        $(#[test]
        fn $name() {
            let folder = tempfile::tempdir().unwrap();
            walk(folder.path(), &[$page]).expect(0).says(&$says);
        })+
    };
}

pages! {
    agent_runtimes_can_follow_their_page: "docs/agents.md" says ["ALLOW", "approval.granted"];
    compliance_can_follow_its_page: "docs/compliance.md" says ["nothing was listed", "It lifts ", "Tokenise", "Verified"];
    auditors_can_follow_their_page: "docs/auditors.md" says ["Verified", "dnc.listed"];
    the_bundle_is_handed_over_as_its_page_says: "docs/bundle.md" says ["run-7", "agent.enrichment"];
    tier_3_and_promotion_go_as_the_guide_says: "docs/policy.md" says ["break-glass", "promot"];
    operators_can_follow_their_page: "docs/operators.md" says ["whole", "provider.ses", "Verified"];
}

#[test]
fn the_two_commands_are_doors_of_the_makefile() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
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
                .current_dir(repository()),
        )
        .expect(0);
    }
}
