//! `[[action]]`: which actions exist, and what each is.

use std::collections::BTreeMap;

use super::ACTIONS_MAX;
use super::field::{List, named, one_of};
use super::read::{Found, Reader, Section};
use crate::action::{ActionRule, Channel, Channels, Class};
use crate::name::ACTION_MAX;
use crate::token::Kind;

/// The kinds that `requires` may name.
const REQUIRABLE: [Kind; 4] = [Kind::Email, Kind::Phone, Kind::Contact, Kind::Account];

pub(super) fn rows(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
) -> BTreeMap<String, ActionRule> {
    let mut declared = BTreeMap::new();
    for mut row in root.rows(reader, "action", ACTIONS_MAX) {
        let name = named(reader, &mut row, "name", ACTION_MAX);
        let class = row.string(reader, "class");
        let channels = row.strings(reader, "channels", Channel::ALL.len());
        let requires = row.strings(reader, "requires", REQUIRABLE.len());
        let rule = action(
            reader,
            &row,
            name,
            class,
            channels.as_ref(),
            requires.as_ref(),
        );
        if let Some(name) = name {
            if declared.contains_key(name.value) {
                reader.error(
                    name.at,
                    &row.key("name"),
                    Some(name.value),
                    "was declared before",
                    "declare each action once",
                );
            }
            declared.insert(name.value.to_owned(), rule);
        }
        row.finish(reader);
    }
    declared
}

fn action(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    name: Option<Found<&str>>,
    class: Option<Found<&str>>,
    channels: Option<&List<'_>>,
    requires: Option<&List<'_>>,
) -> ActionRule {
    let builtin = name.and_then(|name| ActionRule::builtin(name.value));
    if let Some(name) = name
        && builtin.is_none()
        && let Some(like) = ActionRule::BUILTIN
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name.value))
    {
        let found = format!("differs from the built-in action `{like}` in case alone");
        reader.error(
            name.at,
            &row.key("name"),
            Some(name.value),
            found,
            "use the built-in name, or a different one",
        );
    }

    let stated = class.and_then(|found| {
        let class = found.value.parse::<Class>().ok();
        if class.is_none() {
            let problem = "is unknown: expected `read`, `write`, `contact` or `admin`";
            let remedy = "change it, or leave it out for `contact`";
            reader.error(
                found.at,
                &row.key("class"),
                Some(found.value),
                problem,
                remedy,
            );
        }
        class.map(|class| (found, class))
    });
    if let (Some((found, class)), Some(_)) = (stated, &builtin)
        && class != Class::Contact
    {
        let problem =
            "would take a built-in contact action out of the class `contact`: no policy can";
        reader.error(
            found.at,
            &row.key("class"),
            Some(found.value),
            problem,
            "write `contact`, or leave it out",
        );
    }
    let class = if builtin.is_some() {
        Class::Contact
    } else {
        stated.map_or(Class::Contact, |(_, class)| class)
    };

    let words: Channels = one_of(
        reader,
        row,
        "channels",
        channels,
        |word| word.parse().ok(),
        "`email`, `call`, `sms` or `meeting`",
    )
    .into_iter()
    .collect();
    let channels = match (channels, class) {
        (None, Class::Contact) => builtin
            .as_ref()
            .map_or(Channels::all(), |rule| rule.channels),
        (None, _) => Channels::none(),
        (Some(found), Class::Contact) => {
            let fixed = builtin.map_or(Channels::none(), |rule| rule.channels);
            if !words.contains_all(fixed) {
                let problem = format!(
                    "leaves out what the gate fixes for this action: expected at least {fixed}"
                );
                reader.error(
                    found.at,
                    &row.key("channels"),
                    None,
                    problem,
                    "add the missing ones, or leave the key out",
                );
            }
            words.union(fixed)
        }
        (Some(found), _) => {
            let problem =
                format!("is for contact actions alone, and this one has the class `{class}`");
            reader.error(
                found.at,
                &row.key("channels"),
                None,
                problem,
                "leave it out, or make the class `contact`",
            );
            Channels::none()
        }
    };

    let kind = |word: &str| REQUIRABLE.into_iter().find(|kind| kind.as_str() == word);
    let mut requires = one_of(
        reader,
        row,
        "requires",
        requires,
        kind,
        "`email`, `phone`, `contact` or `account`",
    );
    requires.sort();
    ActionRule {
        class,
        channels,
        requires,
        tier: ActionRule::default_tier(name.map_or("", |name| name.value), class),
        hours: None,
        registry_max_age_s: None,
    }
}
