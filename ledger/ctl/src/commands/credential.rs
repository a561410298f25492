//! `ledgerctl credential`: made here, so that no ledger ever sees one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::context::Context;
use crate::credential::Credential;
use crate::failure::Failure;

/// What to do with credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new credential; prints the SHA-256 that an operator registers it by
    #[command(after_help = NEW_EXAMPLES)]
    New(NewArgs),
}

const NEW_EXAMPLES: &str = "\
Examples:
  ledgerctl credential new --out sender.credential
  ledgerctl principal put agent.outbound.sender --role agent --credential-sha256 $(ledgerctl credential new --out c --json | jq -r .sha256)

The file holds 32 random bytes as hex, is readable by its owner alone, and is never overwritten.
Whoever holds it is the principal: keep it where the agent runs, and nowhere else.";

/// Options of `credential new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Where to write it; must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    let Command::New(NewArgs { out }) = command;
    let credential = Credential::new()?;
    credential.write(out)?;
    let sha256 = credential.sha256().to_string();
    let text = format!(
        "Credential written to {} (0600).\nSHA-256: {sha256}\n",
        out.display()
    );
    context.output.show(
        &text,
        &json!({ "file": out.display().to_string(), "sha256": sha256 }),
    )
}
