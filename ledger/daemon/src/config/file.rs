//! The configuration file: TOML, one `key = value` a setting, no tables.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Kind;
use super::key::Key;

/// A configuration has a line for each key; a file larger than this is another file.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// What a file sets one key to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: String,
    /// From 1.
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// Why a configuration file is not taken. Nothing of it is, then.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("configuration file `{}`: {source}; name another with --config", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large to be one.
    #[error("configuration file `{}` has more than {FILE_BYTES_MAX} bytes: name another with --config", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not what it must be.
    #[error("configuration file `{}`: {}", path.display(), joined(flaws))]
    Flaws {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it, in the order of its lines; where it is no TOML, only the first.
        flaws: Vec<Flaw>,
    },
}

/// One thing that is wrong in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

fn joined(flaws: &[Flaw]) -> String {
    let flaws: Vec<String> = flaws.iter().map(Flaw::to_string).collect();
    flaws.join("\n  ")
}

/// Reads the file at `path`, which may hold `keys` and nothing else.
///
/// # Errors
/// [`FileError`] names every key that is not known, not of its type or not within its bounds.
pub(super) fn read(path: &Path, keys: &[Key]) -> Result<Vec<Row>, FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
        });
    }
    parse(&text, keys).map_err(|flaws| FileError::Flaws {
        path: path.to_owned(),
        flaws,
    })
}

/// Reads a file's text.
pub(super) fn parse(text: &str, keys: &[Key]) -> Result<Vec<Row>, Vec<Flaw>> {
    let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let near = text.get(span.clone()).map(str::trim).unwrap_or_default();
        let near = near.lines().next().unwrap_or_default();
        let line = line_of(span.start);
        let what = if error.message().contains("duplicate key") {
            format!("`{near}` is set twice, expected each key once")
        } else {
            let written = text.lines().nth(line - 1).unwrap_or_default();
            unread(written, error.message(), keys)
        };
        vec![Flaw { line, what }]
    })?;
    let (mut rows, mut flaws) = (Vec::new(), Vec::new());
    for (name, value) in table.get_ref() {
        let line = line_of(name.span().start);
        let name: &str = name.get_ref();
        match row(name, value.get_ref(), keys) {
            Ok(values) => rows.push(Row {
                key: name.to_owned(),
                line,
                values,
            }),
            Err(what) => flaws.push(Flaw { line, what }),
        }
    }
    if flaws.is_empty() {
        return Ok(rows);
    }
    flaws.sort_by_key(|flaw| flaw.line);
    Err(flaws)
}

/// What is wrong with a line that is no TOML: whose value it is, and how that is written.
fn unread(line: &str, why: &str, keys: &[Key]) -> String {
    let Some((name, value)) = line.split_once('=') else {
        return format!("`{}`: {why}, expected `key = value`", printable(line));
    };
    let name = printable(name);
    let value = printable(value.split('#').next().unwrap_or_default());
    let key = keys.iter().find(|key| key.name == name);
    let expected = key.map_or("a value", Key::expected);
    if value.is_empty() {
        return format!("`{name}` has no value, expected {expected}");
    }
    if value.starts_with(['"', '\'', '[', '{']) {
        return format!("`{name}` is `{value}`, which is no value: {why}");
    }
    match key.map(|key| key.kind) {
        Some(Kind::Number | Kind::Switch) => not(&name, &format!("`{value}`"), expected),
        _ => format!(
            "`{name}` is `{value}` without quotes, which is no value: text, paths and addresses take them, as in \
             `{name} = \"{}\"`",
            value.trim_matches(['“', '”', '‘', '’'])
        ),
    }
}

/// A part of a line as it stands there, without what would not show.
fn printable(text: &str) -> String {
    let shows = |c: &char| !c.is_control();
    text.trim().chars().filter(shows).collect()
}

/// The values of one key as text.
fn row(name: &str, value: &DeValue<'_>, keys: &[Key]) -> Result<Vec<String>, String> {
    let Some(key) = keys.iter().find(|key| key.name == name) else {
        let known: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        // As the command line spells it, or the environment.
        let spelt = name.to_lowercase().replace('-', "_");
        let spelt = spelt.strip_prefix("ledgerd_").unwrap_or(&spelt);
        if known.contains(&spelt) {
            return Err(format!(
                "`{name}` is no setting: in the file it is written `{spelt}`"
            ));
        }
        return Err(format!(
            "`{name}` is no setting, expected one of {}",
            known.join(", ")
        ));
    };
    let values = match value {
        DeValue::Array(values) if key.is_list => values.iter().collect(),
        _ if key.is_list => {
            let expected = format!("a list, each {}", key.expected());
            return Err(not(name, &shown(value), &expected));
        }
        value => return Ok(vec![text(key, value)?]),
    };
    let values: Vec<_> = values;
    values
        .into_iter()
        .map(|value| text(key, value.get_ref()))
        .collect()
}

