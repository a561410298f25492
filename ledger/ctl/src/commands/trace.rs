//! `ledgerctl trace`: everything recorded under one correlation id.

use std::collections::BTreeSet;

use clap::Args;
use ledger_core::entry::{Basis, Body, Outcome};
use ledger_core::plan::closes;
use ledger_proto::v1;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::context::Context;
use crate::failure::Failure;
use crate::narrate;
use crate::output::Style;
use crate::proof::{TreeJson, Verified, same_option};
use crate::text::{counted, put};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl trace run-7f3a
  ledgerctl trace run-7f3a --json | jq '.entries[] | select(.kind == \"decision\") | .outcome'

Agents, approvers and recorders see their own entries and reports on their own decisions; everybody else sees all.";

/// Options of `trace`.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The correlation id
    #[arg(value_name = "CORRELATION_ID")]
    correlation_id: String,
}

#[derive(Serialize)]
struct TraceJson {
    correlation_id: String,
    entries: Vec<Box<RawValue>>,
    checkpoint: Option<TreeJson>,
}

pub(crate) async fn run(context: &Context, args: &TraceArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let mut query = session.query();
    let mut entries: Vec<Verified> = Vec::new();
    let mut from_seq = 0;
    loop {
        let request = v1::TraceRequest {
            correlation_id: args.correlation_id.clone(),
            from_seq,
            page_size: 0,
        };
        let reply = query.trace(request).await?.into_inner();
        for receipt in reply.receipts {
            let verified = session.verify(Some(receipt))?;
            same_option(
                "correlation id",
                Some(args.correlation_id.as_str()),
                verified.entry.body.correlation_id(),
            )?;
            if entries
                .last()
                .is_some_and(|last| last.entry.seq >= verified.entry.seq)
            {
                return Err(Failure::unverified(
                    "the answer",
                    "its entries are not in order",
                ));
            }
            entries.push(verified);
        }
        match reply.next_seq {
            Some(next) if next > from_seq => from_seq = next,
            Some(_) => return Err(Failure::unverified("the answer", "its pages do not end")),
            None => break,
        }
    }
    let object = TraceJson {
        correlation_id: args.correlation_id.clone(),
        entries: entries
            .iter()
            .map(Verified::entry_json)
            .collect::<Result<_, _>>()?,
        checkpoint: entries.last().map(Verified::tree_json),
    };
    context.output.show(
        &text(&args.correlation_id, &entries, context.output.style()),
        &object,
    )
}

fn text(correlation_id: &str, entries: &[Verified], style: Style) -> String {
    let Some(last) = entries.last() else {
        return format!("Nothing is recorded under the correlation id `{correlation_id}`.\n");
    };
    let mut out = format!(
        "{}\n\n",
        style.strong(&format!("{correlation_id}: {}", summary(entries)))
    );
    for verified in entries {
        out.push_str(&narrate::entry(&verified.entry, style));
        out.push('\n');
    }
    let each = if entries.len() == 1 {
        "It is"
    } else {
        "Each of them is"
    };
    put!(
        out,
        "{each} proven to be in `{}`, under its signed checkpoint of {}.\n",
        last.tree.origin,
        counted(last.tree.size, "entry", "entries")
    );
    out
}

/// What the entries come to: how many decisions, of which outcome, and what is still open.
fn summary(entries: &[Verified]) -> String {
    let (mut allowed, mut denied, mut waiting, mut asserted, mut executions, mut findings) =
        (0, 0, 0, 0, 0, 0);
    let mut open = BTreeSet::new();
    for verified in entries {
        match &verified.entry.body {
            Body::Decision(decision) if decision.basis == Basis::Asserted => {
                asserted += 1;
                findings += decision.findings.len() as u64;
            }
            Body::Decision(decision) => match decision.outcome {
                Outcome::Allow => {
                    allowed += 1;
                    open.insert(verified.entry.seq);
                }
                Outcome::RequireApproval => waiting += 1,
                Outcome::Deny => denied += 1,
            },
            Body::Execution(execution) => {
                executions += 1;
                findings += execution.findings.len() as u64;
                if closes(&execution.findings) {
                    open.remove(&execution.decision);
                }
            }
            Body::Outcome(outcome) => findings += outcome.findings.len() as u64,
            _ => {}
        }
    }
    let mut parts = Vec::new();
    let mut part = |count: u64, one: &str, many: &str| {
        if count > 0 {
            parts.push(counted(count, one, many));
        }
    };
    part(allowed, "allowed", "allowed");
    part(denied, "denied", "denied");
    part(waiting, "awaiting approval", "awaiting approval");
    part(asserted, "decided elsewhere", "decided elsewhere");
    part(executions, "execution", "executions");
    part(findings, "finding", "findings");
    if !open.is_empty() {
        let open: Vec<String> = open.iter().map(|seq| format!("#{seq}")).collect();
        parts.push(format!("not reported on: {}", open.join(", ")));
    }
    if parts.is_empty() {
        parts.push(counted(entries.len() as u64, "entry", "entries"));
    }
    parts.join(", ")
}
