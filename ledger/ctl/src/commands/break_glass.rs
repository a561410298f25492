//! `ledgerctl break-glass`: tier 3 lifted by two people, for one agent and a short while.

use clap::{Args, Subcommand};
use ledger_core::entry::{Body, BreakGlass, BreakGlassEvent};
use ledger_core::role::Call;
use ledger_proto::v1;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::proof::{Verified, WriteJson, other_kind, same, same_option};
use crate::request::{Write, WriteArgs};
use crate::text::{Table, duration_s, put};
use crate::values::detail::{Details, Source, kept, source};
use crate::values::when::{self, length_s};

/// What to do about break-glass.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask for it; somebody else has to confirm it (operator, compliance, approver)
    #[command(after_help = REQUEST_EXAMPLES)]
    Request(RequestArgs),
    /// Open what somebody else asked for (operator, compliance, approver)
    #[command(after_help = CONFIRM_EXAMPLES)]
    Confirm(AnswerArgs),
    /// Close it before its time, or take the request back (operator, compliance, approver)
    #[command(after_help = CLOSE_EXAMPLES)]
    Close(AnswerArgs),
    /// What is open, or waits for a second person (operator, compliance, auditor)
    #[command(after_help = LIST_EXAMPLES)]
    List,
}

const REQUEST_EXAMPLES: &str = "\
Examples:
  ledgerctl break-glass request --agent agent.ops --for 15m --reason 'incident 12: owners must be reassigned'
  ledgerctl break-glass request --agent agent.ops --action crm.owner.reassign --for 1h --reason @incident.txt

It lifts tier 3 for what the policy grants the agent anyway, and nothing else: scopes, do-not-contact list, throttles,
breakers and stops hold. It opens when another person confirms it, and closes by itself.";

const CONFIRM_EXAMPLES: &str = "\
Examples:
  ledgerctl break-glass list
  ledgerctl break-glass confirm 57

The time runs from the confirmation on. Whoever asked for it cannot confirm it.";

const CLOSE_EXAMPLES: &str = "\
Examples:
  ledgerctl break-glass close 57 --reason 'owners are reassigned'";

const LIST_EXAMPLES: &str = "\
Examples:
  ledgerctl break-glass list";

/// Options of `break-glass request`.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// The agent that it is for
    #[arg(long, value_name = "ID")]
    agent: String,
    /// The one action that it is for [default: every one that the agent's rows grant]
    #[arg(long, value_name = "A")]
    action: Option<String>,
    /// For how long, from the confirmation on, such as `15m`
    #[arg(long = "for", value_parser = length_s, value_name = "TIME")]
    duration_s: u64,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, visible_alias = "why", value_parser = source, value_name = "TEXT")]
    reason: Source,
    #[command(flatten)]
    write: WriteArgs,
}

/// Options of `break-glass confirm` and `close`.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The seq of the request
    request: u64,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, visible_alias = "why", value_parser = source, value_name = "TEXT")]
    reason: Option<Source>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Request(args) => request(context, args).await,
        Command::Confirm(args) => confirm(context, args).await,
        Command::Close(args) => close(context, args).await,
        Command::List => list(context).await,
    }
}

async fn request(context: &Context, args: &RequestArgs) -> Result<(), Failure> {
    let details = reason(Some(&args.reason))?;
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::RequestBreakGlassRequest {
        header: Some(write.header()),
        agent_id: args.agent.clone(),
        action: args.action.clone().unwrap_or_default(),
        duration_s: args.duration_s,
        details: details.clone(),
    };
    let answer = session.control().request_break_glass(request).await;
    let (verified, repeated) = session.written(&write, Call::RequestBreakGlass, answer)?;
    let glass = of(&verified, BreakGlassEvent::Requested)?;
    same("agent", &args.agent, &glass.agent)?;
    same_option("action", args.action.as_ref(), glass.action.as_ref())?;
    same("duration in seconds", args.duration_s, glass.duration_s)?;
    kept(&verified, &details)?;
    let seq = verified.entry.seq;
    let mut text = format!(
        "Requested in entry {seq}: tier 3 lifted for {}, for {}.\n",
        scope(&glass.agent, glass.action.as_deref()),
        duration_s(glass.duration_s)
    );
    let before = until(glass, " before ");
    put!(
        text,
        "It is not open yet: somebody else has to confirm it{before}, with `ledgerctl break-glass confirm {seq}`.\n"
    );
    done(context, &verified, &mut write, repeated, text)
}

