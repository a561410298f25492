//! The settings that a daemon runs with, and where each value comes from.

use std::collections::BTreeMap;
use std::fmt;

use ledger_core::hash::Hash;
use serde::{Serialize, Serializer};

/// Where a value comes from. The first of these that has one, in this order, gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Source {
    /// The command line.
    CommandLine,
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The configuration file.
    File {
        /// The line of its key, from 1.
        line: usize,
    },
    /// Nobody set it.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Environment { variable } => write!(f, "environment, {variable}"),
            Self::File { line } => write!(f, "file, line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A path.
    Path,
    /// An address and a port.
    Address,
    /// Text, or one of a few words.
    Text,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the configuration file.
    pub key: String,
    /// What it holds.
    pub kind: Kind,
    /// Its values as text: none where it is off, several where it is a list.
    pub values: Vec<String>,
    /// Where they come from.
    pub source: Source,
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            key: &'a str,
            value: serde_json::Value,
            #[serde(flatten)]
            source: &'a Source,
        }
        let typed = |text: &String| match self.kind {
            Kind::Number => text.parse::<u64>().map_or(text.as_str().into(), Into::into),
            Kind::Switch => text
                .parse::<bool>()
                .map_or(text.as_str().into(), Into::into),
            Kind::Path | Kind::Address | Kind::Text => text.as_str().into(),
        };
        let value = match self.values.as_slice() {
            [] => serde_json::Value::Null,
            [one] => typed(one),
            several => several.iter().map(typed).collect(),
        };
        Shown {
            key: &self.key,
            value,
            source: &self.source,
        }
        .serialize(serializer)
    }
}

/// Every setting, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settings(Vec<Setting>);

impl Settings {
    pub(super) fn new(mut settings: Vec<Setting>) -> Self {
        settings.sort_by(|one, other| one.key.cmp(&other.key));
        Self(settings)
    }

    /// Each of them, in the order of their keys.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.0.iter()
    }

    /// What a `boot` entry says of them: SHA-256 of one line of JSON, an object of every key, sorted, with
    /// its effective values as a list of texts. Where a value comes from makes no difference.
    pub fn digest(&self) -> Hash {
        let values: BTreeMap<&str, &[String]> = self
            .iter()
            .map(|setting| (setting.key.as_str(), setting.values.as_slice()))
            .collect();
        match serde_json::to_vec(&values) {
            Ok(line) => Hash::of(&line),
            Err(error) => unreachable!("texts by text are JSON: {error}"),
        }
    }
}

impl<'a> IntoIterator for &'a Settings {
    type Item = &'a Setting;
    type IntoIter = std::slice::Iter<'a, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
