//! SendGrid's event webhook: one JSON array of events.
//!
//! | event | recorded as |
//! |---|---|
//! | `bounce`, but for `type` `blocked` | a hard bounce |
//! | `bounce` of `type` `blocked` | a soft bounce |
//! | `dropped` for `Bounced Address` or `Invalid` | a hard bounce |
//! | `dropped` for `Spam Reporting Address` | a complaint |
//! | `dropped` for `Unsubscribed Address` | an unsubscribe |
//! | `spamreport` | a complaint |
//! | `unsubscribe`, `group_unsubscribe` | an unsubscribe |
//! | `processed`, `deferred`, `delivered`, `open`, `click`, `group_resubscribe`, any other | passed over |
//!
//! What was put off (`deferred`) may still arrive, and says so itself once it has not. What SendGrid dropped
//! because of its own suppression list is what it knows of the person: the ledger learns it so. Whoever
//! subscribes again is not unlisted: that takes compliance, a reason and evidence.
//!
//! `sg_message_id` is the id that the sender was given (`X-Message-Id`) and, behind a dot, which servers it
//! went through.

use ledger_core::entry::Event;
use serde_json::Value;
use serde_json::value::RawValue;

use super::field::{Field, kind};
use super::{Item, Outcome, Provider, Refused, address, message_id, request_id, said};

/// The most events of one body: ten times what SendGrid puts into one.
pub const EVENTS_MAX: usize = 16_384;

/// Reads one body: an array of events, at most [`EVENTS_MAX`], or one event.
///
/// # Errors
/// [`Refused`] where it is not JSON, or neither, or more.
pub fn read(body: &[u8]) -> Result<Vec<Item>, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| Refused::body("is not UTF-8 text"))?;
    let items: Vec<&RawValue> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|one| vec![one])
    }
    .map_err(|error| Refused::body(format!("is not JSON: {}", place(&error))))?;
    if items.len() > EVENTS_MAX {
        return Err(Refused::body(format!(
            "has {} events: expected at most {EVENTS_MAX}, so send it in parts",
            items.len()
        )));
    }
    let items = items.into_iter().enumerate().map(|(index, raw)| Item {
        index,
        // It is borrowed from the body.
        offset: (raw.get().as_ptr() as usize).saturating_sub(body.as_ptr() as usize),
        read: event(raw),
    });
    Ok(items.collect())
}

/// Where JSON breaks off; not what stands there, which may name somebody.
pub(super) fn place(error: &serde_json::Error) -> String {
    let what = if error.is_eof() {
        "it ends in the middle"
    } else {
        "what stands there is not expected"
    };
    format!("line {}, column {}: {what}", error.line(), error.column())
}

fn event(raw: &RawValue) -> Result<Option<Box<Outcome>>, Refused> {
    let value: Value = serde_json::from_str(raw.get())
        .map_err(|error| Refused::body(format!("is not JSON: {}", place(&error))))?;
    if !value.is_object() {
        return Err(Refused::body(format!(
            "is {}: expected an event, an object",
            kind(&value)
        )));
    }
    let event = Field::root(&value);
    let Some(what) = outcome_kind(&event)? else {
        return Ok(None);
    };
    let id = event.get("sg_event_id");
    let email = event.get("email");
    Ok(Some(Box::new(Outcome {
        id: request_id(Provider::Sendgrid, id.text()?, None),
        event: what,
        message: message(&event)?,
        email: address(email.path(), email.text()?)?,
        occurred_at: event.get("timestamp").seconds()?,
        said: said(&[
            ("event", event.get("event").said()),
            ("type", event.get("type").said()),
            ("status", event.get("status").said()),
            ("reason", event.get("reason").said()),
            ("classification", event.get("bounce_classification").said()),
        ]),
    })))
}

fn outcome_kind(event: &Field<'_>) -> Result<Option<Event>, Refused> {
    Ok(match event.get("event").text()? {
        "bounce" => match event.get("type").said() {
            Some("blocked") => Some(Event::BounceSoft),
            _ => Some(Event::BounceHard),
        },
        "blocked" => Some(Event::BounceSoft),
        "dropped" => dropped(event.get("reason").said().unwrap_or_default()),
        "spamreport" => Some(Event::Complaint),
        "unsubscribe" | "group_unsubscribe" => Some(Event::Unsubscribe),
        _ => None,
    })
}

/// Why SendGrid did not even try, in the words of its documentation.
fn dropped(reason: &str) -> Option<Event> {
    let reason = reason.trim().to_ascii_lowercase();
    match reason.as_str() {
        "bounced address" | "invalid" => Some(Event::BounceHard),
        "spam reporting address" => Some(Event::Complaint),
        "unsubscribed address" => Some(Event::Unsubscribe),
        _ => None,
    }
}

/// The id that the sender was given: what `sg_message_id` and `smtp-id` begin with, or what stands before
/// the first dot.
fn message(event: &Field<'_>) -> Result<Option<String>, Refused> {
    let field = event.get("sg_message_id");
    let Some(full) = field.optional_text()?.map(str::trim) else {
        return Ok(None);
    };
    if full.is_empty() {
        return Ok(None);
    }
    // `<ID@host>`: of a message that SendGrid itself made, its own id, which may have dots.
    let own = event
        .get("smtp-id")
        .said()
        .and_then(|text| text.trim().strip_prefix('<')?.split('@').next())
        .filter(|own| {
            let rest = full.strip_prefix(*own);
            !own.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
    let first = full.split('.').next().unwrap_or(full);
    message_id(field.path(), own.unwrap_or(first)).map(Some)
}

#[cfg(test)]
mod tests;
