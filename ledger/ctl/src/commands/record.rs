//! `ledgerctl record`: reports what happened.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ledger_core::codebook;
use ledger_core::entry::{Basis, Body, Event, Finding};
use ledger_core::normalise::{Identifiers, Identity};
use ledger_core::role::Call;
use ledger_proto::v1::{self, record_request::Report};
use serde::Serialize;

use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::proof::{Asked, Verified, WriteJson, other_kind, same, same_option};
use crate::request::Write;
use crate::text::{put, wrapped};
use crate::values::detail::{Details, Named, kept, named};
use crate::values::identifiers::PersonArgs;
use crate::values::report::{foreign, recipient_result};
use crate::values::target::target;
use crate::values::when::{self, When, instant};
use crate::values::words::{event, outcome, parser, status};

/// What to report.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What became of an act that a decision was about
    #[command(after_help = EXECUTION_EXAMPLES)]
    Execution(ExecutionArgs),
    /// What a provider reports later: a bounce, a complaint, a reply, an unsubscribe
    #[command(after_help = OUTCOME_EXAMPLES)]
    Outcome(OutcomeArgs),
    /// A decision that another engine made; never about contact, never about people
    #[command(after_help = DECISION_EXAMPLES)]
    Decision(DecisionArgs),
}

const EXECUTION_EXAMPLES: &str = "\
Examples:
  ledgerctl record execution --decision 41 --correlation-id run-7f3a --status success --provider gmail --started-at now
  ledgerctl record execution --decision 41 --correlation-id run-7f3a --status partial \\
      --result recipient=0,status=success --result recipient=1,status=failure,error_code=550

A report that contradicts the log is recorded with findings, which are printed; the exit code is 0 all the same.";

const OUTCOME_EXAMPLES: &str = "\
Examples:
  ledgerctl record outcome --execution 42 --event bounce_hard --correlation-id run-7f3a --provider ses

  ledgerctl record outcome --execution 42 --recipient 0 --event unsubscribe --correlation-id run-7f3a --provider ses
  ledgerctl record outcome --event complaint --email ada@example.com --correlation-id feedback-loop-9 --provider ses

An unsubscribe or a complaint lists the person at once: for the decision's seller where the execution is known, else
for every seller. Without an execution and without an identifier it lists nobody. Name every identifier that you know.";

const DECISION_EXAMPLES: &str = "\
Examples:
  ledgerctl record decision --action crm.draft.write --engine cedar --outcome allow --correlation-id run-7f3a";

/// What every report carries.
#[derive(Debug, Args)]
struct ReportArgs {
    /// The correlation id of the decision
    #[arg(long, value_name = "C")]
    correlation_id: String,
    /// The idempotency key [default: a new one]
    #[arg(long, value_name = "R")]
    request_id: Option<String>,
    /// Names one intended act across several asks
    #[arg(long, value_name = "ID")]
    action_id: Option<String>,
    /// The hash of the agent's prompt and tools
    #[arg(long, value_name = "V")]
    agent_version: Option<String>,
    /// What is kept outside the log: NAME=TEXT or NAME=@FILE; may be repeated
    #[arg(long = "detail", value_parser = named, value_name = "NAME=@FILE")]
    details: Vec<Named>,
    /// Where to write the receipt, a `.tlog-proof` file
    #[arg(long, value_name = "FILE")]
    receipt_out: Option<PathBuf>,
}

/// Options of `record execution`.
#[derive(Debug, Args)]
pub(crate) struct ExecutionArgs {
    /// The seq of the decision that was carried out
    #[arg(long, value_name = "SEQ")]
    decision: u64,
    /// What became of it
    #[arg(long, value_parser = parser(status::WORDS, status::read))]
    status: v1::ExecutionStatus,
    /// The tool's or provider's error code
    #[arg(long, value_name = "CODE")]
    error_code: Option<String>,
    /// Who carried it out, such as `gmail`
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// The provider's id of the act, such as a message id; stands in the log as a token
    #[arg(long, value_name = "ID")]
    provider_id: Option<String>,
    /// When it was started, by the runtime's clock: such as 2026-11-22T11:31:05Z, or `now`
    #[arg(long, value_parser = instant, value_name = "TIME")]
    started_at: Option<When>,
    /// When it happened, by the runtime's clock
    #[arg(long, value_parser = instant, value_name = "TIME")]
    occurred_at: Option<When>,
    /// What it cost, in millionths of the ledger's currency unit
    #[arg(long, value_name = "N")]
    cost_micros: Option<u64>,
    /// What became of one recipient: recipient=0,status=failure,error_code=550; may be repeated
    #[arg(long = "result", value_parser = recipient_result, value_name = "FIELDS")]
    results: Vec<v1::RecipientResult>,
    #[command(flatten)]
    report: ReportArgs,
}

