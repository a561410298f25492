//! Python: the oracles, and a client that shares nothing with this project but its `.proto` files.

use std::path::Path;
use std::process::Command;

/// The interpreter with the gRPC packages. None where `AGENT_LEDGER_PYTHON` is not set; `make test`
/// sets it.
pub fn with_grpc() -> Option<Command> {
    std::env::var_os("AGENT_LEDGER_PYTHON").map(quiet)
}

/// A script beside the tests, on an interpreter that needs no packages.
pub fn script(path: &str) -> Command {
    let interpreter = std::env::var_os("AGENT_LEDGER_PYTHON");
    let mut python = quiet(interpreter.unwrap_or_else(|| "python3".into()));
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    python
}

/// Without byte code beside the scripts, which would land in the checkout.
fn quiet(interpreter: std::ffi::OsString) -> Command {
    let mut python = Command::new(interpreter);
    python
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(std::process::Stdio::null());
    python
}
