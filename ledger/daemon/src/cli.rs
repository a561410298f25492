//! From a command line to an exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::MakeWriter;

use crate::check;
use crate::check_config;
use crate::config::{self, Command, Config, LoadError, LogFormat};
use crate::export;
use crate::init::init;
use crate::run::run;

/// Refused; nothing was changed that the message does not name.
const REFUSED: u8 = 1;
/// The command line or the configuration was not understood; `clap` ends with the same code.
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

/// What a command came to: what to tell on standard output and an exit code, or an error and its code.
type Done = Result<(String, u8), (String, u8)>;

/// Does what the command line says. Results go to standard output, and so does the log of `run`, which
/// has no other result; errors, and the log of every other command, go to standard error.
pub fn main<I, T>(args: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let config = match config::load(args) {
        Ok(config) => config,
        Err(LoadError::Usage(error)) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(USAGE),
            };
        }
        Err(error) => return refused(&error.to_string(), USAGE),
    };
    let started = match config.command {
        Command::Run(_) => start_log(&config, std::io::stdout),
        _ => start_log(&config, std::io::stderr),
    };
    if let Err(why) = started {
        return refused(&format!("the log cannot be started: {why}"), REFUSED);
    }
    match done(&config) {
        Ok((text, code)) => {
            // A reader that has gone does not make what was done undone.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::from(code)
        }
        Err((why, code)) => refused(&why, code),
    }
}

fn done(config: &Config) -> Done {
    let told = |text: String| (text, 0);
    match &config.command {
        Command::Init(options) => init(options)
            .map(told)
            .map_err(|error| (error.to_string(), REFUSED)),
        Command::Run(options) => match run(options) {
            Ok(()) => Ok((String::new(), 0)),
            Err(error) => {
                let code = if error.is_stop() { STOPPED } else { REFUSED };
                Err((error.to_string(), code))
            }
        },
        Command::Export(options) => export::export(options)
            .map(told)
            .map_err(|error| (error.to_string(), REFUSED)),
        Command::Rebuild(options) => export::rebuild(options)
            .map(told)
            .map_err(|error| (error.to_string(), REFUSED)),
        Command::Check(options) => Ok(check::check(options)),
        Command::Completions(options) => {
            let mut script = Vec::new();
            let mut command = Config::command();
            clap_complete::generate(options.shell, &mut command, "ledgerd", &mut script);
            Ok(told(String::from_utf8_lossy(&script).into_owned()))
        }
        Command::CheckConfig(options) => Ok(check_config::check_config(
            options,
            config.config.as_deref(),
        )),
    }
}

fn refused(why: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ledgerd: {why}");
    ExitCode::from(code)
}

/// The value of `--log`: directives that the log understands.
///
/// # Errors
/// What is wrong with them.
pub fn log_directives(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn start_log<W>(config: &Config, to: W) -> Result<(), String>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let mut filter = EnvFilter::try_new(&config.log).map_err(|error| error.to_string())?;
    for quiet in QUIET {
        let quiet: Directive = quiet.parse().map_err(|error| format!("{error}"))?;
        filter = filter.add_directive(quiet);
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(to);
    let started = match config.log_format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| error.to_string())
}
