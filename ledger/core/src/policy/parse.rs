//! From the text of a policy to its rules.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::error::{PolicyError, PolicyErrors};
use super::read::{Found, Reader, Section};
use super::{
    ACTIONS_MAX, GRANTS_MAX, Grant, LIMIT_MAX, LIST_MAX, MAILBOX_BYTES_MAX, Mailboxes,
    NUMBER_RANGES, Names, Numbers, POLICY_BYTES_MAX, POLICY_FILE, Per, Policy, REDACT_MAX,
    THROTTLES_MAX, ThrottleRule, Unit, text,
};
use crate::action::{ActionRule, Channel, Channels, Class};
use crate::limits::{POLICY_MAILBOXES_MAX, WINDOW_S_MAX};
use crate::name::{self, ACTION_MAX, PRINCIPAL_MAX, RULE_MAX, SELLER_MAX};
use crate::redact::{Pointer, Redaction, fold};
use crate::token::{Kind, Token};

/// The kinds that `requires` may name.
const REQUIRABLE: [Kind; 4] = [Kind::Email, Kind::Phone, Kind::Contact, Kind::Account];

pub(super) fn policy(files: &[(&str, &[u8])]) -> Result<Policy, PolicyErrors> {
    let mut errors = Vec::new();
    let text = the_file(files, &mut errors)
        .and_then(|bytes| text::checked(POLICY_FILE, bytes, &mut errors));
    let policy = text.and_then(|text| read(text, &mut errors));
    match policy {
        Some(policy) if errors.is_empty() => Ok(policy),
        _ => Err(PolicyErrors::new(errors)),
    }
}

/// The bytes of `policy.toml`, if the files are within bounds.
fn the_file<'a>(files: &[(&str, &'a [u8])], errors: &mut Vec<PolicyError>) -> Option<&'a [u8]> {
    let mut refuse = |path: &str, problem: String, remedy: &str| {
        // A path may be personal too.
        let personal = text::has_address(path) || name::phone_at(path).is_some();
        let path = if personal {
            "a file of the policy".to_owned()
        } else {
            name::shown(path)
        };
        let remedy = remedy.to_owned();
        errors.push(PolicyError {
            path,
            line: None,
            key: String::new(),
            value: None,
            problem,
            remedy,
        });
    };
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if bytes > POLICY_BYTES_MAX {
        let found =
            format!("with all files has {bytes} bytes: expected at most {POLICY_BYTES_MAX}");
        refuse(POLICY_FILE, found, "shorten the policy");
        return None;
    }
    for (path, _) in files.iter().filter(|(path, _)| *path != POLICY_FILE) {
        refuse(
            path,
            "is not enforced by this version: expected the one file `policy.toml`".to_owned(),
            "take the file out",
        );
    }
    let mut found = files.iter().filter(|(path, _)| *path == POLICY_FILE);
    let Some((_, first)) = found.next() else {
        refuse(
            POLICY_FILE,
            "is missing".to_owned(),
            "put the policy into a file of this name",
        );
        return None;
    };
    if found.next().is_some() {
        refuse(
            POLICY_FILE,
            "was given twice".to_owned(),
            "give each file once",
        );
    }
    Some(first)
}

fn read(text: &str, errors: &mut Vec<PolicyError>) -> Option<Policy> {
    let mut reader = Reader::new(POLICY_FILE, text);
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let at = error.span().map_or(0, |span| span.start);
        reader.error(
            at,
            "",
            None,
            format!("is not TOML: {}", error.message()),
            "correct the line",
        );
    }
    // What stands in a broken text is guesswork: nothing more is said about it.
    let policy = broken
        .is_empty()
        .then(|| document(&mut reader, Section::new(String::new(), 0, root.get_ref())));
    errors.append(&mut reader.errors);
    policy
}

fn document(reader: &mut Reader<'_>, mut root: Section<'_>) -> Policy {
    _ = root.integer(reader, "version", &(1..=1));
    if !root.has("version") {
        root.missing(reader, "version", "write `version = 1` at the top");
    }
    let numbers = numbers(reader, &mut root);
    let redact = redact(reader, &mut root);
    let declared = actions(reader, &mut root);
    let class = |name: &str| {
        let rule = declared
            .get(name)
            .cloned()
            .or_else(|| ActionRule::builtin(name));
        rule.map(|rule| rule.class)
    };
    let grants = grants(reader, &mut root, &class);
    let throttles = throttles(reader, &mut root, &class);
    root.finish(reader);
    Policy::new(numbers, redact, declared, grants, throttles)
}

