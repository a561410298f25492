//! The rows of the table: code, reason and details of each error.

use std::fmt;
use std::time::Duration;

use ledger_core::plan::Refusal;
use ledger_core::policy::{PolicyError, PolicyErrors};
use tonic::Code;
use tonic_types::FieldViolation;

use super::{CallError, CredentialError};
use crate::queue::Full;
use crate::submission::SubmitError;

/// When a queue that was full is worth another try. A batch takes a few milliseconds; this leaves room
/// for a slow disk.
const QUEUE_RETRY: Duration = Duration::from_millis(100);
/// When a daemon that has stopped writing may be back: it must be started anew.
const RESTART_RETRY: Duration = Duration::from_secs(2);

/// One row of the table.
pub(super) struct Row {
    pub(super) code: Code,
    pub(super) reason: &'static str,
    pub(super) metadata: Vec<(&'static str, String)>,
    pub(super) fields: Vec<FieldViolation>,
    pub(super) retry: Option<Duration>,
}

impl Row {
    const fn new(code: Code, reason: &'static str) -> Self {
        Self {
            code,
            reason,
            metadata: Vec::new(),
            fields: Vec::new(),
            retry: None,
        }
    }

    fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }

    fn field(mut self, field: &str, description: &impl ToString) -> Self {
        self.fields
            .push(FieldViolation::new(field, description.to_string()));
        self
    }

    const fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }

    /// The row of an error.
    pub(super) fn of(error: &CallError) -> Self {
        match error {
            CallError::Field(error) => {
                Row::new(Code::InvalidArgument, "FIELD_INVALID").field(&error.field, error)
            }
            CallError::Credential(error) => Row::new(
                Code::Unauthenticated,
                match error {
                    CredentialError::Missing => "CREDENTIAL_MISSING",
                    CredentialError::Malformed => "CREDENTIAL_MALFORMED",
                    CredentialError::Unknown => "CREDENTIAL_UNKNOWN",
                },
            ),
            CallError::Role { role, call } => {
                Row::new(Code::PermissionDenied, "ROLE_NOT_PERMITTED")
                    .with("role", role)
                    .with("call", call)
            }
            CallError::NotYours { .. } => Row::new(Code::PermissionDenied, "NOT_YOURS"),
            CallError::NotFound { .. } => Row::new(Code::NotFound, "NOT_FOUND"),
            CallError::Submit(SubmitError::Refused(refusal)) => refused(refusal),
            CallError::Busy { queue, limit }
            | CallError::Submit(SubmitError::Full(Full::Queue { queue, limit })) => {
                full(queue, *limit)
            }
            CallError::ReplyFull { limit } => Row::new(Code::ResourceExhausted, "REPLY_FULL")
                .with("limit", limit)
                .retry(QUEUE_RETRY),
            CallError::Submit(SubmitError::Full(Full::Closed)) => {
                Row::new(Code::Unavailable, "NOT_TAKING_WRITES").retry(RESTART_RETRY)
            }
            CallError::Submit(SubmitError::TooLarge(_)) => {
                Row::new(Code::InvalidArgument, "ENTRY_TOO_LARGE")
            }
            CallError::Submit(SubmitError::Unknown) => {
                Row::new(Code::Unavailable, "OUTCOME_UNKNOWN").retry(RESTART_RETRY)
            }
            CallError::Store => Row::new(Code::Internal, "STORE_UNREADABLE"),
        }
    }
}

fn full(queue: &'static str, limit: usize) -> Row {
    Row::new(Code::ResourceExhausted, "QUEUE_FULL")
        .with("queue", queue)
        .with("limit", limit)
        .retry(QUEUE_RETRY)
}

fn refused(refusal: &Refusal) -> Row {
    match refusal {
        // The daemon has stopped writing by the time that anybody could be told.
        Refusal::View(_) => Row::new(Code::Unavailable, "OUTCOME_UNKNOWN").retry(RESTART_RETRY),
        Refusal::Unauthenticated { .. } => Row::new(Code::Unauthenticated, "CREDENTIAL_REVOKED"),
        Refusal::NotPermitted { role, call } => {
            Row::new(Code::PermissionDenied, "ROLE_NOT_PERMITTED")
                .with("role", role)
                .with("call", call)
        }
        Refusal::RequestReused { request_id, first } => {
            Row::new(Code::AlreadyExists, "REQUEST_ID_REUSED")
                .with("request_id", request_id)
                .with("first_seq", first)
        }
        Refusal::Invalid { field, .. } => {
            Row::new(Code::InvalidArgument, "FIELD_INVALID").field(field, refusal)
        }
        Refusal::Precondition { .. } => Row::new(Code::FailedPrecondition, "PRECONDITION_FAILED"),
        Refusal::NotInGroup { id, group } => Row::new(Code::PermissionDenied, "NOT_IN_GROUP")
            .with("id", id)
            .with("group", group),
        Refusal::Promotion(_) => {
            Row::new(Code::InvalidArgument, "FIELD_INVALID").field("promotion.receipt", refusal)
        }
        Refusal::Policy(errors) => policy(errors),
    }
}

/// One violation for each error, named by where it stands in the text.
fn policy(errors: &PolicyErrors) -> Row {
    let mut row = Row::new(Code::InvalidArgument, "POLICY_INVALID").with("errors", errors.total);
    for error in &errors.errors {
        row = row.field(&place(error), error);
    }
    row
}

/// `<path>:<line> <key>`, as far as they are known.
pub(super) fn place(error: &PolicyError) -> String {
    let mut place = error.path.clone();
    if let Some(line) = error.line {
        place = format!("{place}:{line}");
    }
    // Of a key that no policy has, the key itself is the value in question.
    match (error.key.strip_suffix("key"), &error.value) {
        (Some(""), Some(unknown)) => format!("{place} {unknown}"),
        (Some(of), Some(unknown)) if of.ends_with(": ") => {
            format!("{place} {}.{unknown}", of.trim_end_matches(": "))
        }
        _ if error.key.is_empty() => place,
        _ => format!("{place} {}", error.key),
    }
}
