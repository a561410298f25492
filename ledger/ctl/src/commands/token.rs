//! `ledgerctl token`: what the log knows somebody by.

use clap::Args;
use ledger_core::normalise;
use ledger_proto::v1::{self, tokenise_request::Of};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Failure;
use crate::text::Table;
use crate::values::identifiers::SubjectArgs;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl token --mailbox outreach@acme.example       for `mailboxes = [\"token:…\"]` in a policy
  ledgerctl token --email ada@example.com --json | jq -r '.keys[0].token' | xargs -I{} grep {} export/entries.jsonl

A token is a keyed pseudonym. Knowing it opens nothing: `disclose` does.";

/// Options of `token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Instead: a sending mailbox, an address or a name
    #[arg(long, value_name = "M", conflicts_with_all = ["email", "phone", "contact", "account", "domain"])]
    mailbox: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &TokenArgs) -> Result<(), Failure> {
    let of = match &args.mailbox {
        Some(mailbox) => {
            normalise::mailbox(mailbox).map_err(|error| Failure::usage(error.to_string()))?;
            Of::Mailbox(mailbox.clone())
        }
        None => Of::Subject(args.subject.to_wire()?),
    };
    let session = context.connect_unproven().await?;
    let reply = session
        .control()
        .tokenise(v1::TokeniseRequest { of: Some(of) })
        .await?
        .into_inner();
    let mut table = Table::new(&["kind", "token"]);
    let mut keys: Vec<Value> = Vec::new();
    for key in &reply.keys {
        let token = hex::encode(&key.token);
        table.row([key.kind.clone(), token.clone()]);
        keys.push(json!({ "kind": key.kind, "token": token }));
    }
    context
        .output
        .show(&table.render(""), &json!({ "keys": keys }))
}
