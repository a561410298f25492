//! `ledgerctl open`: what is not as it should be, or not settled yet.

use clap::Args;
use ledger_core::codebook;
use ledger_core::entry::{Body, Decision, Entry, Execution, Outcome};
use ledger_proto::v1::{self, OpenKind};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::proof::{TreeJson, Verified, other_kind, same};
use crate::text::{counted, put};
use crate::values::words::{open_kind, parser};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl open
  ledgerctl open --kind irregular --limit 1000
  ledgerctl open --kind unresolved --json | jq '.lists[0].entries[].correlation_id'

  open        allows that nobody has reported on, and whose report is not yet overdue
  unresolved  allows whose report was overdue, and that nobody has reported on since
  irregular   executions without an allow, or beyond it
  voided      allows that a stop voided, whatever came of them; they stand under no other heading

Every entry shown is proven; that there are no others is what the ledger says, and what replaying an export shows.";

/// Every list, in the order in which they matter.
const KINDS: [OpenKind; 4] = [
    OpenKind::Irregular,
    OpenKind::Unresolved,
    OpenKind::Voided,
    OpenKind::Open,
];

/// Options of `open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// Only this list [default: all four]
    #[arg(long, value_parser = parser(open_kind::WORDS, open_kind::read))]
    kind: Option<OpenKind>,
    /// The most entries of a list, from the oldest on
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// How many there are of each kind, in the whole ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    open: u64,
    unresolved: u64,
    irregular: u64,
    voided: u64,
    /// Of the voided ones, those whose report was overdue.
    voided_unresolved: u64,
}

impl Counts {
    fn of(self, kind: OpenKind) -> u64 {
        match kind {
            OpenKind::Open => self.open,
            OpenKind::Unresolved => self.unresolved,
            OpenKind::Irregular => self.irregular,
            OpenKind::Voided => self.voided,
            OpenKind::Unspecified => 0,
        }
    }
}

/// The entries of one kind, and whether they are all.
struct List {
    kind: OpenKind,
    entries: Vec<Verified>,
    more: bool,
}

#[derive(Serialize)]
struct OpenJson {
    counts: Counts,
    lists: Vec<ListJson>,
}

#[derive(Serialize)]
struct ListJson {
    kind: String,
    more: bool,
    entries: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<TreeJson>,
}

pub(crate) async fn run(context: &Context, args: &OpenArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let kinds = args.kind.map_or(KINDS.to_vec(), |kind| vec![kind]);
    let mut counts = None;
    let mut lists = Vec::new();
    for kind in kinds {
        let (list, counted) = fetch(&session, kind, args.limit).await?;
        // The ledger may go on between two calls; the first counts are of the list that matters most.
        counts.get_or_insert(counted);
        lists.push(list);
    }
    let counts = counts.ok_or_else(|| Failure::usage("no list was asked for"))?;
    let object = OpenJson {
        counts,
        lists: lists
            .iter()
            .map(|list| {
                Ok(ListJson {
                    kind: open_kind::word(list.kind),
                    more: list.more,
                    entries: list
                        .entries
                        .iter()
                        .map(Verified::entry_json)
                        .collect::<Result<_, Failure>>()?,
                    checkpoint: list.entries.last().map(Verified::tree_json),
                })
            })
            .collect::<Result<_, Failure>>()?,
    };
    context
        .output
        .show(&text(counts, &lists, context.output.style()), &object)
}

