//! `ledgerctl outcomes`: events of providers, from files.

mod import;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// What to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record the events that a provider delivered, from files (recorder, ingest)
    #[command(after_help = import::EXAMPLES)]
    Import(import::ImportArgs),
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import::run(context, args).await,
    }
}
