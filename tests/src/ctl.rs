//! `ledgerctl`, as one person uses it.

use std::path::PathBuf;
use std::process::Command;

use crate::bin::{self, Ran};
use crate::{Credential, Ledger};

/// One person's command line: their credential, and the key that they trust.
#[derive(Debug)]
pub struct Ctl {
    socket: PathBuf,
    credential: PathBuf,
    vkey: PathBuf,
}

impl Ctl {
    /// The first operator's.
    pub fn operator(ledger: &Ledger) -> Self {
        Self::with(ledger, ledger.operator_file())
    }

    /// That of the holder of this credential, which is written to a file of this name.
    pub fn of(ledger: &Ledger, name: &str, credential: &Credential) -> Self {
        let file = ledger.path(format!("{name}.credential"));
        credential.write(&file);
        Self::with(ledger, file)
    }

    /// That of the holder of the credential in this file.
    pub fn with(ledger: &Ledger, credential: PathBuf) -> Self {
        Self {
            socket: ledger.socket(),
            credential,
            vkey: ledger.vkey_file(),
        }
    }

    /// `ledgerctl <words>`.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Ran {
        bin::run(&mut self.command(words))
    }

    /// `ledgerctl <words>`, not yet started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut ctl = bin::command("ledgerctl");
        ctl.args(words)
            .env("LEDGER_SOCKET", &self.socket)
            .env("LEDGER_CREDENTIAL", &self.credential)
            .env("LEDGER_VKEY", &self.vkey);
        ctl
    }

    /// The same with `--json`, which must succeed.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
        self.run(&words).expect(0).json()
    }
}
