//! `ledgerctl answer`: the seven questions, each with the entries that prove the answer.

mod questions;
mod rows;

use clap::Args;
use ledger_core::entry::{Body, Entry, Finding, Outcome};
use ledger_core::plan::closes;
use ledger_proto::v1;
use serde_json::json;

use self::questions::{Answer, Facts, Switch};
use self::rows::Published;
use crate::chain::{Act, Chain, acts};
use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::proof::Verified;
use crate::reading;
use crate::text::{counted, put, wrapped};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl answer 44             about the act that entry 44 belongs to
  ledgerctl answer run-7f3a       about the last act of a run that was carried out, or else asked for
  ledgerctl answer run-7f3a --json | jq '.answers[] | {question, proof}'

Which agent acted, under which scope, by which policy and approver; where its log and diffs are; whether it can be
replayed, stopped, and shown to have kept to the do-not-contact list. After each answer stand the entries that prove it;
what the log does not hold reads `not in the log`. Nothing is searched: a few entries are looked up.";

/// How many entries of a run are looked at.
const ENTRIES_MAX: usize = 1_024;

/// Options of `answer`.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The seq of a decision, an execution or what followed from it; or a correlation id
    #[arg(
        value_name = "SEQ|CORRELATION_ID",
        required_unless_present = "correlation_id",
        conflicts_with = "correlation_id"
    )]
    id: Option<String>,
    /// A correlation id of digits alone
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &AnswerArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let (chain, decision, other_acts) = match (&args.id, &args.correlation_id) {
        (Some(id), None) => match id.parse() {
            Ok(seq) => by_seq(&session, seq).await?,
            Err(_) => by_run(&session, id).await?,
        },
        (None | Some(_), Some(id)) => by_run(&session, id).await?,
        (None, None) => return Err(Failure::usage("give a SEQ or a correlation id")),
    };
    let Body::Decision(decided) = &decision.entry.body else {
        return Err(Failure::usage(format!(
            "entry {} is no decision",
            decision.entry.seq
        )));
    };
    let approval = match decided.approval.filter(|_| decided.approver.is_some()) {
        Some(seq) => reading::entry_if_readable(&session, seq).await?,
        None => None,
    };
    let policy = match decided.policy {
        Some(policy) => Published::fetch(&session, policy.seq, policy.sha256).await?,
        None => None,
    };
    let switch = switch(&session).await?;
    let facts = Facts {
        decision: &decision.entry,
        decided,
        execution: execution(&chain, decision.entry.seq),
        approval: approval.as_ref().map(|approval| &approval.entry),
        policy: policy.as_ref(),
        switch: &switch,
        tree: &decision.tree,
    };
    let answers = questions::answers(&facts);
    let object = json!({
        "decision": decision.entry.seq,
        "execution": facts.execution.map(|entry| entry.seq),
        "correlation_id": decided.cause.correlation_id,
        "outcome": decided.outcome,
        "answers": answers,
        "other_decisions": other_acts,
        "whole_run_seen": chain.followed,
        "entry": decision.entry_json()?,
        "checkpoint": decision.tree_json(),
    });
    let text = text(
        &facts,
        &answers,
        &other_acts,
        chain.followed,
        context.output.style(),
    );
    context.output.show(&text, &object)
}

/// The run's entries, the decision concerned, and the decisions of the run's other acts.
type Found = (Chain, Verified, Vec<u64>);

/// The decision that entry `seq` is, or is about.
async fn by_seq(session: &Session, seq: u64) -> Result<Found, Failure> {
    let mut verified = reading::entry(session, seq).await?;
    // An outcome names an execution, an execution a decision.
    for _ in 0..3 {
        let about = match &verified.entry.body {
            Body::Decision(decision) => {
                let id = decision.cause.correlation_id.clone().unwrap_or_default();
                let from = verified.entry.seq;
                let chain = Chain::fetch_part(session, &id, from, ENTRIES_MAX).await?;
                return Ok((chain, verified, Vec::new()));
            }
            Body::Execution(execution)
                if execution.findings.contains(&Finding::UnknownDecision) =>
            {
                return Err(Failure::usage(format!(
                    "entry {} reports on decision {}, and the log has none there (`unknown_decision`): nobody decided \
                     it, so no question can be answered; `ledgerctl receipt {}` shows the report",
                    verified.entry.seq, execution.decision, verified.entry.seq
                )));
            }
            Body::Execution(execution) => Some(execution.decision),
            Body::Outcome(outcome) => outcome.decision.or(outcome.about()),
            Body::Unresolved(unresolved) => Some(unresolved.decision),
            Body::Approval(approval) => approval.decision,
            Body::Dnc(dnc) => dnc.outcome,
            _ => None,
        };
        let Some(about) = about else {
            return Err(Failure::usage(format!(
                "entry {} is a `{}`: expected the seq of a decision, of an execution, or of what followed from one; or a \
                 correlation id",
                verified.entry.seq,
                verified.entry.body.kind()
            )));
        };
        verified = reading::entry(session, about).await?;
    }
    Err(Failure::unverified(
        "the answer",
        "its entries name each other in a circle",
    ))
}

