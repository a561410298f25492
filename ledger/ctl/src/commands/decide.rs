//! `ledgerctl decide`: asks before acting.

mod answer;

use std::path::PathBuf;

use clap::Args;
use ledger_core::entry::{Basis, Body, Decision, Outcome};
use ledger_core::role::Call;
use ledger_proto::v1;

use crate::client::Session;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::proof::{Asked, Verified, other_kind, same, same_option};
use crate::request::Write;
use crate::values::detail::{Details, Named, Source, kept, named, source};
use crate::values::recipient::{recipient, to};
use crate::values::report::foreign;
use crate::values::target::target;
use crate::values::when;
use crate::values::words::{outcome, recipient_role};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl decide --action email.send --correlation-id run-7f3a --seller acme --mailbox outreach-1 \\
      --recipient 'email=ada@example.com,contact=003A' --params '{\"template\":\"q4\"}' --rationale 'asked for a demo'
  ledgerctl decide --action crm.draft.write --correlation-id run-7f3a --target deal:006:writes=stage,owner
  ledgerctl decide --action email.send --correlation-id run-7f3a --to ada@example.com --receipt-out ask.tlog-proof && send

Ask with the credential of the agent that acts. Name every identifier that you know of each person:
  --recipient 'role=to,email=..,phone=..,contact=..,account=..,dnc=true,utc=+05:30'   roles: to, cc, bcc, callee, attendee, enrollee
A comma within a value is written `\\,`. The decision is in the log before this command prints it.

Exit codes: 0 allowed, and it may be started now; 5 denied; 6 an approval is required; 7 a repeated request whose allow
may not be started any more; 1 refused, or the receipt does not verify; 2 usage; 3 the ledger cannot be reached.
Act on 0 alone.";

/// Options of `decide`.
#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// What is to be done, such as `email.send`
    #[arg(long, value_name = "A")]
    action: String,
    /// Ties decision, execution and everything downstream together
    #[arg(long, value_name = "C")]
    correlation_id: String,
    /// The idempotency key; a retry under the same one counts once [default: a new one]
    #[arg(long, value_name = "R")]
    request_id: Option<String>,
    /// Names one intended act across several asks
    #[arg(long, value_name = "ID")]
    action_id: Option<String>,
    /// The agent that acts; where it is not the caller, the answer is a denial
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// The hash of the agent's prompt and tools
    #[arg(long, value_name = "V")]
    agent_version: Option<String>,
    /// The tool that will be invoked
    #[arg(long)]
    tool: Option<String>,
    /// On whose behalf people are contacted; without one every listing matches
    #[arg(long, value_name = "S")]
    seller: Option<String>,
    #[arg(long, help = "The campaign")]
    campaign: Option<String>,
    /// The sending mailbox: an address, or a name that the policy uses
    #[arg(long, value_name = "M")]
    mailbox: Option<String>,
    /// Somebody addressed by e-mail; may be repeated
    #[arg(long, value_name = "EMAIL")]
    to: Vec<String>,
    /// Somebody reached, with everything known of them; may be repeated
    #[arg(long = "recipient", value_parser = recipient, value_name = "FIELDS")]
    recipients: Vec<v1::Recipient>,
    /// An object acted on, and its fields; may be repeated
    #[arg(long = "target", value_parser = target, value_name = "TYPE:ID[:writes=F,F]")]
    targets: Vec<v1::Target>,
    /// The tool's parameters as JSON, `@FILE` or `@-`; kept outside the log
    #[arg(long, value_parser = source, value_name = "JSON|@FILE")]
    params: Option<Source>,
    /// Why the agent wants to do it, `@FILE` or `@-`; kept outside the log
    #[arg(long, value_parser = source, value_name = "TEXT|@FILE")]
    rationale: Option<Source>,
    /// What else is kept outside the log: NAME=TEXT or NAME=@FILE; may be repeated
    #[arg(long = "detail", value_parser = named, value_name = "NAME=@FILE")]
    details: Vec<Named>,
    /// What it will cost, in millionths of the ledger's currency unit
    #[arg(long, value_name = "N")]
    cost_micros: Option<u64>,
    /// A decision of another engine, which only makes the answer stricter: engine=NAME,outcome=deny[,policy=SHA256]
    #[arg(long, value_parser = foreign, value_name = "FIELDS")]
    foreign: Option<v1::ForeignDecision>,
    /// The seq of the approval that granted exactly this, asked before
    #[arg(long, value_name = "SEQ")]
    approval: Option<u64>,
    /// The seq of the execution that this undoes
    #[arg(long, value_name = "SEQ")]
    undoes: Option<u64>,
    /// Where to write the receipt, a `.tlog-proof` file
    #[arg(long, value_name = "FILE")]
    receipt_out: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, args: &DecideArgs) -> Result<Exit, Failure> {
    let details = Details::default()
        .with(v1::DetailName::Params, args.params.as_ref())?
        .with(v1::DetailName::Rationale, args.rationale.as_ref())?
        .named(&args.details)?
        .into_wire();
    let session = context.connect().await?;
    let mut write = Write::new(
        args.request_id.as_deref(),
        &args.correlation_id,
        args.receipt_out.as_deref(),
    )?;
    let request = request(args, &write, details);
    let (verified, reply) = ask(&session, &request, &mut write).await?;
    let Body::Decision(decision) = &verified.entry.body else {
        return Err(other_kind("decision", &verified.entry));
    };
    tell(context, &verified, decision, &reply, &write.request_id)
}

