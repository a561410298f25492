//! `ledgerctl undo`: the inverse of a field update, as a request that is gated like any other.

mod inverse;

use std::path::PathBuf;

use clap::Args;
use ledger_core::entry::{Body, Decision, DetailName, Execution, Outcome};
use ledger_core::plan::closes;
use ledger_proto::v1;
use serde::Serialize;
use serde_json::{Value, json};

use self::inverse::{Inverse, NoInverse, inverse, precluded};
use super::decide;
use crate::chain::Chain;
use crate::client::Session;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::proof::{TreeJson, Verified};
use crate::reading::{self, Detail};
use crate::request::Write;
use crate::text::{put, wrapped};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl undo 45                                    the inverse of execution 45, as a request and as a command
  ledgerctl undo 45 --target-id 006 --submit           asks for it, as the agent that you are
  ledgerctl undo 45 --target-id 006 --submit --approval 52

The fields that changed go back to what they held before; `expect` is what they were left with, and the runtime has to
find that there: else somebody has changed them since. The log knows the object by a token alone, so you name its id, and
the new decision has to carry the same token. Where there is no inverse, it says why, and exits with 8.

Reading `before` and `after` is an entry each. Exit codes of --submit: as of `decide`.";

/// How many entries of the run are looked at for an undo that was carried out before.
const ENTRIES_MAX: usize = 4_096;

/// Options of `undo`.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The seq of the execution
    #[arg(value_name = "SEQ")]
    seq: u64,
    /// The object's id, which the log does not have
    #[arg(long, value_name = "ID", required_if_eq("submit", "true"))]
    target_id: Option<String>,
    /// Asks for it (agent)
    #[arg(long)]
    submit: bool,
    /// The correlation id of the request [default: that of the decision]
    #[arg(long, value_name = "C")]
    correlation_id: Option<String>,
    /// The hash of the agent's prompt and tools
    #[arg(long, value_name = "V", requires = "submit")]
    agent_version: Option<String>,
    /// The idempotency key [default: a new one]
    #[arg(long, value_name = "R", requires = "submit")]
    request_id: Option<String>,
    /// The seq of the approval that granted exactly this, asked before
    #[arg(long, value_name = "SEQ", requires = "submit")]
    approval: Option<u64>,
    /// Where to write the receipt, a `.tlog-proof` file
    #[arg(long, value_name = "FILE", requires = "submit")]
    receipt_out: Option<PathBuf>,
}

/// The inverse as it is asked for: the members are those of `Decide`, and `expect`.
#[derive(Debug, Clone, Serialize)]
struct RequestJson {
    action: String,
    correlation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<String>,
    target: TargetJson,
    params: Value,
    expect: Value,
    diff: Value,
    undoes: u64,
}

#[derive(Debug, Clone, Serialize)]
struct TargetJson {
    #[serde(rename = "type")]
    kind: String,
    /// Absent where it was not named: the log does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    writes: Vec<String>,
}

#[derive(Serialize)]
struct UndoJson<'a> {
    execution: u64,
    decision: u64,
    /// The object as the log knows it.
    target_token: Option<ledger_core::token::Token>,
    request: &'a RequestJson,
    command: Vec<String>,
    /// Fields that changed although the decision did not name them among those written.
    beyond: &'a [String],
    checkpoint: TreeJson,
}

