//! `ledgerctl dnc`: the do-not-contact list.

mod add;
mod check;
mod exempt;
mod import;
mod lifts;
mod list;
mod remove;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// What to do with the list.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List people, domains or companies; binds at once (operator, compliance)
    #[command(after_help = add::EXAMPLES)]
    Add(Box<add::AddArgs>),
    /// End listings or exemptions (compliance)
    #[command(after_help = remove::EXAMPLES)]
    Remove(remove::RemoveArgs),
    /// Exempt one person from listings of their domain or company and of registries (compliance)
    #[command(after_help = exempt::EXAMPLES)]
    Exempt(exempt::ExemptArgs),
    /// Import a whole list from a file: all of it or, where a line is bad, nothing (operator, compliance)
    #[command(after_help = import::EXAMPLES)]
    Import(Box<import::ImportArgs>),
    /// What the list says of one subject (operator, compliance, auditor)
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArgs),
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Add(args) => add::run(context, args).await,
        Command::Remove(args) => remove::run(context, args).await,
        Command::Exempt(args) => exempt::run(context, args).await,
        Command::Import(args) => import::run(context, args).await,
        Command::Check(args) => check::run(context, args).await,
    }
}