/// Asks, checks that the answer is that of this very request, and keeps its receipt.
pub(super) async fn ask(
    session: &Session,
    request: &v1::DecideRequest,
    write: &mut Write,
) -> Result<(Verified, v1::DecideReply), Failure> {
    let reply = session
        .gate()
        .decide(request.clone())
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt.clone())
        .map_err(|failure| write.explain(failure))?;
    check(&verified, request, &reply, write)?;
    write.keep(&verified)?;
    Ok((verified, reply))
}

/// Shows the answer, and says how the command ends.
pub(super) fn tell(
    context: &Context,
    verified: &Verified,
    decision: &Decision,
    reply: &v1::DecideReply,
    request_id: &str,
) -> Result<Exit, Failure> {
    answer::show(context, verified, decision, reply, request_id)?;
    Ok(exit(decision.outcome, reply))
}

fn request(args: &DecideArgs, write: &Write, details: Vec<v1::Detail>) -> v1::DecideRequest {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let recipients = args
        .to
        .iter()
        .map(|email| to(email))
        .chain(args.recipients.iter().cloned());
    v1::DecideRequest {
        request_id: write.request_id.clone(),
        correlation_id: args.correlation_id.clone(),
        action_id: text(&args.action_id),
        agent_id: text(&args.agent_id),
        agent_version: text(&args.agent_version),
        action: args.action.clone(),
        tool: text(&args.tool),
        seller: text(&args.seller),
        campaign: text(&args.campaign),
        mailbox: text(&args.mailbox),
        targets: args.targets.clone(),
        recipients: recipients.collect(),
        details,
        cost_micros: args.cost_micros,
        foreign: args.foreign.clone(),
        approval: args.approval,
        undoes: args.undoes,
    }
}

