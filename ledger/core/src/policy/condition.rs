//! Conditions: what a policy asks beyond its tables, in `.cedar` files beside `policy.toml`.
//!
//! They are one more check that must pass, and never the only one. Cedar evaluates them where the
//! feature `cedar` is built in. Without it a policy that carries such files is refused, so that no
//! condition is ever passed over.

#[cfg(feature = "cedar")]
mod cedar;
#[cfg(feature = "cedar")]
mod read;
#[cfg(feature = "cedar")]
mod scan;

#[cfg(feature = "cedar")]
pub use cedar::Conditions;
#[cfg(feature = "cedar")]
pub(super) use read::read;

use super::error::PolicyError;
use crate::action::{Channels, Class};
use crate::entry::{Environment, Outcome, Target};
use crate::name::{self, RULE_MAX};
use crate::time::Timestamp;

/// What evaluates conditions in this build, with its version, as `boot` entries record it; `None` where
/// nothing does. A decision under conditions is worked out again by the same version alone.
pub const EVALUATOR: Option<&str> = if cfg!(feature = "cedar") {
    Some("cedar-policy 4.14.1")
} else {
    None
};
/// How the name of a file with conditions ends.
pub const CONDITION_SUFFIX: &str = ".cedar";
/// The most files with conditions.
pub const CONDITION_FILES_MAX: usize = 16;
/// The most conditions of one policy. Every decision evaluates them all.
pub const CONDITIONS_MAX: usize = 64;
/// The longest condition in bytes, from its first annotation or word to its `;`.
pub const CONDITION_BYTES_MAX: usize = 8 * 1024;
/// How deep the brackets of a condition may be nested.
pub const CONDITION_NESTING_MAX: usize = 16;
/// The most operators of one condition, together with its dots, opening brackets, `if`, `when` and
/// `unless`. With [`CONDITION_NESTING_MAX`] it bounds the stack on which a condition is parsed, checked and
/// evaluated, which is then set aside for it: no caller's stack is too small.
pub const CONDITION_OPERATORS_MAX: usize = 128;
/// What conditions are checked against when they are published, before the policy's own actions: see
/// `docs/conditions.md`.
pub const CONDITION_SCHEMA: &str = r#"entity Agent { version?: String };
entity Ledger;
entity Class enum ["read", "write", "contact", "admin"];
entity Channel enum ["email", "call", "sms", "meeting"];
entity Environment enum ["prod", "sandbox"];
entity Outcome enum ["allow", "require_approval", "deny"];
entity Weekday enum ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
type Request = {
  tier: Long,
  class: Class,
  channels: Set<Channel>,
  environment: Environment,
  tool?: String,
  seller?: String,
  campaign?: String,
  objects: Set<String>,
  reads: Set<String>,
  writes: Set<String>,
  recipients: Long,
  cost_micros?: Long,
  approved: Bool,
  undoes: Bool,
  foreign?: Outcome,
  hour: Long,
  weekday: Weekday,
};
"#;

/// One condition of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What its `@id` says, unique in the policy: the rule that reasons name.
    pub id: String,
    /// Whether it forbids; else it permits.
    pub forbids: bool,
    /// The file.
    pub path: String,
}

/// What conditions may know of a request: its clear fields, and what the state before it says. Nothing
/// here is a token.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "cedar"),
    allow(dead_code, reason = "nothing evaluates them")
)]
pub(crate) struct Facts<'a> {
    pub(crate) agent: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) tier: u8,
    pub(crate) class: Class,
    pub(crate) channels: Channels,
    pub(crate) environment: Environment,
    pub(crate) tool: Option<&'a str>,
    pub(crate) seller: Option<&'a str>,
    pub(crate) campaign: Option<&'a str>,
    pub(crate) targets: &'a [Target],
    pub(crate) recipients: usize,
    pub(crate) cost_micros: Option<u64>,
    pub(crate) approved: bool,
    pub(crate) undoes: bool,
    pub(crate) foreign: Option<Outcome>,
    pub(crate) time: Timestamp,
}

