//! What can be wrong with a policy, said so that its author can put it right.

use std::fmt;

/// The most errors that one refusal lists; it says how many there were.
pub const ERRORS_MAX: usize = 20;

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file.
    pub path: String,
    /// The line in it, from 1; absent where the error is about the file as a whole.
    pub line: Option<usize>,
    /// The key, for instance `throttle[1].window` (rows count from 0); empty where no key is concerned.
    pub key: String,
    /// The value, cut to 40 characters; absent where there is none, and where it looks personal.
    pub value: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        if let Some(value) = &self.value {
            write!(f, "`{value}` ")?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

impl std::error::Error for PolicyError {}

/// Everything that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors {
    /// The first [`ERRORS_MAX`], in the order of the file.
    pub errors: Vec<PolicyError>,
    /// How many there were.
    pub total: usize,
}

impl PolicyErrors {
    pub(super) fn new(mut errors: Vec<PolicyError>) -> Self {
        let total = errors.len();
        errors.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        errors.truncate(ERRORS_MAX);
        Self { errors, total }
    }
}

/// One error a line.
impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if i == 0 { "" } else { "\n" })?;
        }
        match self.total - self.errors.len() {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for PolicyErrors {}