/// The decision of the last act of a run that was carried out, or else of its last act.
async fn by_run(session: &Session, id: &str) -> Result<Found, Failure> {
    let mut chain = Chain::fetch_part(session, id, 0, ENTRIES_MAX).await?;
    chain.add_approvals(session).await?;
    let decisions: Vec<(u64, bool)> = acts(chain.entries()).iter().filter_map(decided).collect();
    let executed = decisions.iter().rev().find(|(_, executed)| *executed);
    let Some((seq, _)) = executed.or(decisions.last()).copied() else {
        let found = chain.entries().count();
        let why = if found == 0 {
            format!("nothing is recorded under the correlation id `{id}`")
        } else {
            format!(
                "no decision is recorded under the correlation id `{id}`, only {}",
                counted(found as u64, "other entry", "other entries")
            )
        };
        return Err(Failure::usage(format!(
            "{why}: expected the correlation id of a run, or a SEQ; `ledgerctl trace {id}` shows what there is"
        )));
    };
    let others = decisions
        .iter()
        .map(|(other, _)| *other)
        .filter(|other| *other != seq)
        .collect();
    let verified = chain
        .links()
        .find(|link| link.verified.entry.seq == seq)
        .map(|link| link.verified.clone());
    match verified {
        Some(verified) => Ok((chain, verified, others)),
        None => Err(Failure::usage(format!("entry {seq} is not of this run"))),
    }
}

/// The decision of an act that counts, and whether it was carried out: the one that was executed, else
/// the last allow, else the last.
fn decided(act: &Act<'_>) -> Option<(u64, bool)> {
    let executed = act
        .entries
        .iter()
        .rev()
        .find_map(|entry| match &entry.body {
            Body::Execution(execution) => Some(execution.decision),
            _ => None,
        });
    let decisions = || {
        act.entries
            .iter()
            .rev()
            .filter_map(|entry| match &entry.body {
                Body::Decision(decision) => Some((entry.seq, decision.outcome)),
                _ => None,
            })
    };
    if let Some(seq) = executed.filter(|seq| decisions().any(|(of, _)| of == *seq)) {
        return Some((seq, true));
    }
    let allowed = decisions().find(|(_, outcome)| *outcome == Outcome::Allow);
    allowed
        .or_else(|| decisions().next())
        .map(|(seq, _)| (seq, false))
}

/// The execution of a decision: the one that used its allow up, else the last report on it.
fn execution(chain: &Chain, decision: u64) -> Option<&Entry> {
    let reports: Vec<&Entry> = chain
        .entries()
        .filter(|entry| matches!(&entry.body, Body::Execution(execution) if execution.decision == decision))
        .collect();
    let closing = reports.iter().find(|entry| closes(entry.body.findings()));
    closing.or(reports.last()).copied()
}

/// How the kill switch stands, as far as the caller may know.
async fn switch(session: &Session) -> Result<Switch, Failure> {
    let status = match session.control().status(v1::StatusRequest {}).await {
        Ok(reply) => reply.into_inner(),
        Err(status) if reading::withheld(&status) => return Ok(Switch::Withheld),
        Err(status) => return Err(status.into()),
    };
    let last = match &status.last_stop {
        Some(last) => reading::entry_if_readable(session, last.seq).await?,
        None => None,
    };
    let proven = match (&status.last_stop, last) {
        (Some(last), Some(verified)) => match &verified.entry.body {
            Body::Stop(stop) => {
                crate::proof::same("allows voided", last.voided, stop.voided)?;
                Some(Box::new((verified.entry.time, stop.clone())))
            }
            _ => return Err(crate::proof::other_kind("stop", &verified.entry)),
        },
        _ => None,
    };
    Ok(Switch::Known {
        active: status
            .stops
            .into_iter()
            .map(|stop| (stop.seq, stop.scope.unwrap_or_default()))
            .collect(),
        last: status.last_stop,
        proven,
    })
}

fn text(
    facts: &Facts<'_>,
    answers: &[Answer],
    others: &[u64],
    whole: bool,
    style: Style,
) -> String {
    let heading = format!(
        "#{} {}{}: `{}` by `{}`",
        facts.decision.seq,
        crate::narrate::outcome(facts.decided.outcome, style),
        crate::narrate::basis(facts.decided.basis),
        facts.decided.action,
        facts.decided.cause.actor.id
    );
    let mut out = format!("{}\n", style.strong(&heading));
    for answer in answers {
        let question = format!("{}. {}", answer.number, answer.question);
        put!(
            out,
            "{}{}\n",
            style.strong(&question),
            proof(&answer.proof, style)
        );
        for line in &answer.lines {
            out.push_str(&wrapped("   ", line));
        }
        for line in answer.text.lines() {
            put!(out, "     {} {line}\n", style.faint("|"));
        }
    }
    if !others.is_empty() {
        const SHOWN: usize = 8;
        let shown: Vec<String> = others
            .iter()
            .rev()
            .take(SHOWN)
            .map(|seq| format!("`ledgerctl answer {seq}`"))
            .collect();
        let more = if others.len() > SHOWN { ", …" } else { "" };
        let words = format!(
            "The run has {} besides: {}{more}.",
            counted(others.len() as u64, "act", "acts"),
            shown.join(", ")
        );
        out.push_str(&wrapped("", &words));
    }
    if !whole {
        out.push_str(&wrapped(
            "",
            "The run is long, and not all of it was looked at: `ledgerctl trace` tells it whole.",
        ));
    }
    put!(
        out,
        "Every entry named was proven to be in `{}`, under its signed checkpoint.\n",
        facts.tree.origin
    );
    out
}

/// `  [#41, #44]`: the entries that prove an answer.
fn proof(seqs: &[u64], style: Style) -> String {
    if seqs.is_empty() {
        return String::new();
    }
    let seqs: Vec<String> = seqs.iter().map(|seq| format!("#{seq}")).collect();
    format!("  {}", style.faint(&format!("[{}]", seqs.join(", "))))
}
