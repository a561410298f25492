//! `ledgerctl policy receipt` and `promote`: a policy on its way from a sandbox to production.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_core::promotion;
use ledger_core::receipt::Receipt;
use ledger_proto::v1;
use serde_json::json;

use super::{InForce, Published, publish};
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::files::Overwrite;
use crate::request::WriteArgs;

pub(super) const RECEIPT_EXAMPLES: &str = "\
Examples:
  ledgerctl policy receipt --socket sandbox/ledger.sock --out tried.tlog-proof

The receipt proves that the sandbox has this policy in force. `ledgerctl policy promote` takes it to production.";

pub(super) const PROMOTE_EXAMPLES: &str = "\
Examples, after the policy was tried in a sandbox:
  ledgerctl key trust @sandbox/ledger.vkey                  once, by an operator
  ledgerctl approvals policy --folder policies/sales        by somebody of the group revops
  ledgerctl policy promote policies/sales --receipt tried.tlog-proof --approval 812

Both ledgers record the same text, and the entry carries the sandbox's receipt. The text must be exactly what was tried
and what was approved; who approved may not be who promotes.";

/// Options of `policy receipt`.
#[derive(Debug, Args)]
pub(crate) struct ReceiptArgs {
    /// Where to write the receipt, a `.tlog-proof` file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

/// Options of `policy promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The policy's folder, exactly as it was tried
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The sandbox's receipt, as `ledgerctl policy receipt` wrote it there
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// The seq of the entry here that approves this policy
    #[arg(long, value_name = "SEQ")]
    approval: u64,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn receipt(context: &Context, args: &ReceiptArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let file = args.overwrite.create(&args.out)?;
    let Some(policy) = InForce::fetch(&session).await? else {
        return Err(Failure::usage(
            "no policy was published yet: there is nothing to give a receipt of",
        ));
    };
    let request = v1::GetReceiptRequest {
        of: Some(v1::get_receipt_request::Of::Seq(policy.seq)),
    };
    let reply = session.proofs().get_receipt(request).await?.into_inner();
    let verified = session.verify(reply.receipt)?;
    file.finish(&verified.receipt.to_bytes())?;
    let mut text = format!(
        "Receipt of policy {} written to {}.\n",
        policy.sha256,
        args.out.display()
    );
    if !verified.entry.sandbox {
        text.push_str("This ledger is no sandbox: the receipt promotes nothing.\n");
    }
    text.push_str(&verified.line());
    let object = json!({
        "seq": policy.seq, "sha256": policy.sha256, "origin": verified.tree.origin, "sandbox": verified.entry.sandbox,
        "file": args.out.display().to_string(),
    });
    context.output.show(&text, &object)
}

pub(crate) async fn promote(context: &Context, args: &PromoteArgs) -> Result<(), Failure> {
    let receipt = tried(&args.receipt)?;
    let promotion = v1::Promotion {
        approval: args.approval,
        receipt: receipt.to_bytes().into(),
    };
    let Published {
        mut text,
        object,
        entry,
    } = publish(context, &args.folder, &args.write, Some(promotion)).await?;
    if let Some(promotion) = &entry.promotion {
        let line = format!(
            "It was tried in the sandbox `{}`, whose key entry {} trusts; `{}` approved it in entry {}.\n",
            promotion.origin, promotion.key, promotion.approver, promotion.approval
        );
        text.insert_str(text.find('\n').map_or(0, |end| end + 1), &line);
    }
    context.output.show(&text, &object)
}

/// The sandbox's receipt, as far as it can be checked without the key that the ledger trusts.
fn tried(path: &Path) -> Result<Receipt, Failure> {
    let bytes = std::fs::read(path).map_err(|source| Problem::Input {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("--receipt: `{}`: {error}", path.display()))
    };
    let receipt = Receipt::parse(&bytes).map_err(|error| wrong(&error))?;
    promotion::strip(&receipt).map_err(|error| wrong(&error))?;
    Ok(receipt)
}
