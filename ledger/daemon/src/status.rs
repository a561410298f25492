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
//! | a request id used for something else | `ALREADY_EXISTS` | `REQUEST_ID_REUSED` |
//! | the state that the call needs is not there | `FAILED_PRECONDITION` | `PRECONDITION_FAILED` |
//! | a queue, a quota, or all places taken | `RESOURCE_EXHAUSTED` | `QUEUE_FULL` |
//! | no room in the reply to a batch; it is recorded all the same | `RESOURCE_EXHAUSTED` | `REPLY_FULL` |
//! | the daemon is stopping, or has stopped writing | `UNAVAILABLE` | `NOT_TAKING_WRITES` |
//! | the outcome of a commit is not known | `UNAVAILABLE` | `OUTCOME_UNKNOWN` |
//! | the store cannot be read | `INTERNAL` | `STORE_UNREADABLE` |

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use ledger_core::plan::Refusal;
use ledger_core::policy::{PolicyError, PolicyErrors};
use ledger_core::role::{Call, Role};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::metrics::reads;
use crate::queue::Full;
use crate::submission::SubmitError;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "ledger.v1";

/// When a queue that was full is worth another try. A batch takes a few milliseconds; this leaves room
/// for a slow disk.
const QUEUE_RETRY: Duration = Duration::from_millis(100);
/// When a daemon that has stopped writing may be back: it must be started anew.
const RESTART_RETRY: Duration = Duration::from_secs(2);
/// How much of a value is repeated, in characters.
const SHOWN_CHARS: usize = 40;

/// A field of a request with a value that it must not have. The value is not repeated where it may be
/// personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path in the request, such as `recipients[2].role`.
    pub field: String,
    /// The beginning of the value, safe to print.
    pub value: Option<String>,
    /// What was expected, and what to do.
    pub expected: String,
}

impl FieldError {
    /// An error about a value that may be shown.
    pub fn shown(
        field: impl Into<String>,
        value: &dyn fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        let value = value.to_string();
        let mut shown: String = value
            .chars()
            .take(SHOWN_CHARS)
            .flat_map(char::escape_debug)
            .collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self {
            field: field.into(),
            value: Some(shown),
            expected: expected.into(),
        }
    }

    /// An error about a value that is absent or may be personal.
    pub fn withheld(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: None,
            expected: expected.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} `{value}`: {}", self.field, self.expected),
            None => write!(f, "{}: {}", self.field, self.expected),
        }
    }
}

impl std::error::Error for FieldError {}

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
        let row = row(&error);
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

