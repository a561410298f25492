//! Events that providers deliver about messages: bounces, complaints, unsubscribes.
//!
//! One body is one delivery. Its events are read one by one, so that a malformed one spoils no other: each
//! is an [`Outcome`] for the ledger, passed over because it is none (delivered, opened, clicked), or refused
//! with the field that is wrong. No error repeats an address.

mod field;
pub mod file;
mod request;
pub mod sendgrid;
pub mod ses;

use std::fmt::Write as _;

use ledger_core::entry::Event;
use ledger_core::time::Timestamp;
use sha2::{Digest, Sha256};

/// The longest address that is read, in bytes (RFC 5321 section 4.5.3.1, added up).
pub const ADDRESS_BYTES_MAX: usize = 320;
/// The longest id of a message that is read, in bytes: what the ledger takes as a provider's id.
pub const MESSAGE_ID_BYTES_MAX: usize = 256;
/// The most characters that are kept of one text of a provider's, such as a diagnostic code.
const KEPT_CHARS_MAX: usize = 2_000;
/// The longest id of a provider's that stands in a request id as it is; a longer one as its hash.
const ID_BYTES_MAX: usize = 100;

/// Whose events they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon SES, by way of Amazon SNS.
    Ses,
    /// Twilio SendGrid's event webhook.
    Sendgrid,
}

impl Provider {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ses, Self::Sendgrid];

    /// The word in paths, on command lines, and `provider` in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ses => "ses",
            Self::Sendgrid => "sendgrid",
        }
    }

    /// Reads one body.
    ///
    /// # Errors
    /// [`Refused`] where nothing of it can be read.
    pub fn read(self, body: &[u8]) -> Result<Delivery, Refused> {
        match self {
            Self::Ses => ses::read(body),
            Self::Sendgrid => sendgrid::read(body).map(Delivery::Events),
        }
    }
}

/// One event about one person, as the ledger records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The id of the event: the provider's own where that can stand in a request id, else its hash; with the
    /// person's index where one event is about several. The same event has the same id however often and in
    /// whatever form it is delivered.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// The provider's id of the message, as it was given to the sender.
    pub message: Option<String>,
    /// The person's address.
    pub email: String,
    /// When, by the provider's clock.
    pub occurred_at: Timestamp,
    /// What the provider says of it beside that (type, status, diagnostic), as one JSON object; it may name people.
    pub said: String,
}

/// One event of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its index in the body, from 0; of an SES event, the index of the person in it.
    pub index: usize,
    /// Where in the body it begins, in bytes.
    pub offset: usize,
    /// What it is; none where that is nothing that the ledger records: delivered, opened, clicked, put off, or of a
    /// type of a later day.
    pub read: Result<Option<Box<Outcome>>, Refused>,
}

/// One body, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Its events.
    Events(Vec<Item>),
    /// An SNS topic asks whether it may deliver here, or says that it no longer does.
    Subscription(ses::Subscription),
}

/// Why an event, or a whole body, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Refused {
    /// The field concerned, as the provider names it; `body` for the whole.
    pub field: String,
    /// What is wrong with it, what was expected.
    pub why: String,
}

impl Refused {
    fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            why: why.into(),
        }
    }

    fn body(why: impl Into<String>) -> Self {
        Self::new("body", why)
    }
}

/// A request id of the provider's own id of an event.
fn request_id(provider: Provider, id: &str, index: Option<usize>) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let word = provider.as_str();
    let mut text = if id.len() <= ID_BYTES_MAX && id.bytes().all(plain) {
        format!("{word}-{id}")
    } else {
        format!(
            "{word}-sha256-{}",
            hex::encode(Sha256::digest(id.as_bytes()))
        )
    };
    if let Some(index) = index {
        // Writing to a string does not fail.
        let _ = write!(text, "-{index}");
    }
    text
}

/// An address as the ledger takes it: without a name before it.
fn address(field: &str, text: &str) -> Result<String, Refused> {
    let inner = match (text.rfind('<'), text.trim_end().strip_suffix('>')) {
        (Some(open), Some(rest)) => rest.get(open + 1..).unwrap_or_default(),
        _ => text,
    };
    let inner = inner.trim();
    if inner.is_empty() {
        return Err(Refused::new(field, "is empty: expected an e-mail address"));
    }
    if inner.len() > ADDRESS_BYTES_MAX {
        let why = format!(
            "has {} bytes: expected an e-mail address of at most {ADDRESS_BYTES_MAX}",
            inner.len()
        );
        return Err(Refused::new(field, why));
    }
    Ok(inner.to_owned())
}

fn message_id(field: &str, text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() || text.len() > MESSAGE_ID_BYTES_MAX || text.chars().any(char::is_control) {
        let why = format!(
            "has {} bytes: expected 1 to {MESSAGE_ID_BYTES_MAX}, without control characters",
            text.len()
        );
        return Err(Refused::new(field, why));
    }
    Ok(text.to_owned())
}

/// One JSON object of these texts, each cut to what is kept.
fn said(texts: &[(&str, Option<&str>)]) -> String {
    let object: serde_json::Map<String, serde_json::Value> = texts
        .iter()
        .filter_map(|(name, text)| {
            let text: String = (*text)?.chars().take(KEPT_CHARS_MAX).collect();
            Some(((*name).to_owned(), text.into()))
        })
        .collect();
    serde_json::Value::Object(object).to_string()
}

/// What a refused value was, for an error: cut, on one line, in backticks. Never an address.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    format!("`{}`", cut.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_as_they_are_where_they_can() {
        let id = |text: &str| request_id(Provider::Sendgrid, text, None);
        assert_eq!(id("ZGVsLTE_x-9"), "sendgrid-ZGVsLTE_x-9");
        for odd in [
            "a+b/c==",
            "kim@buyer.example",
            "",
            "\u{e9}",
            &"x".repeat(101),
        ] {
            let made = id(odd);
            if odd.is_empty() {
                assert_eq!(made, "sendgrid-");
                continue;
            }
            let digits = made.strip_prefix("sendgrid-sha256-").expect("a hash");
            assert_eq!(digits.len(), 64, "{odd}");
        }
        // SHA-256 of `a+b`, by Python's hashlib.
        assert_eq!(
            request_id(Provider::Ses, "a+b", Some(3)),
            "ses-sha256-300273daf0bb57c239f83585d71ced54ce6b3b5fb81615abbeeb3f9cf5fae92f-3"
        );
    }

    #[test]
    fn an_address_stands_alone_or_behind_a_name() {
        for text in [
            "kim@buyer.example",
            " kim@buyer.example ",
            "\"Kim, Ltd\" <kim@buyer.example>",
            "<kim@buyer.example> ",
        ] {
            assert_eq!(address("f", text), Ok("kim@buyer.example".to_owned()));
        }
        for text in ["", "  ", "<>", "Kim <>"] {
            assert!(address("f", text).is_err(), "{text}");
        }
        let long = format!("{}@buyer.example", "x".repeat(400));
        let error = address("f", &long).expect_err("too long").to_string();
        assert!(!error.contains("xx"), "{error}");
    }
}
