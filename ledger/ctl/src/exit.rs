//! Exit codes: documented and stable, so that scripts can act on them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done. Of `decide`: allowed, and it may be started now. Of `approvals watch`: granted, not used yet.
    Done = 0,
    /// The ledger said no, or what it answered does not verify, or a result could not be written.
    Failed = 1,
    /// The command line, or something that it names, cannot be used. Nothing was sent.
    Usage = 2,
    /// The ledger cannot be reached, or its answer was lost.
    Unreachable = 3,
    /// Of `decide` and `approvals watch`: denied.
    Denied = 5,
    /// Of `decide`: an approval is required.
    ApprovalRequired = 6,
    /// Of `decide`: an earlier allow that must not be started any more. Of `approvals watch`: a request
    /// that has expired, or whose approval was used up.
    Unusable = 7,
    /// Of `undo`: there is no inverse.
    NoInverse = 8,
}

/// The table that `--help` ends with.
pub const HELP: &str = "\
Exit codes:
  0  done; of `decide`: allowed, and it may be started now; of `approvals watch`: granted
  1  the ledger said no, or its answer does not verify: rely on nothing it said
  2  the command line, or a file that it names, cannot be used; nothing was sent
  3  the ledger cannot be reached, or its answer was lost
  5  of `decide` and `approvals watch`: denied
  6  of `decide`: an approval is required
  7  of `decide`: a repeated request whose allow has expired, was used, or was voided by a stop;
     of `approvals watch`: the request has expired, or its approval was used up
  8  of `undo`: there is no inverse";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
