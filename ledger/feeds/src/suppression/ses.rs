//! The suppression list of an Amazon SES account.
//!
//! As JSON, what `aws sesv2 list-suppressed-destinations` answers; several answers may stand one behind
//! the other, page for page, and the bare array is taken too. As CSV, the same three fields under their
//! names, or without a header in their order: address, `BOUNCE` or `COMPLAINT`, time.

use std::cell::Cell;
use std::fmt;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use ledger_core::entry::ListingReason;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::record::{Header, Record, Records};
use super::row::{of_email, requested_at};
use super::{Change, Reject, Row, Sink, Subject, Unreadable};
use crate::time;

const EMAIL: &[&str] = &["emailaddress", "email"];
const REASON: &[&str] = &["reason"];
const UPDATED: &[&str] = &["lastupdatetime", "lastupdatedtime", "lastupdate", "updated"];
const WORDS: &str = "expected `BOUNCE` or `COMPLAINT`";

pub(super) fn read<R: BufRead>(mut input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    // White space before the first value is JSON's as well as CSV's to pass over, and few have any.
    let first = input
        .fill_buf()?
        .iter()
        .find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{' | b'[') => json(input, sink),
        _ => csv(input, sink),
    }
}

fn csv<R: BufRead>(input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    let mut records = Records::new(input);
    let Some(first) = records.next()? else {
        return Ok(());
    };
    let (email, reason, updated, len);
    if first.bytes(0).contains(&b'@') {
        (email, reason, updated, len) = (0, 1, (first.len() > 2).then_some(2), first.len());
        if sink(of_record(first, (email, reason, updated, len))).is_break() {
            return Ok(());
        }
    } else {
        let header = Header::read(first, &[EMAIL, REASON, UPDATED].concat())?;
        email = header.need(EMAIL, "EmailAddress")?;
        reason = header.need(REASON, "Reason")?;
        updated = header.find(UPDATED);
        len = header.len();
    }
    records.rows(sink, |record| {
        of_record(record, (email, reason, updated, len))
    })
}

fn of_record(
    record: Record<'_>,
    (email, reason, updated, len): (usize, usize, Option<usize>, usize),
) -> Result<Row, Reject> {
    record.expect_len(len)?;
    let word = record.text(reason, "reason")?;
    let reason = reason_of(word).ok_or_else(|| record.reject("reason", WORDS))?;
    let time = updated.map_or(Ok(""), |at| record.text(at, "last_update_time"))?;
    let time = requested_at(record, "last_update_time", time)?;
    of_email(record, record.text(email, "email")?, Some(reason), time)
}

fn reason_of(word: &str) -> Option<ListingReason> {
    match word.to_ascii_uppercase().as_str() {
        "BOUNCE" => Some(ListingReason::HardBounce),
        "COMPLAINT" => Some(ListingReason::Complaint),
        _ => None,
    }
}

/// Counts the lines that were read through it.
struct Counted<R> {
    input: R,
    line: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        let breaks = buffer.iter().take(read).filter(|byte| **byte == b'\n');
        self.line.set(self.line.get() + breaks.count() as u64);
        Ok(read)
    }
}

/// What the reading of one document shares.
struct Reading<'s, 'a> {
    sink: &'s mut (dyn FnMut(Result<Row, Reject>) -> ControlFlow<()> + 'a),
    line: Rc<Cell<u64>>,
    stopped: bool,
    more: bool,
}

fn json<R: BufRead>(input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    let line = Rc::new(Cell::new(1));
    let counted = Counted {
        input,
        line: Rc::clone(&line),
    };
    let mut reading = Reading {
        sink,
        line: Rc::clone(&line),
        stopped: false,
        more: false,
    };
    let mut documents = serde_json::Deserializer::from_reader(counted);
    while documents.end().is_err() {
        reading.more = false;
        if let Err(error) = Document(&mut reading).deserialize(&mut documents) {
            if reading.stopped {
                return Ok(());
            }
            if error.is_io() {
                return Err(Unreadable::Io(error.into()));
            }
            // The message may repeat what it found, and that may be an address.
            let why = if error.is_eof() {
                "it ends in the middle".to_owned()
            } else {
                "expected `SuppressedDestinationSummaries`, each with `EmailAddress`, `Reason` and `LastUpdateTime`"
                    .to_owned()
            };
            let line = error.line() as u64;
            return Err(Unreadable::Json { line, why });
        }
    }
    if reading.more {
        return Err(Unreadable::Partial);
    }
    Ok(())
}

/// One answer: an object with the list, or the list alone.
struct Document<'r, 's, 'a>(&'r mut Reading<'s, 'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `SuppressedDestinationSummaries`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "SuppressedDestinationSummaries" => {
                    found = true;
                    map.next_value_seed(Summaries(&mut *self.0))?;
                }
                "NextToken" => {
                    self.0.more = map.next_value::<Value>()?.is_string();
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if found {
            return Ok(());
        }
        Err(A::Error::missing_field("SuppressedDestinationSummaries"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        Summaries(self.0).visit_seq(seq)
    }
}

/// The list.
struct Summaries<'r, 's, 'a>(&'r mut Reading<'s, 'a>);

impl<'de> DeserializeSeed<'de> for Summaries<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Summaries<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of suppressed destinations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Summary(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// One suppressed address.
struct Summary<'r, 's, 'a>(&'r mut Reading<'s, 'a>);

impl<'de> DeserializeSeed<'de> for Summary<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Summary<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a suppressed destination")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let line = self.0.line.get();
        let mut fields: [Option<Value>; 3] = [None, None, None];
        let mut twice = false;
        while let Some(key) = map.next_key::<String>()? {
            let at = match key.as_str() {
                "EmailAddress" => 0,
                "Reason" => 1,
                "LastUpdateTime" => 2,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = map.next_value()?;
            if let Some(field) = fields.get_mut(at) {
                twice |= field.replace(value).is_some();
            }
        }
        let row = if twice {
            let why = "names one of its fields twice".to_owned();
            Err(Reject {
                line,
                field: "row",
                why,
            })
        } else {
            of_summary(line, &fields)
        };
        if (self.0.sink)(row).is_break() {
            self.0.stopped = true;
            return Err(A::Error::custom("stopped"));
        }
        Ok(())
    }
}

fn of_summary(line: u64, [email, reason, updated]: &[Option<Value>; 3]) -> Result<Row, Reject> {
    let reject = |field, why: &str| Reject {
        line,
        field,
        why: why.to_owned(),
    };
    let email = email.as_ref().and_then(Value::as_str);
    let email = email
        .filter(|email| !email.trim().is_empty())
        .ok_or_else(|| reject("email", "expected an address as `EmailAddress`"))?;
    let subject = Subject::email(email);
    subject
        .check()
        .map_err(|(field, why)| reject(field, &why))?;
    let word = reason.as_ref().and_then(Value::as_str).unwrap_or_default();
    let reason = reason_of(word).ok_or_else(|| reject("reason", WORDS))?;
    let requested_at = match updated {
        None | Some(Value::Null) => None,
        Some(value) => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            Some(time::parse(&text).ok_or_else(|| reject("last_update_time", time::EXPECTED))?)
        }
    };
    Ok(Row {
        line,
        change: Change::List,
        subject,
        reason: Some(reason),
        requested_at,
    })
}
