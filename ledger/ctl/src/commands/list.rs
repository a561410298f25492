//! `ledgerctl list`: the entries that are asked for, a line each.

use clap::Args;
use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::Entry;
use ledger_core::select::Selection;
use ledger_proto::v1::{self, ListOrder};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::context::Context;
use crate::failure::Failure;
use crate::narrate;
use crate::proof::{Verified, same};
use crate::text::{counted, grouped};
use crate::values::select::FilterArgs;
use crate::values::when;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl list                                          the last 100 entries
  ledgerctl list --kind decision --outcome deny --since 2h
  ledgerctl list --reason dnc.listed --actor agent.outbound.sender --all
  ledgerctl list --finding after_stop,already_executed --oldest
  ledgerctl list --subject ada@example.com --subject contact:003    everything that names this person (an entry itself)
  ledgerctl list --since 2026-11-01 --until 2026-12-01    what was recorded in November, by UTC
  ledgerctl list --kind decision --json | jq -r '.entry.action' | sort | uniq -c

With --json, one object a line: the entry as it stands in the log, its seq, that it is proven, and the size of the
checkpoint that it is proven under. Every entry shown is proven and checked to be one that was asked for; that there are
no others is what the ledger says, and what replaying an export shows.

A list is of the log as it is when the command begins. Agents, approvers and recorders see their own entries and reports
on their own decisions; everybody else sees all.";

/// The most entries of one page.
const PAGE_MAX: usize = 256;

/// Options of `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Oldest first [default: newest first]
    #[arg(long)]
    oldest: bool,
    /// The most entries
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "all")]
    limit: usize,
    /// All of them, however many
    #[arg(long)]
    all: bool,
}

/// An entry on one line of `--json`.
#[derive(Serialize)]
pub(crate) struct EntryJson<'a> {
    seq: u64,
    /// Whether the entry came with a proof, which verified.
    proven: bool,
    /// The size of the checkpoint that it is proven under.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_size: Option<u64>,
    entry: &'a RawValue,
}

/// An entry, and what it is proven under, as it is shown.
pub(crate) fn shown(
    context: &Context,
    entry: &Entry,
    line: &[u8],
    proven: Option<&Checkpoint>,
) -> Result<bool, Failure> {
    let raw: &RawValue =
        serde_json::from_slice(line).map_err(|error| Failure::unverified("the entry", error))?;
    let object = EntryJson {
        seq: entry.seq,
        proven: proven.is_some(),
        checkpoint_size: proven.map(|tree| tree.size),
        entry: raw,
    };
    let style = context.output.style();
    let mut text = narrate::line(entry, style);
    if proven.is_none() {
        text.push_str(&style.warning("  (not proven)"));
    }
    context.output.item(&text, &object)
}

/// Refuses an entry that was not asked for.
pub(crate) fn asked_for(selection: &Selection, entry: &Entry) -> Result<(), Failure> {
    if selection.matches(entry) {
        return Ok(());
    }
    let why = format!("entry {} is none of those asked for", entry.seq);
    Err(Failure::unverified("the answer", why))
}

/// A list that is being read.
struct Reading {
    selection: Selection,
    oldest: bool,
    size: Option<u64>,
    last: Option<Verified>,
}

pub(crate) async fn run(context: &Context, args: &ListArgs) -> Result<(), Failure> {
    let (selection, filter) = args.filter.read(when::now())?;
    let session = context.connect().await?;
    let limit = if args.all { usize::MAX } else { args.limit };
    let order = if args.oldest {
        ListOrder::OldestFirst
    } else {
        ListOrder::NewestFirst
    };
    let mut reading = Reading {
        selection,
        oldest: args.oldest,
        size: None,
        last: None,
    };
    let mut query = session.query();
    let mut page_token = String::new();
    let mut count = 0;
    loop {
        let request = v1::ListRequest {
            filter: Some(filter.clone()),
            order: order.into(),
            // One more than is shown says whether there are more.
            page_size: u32::try_from((limit - count).saturating_add(1).min(PAGE_MAX)).unwrap_or(0),
            page_token: page_token.clone(),
        };
        let reply = query.list(request).await?.into_inner();
        same(
            "size of the log",
            *reading.size.get_or_insert(reply.size),
            reply.size,
        )?;
        for receipt in reply.receipts {
            if count == limit {
                context.output.warn(&format!(
                    "there are more than {}: --all or a larger --limit shows them",
                    counted(limit as u64, "entry", "entries")
                ));
                return reading.end(context, count);
            }
            let verified = session.verify(Some(receipt))?;
            reading.check(&verified)?;
            count += 1;
            if !shown(
                context,
                &verified.entry,
                &verified.receipt.entry,
                Some(&verified.tree),
            )? {
                return Ok(());
            }
            reading.last = Some(verified);
        }
        if reply.next_page_token.is_empty() {
            return reading.end(context, count);
        }
        if reply.next_page_token == page_token {
            return Err(Failure::unverified("the answer", "its pages do not end"));
        }
        page_token = reply.next_page_token;
    }
}

impl Reading {
    /// Refuses what was not asked for, what is not in order, and what lies beyond the log of the list.
    fn check(&self, verified: &Verified) -> Result<(), Failure> {
        asked_for(&self.selection, &verified.entry)?;
        let seq = verified.entry.seq;
        if let Some(last) = self.last.as_ref().map(|last| last.entry.seq)
            && (last == seq || (last < seq) != self.oldest)
        {
            return Err(Failure::unverified(
                "the answer",
                "its entries are not in order",
            ));
        }
        match self.size {
            Some(size) if seq >= size => Err(Failure::unverified(
                "the answer",
                format!("entry {seq} is beyond the {size} entries that the list is of"),
            )),
            _ => Ok(()),
        }
    }

    /// What people are told at the end.
    fn end(&self, context: &Context, count: usize) -> Result<(), Failure> {
        if context.output.is_json() {
            return Ok(());
        }
        let size = grouped(self.size.unwrap_or_default());
        let text = match &self.last {
            None => format!("None of the {size} entries is one of those.\n"),
            Some(last) => format!(
                "{} of the first {size}, each proven to be in `{}`, under its signed checkpoint of {}.\n",
                counted(count as u64, "entry", "entries"),
                last.tree.origin,
                counted(last.tree.size, "entry", "entries"),
            ),
        };
        context.output.raw(text.as_bytes())
    }
}
