//! Format `csv`: columns by the ledger's own names.

use std::io::BufRead;

use ledger_core::entry::ListingReason;

use super::record::{Header, Record, Records};
use super::row::{of, requested_at};
use super::{Change, Reject, Row, Sink, Subject, Unreadable};

const EMAIL: &[&str] = &["email", "emailaddress"];
const PHONE: &[&str] = &["phone", "phonenumber"];
const CONTACT: &[&str] = &["contact", "contactid"];
const DOMAIN: &[&str] = &["domain"];
const ACCOUNT: &[&str] = &["account", "accountid"];
const REASON: &[&str] = &["reason"];
const REQUESTED_AT: &[&str] = &["requestedat"];

/// Where each column is.
struct Columns {
    len: usize,
    email: Option<usize>,
    phone: Option<usize>,
    contact: Option<usize>,
    domain: Option<usize>,
    account: Option<usize>,
    reason: Option<usize>,
    requested_at: Option<usize>,
}

pub(super) fn read<R: BufRead>(input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    let mut records = Records::new(input);
    let Some(first) = records.next()? else {
        return Ok(());
    };
    let known = [EMAIL, PHONE, CONTACT, DOMAIN, ACCOUNT, REASON, REQUESTED_AT].concat();
    let header = Header::read(first, &known)?;
    header.need(
        &[EMAIL, PHONE, CONTACT, DOMAIN, ACCOUNT].concat(),
        "email`, `phone`, `contact`, `domain` or `account",
    )?;
    let columns = Columns {
        len: header.len(),
        email: header.find(EMAIL),
        phone: header.find(PHONE),
        contact: header.find(CONTACT),
        domain: header.find(DOMAIN),
        account: header.find(ACCOUNT),
        reason: header.find(REASON),
        requested_at: header.find(REQUESTED_AT),
    };
    records.rows(sink, |record| row(record, &columns))
}

fn row(record: Record<'_>, columns: &Columns) -> Result<Row, Reject> {
    record.expect_len(columns.len)?;
    let text = |at: Option<usize>, field| at.map_or(Ok(""), |at| record.text(at, field));
    let email = text(columns.email, "email")?;
    let phone = text(columns.phone, "phone")?;
    let contact = text(columns.contact, "contact")?;
    let domain = text(columns.domain, "domain")?;
    let account = text(columns.account, "account")?;
    let person = !(email.is_empty() && phone.is_empty() && contact.is_empty());
    let subject = match (person, domain.is_empty(), account.is_empty()) {
        (true, true, true) => Subject::Person {
            email: email.to_owned(),
            phone: phone.to_owned(),
            contact: contact.to_owned(),
        },
        (false, false, true) => Subject::Domain(domain.to_owned()),
        (false, true, false) => Subject::Account(account.to_owned()),
        (false, true, true) => return Err(record.reject("row", "names nobody")),
        _ => {
            let why = "names a person, a domain and an account, or two of them: expected one of the three a row";
            return Err(record.reject("row", why));
        }
    };
    let row = of(record, Change::List, subject)?;
    let time = text(columns.requested_at, "requested_at")?;
    Ok(Row {
        reason: reason(record, text(columns.reason, "reason")?)?,
        requested_at: requested_at(record, "requested_at", time)?,
        ..row
    })
}

/// The row's own reason, where it names one.
fn reason(record: Record<'_>, word: &str) -> Result<Option<ListingReason>, Reject> {
    if word.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_value(serde_json::Value::from(word.to_ascii_lowercase()));
    read.map(Some).map_err(|_| {
        let all =
            ListingReason::ALL.map(|reason| serde_json::to_string(&reason).unwrap_or_default());
        let all = all.join(", ").replace('"', "");
        record.reject("reason", format!("is not known: expected {all}"))
    })
}