pub(crate) async fn run(context: &Context, args: &UndoArgs) -> Result<Exit, Failure> {
    let session = context.connect().await?;
    let verified = reading::entry(&session, args.seq).await?;
    let Body::Execution(execution) = &verified.entry.body else {
        return Err(no_execution(&verified));
    };
    let decided = decision_of(&session, execution).await?;
    let decision = decided.as_ref().map(|(_, decision)| decision);
    if let Err(why) = precluded(&verified.entry, execution, decision) {
        return none(context, args.seq, &why);
    }
    let Some((decided, decision)) = &decided else {
        return none(context, args.seq, &NoInverse::UnknownDecision);
    };
    if let Some(why) = undone(&session, args.seq, decision).await? {
        return none(context, args.seq, &why);
    }
    let before = open(&session, args.seq, execution, DetailName::Before).await?;
    let after = open(&session, args.seq, execution, DetailName::After).await?;
    let inverse = match inverse(decision, &before, &after) {
        Ok(inverse) => inverse,
        Err(why) => return none(context, args.seq, &why),
    };
    let request = request(args, decision, &inverse)?;
    if args.submit {
        return submit(context, &session, args, decision, &request).await;
    }
    let command = command(&request, args.target_id.as_deref());
    let object = UndoJson {
        execution: args.seq,
        decision: decided.entry.seq,
        target_token: decision.targets.first().and_then(|target| target.id),
        request: &request,
        command: command.clone(),
        beyond: &inverse.beyond,
        checkpoint: verified.tree_json(),
    };
    let text = text(args, decision, &inverse, &request, &command)?;
    context.output.show(&text, &object)?;
    Ok(Exit::Done)
}

fn no_execution(verified: &Verified) -> Failure {
    let seq = verified.entry.seq;
    let kind = verified.entry.body.kind();
    let hint = match verified.entry.body.correlation_id() {
        Some(id) => format!("; `ledgerctl trace {id}` shows the executions of its run"),
        None => String::new(),
    };
    Failure::usage(format!(
        "entry {seq} is a `{kind}`: expected the seq of an execution{hint}"
    ))
}

/// The decision that an execution carried out, where the log has it.
async fn decision_of(
    session: &Session,
    execution: &Execution,
) -> Result<Option<(Verified, Decision)>, Failure> {
    if execution
        .findings
        .contains(&ledger_core::entry::Finding::UnknownDecision)
    {
        return Ok(None);
    }
    let verified = reading::entry(session, execution.decision).await?;
    let decision = match &verified.entry.body {
        Body::Decision(decision) => (**decision).clone(),
        _ => return Err(crate::proof::other_kind("decision", &verified.entry)),
    };
    Ok(Some((verified, decision)))
}

/// Whether the run has an allowed and executed undo of this already.
async fn undone(
    session: &Session,
    seq: u64,
    decision: &Decision,
) -> Result<Option<NoInverse>, Failure> {
    let Some(id) = decision.cause.correlation_id.as_deref() else {
        return Ok(None);
    };
    let chain = Chain::fetch_part(session, id, seq, ENTRIES_MAX).await?;
    let undoing = |entry: &ledger_core::entry::Entry| match &entry.body {
        Body::Decision(decision)
            if decision.undoes == Some(seq) && decision.outcome == Outcome::Allow =>
        {
            Some(entry.seq)
        }
        _ => None,
    };
    for decision in chain.entries().filter_map(undoing) {
        let done = chain.entries().find(|entry| match &entry.body {
            Body::Execution(execution) => {
                use ledger_core::entry::Status::{Partial, Success};
                execution.decision == decision
                    && closes(&execution.findings)
                    && matches!(execution.status, Success | Partial)
            }
            _ => false,
        });
        if let Some(done) = done {
            return Ok(Some(NoInverse::Undone {
                decision,
                execution: done.seq,
            }));
        }
    }
    Ok(None)
}

async fn open(
    session: &Session,
    seq: u64,
    execution: &Execution,
    name: DetailName,
) -> Result<Vec<u8>, Failure> {
    let Some(committed) = execution.details.get(&name) else {
        return Err(Failure::usage(NoInverse::Missing(vec![name]).to_string()));
    };
    match reading::detail(session, seq, name, *committed).await? {
        Detail::Opened(opened) => Ok(opened.value),
        Detail::Withheld(why) => Err(Failure::usage(format!(
            "the detail `{}` of entry {seq} is not handed out: {why}; ask as the agent that reported it, or with the role \
             compliance or auditor",
            name.as_str()
        ))),
    }
}

