//! Why a command failed, told so that whoever ran it knows what to do next.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::PathBuf;

use ledger_core::policy::PolicyErrors;
use ledger_proto::code::name as code_name;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, RpcStatusExt as _, StatusExt as _};

use crate::calls::in_commands;
use crate::exit::Exit;
use crate::text::wait_ms;

/// A problem, and what else is worth knowing about it.
#[derive(Debug)]
pub struct Failure {
    problem: Box<Problem>,
    notes: Vec<String>,
}

/// What went wrong, sorted by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The command line cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A file that the command line names cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A policy's text is not valid. Nothing was sent.
    #[error("the policy is not valid:\n{0}")]
    Policy(PolicyErrors),
    /// A result cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output cannot be written to.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    /// No connection, or none any more: what was asked may have been done, or not.
    #[error("{0}")]
    Unreachable(String),
    /// The ledger said no.
    #[error("{0}")]
    Refused(Refused),
    /// What the ledger answered does not verify, or answers something else.
    #[error("{what} does not verify: {why}")]
    Unverified {
        /// What was to be verified.
        what: String,
        /// Why it does not.
        why: String,
    },
    /// The operating system gives no random numbers.
    #[error("the system has no random numbers to give: {0}")]
    Random(String),
    /// A file is not what it was when it was checked.
    #[error("the file changed between its check and its import")]
    Changed,
    /// Interrupted from the keyboard.
    #[error("interrupted")]
    Interrupted,
}

/// A refusal, as the ledger put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The gRPC status code, such as `INVALID_ARGUMENT`.
    pub code: &'static str,
    /// The ledger's own words.
    pub message: String,
    /// The fields concerned, and what is wrong with each.
    pub fields: Vec<(String, String)>,
    /// What has to be put right first, each with its subject.
    pub preconditions: Vec<(String, String)>,
    /// The machine-readable reason.
    pub reason: Option<String>,
    /// When to try again, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = in_commands(&self.message);
        write!(f, "the ledger refused ({}): {message}", self.code)?;
        for (field, what) in &self.fields {
            // Of one field the message usually says it all.
            if *what != self.message {
                write!(f, "\n  field `{field}`: {}", in_commands(what))?;
            }
        }
        for (subject, what) in &self.preconditions {
            write!(f, "\n  {subject}: {what}")?;
        }
        if let Some(ms) = self.retry_after_ms {
            write!(f, "\n  try again in {}", wait_ms(ms))?;
        }
        Ok(())
    }
}

impl Failure {
    /// The command line cannot be used.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Problem::Usage(text.into()).into()
    }

    /// What the ledger answered does not verify.
    pub(crate) fn unverified(what: impl Into<String>, why: impl fmt::Display) -> Self {
        let problem = Problem::Unverified {
            what: what.into(),
            why: why.to_string(),
        };
        Self::from(problem).note(
            "rely on nothing that this answer says: the verification key is not this ledger's, or what came is not what \
             the ledger recorded",
        )
    }

    /// Adds something worth knowing.
    #[must_use]
    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What went wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Whether what was asked for may have been done although no answer came.
    pub(crate) fn outcome_is_unknown(&self) -> bool {
        matches!(
            *self.problem,
            Problem::Unreachable(_) | Problem::Unverified { .. } | Problem::Interrupted
        )
    }

    /// Whether no connection came about, or one ended.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(*self.problem, Problem::Unreachable(_))
    }

    /// The refusal, where it is one.
    pub(crate) fn refused(&self) -> Option<&Refused> {
        match &*self.problem {
            Problem::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// The exit code that this ends in.
    pub fn exit(&self) -> Exit {
        match *self.problem {
            Problem::Usage(_) | Problem::Input { .. } => Exit::Usage,
            Problem::Unreachable(_) => Exit::Unreachable,
            Problem::Policy(_)
            | Problem::Write { .. }
            | Problem::Stdout(_)
            | Problem::Refused(_)
            | Problem::Unverified { .. }
            | Problem::Random(_)
            | Problem::Changed
            | Problem::Interrupted => Exit::Failed,
        }
    }

    /// The object that `--json` prints.
    pub(crate) fn as_json(&self) -> impl Serialize {
        let kind = match &*self.problem {
            Problem::Usage(_) => "usage",
            Problem::Input { .. } | Problem::Changed => "input",
            Problem::Policy(_) => "policy",
            Problem::Write { .. } | Problem::Stdout(_) => "output",
            Problem::Unreachable(_) => "unreachable",
            Problem::Refused(_) => "refused",
            Problem::Unverified { .. } => "unverified",
            Problem::Random(_) => "random",
            Problem::Interrupted => "interrupted",
        };
        let refused = self.refused();
        let message = refused.map_or_else(
            || self.problem.to_string(),
            |refused| refused.message.clone(),
        );
        let field = |(field, description): &(String, String)| FieldJson {
            field: field.clone(),
            description: description.clone(),
        };
        ErrorJson {
            error: ErrorBody {
                kind,
                code: refused.map(|refused| refused.code),
                reason: refused.and_then(|refused| refused.reason.clone()),
                message,
                fields: refused
                    .map(|refused| refused.fields.iter().map(field).collect())
                    .unwrap_or_default(),
                preconditions: refused
                    .map(|refused| refused.preconditions.iter().map(field).collect())
                    .unwrap_or_default(),
                retry_after_ms: refused.and_then(|refused| refused.retry_after_ms),
                policy_errors: match &*self.problem {
                    Problem::Policy(errors) => {
                        errors.errors.iter().map(ToString::to_string).collect()
                    }
                    _ => Vec::new(),
                },
                notes: self.notes.clone(),
            },
            exit: self.exit() as u8,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            notes: Vec::new(),
        }
    }
}

/// What a call ended with. A transport that broke off has a source; a status that the ledger sent has none.
impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        Self::told(status.code(), status.message(), status.source(), &details)
    }
}

