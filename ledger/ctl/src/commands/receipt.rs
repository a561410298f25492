//! `ledgerctl receipt`: the proof that an entry is recorded, fetched, or held against today's log.

mod refresh;

use std::path::PathBuf;

use clap::Args;
use ledger_core::role::Call;
use ledger_proto::v1::{self, get_receipt_request::Of};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::context::Context;
use crate::failure::Failure;
use crate::files::Overwrite;
use crate::narrate;
use crate::proof::{TreeJson, same, same_option};
use crate::text::put;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl receipt 41 --out denial.tlog-proof
  ledgerctl receipt --request Decide/ctl-0645d2c4d3b8e0-9f3a1c55
  ledgerctl receipt --refresh denial.tlog-proof             does it still hold, under the latest checkpoint?

A request id is the caller's own, and belongs to one call: Decide, Record, PutPrincipal, AddDnc, Stop, …
`ledger-verify receipt denial.tlog-proof --vkey ledger.vkey` checks the file without a ledger.

--refresh verifies an old receipt, fetches the latest checkpoint, proves that the log of the old one is the beginning of
the log of today, and that today's receipt has the same entry. Exit codes: 0 it holds; 1 it does not, or the log was
rolled back, changed or forked, and the receipt is the evidence of that: keep it; 2 the file cannot be read; 3 the
ledger cannot be reached.";

/// Options of `receipt`.
#[derive(Debug, Args)]
pub(crate) struct ReceiptArgs {
    /// The entry's seq
    #[arg(conflicts_with_all = ["request", "refresh"])]
    seq: Option<u64>,
    /// Instead: a request of your own, as the name of its call and its id
    #[arg(long, value_parser = request, value_name = "CALL/ID")]
    request: Option<(Call, String)>,
    /// Instead: an old receipt, to be held against the latest checkpoint
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    refresh: Option<PathBuf>,
    /// Where to write the receipt, a `.tlog-proof` file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

/// Reads `CALL/ID`.
fn request(text: &str) -> Result<(Call, String), String> {
    let (name, id) = text
        .split_once('/')
        .ok_or("expected CALL/ID, such as `Decide/ctl-0645d2c4d3b8e0-9f3a1c55`")?;
    let call = Call::ALL.into_iter().find(|call| call.as_str() == name);
    call.map(|call| (call, id.to_owned()))
        .ok_or_else(|| format!("`{name}` is no call: expected one such as `Decide` or `Record`"))
}

#[derive(Serialize)]
struct ReceiptJson {
    seq: u64,
    entry: Box<RawValue>,
    checkpoint: TreeJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &ReceiptArgs) -> Result<(), Failure> {
    if let Some(path) = &args.refresh {
        return refresh::run(context, path, args.out.as_deref(), args.overwrite).await;
    }
    let of = match (&args.request, args.seq) {
        (Some((call, id)), _) => Of::Request(v1::RequestName {
            call: call.as_str().to_owned(),
            request_id: id.clone(),
        }),
        (None, Some(seq)) => Of::Seq(seq),
        (None, None) => {
            return Err(Failure::usage(
                "give the entry's SEQ, --request CALL/ID or --refresh FILE",
            ));
        }
    };
    let session = context.connect().await?;
    let file = args
        .out
        .as_deref()
        .map(|path| args.overwrite.create(path))
        .transpose()?;
    let reply = session
        .proofs()
        .get_receipt(v1::GetReceiptRequest { of: Some(of) })
        .await?
        .into_inner();
    let verified = session.verify(reply.receipt)?;
    if let Some(seq) = args.seq {
        same("seq", seq, verified.entry.seq)?;
    }
    if let Some((call, id)) = &args.request {
        let cause = verified.entry.body.cause();
        same_option("call", Some(*call), cause.and_then(|cause| cause.call))?;
        same_option(
            "request id",
            Some(id.as_str()),
            cause.and_then(|cause| cause.request_id.as_deref()),
        )?;
    }
    if let Some(file) = file {
        file.finish(&verified.receipt.to_bytes())?;
    }
    let mut text = narrate::entry(&verified.entry, context.output.style());
    text.push_str(&verified.line());
    if let Some(path) = &args.out {
        put!(text, "Receipt written to {}.\n", path.display());
    }
    let object = ReceiptJson {
        seq: verified.entry.seq,
        entry: verified.entry_json()?,
        checkpoint: verified.tree_json(),
        file: args.out.as_ref().map(|path| path.display().to_string()),
    };
    context.output.show(&text, &object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_call() {
        assert_eq!(
            request("Decide/run/7"),
            Ok((Call::Decide, "run/7".to_owned()))
        );
        for text in ["", "Decide", "decide/7", "Delete/7"] {
            assert!(request(text).is_err(), "{text}");
        }
    }
}
