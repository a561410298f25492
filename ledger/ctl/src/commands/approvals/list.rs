//! `ledgerctl approvals list`: what waits for a person.

use clap::Args;
use ledger_proto::v1;
use serde_json::json;

use super::{Request, word};
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::same;
use crate::text::{Table, counted, put};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl approvals list
  ledgerctl approvals list --group revops
  ledgerctl approvals list --json | jq '.requests[] | select(.state == \"pending\") | .decision'

Granted requests stay here until an allow has used them up, or their time is over. Every request is proven by the
receipt of its decision; how it stands is what the ledger says.";

/// Options of `approvals list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only what this group was asked
    #[arg(long, value_name = "G")]
    group: Option<String>,
}

pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let mut control = session.control();
    let mut requests: Vec<Request> = Vec::new();
    let mut from_seq = 0;
    loop {
        let page = v1::ListApprovalsRequest {
            group: args.group.clone().unwrap_or_default(),
            from_seq,
            page_size: 0,
        };
        let reply = control.list_approvals(page).await?.into_inner();
        for told in reply.requests {
            let request = Request::read(&session, told)?;
            if let Some(group) = &args.group {
                same("group", group, &request.group)?;
            }
            if requests
                .last()
                .is_some_and(|last| last.seq() >= request.seq())
            {
                return Err(Failure::unverified(
                    "the answer",
                    "its requests are not in order",
                ));
            }
            requests.push(request);
        }
        match reply.next_seq {
            Some(next) if next > from_seq => from_seq = next,
            Some(_) => return Err(Failure::unverified("the answer", "its pages do not end")),
            None => break,
        }
    }
    let object = json!({
        "requests": requests.iter().map(Request::json).collect::<Result<Vec<_>, _>>()?,
    });
    context.output.show(&text(&requests), &object)
}

fn text(requests: &[Request]) -> String {
    let Some(last) = requests.last() else {
        return "Nothing waits for an approval.\n".to_owned();
    };
    let mut table = Table::new(&[
        "request",
        "state",
        "group",
        "tier",
        "agent",
        "action",
        "approve and use before",
        "correlation id",
    ]);
    for request in requests {
        let decision = &request.decision;
        table.row([
            request.seq().to_string(),
            word(request.state).to_owned(),
            request.group.clone(),
            decision
                .tier
                .map(|tier| tier.to_string())
                .unwrap_or_default(),
            decision.cause.actor.id.clone(),
            decision.action.clone(),
            decision
                .approve_by
                .map(|time| time.to_string())
                .unwrap_or_default(),
            decision.cause.correlation_id.clone().unwrap_or_default(),
        ]);
    }
    let mut out = table.render("");
    let each = if requests.len() == 1 {
        "It is"
    } else {
        "Each of them is"
    };
    put!(
        out,
        "\n{each} proven to be in `{}`, under its signed checkpoint of {}.\n",
        last.verified.tree.origin,
        counted(last.verified.tree.size, "entry", "entries")
    );
    out.push_str("Look at one with `ledgerctl approvals show REQUEST`.\n");
    out
}
