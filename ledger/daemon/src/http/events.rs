//! `POST /v1/events/ses` and `POST /v1/events/sendgrid`: what providers deliver about messages.
//!
//! The answer is 200 where everything in the body is on stable storage, or is nothing that the ledger
//! records. Otherwise it is not: providers try again for hours, and what was recorded is then a repetition,
//! because an event's own id is the request id. So an event that cannot be read is answered by 400 with its
//! index and field *after* all others are recorded: they are kept, and it is not passed over in silence.
//! The body says how many of each, as JSON:
//!
//! ```text
//! {"recorded":2,"repeated":0,"unmatched":1,"unlisted":0,"passed":3,"refused":1,
//!  "errors":[{"index":4,"field":"timestamp","why":"is missing: expected whole seconds since 1970"}]}
//! ```
//!
//! No address in a body is ever followed. An SNS topic that asks to be confirmed is named in the log with the
//! command by which an operator confirms it.

mod signature;

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::HeaderValue;
use ledger_core::role::Role;
use ledger_feeds::event::ses::Subscription;
use ledger_feeds::event::{Delivery, Provider, Refused};
use serde::Serialize;

use super::reply::Cache;
use super::{Asked, HttpError, Reply, Site};
use crate::service::ingest::Ingested;
use crate::status::{CallError, CredentialError};

pub use signature::{KeyError, SendgridKey};

/// The longest body: SNS delivers at most 256 KiB, which may be longer as text in an envelope, SendGrid
/// batches of less than 1 MiB.
pub(super) const BODY_BYTES_MAX: usize = 2 << 20;

/// Where SendGrid delivers.
pub const SENDGRID_PATH: &str = "/v1/events/sendgrid";

/// A delivery of Amazon SES by way of SNS.
pub(super) async fn ses(site: Arc<Site>, asked: Asked) -> Result<Reply, HttpError> {
    delivered(site, asked, Provider::Ses).await
}

/// A delivery of SendGrid. Where its key is configured, it must be signed.
pub(super) async fn sendgrid(site: Arc<Site>, asked: Asked) -> Result<Reply, HttpError> {
    if let Some(key) = site.sendgrid.clone() {
        let (headers, body) = (asked.headers.clone(), asked.body.clone());
        let now_s = site.ledger.now().micros() / 1_000_000;
        // Off the threads that serve connections, as the reading is: a body of megabytes is hashed.
        let signed = site
            .ledger
            .read(move |_| Ok(key.check(&headers, &body, now_s)));
        signed.await??;
    }
    delivered(site, asked, Provider::Sendgrid).await
}

async fn delivered(site: Arc<Site>, asked: Asked, provider: Provider) -> Result<Reply, HttpError> {
    let Some(caller) = asked.caller else {
        return Err(CallError::from(CredentialError::Missing).into());
    };
    // An agent reports on itself, under its own ids: over gRPC.
    if !matches!(caller.role, Role::Ingest | Role::Recorder) {
        let text = format!(
            "role `{}` may not hand on what a provider delivers: expected a principal with the role `ingest`",
            caller.role
        );
        return Err(HttpError::new(StatusCode::FORBIDDEN, text));
    }
    let body = asked.body;
    let read = site.ledger.read(move |_| Ok(provider.read(&body)));
    let items = match read.await? {
        Ok(Delivery::Events(items)) => items,
        Ok(Delivery::Subscription(subscription)) => {
            return Ok(confirmation(&caller.id, &subscription));
        }
        Err(refused) => {
            tracing::warn!(principal = %caller.id, provider = provider.as_str(), field = refused.field,
                "a delivery cannot be read");
            return Err(HttpError::new(StatusCode::BAD_REQUEST, refused.to_string()));
        }
    };
    let (ingested, ended) = site.ledger.ingest(&caller, provider, items).await;
    site.metrics.delivered(provider, &ingested);
    if let Some((index, refused)) = ingested.named.first() {
        tracing::warn!(principal = %caller.id, provider = provider.as_str(), refused = ingested.refused,
            index, field = refused.field, "events of a delivery cannot be recorded; the others are");
    }
    ended?;
    let status = if ingested.refused == 0 {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    Ok(json(status, &Counts::from(&ingested)))
}

/// Says that a topic waits, or has gone. Whoever posted it needs no answer but that it came.
fn confirmation(principal: &str, subscription: &Subscription) -> Reply {
    let topic = subscription.topic.as_str();
    if let Some(token) = &subscription.token {
        tracing::warn!(
            principal,
            topic,
            token,
            "an SNS topic asks whether it may deliver here: if it may, confirm it by hand with \
             `aws sns confirm-subscription --topic-arn TOPIC --token TOKEN`"
        );
    } else {
        tracing::warn!(
            principal,
            topic,
            "an SNS topic says that it no longer delivers here: its events will be missing"
        );
    }
    json(
        StatusCode::OK,
        &Waiting {
            subscription: if subscription.token.is_some() {
                "to be confirmed by an operator"
            } else {
                "ended"
            },
        },
    )
}

#[derive(Serialize)]
struct Waiting {
    subscription: &'static str,
}

#[derive(Serialize)]
struct Counts<'a> {
    recorded: u64,
    repeated: u64,
    unmatched: u64,
    unlisted: u64,
    passed: u64,
    refused: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorOf<'a>>,
}

#[derive(Serialize)]
struct ErrorOf<'a> {
    index: usize,
    field: &'a str,
    why: &'a str,
}

impl<'a> From<&'a Ingested> for Counts<'a> {
    fn from(ingested: &'a Ingested) -> Self {
        let error = |(index, refused): &'a (usize, Refused)| ErrorOf {
            index: *index,
            field: &refused.field,
            why: &refused.why,
        };
        Self {
            recorded: ingested.recorded,
            repeated: ingested.repeated,
            unmatched: ingested.unmatched,
            unlisted: ingested.unlisted,
            passed: ingested.passed,
            refused: ingested.refused,
            errors: ingested.named.iter().map(error).collect(),
        }
    }
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Reply {
    // Of numbers and text: encoding cannot fail.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    Reply {
        content_type: HeaderValue::from_static("application/json"),
        cache: Cache::Never,
        ..Reply::text(status, text)
    }
}
