//! HubSpot's export of unsubscribes and bounces, and bare opt-out lists.
//!
//! The export has `Email`, then what happened: `Portal Unsubscribe`, `Portal Spam Report`, `Portal Bounce`
//! (with the reason as its text), `Global Bounce`, and a column for each subscription type, `TRUE` (or
//! `Yes`, `1`) where the contact left that type alone. A list of addresses and nothing else is one of people
//! who opted out; with other columns and none of these it may be anybody's, and is refused. HubSpot exports
//! no dates of these: a row has no time of its own, and whoever imports gives one for all.
//!
//! Of several things that happened, the complaint counts before the unsubscribe, and that before the
//! bounce: what a person asked for is never lifted. Who left one subscription type is listed as
//! unsubscribed: the ledger knows no types, and over-blocking is the safe direction.

use std::io::BufRead;

use ledger_core::entry::ListingReason;

use super::record::{Header, Record, Records};
use super::row::of_email;
use super::{Reject, Row, Sink, Unreadable};

const EMAIL: &[&str] = &["email", "emailaddress"];
const SPAM: &[&str] = &["portalspamreport", "spamreport"];
const UNSUBSCRIBE: &[&str] = &["portalunsubscribe", "unsubscribedfromallemail"];
const BOUNCE: &[&str] = &["portalbounce", "globalbounce"];

/// Where each column is.
struct Columns {
    len: usize,
    email: usize,
    spam: Option<usize>,
    unsubscribe: Option<usize>,
    bounces: Vec<usize>,
    /// What may be subscription types.
    others: Vec<usize>,
}

pub(super) fn read<R: BufRead>(input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    let mut records = Records::new(input);
    let Some(first) = records.next()? else {
        return Ok(());
    };
    let known = [EMAIL, SPAM, UNSUBSCRIBE, BOUNCE].concat();
    let header = Header::read(first, &known)?;
    let columns = Columns {
        len: header.len(),
        email: header.need(EMAIL, "Email")?,
        spam: header.find(SPAM),
        unsubscribe: header.find(UNSUBSCRIBE),
        bounces: BOUNCE
            .iter()
            .filter_map(|name| header.find(&[name]))
            .collect(),
        others: header.others(&known),
    };
    let said =
        columns.spam.is_some() || columns.unsubscribe.is_some() || !columns.bounces.is_empty();
    if !said && !columns.others.is_empty() {
        return Err(header.lacks(
            "expected a column that says who opted out (`Portal Unsubscribe`, `Unsubscribed from all email`, `Portal Spam Report`, \
             `Portal Bounce` or `Global Bounce`), or no column but `Email`: is this a list of contacts?",
        ));
    }
    records.rows(sink, |record| row(record, &columns))
}

fn row(record: Record<'_>, columns: &Columns) -> Result<Row, Reject> {
    record.expect_len(columns.len)?;
    let reason = reason(record, columns)?;
    of_email(
        record,
        record.text(columns.email, "email")?,
        Some(reason),
        None,
    )
}

fn reason(record: Record<'_>, columns: &Columns) -> Result<ListingReason, Reject> {
    let flag = |at: Option<usize>| at.is_some_and(|at| is_true(record.bytes(at)));
    if flag(columns.spam) {
        return Ok(ListingReason::Complaint);
    }
    let exported =
        columns.spam.is_some() || columns.unsubscribe.is_some() || !columns.bounces.is_empty();
    if flag(columns.unsubscribe) || !exported {
        return Ok(ListingReason::Unsubscribe);
    }
    if columns.others.iter().any(|at| flag(Some(*at))) {
        return Ok(ListingReason::Unsubscribe);
    }
    let bounced = |at: &usize| {
        let text = record.bytes(*at).trim_ascii();
        !text.is_empty() && !is_word(text, &[b"false", b"no", b"0"])
    };
    if columns.bounces.iter().any(bounced) {
        return Ok(ListingReason::HardBounce);
    }
    Err(record.reject(
        "row",
        "no column says that this address unsubscribed, bounced or complained",
    ))
}

fn is_true(text: &[u8]) -> bool {
    is_word(text.trim_ascii(), &[b"true", b"yes", b"1"])
}

fn is_word(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}