/// What the conditions of a policy say of a request; every list by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The first of those that permit it; only heard where nothing else speaks.
    pub(crate) permit: Option<String>,
    /// Those that forbid it.
    pub(crate) forbids: Vec<String>,
    /// Those that could not be evaluated. Cedar passes over them; a `forbid` among them would then
    /// not be heard, so that one is enough to deny.
    pub(crate) errors: Vec<String>,
    /// Whether there was no way to put the request to them.
    pub(crate) failed: bool,
}

/// The conditions of a policy. This build evaluates none, so that there is no value of it.
#[cfg(not(feature = "cedar"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conditions {}

#[cfg(not(feature = "cedar"))]
impl Conditions {
    /// Every condition, by id.
    pub fn all(&self) -> &[Condition] {
        match *self {}
    }

    pub(crate) fn evaluate(&self, _: &Facts<'_>) -> Verdict {
        match *self {}
    }
}

/// What no build without the feature comes to: [`files`] has refused every file before.
#[cfg(not(feature = "cedar"))]
pub(super) fn read<'a>(
    _: &[(&str, &str)],
    _: impl IntoIterator<Item = &'a str>,
    _: &mut Vec<PolicyError>,
) -> Option<Conditions> {
    None
}

/// Whether a file of a policy holds conditions, by its name.
pub(crate) fn is_file(path: &str) -> bool {
    path.ends_with(CONDITION_SUFFIX)
}

/// Why a policy with these files cannot be judged by this build, where the log was recorded with
/// `recorded` as its evaluator; `None` where it can.
pub(crate) fn unknown<'a>(
    paths: impl IntoIterator<Item = &'a str>,
    recorded: Option<&str>,
) -> Option<String> {
    let carries = paths.into_iter().any(is_file);
    carries.then(|| unknown_evaluator(recorded)).flatten()
}

/// Why decisions under conditions cannot be worked out again by this build.
pub(crate) fn unknown_evaluator(recorded: Option<&str>) -> Option<String> {
    let shown = |evaluator: Option<&str>| evaluator.map_or("none".to_owned(), name::shown);
    match (EVALUATOR, recorded) {
        (None, _) => Some(
            "a policy with conditions (`.cedar` files), which this build does not evaluate: use a build with \
             `--features cedar`"
                .to_owned(),
        ),
        (Some(own), recorded) if recorded != Some(own) => Some(format!(
            "a policy with conditions, evaluated by `{}`, where this build has `{own}`: use a build with \
             the evaluator that the last `boot` entry names",
            shown(recorded)
        )),
        _ => None,
    }
}

/// The files with conditions, or what is wrong with their names and number.
pub(super) fn files<'a>(
    files: &[(&'a str, &'a [u8])],
    errors: &mut Vec<PolicyError>,
) -> Vec<(&'a str, &'a [u8])> {
    let found: Vec<_> = files
        .iter()
        .filter(|(path, _)| is_file(path))
        .copied()
        .collect();
    let mut refuse = |path: &str, problem: String, remedy: &str| {
        errors.push(PolicyError {
            path: super::text::shown_path(path),
            line: None,
            key: String::new(),
            value: None,
            problem,
            remedy: remedy.to_owned(),
        });
    };
    if found.len() > CONDITION_FILES_MAX {
        let problem = format!(
            "is one of {} files with conditions: expected at most {CONDITION_FILES_MAX}",
            found.len()
        );
        refuse(found[0].0, problem, "put several conditions into one file");
        return Vec::new();
    }
    for (at, (path, _)) in found.iter().enumerate() {
        let stem = path.strip_suffix(CONDITION_SUFFIX).unwrap_or(path);
        if stem.contains(['/', ':']) || name::check("file", stem, RULE_MAX).is_err() {
            let problem = format!(
                "has a name that is not clear: expected letters, digits, `.`, `_`, `-`, at most {RULE_MAX}, before `.cedar`, \
                 beside policy.toml"
            );
            refuse(path, problem, "rename or move the file");
        } else if found[..at].iter().any(|(other, _)| other == path) {
            refuse(path, "was given twice".to_owned(), "give each file once");
        } else if EVALUATOR.is_none() {
            refuse(
                path,
                "holds conditions, which this build does not evaluate".to_owned(),
                "use a build with the cargo feature `cedar`, or take the file out",
            );
        }
    }
    found
}
