//! `ledgerctl detail`: what is kept outside the log, checked against the log.

use std::path::PathBuf;

use clap::Args;
use ledger_core::entry::Commitment;
use ledger_proto::v1;
use serde_json::json;

use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::files::Overwrite;
use crate::proof::Verified;
use crate::reading::{self, Opened, checked};
use crate::text::counted;
use crate::values::words::{detail_name, parser};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl detail 41 params | jq .
  ledgerctl detail 41 recipients --out recipients.json

The log holds a salted commitment alone. What is handed out is checked against it, and against the entry's receipt,
before a byte of it is shown. The read itself is an entry.";

/// Options of `detail`.
#[derive(Debug, Args)]
pub(crate) struct DetailArgs {
    /// The entry's seq
    seq: u64,
    /// Which detail
    #[arg(value_parser = parser(detail_name::WORDS, detail_name::read))]
    name: v1::DetailName,
    /// Where to write it, for your eyes alone (0600) [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

pub(crate) async fn run(context: &Context, args: &DetailArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let file = args
        .out
        .as_deref()
        .map(|path| args.overwrite.create_private(path))
        .transpose()?;
    let name = detail_name::word(args.name);
    let verified = reading::entry(&session, args.seq).await?;
    let (committed, Opened { salt, value }) = fetch(&session, &verified, args.name).await?;
    if let Some(file) = file {
        file.finish(&value)?;
    }
    if context.output.is_json() {
        let object = json!({
            "seq": args.seq, "name": name, "bytes": committed.bytes, "redacted": committed.redacted.unwrap_or(0),
            "commitment": committed.commitment, "salt": hex::encode(salt),
            "value": args.out.is_none().then(|| String::from_utf8_lossy(&value).into_owned()),
            "file": args.out.as_ref().map(|path| path.display().to_string()),
        });
        return context.output.show("", &object);
    }
    if let Some(path) = &args.out {
        let text = format!(
            "{} of `{name}` of entry {} written to {} (0600).\n{}",
            counted(committed.bytes, "byte", "bytes"),
            args.seq,
            path.display(),
            verified.line()
        );
        return context.output.show(&text, &());
    }
    context.output.raw(&value)?;
    // Exactly the bytes for whoever reads on; for eyes, a line of its own.
    if context.output.is_watched() && !value.ends_with(b"\n") {
        context.output.raw(b"\n")?;
    }
    Ok(())
}

/// Fetches a detail of a proven entry: what the entry commits to, and what was handed out, which is that.
pub(super) async fn fetch(
    session: &Session,
    verified: &Verified,
    name: v1::DetailName,
) -> Result<(Commitment, Opened), Failure> {
    let seq = verified.entry.seq;
    let word = detail_name::word(name);
    let details = verified.entry.body.details();
    let committed = details
        .and_then(|details| details.iter().find(|(kept, _)| kept.as_str() == word))
        .map(|(_, detail)| *detail);
    let Some(committed) = committed else {
        let there: Vec<&str> = details
            .into_iter()
            .flatten()
            .map(|(kept, _)| kept.as_str())
            .collect();
        let there = if there.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", there.join(", "))
        };
        return Err(Failure::usage(format!(
            "entry {seq} has no detail `{word}`: {there}"
        )));
    };
    let request = v1::GetDetailRequest {
        seq,
        name: name.into(),
    };
    let reply = session.proofs().get_detail(request).await?.into_inner();
    let opened = checked(committed, &reply.salt, reply.value.to_vec())?;
    Ok((committed, opened))
}
