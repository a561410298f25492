//! Amazon SES, as Amazon SNS delivers it over HTTP: one envelope a post, its `Message` a JSON text; or, with
//! raw message delivery, that text alone.
//!
//! SES says the same in two forms: feedback notifications (`notificationType`) and event publishing
//! (`eventType`). Their bounces and complaints agree, id included, so that a message reported in both is
//! recorded once.
//!
//! | event | recorded as |
//! |---|---|
//! | `Bounce`, `bounceType` `Permanent` | a hard bounce of each of `bouncedRecipients` |
//! | `Bounce`, `bounceType` `Transient` or `Undetermined` | a soft bounce of each |
//! | `Complaint`, but for `complaintFeedbackType` `not-spam` | a complaint of each of `complainedRecipients` |
//! | `Subscription` that opts out of all or of one topic | an unsubscribe of each of `mail.destination` |
//! | `Delivery`, `Send`, `Open`, `Click`, `DeliveryDelay`, `Reject`, `Rendering Failure`, any other | passed over |
//!
//! Of a complaint SES often knows the recipients' provider alone, and names everybody of the message there:
//! all of them count as having complained. The documentation says so, and over-blocking is the safe direction.
//!
//! Nothing here follows a URL. SNS signs its envelopes with a certificate that would have to be fetched from
//! an address in the envelope; whoever posts is known by their credential instead.

use ledger_core::entry::Event;
use ledger_core::time::Timestamp;
use serde_json::Value;

use super::field::{Field, kind};
use super::sendgrid::place;
use super::{
    Delivery, Item, Outcome, Provider, Refused, address, message_id, request_id, said, shown,
};

/// The longest name of a topic that is repeated, in bytes (an ARN of SNS has at most about 300).
const TOPIC_BYTES_MAX: usize = 512;
/// The longest token that is repeated, in bytes.
const TOKEN_BYTES_MAX: usize = 1_024;

/// What an SNS topic says about its subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic's ARN: printable ASCII without blanks, quotes or backslashes.
    pub topic: String,
    /// Of a request: the token that confirms it, letters and digits alone. None where the topic says that it
    /// no longer delivers here.
    pub token: Option<String>,
}

/// Reads one body.
///
/// # Errors
/// [`Refused`] where it is neither an envelope of SNS nor an event of SES.
pub fn read(body: &[u8]) -> Result<Delivery, Refused> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refused::body(format!("is not JSON: {}", place(&error))))?;
    let envelope = Field::root(&value);
    let is_event = |field: &Field<'_>| {
        field.get("eventType").is_there() || field.get("notificationType").is_there()
    };
    if is_event(&envelope) {
        return Ok(Delivery::Events(events(&envelope)));
    }
    if !envelope.get("Type").is_there() {
        let why = format!(
            "is {} without `Type`, `eventType` or `notificationType`: expected an envelope of SNS or an event of SES",
            kind(&value)
        );
        return Err(Refused::body(why));
    }
    match envelope.get("Type").text()? {
        "Notification" => {
            let field = envelope.get("Message");
            let text = field.text()?;
            // What SES says when a topic is connected is a sentence, and no event.
            if !text.trim_start().starts_with('{') {
                return Ok(passed());
            }
            let message: Value = serde_json::from_str(text).map_err(|error| {
                Refused::new(field.path(), format!("is not JSON: {}", place(&error)))
            })?;
            let event = Field::root(&message);
            if is_event(&event) {
                return Ok(Delivery::Events(events(&event)));
            }
            let why = "has no `eventType` and no `notificationType`: expected an event of SES";
            Err(Refused::new(field.path(), why))
        }
        "SubscriptionConfirmation" => Ok(Delivery::Subscription(Subscription {
            topic: topic(&envelope)?,
            token: Some(token(&envelope)?),
        })),
        "UnsubscribeConfirmation" => Ok(Delivery::Subscription(Subscription {
            topic: topic(&envelope)?,
            token: None,
        })),
        other => {
            let why = format!(
                "{} is not known: expected `Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`",
                shown(other)
            );
            Err(Refused::new("Type", why))
        }
    }
}

fn passed() -> Delivery {
    Delivery::Events(vec![Item {
        index: 0,
        offset: 0,
        read: Ok(None),
    }])
}