fn numbers(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Numbers {
    let mut numbers = Numbers::default();
    let Some(mut section) = root.section(reader, "numbers") else {
        return numbers;
    };
    let errors_before = reader.errors.len();
    for (key, range) in &NUMBER_RANGES {
        if let (Some(found), Some(number)) =
            (section.integer(reader, key, range), numbers.get_mut(key))
        {
            *number = found.value;
        }
    }
    if reader.errors.len() == errors_before {
        for (small, small_value, large, large_value) in [
            (
                "valid_for_s",
                numbers.valid_for_s,
                "report_within_s",
                numbers.report_within_s,
            ),
            (
                "heartbeat_s",
                numbers.heartbeat_s,
                "max_gap_s",
                numbers.max_gap_s,
            ),
        ] {
            if large_value < small_value {
                let found =
                    format!("is less than {small} ({small_value}): expected at least as much");
                let remedy = format!("set {large} to {small_value} or more, or lower {small}");
                reader.error(
                    section.at,
                    &section.key(large),
                    Some(&large_value.to_string()),
                    found,
                    &remedy,
                );
            }
        }
    }
    section.finish(reader);
    numbers
}

fn redact(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Redaction {
    let Some(mut section) = root.section(reader, "redact") else {
        return Redaction::default();
    };
    let mut read = |key, expected: &str, valid: &dyn Fn(&str) -> bool| {
        let list = section
            .strings(reader, key, REDACT_MAX)
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
            } else if item.value.len() > REDACT_MAX
                || item.value.contains(char::is_control)
                || !valid(item.value)
            {
                let found =
                    format!("is not valid: expected {expected}, at most {REDACT_MAX} bytes");
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
    };
    let names = read("keys", "a name with a letter or digit in it", &|name| {
        !fold(name).is_empty()
    });
    let pointers = read(
        "pointers",
        "a JSON pointer such as `/headers/0`",
        &|pointer| pointer.parse::<Pointer>().is_ok(),
    );
    section.finish(reader);
    Redaction::new(
        names,
        pointers
            .iter()
            .filter_map(|pointer| pointer.parse().ok())
            .collect(),
    )
}

fn actions(reader: &mut Reader<'_>, root: &mut Section<'_>) -> BTreeMap<String, ActionRule> {
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
    channels: Option<&Found<Vec<Found<&str>>>>,
    requires: Option<&Found<Vec<Found<&str>>>>,
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
    }
}

fn grants(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    class: &dyn Fn(&str) -> Option<Class>,
) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut ids = BTreeSet::new();
    let mut mailbox_names = BTreeSet::new();
    for mut row in root.rows(reader, "grant", GRANTS_MAX) {
        let id = unique_id(reader, &mut row, &mut ids);
        let agent = named(reader, &mut row, "agent", PRINCIPAL_MAX);
        let listed = row.strings(reader, "actions", LIST_MAX);
        if !row.has("actions") {
            row.missing(reader, "actions", "name the actions that the row grants");
        }
        let actions = existing(reader, &row, listed.as_ref(), class);
        let sellers = sellers(reader, &mut row);
        let contact = actions
            .iter()
            .find(|action| class(action) == Some(Class::Contact));
        if let Some(action) = contact.filter(|_| !row.has("sellers")) {
            let remedy = format!(
                "`{action}` is contact: name the sellers on whose behalf, or write `sellers = [\"*\"]` for any"
            );
            row.missing(reader, "sellers", &remedy);
        }
        let mailboxes = mailboxes(reader, &mut row, &mut mailbox_names);
        row.finish(reader);
        grants.push(Grant {
            id,
            agent: agent.map_or_else(String::new, |agent| agent.value.to_owned()),
            actions,
            sellers: sellers.unwrap_or(Names::Only(BTreeSet::new())),
            mailboxes,
        });
    }
    grants
}

fn sellers(reader: &mut Reader<'_>, row: &mut Section<'_>) -> Option<Names> {
    let list = row.strings(reader, "sellers", LIST_MAX)?;
    if is_any(reader, row, "sellers", &list) {
        return Some(Names::Any);
    }
    let mut names = BTreeSet::new();
    for (i, item) in list
        .value
        .iter()
        .enumerate()
        .filter(|(_, item)| item.value != "*")
    {
        match name::check("seller", item.value, SELLER_MAX) {
            Ok(()) => _ = names.insert(item.value.to_owned()),
            Err(error) => row.bad_name(reader, &format!("sellers[{i}]"), *item, &error),
        }
    }
    Some(Names::Only(names))
}

