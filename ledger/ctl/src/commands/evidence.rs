//! `ledgerctl evidence`: an entry with everything that it cites; or everything about a person or a matter.

mod pack;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use ledger_core::entry::Entry;
use ledger_core::evidence::Evidence;
use ledger_core::judge::required;
use ledger_proto::v1;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::files::Overwrite;
use crate::narrate;
use crate::proof::{decode, same};
use crate::text::{counted, wrapped};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl evidence 41 --out denial.evidence
  ledgerctl evidence --subject ada@example.com --subject contact:003A --out ada-pack
  ledgerctl evidence --correlation run-2026-11-03 --out run.zip

Of one entry, one file: the entry, the listings and other entries that it cites, its policy with the whole text, and genesis, all
proven under one checkpoint. `ledger-verify evidence denial.evidence --vkey ledger.vkey` checks it without a ledger;
with an opening (`ledgerctl disclose`) it also says who was meant.

Of a person (compliance) or a correlation id, a pack, as a folder or as FILE.zip: every entry concerned with its proof,
what these cite, the person's opening, when the ledger was recording, and report.html, to be read and printed.
`ledger-verify pack ada-pack --vkey ledger.vkey` checks it without a ledger. The whole log is searched for it.
A pack names the person: it is written for your eyes alone (0600). The read itself is an entry, and part of the pack.";

/// Options of `evidence`.
#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// The entry's seq
    seq: Option<u64>,
    #[command(flatten)]
    pack: pack::PackArgs,
    /// Where to write the evidence; of a pack, a new folder, or an archive
    #[arg(long, value_name = "FILE|FOLDER|FILE.zip")]
    out: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

pub(crate) async fn run(context: &Context, args: &EvidenceArgs) -> Result<(), Failure> {
    match args.seq {
        Some(seq) if !args.pack.is_asked() => one(context, seq, args).await,
        None if !args.pack.is_asked() => Err(Failure::usage(
            "nothing is asked for: give the entry's SEQ, or --subject or --correlation for a pack",
        )),
        _ => pack::run(context, &args.pack, &args.out, args.overwrite).await,
    }
}

async fn one(context: &Context, seq: u64, args: &EvidenceArgs) -> Result<(), Failure> {
    const WHAT: &str = "the evidence";
    let session = context.connect().await?;
    let file = args.overwrite.create(&args.out)?;
    let reply = session
        .proofs()
        .get_evidence(v1::GetEvidenceRequest { seq })
        .await?
        .into_inner();
    let evidence =
        Evidence::parse(&reply.evidence).map_err(|error| Failure::unverified(WHAT, error))?;
    let tree = evidence
        .verify(session.trust()?)
        .map_err(|error| Failure::unverified(WHAT, error))?
        .checkpoint;
    let primary = decode(&evidence.primary().entry)?;
    same("seq", seq, evidence.primary().seq)?;
    same("seq", seq, primary.seq)?;
    let entries = evidence.others().iter();
    let entries = entries.map(|proven| Ok((proven.seq, decode(&proven.entry)?)));
    let entries: BTreeMap<u64, Entry> = entries.collect::<Result<_, Failure>>()?;
    let needed = required(&primary, |at| Ok::<_, Failure>(entries.get(&at).cloned()))?;
    if let Some(missing) = needed.iter().find(|at| !entries.contains_key(at)) {
        let why = format!("entry {missing}, which entry {seq} relies on, is not in it");
        return Err(Failure::unverified(WHAT, why));
    }
    file.finish(&reply.evidence)?;
    let others: Vec<u64> = evidence.others().iter().map(|proven| proven.seq).collect();
    let listed: Vec<String> = others.iter().map(ToString::to_string).collect();
    let mut text = narrate::entry(&primary, context.output.style());
    text.push_str(&wrapped(
        "",
        &format!(
            "Evidence written to {}: this entry and {} that it relies on ({}), all proven to be in `{}` \
             under its signed checkpoint of {}.",
            args.out.display(),
            counted(others.len() as u64, "entry", "entries"),
            listed.join(", "),
            tree.origin,
            counted(tree.size, "entry", "entries"),
        ),
    ));
    let object = json!({
        "seq": seq, "others": others, "file": args.out.display().to_string(),
        "checkpoint": { "origin": tree.origin, "size": tree.size, "root": tree.root },
    });
    context.output.show(&text, &object)
}
