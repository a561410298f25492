//! Times as providers write them: RFC 3339 with any number of fraction digits and any offset.

/// 9999-12-31T23:59:59Z, the last second that the ledger can write.
pub(super) const SECONDS_MAX: i64 = 253_402_300_799;

/// Microseconds since 1970 of an RFC 3339 time; digits beyond the sixth of a fraction are cut off.
pub(super) fn micros(text: &str) -> Option<i64> {
    let bytes = text.trim().as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0, |value, byte| {
            let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
            Some(value * 10 + digit)
        })
    };
    let is = |at: usize, expected: &[u8]| bytes.get(at).is_some_and(|byte| expected.contains(byte));
    let marks = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    if !marks {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    // RFC 3339 section 5.7 has leap seconds: the ledger's time counts none, so it is the second after.
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut fraction = 0;
    if is(at, b".") {
        let digits = bytes.get(at + 1..)?;
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return None;
        }
        let padded = digits.iter().take(count).chain(std::iter::repeat(&b'0'));
        for byte in padded.take(6) {
            fraction = fraction * 10 + i64::from(byte - b'0');
        }
        at += 1 + count;
    }
    let offset_s = if is(at, b"Zz") {
        at += 1;
        0
    } else if is(at, b"+-") && is(at + 3, b":") {
        let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        let east = if is(at, b"+") { 1 } else { -1 };
        at += 6;
        east * (hours * 3_600 + minutes * 60)
    } else {
        return None;
    };
    if at != bytes.len() {
        return None;
    }
    let seconds =
        days_from_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_s;
    (0..=SECONDS_MAX)
        .contains(&seconds)
        .then_some(seconds * 1_000_000 + fraction)
}

/// Of the Gregorian calendar; the year starts in March, so that a leap day is its last.
const fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        // Days from 0000-03-01 to 1970-01-01.
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn times_are_read_as_the_world_counts_them() {
        // Seconds by GNU date: `date -u -d TEXT +%s`.
        for (text, seconds, fraction) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2016-01-27T14:59:38.237Z", 1_453_906_778, 237_000),
            ("2012-05-25T14:59:38.613-07:00", 1_337_983_178, 613_000),
            ("2024-02-29T23:59:59.1234567+05:30", 1_709_231_399, 123_456),
            ("2026-11-22t11:31:05z", 1_795_347_065, 0),
            ("2000-03-01 00:00:00.000001Z", 951_868_800, 1),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799, 999_999),
        ] {
            assert_eq!(micros(text), Some(seconds * 1_000_000 + fraction), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T11:31:05",
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
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
