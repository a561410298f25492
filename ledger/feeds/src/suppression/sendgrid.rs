//! Twilio SendGrid's suppressions, as the console exports them: `email` and `created`, beside them what a
//! list of that kind knows (`status` and `reason` of a bounce, `ip` of a spam report).

use std::io::BufRead;

use ledger_core::entry::ListingReason;

use super::record::{Header, Records};
use super::row::{of_email, requested_at};
use super::{Sink, Unreadable};

const EMAIL: &[&str] = &["email", "emailaddress"];
const CREATED: &[&str] = &["created", "createdat", "datecreated"];

pub(super) fn read<R: BufRead>(
    input: R,
    reason: Option<ListingReason>,
    sink: Sink<'_>,
) -> Result<(), Unreadable> {
    let mut records = Records::new(input);
    let Some(first) = records.next()? else {
        return Ok(());
    };
    let header = Header::read(first, &[EMAIL, CREATED].concat())?;
    let email = header.need(EMAIL, "email")?;
    let created = header.find(CREATED);
    records.rows(sink, |record| {
        record.expect_len(header.len())?;
        let time = created.map_or(Ok(""), |at| record.text(at, "created"))?;
        let time = requested_at(record, "created", time)?;
        of_email(record, record.text(email, "email")?, reason, time)
    })
}
