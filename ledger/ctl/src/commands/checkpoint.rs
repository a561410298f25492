//! `ledgerctl checkpoint`: the latest signed checkpoint.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::files::Overwrite;
use crate::text::{grouped, put};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl checkpoint --out 2026-11-22.checkpoint
  ledgerctl consistency --checkpoint 2026-11-22.checkpoint       later: the log has only grown since

Keep one every day outside the ledger's reach: against a checkpoint that you hold, nothing before it can be changed.";

/// Options of `checkpoint`.
#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Where to write the checkpoint, a C2SP signed note
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

pub(crate) async fn run(context: &Context, args: &CheckpointArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let file = args
        .out
        .as_deref()
        .map(|path| args.overwrite.create(path))
        .transpose()?;
    let (verified, bytes) = session.checkpoint().await?;
    if let Some(file) = file {
        file.finish(&bytes)?;
    }
    let tree = &verified.checkpoint;
    let mut text = format!(
        "Origin   {}\nEntries  {}\nRoot     {}\nSigned by {}\n",
        tree.origin,
        grouped(tree.size),
        tree.root,
        verified.key
    );
    if let Some(path) = &args.out {
        put!(text, "Written to {}.\n", path.display());
    }
    let object = json!({
        "origin": tree.origin, "size": tree.size, "root": tree.root, "vkey": verified.key.to_string(),
        "file": args.out.as_ref().map(|path| path.display().to_string()),
    });
    context.output.show(&text, &object)
}
