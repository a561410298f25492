//! What a caller is told who is refused.

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A call that brought an error.
#[derive(Debug)]
pub struct Refused(pub Status);

impl Refused {
    /// The error of a call that must have failed.
    #[track_caller]
    pub fn of<T: std::fmt::Debug>(what: &str, result: Result<T, Status>) -> Self {
        match result {
            Ok(reply) => panic!("{what}: expected a refusal, got {reply:?}"),
            Err(status) => Self(status),
        }
    }

    /// Demands a code.
    #[track_caller]
    pub fn code(self, what: &str, code: Code) -> Self {
        assert_eq!(self.0.code(), code, "{what}: {}", self.0.message());
        self
    }

    /// Demands that `BadRequest` names a field, and that the message is a sentence for people.
    #[track_caller]
    pub fn names(self, what: &str, field: &str) -> Self {
        let fields = self.fields();
        assert!(
            fields.iter().any(|named| named == field),
            "{what}: expected a violation of `{field}`, found {fields:?}: {}",
            self.0.message()
        );
        self
    }

    /// Demands words in the message.
    #[track_caller]
    pub fn says(self, what: &str, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.0.message().contains(word),
                "{what}: expected `{word}` in `{}`",
                self.0.message()
            );
        }
        self
    }

    /// The fields that `BadRequest` names.
    pub fn fields(&self) -> Vec<String> {
        let details = self.0.get_error_details();
        let violations = details
            .bad_request()
            .map(|request| request.field_violations.clone())
            .unwrap_or_default();
        violations
            .into_iter()
            .map(|violation| violation.field)
            .collect()
    }
}
