//! Ids that stand in entries in clear: agents, actions, tools, sellers, campaigns, rules, request,
//! action and correlation ids. They are declared non-personal, and their form keeps the most common
//! personal data out: no `@`, no space, no phone number.

/// The most bytes of a request id.
pub const REQUEST_ID_MAX: usize = 128;
/// The most bytes of an action id.
pub const ACTION_ID_MAX: usize = 128;
/// The most bytes of a correlation id.
pub const CORRELATION_ID_MAX: usize = 128;
/// The most bytes of an action's name.
pub const ACTION_MAX: usize = 64;
/// The most bytes of a principal's id.
pub const PRINCIPAL_MAX: usize = 64;
/// The most bytes of an agent's version.
pub const VERSION_MAX: usize = 128;
/// The most bytes of a seller's name.
pub const SELLER_MAX: usize = 64;
/// The most bytes of a campaign's name.
pub const CAMPAIGN_MAX: usize = 64;
/// The most bytes of the id of a grant or a throttle rule.
pub const RULE_MAX: usize = 64;
/// The most bytes of a tool's name.
pub const TOOL_MAX: usize = 128;
/// The most bytes of a provider's name.
pub const PROVIDER_MAX: usize = 128;
/// The most bytes of an error code.
pub const ERROR_CODE_MAX: usize = 128;

/// This many digits after a `+` are taken for a phone number.
const PHONE_DIGITS_MIN: usize = 8;
/// How much of a refused value an error repeats, in characters.
const SHOWN_CHARS: usize = 40;

/// Why a value is not an id that may stand in clear.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("{field} is empty: expected an id of 1 to {max} characters")]
    Empty {
        /// The field.
        field: &'static str,
        /// The most bytes it takes.
        max: usize,
    },
    /// Over its limit.
    #[error("{field} `{value}` has {bytes} bytes: expected at most {max}; shorten it or hash it")]
    TooLong {
        /// The field.
        field: &'static str,
        /// The beginning of the value.
        value: String,
        /// The bytes it has.
        bytes: usize,
        /// The most bytes it takes.
        max: usize,
    },
    /// A character outside the set.
    #[error(
        "{field} `{value}` is not valid: expected letters, digits and `._:/+=-`, a letter or digit first"
    )]
    Charset {
        /// The field.
        field: &'static str,
        /// The beginning of the value.
        value: String,
    },
    /// An upper-case letter in what is compared as it stands.
    #[error(
        "{field} `{value}` is not in lower case: expected lower case, so that it has one spelling"
    )]
    Case {
        /// The field.
        field: &'static str,
        /// The beginning of the value.
        value: String,
    },
    /// It looks like an e-mail address or a phone number. The value is not repeated.
    #[error(
        "{field} looks like {what}: expected an id without personal data; put people in recipients or targets, which are stored as tokens"
    )]
    Personal {
        /// The field.
        field: &'static str,
        /// What it looks like.
        what: &'static str,
    },
}

/// Checks that `value` may stand in clear in the log: `[A-Za-z0-9][A-Za-z0-9._:/+=-]*` (`_` included),
/// at most `max` bytes, and nothing that looks like personal data.
///
/// An e-mail address is recognised by its `@`. A phone number is a `+` with at least 8 digits after
/// it, `.`, `-`, `/`, parentheses and spaces between them not counted, or as many digits after `tel:`.
/// (So a version such as `1.0+20261122` is refused too: write `1.0-20261122`.) A long run of digits
/// alone is not taken for one: numeric run ids are common, and a number without a `+` is not E.164.
///
/// # Errors
/// [`NameError`], which names the field and repeats no value that looks personal.
pub fn check(field: &'static str, value: &str, max: usize) -> Result<(), NameError> {
    if value.is_empty() {
        return Err(NameError::Empty { field, max });
    }
    if let Some(what) = personal(value) {
        return Err(NameError::Personal { field, what });
    }
    if value.len() > max {
        return Err(NameError::TooLong {
            field,
            value: shown(value),
            bytes: value.len(),
            max,
        });
    }
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._:/+=-".contains(&b);
    if !value.as_bytes()[0].is_ascii_alphanumeric() || !value.bytes().all(inner) {
        return Err(NameError::Charset {
            field,
            value: shown(value),
        });
    }
    Ok(())
}

/// Checks a seller's name: as [`check`] does, and in lower case. Listings name sellers, and one that is
/// written otherwise than the request's would not bind.
///
/// # Errors
/// [`NameError`], as of [`check`].
pub fn seller(value: &str) -> Result<(), NameError> {
    let field = "seller";
    check(field, value, SELLER_MAX)?;
    if value.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(NameError::Case {
            field,
            value: shown(value),
        });
    }
    Ok(())
}

/// What kind of personal data a text seems to hold, if any.
pub(crate) fn personal(text: &str) -> Option<&'static str> {
    if text.contains(['@', '\u{ff20}', '\u{fe6b}']) {
        return Some("an e-mail address");
    }
    phone_at(text).map(|_| "a phone number")
}

/// Where something that looks like a phone number begins: a `+` with a digit or a parenthesis after
/// it, or `tel:`, and then at least 8 digits.
pub(crate) fn phone_at(text: &str) -> Option<usize> {
    let plus = text
        .match_indices(['+', '\u{ff0b}'])
        .map(|(at, mark)| (at, &text[at + mark.len()..]));
    let plus = plus.filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit() || c == '('));
    let lower = text.to_ascii_lowercase();
    let tel = lower
        .match_indices("tel:")
        .map(|(at, mark)| (at, text[at + mark.len()..].trim_start_matches([' ', '+'])));
    plus.chain(tel)
        .filter(|(_, rest)| digits_at(rest) >= PHONE_DIGITS_MIN)
        .map(|(at, _)| at)
        .min()
}

/// How many digits a text begins with, what people write between them not counted.
fn digits_at(text: &str) -> usize {
    let between = |c: char| {
        matches!(
            c,
            ' ' | '.' | '-' | '/' | '(' | ')' | '\u{a0}' | '\u{2010}'..='\u{2015}'
        )
    };
    text.chars()
        .take_while(|c| c.is_ascii_digit() || between(*c))
        .filter(char::is_ascii_digit)
        .count()
}

/// The beginning of a value, safe to print on one line.
pub(crate) fn shown(value: &str) -> String {
    let mut text = value
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect::<String>();
    if value.chars().nth(SHOWN_CHARS).is_some() {
        text.push('…');
    }
    text
}
