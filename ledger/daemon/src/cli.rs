//! From a command line to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use crate::config::{Command, Config, LogFormat};
use crate::export;
use crate::init::init;
use crate::run::run;
use crate::views::Progress;

/// Refused; nothing was changed that the message does not name.
const REFUSED: u8 = 1;
/// The command line was not understood; `clap` ends with the same code.
const USAGE: u8 = 2;
/// Writes had to stop while serving (`EX_SOFTWARE` of sysexits.h).
const STOPPED: u8 = 70;

/// What these say below `info` would put headers, and with them credentials, into the log.
const QUIET: [&str; 5] = [
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "tonic=info",
    "tower=info",
];

/// Does what the command line says. Results go to standard output, errors and logs to standard error.
pub fn main(config: &Config) -> ExitCode {
    if let Err(why) = start_log(&config.log, config.log_format) {
        return refused(&format!("--log `{}`: {why}", config.log), USAGE);
    }
    let done = match &config.command {
        Command::Init(options) => init(options).map_err(|error| (error.to_string(), REFUSED)),
        Command::Run(options) => run(options).map(|()| String::new()).map_err(|error| {
            let code = if error.is_stop() { STOPPED } else { REFUSED };
            (error.to_string(), code)
        }),
        Command::Export(options) => {
            export::export(options).map_err(|error| (error.to_string(), REFUSED))
        }
        Command::Completions(options) => {
            let mut script = Vec::new();
            clap_complete::generate(
                options.shell,
                &mut Config::command(),
                "ledgerd",
                &mut script,
            );
            Ok(String::from_utf8_lossy(&script).into_owned())
        }
        Command::Rebuild(options) => {
            export::rebuild(options, &mut show).map_err(|error| (error.to_string(), REFUSED))
        }
    };
    match done {
        Ok(text) => {
            // A reader that has gone does not make what was done undone.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err((why, code)) => refused(&why, code),
    }
}

fn refused(why: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ledgerd: {why}");
    ExitCode::from(code)
}

fn show(progress: Progress) {
    let Progress { folded, total } = progress;
    let _ = write!(std::io::stderr(), "\rfolded {folded} of {total} entries");
    if folded == total {
        let _ = writeln!(std::io::stderr());
    }
}

fn start_log(directives: &str, format: LogFormat) -> Result<(), String> {
    let mut filter = EnvFilter::try_new(directives).map_err(|error| error.to_string())?;
    for quiet in QUIET {
        let quiet: Directive = quiet.parse().map_err(|error| format!("{error}"))?;
        filter = filter.add_directive(quiet);
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| error.to_string())
}
