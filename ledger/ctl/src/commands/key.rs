//! `ledgerctl key`: the sandboxes that policies may be promoted from.

use clap::{Args, Subcommand};
use ledger_core::entry::{Body, KeyEvent};
use ledger_core::note::VerificationKey;
use ledger_core::role::Call;
use ledger_proto::v1;

use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::proof::{WriteJson, other_kind, same};
use crate::request::WriteArgs;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trust the key of a sandbox, so that policies can be promoted from it (operator)
    #[command(after_help = TRUST_EXAMPLES)]
    Trust(KeyArgs),
    /// No longer trust it (operator)
    #[command(after_help = DISTRUST_EXAMPLES)]
    Distrust(KeyArgs),
}

const TRUST_EXAMPLES: &str = "\
Examples:
  ledgerctl key trust @sandbox/ledger.vkey

Compare the key with what the sandbox's operators say it is, by other means than the file. Trust in it promotes
nothing by itself: each policy is approved by its hash.";

const DISTRUST_EXAMPLES: &str = "\
Examples:
  ledgerctl key distrust @sandbox/ledger.vkey

What was promoted before stays in force.";

/// Options of `key trust` and `distrust`.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The sandbox's verification key (`name+id+key`), or `@` and a file that holds it
    #[arg(value_name = "VKEY|@FILE")]
    key: String,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    let (args, event) = match command {
        Command::Trust(args) => (args, KeyEvent::Trusted),
        Command::Distrust(args) => (args, KeyEvent::Distrusted),
    };
    let key = read(&args.key)?;
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::KeyRequest {
        header: Some(write.header()),
        key: key.to_string(),
    };
    let mut control = session.control();
    let (verified, repeated) = match event {
        KeyEvent::Trusted => {
            let answer = control.trust_key(request).await;
            session.written(&write, Call::TrustKey, answer)?
        }
        KeyEvent::Distrusted => {
            let answer = control.distrust_key(request).await;
            session.written(&write, Call::DistrustKey, answer)?
        }
    };
    let Body::Key(entry) = &verified.entry.body else {
        return Err(other_kind("key", &verified.entry));
    };
    same("event", word(event), word(entry.event))?;
    same("key", key.to_string(), entry.key.clone())?;
    write.keep(&verified)?;
    let text = match event {
        KeyEvent::Trusted => format!(
            "Policies may be promoted from `{}`, from entry {} on.\n  key  {key}\n{}",
            key.name(),
            verified.entry.seq,
            verified.line()
        ),
        KeyEvent::Distrusted => format!(
            "Policies may no longer be promoted from `{}`, from entry {} on.\n  key  {key}\n{}",
            key.name(),
            verified.entry.seq,
            verified.line()
        ),
    };
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, repeated)?,
    )
}

const fn word(event: KeyEvent) -> &'static str {
    match event {
        KeyEvent::Trusted => "trusted",
        KeyEvent::Distrusted => "distrusted",
    }
}

/// Reads a verification key, or the file that holds one on a line.
fn read(given: &str) -> Result<VerificationKey, Failure> {
    let Some(path) = given.strip_prefix('@') else {
        return given.parse().map_err(|error| {
            Failure::usage(format!("key: {error}")).note(
                "expected a verification key (`name+id+key`), or `@` and a file that holds one",
            )
        });
    };
    let text = std::fs::read_to_string(path).map_err(|source| Problem::Input {
        path: path.into(),
        source,
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.parse()
        .map_err(|error| Failure::usage(format!("key: `{path}`: {error}")))
}
