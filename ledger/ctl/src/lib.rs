//! `ledgerctl`: the command line of those who run a ledger.
//!
//! A client of the gRPC interface that believes nothing unproven: every receipt that it is handed is
//! verified against the key that the user names, and compared with what was asked for. What does not
//! verify is refused, loudly, with exit code 1.
//!
//! - `args`: the command line; `values`: what stands on it, read;
//! - `commands`: one file for each;
//! - `client`: the connection; `calls`: which command makes which call; `proof`: what is believed;
//! - `narrate`: entries in words; `output`: text for people, or one JSON object.

mod args;
mod calls;
mod chain;
mod client;
mod commands;
mod context;
mod credential;
pub mod exit;
pub mod failure;
mod files;
mod narrate;
pub mod output;
mod patience;
mod progress;
mod proof;
mod reading;
mod request;
mod text;
mod values;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::exit::Exit;
use crate::failure::{Failure, Problem};
use crate::output::Output;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os()).into()
}

/// Runs a command line; its first word is the program's name.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match args::Cli::read(words) {
        Ok(cli) => cli,
        Err(refused) => {
            // Help and version come this way too. There is nobody to tell where printing fails.
            let _ = refused.print();
            return if refused.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    let output = Output::of_process(cli.json, cli.color);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli, output)),
        Err(error) => Err(Failure::from(Problem::Unreachable(format!(
            "no runtime could be started: {error}"
        )))),
    };
    ended.unwrap_or_else(|failure| {
        output.fail(&failure);
        failure.exit()
    })
}