fn topic(envelope: &Field<'_>) -> Result<String, Refused> {
    let field = envelope.get("TopicArn");
    let text = field.text()?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\`".contains(&byte);
    if text.len() <= TOPIC_BYTES_MAX && text.starts_with("arn:") && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    let why = "is not the ARN of a topic: expected one such as `arn:aws:sns:REGION:ACCOUNT:NAME`";
    Err(Refused::new(field.path(), why))
}

fn token(envelope: &Field<'_>) -> Result<String, Refused> {
    let field = envelope.get("Token");
    let text = field.text()?;
    if text.len() <= TOKEN_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(text.to_owned());
    }
    let why = format!("expected letters and digits alone, at most {TOKEN_BYTES_MAX}");
    Err(Refused::new(field.path(), why))
}

/// The events of one message of SES: one for each person concerned, or one that is passed over.
fn events(event: &Field<'_>) -> Vec<Item> {
    let item = |index, read| Item {
        index,
        offset: 0,
        read,
    };
    match about(event) {
        Err(refused) => vec![item(0, Err(refused))],
        Ok(None) => vec![item(0, Ok(None))],
        Ok(Some(about)) => {
            let people = about.people.iter().enumerate();
            people
                .map(|(index, person)| item(index, about.outcome(event, index, person)))
                .collect()
        }
    }
}

/// What an event says of all its people alike.
struct About<'a> {
    kind: Event,
    id: String,
    occurred_at: Timestamp,
    people: Vec<Field<'a>>,
    body: Field<'a>,
}

fn about<'a>(event: &Field<'a>) -> Result<Option<About<'a>>, Refused> {
    let what = if event.get("eventType").is_there() {
        event.get("eventType")
    } else {
        event.get("notificationType")
    };
    let (body, kind, people) = match what.text()? {
        "Bounce" => {
            let body = event.get("bounce");
            let field = body.get("bounceType");
            let kind = match field.text()? {
                "Permanent" => Event::BounceHard,
                "Transient" | "Undetermined" => Event::BounceSoft,
                other => {
                    let why = format!(
                        "{} is not known: expected `Permanent`, `Transient` or `Undetermined`",
                        shown(other)
                    );
                    return Err(Refused::new(field.path(), why));
                }
            };
            let people = body.get("bouncedRecipients");
            (body, kind, people)
        }
        "Complaint" => {
            let body = event.get("complaint");
            if body.get("complaintFeedbackType").said() == Some("not-spam") {
                return Ok(None);
            }
            let people = body.get("complainedRecipients");
            (body, Event::Complaint, people)
        }
        "Subscription" => {
            let body = event.get("subscription");
            if !opts_out(&body) {
                return Ok(None);
            }
            let people = event.get("mail").get("destination");
            (body, Event::Unsubscribe, people)
        }
        _ => return Ok(None),
    };
    let occurred_at = body.get("timestamp").time()?;
    let id = match kind {
        // It has no id of its own; nobody changes the same preferences twice at the same time.
        Event::Unsubscribe => {
            let message = event.get("mail").get("messageId").text()?;
            format!("subscription-{message}-{}", occurred_at.micros())
        }
        _ => body.get("feedbackId").text()?.to_owned(),
    };
    let list = people.list()?;
    if list.is_empty() {
        let why = "is empty: expected at least one recipient";
        return Err(Refused::new(people.path(), why));
    }
    if list.len() > RECIPIENTS_MAX {
        let why = format!(
            "has {} recipients: expected at most {RECIPIENTS_MAX}",
            list.len()
        );
        return Err(Refused::new(people.path(), why));
    }
    Ok(Some(About {
        kind,
        id,
        occurred_at,
        people: list,
        body,
    }))
}

/// The most recipients of one event. A message of SES has at most 50.
const RECIPIENTS_MAX: usize = 128;

/// Whether a change of preferences leaves out everything, or a topic that was not left out before.
fn opts_out(subscription: &Field<'_>) -> bool {
    let out = |preferences: &Field<'_>| -> Vec<String> {
        preferences
            .get("topicSubscriptionStatus")
            .members()
            .iter()
            .filter(|topic| topic.get("subscriptionStatus").said() == Some("OptOut"))
            .filter_map(|topic| topic.get("topicName").said().map(str::to_owned))
            .collect()
    };
    let (new, old) = (
        subscription.get("newTopicPreferences"),
        subscription.get("oldTopicPreferences"),
    );
    let before = out(&old);
    new.get("unsubscribeAll").is_true() || out(&new).iter().any(|topic| !before.contains(topic))
}

impl About<'_> {
    fn outcome(
        &self,
        event: &Field<'_>,
        index: usize,
        person: &Field<'_>,
    ) -> Result<Option<Box<Outcome>>, Refused> {
        // Recipients of a bounce or complaint are objects, destinations are addresses.
        let email = match person.said() {
            Some(_) => person.clone(),
            None => person.get("emailAddress"),
        };
        let message = event.get("mail").get("messageId");
        let message = match message.optional_text()? {
            Some(text) if !text.trim().is_empty() => Some(message_id(message.path(), text)?),
            _ => None,
        };
        Ok(Some(Box::new(Outcome {
            id: request_id(Provider::Ses, &self.id, Some(index)),
            event: self.kind,
            message,
            email: address(email.path(), email.text()?)?,
            occurred_at: self.occurred_at,
            said: said(&[
                ("bounce_type", self.body.get("bounceType").said()),
                ("bounce_sub_type", self.body.get("bounceSubType").said()),
                (
                    "complaint_sub_type",
                    self.body.get("complaintSubType").said(),
                ),
                (
                    "complaint_feedback_type",
                    self.body.get("complaintFeedbackType").said(),
                ),
                ("source", self.body.get("source").said()),
                ("action", person.get("action").said()),
                ("status", person.get("status").said()),
                ("diagnostic_code", person.get("diagnosticCode").said()),
            ]),
        })))
    }
}

#[cfg(test)]
mod tests;
