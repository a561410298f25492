//! `ledgerd`, the Agent Ledger daemon.

use std::process::ExitCode;

use ledgerd::cli;

/// Entries are made on one thread, written on another and dropped on a third, which the system's
/// allocator pays for with locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
