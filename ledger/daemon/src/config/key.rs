//! The keys of the configuration file, as the command line defines them.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{Config, Kind};

/// One setting as the command line defines it: a key of the file, a long argument and a variable.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its name in the file.
    pub(super) name: String,
    /// Its environment variable.
    pub(super) variable: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it holds several of them.
    pub(super) is_list: bool,
    arg: Arg,
}

/// Every setting: the arguments of `run`, and of all commands, that have an environment variable. Which
/// file to read is none.
pub(super) fn keys() -> Vec<Key> {
    let command = Config::command();
    let run = command.find_subcommand("run").into_iter();
    let args = command
        .get_arguments()
        .chain(run.flat_map(Command::get_arguments));
    args.filter(|arg| arg.get_id() != "config")
        .filter_map(Key::of)
        .collect()
}

impl Key {
    pub(super) fn of(arg: &Arg) -> Option<Self> {
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        let holds = arg.get_value_parser().type_id();
        let is = |of: TypeId| holds == of;
        let kind = if is(TypeId::of::<SocketAddr>()) {
            Kind::Address
        } else if is(TypeId::of::<PathBuf>()) {
            Kind::Path
        } else if is(TypeId::of::<bool>()) {
            Kind::Switch
        } else if is(TypeId::of::<u32>())
            || is(TypeId::of::<u64>())
            || is(TypeId::of::<usize>())
            || is(TypeId::of::<u16>())
        {
            Kind::Number
        } else {
            Kind::Text
        };
        Some(Self {
            name: arg.get_id().to_string(),
            variable,
            kind,
            is_list: matches!(arg.get_action(), ArgAction::Append),
            arg: arg.clone(),
        })
    }

    /// What a value of it is, in words.
    pub(super) fn expected(&self) -> &'static str {
        match self.kind {
            Kind::Number => "a whole number",
            Kind::Switch => "`true` or `false`",
            Kind::Path => "a path",
            Kind::Address => "an address and a port, such as `127.0.0.1:7050`",
            Kind::Text => "text",
        }
    }

    /// Holds a value against what the command line demands of it.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn check(&self, value: &OsStr) -> Result<(), String> {
        let mut word = OsString::from(format!("--{}=", self.arg.get_long().unwrap_or(&self.name)));
        word.push(value);
        let arg = self.arg.clone().global(false);
        let probe = Command::new("ledgerd").no_binary_name(true).arg(arg);
        match probe.try_get_matches_from([word]) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.why(&error)),
        }
    }

    fn why(&self, error: &clap::Error) -> String {
        if let Some(ContextValue::Strings(words)) = error.get(ContextKind::ValidValue)
            && !words.is_empty()
        {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            return words.join(" or ");
        }
        match std::error::Error::source(error) {
            Some(source) => format!("{} ({source})", self.expected()),
            None => self.expected().to_owned(),
        }
    }
}
