//! A value of a provider's JSON and where it stands, so that an error can name it.

use ledger_core::time::Timestamp;
use serde_json::Value;

use super::{Refused, shown};
use crate::time;

/// A value and its path.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    path: String,
    value: Option<&'a Value>,
}

impl<'a> Field<'a> {
    /// The outermost value. Its members have their bare names as paths.
    pub(super) const fn root(value: &'a Value) -> Self {
        Self {
            path: String::new(),
            value: Some(value),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A member of an object; of anything else, one that is not there.
    pub(super) fn get(&self, name: &str) -> Self {
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        let value = self.value.and_then(|value| value.get(name));
        Self { path, value }
    }

    /// Whether there is something else than `null`.
    pub(super) fn is_there(&self) -> bool {
        self.value.is_some_and(|value| !value.is_null())
    }

    pub(super) fn text(&self) -> Result<&'a str, Refused> {
        match self.optional_text()? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(Refused::new(
                &self.path,
                "is missing or empty: expected text",
            )),
        }
    }

    pub(super) fn optional_text(&self) -> Result<Option<&'a str>, Refused> {
        match self.value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(Refused::new(
                &self.path,
                format!("is {}: expected text", kind(other)),
            )),
        }
    }

    /// Text where it is some; what a provider says beside the point is no reason to refuse the event.
    pub(super) fn said(&self) -> Option<&'a str> {
        self.value.and_then(Value::as_str)
    }

    pub(super) fn is_true(&self) -> bool {
        self.value.and_then(Value::as_bool).unwrap_or(false)
    }

    /// The members of a list, which must be one.
    pub(super) fn list(&self) -> Result<Vec<Self>, Refused> {
        match self.value {
            Some(Value::Array(items)) => Ok(self.each(items)),
            Some(other) => Err(Refused::new(
                &self.path,
                format!("is {}: expected a list", kind(other)),
            )),
            None => Err(Refused::new(&self.path, "is missing: expected a list")),
        }
    }

    /// The members of a list; none of anything else.
    pub(super) fn members(&self) -> Vec<Self> {
        self.list().unwrap_or_default()
    }

    fn each(&self, items: &'a [Value]) -> Vec<Self> {
        let field = |(at, value)| Self {
            path: format!("{}[{at}]", self.path),
            value: Some(value),
        };
        items.iter().enumerate().map(field).collect()
    }

    /// RFC 3339.
    pub(super) fn time(&self) -> Result<Timestamp, Refused> {
        let text = self.text()?;
        time::rfc3339(text).ok_or_else(|| {
            let why = format!(
                "{} is not a time: expected one such as `2026-11-22T11:31:05.123Z`, from 1970 on",
                shown(text)
            );
            Refused::new(&self.path, why)
        })
    }

    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> Result<Timestamp, Refused> {
        let seconds = match self.value {
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        seconds
            .and_then(|seconds: i64| seconds.checked_mul(1_000_000))
            .and_then(|micros| Timestamp::from_micros(micros).ok())
            .ok_or_else(|| {
                let found = match self.value {
                    None => "is missing".to_owned(),
                    Some(Value::Number(number)) => format!("`{number}` is not a time"),
                    Some(other) => format!("is {}", kind(other)),
                };
                let why = format!("{found}: expected whole seconds since 1970");
                Refused::new(&self.path, why)
            })
    }
}

/// What a value is, in words.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
