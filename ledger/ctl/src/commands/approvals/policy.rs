//! `ledgerctl approvals policy`: a policy's hash, approved for promotion.

use std::path::PathBuf;

use clap::Args;
use ledger_core::entry::Verdict;
use ledger_core::hash::Hash;
use ledger_proto::v1::answer_approval_request::Of;
use serde::Serialize;

use super::answer::{Asked, approval, send};
use crate::commands::policy::tables;
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::WriteJson;
use crate::request::WriteArgs;
use crate::text::put;
use crate::values::detail::{Source, source};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl approvals policy --folder policies/sales --reason 'tried in the sandbox for a week'
  ledgerctl approvals policy --sha256 HEX

The hash is that of the whole folder, as `ledgerctl policy check` prints it. Of a folder the tables are shown with it:
what is approved is what they say, and nothing but exactly this text can be promoted on it.";

/// Options of `approvals policy`.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// The policy's SHA-256, 64 lower-case hex digits
    #[arg(
        long,
        value_name = "HEX",
        required_unless_present = "folder",
        conflicts_with = "folder"
    )]
    sha256: Option<Hash>,
    /// The policy's folder; its hash is computed here
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, visible_alias = "why", value_parser = source, value_name = "TEXT")]
    reason: Option<Source>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Serialize)]
struct PolicyJson {
    sha256: Hash,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<serde_json::Value>,
    #[serde(flatten)]
    write: WriteJson,
}

pub(super) async fn run(context: &Context, args: &PolicyArgs) -> Result<(), Failure> {
    let style = context.output.style();
    let (sha256, mut text, policy) = match (&args.folder, args.sha256) {
        (Some(folder), _) => {
            let (sha256, text, object) = tables(folder, style)?;
            (sha256, format!("{text}\n"), Some(object))
        }
        (None, Some(sha256)) => (sha256, String::new(), None),
        (None, None) => {
            return Err(Failure::usage(
                "no policy is named: give --folder or --sha256",
            ));
        }
    };
    let asked = Asked {
        of: Of::PolicySha256(sha256.0.to_vec().into()),
        verdict: Verdict::Granted,
        reason: args.reason.as_ref(),
    };
    let details = asked.details()?;
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let (verified, repeated) = send(&session, asked, details, &mut write).await?;
    let approval = approval(&verified)?;
    let seq = verified.entry.seq;
    put!(
        text,
        "{} policy {sha256} for promotion, for the group `{}`, in entry {seq}.\n",
        style.good("Approved"),
        approval.group
    );
    if let Some(until) = approval.expires_at {
        put!(
            text,
            "It can be promoted before {until}, naming approval {seq}.\n"
        );
    }
    text.push_str(&verified.line());
    let object = PolicyJson {
        sha256,
        policy,
        write: WriteJson::of(&verified, &write.request_id, repeated)?,
    };
    context.output.show(&text, &object)
}