/// What one item of a batch ended with.
impl From<tonic_types::Status> for Failure {
    fn from(status: tonic_types::Status) -> Self {
        let details = status.get_error_details();
        Self::told(Code::from_i32(status.code), &status.message, None, &details)
    }
}

impl Failure {
    fn told(
        code: Code,
        message: &str,
        mut source: Option<&dyn std::error::Error>,
        details: &ErrorDetails,
    ) -> Self {
        let lost = matches!(
            code,
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled
        );
        if lost || source.is_some() {
            let name = code_name(code);
            let mut text = format!("the ledger did not answer ({name}): {message}");
            while let Some(inner) = source {
                let inner_text = inner.to_string();
                if !text.ends_with(&inner_text) {
                    text.push_str(": ");
                    text.push_str(&inner_text);
                }
                source = inner.source();
            }
            let delay = details.retry_info().and_then(|info| info.retry_delay);
            let failure = Self::from(Problem::Unreachable(text));
            return match delay {
                Some(delay) => failure.note(format!("try again in {}", wait_ms(millis(delay)))),
                None => failure,
            };
        }
        Problem::Refused(refused(code, message, details)).into()
    }
}

fn refused(code: Code, message: &str, details: &ErrorDetails) -> Refused {
    let fields = details.bad_request().map(|bad| {
        let field = |violation: &tonic_types::FieldViolation| {
            (violation.field.clone(), violation.description.clone())
        };
        bad.field_violations.iter().map(field).collect()
    });
    let preconditions = details.precondition_failure().map(|failure| {
        let violation = |violation: &tonic_types::PreconditionViolation| {
            (violation.subject.clone(), violation.description.clone())
        };
        failure.violations.iter().map(violation).collect()
    });
    Refused {
        code: code_name(code),
        message: message.to_owned(),
        fields: fields.unwrap_or_default(),
        preconditions: preconditions.unwrap_or_default(),
        reason: details.error_info().map(|info| info.reason.clone()),
        retry_after_ms: details
            .retry_info()
            .and_then(|info| info.retry_delay)
            .map(millis),
    }
}

fn millis(delay: std::time::Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct ErrorJson {
    error: ErrorBody,
    exit: u8,
}

#[derive(Serialize)]
struct ErrorBody {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    preconditions: Vec<FieldJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy_errors: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
struct FieldJson {
    field: String,
    description: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn status(code: Code, details: ErrorDetails) -> Status {
        Status::with_error_details(code, "request_id is missing", details)
    }

    #[test]
    fn a_refusal_names_its_fields() {
        let mut details = ErrorDetails::with_bad_request_violation("request_id", "is required");
        details.set_error_info(
            "MISSING_FIELD",
            "ledger.v1",
            std::collections::HashMap::new(),
        );
        let failure = Failure::from(status(Code::InvalidArgument, details));
        assert_eq!(
            failure.to_string(),
            "the ledger refused (INVALID_ARGUMENT): request_id is missing\n  field `request_id`: is required"
        );
        assert_eq!(failure.exit(), Exit::Failed);
        assert_eq!(
            serde_json::to_string(&failure.as_json()).unwrap(),
            "{\"error\":{\"kind\":\"refused\",\"code\":\"INVALID_ARGUMENT\",\"reason\":\"MISSING_FIELD\",\
             \"message\":\"request_id is missing\",\"fields\":[{\"field\":\"request_id\",\"description\":\"is required\"}]},\"exit\":1}"
        );
    }

    #[test]
    fn a_full_queue_says_when_to_try_again() {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1500)));
        let failure = Failure::from(status(Code::ResourceExhausted, details));
        assert!(
            failure.to_string().ends_with("\n  try again in 2s"),
            "{failure}"
        );
        assert_eq!(failure.exit(), Exit::Failed);
    }

    #[test]
    fn a_lost_answer_is_not_a_refusal() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled] {
            let failure = Failure::from(Status::new(code, "commit outcome unknown"));
            assert_eq!(failure.exit(), Exit::Unreachable);
            assert!(failure.outcome_is_unknown());
        }
        let broken = Status::from_error(Box::new(io::Error::from(io::ErrorKind::ConnectionReset)));
        let failure = Failure::from(broken);
        assert_eq!(failure.exit(), Exit::Unreachable);
        assert!(
            failure.to_string().contains("connection reset"),
            "{failure}"
        );
    }
}