async fn confirm(context: &Context, args: &AnswerArgs) -> Result<(), Failure> {
    let (verified, mut write, repeated) = answer(context, args, BreakGlassEvent::Opened).await?;
    let glass = of(&verified, BreakGlassEvent::Opened)?;
    let text = format!(
        "{}{}: tier 3 is lifted for {}, as `{}` requested in entry {}.\nClose it before its time with `ledgerctl break-glass close {}`.\n",
        context.output.style().warning("Open"),
        until(glass, " until "),
        scope(&glass.agent, glass.action.as_deref()),
        glass.requested_by.as_deref().unwrap_or("?"),
        args.request,
        args.request
    );
    done(context, &verified, &mut write, repeated, text)
}

async fn close(context: &Context, args: &AnswerArgs) -> Result<(), Failure> {
    let (verified, mut write, repeated) = answer(context, args, BreakGlassEvent::Closed).await?;
    let glass = of(&verified, BreakGlassEvent::Closed)?;
    let text = format!(
        "Closed the break-glass of entry {} for {}, from entry {} on.\n",
        args.request,
        scope(&glass.agent, glass.action.as_deref()),
        verified.entry.seq
    );
    done(context, &verified, &mut write, repeated, text)
}

/// Opens what was requested, or closes it; the entry of that, its write, and whether it was done before.
async fn answer(
    context: &Context,
    args: &AnswerArgs,
    event: BreakGlassEvent,
) -> Result<(Verified, Write, bool), Failure> {
    let details = reason(args.reason.as_ref())?;
    let session = context.connect().await?;
    let write = args.write.begin()?;
    let request = v1::BreakGlassAnswer {
        header: Some(write.header()),
        request: args.request,
        details: details.clone(),
    };
    let mut control = session.control();
    let (call, answer) = match event {
        BreakGlassEvent::Closed => (
            Call::CloseBreakGlass,
            control.close_break_glass(request).await,
        ),
        _ => (
            Call::ConfirmBreakGlass,
            control.confirm_break_glass(request).await,
        ),
    };
    let (verified, repeated) = session.written(&write, call, answer)?;
    let glass = of(&verified, event)?;
    same_option("request", Some(args.request), glass.request)?;
    kept(&verified, &details)?;
    Ok((verified, write, repeated))
}

async fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect_unproven().await?;
    let status = session.status().await?;
    let objects: Vec<_> = status.break_glass.iter().map(object).collect();
    let text = table(&status.break_glass, context.output.style());
    context
        .output
        .show(&text, &json!({ "break_glass": objects }))
}

fn table(all: &[v1::BreakGlass], style: Style) -> String {
    if all.is_empty() {
        return "No break-glass is open, and none waits for a second person.\n".to_owned();
    }
    let mut table = Table::new(&["request", "state", "by", "for", "until"]);
    for one in all {
        let state = match one.opened {
            Some(seq) => format!("open since entry {seq}"),
            None => "to be confirmed".to_owned(),
        };
        table.row([
            one.request.to_string(),
            state,
            one.requested_by.clone(),
            wire_scope(one),
            wire_until(one),
        ]);
    }
    let mut text = table.render("");
    if all.iter().any(|one| one.opened.is_some()) {
        put!(
            text,
            "{}\n",
            style.warning("Tier 3 is lifted for what is open.")
        );
    }
    text
}

