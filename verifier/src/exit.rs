//! The exit codes: a public interface, stable.

use std::process::ExitCode;

use ledger_core::fault::Fault;
use serde::{Serialize, Serializer};

/// What a run ended with.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for verified.
    Verified = 0,
    /// The material could be read, and what it claims is not so.
    Refuted = 1,
    /// The command line is not one that this program understands.
    Usage = 2,
    /// The material, or what trust was to be taken from, could not be read.
    Unreadable = 3,
    /// The material could be read, but something is missing from it, or stands there in a form that this
    /// version does not know.
    Unjudged = 4,
    /// Everything verified, and it was asked for completeness: the log does not account for everything.
    Incomplete = 5,
}

impl Exit {
    /// Every exit code.
    pub const ALL: [Self; 6] = [
        Self::Verified,
        Self::Refuted,
        Self::Usage,
        Self::Unreadable,
        Self::Unjudged,
        Self::Incomplete,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The word in `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Refuted => "refuted",
            Self::Usage => "usage",
            Self::Unreadable => "unreadable",
            Self::Unjudged => "unjudged",
            Self::Incomplete => "incomplete",
        }
    }

    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Refuted => "refuted: the material is not what it claims to be",
            Self::Usage => "usage: the command line was not understood",
            Self::Unreadable => "unreadable: the input could not be read",
            Self::Unjudged => {
                "cannot be judged: material is missing, or of a form that this version does not know"
            }
            Self::Incomplete => "incomplete: the log verifies, and does not account for everything",
        }
    }

    /// Of several results, the one that counts: a refutation before everything else, then what could not
    /// be read, then what could not be judged, then what is not accounted for.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Verified => 0,
            Self::Incomplete => 1,
            Self::Unjudged => 2,
            Self::Unreadable => 3,
            Self::Usage => 4,
            Self::Refuted => 5,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }
}

impl From<Fault> for Exit {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refuted => Self::Refuted,
            Fault::Unreadable => Self::Unreadable,
            Fault::Unjudged => Self::Unjudged,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}