/// Options of `record outcome`.
#[derive(Debug, Args)]
pub(crate) struct OutcomeArgs {
    /// The seq of the execution concerned, where it is known
    #[arg(long, value_name = "SEQ")]
    execution: Option<u64>,
    /// What the provider reports
    #[arg(long, value_parser = parser(event::WORDS, event::read))]
    event: v1::EventType,
    /// The recipient's index in the decision
    #[arg(long, value_name = "N")]
    recipient: Option<u64>,
    /// Who reports, such as `ses`
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// The provider's id of the act; stands in the log as a token
    #[arg(long, value_name = "ID")]
    provider_id: Option<String>,
    /// When it happened, by the provider's clock
    #[arg(long, value_parser = instant, value_name = "TIME")]
    occurred_at: Option<When>,
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    report: ReportArgs,
}

/// Options of `record decision`.
#[derive(Debug, Args)]
pub(crate) struct DecisionArgs {
    /// What the decision is about; declared by the policy, and no contact
    #[arg(long, value_name = "A")]
    action: String,
    /// The engine that decided
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "foreign",
        requires = "outcome",
        conflicts_with = "foreign"
    )]
    engine: Option<String>,
    /// What it decided
    #[arg(long, value_parser = parser(outcome::WORDS, outcome::read), requires = "engine")]
    outcome: Option<v1::Outcome>,
    /// The whole in one: engine=NAME,outcome=deny[,policy=SHA256]
    #[arg(long, value_parser = foreign, value_name = "FIELDS")]
    foreign: Option<v1::ForeignDecision>,
    /// The tool that will be invoked
    #[arg(long)]
    tool: Option<String>,
    /// On whose behalf
    #[arg(long, value_name = "S")]
    seller: Option<String>,
    #[arg(long, help = "The campaign")]
    campaign: Option<String>,
    /// An object acted on, and its fields; may be repeated
    #[arg(long = "target", value_parser = target, value_name = "TYPE:ID[:writes=F,F]")]
    targets: Vec<v1::Target>,
    /// What it will cost, in millionths of the ledger's currency unit
    #[arg(long, value_name = "N")]
    cost_micros: Option<u64>,
    #[command(flatten)]
    report: ReportArgs,
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    let (args, report) = match command {
        Command::Execution(args) => (&args.report, execution(args)),
        Command::Outcome(args) => (&args.report, outcome_event(args)?),
        Command::Decision(args) => (&args.report, asserted(args)),
    };
    let details = Details::default().named(&args.details)?.into_wire();
    let session = context.connect().await?;
    let mut write = Write::new(
        args.request_id.as_deref(),
        &args.correlation_id,
        args.receipt_out.as_deref(),
    )?;
    let request = v1::RecordRequest {
        request_id: write.request_id.clone(),
        correlation_id: args.correlation_id.clone(),
        action_id: args.action_id.clone().unwrap_or_default(),
        agent_version: args.agent_version.clone().unwrap_or_default(),
        report: Some(report),
        details,
    };
    let sent = send(&session, &request, &write).await?;
    let Sent {
        verified,
        repeated,
        followers,
    } = sent;
    write.keep(&verified)?;
    let findings = verified.entry.body.findings();
    let object = RecordJson {
        findings: findings
            .iter()
            .map(|finding| codebook::finding(*finding).word)
            .collect(),
        followers,
        write: WriteJson::of(&verified, &write.request_id, repeated)?,
    };
    let mut text = text(&verified, findings, context.output.style());
    text.push_str(&follow(&verified, followers));
    text.push_str(&verified.line());
    context.output.show(&text, &object)
}

/// A report that was recorded.
pub(crate) struct Sent {
    pub(crate) verified: Verified,
    pub(crate) repeated: bool,
    /// How many entries it caused, directly after its own.
    pub(crate) followers: u32,
}

