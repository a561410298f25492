//! From the text of a policy to its rules.

use std::sync::Arc;

use toml::de::DeTable;

use super::error::{PolicyError, PolicyErrors};
use super::field::{Known, texts};
use super::read::{Reader, Section};
use super::{
    Conditions, NUMBER_RANGES, Numbers, POLICY_BYTES_MAX, POLICY_FILE, Parts, Policy, REDACT_MAX,
    action, breaker, condition, grant, sandbox, scope, text, throttle,
};
use crate::redact::{Pointer, Redaction, fold};

pub(super) fn policy(files: &[(&str, &[u8])]) -> Result<Policy, PolicyErrors> {
    let mut errors = Vec::new();
    let text = the_file(files, &mut errors)
        .and_then(|bytes| text::checked(POLICY_FILE, bytes, &mut errors));
    let policy = text.and_then(|text| read(text, &mut errors));
    let conditions = condition::files(files, &mut errors);
    match policy {
        Some(policy) if errors.is_empty() => {
            let conditions = conditions_of(&policy, &conditions, &mut errors);
            if errors.is_empty() {
                return Ok(Policy {
                    conditions: conditions.map(Arc::new),
                    ..policy
                });
            }
            Err(PolicyErrors::new(errors))
        }
        _ => Err(PolicyErrors::new(errors)),
    }
}

/// The conditions of a policy, if it has files with any. They may name the actions of `policy.toml`, so
/// that nothing is said about them before that is right.
fn conditions_of(
    policy: &Policy,
    files: &[(&str, &[u8])],
    errors: &mut Vec<PolicyError>,
) -> Option<Conditions> {
    let mut texts = Vec::new();
    for (path, bytes) in files {
        texts.extend(text::checked(path, bytes, errors).map(|text| (*path, text)));
    }
    if files.is_empty() || !errors.is_empty() {
        return None;
    }
    condition::read(&texts, policy.actions().map(|(name, _)| name), errors)
}

/// The bytes of `policy.toml`, if the files are within bounds.
fn the_file<'a>(files: &[(&str, &'a [u8])], errors: &mut Vec<PolicyError>) -> Option<&'a [u8]> {
    let mut refuse = |path: &str, problem: String, remedy: &str| {
        errors.push(PolicyError {
            path: text::shown_path(path),
            line: None,
            key: String::new(),
            value: None,
            problem,
            remedy: remedy.to_owned(),
        });
    };
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if bytes > POLICY_BYTES_MAX {
        let found =
            format!("with all files has {bytes} bytes: expected at most {POLICY_BYTES_MAX}");
        refuse(POLICY_FILE, found, "shorten the policy");
        return None;
    }
    let others = files.iter().map(|(path, _)| *path);
    for path in others.filter(|path| *path != POLICY_FILE && !condition::is_file(path)) {
        refuse(
            path,
            "is not enforced by this version: expected `policy.toml` and files that end in `.cedar`"
                .to_owned(),
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
    let declared = action::rows(reader, &mut root);
    let known = Known {
        declared: &declared,
    };
    let fields = scope::rules(reader, &mut root);
    let grants = grant::rows(reader, &mut root, known, &fields);
    let throttles = throttle::rows(reader, &mut root, known);
    let breakers = breaker::rows(reader, &mut root, known);
    let dnc_breach = breaker::breach(reader, &mut root);
    let sandbox = sandbox::read(reader, &mut root);
    root.finish(reader);
    Policy::new(Parts {
        numbers,
        redact,
        fields,
        dnc_breach,
        sandbox,
        declared,
        grants,
        throttles,
        breakers,
    })
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
    let bounds = (REDACT_MAX, REDACT_MAX);
    let expected = "a name with a letter or digit in it";
    let is_name = |name: &str| !fold(name).is_empty();
    let names = texts(reader, &mut section, "keys", bounds, expected, &is_name);
    let pointers = pointers(reader, &mut section, "pointers");
    section.finish(reader);
    Redaction::new(names, pointers)
}

/// A list of JSON pointers.
pub(super) fn pointers(
    reader: &mut Reader<'_>,
    section: &mut Section<'_>,
    key: &'static str,
) -> Vec<Pointer> {
    let bounds = (REDACT_MAX, REDACT_MAX);
    let expected = "a JSON pointer such as `/headers/0`";
    let valid = |pointer: &str| pointer.parse::<Pointer>().is_ok();
    let found = texts(reader, section, key, bounds, expected, &valid);
    found.iter().filter_map(|text| text.parse().ok()).collect()
}
