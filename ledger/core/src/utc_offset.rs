//! How far a place's local time is from UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The furthest that any place is from UTC, in minutes: UTC-12:00 and UTC+14:00 are in use.
const MINUTES_MAX: i32 = 14 * 60;

/// An offset from UTC in minutes, -14:00 to +14:00, written as `+05:30`; UTC itself is `+00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcOffset(i32);

/// Why something is not a [`UtcOffset`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("utc_offset `{value}` is not valid: expected `+00:00` to `+14:00` or `-00:01` to `-14:00`")]
pub struct UtcOffsetError {
    /// The text given, cut to 40 characters.
    value: String,
}

impl UtcOffset {
    /// The offset of `minutes` east of Greenwich.
    ///
    /// # Errors
    /// [`UtcOffsetError`] for more than 14 hours either way.
    pub fn from_minutes(minutes: i32) -> Result<Self, UtcOffsetError> {
        if minutes.abs() > MINUTES_MAX {
            return Err(UtcOffsetError {
                value: minutes.to_string(),
            });
        }
        Ok(Self(minutes))
    }

    /// Minutes east of Greenwich.
    pub const fn minutes(self) -> i32 {
        self.0
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", self.0.abs() / 60, self.0.abs() % 60)
    }
}

impl FromStr for UtcOffset {
    type Err = UtcOffsetError;

    fn from_str(text: &str) -> Result<Self, UtcOffsetError> {
        let parsed = || {
            let digits = |from: usize| -> Option<i32> {
                let two = text.get(from..from + 2)?;
                two.bytes()
                    .all(|b| b.is_ascii_digit())
                    .then(|| two.parse().ok())?
            };
            let sign = match text.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let minutes = sign * (digits(1)? * 60 + digits(4)?);
            let offset = Self::from_minutes(minutes).ok()?;
            // One offset has one spelling: neither `-00:00` nor `+01:75`.
            (offset.to_string() == text).then_some(offset)
        };
        parsed().ok_or_else(|| UtcOffsetError {
            value: text.chars().take(40).collect(),
        })
    }
}

impl TryFrom<String> for UtcOffset {
    type Error = UtcOffsetError;

    fn try_from(text: String) -> Result<Self, UtcOffsetError> {
        text.parse()
    }
}

impl From<UtcOffset> for String {
    fn from(offset: UtcOffset) -> Self {
        offset.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::UtcOffset;

    #[test]
    fn an_offset_has_one_spelling() {
        for (text, minutes) in [
            ("+00:00", 0),
            ("+05:30", 330),
            ("-09:30", -570),
            ("+14:00", 840),
        ] {
            let offset: UtcOffset = text.parse().unwrap();
            assert_eq!(
                (offset.minutes(), offset.to_string()),
                (minutes, text.to_owned())
            );
        }
        for text in [
            "", "+", "-00:00", "+01:75", "+14:01", "05:30", "+5:30", "+05:30 ", "+0٣:00", "Z",
        ] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text}");
        }
    }
}