/// Sends a report, and checks that what comes back proves it.
async fn send(
    session: &Session,
    request: &v1::RecordRequest,
    write: &Write,
) -> Result<Sent, Failure> {
    let reply = session
        .recorder()
        .record(request.clone())
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    proven(session, request, write, reply)
}

/// Checks that a reply proves that this report is recorded.
pub(crate) fn proven(
    session: &Session,
    request: &v1::RecordRequest,
    write: &Write,
    reply: v1::RecordReply,
) -> Result<Sent, Failure> {
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked {
        action_id: Some(request.action_id.as_str()).filter(|id| !id.is_empty()),
        ..Asked::of(Call::Record, write)
    })?;
    check(&verified, request)?;
    let found: Vec<&str> = verified
        .entry
        .body
        .findings()
        .iter()
        .map(|finding| codebook::finding(*finding).word)
        .collect();
    same("findings", reply.findings.join(", "), found.join(", "))?;
    Ok(Sent {
        verified,
        repeated: reply.repeated,
        followers: reply.followers,
    })
}

fn execution(args: &ExecutionArgs) -> Report {
    let now = when::now();
    Report::Execution(v1::Execution {
        decision: args.decision,
        status: args.status.into(),
        error_code: args.error_code.clone().unwrap_or_default(),
        provider: args.provider.clone().unwrap_or_default(),
        provider_id: args.provider_id.clone().unwrap_or_default(),
        started_at: args.started_at.map(|time| time.to_wire(now)),
        occurred_at: args.occurred_at.map(|time| time.to_wire(now)),
        cost_micros: args.cost_micros,
        results: args.results.clone(),
    })
}

fn outcome_event(args: &OutcomeArgs) -> Result<Report, Failure> {
    let person = if args.person.is_empty() {
        None
    } else {
        Some(args.person.to_wire()?)
    };
    Ok(Report::Outcome(v1::OutcomeEvent {
        execution: args.execution,
        event: args.event.into(),
        recipient: args.recipient,
        provider: args.provider.clone().unwrap_or_default(),
        provider_id: args.provider_id.clone().unwrap_or_default(),
        occurred_at: args.occurred_at.map(|time| time.to_wire(when::now())),
        person,
    }))
}

fn asserted(args: &DecisionArgs) -> Report {
    let engine = || v1::ForeignDecision {
        engine: args.engine.clone().unwrap_or_default(),
        policy_sha256: Vec::new().into(),
        outcome: args.outcome.unwrap_or_default().into(),
    };
    Report::Decision(v1::AssertedDecision {
        action: args.action.clone(),
        tool: args.tool.clone().unwrap_or_default(),
        seller: args.seller.clone().unwrap_or_default(),
        campaign: args.campaign.clone().unwrap_or_default(),
        targets: args.targets.clone(),
        cost_micros: args.cost_micros,
        foreign: Some(args.foreign.clone().unwrap_or_else(engine)),
        recipients: Vec::new(),
    })
}

