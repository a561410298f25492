//! `[[action]]`: which actions exist, and what each is.

use std::collections::{BTreeMap, BTreeSet};

use super::ACTIONS_MAX;
use super::field::{List, named, one_of, seconds};
use super::read::{Found, Reader, Section};
use crate::action::{ActionRule, Channel, Channels, Class};
use crate::name::{self, ACTION_MAX, PROVIDER_MAX};
use crate::token::Kind;

/// The kinds that `requires` may name.
const REQUIRABLE: [Kind; 4] = [Kind::Email, Kind::Phone, Kind::Contact, Kind::Account];
/// The lowest tier of a contact action: no policy makes reaching people a matter of routine.
const CONTACT_TIER_MIN: u8 = 2;
/// The minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// The least that `registry` may ask for: imports take their time.
const REGISTRY_AGE_S_MIN: u64 = 3_600;
/// The most sources that `registry_sources` may name.
const REGISTRY_SOURCES_MAX: usize = 8;

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
        let tier = row.integer(reader, "tier", &(0..=3));
        let hours = row.string(reader, "hours");
        let registry = row.string(reader, "registry");
        let creates = row.boolean(reader, "creates");
        let sources = row.strings(reader, "registry_sources", REGISTRY_SOURCES_MAX);
        let mut rule = action(
            reader,
            &row,
            name,
            class,
            channels.as_ref(),
            requires.as_ref(),
        );
        if let Some(found) = tier {
            rule.tier = self::tier(reader, &row, rule.class, found);
        }
        for (key, found) in [("hours", hours), ("registry", registry)] {
            if let Some(found) = found {
                contact_alone(reader, &row, key, found.at, rule.class);
            }
        }
        if let Some(found) = creates {
            if !rule.class.changes() {
                let class = rule.class;
                let problem = format!(
                    "is for actions that change data alone, and this one has the class `{class}`"
                );
                let remedy = "leave it out, or make the class `write` or `admin`";
                reader.error(found.at, &row.key("creates"), None, problem, remedy);
            }
            rule.creates = found.value;
        }
        rule.hours = hours.and_then(|found| self::hours(reader, &row, found));
        rule.registry_max_age_s = registry.and_then(|found| self::registry(reader, &row, found));
        if let Some(list) = sources {
            rule.registry_sources = self::sources(reader, &row, &list, registry.is_some());
        }
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

/// Refuses what only a contact action can have on any other.
fn contact_alone(reader: &mut Reader<'_>, row: &Section<'_>, key: &str, at: usize, class: Class) {
    if class != Class::Contact {
        let problem = format!("is for contact actions alone, and this one has the class `{class}`");
        let remedy = "leave it out, or make the class `contact`";
        reader.error(at, &row.key(key), None, problem, remedy);
    }
}

/// The tier that a row states: of contact never less than 2.
fn tier(reader: &mut Reader<'_>, row: &Section<'_>, class: Class, found: Found<u64>) -> u8 {
    let stated = u8::try_from(found.value).unwrap_or(3);
    if class == Class::Contact && stated < CONTACT_TIER_MIN {
        let problem = format!("is too low for a contact action: expected {CONTACT_TIER_MIN} or 3");
        let remedy = "raise it, or leave it out; a `[[grant]]` row may waive the approval of tier 2 for one agent";
        let shown = stated.to_string();
        reader.error(found.at, &row.key("tier"), Some(&shown), problem, remedy);
    }
    stated
}

/// `08:00-21:00` in minutes of the day.
fn hours(reader: &mut Reader<'_>, row: &Section<'_>, found: Found<&str>) -> Option<(u16, u16)> {
    let minutes = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = (two(hour)?, two(minute)?);
        let of_day = hour * 60 + minute;
        (minute < 60 && of_day <= DAY_MINUTES).then_some(of_day)
    };
    let span = found.value.split_once('-').and_then(|(from, to)| {
        let (from, to) = (minutes(from)?, minutes(to)?);
        (from < to).then_some((from, to))
    });
    if span.is_none() {
        let problem =
            "is not valid: expected two times of one day, the earlier first, from 00:00 to 24:00";
        let remedy = "write for instance `08:00-21:00`";
        reader.error(
            found.at,
            &row.key("hours"),
            Some(found.value),
            problem,
            remedy,
        );
    }
    span
}

/// How old the registry may be, in seconds.
fn registry(reader: &mut Reader<'_>, row: &Section<'_>, found: Found<&str>) -> Option<u64> {
    let age = seconds(found.value).filter(|age| *age >= REGISTRY_AGE_S_MIN);
    if age.is_none() {
        let problem = "is not valid: expected a number and `s`, `m`, `h` or `d`, 1 hour to 31 days";
        let remedy = "write for instance `31d`";
        reader.error(
            found.at,
            &row.key("registry"),
            Some(found.value),
            problem,
            remedy,
        );
    }
    age
}

/// The sources of the registry that count.
fn sources(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    list: &List<'_>,
    registry: bool,
) -> BTreeSet<String> {
    if !registry {
        let problem = "says which imports count, and no `registry` says how old they may be";
        let remedy = "add for instance `registry = \"31d\"`, or leave it out";
        reader.error(list.at, &row.key("registry_sources"), None, problem, remedy);
    }
    let mut sources = BTreeSet::new();
    for (i, item) in list.value.iter().enumerate() {
        match name::check("source", item.value, PROVIDER_MAX) {
            Ok(()) => _ = sources.insert(item.value.to_owned()),
            Err(error) => row.bad_name(reader, &format!("registry_sources[{i}]"), *item, &error),
        }
    }
    sources
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
            contact_alone(reader, row, "channels", found.at, class);
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
    let name = name.map_or("", |name| name.value);
    ActionRule {
        class,
        channels,
        requires,
        tier: ActionRule::default_tier(name, class),
        hours: None,
        registry_max_age_s: None,
        creates: ActionRule::creates_by_name(name, class),
        registry_sources: BTreeSet::new(),
    }
}