/// Says that there is no inverse, and why.
fn none(context: &Context, seq: u64, why: &NoInverse) -> Result<Exit, Failure> {
    let text = wrapped("", &format!("There is no inverse of #{seq}: {why}."));
    let object = json!({ "execution": seq, "inverse": null, "why": why.to_string() });
    context.output.show(&text, &object)?;
    Ok(Exit::NoInverse)
}

fn request(
    args: &UndoArgs,
    decision: &Decision,
    inverse: &Inverse,
) -> Result<RequestJson, Failure> {
    let diff = inverse
        .restore
        .iter()
        .map(|(field, to)| {
            let from = inverse.expect.get(field).unwrap_or(&Value::Null);
            (field.clone(), json!({ "from": from, "to": to }))
        })
        .collect();
    let correlation_id = args
        .correlation_id
        .clone()
        .or_else(|| decision.cause.correlation_id.clone());
    Ok(RequestJson {
        action: decision.action.clone(),
        correlation_id: correlation_id.ok_or_else(|| {
            Failure::usage("the decision carries no correlation id: give --correlation-id")
        })?,
        tool: decision.tool.clone(),
        seller: decision.seller.clone(),
        campaign: decision.campaign.clone(),
        target: TargetJson {
            kind: inverse.kind.clone(),
            id: args.target_id.clone(),
            writes: inverse.restore.keys().cloned().collect(),
        },
        params: Value::Object(inverse.restore.clone()),
        expect: Value::Object(inverse.expect.clone()),
        diff: Value::Object(diff),
        undoes: args.seq,
    })
}

/// The request as the words of a command.
fn command(request: &RequestJson, target_id: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = [
        "ledgerctl",
        "decide",
        "--action",
        &request.action,
        "--correlation-id",
    ]
    .map(str::to_owned)
    .to_vec();
    words.push(request.correlation_id.clone());
    for (option, value) in [
        ("--tool", &request.tool),
        ("--seller", &request.seller),
        ("--campaign", &request.campaign),
    ] {
        if let Some(value) = value {
            words.extend([option.to_owned(), value.clone()]);
        }
    }
    words.extend([
        "--target".to_owned(),
        format!(
            "{}:{}:writes={}",
            request.target.kind,
            target_id.unwrap_or("TARGET_ID"),
            request.target.writes.join(",")
        ),
        "--params".to_owned(),
        request.params.to_string(),
        "--detail".to_owned(),
        format!("diff={}", request.diff),
        "--undoes".to_owned(),
        request.undoes.to_string(),
    ]);
    words
}

/// Words as a shell reads them back.
fn quoted(words: &[String]) -> String {
    let plain = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '-' | '_' | '.' | ':' | '/' | '=' | ',' | '+')
    };
    let quote = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

fn text(
    args: &UndoArgs,
    decision: &Decision,
    inverse: &Inverse,
    request: &RequestJson,
    command: &[String],
) -> Result<String, Failure> {
    let mut out = format!(
        "The inverse of #{}, `{}` by `{}` on a {}:\n",
        args.seq, decision.action, decision.cause.actor.id, inverse.kind
    );
    for (field, to) in &inverse.restore {
        let from = inverse.expect.get(field).unwrap_or(&Value::Null);
        put!(out, "  {field}: {from} -> {to}\n");
    }
    if !inverse.beyond.is_empty() {
        let words = format!(
            "The execution changed {} although its decision did not name that: the gate decides whether it may go back.",
            inverse.beyond.join(", ")
        );
        out.push_str(&wrapped("", &words));
    }
    let json = serde_json::to_string_pretty(request)
        .map_err(|error| Failure::unverified("the request", error))?;
    put!(out, "\n{json}\n\n{}\n\n", quoted(command));
    out.push_str(&wrapped(
        "",
        "Before it is carried out, the runtime has to find in the object what `expect` says. Nothing was asked for yet: \
         --submit does, as the agent whose credential it is.",
    ));
    if args.target_id.is_none() {
        let token = decision
            .targets
            .first()
            .and_then(|target| target.id)
            .map_or_else(String::new, |token| format!(" {token}"));
        let words = format!(
            "The log has no id of the object, only its token{token}: name it with --target-id."
        );
        out.push_str(&wrapped("", &words));
    }
    Ok(out)
}

