//! `ledgerctl consistency`: that the log has only grown.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ledger_core::checkpoint::Checkpoint;
use ledger_core::hash::Hash;
use ledger_core::tree::verify_consistency;
use ledger_proto::v1;
use serde_json::json;

use crate::client::Session;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::files::{Overwrite, no_other_kind};
use crate::proof::{hashes, same};
use crate::text::{counted, put};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl consistency --checkpoint 2026-11-22.checkpoint
  ledgerctl consistency 5120 7300
  ledgerctl consistency --checkpoint old.checkpoint --proof-out growth.proof --checkpoint-out new.checkpoint
  ledger-verify --vkey ledger.vkey consistency old.checkpoint new.checkpoint --proof growth.proof

With --checkpoint, the earlier checkpoint is the one that you kept: then the ledger cannot have rewritten anything
before it. Without, it is fetched too (one of exactly that size must have been signed), and the ledger is held
against itself alone.";

/// Options of `consistency`.
#[derive(Debug, Args)]
pub(crate) struct ConsistencyArgs {
    /// The size of the earlier checkpoint [default: that of --checkpoint]
    #[arg(required_unless_present = "checkpoint")]
    old_size: Option<u64>,
    /// The size of the later one [default: the latest]
    new_size: Option<u64>,
    /// The earlier checkpoint, as you kept it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Where to write the proof: one base64 hash a line
    #[arg(long, value_name = "FILE")]
    proof_out: Option<PathBuf>,
    /// Where to write the later checkpoint
    #[arg(long, value_name = "FILE")]
    checkpoint_out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

/// A proof and the checkpoint that it leads to.
struct Step {
    proof: Vec<Hash>,
    tree: Checkpoint,
    note: Vec<u8>,
}

pub(crate) async fn run(context: &Context, args: &ConsistencyArgs) -> Result<(), Failure> {
    const WHAT: &str = "the consistency proof";
    let session = context.connect().await?;
    let create = |path: &PathBuf| args.overwrite.create(path);
    let proof_file = args.proof_out.as_ref().map(create).transpose()?;
    let note_file = args.checkpoint_out.as_ref().map(create).transpose()?;
    let old = match (&args.checkpoint, args.old_size) {
        (Some(path), size) => kept(&session, path, size)?,
        (None, Some(size)) => fetch(&session, size, Some(size)).await?.tree,
        (None, None) => return Err(Failure::usage("give OLD_SIZE or --checkpoint")),
    };
    let Step { proof, tree, note } = fetch(&session, old.size, args.new_size).await?;
    same("origin", old.origin.as_str(), tree.origin.as_str())?;
    verify_consistency(old.size, &old.root, tree.size, &tree.root, &proof)
        .map_err(|error| Failure::unverified(WHAT, error))?;
    if let Some(file) = proof_file {
        file.finish(lines(&proof).as_bytes())?;
    }
    if let Some(file) = note_file {
        file.finish(&note)?;
    }
    let whose = if args.checkpoint.is_some() {
        "the checkpoint that you kept"
    } else {
        "the ledger's own checkpoint"
    };
    let text = format!(
        "Consistent: the {} of {whose} are the first of the {} of `{}`; nothing before was changed.\n",
        counted(old.size, "entry", "entries"),
        counted(tree.size, "entry", "entries"),
        tree.origin
    );
    let object = json!({
        "consistent": true, "origin": tree.origin, "old_size": old.size, "old_root": old.root, "new_size": tree.size,
        "new_root": tree.root, "against_kept": args.checkpoint.is_some(),
    });
    context.output.show(&text, &object)
}

/// The checkpoint in a file, of the size that was asked for if any was.
fn kept(session: &Session, path: &Path, size: Option<u64>) -> Result<Checkpoint, Failure> {
    let input = |source| Problem::Input {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(input)?;
    no_other_kind(path, &bytes, "a checkpoint")?;
    let name = format!("`{}`", path.display());
    let kept = session.trust()?.verify_checkpoint(&bytes);
    let kept = kept
        .map_err(|error| Failure::unverified(&name, error))?
        .checkpoint;
    match size {
        Some(size) if size != kept.size => {
            let why = format!("{name} is of size {}, and {size} was asked for", kept.size);
            Err(Failure::usage(why))
        }
        _ => Ok(kept),
    }
}

async fn fetch(session: &Session, old_size: u64, new_size: Option<u64>) -> Result<Step, Failure> {
    let request = v1::GetConsistencyRequest { old_size, new_size };
    let reply = session
        .proofs()
        .get_consistency(request)
        .await?
        .into_inner();
    let tree = session.verified_checkpoint(&reply.checkpoint)?.checkpoint;
    if let Some(size) = new_size {
        same("size of the checkpoint", size, tree.size)?;
    }
    Ok(Step {
        proof: hashes("the consistency proof", &reply.proof)?,
        tree,
        note: reply.checkpoint.to_vec(),
    })
}

/// A proof as a file: one hash a line.
fn lines(proof: &[Hash]) -> String {
    let mut text = String::new();
    for hash in proof {
        put!(text, "{}\n", STANDARD.encode(hash.0));
    }
    text
}