fn text(key: &Key, value: &DeValue<'_>) -> Result<String, String> {
    let unfit = |expected: &str| not(&key.name, &shown(value), expected);
    let text = match (key.kind, value) {
        (Kind::Number, DeValue::Integer(number)) => {
            i128::from_str_radix(number.as_str(), number.radix())
                .map(|number| number.to_string())
                .map_err(|_| unfit(key.expected()))?
        }
        (Kind::Switch, DeValue::Boolean(switch)) => switch.to_string(),
        (Kind::Path | Kind::Address | Kind::Text, DeValue::String(text)) => text.to_string(),
        (Kind::Number | Kind::Switch, DeValue::String(_)) => {
            return Err(unfit(&format!("{} without quotes", key.expected())));
        }
        _ => return Err(unfit(key.expected())),
    };
    if key.kind == Kind::Path && !Path::new(&text).is_absolute() {
        return Err(unfit(
            "an absolute path: a relative one would depend on where the daemon is started",
        ));
    }
    match key.check(OsStr::new(&text)) {
        Ok(()) => Ok(text),
        Err(expected) => Err(unfit(&expected)),
    }
}

fn not(key: &str, value: &str, expected: &str) -> String {
    format!("`{key}` is {value}, expected {expected}")
}

/// A value as the file has it, with the word for what it is.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text `{}`", text.escape_debug()),
        DeValue::Integer(number) => format!("the number `{number}`"),
        DeValue::Float(number) => format!("the fraction `{number}`"),
        DeValue::Boolean(switch) => format!("`{switch}`"),
        DeValue::Datetime(time) => format!("the time `{time}`"),
        DeValue::Array(values) => format!("a list of {}", values.len()),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction};

    use super::*;

    #[test]
    fn a_setting_with_several_values_is_a_list() {
        let arg = Arg::new("follow")
            .long("follow")
            .env("LEDGERD_FOLLOW")
            .action(ArgAction::Append);
        let addresses = arg
            .clone()
            .value_parser(clap::value_parser!(std::net::SocketAddr));
        let texts = [Key::of(&arg).expect("a setting")];
        let rows = parse("follow = [\"a\", \"b\"]", &texts).expect("a list");
        assert_eq!(rows[0].values, ["a", "b"]);
        assert_eq!(
            parse("follow = []", &texts).expect("a list")[0].values,
            [""; 0]
        );
        for (lines, expected) in [
            ("follow = \"a\"", "a list, each text"),
            ("follow = [1]", "expected text"),
        ] {
            let flaws = parse(lines, &texts).expect_err("no list of texts");
            assert!(flaws[0].what.contains(expected), "{flaws:?}");
        }
        let addresses = [Key::of(&addresses).expect("a setting")];
        let flaws = parse("follow = [\"127.0.0.1:1\", \"there\"]", &addresses);
        assert!(flaws.expect_err("no address")[0].what.contains("`there`"));
    }

    #[test]
    fn a_line_that_is_no_toml_names_its_key_and_what_its_value_lacks() {
        let keys = super::super::key::keys();
        for (line, expected) in [
            (
                "http = 127.0.0.1:9400",
                "`http` is `127.0.0.1:9400` without quotes, which is no value: text, paths and addresses take them, as in \
                 `http = \"127.0.0.1:9400\"`",
            ),
            (
                "listen=[::1]:7050",
                "`listen` is `[::1]:7050`, which is no value: ",
            ),
            (
                "data = /srv/ledger # here",
                "as in `data = \"/srv/ledger\"`",
            ),
            ("data = “/srv/ledger”", "as in `data = \"/srv/ledger\"`"),
            ("sendgrid_key = MFkw==", "as in `sendgrid_key = \"MFkw==\"`"),
            (
                "htpp = 127.0.0.1:9400",
                "`htpp` is `127.0.0.1:9400` without quotes",
            ),
            (
                "drain_s = 20s",
                "`drain_s` is `20s`, expected a whole number",
            ),
            (
                "http_open_metrics = True",
                "`http_open_metrics` is `True`, expected `true` or `false`",
            ),
            (
                "http =",
                "`http` has no value, expected an address and a port",
            ),
            (
                "data = '/srv/ledger",
                "`data` is `'/srv/ledger`, which is no value: ",
            ),
            ("data: /srv/ledger", "expected `key = value`"),
        ] {
            // The line before shows that it is the right one which is named.
            let flaws = parse(&format!("quota = 7\n{line}\n"), &keys).expect_err("no TOML");
            assert_eq!((flaws.len(), flaws[0].line), (1, 2), "{line}");
            let what = &flaws[0].what;
            assert!(what.contains(expected), "{line}: {what}");
        }
    }

    #[test]
    fn a_value_of_another_kind_and_another_spelling_say_how_it_is_written() {
        let keys = super::super::key::keys();
        for (line, expected) in [
            (
                "drain_s = \"20\"",
                "`drain_s` is the text `20`, expected a whole number without quotes",
            ),
            (
                "http_open_tiles = \"true\"",
                "expected `true` or `false` without quotes",
            ),
            ("drain-s = 20", "in the file it is written `drain_s`"),
            (
                "LEDGERD_DRAIN_S = 20",
                "in the file it is written `drain_s`",
            ),
            ("drains = 20", "`drains` is no setting, expected one of "),
        ] {
            let flaws = parse(line, &keys).expect_err("no setting");
            assert!(flaws[0].what.contains(expected), "{line}: {flaws:?}");
        }
    }

    #[test]
    fn numbers_are_read_in_every_notation_of_toml() {
        let keys = super::super::key::keys();
        for (lines, expected) in [
            ("quota = 1_000", "1000"),
            ("quota = 0x10", "16"),
            ("quota = +7", "7"),
        ] {
            assert_eq!(parse(lines, &keys).expect("a number")[0].values, [expected]);
        }
        assert!(parse("quota = 99999999999999999999999", &keys).is_err());
    }
}