/// Asks for it, and checks that it is about the same object.
async fn submit(
    context: &Context,
    session: &Session,
    args: &UndoArgs,
    undone: &Decision,
    asked: &RequestJson,
) -> Result<Exit, Failure> {
    let mut write = Write::new(
        args.request_id.as_deref(),
        &asked.correlation_id,
        args.receipt_out.as_deref(),
    )?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let detail = |name: v1::DetailName, value: &Value| v1::Detail {
        name: name.into(),
        value: value.to_string().into(),
    };
    let request = v1::DecideRequest {
        request_id: write.request_id.clone(),
        correlation_id: asked.correlation_id.clone(),
        agent_version: text(&args.agent_version),
        action: asked.action.clone(),
        tool: text(&asked.tool),
        seller: text(&asked.seller),
        campaign: text(&asked.campaign),
        targets: vec![v1::Target {
            r#type: asked.target.kind.clone(),
            id: text(&asked.target.id),
            reads: Vec::new(),
            writes: asked.target.writes.clone(),
        }],
        details: vec![
            detail(v1::DetailName::Params, &asked.params),
            detail(v1::DetailName::Diff, &asked.diff),
        ],
        approval: args.approval,
        undoes: Some(asked.undoes),
        ..v1::DecideRequest::default()
    };
    let (verified, reply) = decide::ask(session, &request, &mut write).await?;
    let Body::Decision(decision) = &verified.entry.body else {
        return Err(crate::proof::other_kind("decision", &verified.entry));
    };
    let object = |decision: &Decision| decision.targets.first().and_then(|target| target.id);
    if object(decision) != object(undone) {
        return Err(Failure::usage(format!(
            "`{}` is another object than the one that #{} changed: the tokens differ. Entry {} is a decision about the \
             wrong object: do not carry it out; where it is an allow, report it with `ledgerctl record execution \
             --decision {} --status not_started`, and ask again with the right --target-id",
            text(&asked.target.id),
            asked.undoes,
            verified.entry.seq,
            verified.entry.seq
        )));
    }
    decide::tell(context, &verified, decision, &reply, &write.request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_back_by_a_shell_as_it_was_meant() {
        let request = RequestJson {
            action: "crm.deal.update".to_owned(),
            correlation_id: "run-1".to_owned(),
            tool: None,
            seller: Some("acme".to_owned()),
            campaign: None,
            target: TargetJson {
                kind: "deal".to_owned(),
                id: None,
                writes: vec!["owner".to_owned(), "stage".to_owned()],
            },
            params: json!({ "stage": "it's open" }),
            expect: json!({ "stage": "won" }),
            diff: json!({ "stage": { "from": "won", "to": "it's open" } }),
            undoes: 45,
        };
        let words = command(&request, Some("00 6"));
        let line = quoted(&words);
        assert_eq!(
            line,
            "ledgerctl decide --action crm.deal.update --correlation-id run-1 --seller acme --target \
             'deal:00 6:writes=owner,stage' --params '{\"stage\":\"it'\\''s open\"}' --detail \
             'diff={\"stage\":{\"from\":\"won\",\"to\":\"it'\\''s open\"}}' --undoes 45"
        );
        let shell = std::process::Command::new("sh")
            .args([
                "-c",
                &format!("set -- {line}; for word; do printf '%s\\n' \"$word\"; done"),
            ])
            .output()
            .unwrap();
        let read: Vec<String> = String::from_utf8(shell.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(read, words);
        assert!(quoted(&command(&request, None)).contains("deal:TARGET_ID:writes="));
    }
}
