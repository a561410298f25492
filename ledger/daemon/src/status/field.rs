//! A field of a request that cannot be taken as it is.

use std::fmt;

/// How much of a value is repeated, in characters.
const SHOWN_CHARS: usize = 40;

/// A field of a request with a value that it must not have. The value is not repeated where it may be
/// personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path in the request, such as `recipients[2].role`.
    pub field: String,
    /// The beginning of the value, safe to print.
    pub value: Option<String>,
    /// What was expected, and what to do.
    pub expected: String,
}

impl FieldError {
    /// An error about a value that may be shown.
    pub fn shown(
        field: impl Into<String>,
        value: &dyn fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        let value = value.to_string();
        let mut shown: String = value
            .chars()
            .take(SHOWN_CHARS)
            .flat_map(char::escape_debug)
            .collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self {
            field: field.into(),
            value: Some(shown),
            expected: expected.into(),
        }
    }

    /// An error about a value that is absent or may be personal.
    pub fn withheld(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: None,
            expected: expected.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} `{value}`: {}", self.field, self.expected),
            None => write!(f, "{}: {}", self.field, self.expected),
        }
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_value_is_cut_and_stays_on_one_line() {
        let error = FieldError::shown("tool", &format!("a\nb{}", "x".repeat(100)), "expected less");
        assert_eq!(error.value, Some(format!("a\\nb{}…", "x".repeat(37))));
    }
}
