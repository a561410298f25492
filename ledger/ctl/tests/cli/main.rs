//! The real `ledgerctl` against ledgers that lie, refuse, break off, or tell the truth.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod answers;
mod approvals;
mod controls;
mod decide;
mod errors;
mod export;
mod imports;
mod log;
mod open;
mod outcomes;
mod queries;
mod reads;
mod server;
mod writes;

use std::path::Path;
use std::process::{Command, Output};

use crate::log::Log;
use crate::server::{Behaviour, Server};

/// The program, and a ledger to talk to.
pub(crate) struct Cli {
    server: Server,
    vkey: String,
}

/// How a run of the program ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Cli {
    /// A ledger that behaves so, and is trusted by the key of [`Log::new`].
    pub(crate) fn new(behaviour: impl Behaviour + 'static) -> Self {
        Self {
            server: Server::start(behaviour),
            vkey: Log::new().vkey(),
        }
    }

    /// The same ledger, but another key is trusted.
    pub(crate) fn trusting(mut self, vkey: String) -> Self {
        self.vkey = vkey;
        self
    }

    /// A folder for the files of a test.
    pub(crate) fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Runs the program with these words, separated by spaces, in that folder.
    pub(crate) fn run(&self, line: &str) -> Run {
        let mut command = program(self.folder());
        command
            .env("LEDGER_SOCKET", self.server.socket())
            .env("LEDGER_CREDENTIAL", self.server.credential())
            .env("LEDGER_VKEY", &self.vkey);
        ended(command.args(line.split_whitespace()))
    }

    /// How many calls reached the ledger.
    pub(crate) fn calls(&self) -> usize {
        self.server.calls()
    }
}

/// The program, without any of this process's environment.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    command.env_clear().current_dir(folder);
    command
}

/// Runs it to its end.
pub(crate) fn ended(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Run {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

impl Run {
    /// The object that it printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }

    /// Checks that it was refused loudly, and that nothing was said to be so.
    pub(crate) fn refused(&self, why: &str) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        assert!(self.err.contains("does not verify"), "{}", self.err);
        assert!(self.err.contains(why), "{}", self.err);
        assert!(
            self.err.contains("rely on nothing that this answer says"),
            "{}",
            self.err
        );
        assert_eq!(self.out, "");
    }
}
