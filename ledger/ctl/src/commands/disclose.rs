//! `ledgerctl disclose`: opens the tokens of one person.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use ledger_core::normalise::Identity;
use ledger_core::opening::Opening;
use ledger_proto::v1;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::files::Overwrite;
use crate::text::counted;
use crate::values::identifiers::{PersonArgs, known};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl disclose --email ada@example.com --contact 003A --out ada.opening
  ledger-verify evidence denial.evidence --vkey ledger.vkey --opening ada.opening

With the file an auditor can tie this person's tokens to these identifiers, and nobody else's. It names the person:
it is written for your eyes alone (0600). The read itself is an entry.";

/// Options of `disclose`.
#[derive(Debug, Args)]
pub(crate) struct DiscloseArgs {
    #[command(flatten)]
    person: PersonArgs,
    /// The person's company's id in the CRM
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Where to write the opening
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

pub(crate) async fn run(context: &Context, args: &DiscloseArgs) -> Result<(), Failure> {
    const WHAT: &str = "the opening";
    let identifiers = v1::Identifiers {
        account_id: args.account.clone().unwrap_or_default(),
        ..args.person.to_wire()?
    };
    // Nothing is proven here: an opening is checked against a token of an entry, by whoever has both.
    let session = context.connect_unproven().await?;
    let file = args.overwrite.create_private(&args.out)?;
    let request = v1::DiscloseRequest {
        identifiers: Some(identifiers.clone()),
    };
    let reply = session.proofs().disclose(request).await?.into_inner();
    let opening =
        Opening::parse(&reply.opening).map_err(|error| Failure::unverified(WHAT, error))?;
    let found: BTreeSet<(&str, &str)> = opening
        .keys()
        .iter()
        .map(|key| (key.kind.as_str(), key.identifier.as_str()))
        .collect();
    let asked = Identity::of(known(&identifiers)).keys;
    let asked: Vec<(String, String)> = asked
        .into_iter()
        .map(|key| (key.kind.to_string(), key.identifier))
        .collect();
    let asked: BTreeSet<(&str, &str)> = asked
        .iter()
        .map(|(kind, identifier)| (kind.as_str(), identifier.as_str()))
        .collect();
    if found != asked {
        return Err(Failure::unverified(
            WHAT,
            "it opens other keys than those of the identifiers asked for",
        ));
    }
    file.finish(&reply.opening)?;
    let kinds: Vec<&str> = opening.keys().iter().map(|key| key.kind.as_str()).collect();
    let text = format!(
        "Opening of {} ({}) written to {} (0600).\n",
        counted(kinds.len() as u64, "key", "keys"),
        kinds.join(", "),
        args.out.display()
    );
    context.output.show(
        &text,
        &json!({ "file": args.out.display().to_string(), "kinds": kinds }),
    )
}
