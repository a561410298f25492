//! The command line.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    answer, approvals, break_glass, breaker, checkpoint, clock, completions, consistency,
    credential, decide, detail, disclose, dnc, evidence, explain, export, key, list, open,
    outcomes, policy, principal, receipt, record, resume, stop, tail, token, trace, undo,
};
use crate::context::Connection;
use crate::exit;

const LONG_ABOUT: &str = "\
Runs an Agent Ledger: principals, policy, the do-not-contact list, the kill switch; asks for decisions
and reports by hand; reads what is recorded, and takes proofs away.

Every receipt that the ledger hands over is verified against --vkey before anything is said about it.";

const AFTER_HELP: &str = "\
Set LEDGER_SOCKET, LEDGER_CREDENTIAL and LEDGER_VKEY once, and leave the options away:
  export LEDGER_SOCKET=data/ledger.sock LEDGER_CREDENTIAL=operator.credential LEDGER_VKEY=data/ledger.vkey
  ledgerctl status
  ledgerctl policy publish policies/sales
  ledgerctl stop --agent agent.outbound.sender --why 'complaints are rising'

What is fetched into a file (--out) replaces none unless --force says so, and never a folder that holds something. The
receipt of a write (--receipt-out) replaces the file that has its name.

Words such as `dnc.listed` are explained by `ledgerctl explain dnc.listed`.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "ledgerctl",
    version,
    about = "The operators' command line of Agent Ledger",
    long_about = LONG_ABOUT,
    after_help = format!("{AFTER_HELP}\n\n{}", exit::HELP),
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Print one JSON object instead of text
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// When to colour text; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub(crate) color: ColorChoice,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Credentials, made here
    #[command(subcommand)]
    Credential(credential::Command),
    /// Who may call: agents, operators, compliance, approvers, auditors, recorders, ingest
    #[command(subcommand)]
    Principal(principal::Command),
    /// Which actions exist, who may do them, how often
    #[command(subcommand)]
    Policy(policy::Command),
    /// The do-not-contact list
    #[command(subcommand)]
    Dnc(dnc::Command),
    /// Throw the kill switch (operator, compliance)
    #[command(after_help = stop::EXAMPLES)]
    Stop(stop::StopArgs),
    /// End a stop (operator)
    #[command(after_help = resume::EXAMPLES)]
    Resume(resume::ResumeArgs),
    /// Requests that wait for a person, and the answers to them
    #[command(subcommand)]
    Approvals(approvals::Command),
    /// Lift tier 3 for one agent, by two people and for a short while
    #[command(subcommand)]
    BreakGlass(break_glass::Command),
    /// Circuit breakers
    #[command(subcommand)]
    Breaker(breaker::Command),
    /// The keys of sandboxes that policies may be promoted from
    #[command(subcommand)]
    Key(key::Command),
    /// How the ledger stands (operator, compliance, auditor)
    Status,
    /// The ledger's clock
    #[command(subcommand)]
    Clock(clock::Command),
    /// Ask for a decision (agent)
    #[command(after_help = decide::EXAMPLES)]
    Decide(Box<decide::DecideArgs>),
    /// Report what happened (agent, recorder)
    #[command(subcommand)]
    Record(Box<record::Command>),
    /// What providers deliver about messages: bounces, complaints, unsubscribes
    #[command(subcommand)]
    Outcomes(outcomes::Command),
    /// What is not settled, or not as it should be (operator, compliance, auditor)
    #[command(after_help = open::EXAMPLES)]
    Open(open::OpenArgs),
    /// List the entries that are asked for: by kind, actor, outcome, reason, time, subject
    #[command(after_help = list::EXAMPLES)]
    List(Box<list::ListArgs>),
    /// Follow the log: the same, as they are committed
    #[command(after_help = tail::EXAMPLES)]
    Tail(Box<tail::TailArgs>),
    /// Tell everything recorded under one correlation id
    #[command(after_help = trace::EXAMPLES)]
    Trace(trace::TraceArgs),
    /// Answer the seven questions about one act, each with the entries that prove the answer
    #[command(after_help = answer::EXAMPLES)]
    Answer(answer::AnswerArgs),
    /// The inverse of a field update, as a request of its own (agent, compliance, auditor)
    #[command(after_help = undo::EXAMPLES)]
    Undo(undo::UndoArgs),
    /// Fetch a receipt: the proof that an entry is recorded; or hold an old one against today's log
    #[command(after_help = receipt::EXAMPLES)]
    Receipt(receipt::ReceiptArgs),
    /// Fetch an entry with everything that it cites; or everything about a person or a correlation id
    /// (operator, compliance, auditor; of a person compliance)
    #[command(after_help = evidence::EXAMPLES)]
    Evidence(evidence::EvidenceArgs),
    /// Open the tokens of one person, and of nobody else, to an auditor (compliance)
    #[command(after_help = disclose::EXAMPLES)]
    Disclose(disclose::DiscloseArgs),
    /// Read what is kept outside the log, checked against the log (compliance, auditor)
    #[command(after_help = detail::EXAMPLES)]
    Detail(detail::DetailArgs),
    /// Fetch the latest signed checkpoint
    #[command(after_help = checkpoint::EXAMPLES)]
    Checkpoint(checkpoint::CheckpointArgs),
    /// Check that the log has only grown since an earlier checkpoint
    #[command(after_help = consistency::EXAMPLES)]
    Consistency(consistency::ConsistencyArgs),
    /// Take the whole log away, verified while it is written (operator, compliance, auditor)
    #[command(after_help = export::EXAMPLES)]
    Export(export::ExportArgs),
    /// The tokens of one subject or mailbox, for a policy or a search (operator, compliance)
    #[command(after_help = token::EXAMPLES)]
    Token(token::TokenArgs),
    /// What a reason code or a finding means; needs no ledger
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::ExplainArgs),
    /// Print what a shell completes command lines by; needs no ledger
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::CompletionsArgs),
}

impl Cli {
    /// Reads a command line. What is typed goes before what the environment says.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let typed = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        match (typed("socket"), typed("address")) {
            (true, true) => {
                let why = "--socket and --address name two places: give one";
                return Err(command.error(ErrorKind::ArgumentConflict, why));
            }
            (true, false) => cli.connection.address = None,
            (false, true) => cli.connection.socket = None,
            (false, false)
                if cli.connection.socket.is_some() && cli.connection.address.is_some() =>
            {
                let why = "LEDGER_SOCKET and LEDGER_ADDRESS name two places: set one, or give --socket or --address";
                return Err(command.error(ErrorKind::ArgumentConflict, why));
            }
            (false, false) => {}
        }
        Ok(cli)
    }
}

#[cfg(test)]
mod tests;