/// Fetches a list, page by page, up to so many entries.
async fn fetch(session: &Session, kind: OpenKind, limit: usize) -> Result<(List, Counts), Failure> {
    let mut query = session.query();
    let mut entries: Vec<Verified> = Vec::new();
    let mut from_seq = 0;
    loop {
        let request = v1::ListOpenRequest {
            kind: kind.into(),
            from_seq,
            page_size: 0,
        };
        let reply = query.list_open(request).await?.into_inner();
        let counts = Counts {
            open: reply.open,
            unresolved: reply.unresolved,
            irregular: reply.irregular,
            voided: reply.voided,
            voided_unresolved: reply.voided_unresolved,
        };
        for receipt in reply.receipts {
            let verified = session.verify(Some(receipt))?;
            check(kind, &verified)?;
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
        let more = entries.len() > limit || entries.len() == limit && reply.next_seq.is_some();
        match reply.next_seq {
            Some(next) if next > from_seq && !more => from_seq = next,
            Some(next) if next <= from_seq => {
                return Err(Failure::unverified("the answer", "its pages do not end"));
            }
            _ => {
                entries.truncate(limit);
                let list = List {
                    kind,
                    entries,
                    more,
                };
                return Ok((list, counts));
            }
        }
    }
}

/// Refuses an entry that cannot stand in the list.
fn check(kind: OpenKind, verified: &Verified) -> Result<(), Failure> {
    match (kind, &verified.entry.body) {
        (OpenKind::Irregular, Body::Execution(execution)) if execution.findings.is_empty() => {
            Err(Failure::unverified(
                "the answer",
                format!(
                    "entry {} is listed as irregular, and has no finding",
                    verified.entry.seq
                ),
            ))
        }
        (OpenKind::Irregular, Body::Execution(_)) => Ok(()),
        (OpenKind::Irregular, _) => Err(other_kind("execution", &verified.entry)),
        (_, Body::Decision(decision)) => same("outcome", "allow", word(decision.outcome)),
        _ => Err(other_kind("decision", &verified.entry)),
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::RequireApproval => "require_approval",
        Outcome::Deny => "deny",
    }
}

fn text(counts: Counts, lists: &[List], style: Style) -> String {
    let mut out = String::new();
    for kind in KINDS {
        let count = counts.of(kind);
        let what = match kind {
            OpenKind::Irregular => "executions without an allow, or beyond it",
            OpenKind::Unresolved => "allows that nobody reported on in time",
            OpenKind::Voided => "allows that a stop voided",
            _ => "allows still to be reported on",
        };
        let mut line = format!("{:>10}  {count:>7}  {what}", open_kind::word(kind));
        let silent = counts.voided_unresolved;
        if kind == OpenKind::Voided && silent > 0 {
            put!(line, "; on {silent} of them nobody reported in time");
        }
        let line = match kind {
            OpenKind::Irregular | OpenKind::Unresolved if count > 0 => style.warning(&line),
            OpenKind::Voided if silent > 0 => style.warning(&line),
            _ => line,
        };
        put!(out, "{line}\n");
    }
    let mut last = None;
    for list in lists.iter().filter(|list| !list.entries.is_empty()) {
        put!(out, "\n{}\n", style.strong(&open_kind::word(list.kind)));
        for verified in &list.entries {
            put!(out, "  {}\n", line(&verified.entry));
            last = Some(verified);
        }
        if list.more {
            put!(
                out,
                "  and more: --kind {} --limit N shows them\n",
                open_kind::word(list.kind)
            );
        }
    }
    if let Some(verified) = last {
        put!(
            out,
            "\nEach of them is proven to be in `{}`, under its signed checkpoint of {}.\n",
            verified.tree.origin,
            counted(verified.tree.size, "entry", "entries")
        );
    }
    out
}

/// One entry on one line.
fn line(entry: &Entry) -> String {
    let what = match &entry.body {
        Body::Decision(decision) => allow(decision),
        Body::Execution(execution) => irregular(execution),
        other => other.kind().to_owned(),
    };
    let correlation = entry
        .body
        .correlation_id()
        .map(|id| format!(" [{id}]"))
        .unwrap_or_default();
    format!("#{}  {}  {what}{correlation}", entry.seq, entry.time)
}

fn allow(decision: &Decision) -> String {
    let mut text = format!("`{}` may do `{}`", decision.cause.actor.id, decision.action);
    if let Some(seller) = &decision.seller {
        put!(text, " for `{seller}`");
    }
    if let Some(by) = decision.report_by {
        put!(text, ", to be reported before {by}");
    }
    text
}

fn irregular(execution: &Execution) -> String {
    let findings: Vec<&str> = execution
        .findings
        .iter()
        .map(|finding| codebook::finding(*finding).word)
        .collect();
    format!(
        "`{}` reported on decision #{}: {}",
        execution.cause.actor.id,
        execution.decision,
        findings.join(", ")
    )
}
