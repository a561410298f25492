//! `ledgerctl trace`: everything recorded under one correlation id, as a narrative.

mod compare;

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use ledger_core::codebook;
use ledger_core::entry::{Basis, Body, DetailName, Entry, Outcome};
use ledger_core::plan::closes;
use ledger_core::select::Selection;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::chain::{self, Act, Chain, ProofsJson};
use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::narrate;
use crate::output::Style;
use crate::proof::{TreeJson, Verified};
use crate::reading::{self, Detail, DetailJson};
use crate::text::{counted, put, wrapped};
use crate::values::select::SelectArgs;
use crate::values::when;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl trace run-7f3a
  ledgerctl trace run-7f3a --details             with what is kept outside the log, each under its entry
  ledgerctl trace --seq 41                       the run that entry 41 belongs to
  ledgerctl trace --compare run-7f3a run-8a01    two runs side by side, and where they first part
  ledgerctl trace run-7f3a --kind decision --outcome deny        of the run, only these
  ledgerctl trace run-7f3a --json | jq '.entries[] | select(.kind == \"decision\") | .outcome'

What belongs to one act stands together: the asks, the approval, the execution, what providers reported, whom that
listed and which breaker it opened; also where an entry carries no correlation id and the chain leads to it. --json has
every entry exactly as it stands in the log, with its proof and the signed checkpoint.

Reading a detail is an entry; --details reads all that you may, and --compare those of equal length.
Agents, approvers and recorders see their own entries and reports on their own decisions; everybody else sees all.";

/// Options of `trace`.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The correlation id
    #[arg(
        value_name = "CORRELATION_ID",
        required_unless_present_any = ["seq", "compare"],
        conflicts_with_all = ["seq", "compare"]
    )]
    correlation_id: Option<String>,
    /// Instead: the run that this entry belongs to
    #[arg(long, value_name = "N", conflicts_with = "compare")]
    seq: Option<u64>,
    /// Sets two runs side by side, by their correlation ids
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    compare: Option<Vec<String>>,
    /// Shows what is kept outside the log, as far as you may read it; each read is an entry
    #[arg(long, conflicts_with = "compare")]
    details: bool,
    /// Compares details by their length alone, and reads none
    #[arg(long, requires = "compare")]
    no_details: bool,
    #[command(flatten)]
    select: SelectArgs,
}

#[derive(Serialize)]
struct TraceJson {
    correlation_id: String,
    /// Every entry, exactly as it stands in the log.
    entries: Vec<Box<RawValue>>,
    /// Which of them belong together.
    acts: Vec<ActJson>,
    findings: Vec<FindingJson>,
    /// Whether everything that the entries lead to was looked for.
    followed: bool,
    /// How many entries of the run the filters leave out.
    left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<DetailJson>>,
    checkpoint: Option<TreeJson>,
    #[serde(flatten)]
    proofs: ProofsJson,
}

#[derive(Serialize)]
struct ActJson {
    title: String,
    seqs: Vec<u64>,
}

#[derive(Serialize)]
struct FindingJson {
    seq: u64,
    finding: &'static str,
}

/// What is kept outside the log for a run, by entry and name.
type Details = BTreeMap<(u64, DetailName), Detail>;

pub(crate) async fn run(context: &Context, args: &TraceArgs) -> Result<(), Failure> {
    let selection = args.select.selection(when::now())?;
    let session = context.connect().await?;
    if let Some([left, right]) = args.compare.as_deref() {
        if selection != Selection::default() {
            return Err(Failure::usage(
                "--compare sets whole runs side by side: leave the filters away",
            ));
        }
        return compare::run(context, &session, left, right, !args.no_details).await;
    }
    let id = match (&args.correlation_id, args.seq) {
        (Some(id), _) => id.clone(),
        (None, Some(seq)) => correlation_of(&reading::entry(&session, seq).await?)?,
        (None, None) => return Err(Failure::usage("give a correlation id, or --seq N")),
    };
    let mut chain = Chain::fetch(&session, &id).await?;
    chain.retain(&selection);
    let details = if args.details {
        Some(read(&session, &chain).await?)
    } else {
        None
    };
    let object = json(&chain, details.as_ref())?;
    let text = text(&chain, details.as_ref(), context.output.style());
    context.output.show(&text, &object)
}

/// The correlation id of an entry.
pub(crate) fn correlation_of(verified: &Verified) -> Result<String, Failure> {
    let entry = &verified.entry;
    entry
        .body
        .correlation_id()
        .map(str::to_owned)
        .ok_or_else(|| {
            Failure::usage(format!(
                "entry {} is a `{}` without a correlation id: expected one of a run; \
             `ledgerctl receipt {}` shows it",
                entry.seq,
                entry.body.kind(),
                entry.seq
            ))
        })
}

async fn read(session: &Session, chain: &Chain) -> Result<Details, Failure> {
    let mut details = Details::new();
    for entry in chain.entries() {
        for (name, committed) in entry.body.details().into_iter().flatten() {
            let detail = reading::detail(session, entry.seq, *name, *committed).await?;
            details.insert((entry.seq, *name), detail);
        }
    }
    Ok(details)
}

