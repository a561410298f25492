//! Points in time: RFC 3339 in UTC, `now`, and a length of time from now: later where something ends, earlier
//! where something is looked for.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger_core::time::Timestamp;
use ledger_proto::time::{from_micros, micros};

/// A point in time as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At this time.
    At(Timestamp),
    /// This many seconds from now.
    In(u64),
    /// This many seconds ago.
    Ago(u64),
}

impl When {
    /// The time meant, where it is `now`. What lies after the year 9999 is its last microsecond, and what lies
    /// before 1970 its first.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::In(seconds) => now.saturating_add_s(seconds),
            Self::Ago(seconds) => now.checked_sub_s(seconds).unwrap_or(Timestamp::EPOCH),
        }
    }

    /// The same for the wire.
    pub(crate) fn to_wire(self, now: Timestamp) -> prost_types::Timestamp {
        to_wire(self.resolve(now))
    }
}

/// The wall clock. A clock outside 1970 to 9999 is taken for the nearest of the two.
pub(crate) fn now() -> Timestamp {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros());
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}

/// Reads `2026-11-22T11:31:05Z`, with up to nine fraction digits, cut to microseconds; `2026-11-22`, the first moment
/// of that day in UTC; or `now`.
pub(crate) fn instant(text: &str) -> Result<When, String> {
    if text == "now" {
        return Ok(When::In(0));
    }
    let expected = || {
        format!(
            "time `{text}` is not valid: expected UTC as `2026-11-22T11:31:05Z`, with or without a fraction, a date alone \
             (its 00:00 UTC), or `now`"
        )
    };
    let is_date = text.len() == "2026-11-22".len() && !text.contains(['T', 'Z']);
    if is_date {
        let first = format!("{text}T00:00:00.000000Z");
        return first.parse().map(When::At).map_err(|_| expected());
    }
    let bare = text.strip_suffix('Z').ok_or_else(expected)?;
    let (seconds, fraction) = match bare.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => (bare, "0"),
    };
    if fraction.is_empty()
        || fraction.len() > 9
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(expected());
    }
    let micros: String = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(6)
        .collect();
    format!("{seconds}.{micros}Z")
        .parse()
        .map(When::At)
        .map_err(|_| expected())
}

/// Reads what [`instant`] reads, or a length of time from now: `30d`, `+30d`, `2h`, `15m`, `90s`.
pub(crate) fn expiry(text: &str) -> Result<When, String> {
    match seconds(text.strip_prefix('+').unwrap_or(text)) {
        Some(length) => length.map(When::In),
        None => instant(text).map_err(|error| {
            format!("{error}; or a length of time from now such as `30d` or `2h`")
        }),
    }
}

/// Reads what [`instant`] reads, or how long ago: `30d`, `2h`, `15m`, `90s`.
pub(crate) fn past(text: &str) -> Result<When, String> {
    match seconds(text) {
        Some(length) => length.map(When::Ago),
        None => instant(text)
            .map_err(|error| format!("{error}; or how long ago, such as `2h` or `30d`")),
    }
}

/// Reads a length of time, in seconds: `2h`, `15m`, `90s`.
pub(crate) fn length_s(text: &str) -> Result<u64, String> {
    seconds(text).unwrap_or_else(|| {
        Err(format!(
            "`{text}` is no length of time: expected a number and `s`, `m`, `h` or `d`, such as `15m`"
        ))
    })
}

/// The seconds of a number with a unit; `None` for what is none.
fn seconds(text: &str) -> Option<Result<u64, String>> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(unit));
    Some(seconds.ok_or_else(|| format!("`{text}` is too long")))
}

/// A time for the wire.
pub(crate) fn to_wire(time: Timestamp) -> prost_types::Timestamp {
    from_micros(time.micros())
}

/// A time from the wire, cut to microseconds; `None` outside 1970 to 9999.
pub(crate) fn from_wire(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::from_micros(micros(time)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> When {
        When::At(text.parse().unwrap())
    }

    #[test]
    fn times_are_read_with_and_without_a_fraction() {
        for (text, expected) in [
            ("2026-11-22T11:31:05Z", "2026-11-22T11:31:05.000000Z"),
            ("2026-11-22T11:31:05.5Z", "2026-11-22T11:31:05.500000Z"),
            (
                "2026-11-22T11:31:05.123456789Z",
                "2026-11-22T11:31:05.123456Z",
            ),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            ("2026-11-22", "2026-11-22T00:00:00.000000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
        ] {
            assert_eq!(instant(text), Ok(at(expected)));
            assert_eq!(expiry(text), Ok(at(expected)));
            assert_eq!(past(text), Ok(at(expected)));
        }
        assert_eq!(instant("now"), Ok(When::In(0)));
    }

    #[test]
    fn other_times_are_refused() {
        for text in [
            "",
            "Z",
            "2026-11-2",
            "2026-11-22Z",
            "2026-11-22T",
            "2026-02-29",
            "2026-13-01",
            "22.11.2026",
            "11/22/2026",
            "2026-11-22T11:31:05",
            "2026-11-22T11:31:05+01:00",
            "2026-11-22T11:31:05.Z",
            "2026-11-22T11:31:05.1234567890Z",
            "2026-11-22T11:31:05.12a4Z",
            "2026-02-30T00:00:00Z",
            "2026-11-22 11:31:05Z",
            "1969-12-31T23:59:59Z",
            "30d",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_for_what_ends() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("+30d", 2_592_000),
            ("2h", 7_200),
            ("15m", 900),
            ("+90s", 90),
            ("0s", 0),
        ] {
            assert_eq!(expiry(text), Ok(When::In(seconds)));
            if !text.starts_with('+') {
                assert_eq!(length_s(text), Ok(seconds));
            }
        }
        for text in [
            "d",
            "+",
            "-2h",
            "2w",
            "1.5h",
            "++2h",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(expiry(text).is_err(), "{text}");
            assert!(length_s(text).is_err(), "{text}");
        }
        assert!(length_s("2026-11-22T11:31:05Z").is_err());
        assert!(length_s("").is_err());
        let now: Timestamp = "2026-11-22T11:31:05.123456Z".parse().unwrap();
        assert_eq!(
            When::In(3_600).resolve(now),
            "2026-11-22T12:31:05.123456Z".parse().unwrap()
        );
        assert_eq!(When::In(u64::MAX).resolve(now), Timestamp::MAX);
        assert_eq!(
            past("1h").unwrap().resolve(now),
            "2026-11-22T10:31:05.123456Z".parse().unwrap()
        );
        assert_eq!(past("99999999999s").unwrap().resolve(now), Timestamp::EPOCH);
        assert_eq!(
            past("2026-11-22T11:31:05Z"),
            instant("2026-11-22T11:31:05Z")
        );
        assert!(past("-1h").is_err() && past("yesterday").is_err());
    }

    #[test]
    fn the_wire_keeps_microseconds() {
        for text in [
            "1970-01-01T00:00:00.000000Z",
            "2026-11-22T11:31:05.123456Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(from_wire(&to_wire(time)), Some(time));
        }
        let late = prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert_eq!(from_wire(&late), None);
    }
}