/// Checks that the entry is the decision of this very request, and that the reply says what it says.
fn check(
    verified: &Verified,
    asked: &v1::DecideRequest,
    reply: &v1::DecideReply,
    write: &Write,
) -> Result<(), Failure> {
    verified.answers(&Asked {
        action_id: some(&asked.action_id),
        ..Asked::of(Call::Decide, write)
    })?;
    let Body::Decision(decision) = &verified.entry.body else {
        return Err(other_kind("decision", &verified.entry));
    };
    if decision.basis != Basis::Gate {
        return Err(Failure::unverified(
            "the answer",
            "the entry is a decision made elsewhere, and not by the gate",
        ));
    }
    same("action", asked.action.as_str(), decision.action.as_str())?;
    same_option(
        "agent version",
        some(&asked.agent_version),
        decision.cause.actor.version.as_deref(),
    )?;
    same_option("tool", some(&asked.tool), decision.tool.as_deref())?;
    same_option("seller", some(&asked.seller), decision.seller.as_deref())?;
    same_option(
        "campaign",
        some(&asked.campaign),
        decision.campaign.as_deref(),
    )?;
    same(
        "mailbox given",
        !asked.mailbox.is_empty(),
        decision.mailbox.is_some(),
    )?;
    same_option("cost", asked.cost_micros, decision.cost_micros)?;
    same_option("approval", asked.approval, decision.approval)?;
    same_option("undoes", asked.undoes, decision.undoes)?;
    // Who was named stands in the entry only where it is not the caller.
    if let Some(named) = some(&asked.agent_id) {
        same(
            "agent",
            named,
            decision
                .agent
                .as_deref()
                .unwrap_or(&decision.cause.actor.id),
        )?;
    }
    same(
        "number of recipients",
        asked.recipients.len(),
        decision.recipients.len(),
    )?;
    for (asked, found) in asked.recipients.iter().zip(&decision.recipients) {
        same(
            "role of a recipient",
            recipient_role::word(asked.role()),
            json_word(&found.role),
        )?;
        same("flag of a recipient", asked.dnc, found.dnc)?;
        same_option(
            "time zone of a recipient",
            some(&asked.utc_offset),
            found.utc_offset.map(|offset| offset.to_string()).as_deref(),
        )?;
    }
    same(
        "number of targets",
        asked.targets.len(),
        decision.targets.len(),
    )?;
    for (asked, found) in asked.targets.iter().zip(&decision.targets) {
        let word = ledger_core::token::object_type(&asked.r#type);
        same("type of a target", word.as_str(), found.kind.as_str())?;
        same("fields read", asked.reads.join(","), found.reads.join(","))?;
        same(
            "fields written",
            asked.writes.join(","),
            found.writes.join(","),
        )?;
    }
    kept(verified, &asked.details)?;
    let foreign = |foreign: &v1::ForeignDecision| {
        format!("{} by {}", outcome::word(foreign.outcome()), foreign.engine)
    };
    let found = decision
        .foreign
        .as_ref()
        .map(|found| format!("{} by {}", json_word(&found.outcome), found.engine));
    same_option(
        "foreign decision",
        asked.foreign.as_ref().map(foreign),
        found,
    )?;
    // The reply must not promise what the entry does not.
    same(
        "outcome",
        json_word(&decision.outcome),
        outcome::word(reply.outcome()),
    )?;
    same("tier", decision.tier.map_or(0, u32::from), reply.tier)?;
    same_option(
        "group asked",
        decision.approvers.as_deref(),
        some(&reply.approvers),
    )?;
    same_option(
        "approve by",
        decision.approve_by,
        reply.approve_by.as_ref().and_then(when::from_wire),
    )?;
    Ok(())
}

fn exit(outcome: Outcome, reply: &v1::DecideReply) -> Exit {
    match outcome {
        Outcome::Allow if reply.usable && !reply.voided => Exit::Done,
        Outcome::Allow => Exit::Unusable,
        Outcome::RequireApproval => Exit::ApprovalRequired,
        Outcome::Deny => Exit::Denied,
    }
}

/// What was given, where something was.
fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A word of an entry's closed list, as the entry spells it.
fn json_word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_allow_that_may_be_started_ends_in_0() {
        let reply = |usable, voided| v1::DecideReply {
            usable,
            voided,
            ..v1::DecideReply::default()
        };
        assert_eq!(exit(Outcome::Allow, &reply(true, false)), Exit::Done);
        assert_eq!(exit(Outcome::Allow, &reply(false, false)), Exit::Unusable);
        assert_eq!(exit(Outcome::Allow, &reply(true, true)), Exit::Unusable);
        assert_eq!(exit(Outcome::Deny, &reply(true, false)), Exit::Denied);
        assert_eq!(
            exit(Outcome::RequireApproval, &reply(true, false)),
            Exit::ApprovalRequired
        );
    }
}