/// One row of the table.
struct Row {
    code: Code,
    reason: &'static str,
    metadata: Vec<(&'static str, String)>,
    fields: Vec<FieldViolation>,
    retry: Option<Duration>,
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
}

fn row(error: &CallError) -> Row {
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
        CallError::Role { role, call } => Row::new(Code::PermissionDenied, "ROLE_NOT_PERMITTED")
            .with("role", role)
            .with("call", call),
        CallError::NotYours { .. } => Row::new(Code::PermissionDenied, "NOT_YOURS"),
        CallError::NotFound { .. } => Row::new(Code::NotFound, "NOT_FOUND"),
        CallError::Submit(SubmitError::Refused(refusal)) => refused(refusal),
        CallError::Busy { queue, limit }
        | CallError::Submit(SubmitError::Full(Full::Queue { queue, limit })) => full(queue, *limit),
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
fn place(error: &PolicyError) -> String {
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

#[cfg(test)]
mod tests {
    use ledger_core::policy::Policy;
    use ledger_core::view::{Table, ViewError};

    use super::*;

    fn every() -> Vec<(CallError, Code, &'static str)> {
        let refused = |refusal: Refusal| CallError::from(refusal);
        let policy =
            Policy::parse(&[("policy.toml", "version = 1\ntier = 2\n")]).expect_err("not a policy");
        vec![
            (
                FieldError::withheld("mailbox", "expected one `@`").into(),
                Code::InvalidArgument,
                "FIELD_INVALID",
            ),
            (
                CredentialError::Missing.into(),
                Code::Unauthenticated,
                "CREDENTIAL_MISSING",
            ),
            (
                CredentialError::Malformed.into(),
                Code::Unauthenticated,
                "CREDENTIAL_MALFORMED",
            ),
            (
                CredentialError::Unknown.into(),
                Code::Unauthenticated,
                "CREDENTIAL_UNKNOWN",
            ),
            (
                CallError::Role {
                    role: Role::Agent,
                    call: Call::Stop,
                },
                Code::PermissionDenied,
                "ROLE_NOT_PERMITTED",
            ),
            (
                CallError::NotYours { what: "x".into() },
                Code::PermissionDenied,
                "NOT_YOURS",
            ),
            (
                CallError::NotFound { what: "x".into() },
                Code::NotFound,
                "NOT_FOUND",
            ),
            (
                CallError::Busy {
                    queue: "exports",
                    limit: 2,
                },
                Code::ResourceExhausted,
                "QUEUE_FULL",
            ),
            (
                CallError::Submit(
                    Full::Queue {
                        queue: "the queue",
                        limit: 3,
                    }
                    .into(),
                ),
                Code::ResourceExhausted,
                "QUEUE_FULL",
            ),
            (
                CallError::ReplyFull { limit: 4 },
                Code::ResourceExhausted,
                "REPLY_FULL",
            ),
            (
                CallError::Submit(Full::Closed.into()),
                Code::Unavailable,
                "NOT_TAKING_WRITES",
            ),
            (
                CallError::Submit(SubmitError::TooLarge("big".into())),
                Code::InvalidArgument,
                "ENTRY_TOO_LARGE",
            ),
            (
                CallError::Submit(SubmitError::Unknown),
                Code::Unavailable,
                "OUTCOME_UNKNOWN",
            ),
            (CallError::Store, Code::Internal, "STORE_UNREADABLE"),
            (
                refused(Refusal::View(ViewError {
                    table: Table::Listing,
                    why: "io".into(),
                })),
                Code::Unavailable,
                "OUTCOME_UNKNOWN",
            ),
            (
                refused(Refusal::Unauthenticated { id: "a".into() }),
                Code::Unauthenticated,
                "CREDENTIAL_REVOKED",
            ),
            (
                refused(Refusal::NotPermitted {
                    role: "agent".into(),
                    call: "Stop",
                }),
                Code::PermissionDenied,
                "ROLE_NOT_PERMITTED",
            ),
            (
                refused(Refusal::RequestReused {
                    request_id: "r".into(),
                    first: 7,
                }),
                Code::AlreadyExists,
                "REQUEST_ID_REUSED",
            ),
            (
                refused(Refusal::Invalid {
                    field: "ends",
                    value: "1/0".into(),
                    expected: "named twice".into(),
                }),
                Code::InvalidArgument,
                "FIELD_INVALID",
            ),
            (
                refused(Refusal::Precondition { what: "x".into() }),
                Code::FailedPrecondition,
                "PRECONDITION_FAILED",
            ),
            (
                refused(Refusal::Policy(policy)),
                Code::InvalidArgument,
                "POLICY_INVALID",
            ),
        ]
    }

    #[test]
    fn every_error_has_its_code_and_reason() {
        for (error, code, reason) in every() {
            let status = Status::from(error.clone());
            let details = status.get_error_details();
            assert_eq!(status.code(), code, "{error}");
            let info = details.error_info().expect("every status carries one");
            assert_eq!(
                (info.reason.as_str(), info.domain.as_str()),
                (reason, DOMAIN),
                "{error}"
            );
            assert_eq!(
                details.bad_request().is_some(),
                code == Code::InvalidArgument && reason != "ENTRY_TOO_LARGE",
                "{error}"
            );
            assert_eq!(
                details.retry_info().is_some(),
                matches!(code, Code::ResourceExhausted | Code::Unavailable),
                "{error}"
            );
        }
    }

    #[test]
    fn an_item_is_told_what_a_call_is_told() {
        use tonic_types::RpcStatusExt;
        for (error, code, reason) in every() {
            let (call, item) = (
                Status::from(error.clone()),
                tonic_types::Status::from(error),
            );
            assert_eq!((item.code, &*item.message), (code.into(), call.message()));
            let info = item.get_details_error_info().expect("every status has one");
            assert_eq!(info.reason, reason);
            assert_eq!(
                item.get_details_retry_info().is_some(),
                call.get_details_retry_info().is_some()
            );
        }
    }

    #[test]
    fn the_table_above_lists_every_reason() {
        let table: String = include_str!("status.rs")
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        for (_, _, reason) in every() {
            assert!(
                table.contains(&format!("`{reason}`")),
                "{reason} is not documented"
            );
        }
    }

    #[test]
    fn a_bad_field_is_named_and_a_full_queue_says_which_and_how_large() {
        let status = Status::from(CallError::from(FieldError::shown(
            "recipients[2].role",
            &9,
            "expected TO",
        )));
        let details = status.get_error_details();
        let violation = &details.bad_request().expect("a field").field_violations[0];
        assert_eq!(violation.field, "recipients[2].role");
        assert_eq!(violation.description, "recipients[2].role `9`: expected TO");

        let status = Status::from(CallError::Submit(
            Full::Queue {
                queue: "the queue",
                limit: 3,
            }
            .into(),
        ));
        let details = status.get_error_details();
        let info = details.error_info().expect("one");
        assert_eq!(info.metadata["queue"], "the queue");
        assert_eq!(info.metadata["limit"], "3");
    }

    #[test]
    fn an_invalid_policy_names_line_and_key() {
        let errors =
            Policy::parse(&[("policy.toml", "version = 1\ntier = 2\n")]).expect_err("not a policy");
        let status = Status::from(CallError::from(Refusal::Policy(errors)));
        let details = status.get_error_details();
        let violations = &details.bad_request().expect("fields").field_violations;
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].field, "policy.toml:2 tier");
        for (text, expected) in [
            (
                "version = 1\n[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [\"email.send\"]\ncolour = 1\n",
                "policy.toml:6 grant[0].colour",
            ),
            (
                "version = 1\n[numbers]\nvalid_for_s = 0\n",
                "policy.toml:3 numbers.valid_for_s",
            ),
            ("version = 1\n[[\n", "policy.toml:2"),
        ] {
            let errors = Policy::parse(&[("policy.toml", text)]).expect_err("not a policy");
            let places: Vec<String> = errors.errors.iter().map(place).collect();
            assert!(places.iter().any(|place| place == expected), "{places:?}");
        }
    }

    #[test]
    fn a_shown_value_is_cut_and_stays_on_one_line() {
        let error = FieldError::shown("tool", &format!("a\nb{}", "x".repeat(100)), "expected less");
        assert_eq!(error.value, Some(format!("a\\nb{}…", "x".repeat(37))));
    }
}
