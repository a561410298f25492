//! What the rows of a policy share: names, ids, lists, words and durations.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Found, Reader, Section};
use super::text;
use crate::action::{ActionRule, Class};
use crate::limits::WINDOW_S_MAX;
use crate::name::{self, RULE_MAX};

/// A list of strings with its place, each with its own.
pub(super) type List<'a> = Found<Vec<Found<&'a str>>>;

/// The actions that rows may name: those declared in the text, and those built in.
#[derive(Clone, Copy)]
pub(super) struct Known<'p> {
    pub(super) declared: &'p BTreeMap<String, ActionRule>,
}

impl Known<'_> {
    pub(super) fn rule(self, name: &str) -> Option<ActionRule> {
        let declared = self.declared.get(name).cloned();
        declared.or_else(|| ActionRule::builtin(name))
    }

    pub(super) fn class(self, name: &str) -> Option<Class> {
        self.rule(name).map(|rule| rule.class)
    }
}

/// A name that must be there.
pub(super) fn named<'a>(
    reader: &mut Reader<'_>,
    row: &mut Section<'a>,
    key: &'static str,
    max: usize,
) -> Option<Found<&'a str>> {
    let Some(found) = row.string(reader, key) else {
        if !row.has(key) {
            row.missing(reader, key, "every row needs one");
        }
        return None;
    };
    match name::check(key, found.value, max) {
        Ok(()) => Some(found),
        Err(error) => {
            row.bad_name(reader, key, found, &error);
            None
        }
    }
}

pub(super) fn unique_id<'a>(
    reader: &mut Reader<'_>,
    row: &mut Section<'a>,
    ids: &mut BTreeSet<&'a str>,
) -> String {
    let Some(found) = named(reader, row, "id", RULE_MAX) else {
        return String::new();
    };
    if !ids.insert(found.value) {
        reader.error(
            found.at,
            &row.key("id"),
            Some(found.value),
            "was used before",
            "give every row an id of its own",
        );
    }
    found.value.to_owned()
}

/// The actions of a list that exist; an error for each that does not.
pub(super) fn existing(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    list: Option<&List<'_>>,
    known: Known<'_>,
) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for (i, item) in list.into_iter().flat_map(|list| &list.value).enumerate() {
        if known.rule(item.value).is_some() {
            actions.insert(item.value.to_owned());
        } else {
            let problem = "is neither declared here nor built in";
            reader.error(
                item.at,
                &row.key(&format!("actions[{i}]")),
                Some(item.value),
                problem,
                "declare it with an `[[action]]` row",
            );
        }
    }
    actions
}

/// The actions and classes that a rule is about; one of the two lists must be there.
pub(super) fn subject(
    reader: &mut Reader<'_>,
    row: &mut Section<'_>,
    known: Known<'_>,
    remedy: &str,
) -> (BTreeSet<String>, BTreeSet<Class>) {
    let listed = row.strings(reader, "actions", super::LIST_MAX);
    let actions = existing(reader, row, listed.as_ref(), known);
    let classes = row.strings(reader, "classes", Class::ALL.len());
    let expected = "`read`, `write`, `contact` or `admin`";
    let class = |word: &str| word.parse().ok();
    let classes = one_of(reader, row, "classes", classes.as_ref(), class, expected);
    if !row.has("actions") && !row.has("classes") {
        row.missing(reader, "actions", remedy);
    }
    (actions, classes.into_iter().collect())
}

/// Whether a list is `["*"]`; a `*` among others is an error.
pub(super) fn is_any(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    key: &str,
    list: &List<'_>,
) -> bool {
    let Some(star) = list.value.iter().find(|item| item.value == "*") else {
        return false;
    };
    if list.value.len() > 1 {
        let problem = "stands beside names: expected it alone";
        reader.error(
            star.at,
            &row.key(key),
            Some("*"),
            problem,
            "write [\"*\"] for any, or names alone",
        );
    }
    list.value.len() == 1
}

/// The words of a list that are known; an error for each that is not.
pub(super) fn one_of<T>(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    key: &str,
    list: Option<&List<'_>>,
    known: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Vec<T> {
    let mut words = Vec::new();
    for (i, item) in list.into_iter().flat_map(|list| &list.value).enumerate() {
        if let Some(word) = known(item.value) {
            words.push(word);
        } else {
            let problem = format!("is unknown: expected {expected}");
            reader.error(
                item.at,
                &row.key(&format!("{key}[{i}]")),
                Some(item.value),
                problem,
                "change it",
            );
        }
    }
    words
}

/// A word of a closed list, if it is there and known.
pub(super) fn word<T>(
    reader: &mut Reader<'_>,
    row: &mut Section<'_>,
    key: &'static str,
    known: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Option<T> {
    word_at(reader, row, key, known, expected).map(|found| found.value)
}

/// The same, with its place.
pub(super) fn word_at<T>(
    reader: &mut Reader<'_>,
    row: &mut Section<'_>,
    key: &'static str,
    known: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Option<Found<T>> {
    let Found { at, value: text } = row.string(reader, key)?;
    let word = known(text);
    if word.is_none() {
        let problem = format!("is unknown: expected {expected}");
        reader.error(at, &row.key(key), Some(text), problem, "change it");
    }
    word.map(|value| Found { at, value })
}

/// A trailing window, 1 second to 31 days, which must be there.
pub(super) fn window(reader: &mut Reader<'_>, row: &mut Section<'_>) -> Option<u64> {
    let found = row.string(reader, "window");
    if !row.has("window") {
        row.missing(reader, "window", "write for instance `window = \"24h\"`");
    }
    let found = found?;
    let seconds = seconds(found.value);
    if seconds.is_none() {
        let problem =
            "is not valid: expected a number and `s`, `m`, `h` or `d`, 1 second to 31 days";
        reader.error(
            found.at,
            &row.key("window"),
            Some(found.value),
            problem,
            "write for instance `24h`",
        );
    }
    seconds
}

/// `90s`, `5m`, `24h` or `7d` in seconds; a number without leading zeros, 1 second to 31 days.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let unit = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    (seconds <= WINDOW_S_MAX).then_some(seconds)
}

/// The texts of a list that are valid, at most `bytes_max` long, and not personal; an error for each
/// other.
pub(super) fn texts<'a>(
    reader: &mut Reader<'_>,
    section: &mut Section<'a>,
    key: &'static str,
    (max, bytes_max): (usize, usize),
    expected: &str,
    valid: &dyn Fn(&str) -> bool,
) -> Vec<&'a str> {
    let list = section
        .strings(reader, key, max)
        .map_or_else(Vec::new, |list| list.value);
    let mut texts = Vec::new();
    for item in list {
        if text::has_address(item.value) || name::phone_at(item.value).is_some() {
            reader.error(
                item.at,
                &section.key(key),
                None,
                "holds personal data",
                "take it out: a policy is published in clear",
            );
        } else if item.value.len() > bytes_max
            || item.value.contains(char::is_control)
            || !valid(item.value)
        {
            let found = format!("is not valid: expected {expected}, at most {bytes_max} bytes");
            reader.error(
                item.at,
                &section.key(key),
                Some(item.value),
                found,
                "correct it",
            );
        } else {
            texts.push(item.value);
        }
    }
    texts
}