/// Checks that the entry records this very report.
fn check(verified: &Verified, request: &v1::RecordRequest) -> Result<(), Failure> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let time = |time: &Option<prost_types::Timestamp>| time.as_ref().and_then(when::from_wire);
    match (&request.report, &verified.entry.body) {
        (Some(Report::Execution(asked)), Body::Execution(found)) => {
            same("decision", asked.decision, found.decision)?;
            same("status", status::word(asked.status()), word(&found.status))?;
            same_option(
                "error code",
                some(&asked.error_code),
                found.error_code.clone(),
            )?;
            same_option("provider", some(&asked.provider), found.provider.clone())?;
            same(
                "provider's id given",
                !asked.provider_id.is_empty(),
                found.provider_id.is_some(),
            )?;
            same_option("started at", time(&asked.started_at), found.started_at)?;
            same_option("occurred at", time(&asked.occurred_at), found.occurred_at)?;
            same_option("cost", asked.cost_micros, found.cost_micros)?;
            same(
                "number of results",
                asked.results.len(),
                found.results.len(),
            )?;
            for (asked, found) in asked.results.iter().zip(&found.results) {
                same("recipient of a result", asked.recipient, found.recipient)?;
                same(
                    "status of a result",
                    status::word(asked.status()),
                    word(&found.status),
                )?;
                same_option(
                    "error code of a result",
                    some(&asked.error_code),
                    found.error_code.clone(),
                )?;
            }
        }
        (Some(Report::Outcome(asked)), Body::Outcome(found)) => {
            same_option("execution", asked.execution, found.execution)?;
            same("event", event::word(asked.event()), word(&found.event))?;
            same_option("recipient", asked.recipient, found.recipient)?;
            same_option("provider", some(&asked.provider), found.provider.clone())?;
            same(
                "provider's id given",
                !asked.provider_id.is_empty(),
                found.provider_id.is_some(),
            )?;
            same_option("occurred at", time(&asked.occurred_at), found.occurred_at)?;
            same(
                "person named",
                asked.person.as_ref().is_some_and(names_somebody),
                !found.keys.is_empty(),
            )?;
        }
        (Some(Report::Decision(asked)), Body::Decision(found))
            if found.basis == Basis::Asserted =>
        {
            same("action", asked.action.as_str(), found.action.as_str())?;
            let said = asked
                .foreign
                .as_ref()
                .map(v1::ForeignDecision::outcome)
                .unwrap_or_default();
            same("outcome", outcome::word(said), word(&found.outcome))?;
            let engine = asked.foreign.as_ref().map(|foreign| foreign.engine.clone());
            same_option(
                "engine",
                engine,
                found.foreign.as_ref().map(|foreign| foreign.engine.clone()),
            )?;
            same_option("tool", some(&asked.tool), found.tool.clone())?;
            same_option("seller", some(&asked.seller), found.seller.clone())?;
            same_option("campaign", some(&asked.campaign), found.campaign.clone())?;
            same(
                "number of targets",
                asked.targets.len(),
                found.targets.len(),
            )?;
            same_option("cost", asked.cost_micros, found.cost_micros)?;
        }
        (Some(Report::Execution(_)), _) => return Err(other_kind("execution", &verified.entry)),
        (Some(Report::Outcome(_)), _) => return Err(other_kind("outcome", &verified.entry)),
        (Some(Report::Decision(_)) | None, _) => {
            return Err(other_kind("decision", &verified.entry));
        }
    }
    kept(verified, &request.details)?;
    let version = Some(request.agent_version.as_str()).filter(|version| !version.is_empty());
    same_option(
        "agent version",
        version,
        verified.entry.body.actor().version.as_deref(),
    )
}

/// Whether one of the identifiers can be normalised: a report is recorded also where none can.
fn names_somebody(person: &v1::Identifiers) -> bool {
    fn given(text: &str) -> Option<&str> {
        Some(text).filter(|text| !text.is_empty())
    }
    let identity = Identity::of(Identifiers {
        email: given(&person.email),
        phone: given(&person.phone),
        contact: given(&person.contact_id),
        // A company is nobody.
        account: None,
    });
    !identity.keys.is_empty()
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[derive(Serialize)]
struct RecordJson {
    findings: Vec<&'static str>,
    followers: u32,
    #[serde(flatten)]
    write: WriteJson,
}

fn text(verified: &Verified, findings: &[Finding], style: Style) -> String {
    let mut out = format!(
        "Recorded {} as entry {}.\n",
        verified.entry.body.kind(),
        verified.entry.seq
    );
    if !findings.is_empty() {
        put!(out, "{}\n", style.bad("The report contradicts the log:"));
    }
    for finding in findings {
        let explained = codebook::finding(*finding);
        out.push_str(&wrapped(
            "  ",
            &format!("{}: {}", explained.word, explained.meaning),
        ));
        out.push_str(&wrapped("    ", explained.remedy));
    }
    out
}

/// What the report caused besides its own entry; and of a person's wish that listed nobody, that.
fn follow(verified: &Verified, followers: u32) -> String {
    let seq = verified.entry.seq;
    let wish = matches!(
        &verified.entry.body,
        Body::Outcome(outcome) if matches!(outcome.event, Event::Unsubscribe | Event::Complaint)
    );
    match followers {
        0 if wish => wrapped(
            "",
            "No entry followed from it: nobody was listed by it. Name the execution or the person, or use `ledgerctl dnc add`.",
        ),
        0 => String::new(),
        1 => format!(
            "One entry followed from it, {}: {}.\n",
            seq + 1,
            caused(wish)
        ),
        more => format!(
            "{more} entries followed from it, {} to {}: {}.\n",
            seq + 1,
            seq + u64::from(more),
            caused(wish)
        ),
    }
}

const fn caused(wish: bool) -> &'static str {
    if wish {
        "the person's listing, and breakers that warned or opened"
    } else {
        "breakers that warned or opened"
    }
}
