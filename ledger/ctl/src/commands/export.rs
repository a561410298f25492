//! `ledgerctl export`: takes the whole log away.

mod folder;

use std::path::PathBuf;

use clap::Args;
use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::leaf_hash;
use ledger_core::limits::ENTRY_BYTES_MAX;
use ledger_core::tree::CompactRange;
use ledger_proto::v1;
use serde_json::json;

use self::folder::Folder;
use crate::client::Session;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::progress::Progress;
use crate::text::counted;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl export --out export
  ledger-verify log export --vkey ledger.vkey && ledger-verify replay export --vkey ledger.vkey

The folder holds entries.jsonl (every entry a line), leaves (their hashes), checkpoint (of exactly that size) and
ledger.vkey (for convenience: a verifier is told its key by other means). It appears when it is complete and its
hashes lead to the signed root, or not at all. The read itself is an entry, and the last one exported or before it.";

/// Options of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The folder to make; must not exist, or be empty
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) async fn run(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let folder = Folder::create(&args.out)?;
    // Dropping the future on an interrupt drops the half-made folder with it.
    let tree = tokio::select! {
        ended = take(context, &session, folder) => ended?,
        interrupted = tokio::signal::ctrl_c() => {
            return Err(match interrupted {
                Ok(()) => Problem::Interrupted.into(),
                Err(error) => Problem::Unreachable(format!("interrupts cannot be heard: {error}")).into(),
            });
        }
    };
    let text = format!(
        "Exported {} of `{}` to {}.\nEvery hash leads to the signed root {}.\n",
        counted(tree.size, "entry", "entries"),
        tree.origin,
        args.out.display(),
        tree.root
    );
    let object = json!({
        "folder": args.out.display().to_string(), "origin": tree.origin, "size": tree.size, "root": tree.root,
    });
    context.output.show(&text, &object)
}

/// Writes every leaf as it comes, and gives the folder its name when the root is the signed one.
async fn take(
    context: &Context,
    session: &Session,
    mut folder: Folder,
) -> Result<Checkpoint, Failure> {
    const WHAT: &str = "the export";
    let trust = session.trust()?;
    let mut proofs = session.proofs();
    let (latest, _) = session.checkpoint().await?;
    let mut progress = Progress::new(
        "entries",
        latest.checkpoint.size,
        context.output.shows_progress(),
    );
    let mut stream = proofs.export(v1::ExportRequest {}).await?.into_inner();
    let mut range = CompactRange::new();
    let mut last = None;
    while let Some(chunk) = stream.message().await? {
        if last.is_some() {
            return Err(Failure::unverified(
                WHAT,
                "something follows its checkpoint",
            ));
        }
        for entry in &chunk.entries {
            if entry.is_empty() || entry.len() > ENTRY_BYTES_MAX || entry.contains(&b'\n') {
                let why = format!(
                    "entry {} has {} bytes or a line break: no entry has",
                    range.size(),
                    entry.len()
                );
                return Err(Failure::unverified(WHAT, why));
            }
            let leaf = leaf_hash(entry);
            range.append(leaf);
            folder.push(entry, &leaf)?;
        }
        progress.add(chunk.entries.len() as u64);
        if !chunk.checkpoint.is_empty() {
            last = Some(chunk.checkpoint);
        }
    }
    drop(progress);
    let Some(note) = last else {
        return Err(Failure::unverified(WHAT, "it ends without its checkpoint"));
    };
    let verified = trust
        .verify_checkpoint(&note)
        .map_err(|error| Failure::unverified(WHAT, error))?;
    let tree = verified.checkpoint;
    if tree.size != range.size() {
        let why = format!(
            "its checkpoint is of size {}, and {} entries came",
            tree.size,
            range.size()
        );
        return Err(Failure::unverified(WHAT, why));
    }
    if tree.root != range.root() {
        let why = format!(
            "its entries have the root `{}`, and the checkpoint says `{}`",
            range.root(),
            tree.root
        );
        return Err(Failure::unverified(WHAT, why));
    }
    if tree.size < latest.checkpoint.size {
        let why = format!(
            "it has {} entries, fewer than the {} before",
            tree.size, latest.checkpoint.size
        );
        return Err(Failure::unverified(WHAT, why));
    }
    folder.finish(&note, &verified.key)?;
    Ok(tree)
}
