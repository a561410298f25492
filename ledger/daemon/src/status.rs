//! From errors to gRPC statuses: the one table.
//!
//! Every status carries a `google.rpc.ErrorInfo` whose reason is stable, so that a program need not
//! read the message; what a caller can put right names its field (`BadRequest`), what passes by itself
//! says when to try again (`RetryInfo`).
//!
//! | error | code | reason |
//! |---|---|---|
//! | a field of the request | `INVALID_ARGUMENT` | `FIELD_INVALID` |
//! | the text of a policy | `INVALID_ARGUMENT` | `POLICY_INVALID` |
//! | a request whose entry would be too large | `INVALID_ARGUMENT` | `ENTRY_TOO_LARGE` |
//! | no credential, a malformed one, one that nobody holds | `UNAUTHENTICATED` | `CREDENTIAL_MISSING`, `CREDENTIAL_MALFORMED`, `CREDENTIAL_UNKNOWN` |
//! | a credential revoked while the request was under way | `UNAUTHENTICATED` | `CREDENTIAL_REVOKED` |
//! | the caller's role | `PERMISSION_DENIED` | `ROLE_NOT_PERMITTED` |
//! | somebody else's entries | `PERMISSION_DENIED` | `NOT_YOURS` |
//! | no such entry, detail, request or checkpoint | `NOT_FOUND` | `NOT_FOUND` |
//! | an approver outside the group that is asked | `PERMISSION_DENIED` | `NOT_IN_GROUP` |
//! | a request id used for something else | `ALREADY_EXISTS` | `REQUEST_ID_REUSED` |
//! | the state that the call needs is not there | `FAILED_PRECONDITION` | `PRECONDITION_FAILED` |
//! | a queue, a quota, or all places taken | `RESOURCE_EXHAUSTED` | `QUEUE_FULL` |
//! | no room in the reply to a batch; it is recorded all the same | `RESOURCE_EXHAUSTED` | `REPLY_FULL` |
//! | the daemon is stopping, or has stopped writing | `UNAVAILABLE` | `NOT_TAKING_WRITES` |
//! | the outcome of a commit is not known | `UNAVAILABLE` | `OUTCOME_UNKNOWN` |
//! | the store cannot be read | `INTERNAL` | `STORE_UNREADABLE` |

mod field;
mod row;

use std::collections::HashMap;
use std::fmt;

use ledger_core::plan::Refusal;
use ledger_core::role::{Call, Role};
use prost::Message;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use crate::metrics::reads;
use crate::submission::SubmitError;

pub use field::FieldError;

use row::Row;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "ledger.v1";

/// What is wrong with a credential. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// None was sent.
    #[error("no credential: expected the metadata `authorization: Bearer <64 hex digits>`")]
    Missing,
    /// Not of the form.
    #[error(
        "the credential is malformed: expected the metadata `authorization: Bearer <64 hex digits>`"
    )]
    Malformed,
    /// Nobody holds it.
    #[error(
        "the credential is not in force: it was never registered, was replaced, or was revoked; ask an operator"
    )]
    Unknown,
}

/// Why a call brings no answer. Sorted by whose fault it is: the caller's, the world's, our own.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// A field of the request.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The caller's role.
    #[error("role `{role}` may not call `{call}`: see docs/roles.md for who may")]
    Role {
        /// The caller's role.
        role: Role,
        /// The call.
        call: Call,
    },
    /// Something of somebody else's.
    #[error("{what}")]
    NotYours {
        /// What, and whom to ask.
        what: String,
    },
    /// Something that is not there.
    #[error("{what}")]
    NotFound {
        /// What, and where to look.
        what: String,
    },
    /// All places of some kind are taken.
    #[error("{queue} is full ({limit} at a time): try again after the delay")]
    Busy {
        /// Which places.
        queue: &'static str,
        /// How many there are.
        limit: usize,
    },
    /// An answer that its batch's reply has no room for.
    #[error(
        "the reply to the batch has no room for this answer ({limit} bytes): it is recorded; ask again under the same \
         request id, in a smaller batch"
    )]
    ReplyFull {
        /// The most bytes of answers that a reply holds.
        limit: usize,
    },
    /// The sequencer or the queue refused, or did not learn the outcome.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The store, the views or the system failed. What exactly stands in the daemon's log alone.
    #[error("the ledger could not read its own store: see the daemon's log, and run a full check")]
    Store,
}

impl CallError {
    /// An error of the store. Logged here, because the caller is not told more than that it happened.
    pub fn store(error: &dyn fmt::Display) -> Self {
        reads::failed();
        tracing::error!(%error, "a read failed");
        Self::Store
    }
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        Self::Submit(SubmitError::Refused(refusal))
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let row = Row::of(&error);
        let mut details = ErrorDetails::new();
        let metadata: HashMap<String, String> = row
            .metadata
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        details.set_error_info(row.reason, DOMAIN, metadata);
        if !row.fields.is_empty() {
            details.set_bad_request(row.fields);
        }
        if let Some(delay) = row.retry {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(row.code, error.to_string(), details)
    }
}

/// The same as a message, for the answer to one item among others.
impl From<CallError> for tonic_types::Status {
    fn from(error: CallError) -> Self {
        let status = Status::from(error);
        // The details are this very message, encoded.
        Self::decode(status.details()).unwrap_or_else(|_| Self {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
