//! What a check comes to.

use serde::Serialize;

/// What to do where the log is not what it was.
const RESTORE: &str = "restore a backup that verifies, and keep this one as it is";

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// What kind of thing: `entry`, `tile`, `checkpoint`, `detail`, `head file`, `key`, `view`, ...
    pub part: &'static str,
    /// Which one, what was expected and what was found.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// Why a check goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// Something is wrong.
    Wrong(Wrong),
    /// The store could not be looked at.
    NotChecked(String),
    /// Another version wrote it.
    NotJudged(String),
}

impl Stop {
    /// Something of the log is wrong.
    pub(super) fn wrong(part: &'static str, what: impl ToString) -> Self {
        Self::wrong_but(part, what, RESTORE)
    }

    /// Something is wrong for which there is another remedy.
    pub(super) fn wrong_but(part: &'static str, what: impl ToString, remedy: &str) -> Self {
        Self::Wrong(Wrong {
            part,
            what: what.to_string(),
            remedy: remedy.to_owned(),
        })
    }
}
