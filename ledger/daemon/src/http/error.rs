//! From errors to HTTP answers: the one table.
//!
//! | error | status |
//! |---|---|
//! | nothing at this path | 404 |
//! | another method | 405, with `Allow` |
//! | credential missing, malformed or not in force | 401, with `WWW-Authenticate` |
//! | the caller's role | 403 |
//! | the body: too long, too slow, cut off | 413, 408, 400 |
//! | any error of a call | by its gRPC code, as `google.rpc.Code` maps them |
//!
//! The body is one line of text that names the value and says what was expected.

use std::fmt;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use tonic::{Code, Status};

use super::Reply;
use crate::auth::Schemes;
use crate::status::{CallError, CredentialError};

/// How much of what was sent is repeated, in characters.
const SHOWN_CHARS: usize = 100;
/// When to try again, in seconds: the shortest that the header can say.
const RETRY_AFTER_S: u64 = 1;

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct HttpError {
    status: StatusCode,
    text: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpError {
    /// An error with this status. `text` names the offending value and says what was expected.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            headers: Vec::new(),
        }
    }

    /// The same with a further header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Nobody in particular is calling; `is_basic` where a user and a password came.
    pub(super) fn unauthorized(error: CredentialError, schemes: Schemes, is_basic: bool) -> Self {
        let what = match error {
            CredentialError::Malformed if is_basic && schemes == Schemes::Bearer => {
                "user and password (Basic) are not taken here"
            }
            CredentialError::Missing => "no credential",
            CredentialError::Malformed => "the credential is malformed",
            CredentialError::Unknown => "the credential is not in force",
        };
        let (basic, or_basic) = match schemes {
            Schemes::Bearer => (false, ""),
            Schemes::BearerOrBasic => (
                true,
                ", or Basic with the principal's id as the user and the 64 hex digits as the password",
            ),
        };
        let text = format!(
            "{what}: expected the header `authorization: Bearer <64 hex digits>`{or_basic}"
        );
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, text).with(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"ledger\""),
        );
        // Some senders present their password only once they are asked for it.
        if basic {
            refusal = refusal.with(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"ledger\", charset=\"UTF-8\""),
            );
        }
        refusal
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for HttpError {}

impl From<CallError> for HttpError {
    fn from(error: CallError) -> Self {
        let text = error.to_string();
        let status = status(Status::from(error).code());
        let error = Self::new(status, text);
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                error.with(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))
            }
            StatusCode::UNAUTHORIZED => error.with(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"ledger\""),
            ),
            _ => error,
        }
    }
}

impl From<HttpError> for Reply {
    fn from(error: HttpError) -> Self {
        let HttpError {
            status,
            mut text,
            headers,
        } = error;
        text.push('\n');
        Self {
            headers,
            ..Self::text(status, text)
        }
    }
}

/// The HTTP status that `google.rpc.Code` gives for each code.
const fn status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// The beginning of what was sent, safe to print.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_says_when_to_try_again_and_nothing_else_does() {
        let busy = CallError::Busy {
            queue: "the queue",
            limit: 3,
        };
        let busy = HttpError::from(busy);
        assert_eq!(busy.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(busy.headers.iter().any(|(name, _)| name == RETRY_AFTER));
        let store = HttpError::from(CallError::Store);
        assert_eq!(store.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(store.headers.is_empty());
    }

    #[test]
    fn a_sender_that_waits_to_be_asked_for_its_password_is_asked() {
        let asked = |schemes| {
            let error = HttpError::unauthorized(CredentialError::Missing, schemes, false);
            error.headers.len()
        };
        assert_eq!(asked(Schemes::Bearer), 1);
        assert_eq!(asked(Schemes::BearerOrBasic), 2);
    }
}
