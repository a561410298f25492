//! Reading TOML so that every error names its line and key, and no key goes unread.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::PolicyError;
use super::text::has_address;
use crate::name::{NameError, phone_at, shown};

/// A file, and what was found wrong with it so far.
pub(super) struct Reader<'t> {
    path: &'t str,
    text: &'t str,
    pub(super) errors: Vec<PolicyError>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(path: &'t str, text: &'t str) -> Self {
        Self {
            path,
            text,
            errors: Vec::new(),
        }
    }

    /// An error about a whole line.
    pub(super) fn line_error(&mut self, line: usize, problem: String, remedy: &str) {
        self.push(Some(line), String::new(), None, problem, remedy);
    }

    /// An error about a key, at a byte of the text.
    pub(super) fn error(
        &mut self,
        at: usize,
        key: &str,
        value: Option<&str>,
        problem: impl Into<String>,
        remedy: &str,
    ) {
        // An escape in a TOML string may spell out what the text itself does not show.
        let value = value
            .filter(|value| !has_address(value) && phone_at(value).is_none())
            .map(shown);
        let line = self
            .text
            .get(..at)
            .map_or(1, |before| before.split('\n').count());
        self.push(Some(line), key.to_owned(), value, problem.into(), remedy);
    }

    fn push(
        &mut self,
        line: Option<usize>,
        key: String,
        value: Option<String>,
        problem: String,
        remedy: &str,
    ) {
        let path = self.path.to_owned();
        self.errors.push(PolicyError {
            path,
            line,
            key,
            value,
            problem,
            remedy: remedy.to_owned(),
        });
    }
}

/// A table of the file. It remembers which keys were asked for; [`Section::finish`] refuses the rest.
pub(super) struct Section<'a> {
    /// How errors call it, for instance `grant[2]`; empty for the file itself.
    name: String,
    /// Where it begins.
    pub(super) at: usize,
    table: &'a DeTable<'a>,
    known: BTreeSet<&'static str>,
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(super) struct Found<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

impl<'a> Section<'a> {
    pub(super) fn new(name: String, at: usize, table: &'a DeTable<'a>) -> Self {
        Self {
            name,
            at,
            table,
            known: BTreeSet::new(),
        }
    }

    /// How errors call a key of it.
    pub(super) fn key(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.insert(key);
        self.table.get(key)
    }

    /// Whether a key is there, with whatever value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Says that a key is missing.
    pub(super) fn missing(&self, reader: &mut Reader<'_>, key: &str, remedy: &str) {
        reader.error(self.at, &self.key(key), None, "is missing", remedy);
    }

    pub(super) fn string(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Found<&'a str>> {
        let value = self.value(key)?;
        self.a_string(reader, key, value)
    }

