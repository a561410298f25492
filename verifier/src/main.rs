//! `ledger-verify`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ledger_verify::cli::main()
}
