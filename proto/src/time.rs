//! Times on the wire. The ledger counts microseconds since 1970.

use prost_types::Timestamp;

const MICROS_PER_S: i64 = 1_000_000;
const NANOS_PER_MICRO: i32 = 1_000;

/// The time `micros` microseconds after 1970-01-01T00:00:00Z, or before where it is negative.
pub fn from_micros(micros: i64) -> Timestamp {
    let rest = micros.rem_euclid(MICROS_PER_S) * i64::from(NANOS_PER_MICRO);
    Timestamp {
        seconds: micros.div_euclid(MICROS_PER_S),
        // Below a billion, so that it fits.
        nanos: i32::try_from(rest).unwrap_or(0),
    }
}

/// The microseconds since 1970 of a time, what is finer cut off; none of one whose nanoseconds are not 0 to
/// 999999999, or that is too far away.
pub fn micros(time: &Timestamp) -> Option<i64> {
    let valid = (0..1_000_000_000).contains(&time.nanos);
    let rest = i64::from(time.nanos / NANOS_PER_MICRO);
    time.seconds
        .checked_mul(MICROS_PER_S)?
        .checked_add(rest)
        .filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_went() {
        for (whole, seconds, nanos) in [
            (0, 0, 0),
            (1_795_347_065_123_456, 1_795_347_065, 123_456_000),
            (-1, -1, 999_999_000),
            (253_402_300_799_999_999, 253_402_300_799, 999_999_000),
        ] {
            let time = Timestamp { seconds, nanos };
            assert_eq!(from_micros(whole), time);
            assert_eq!(micros(&time), Some(whole));
        }
    }

    #[test]
    fn what_is_finer_is_cut_and_what_is_no_time_is_none() {
        let at = |seconds, nanos| micros(&Timestamp { seconds, nanos });
        assert_eq!(at(1, 999_999_999), Some(1_999_999));
        assert_eq!(at(1, 1_000_000_000), None);
        assert_eq!(at(1, -1), None);
        assert_eq!(at(i64::MAX, 0), None);
        assert_eq!(at(i64::MIN, 0), None);
    }
}