/// The mailboxes of a row; `all` gathers the names of all rows.
fn mailboxes<'a>(
    reader: &mut Reader<'_>,
    row: &mut Section<'a>,
    all: &mut BTreeSet<&'a str>,
) -> Mailboxes {
    let (mut names, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    let Some(list) = row.strings(reader, "mailboxes", LIST_MAX) else {
        return Mailboxes::Only { names, tokens };
    };
    if is_any(reader, row, "mailboxes", &list) {
        return Mailboxes::Any;
    }
    for (i, item) in list
        .value
        .iter()
        .enumerate()
        .filter(|(_, item)| item.value != "*")
    {
        let key = format!("mailboxes[{i}]");
        if let Some(digits) = item.value.strip_prefix("token:") {
            if let Ok(token) = digits.parse::<Token>() {
                tokens.insert(token);
            } else {
                let problem = "is not valid: expected `token:` and 64 lower-case hex digits";
                let remedy = "copy the token from an entry";
                reader.error(item.at, &row.key(&key), Some(item.value), problem, remedy);
            }
        } else if let Err(error) = name::check("mailbox", item.value, MAILBOX_BYTES_MAX) {
            row.bad_name(reader, &key, *item, &error);
        } else {
            names.insert(item.value.to_owned());
            if all.insert(item.value) && all.len() == POLICY_MAILBOXES_MAX + 1 {
                let problem = format!(
                    "is one mailbox too many: expected at most {POLICY_MAILBOXES_MAX} names in a policy"
                );
                reader.error(
                    item.at,
                    &row.key(&key),
                    Some(item.value),
                    problem,
                    "grant `[\"*\"]`, or name fewer",
                );
            }
        }
    }
    Mailboxes::Only { names, tokens }
}

fn throttles(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    class: &dyn Fn(&str) -> Option<Class>,
) -> Vec<ThrottleRule> {
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for mut row in root.rows(reader, "throttle", THROTTLES_MAX) {
        let id = unique_id(reader, &mut row, &mut ids);
        let listed = row.strings(reader, "actions", LIST_MAX);
        let actions = existing(reader, &row, listed.as_ref(), class);
        let classes = row.strings(reader, "classes", Class::ALL.len());
        let expected = "`read`, `write`, `contact` or `admin`";
        let classes = one_of(
            reader,
            &row,
            "classes",
            classes.as_ref(),
            |word| word.parse().ok(),
            expected,
        );
        if !row.has("actions") && !row.has("classes") {
            row.missing(
                reader,
                "actions",
                "name the actions that the rule counts, or `classes` of actions",
            );
        }
        let per = word(
            reader,
            &mut row,
            "per",
            |word| Per::ALL.into_iter().find(|per| per.as_str() == word),
            PER,
        );
        if !row.has("per") {
            row.missing(reader, "per", "write per = and one of `agent`, `workspace`, `mailbox`, `recipient`, `domain`, `campaign`, `seller`");
        }
        let unit = word(
            reader,
            &mut row,
            "unit",
            |word| Unit::ALL.into_iter().find(|unit| unit.as_str() == word),
            UNIT,
        );
        let limit = row.integer(reader, "limit", &(1..=LIMIT_MAX));
        if !row.has("limit") {
            row.missing(reader, "limit", "say how many, from 1 to 1000000");
        }
        let window = row.string(reader, "window");
        let window_s = window.and_then(|found| {
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
        });
        if !row.has("window") {
            row.missing(reader, "window", "write for instance `window = \"24h\"`");
        }
        row.finish(reader);
        // A rule that lacks any of these has been refused above.
        if let (Some(per), Some(limit), Some(window_s)) = (per, limit, window_s) {
            let (unit, limit) = (unit.unwrap_or(Unit::Actions), limit.value);
            rules.push(ThrottleRule {
                id,
                actions,
                classes: classes.into_iter().collect(),
                per,
                unit,
                limit,
                window_s,
            });
        }
    }
    rules
}

const PER: &str = "`agent`, `workspace`, `mailbox`, `recipient`, `domain`, `campaign` or `seller`";
const UNIT: &str = "`actions` or `recipients`";

/// `90s`, `5m`, `24h` or `7d` in seconds; a number without leading zeros, 1 second to 31 days.
fn seconds(text: &str) -> Option<u64> {
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

/// A name that must be there.
fn named<'a>(
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

fn unique_id<'a>(
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
fn existing(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    list: Option<&Found<Vec<Found<&str>>>>,
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
fn is_any(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    key: &str,
    list: &Found<Vec<Found<&str>>>,
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
fn one_of<T>(
    reader: &mut Reader<'_>,
    row: &Section<'_>,
    key: &str,
    list: Option<&Found<Vec<Found<&str>>>>,
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
fn word<T>(
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