/// One break-glass of the status, as a sentence without its full stop.
pub(super) fn words(one: &v1::BreakGlass) -> String {
    let state = match one.opened {
        Some(_) => "open until",
        None => "to be confirmed before",
    };
    format!(
        "{}, {state} {} (request {} by {})",
        wire_scope(one),
        wire_until(one),
        one.request,
        one.requested_by
    )
}

/// One break-glass of the status, for `--json`.
pub(super) fn object(one: &v1::BreakGlass) -> serde_json::Value {
    json!({
        "request": one.request,
        "requested_by": one.requested_by,
        "agent": one.agent_id,
        "action": Some(&one.action).filter(|action| !action.is_empty()),
        "opened": one.opened,
        "until": one.until.as_ref().and_then(when::from_wire).map(|time| time.to_string()),
    })
}

fn wire_scope(one: &v1::BreakGlass) -> String {
    scope(
        &one.agent_id,
        Some(one.action.as_str()).filter(|action| !action.is_empty()),
    )
}

fn wire_until(one: &v1::BreakGlass) -> String {
    let until = one.until.as_ref().and_then(when::from_wire);
    until.map_or_else(|| "?".to_owned(), |time| time.to_string())
}

fn scope(agent: &str, action: Option<&str>) -> String {
    match action {
        Some(action) => format!("`{action}` by `{agent}`"),
        None => format!("everything that `{agent}` is granted"),
    }
}

fn until(glass: &BreakGlass, word: &str) -> String {
    glass
        .until
        .map(|until| format!("{word}{until}"))
        .unwrap_or_default()
}

fn reason(source: Option<&Source>) -> Result<Vec<v1::Detail>, Failure> {
    let details = Details::default().with(v1::DetailName::Reason, source)?;
    Ok(details.into_wire())
}

fn of(verified: &Verified, event: BreakGlassEvent) -> Result<&BreakGlass, Failure> {
    let Body::BreakGlass(glass) = &verified.entry.body else {
        return Err(other_kind("break_glass", &verified.entry));
    };
    same("event", event.as_str(), glass.event.as_str())?;
    Ok(glass)
}

/// Keeps the receipt, and says what was done.
fn done(
    context: &Context,
    verified: &Verified,
    write: &mut Write,
    repeated: bool,
    mut text: String,
) -> Result<(), Failure> {
    write.keep(verified)?;
    text.push_str(&verified.line());
    context.output.show(
        &text,
        &WriteJson::of(verified, &write.request_id, repeated)?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_told_from_what_waits() {
        let until = "2026-11-22T11:46:05.123456Z".parse().unwrap();
        let waits = v1::BreakGlass {
            request: 57,
            requested_by: "revops".to_owned(),
            agent_id: "agent.ops".to_owned(),
            action: String::new(),
            opened: None,
            until: Some(when::to_wire(until)),
        };
        let open = v1::BreakGlass {
            action: "crm.owner.reassign".to_owned(),
            opened: Some(58),
            ..waits.clone()
        };
        assert_eq!(
            words(&waits),
            "everything that `agent.ops` is granted, to be confirmed before 2026-11-22T11:46:05.123456Z (request 57 by revops)"
        );
        assert_eq!(
            words(&open),
            "`crm.owner.reassign` by `agent.ops`, open until 2026-11-22T11:46:05.123456Z (request 57 by revops)"
        );
        let shown = table(&[waits.clone(), open.clone()], Style::PLAIN);
        assert!(shown.contains("57       to be confirmed "), "{shown}");
        assert!(shown.contains("57       open since entry 58 "), "{shown}");
        assert!(shown.ends_with("Tier 3 is lifted for what is open.\n"));
        assert!(!table(std::slice::from_ref(&waits), Style::PLAIN).contains("is lifted"));
        assert_eq!(object(&waits)["action"], serde_json::Value::Null);
        assert_eq!(object(&open)["opened"], 58);
    }
}
