//! Points in time, as every entry states them.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

const MICROS_PER_S: i64 = 1_000_000;
const S_PER_DAY: i64 = 86_400;
/// Days in 400 years of the Gregorian calendar, after which it repeats.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0: i64 = 719_468;
/// The length of `2026-11-22T11:31:05.123456Z`.
const TEXT_BYTES: usize = 27;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// From the epoch to the end of the year 9999. The text form is RFC 3339 in UTC with exactly six
/// fraction digits and `Z`, for instance `2026-11-22T11:31:05.123456Z`; it sorts as the times do, and
/// no other form is accepted, so that one time has one encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why something is not a [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Before the epoch or after the year 9999.
    #[error("time `{micros}` is out of range: expected microseconds since the epoch, 0 to {}", Timestamp::MAX.0)]
    Range {
        /// The microseconds given.
        micros: i64,
    },
    /// Not of the one accepted form, or no such date.
    #[error(
        "time `{value}` is not valid: expected UTC as `2026-11-22T11:31:05.123456Z`, six fraction digits, year 1970 to 9999"
    )]
    Form {
        /// The text given, cut to 40 characters.
        value: String,
    },
}

impl Timestamp {
    /// 1970-01-01T00:00:00.000000Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The time `micros` microseconds after the epoch.
    ///
    /// # Errors
    /// [`TimeError::Range`] before the epoch and after the year 9999.
    pub const fn from_micros(micros: i64) -> Result<Self, TimeError> {
        if micros < Self::EPOCH.0 || micros > Self::MAX.0 {
            return Err(TimeError::Range { micros });
        }
        Ok(Self(micros))
    }

    /// The one text form. Every entry has several, so it is written digit by digit.
    fn text(self) -> [u8; 27] {
        let (s, micros) = (self.0 / MICROS_PER_S, self.0 % MICROS_PER_S);
        let (days, s) = (s / S_PER_DAY, s % S_PER_DAY);
        let (year, month, day) = date_of(days);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let fields = [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, s / 3600),
            (14, 2, s / 60 % 60),
            (17, 2, s % 60),
            (20, 6, micros),
        ];
        for (at, width, mut value) in fields {
            for digit in text[at..at + width].iter_mut().rev() {
                // In 0..=9, because times are not negative.
                *digit += u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        }
        text
    }

    /// Microseconds since the epoch, never negative.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time `seconds` later; `None` after the year 9999.
    #[must_use]
    pub fn checked_add_s(self, seconds: u64) -> Option<Self> {
        let micros = i64::try_from(seconds).ok()?.checked_mul(MICROS_PER_S)?;
        Self::from_micros(self.0.checked_add(micros)?).ok()
    }

    /// This time and `seconds` more, at most [`Self::MAX`].
    #[must_use]
    pub fn saturating_add_s(self, seconds: u64) -> Self {
        self.checked_add_s(seconds).unwrap_or(Self::MAX)
    }

    /// The time `seconds` earlier; `None` before the epoch.
    #[must_use]
    pub fn checked_sub_s(self, seconds: u64) -> Option<Self> {
        let micros = i64::try_from(seconds).ok()?.checked_mul(MICROS_PER_S)?;
        Self::from_micros(self.0.checked_sub(micros)?).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        parse(text.as_bytes()).ok_or_else(|| TimeError::Form {
            value: text.chars().take(40).collect(),
        })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as `2026-11-22T11:31:05.123456Z`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text).map_err(D::Error::custom)
    }
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    if text.len() != TEXT_BYTES {
        return None;
    }
    for (at, mark) in [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (26, b'Z'),
    ] {
        if text[at] != mark {
            return None;
        }
    }
    let year = digits(&text[0..4])?;
    let month = digits(&text[5..7])?;
    let day = digits(&text[8..10])?;
    let (hour, minute, second) = (
        digits(&text[11..13])?,
        digits(&text[14..16])?,
        digits(&text[17..19])?,
    );
    let micros = digits(&text[20..26])?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    // RFC 3339 allows second 60 for a leap second. The epoch has no place for it: refused.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let s = days_of(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second;
    // Years before 1970 come out negative, and are out of range there.
    Timestamp::from_micros(s * MICROS_PER_S + micros).ok()
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Both directions count in years that begin on 1 March: the leap day is then the last of its year,
// and the months before any date have 30.6 days on average, exactly so after rounding.

/// Days since the epoch to (year, month, day).
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_FROM_MARCH_0;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (day_of_year * 5 + 2) / 153;
    let day = day_of_year - (month_from_march * 153 + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year_of_era + next_year, month, day)
}

/// A valid date to days since the epoch.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month_from_march) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (month_from_march * 153 + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - EPOCH_FROM_MARCH_0
}
