//! Whose fault it is that something did not verify, so that every error ends in one stable exit code.

/// How an error about material under test is to be understood.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Fault {
    /// It could be read, and what it claims is not so (exit code 1).
    Refuted,
    /// It could not be read: not of the format that it should have (exit code 3).
    Unreadable,
    /// It could be read, but something is missing, or in a form that this version does not know (exit code 4).
    Unjudged,
}
