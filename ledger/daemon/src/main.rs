//! `ledgerd`, the Agent Ledger daemon.

use std::process::ExitCode;

use clap::Parser;
use ledgerd::cli;
use ledgerd::config::Config;

fn main() -> ExitCode {
    cli::main(&Config::parse())
}
