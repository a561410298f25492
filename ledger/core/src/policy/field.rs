//! What the rows of a policy share: names, ids, lists and words.

use std::collections::BTreeSet;

use super::read::{Found, Reader, Section};
use crate::action::Class;
use crate::name::{self, RULE_MAX};

/// A list of strings with its place, each with its own.
pub(super) type List<'a> = Found<Vec<Found<&'a str>>>;

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
    class: &dyn Fn(&str) -> Option<Class>,
) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for (i, item) in list.into_iter().flat_map(|list| &list.value).enumerate() {
        if class(item.value).is_some() {
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
    let found = row.string(reader, key)?;
    let word = known(found.value);
    if word.is_none() {
        let problem = format!("is unknown: expected {expected}");
        reader.error(
            found.at,
            &row.key(key),
            Some(found.value),
            problem,
            "change it",
        );
    }
    word
}
