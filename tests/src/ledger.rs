//! A ledger's data directory, and what can be done with it while no daemon runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::bin::{self, Ran};
use crate::{Credential, Daemon};

/// The paths of Unix sockets have at most 107 bytes; where the system's directory for temporary files
/// leaves no room for one, `/tmp` does.
const TEMPORARY_MAX: usize = 60;

/// A data directory in a temporary directory of its own, which goes with it.
#[derive(Debug)]
pub struct Ledger {
    home: TempDir,
    origin: String,
    operator: Credential,
}

impl Ledger {
    /// The origin of ledgers that do not say otherwise.
    pub const ORIGIN: &str = "ledger.test/e2e";
    /// The first operator of every one.
    pub const OPERATOR: &str = "operator.first";

    /// `ledgerd init`, with the usual origin.
    pub fn init() -> Self {
        Self::init_named(Self::ORIGIN)
    }

    /// `ledgerd init`.
    pub fn init_named(origin: &str) -> Self {
        Self::init_in("prod", origin)
    }

    /// `ledgerd init --environment`.
    pub fn init_in(environment: &str, origin: &str) -> Self {
        let home = home();
        let credential = home.path().join("operator.credential");
        let mut init = bin::command("ledgerd");
        init.arg("init")
            .arg("--data")
            .arg(home.path().join("d"))
            .args(["--origin", origin, "--operator", Self::OPERATOR])
            .args(["--environment", environment])
            .arg("--credential-out")
            .arg(&credential);
        bin::run(&mut init).expect(0);
        let operator = Credential::read(&credential);
        Self {
            home,
            origin: origin.to_owned(),
            operator,
        }
    }

    /// Another ledger's directory as it stands: data and head file. The copy starts where the original
    /// stood.
    pub fn copy(&self) -> Self {
        let home = home();
        let copy = Self {
            home,
            origin: self.origin.clone(),
            operator: self.operator,
        };
        copy_tree(&self.data(), &copy.data());
        if self.head().is_file() {
            std::fs::copy(self.head(), copy.head()).expect("a head file can be copied");
        }
        self.operator.write(&copy.path("operator.credential"));
        copy
    }

    /// A path in the temporary directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(name)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("d")
    }

    /// The last checkpoint, kept outside the data directory.
    pub fn head(&self) -> PathBuf {
        self.path("d.head")
    }

    /// Where its daemon listens.
    pub fn socket(&self) -> PathBuf {
        self.data().join("ledger.sock")
    }

    /// The file with its verification key.
    pub fn vkey_file(&self) -> PathBuf {
        self.data().join("ledger.vkey")
    }

    /// Its verification key.
    pub fn vkey(&self) -> String {
        std::fs::read_to_string(self.vkey_file())
            .expect("init writes the verification key")
            .trim()
            .to_owned()
    }

    /// Its name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The first operator's credential.
    pub fn operator(&self) -> Credential {
        self.operator
    }

    /// The file that holds it.
    pub fn operator_file(&self) -> PathBuf {
        self.path("operator.credential")
    }

    /// `ledgerd run`, once it answers.
    pub async fn run(&self) -> Daemon {
        self.run_with(&[]).await
    }

    /// `ledgerd run` with further arguments, once it answers.
    pub async fn run_with(&self, arguments: &[&str]) -> Daemon {
        Daemon::start(self, arguments).await
    }

    /// `ledgerd run`, which must end by itself.
    pub fn run_refused(&self, arguments: &[&str]) -> Ran {
        bin::run(self.run_command().args(arguments))
    }

    /// `ledgerd run` on this directory, not yet started.
    pub fn run_command(&self) -> Command {
        let mut run = bin::command("ledgerd");
        run.arg("run").arg("--data").arg(self.data());
        run
    }

    /// `ledgerd export` of the stopped store, into a folder of that name.
    pub fn export(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        let mut export = bin::command("ledgerd");
        export
            .arg("export")
            .arg("--data")
            .arg(self.data())
            .arg("--out")
            .arg(&folder);
        bin::run(&mut export).expect(0);
        folder
    }
}

/// A directory for one ledger, with a short path.
fn home() -> TempDir {
    let system = std::env::temp_dir();
    let within = if system.as_os_str().len() <= TEMPORARY_MAX {
        system
    } else {
        PathBuf::from("/tmp")
    };
    tempfile::Builder::new()
        .prefix("al-")
        .tempdir_in(within)
        .expect("room for a temporary directory")
}

/// Copies files and directories; sockets and pipes are left out.
fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap_or_else(|error| panic!("`{}`: {error}", to.display()));
    for item in
        std::fs::read_dir(from).unwrap_or_else(|error| panic!("`{}`: {error}", from.display()))
    {
        let item = item.expect("a directory can be read");
        let kind = item.file_type().expect("a file has a type");
        if kind.is_dir() {
            copy_tree(&item.path(), &to.join(item.file_name()));
        } else if kind.is_file() {
            std::fs::copy(item.path(), to.join(item.file_name())).expect("a file can be copied");
        }
    }
}
