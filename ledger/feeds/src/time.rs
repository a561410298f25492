//! Times as providers write them.

use ledger_core::time::Timestamp;

/// What [`parse`] reads, for error messages.
pub(crate) const EXPECTED: &str = "expected seconds since 1970, or a date such as `2026-11-22`, `2026-11-22 09:30:00` (taken for UTC) or \
     `2026-11-22T09:30:00+01:00`";

/// Reads RFC 3339 alone, with any number of fraction digits: what [`parse`] does, of which the offset is given,
/// and in its one form. Cut to microseconds; none for anything else.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (_, behind) = text.split_at_checked(11)?;
    let offset = behind.as_bytes().last_chunk::<6>();
    let numeric = offset.is_some_and(|offset| matches!(offset, [b'+' | b'-', _, _, b':', _, _]));
    let whole = (numeric || behind.ends_with(['Z', 'z'])) && !behind.contains(char::is_whitespace);
    whole.then(|| parse(text)).flatten()
}

/// Reads seconds since 1970, with or without a fraction; RFC 3339; a date and time of day without an
/// offset, which is UTC; or a date, its first instant. Cut to microseconds; none for anything else.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return epoch(text);
    }
    let (date, rest) = text.split_at_checked(10)?;
    if rest.is_empty() {
        return utc(date, "00:00:00", "");
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?.trim_start();
    let Some((clock, rest)) = rest.split_at_checked(8) else {
        // `09:30`
        return utc(date, &format!("{rest}:00"), "");
    };
    let (fraction, offset) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            rest.split_at(digits)
        }
    };
    let ahead_s = offset_s(offset.trim())?;
    let local = match clock.strip_suffix(":60") {
        // RFC 3339 section 5.7 has leap seconds: the ledger's time counts none, so it is the second after.
        Some(minute) => utc(date, &format!("{minute}:59"), fraction)?.checked_add_s(1)?,
        None => utc(date, clock, fraction)?,
    };
    let ahead = ahead_s.checked_mul(1_000_000)?;
    Timestamp::from_micros(local.micros().checked_sub(ahead)?).ok()
}

fn epoch(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    // No list was kept before 2001, and shorter numbers are years or days.
    if !(9..=11).contains(&seconds.len()) {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let micros = micros(fraction)?.parse::<i64>().ok()?;
    Timestamp::from_micros(seconds.checked_mul(1_000_000)?.checked_add(micros)?).ok()
}

/// `2026-11-22`, `09:30:00` and the digits of a fraction, in UTC.
fn utc(date: &str, clock: &str, fraction: &str) -> Option<Timestamp> {
    format!("{date}T{clock}.{}Z", micros(fraction)?)
        .parse()
        .ok()
}

/// Six digits of a fraction.
fn micros(fraction: &str) -> Option<String> {
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| {
        let digits = fraction.chars().chain(std::iter::repeat('0'));
        digits.take(6).collect()
    })
}

/// How far ahead of UTC, in seconds.
fn offset_s(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|char| *char != ':').collect();
    let number = |text: &str| -> Option<i64> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { "00" } else { minutes };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (digits.len() <= 4 && hours <= 23 && minutes <= 59)
        .then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_in_many_forms() {
        for text in [
            "2026-11-22T09:30:00Z",
            "2026-11-22T09:30:00.000Z",
            "2026-11-22 09:30:00",
            "2026-11-22 09:30:00 UTC",
            "2026-11-22 09:30",
            " 2026-11-22T10:30:00+01:00 ",
            "2026-11-22T01:30:00-0800",
            "2026-11-22T15:00:00+05:30",
            "1795339800",
            "1795339800.0",
        ] {
            let found = parse(text).map(|time| time.to_string());
            assert_eq!(
                found.as_deref(),
                Some("2026-11-22T09:30:00.000000Z"),
                "{text}"
            );
        }
        let fraction = parse("1586552585.0771231").unwrap().to_string();
        assert_eq!(fraction, "2020-04-10T21:03:05.077123Z");
        let date = parse("2026-11-22").unwrap().to_string();
        assert_eq!(date, "2026-11-22T00:00:00.000000Z");
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026",
            "20261122",
            "1795339800000",
            "11/22/2026",
            "22.11.2026",
            "2026-02-30",
            "2026-11-22T25:00:00Z",
            "2026-11-22T09:30:00.Z",
            "2026-11-22T09:30:61Z",
            "2026-11-22T09:30:00+99:00",
            "2026-11-22T09:30:00 PST",
            "1969-12-31T23:59:59Z",
            "2026-11-22x09:30:00",
            "é026-11-22",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn rfc_3339_is_read_as_the_world_counts() {
        // Seconds by GNU date: `date -u -d TEXT +%s`.
        for (text, seconds, fraction) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2016-01-27T14:59:38.237Z", 1_453_906_778, 237_000),
            ("2012-05-25T14:59:38.613-07:00", 1_337_983_178, 613_000),
            ("2024-02-29T23:59:59.1234567+05:30", 1_709_231_399, 123_456),
            ("2026-11-22t11:31:05z", 1_795_347_065, 0),
            ("2000-03-01 00:00:00.000001Z", 951_868_800, 1),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799, 999_999),
            // The second after 23:59:59 of that day.
            ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
        ] {
            let micros = rfc3339(text).map(Timestamp::micros);
            assert_eq!(micros, Some(seconds * 1_000_000 + fraction), "{text}");
        }
    }

    #[test]
    fn what_is_no_rfc_3339_is_none() {
        for text in [
            "",
            "2026-11-22",
            "1795339800",
            "2026-11-22T11:31:05",
            "2026-11-22T11:31Z",
            "2026-11-22 11:31:05 UTC",
            "2026-11-22T11:31:05 Z",
            "2026-11-22  11:31:05Z",
            "2026-11-22T11:31:05.Z",
            "2026-11-22T11:31:05ZZ",
            "2026-11-22T24:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "2026-11-22T11:31:05+0100",
            "2026-11-22T11:31:05+24:00",
            "+026-11-22T11:31:05Z",
            "2026-11-22T11:31:05.123456\u{e9}",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
