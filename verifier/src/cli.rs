//! The command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use ledger_core::opening::{OPENING_BYTES_MAX, Opening};
use ledger_core::trust::Trust;

use crate::anchor::Anchor;
use crate::exit::Exit;
use crate::transcript::{Failure, Transcript};
use crate::{consistency, evidence, input, log, pack, receipt, render, replay};

const AFTER_HELP: &str = "\
Trust comes from --vkey or --policy alone, one of which must be given; it is never taken from the material.
A file name `-` is standard input.

Exit codes:
  0  verified
  1  refuted: the material is not what it claims to be
  2  the command line was not understood
  3  the input could not be read
  4  cannot be judged: material is missing, or of a form that this version does not know
  5  incomplete: asked with `replay --complete`, the log verifies and does not account for everything

Decisions under conditions (`.cedar` files of a policy) are judged only by a build with `--features cedar`; any
other ends with 4.";

/// Verifies what an Agent Ledger handed out, offline.
#[derive(Debug, Parser)]
#[command(name = "ledger-verify", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The ledger's verification key (`name+id+key`), or a file that holds it.
    #[arg(
        long,
        global = true,
        value_name = "VKEY|FILE",
        conflicts_with = "policy"
    )]
    pub vkey: Option<String>,
    /// A trust policy (C2SP tlog-policy): logs, witnesses and a quorum.
    #[arg(long, global = true, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Print the result as one JSON object.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to verify.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// That the ledger recorded an entry: receipts (C2SP tlog-proof).
    #[command(after_help = AFTER_HELP)]
    Receipt {
        /// Receipts (`.tlog-proof`).
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
    },
    /// That a decision was recorded on what it cites: an evidence file.
    #[command(after_help = AFTER_HELP)]
    Evidence {
        /// Evidence (`.evidence`).
        #[arg(value_name = "FILE")]
        file: String,
        /// The opening of one person's keys (`.opening`): says who was concerned.
        #[arg(long, value_name = "FILE")]
        opening: Option<String>,
    },
    /// Everything about a person or a matter: an evidence pack, with its report.
    #[command(after_help = AFTER_HELP)]
    Pack {
        /// The pack: a folder, or an archive (`.zip`).
        #[arg(value_name = "FOLDER|FILE")]
        pack: PathBuf,
    },
    /// That an older log is the beginning of a newer one.
    #[command(after_help = AFTER_HELP)]
    Consistency {
        /// The older checkpoint.
        #[arg(value_name = "OLD")]
        old: String,
        /// The newer checkpoint.
        #[arg(value_name = "NEW")]
        new: String,
        /// The proof: one hash a line, as base64.
        #[arg(long, value_name = "FILE")]
        proof: String,
    },
    /// Every byte of an export: hashes, sequence, times.
    #[command(after_help = AFTER_HELP)]
    Log {
        /// The export.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// The opening of one person's keys (`.opening`): says what the log holds about them.
        #[arg(long, value_name = "FILE")]
        opening: Option<String>,
    },
    /// The same, and every decision made again.
    #[command(after_help = AFTER_HELP)]
    Replay {
        /// End with 5 where the log does not account for everything: an execution without or beyond an
        /// allow, an allow that was due and never reported on, a gap longer than a heartbeat.
        #[arg(long)]
        complete: bool,
        /// The export.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// What a shell completes command lines by. Verifies nothing.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Command {
    const fn name(&self) -> &'static str {
        match self {
            Self::Receipt { .. } => "receipt",
            Self::Evidence { .. } => "evidence",
            Self::Pack { .. } => "pack",
            Self::Consistency { .. } => "consistency",
            Self::Log { .. } => "log",
            Self::Replay { .. } => "replay",
            Self::Completions { .. } => "completions",
        }
    }

    /// The inputs that are named; of these, at most one can be standard input.
    fn inputs(&self) -> Vec<&str> {
        match self {
            Self::Receipt { files } => files.iter().map(String::as_str).collect(),
            Self::Evidence { file, opening } => [Some(file), opening.as_ref()]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect(),
            Self::Consistency { old, new, proof } => vec![old, new, proof],
            Self::Log { opening, .. } => opening.iter().map(String::as_str).collect(),
            Self::Pack { .. } | Self::Replay { .. } | Self::Completions { .. } => Vec::new(),
        }
    }
}

/// Reads the command line, runs, prints, and says how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Completions { shell } = cli.command {
        return completions(shell);
    }
    let anchor = match (&cli.vkey, &cli.policy) {
        (Some(vkey), None) => Anchor::Vkey(vkey.clone()),
        (None, Some(policy)) => Anchor::Policy(policy.clone()),
        _ => {
            let words = "name whom to trust: --vkey with the ledger's verification key, or --policy with a trust \
                         policy; neither is taken from the material";
            Cli::command()
                .error(ErrorKind::MissingRequiredArgument, words)
                .exit()
        }
    };
    if cli
        .command
        .inputs()
        .iter()
        .filter(|name| **name == "-")
        .count()
        > 1
    {
        let words = "standard input can be read once: name `-` for one input alone";
        Cli::command()
            .error(ErrorKind::ArgumentConflict, words)
            .exit()
    }
    let transcript = match anchor.trust() {
        Ok(trust) => run(&cli.command, &trust),
        Err(failure) => ended(cli.command.name(), failure),
    };
    let text = if cli.json {
        serde_json::to_string_pretty(&transcript)
            .map_or_else(|error| error.to_string(), |json| json + "\n")
    } else {
        render::text(&transcript)
    };
    // Whoever closes the pipe early has seen enough; the exit code stands all the same.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    transcript.verdict.into()
}

/// Prints the script of a shell.
fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ledger-verify", &mut script);
    // Whoever closes the pipe early has seen enough.
    let _ = std::io::stdout().lock().write_all(&script);
    ExitCode::SUCCESS
}

/// Runs one command.
pub fn run(command: &Command, trust: &Trust) -> Transcript {
    match command {
        Command::Receipt { files } => receipt::run(files, trust),
        Command::Evidence { file, opening } => match opening_of(opening.as_deref()) {
            Ok(opening) => evidence::run(file, opening.as_ref(), trust),
            Err(failure) => ended(command.name(), failure),
        },
        Command::Pack { pack } => pack::run(pack, trust),
        Command::Consistency { old, new, proof } => consistency::run(old, new, proof, trust),
        Command::Log { folder, opening } => match opening_of(opening.as_deref()) {
            Ok(opening) => log::run(folder, opening.as_ref(), trust),
            Err(failure) => ended(command.name(), failure),
        },
        Command::Replay { complete, folder } => replay::run(folder, *complete, trust),
        // The command line prints them before it asks whom to trust; here there is nothing to verify.
        Command::Completions { .. } => {
            let words = "completions are no material: nothing was verified";
            ended(
                command.name(),
                Failure::new(Exit::Unjudged, "command", words),
            )
        }
    }
}

fn opening_of(name: Option<&str>) -> Result<Option<Opening>, Failure> {
    let Some(name) = name else {
        return Ok(None);
    };
    let bytes = input::read(name, OPENING_BYTES_MAX)?;
    let opening =
        Opening::parse(&bytes).map_err(|error| Failure::new(error.fault(), "opening", error))?;
    Ok(Some(opening))
}

fn ended(command: &'static str, failure: Failure) -> Transcript {
    let mut transcript = Transcript::new(command);
    transcript.failed(failure);
    transcript
}
