//! The binary, and what is handed to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::Ledger;
use super::rich::{self, Rich};

/// The rich log, made once.
pub fn rich() -> &'static (Ledger, Rich) {
    static RICH: OnceLock<(Ledger, Rich)> = OnceLock::new();
    RICH.get_or_init(rich::log)
}

/// A folder for the files of one test.
pub struct Files(tempfile::TempDir);

/// How a run ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and gives back its name.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.name(name)
    }

    pub fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The export of a ledger, in a folder of its own.
    pub fn export(&self, name: &str, ledger: &Ledger) -> PathBuf {
        let folder = self.path(name);
        ledger.export(&folder);
        folder
    }
}

/// Runs `ledger-verify`.
pub fn run(args: &[&str]) -> Said {
    said(
        Command::new(env!("CARGO_BIN_EXE_ledger-verify"))
            .args(args)
            .output()
            .unwrap(),
    )
}

/// Runs `ledger-verify` with `input` on standard input.
pub fn run_with(args: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ledger-verify"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    said(child.wait_with_output().unwrap())
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Changes a file.
pub fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// A text without the line breaks that fit it to a screen.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Said {
    /// Checks exit code and words, with a message that shows both.
    pub fn expect(&self, what: &str, code: i32, words: &str) {
        assert_eq!(self.code, code, "{what}:\n{}{}", self.out, self.err);
        assert!(
            flat(&self.out).contains(&flat(words)),
            "{what}: expected `{words}` in\n{}",
            self.out
        );
    }
}