    fn a_string(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Found<&'a str>> {
        let at = value.span().start;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(reader, key, value, "a string");
            return None;
        };
        Some(Found { at, value: text })
    }

    /// An integer within `range`.
    pub(super) fn integer(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        range: &RangeInclusive<u64>,
    ) -> Option<Found<u64>> {
        let value = self.value(key)?;
        let at = value.span().start;
        let expected = format!("an integer from {} to {}", range.start(), range.end());
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(reader, key, value, &expected);
            return None;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(Found { at, value: number }),
            _ => {
                let shown = integer.to_string();
                reader.error(
                    at,
                    &self.key(key),
                    Some(&shown),
                    format!("is out of range: expected {expected}"),
                    "change it",
                );
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Found<bool>> {
        let value = self.value(key)?;
        let at = value.span().start;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.wrong_type(reader, key, value, "`true` or `false`, without quotes");
        }
        truth.map(|value| Found { at, value })
    }

    /// Whether a key is there and an empty list. Asking counts as reading it.
    pub(super) fn is_empty_list(&mut self, key: &'static str) -> bool {
        let list = self.value(key).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// A list of different strings, 1 to `max`; each with its place.
    pub(super) fn strings(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        max: usize,
    ) -> Option<Found<Vec<Found<&'a str>>>> {
        let value = self.value(key)?;
        let at = value.span().start;
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(reader, key, value, "a list of strings");
            return None;
        };
        if list.is_empty() {
            reader.error(
                at,
                &self.key(key),
                None,
                "is an empty list",
                "name at least one, or leave the key out",
            );
            return None;
        }
        if list.len() > max {
            let found = format!("has {} entries: expected at most {max}", list.len());
            reader.error(at, &self.key(key), None, found, "shorten it");
            return None;
        }
        let mut seen = BTreeSet::new();
        let mut strings = Vec::new();
        for (i, item) in list.iter().enumerate() {
            let item_key = format!("{key}[{i}]");
            let Some(string) = self.a_string(reader, &item_key, item) else {
                continue;
            };
            if seen.insert(string.value) {
                strings.push(string);
            } else {
                reader.error(
                    string.at,
                    &self.key(&item_key),
                    Some(string.value),
                    "stands twice in the list",
                    "name it once",
                );
            }
        }
        Some(Found { at, value: strings })
    }

    /// The tables of an array of tables, at most `max`, named `key[0]`, `key[1]`, ….
    pub(super) fn rows(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        max: usize,
    ) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(
                reader,
                key,
                value,
                &format!("rows that begin with `[[{key}]]`"),
            );
            return Vec::new();
        };
        if list.len() > max {
            let at = list.get(max).map_or(0, |row| row.span().start);
            let found = format!("has {} rows: expected at most {max}", list.len());
            reader.error(
                at,
                key,
                None,
                found,
                "put several actions into one row, or take rows out",
            );
        }
        let mut rows = Vec::new();
        for (i, row) in list.iter().enumerate().take(max) {
            let name = format!("{key}[{i}]");
            match row.get_ref().as_table() {
                Some(table) => rows.push(Section::new(name, row.span().start, table)),
                None => self.wrong_type(
                    reader,
                    &name,
                    row,
                    &format!("a row that begins with `[[{key}]]`"),
                ),
            }
        }
        rows
    }

    /// A table within this one.
    pub(super) fn section(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Section<'a>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(
                reader,
                key,
                value,
                &format!("a table that begins with `[{key}]`"),
            );
            return None;
        };
        Some(Section::new(self.key(key), value.span().start, table))
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for key in self
            .table
            .keys()
            .filter(|key| !self.known.contains(key.get_ref().as_ref()))
        {
            let known = self.known.iter().copied().collect::<Vec<_>>().join(", ");
            let remedy = format!("expected one of {known}; take it out");
            // The key is the value in question here: it may be anything.
            let name = if self.name.is_empty() {
                "key".to_owned()
            } else {
                format!("{}: key", self.name)
            };
            reader.error(
                key.span().start,
                &name,
                Some(key.get_ref()),
                "is not enforced by this version",
                &remedy,
            );
        }
    }

    fn wrong_type(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &str,
    ) {
        let (found, shown) = match value.get_ref() {
            DeValue::String(text) => ("a string", Some(text.to_string())),
            DeValue::Integer(number) => ("an integer", Some(number.to_string())),
            DeValue::Float(number) => ("a float", Some(number.to_string())),
            DeValue::Boolean(truth) => ("a boolean", Some(truth.to_string())),
            DeValue::Datetime(time) => ("a date or time", Some(time.to_string())),
            DeValue::Array(_) => ("a list", None),
            DeValue::Table(_) => ("a table", None),
        };
        let problem = format!("is {found}: expected {expected}");
        reader.error(
            value.span().start,
            &self.key(key),
            shown.as_deref(),
            problem,
            "change it",
        );
    }

    /// Says that a name is not one.
    pub(super) fn bad_name(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        found: Found<&str>,
        error: &NameError,
    ) {
        let (problem, remedy) = match error {
            NameError::Empty { max, .. } => (
                format!("is empty: expected 1 to {max} characters"),
                "name it",
            ),
            NameError::TooLong { bytes, max, .. } => (
                format!("has {bytes} bytes: expected at most {max}"),
                "shorten it",
            ),
            NameError::Charset { .. } => (
                "is not valid: expected letters, digits and `._:/+=-`, a letter or digit first"
                    .to_owned(),
                "rename it",
            ),
            NameError::Case { .. } => (
                "is not valid: expected lower case, so that it has one spelling".to_owned(),
                "write it in lower case",
            ),
            NameError::Personal { what, .. } => (
                format!("looks like {what}"),
                "take it out: a policy is published in clear",
            ),
        };
        let value = (!found.value.is_empty()).then_some(found.value);
        reader.error(found.at, &self.key(key), value, problem, remedy);
    }
}
