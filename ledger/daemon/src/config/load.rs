//! One precedence for every setting: command line, environment, file, default.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::file::{self, FileError, Row};
use super::key::{Key, keys};
use super::{CheckConfig, Command, Config, Kind, Run, Setting, Settings, Source};
use crate::open::Layout;

/// Read where no other file is named; that it is not there is no error.
pub const DEFAULT_FILE: &str = "/etc/agent-ledger/ledgerd.toml";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line was not understood, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The configuration file.
    #[error(transparent)]
    File(#[from] FileError),
    /// An environment variable.
    #[error("environment variable {variable} is `{value}`, expected {expected}")]
    Variable {
        /// Its name.
        variable: String,
        /// Its value.
        value: String,
        /// What was expected.
        expected: String,
    },
}

/// Reads the command line `args`, the name of the program first, the environment, and the file that they
/// name or else [`DEFAULT_FILE`].
///
/// # Errors
/// [`LoadError`] names what was not understood; nothing has happened then.
pub fn load<I, T>(args: I) -> Result<Config, LoadError>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    load_with(args, Some(Path::new(DEFAULT_FILE)))
}

/// As [`load`], with another file where none is named, or without any.
///
/// # Errors
/// [`LoadError`]
pub fn load_with<I, T>(args: I, default_file: Option<&Path>) -> Result<Config, LoadError>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    // Read once without regard to values, to learn the file and which variables count. What fails here
    // fails for the real command line as well, with better words.
    let lenient = match lenient(Config::command()).try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(lenient) => {
            return Err(match Config::command().try_get_matches_from(&args) {
                Err(error) => error.into(),
                Ok(_) => lenient.into(),
            });
        }
    };
    let keys = keys();
    let Some((name, given)) = lenient.subcommand() else {
        return Err(Config::command()
            .error(
                clap::error::ErrorKind::MissingSubcommand,
                "expected a command",
            )
            .into());
    };
    check_variables(&keys, given)?;
    let rows = match given.get_one::<OsString>("config").map(PathBuf::from) {
        Some(path) => file::read(&path, &keys)?,
        None => match default_file.filter(|path| path.exists()) {
            Some(path) => file::read(path, &keys)?,
            None => Vec::new(),
        },
    };
    let command = rows.iter().fold(Config::command(), |command, row| {
        with_default(command, name, row)
    });
    let matches = command.try_get_matches_from(&args)?;
    let mut config = Config::from_arg_matches(&matches)?;
    // Not by clap, which takes what the file sets for a default, and defaults for unset.
    if let Command::Run(run) | Command::CheckConfig(CheckConfig { run, .. }) = &config.command
        && let Some(missing) = missing(run)
    {
        return Err(Config::command()
            .error(clap::error::ErrorKind::MissingRequiredArgument, missing)
            .into());
    }
    if config.config.is_none() {
        config.config = default_file
            .filter(|path| path.exists())
            .map(Path::to_path_buf);
    }
    let run = match &mut config.command {
        Command::Run(run) => Some(run),
        Command::CheckConfig(check) => Some(&mut check.run),
        _ => None,
    };
    if let (Some(run), Some((_, given))) = (run, matches.subcommand()) {
        run.settings = settings(&keys, given, &rows, run);
    }
    Ok(config)
}

/// The command line with everything optional and every value taken as it is.
fn lenient(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            if arg.get_action().takes_values() {
                arg.required(false).value_parser(ValueParser::os_string())
            } else {
                arg
            }
        })
        .mut_subcommands(lenient)
}

/// Values from the environment, of which the command line's own words would not say where they stand.
fn check_variables(keys: &[Key], given: &ArgMatches) -> Result<(), LoadError> {
    for key in keys {
        // A command need not have every setting.
        let Ok(Some(values)) = given.try_get_raw(&key.name) else {
            continue;
        };
        if given.value_source(&key.name) != Some(ValueSource::EnvVariable) {
            continue;
        }
        for value in values {
            key.check(value).map_err(|expected| LoadError::Variable {
                variable: key.variable.clone(),
                value: value.to_string_lossy().escape_debug().to_string(),
                expected,
            })?;
        }
    }
    Ok(())
}

/// The command line with the file's value as the default, which is what comes after the environment.
fn with_default(command: clap::Command, name: &str, row: &Row) -> clap::Command {
    let set = |arg: clap::Arg| {
        arg.required(false)
            .default_values(row.values.iter().map(clap::builder::Str::from))
    };
    let has = |command: &clap::Command| command.get_arguments().any(|arg| arg.get_id() == &row.key);
    if has(&command) {
        return command.mut_arg(&row.key, set);
    }
    command.mut_subcommand(name, |command| {
        if has(&command) {
            command.mut_arg(&row.key, set)
        } else {
            command
        }
    })
}

/// Every setting as it came out.
fn settings(keys: &[Key], given: &ArgMatches, rows: &[Row], run: &Run) -> Settings {
    let settings = keys.iter().map(|key| {
        let mut values: Vec<String> = given
            .get_raw(&key.name)
            .into_iter()
            .flatten()
            .map(|value| value.to_string_lossy().into_owned())
            .collect();
        let row = rows.iter().find(|row| row.key == key.name);
        let source = match (given.value_source(&key.name), row) {
            (Some(ValueSource::CommandLine), _) => Source::CommandLine,
            (Some(ValueSource::EnvVariable), _) => Source::Environment {
                variable: key.variable.clone(),
            },
            (_, Some(row)) => Source::File { line: row.line },
            (_, None) => Source::Default,
        };
        if values.is_empty() && key.kind == Kind::Path {
            let layout = Layout::of(&run.data);
            let path = match key.name.as_str() {
                "socket" => Some(layout.socket()),
                "head" => Some(layout.head()),
                _ => None,
            };
            values.extend(path.map(|path| path.display().to_string()));
        }
        Setting {
            key: key.name.clone(),
            kind: key.kind,
            values,
            source,
        }
    });
    Settings::new(settings.collect())
}

/// What a setting needs that is not set.
const fn missing(run: &Run) -> Option<&'static str> {
    if run.sendgrid_key.is_some() && run.http.is_none() {
        Some(
            "--sendgrid-key (`sendgrid_key`) is for deliveries over HTTP: set --http (`http`) too, or take the key away",
        )
    } else if run.sendgrid_principal.is_some() && run.sendgrid_key.is_none() {
        Some(
            "--sendgrid-principal (`sendgrid_principal`) binds a credential to signed deliveries: set --sendgrid-key \
             (`sendgrid_key`) too, or take the principal away",
        )
    } else {
        None
    }
}
