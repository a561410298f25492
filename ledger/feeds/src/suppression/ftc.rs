//! The flat files of the FTC's National Do Not Call Registry.
//!
//! The full list has an area code and a number a line, `202,5550123`; the change list has the time of the
//! change and `A` (added) or `D` (deleted) behind them. Ten digits in one field are the same number. There
//! is no header, and no `+1`: numbers of the registry are of the North American plan, and get it here.

use std::io::BufRead;

use ledger_core::entry::ListingReason;
use ledger_core::time::Timestamp;

use super::record::{Record, Records};
use super::row::of;
use super::{Change, Reject, Row, Sink, Subject, Unreadable};
use crate::time;

pub(super) fn full<R: BufRead>(input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    each(input, sink, |record| {
        let (phone, fields) = number(record)?;
        if record.len() > fields {
            let why = "has more than a number: a list of changes has its own format";
            return Err(record.reject("row", why));
        }
        row(record, &phone, Change::List, None)
    })
}

pub(super) fn changes<R: BufRead>(input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    each(input, sink, |record| {
        let (phone, fields) = number(record)?;
        let mut change = None;
        let mut at = None;
        for field in fields..record.len() {
            let text = record.text(field, "row")?;
            let word = match text {
                "" => continue,
                "A" | "a" => Some(Change::List),
                "D" | "d" => Some(Change::Delete),
                _ => None,
            };
            let twice = match word {
                Some(word) => change.replace(word).is_some(),
                None => match time::parse(text) {
                    Some(time) => at.replace(time).is_some(),
                    None => return Err(record.reject("time", time::EXPECTED)),
                },
            };
            if twice {
                return Err(record.reject("row", "says twice when, or what, was changed"));
            }
        }
        let change = change.ok_or_else(|| {
            record.reject(
                "change",
                "expected `A` (added) or `D` (deleted) behind the number",
            )
        })?;
        row(record, &phone, change, at)
    })
}

fn each<R: BufRead>(
    input: R,
    sink: Sink<'_>,
    row: impl Fn(Record<'_>) -> Result<Row, Reject>,
) -> Result<(), Unreadable> {
    Records::new(input).rows(sink, |record| {
        if record.len() == 0 {
            record.expect_len(2)?;
        }
        row(record)
    })
}

fn row(
    record: Record<'_>,
    phone: &str,
    change: Change,
    requested_at: Option<Timestamp>,
) -> Result<Row, Reject> {
    Ok(Row {
        reason: Some(ListingReason::NationalRegistry),
        requested_at,
        ..of(record, change, Subject::phone(phone))?
    })
}

/// The number with `+1`, and how many fields it took.
fn number(record: Record<'_>) -> Result<(String, usize), Reject> {
    let first = record.text(0, "phone")?;
    let (digits, fields) = match first.len() {
        3 => (format!("{first}{}", record.text(1, "phone")?), 2),
        _ => (first.to_owned(), 1),
    };
    let numeric = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Neither the area code nor the exchange begins with 0 or 1 (North American Numbering Plan).
    let begins = |at: usize| digits.as_bytes().get(at).is_some_and(|byte| *byte >= b'2');
    if numeric && begins(0) && begins(3) {
        return Ok((format!("+1{digits}"), fields));
    }
    let why = "expected an area code and a number such as `202,5550123`, or the ten digits as one, without `+1`";
    Err(record.reject("phone", why))
}