fn json(chain: &Chain, details: Option<&Details>) -> Result<TraceJson, Failure> {
    let act = |act: Act<'_>| ActJson {
        title: act.title(),
        seqs: act.entries.iter().map(|entry| entry.seq).collect(),
    };
    let detail = |((seq, name), detail): (&(u64, DetailName), &Detail)| {
        let kept = chain.get(*seq).and_then(|entry| entry.body.details());
        let committed = kept.and_then(|kept| kept.get(name))?;
        Some(DetailJson::of(*seq, *name, *committed, detail))
    };
    Ok(TraceJson {
        correlation_id: chain.correlation_id.clone(),
        entries: chain
            .links()
            .map(|link| link.verified.entry_json())
            .collect::<Result<_, _>>()?,
        acts: chain::acts(chain.entries()).into_iter().map(act).collect(),
        findings: chain
            .entries()
            .flat_map(|entry| {
                let finding = |finding: &ledger_core::entry::Finding| FindingJson {
                    seq: entry.seq,
                    finding: codebook::finding(*finding).word,
                };
                entry.body.findings().iter().map(finding)
            })
            .collect(),
        followed: chain.followed,
        left_out: chain.left_out,
        details: details.map(|details| details.iter().filter_map(detail).collect()),
        checkpoint: chain.links().last().map(|link| link.verified.tree_json()),
        proofs: ProofsJson::of(chain),
    })
}

fn text(chain: &Chain, details: Option<&Details>, style: Style) -> String {
    let id = &chain.correlation_id;
    let Some(last) = chain.links().last() else {
        return match chain.left_out {
            0 => format!("Nothing is recorded under the correlation id `{id}`.\n"),
            left_out => format!(
                "None of the {} of `{id}` is one of those asked for.\n",
                counted(left_out as u64, "entry", "entries")
            ),
        };
    };
    let mut out = format!("{}\n", style.strong(&format!("{id}: {}", summary(chain))));
    for entry in chain.entries() {
        for finding in entry.body.findings() {
            let line = format!("! #{} {}", entry.seq, codebook::finding(*finding).word);
            put!(out, "{}\n", style.bad(&line));
        }
    }
    out.push('\n');
    for (number, act) in chain::acts(chain.entries()).iter().enumerate() {
        let title = style.strong(&format!("{}. {}", number + 1, act.title()));
        put!(out, "{title}\n{}\n", wrapped("   ", &act.line(style)));
        for entry in &act.entries {
            out.push_str(&narrate::entry(entry, style));
            if !chain.is_correlated(entry.seq) {
                out.push_str(&style.faint("     Found by following the chain: it carries no correlation id of this run.\n"));
            }
            if let Some(details) = details {
                shown(&mut out, entry, details, style);
            }
            out.push('\n');
        }
    }
    if !chain.followed {
        out.push_str(&wrapped(
            "",
            "This run is long: what its last entries lead to was not looked for. `ledgerctl receipt SEQ` shows one entry.",
        ));
    }
    if chain.left_out > 0 {
        let left_out = counted(chain.left_out as u64, "entry", "entries");
        put!(out, "The filters leave out {left_out} of the run.\n");
    }
    let each = if chain.links().count() == 1 {
        "It is"
    } else {
        "Each of them is"
    };
    let tree = &last.verified.tree;
    put!(
        out,
        "{each} proven to be in `{}`, under its signed checkpoint of {}.\n",
        tree.origin,
        counted(tree.size, "entry", "entries")
    );
    out
}

/// The details of one entry, line by line.
fn shown(out: &mut String, entry: &Entry, details: &Details, style: Style) {
    for name in entry
        .body
        .details()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
    {
        match details.get(&(entry.seq, *name)) {
            Some(Detail::Opened(opened)) => {
                put!(out, "     {}:\n", name.as_str());
                for line in plain(&opened.value).lines() {
                    put!(out, "       {} {line}\n", style.faint("|"));
                }
            }
            Some(Detail::Withheld(why)) => {
                let line = format!("{}: not handed out ({why})", name.as_str());
                out.push_str(&wrapped("     ", &line));
            }
            None => {}
        }
    }
}

/// Text that cannot write to a terminal anything but itself.
fn plain(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let shown = |character: char| match character {
        '\n' | '\t' => character.to_string(),
        other if other.is_control() => other.escape_default().to_string(),
        other => other.to_string(),
    };
    text.chars().map(shown).collect()
}

/// What the entries come to: how many decisions, of which outcome, and what is still open.
fn summary(chain: &Chain) -> String {
    let (mut allowed, mut denied, mut waiting, mut asserted, mut executions, mut findings) =
        (0, 0, 0, 0, 0, 0);
    let mut open = BTreeSet::new();
    for entry in chain.entries() {
        findings += entry.body.findings().len() as u64;
        match &entry.body {
            Body::Decision(decision) if decision.basis == Basis::Asserted => {
                asserted += 1;
            }
            Body::Decision(decision) => match decision.outcome {
                Outcome::Allow => {
                    allowed += 1;
                    open.insert(entry.seq);
                }
                Outcome::RequireApproval => waiting += 1,
                Outcome::Deny => denied += 1,
            },
            Body::Execution(execution) => {
                executions += 1;
                if closes(&execution.findings) {
                    open.remove(&execution.decision);
                }
            }
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
        parts.push(counted(chain.entries().count() as u64, "entry", "entries"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_detail_cannot_command_the_terminal() {
        assert_eq!(plain(b"a\tb\n\x1b[2Jc\r\x07"), "a\tb\n\\u{1b}[2Jc\\r\\u{7}");
        assert_eq!(plain(&[0xff, b'x']), "\u{fffd}x");
    }
}
