//! The rules for a policy's text, before what it says: readable, and without personal data, since it
//! is published in the log in clear. Comments count.

use super::read::Reader;
use crate::name::phone_at;

/// Checks the bytes of a file and gives them back as text.
pub(super) fn checked<'a>(
    path: &str,
    bytes: &'a [u8],
    errors: &mut Vec<super::PolicyError>,
) -> Option<&'a str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (before, _) = bytes.split_at(error.valid_up_to());
            let line = before.split(|b| *b == b'\n').count();
            errors.push(super::PolicyError {
                path: path.to_owned(),
                line: Some(line),
                key: String::new(),
                value: None,
                problem: "is not UTF-8 text".to_owned(),
                remedy: "save the file as UTF-8".to_owned(),
            });
            return None;
        }
    };
    let mut reader = Reader::new(path, text);
    for (line, content) in (1..).zip(text.split('\n')) {
        if let Some(control) = content.chars().find(|c| c.is_control() && *c != '\t') {
            let found = format!("holds the control character U+{:04X}", u32::from(control));
            let remedy = if control == '\r' {
                "end lines with a line feed alone"
            } else {
                "take it out"
            };
            reader.line_error(line, found, remedy);
        }
        if has_address(content) {
            reader.line_error(line, "holds an e-mail address".to_owned(), "name mailboxes by an opaque name or by `token:<64 hex digits>`, and people not at all");
        }
        if phone_at(content).is_some() {
            reader.line_error(
                line,
                "holds a phone number".to_owned(),
                "take it out: a policy is published in clear",
            );
        }
    }
    let clean = reader.errors.is_empty();
    errors.append(&mut reader.errors);
    clean.then_some(text)
}

/// A path as errors name it: it may be personal too.
pub(super) fn shown_path(path: &str) -> String {
    if has_address(path) || phone_at(path).is_some() {
        "a file of the policy".to_owned()
    } else {
        crate::name::shown(path)
    }
}

/// Whether an `@` stands between two things that are not spaces.
pub(super) fn has_address(text: &str) -> bool {
    let at = |c: char| matches!(c, '@' | '\u{ff20}' | '\u{fe6b}');
    let solid =
        |c: Option<char>| c.is_some_and(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '`'));
    text.match_indices(at).any(|(i, mark)| {
        solid(text[..i].chars().next_back()) && solid(text[i + mark.len()..].chars().next())
    })
}
