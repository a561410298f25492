//! An old receipt against the latest checkpoint: that the log which it proves an entry to be in is the
//! beginning of today's.

use std::path::Path;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::receipt::{RECEIPT_BYTES_MAX, Receipt};
use ledger_core::tree::verify_consistency;
use ledger_proto::v1;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::Session;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::files::{Overwrite, no_other_kind};
use crate::narrate;
use crate::proof::{TreeJson, Verified, decode, hashes, same};
use crate::reading;
use crate::text::{counted, put};

#[derive(Serialize)]
struct RefreshedJson {
    seq: u64,
    entry: Box<RawValue>,
    /// The checkpoint that the old receipt stands under.
    old: TreeJson,
    /// The one that it was held against.
    checkpoint: TreeJson,
    /// Whether the log of the old is the beginning of the log of the new.
    consistent: bool,
    /// Whether the ledger handed over the entry's receipt under the new one.
    included: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Holds the receipt in a file against the ledger's latest checkpoint.
pub(super) async fn run(
    context: &Context,
    path: &Path,
    out: Option<&Path>,
    overwrite: Overwrite,
) -> Result<(), Failure> {
    let bytes = read(path)?;
    no_other_kind(path, &bytes, "a receipt")?;
    let session = context.connect().await?;
    let file = out.map(|path| overwrite.create(path)).transpose()?;
    let old = kept(&session, path, &bytes)?;
    // The new receipt comes first: then its own checkpoint is what the old one is held against.
    let fresh = reading::entry_if_readable(&session, old.entry.seq).await?;
    let tree = match &fresh {
        Some(fresh) => fresh.tree.clone(),
        None => session.checkpoint().await?.0.checkpoint,
    };
    continues(&session, &old.tree, &tree).await?;
    if let Some(fresh) = &fresh {
        let same_bytes = fresh.receipt.entry == old.receipt.entry;
        if !same_bytes {
            // Both are proven, and one tree is the beginning of the other: no two entries can be.
            let why = format!("entry {} is another one today", old.entry.seq);
            return Err(Failure::unverified("the answer", why));
        }
    }
    match (file, &fresh) {
        (Some(file), Some(fresh)) => file.finish(&fresh.receipt.to_bytes())?,
        (Some(_), None) => {
            return Err(Failure::usage(format!(
                "the log continues that of `{}`, but the ledger does not hand you entry {}: nothing was written",
                path.display(),
                old.entry.seq
            )));
        }
        (None, _) => {}
    }
    let object = RefreshedJson {
        seq: old.entry.seq,
        entry: old.entry_json()?,
        old: old.tree_json(),
        checkpoint: TreeJson::of(&tree),
        consistent: true,
        included: fresh.is_some(),
        file: out.map(|path| path.display().to_string()),
    };
    context
        .output
        .show(&text(context, &old, &tree, fresh.is_some(), out), &object)
}

fn text(
    context: &Context,
    old: &Verified,
    tree: &Checkpoint,
    included: bool,
    out: Option<&Path>,
) -> String {
    let style = context.output.style();
    let mut text = narrate::entry(&old.entry, style);
    put!(
        text,
        "{}: the receipt proves entry {} under the checkpoint of {}, and these are the first of the {} of `{}` today; \
         nothing before was changed.\n",
        style.good("Holds"),
        old.entry.seq,
        counted(old.tree.size, "entry", "entries"),
        counted(tree.size, "entry", "entries"),
        tree.origin
    );
    if included {
        put!(
            text,
            "Today's receipt has the same entry under the checkpoint of {}.\n",
            counted(tree.size, "entry", "entries")
        );
    } else {
        text.push_str(
            "The ledger does not hand you the entry's receipt of today; that it is still there follows from the old one.\n",
        );
    }
    if let Some(path) = out {
        put!(text, "Written to {}.\n", path.display());
    }
    text
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let input = |source| Problem::Input {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(input)?.len();
    if length > RECEIPT_BYTES_MAX as u64 {
        return Err(Failure::usage(format!(
            "`{}` has {length} bytes: a receipt has at most {RECEIPT_BYTES_MAX}",
            path.display()
        )));
    }
    Ok(std::fs::read(path).map_err(input)?)
}

/// The receipt in the file, which must hold by itself.
fn kept(session: &Session, path: &Path, bytes: &[u8]) -> Result<Verified, Failure> {
    let name = format!("`{}`", path.display());
    let receipt = Receipt::parse(bytes).map_err(|error| Failure::unverified(&name, error))?;
    let verified = receipt
        .verify(session.trust()?)
        .map_err(|error| Failure::unverified(&name, error))?;
    let entry = decode(&receipt.entry)?;
    same("seq", receipt.seq, entry.seq)?;
    Ok(Verified {
        entry,
        tree: verified.checkpoint.checkpoint,
        receipt,
    })
}

/// Proves that the log of `old` is the beginning of the log of `new`.
async fn continues(session: &Session, old: &Checkpoint, new: &Checkpoint) -> Result<(), Failure> {
    const WHAT: &str = "the log";
    same("origin", old.origin.as_str(), new.origin.as_str())?;
    if new.size < old.size {
        let why = format!(
            "it has {} today, and the receipt proves that it had {}: it was rolled back, or forked. Keep the receipt",
            counted(new.size, "entry", "entries"),
            old.size
        );
        return Err(Failure::unverified(WHAT, why));
    }
    let request = v1::GetConsistencyRequest {
        old_size: old.size,
        new_size: Some(new.size),
    };
    let reply = session
        .proofs()
        .get_consistency(request)
        .await?
        .into_inner();
    let proof = hashes("the consistency proof", &reply.proof)?;
    verify_consistency(old.size, &old.root, new.size, &new.root, &proof).map_err(|error| {
        let why = format!(
            "the {} of the receipt are not the first of today's {} ({error}): it was changed, or forked. Keep the receipt",
            counted(old.size, "entry", "entries"),
            new.size
        );
        Failure::unverified(WHAT, why)
    })
}
