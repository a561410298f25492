//! Where the binaries are, and running them to their end.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a command may take that does not say otherwise.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A binary of this workspace: the one beside this test, in the target directory that both were built
/// into.
pub fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let built = test
        .parent()
        .and_then(Path::parent)
        .expect("a test stands in target/<profile>/deps");
    let path = built.join(name);
    assert!(
        path.is_file(),
        "`{}` is not built: run `make test`, or `cargo build --workspace --bins` before this test",
        path.display()
    );
    path
}

/// A command that runs a binary of this workspace, without the settings of whoever runs the tests.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(path(name));
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("LEDGER") {
            command.env_remove(key);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    /// What was run.
    pub what: String,
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Demands an exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// Demands that it did not succeed, and that what it said names all of `words`.
    #[track_caller]
    pub fn refuses(self, words: &[&str]) -> Self {
        assert!(
            matches!(self.code, Some(code) if code != 0),
            "expected a refusal from {self}"
        );
        self.says(words)
    }

    /// Demands that what it said, on either stream, names all of `words`, in whatever case.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let said = format!("{}\n{}", self.stdout, self.stderr).to_lowercase();
        for word in words {
            assert!(
                said.contains(&word.to_lowercase()),
                "expected `{word}` in what was said by {self}"
            );
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            what,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{what}\nexit code: {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}

/// Runs a command to its end, which must come within [`PATIENCE`].
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    run_within(command, PATIENCE)
}

/// Runs a command to its end, which must come within `patience`; it is killed and the test fails where
/// it does not.
#[track_caller]
pub fn run_within(command: &mut Command, patience: Duration) -> Ran {
    let what = shown(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, patience);
    let timed_out = status.is_none();
    if timed_out {
        let _ = child.kill();
        let _ = child.wait();
    }
    let ran = Ran {
        what,
        code: status.and_then(|status| status.code()),
        stdout: stdout.join().expect("no panic while reading"),
        stderr: stderr.join().expect("no panic while reading"),
    };
    assert!(!timed_out, "not at its end after {patience:?}: {ran}");
    ran
}

/// Waits for a child at most that long.
pub fn wait(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => return Some(status),
            None if Instant::now() >= until => return None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn drain(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
