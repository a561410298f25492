//! Single fields: names, times, integers, hashes, words.

use ledger_core::hash::Hash;
use ledger_core::limits::INTEGER_MAX;
use ledger_core::name::{self, NameError};
use ledger_core::time::Timestamp;
use ledger_proto::time::micros;

use crate::status::FieldError;

/// A clear id; `None` where it is empty, which is how the wire says that it was not given.
pub(super) fn name(field: &str, value: &str, max: usize) -> Result<Option<String>, FieldError> {
    if value.is_empty() {
        return Ok(None);
    }
    required_name(field, value, max).map(Some)
}

/// The name of a seller; `None` where it is empty.
pub(super) fn seller(field: &str, value: &str) -> Result<Option<String>, FieldError> {
    if value.is_empty() {
        return Ok(None);
    }
    required_seller(field, value).map(Some)
}

/// The name of a seller that must be there.
pub(super) fn required_seller(field: &str, value: &str) -> Result<String, FieldError> {
    checked(field, value, name::seller(value))
}

/// A clear id that must be there.
pub(super) fn required_name(field: &str, value: &str, max: usize) -> Result<String, FieldError> {
    checked(field, value, name::check("id", value, max))
}

fn checked(field: &str, value: &str, outcome: Result<(), NameError>) -> Result<String, FieldError> {
    match outcome {
        Ok(()) => Ok(value.to_owned()),
        Err(NameError::Empty { max, .. }) => Err(FieldError::withheld(
            field,
            format!("it is required: expected an id of 1 to {max} characters"),
        )),
        Err(NameError::Personal { what, .. }) => Err(FieldError::withheld(
            field,
            format!(
                "it looks like {what}: expected an id without personal data; people go into recipients and targets, \
                 which are stored as tokens"
            ),
        )),
        Err(NameError::TooLong { bytes, max, .. }) => Err(FieldError::shown(
            field,
            &value,
            format!("it has {bytes} bytes, expected at most {max}: shorten it or hash it"),
        )),
        Err(NameError::Charset { .. }) => Err(FieldError::shown(
            field,
            &value,
            "expected letters, digits and `._:/+=-`, a letter or digit first",
        )),
        Err(NameError::Case { .. }) => Err(FieldError::shown(
            field,
            &value,
            "expected lower case, so that a seller has one spelling",
        )),
    }
}

/// A time; what is finer than a microsecond is cut off.
pub(super) fn time(
    field: &str,
    value: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, FieldError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let time = micros(&value).and_then(|micros| Timestamp::from_micros(micros).ok());
    let shown = format!("{} s {} ns", value.seconds, value.nanos);
    time.map(Some).ok_or_else(|| {
        FieldError::shown(
            field,
            &shown,
            "expected a time from 1970 to 9999, with 0 to 999999999 nanoseconds",
        )
    })
}

/// An integer that an entry can hold.
pub(super) fn integer(field: &str, value: u64) -> Result<u64, FieldError> {
    if value < INTEGER_MAX {
        Ok(value)
    } else {
        Err(FieldError::shown(
            field,
            &value,
            format!("expected less than {INTEGER_MAX}"),
        ))
    }
}

/// A SHA-256; `None` where it is empty.
pub(super) fn hash(field: &str, value: &[u8]) -> Result<Option<Hash>, FieldError> {
    if value.is_empty() {
        return Ok(None);
    }
    let bytes = value.try_into().map_err(|_| {
        FieldError::withheld(
            field,
            format!("it has {} bytes: expected the 32 of a SHA-256", value.len()),
        )
    })?;
    Ok(Some(Hash(bytes)))
}

/// A SHA-256 that must be there.
pub(super) fn required_hash(field: &str, value: &[u8]) -> Result<Hash, FieldError> {
    hash(field, value)?.ok_or_else(|| {
        FieldError::withheld(field, "it is required: expected the 32 bytes of a SHA-256")
    })
}

/// A list of at most `max`.
pub(super) fn at_most(field: &str, found: usize, max: usize, what: &str) -> Result<(), FieldError> {
    if found > max {
        return Err(FieldError::shown(
            field,
            &found,
            format!("expected at most {max} {what}: split the request"),
        ));
    }
    Ok(())
}

/// A word of a closed list, by its number on the wire.
pub(super) fn word<T>(
    field: &str,
    number: i32,
    found: Option<T>,
    expected: &str,
) -> Result<T, FieldError> {
    found.ok_or_else(|| {
        let problem = if number == 0 {
            "it is required"
        } else {
            "it is not known to this version"
        };
        FieldError::shown(field, &number, format!("{problem}: expected {expected}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    #[test]
    fn times_are_cut_to_microseconds_and_refused_out_of_range() {
        let time = |seconds, nanos| time("t", Some(at(seconds, nanos)));
        assert_eq!(
            time(1, 1_999).expect("in range").map(Timestamp::micros),
            Some(1_000_001)
        );
        assert_eq!(time(0, 0).expect("in range"), Some(Timestamp::EPOCH));
        assert_eq!(
            time(253_402_300_799, 999_999_999).expect("in range"),
            Some(Timestamp::MAX)
        );
        for (seconds, nanos) in [
            (-1, 0),
            (0, -1),
            (0, 1_000_000_000),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (i64::MIN, 0),
        ] {
            let error = time(seconds, nanos).expect_err("out of range");
            assert_eq!(error.field, "t", "{seconds} {nanos}");
        }
    }

    #[test]
    fn a_name_that_looks_personal_is_not_repeated() {
        for value in ["ann@example.com", "+4915112345678"] {
            let error = name("tool", value, 64).expect_err("personal");
            assert_eq!(error.value, None);
            assert!(!error.to_string().contains(value));
        }
        assert_eq!(name("tool", "", 64), Ok(None));
        assert!(required_name("tool", "", 64).is_err());
        assert!(name("tool", &"x".repeat(65), 64).is_err());
        assert!(name("tool", "a b", 64).is_err());
        assert_eq!(name("tool", &"x".repeat(64), 64), Ok(Some("x".repeat(64))));
    }

    #[test]
    fn integers_and_hashes_have_their_bounds() {
        assert!(integer("n", INTEGER_MAX).is_err());
        assert_eq!(integer("n", INTEGER_MAX - 1), Ok(INTEGER_MAX - 1));
        assert!(hash("h", &[1; 31]).is_err());
        assert!(hash("h", &[1; 33]).is_err());
        assert_eq!(hash("h", &[1; 32]), Ok(Some(Hash([1; 32]))));
        assert_eq!(hash("h", &[]), Ok(None));
        assert!(required_hash("h", &[]).is_err());
    }
}
