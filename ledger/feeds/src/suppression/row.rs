//! What the rows of several formats have in common.

use ledger_core::entry::ListingReason;
use ledger_core::time::Timestamp;

use super::record::Record;
use super::{Change, Reject, Row, Subject};
use crate::time;

/// The row's own time, where it names one.
pub(super) fn requested_at(
    record: Record<'_>,
    field: &'static str,
    text: &str,
) -> Result<Option<Timestamp>, Reject> {
    if text.is_empty() {
        return Ok(None);
    }
    match time::parse(text) {
        Some(time) => Ok(Some(time)),
        None => Err(record.reject(field, time::EXPECTED)),
    }
}

/// The row of one address.
pub(super) fn of_email(
    record: Record<'_>,
    email: &str,
    reason: Option<ListingReason>,
    requested_at: Option<Timestamp>,
) -> Result<Row, Reject> {
    if email.is_empty() {
        return Err(record.reject("email", "is empty: expected an address"));
    }
    Ok(Row {
        reason,
        requested_at,
        ..of(record, Change::List, Subject::email(email))?
    })
}

/// A row about `subject`, which must be one that can be normalised.
pub(super) fn of(record: Record<'_>, change: Change, subject: Subject) -> Result<Row, Reject> {
    subject
        .check()
        .map_err(|(field, why)| record.reject(field, why))?;
    Ok(Row {
        line: record.line,
        change,
        subject,
        reason: None,
        requested_at: None,
    })
}
