//! Entries: the leaves of the log.
//!
//! An entry is one line of UTF-8 JSON, at most [`ENTRY_BYTES_MAX`] bytes, hashed exactly as stored:
//!
//! ```text
//! {"v":1,"seq":41,"time":"2026-11-22T11:31:05.123456Z","kind":"decision", …}
//! ```
//!
//! The four keys of the head stand first, in a sandbox `"sandbox":true` behind them; the kind's own follow in the order of the fields of its
//! struct. Times are RFC 3339 UTC with microseconds, integers are below 2^53, hashes lower-case hex,
//! and there are no floats. Decoding is strict: what does not encode to the same bytes again is
//! refused. What a later version may have written (another schema version, kind, key or word) is told
//! apart from what no version can have written, because a verifier must call the first unverifiable
//! and the second refuted.

mod approval;
mod breaker;
mod canonical;
mod code;
mod control;
mod coverage;
mod decision;
mod detail;
mod dnc;
mod report;

pub use approval::{Approval, BreakGlass, BreakGlassEvent, Verdict};
pub use breaker::{Breaker, BreakerEvent, BreakerScope, Measure};
pub use code::{Check, Code};
pub use control::{
    Access, Change, KeyEntry, KeyEvent, PolicyEntry, PolicyFile, PrincipalChange, Promotion,
    Resume, Scope, Stop,
};
pub use coverage::{Boot, Clock, ClockEvent, Genesis, Heartbeat, Shutdown};
pub use decision::{
    Basis, Cite, Decision, Environment, Foreign, Key, Outcome, PolicyRef, Reason, Recipient,
    RecipientRole, Target, ThrottleCount,
};
pub use detail::{Commitment, DetailName, Details};
pub use dnc::{Dnc, DncOp, Import, Listing, ListingReason};
pub use report::{
    Event, Execution, Finding, Matched, OutcomeReport, RecipientResult, Status, Unresolved,
};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::limits::ENTRY_BYTES_MAX;
use crate::role::{Call, Role};
use crate::time::Timestamp;

/// The schema version that this code writes and knows.
pub const SCHEMA_VERSION: u64 = 1;

/// One leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its position, 0-based and gapless; the leaf index.
    pub seq: u64,
    /// The sequencer's time; never before that of the entry before it.
    pub time: Timestamp,
    /// Whether the ledger is a sandbox: each of its entries says so, and nobody takes one for real.
    pub sandbox: bool,
    /// What it records.
    pub body: Body,
}

/// What an entry records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant is documented by the type that it holds"
)]
pub enum Body {
    Genesis(Genesis),
    Boot(Boot),
    Heartbeat(Heartbeat),
    Shutdown(Shutdown),
    Principal(PrincipalChange),
    Policy(PolicyEntry),
    Dnc(Dnc),
    Decision(Box<Decision>),
    Execution(Box<Execution>),
    Outcome(Box<OutcomeReport>),
    Unresolved(Unresolved),
    Stop(Stop),
    Resume(Resume),
    Access(Access),
    Clock(Clock),
    Approval(Approval),
    BreakGlass(BreakGlass),
    Breaker(Box<Breaker>),
    Key(KeyEntry),
}

/// Which call caused an entry, and who called. Of several entries that one call causes, the first
/// carries request id and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The idempotency key of the write, per principal and call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The call; absent where the ledger itself is the actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// Names one intended act across several asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_id: Option<String>,
    /// Ties decision, execution and everything downstream together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// HMAC-SHA-256, under the content key, of the canonical request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Hash>,
    /// The authenticated caller.
    pub actor: Actor,
}

impl Cause {
    /// The ledger's own doing: no call, no ids.
    pub fn ledger() -> Self {
        Self {
            request_id: None,
            call: None,
            action_id: None,
            correlation_id: None,
            content: None,
            actor: Actor::ledger(),
        }
    }
}

/// Who acts: a principal, or the ledger itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The principal's role.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// The principal's id.
    pub id: String,
    /// Of an agent: the hash of its prompt and tools, as it stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Actor {
    /// The daemon itself.
    pub fn ledger() -> Self {
        Self {
            kind: ActorType::Ledger,
            id: "ledger".to_owned(),
            version: None,
        }
    }

    /// A principal.
    pub fn principal(role: Role, id: &str) -> Self {
        Self {
            kind: ActorType::Principal(role),
            id: id.to_owned(),
            version: None,
        }
    }
}

/// The type of an actor: a role, or `ledger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ActorType {
    /// The daemon itself.
    Ledger,
    /// A principal of this role.
    Principal(Role),
}

impl From<ActorType> for &'static str {
    fn from(value: ActorType) -> Self {
        match value {
            ActorType::Ledger => "ledger",
            ActorType::Principal(role) => role.as_str(),
        }
    }
}

impl TryFrom<String> for ActorType {
    type Error = String;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        if word == "ledger" {
            return Ok(Self::Ledger);
        }
        // "unknown variant" is what serde says of any other closed list; `decode` looks for it.
        Role::parse(&word)
            .map(Self::Principal)
            .ok_or_else(|| format!("unknown variant `{word}`, expected a role"))
    }
}

/// Why bytes are not an entry that this code knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A later version may have written it: nothing can be said of it here.
    #[error("{what} is not known to this version; use a newer verifier")]
    Unknown {
        /// The schema version, kind, key or word concerned.
        what: String,
    },
    /// No version can have written it.
    #[error("not an entry: {why}")]
    Malformed {
        /// What is wrong.
        why: String,
    },
}

/// Why an entry cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Over the limit. The request that caused it must be made smaller.
    #[error(
        "the entry would have {bytes} bytes; at most {ENTRY_BYTES_MAX} fit: send fewer or shorter values"
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// An integer that not every reader of JSON would read back exactly.
    #[error("the entry would hold the integer `{value}`: expected one below 2^53")]
    Integer {
        /// Its digits.
        value: String,
    },
    /// A value that JSON cannot hold. A bug here.
    #[error("the entry cannot be encoded: {0}")]
    Json(String),
}

impl Body {
    /// The word that stands for this kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "genesis",
            Self::Boot(_) => "boot",
            Self::Heartbeat(_) => "heartbeat",
            Self::Shutdown(_) => "shutdown",
            Self::Principal(_) => "principal",
            Self::Policy(_) => "policy",
            Self::Dnc(_) => "dnc",
            Self::Decision(_) => "decision",
            Self::Execution(_) => "execution",
            Self::Outcome(_) => "outcome",
            Self::Unresolved(_) => "unresolved",
            Self::Stop(_) => "stop",
            Self::Resume(_) => "resume",
            Self::Access(_) => "access",
            Self::Clock(_) => "clock",
            Self::Approval(_) => "approval",
            Self::BreakGlass(_) => "break_glass",
            Self::Breaker(_) => "breaker",
            Self::Key(_) => "key",
        }
    }

    /// The rules that it breaks, where it is a report.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Decision(decision) => &decision.findings,
            Self::Execution(execution) => &execution.findings,
            Self::Outcome(outcome) => &outcome.findings,
            _ => &[],
        }
    }

    /// The call behind it, where the kind records one.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Principal(body) => Some(&body.cause),
            Self::Policy(body) => Some(&body.cause),
            Self::Dnc(body) => Some(&body.cause),
            Self::Decision(body) => Some(&body.cause),
            Self::Execution(body) => Some(&body.cause),
            Self::Outcome(body) => Some(&body.cause),
            Self::Stop(body) => Some(&body.cause),
            Self::Resume(body) => Some(&body.cause),
            Self::Clock(body) => Some(&body.cause),
            Self::Approval(body) => Some(&body.cause),
            Self::BreakGlass(body) => Some(&body.cause),
            Self::Breaker(body) => Some(&body.cause),
            Self::Key(body) => Some(&body.cause),
            Self::Genesis(_)
            | Self::Boot(_)
            | Self::Heartbeat(_)
            | Self::Shutdown(_)
            | Self::Unresolved(_)
            | Self::Access(_) => None,
        }
    }

    /// Who acted.
    pub const fn actor(&self) -> &Actor {
        match self {
            Self::Genesis(body) => &body.actor,
            Self::Boot(body) => &body.actor,
            Self::Heartbeat(body) => &body.actor,
            Self::Shutdown(body) => &body.actor,
            Self::Unresolved(body) => &body.actor,
            Self::Access(body) => &body.actor,
            Self::Principal(body) => &body.cause.actor,
            Self::Policy(body) => &body.cause.actor,
            Self::Dnc(body) => &body.cause.actor,
            Self::Decision(body) => &body.cause.actor,
            Self::Execution(body) => &body.cause.actor,
            Self::Outcome(body) => &body.cause.actor,
            Self::Stop(body) => &body.cause.actor,
            Self::Resume(body) => &body.cause.actor,
            Self::Clock(body) => &body.cause.actor,
            Self::Approval(body) => &body.cause.actor,
            Self::BreakGlass(body) => &body.cause.actor,
            Self::Breaker(body) => &body.cause.actor,
            Self::Key(body) => &body.cause.actor,
        }
    }

    /// The correlation id, where there is one.
    pub fn correlation_id(&self) -> Option<&str> {
        match self {
            Self::Unresolved(body) => Some(&body.correlation_id),
            Self::Outcome(body) => body.correlation_id(),
            _ => self
                .cause()
                .and_then(|cause| cause.correlation_id.as_deref()),
        }
    }

    /// The commitments to what is kept outside the log.
    pub const fn details(&self) -> Option<&Details> {
        match self {
            Self::Dnc(body) => Some(&body.details),
            Self::Decision(body) => Some(&body.details),
            Self::Execution(body) => Some(&body.details),
            Self::Outcome(body) => Some(&body.details),
            Self::Stop(body) => Some(&body.details),
            Self::Resume(body) => Some(&body.details),
            Self::Approval(body) => Some(&body.details),
            Self::BreakGlass(body) => Some(&body.details),
            Self::Breaker(body) => Some(&body.details),
            _ => None,
        }
    }

    fn write_json(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match self {
            Self::Genesis(body) => serde_json::to_writer(out, body),
            Self::Boot(body) => serde_json::to_writer(out, body),
            Self::Heartbeat(body) => serde_json::to_writer(out, body),
            Self::Shutdown(body) => serde_json::to_writer(out, body),
            Self::Principal(body) => serde_json::to_writer(out, body),
            Self::Policy(body) => serde_json::to_writer(out, body),
            Self::Dnc(body) => serde_json::to_writer(out, body),
            Self::Decision(body) => serde_json::to_writer(out, body),
            Self::Execution(body) => serde_json::to_writer(out, body),
            Self::Outcome(body) => serde_json::to_writer(out, body),
            Self::Unresolved(body) => serde_json::to_writer(out, body),
            Self::Stop(body) => serde_json::to_writer(out, body),
            Self::Resume(body) => serde_json::to_writer(out, body),
            Self::Access(body) => serde_json::to_writer(out, body),
            Self::Clock(body) => serde_json::to_writer(out, body),
            Self::Approval(body) => serde_json::to_writer(out, body),
            Self::BreakGlass(body) => serde_json::to_writer(out, body),
            Self::Breaker(body) => serde_json::to_writer(out, body),
            Self::Key(body) => serde_json::to_writer(out, body),
        }
    }

    fn read_json(kind: &str, json: &[u8]) -> Result<Self, DecodeError> {
        fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
            serde_json::from_slice(json).map_err(|error| {
                let why = error.to_string();
                if UNKNOWN_WORD.iter().any(|sign| why.starts_with(sign)) {
                    DecodeError::Unknown {
                        what: format!("a value ({why})"),
                    }
                } else {
                    DecodeError::Malformed { why }
                }
            })
        }
        Ok(match kind {
            "genesis" => Self::Genesis(read(json)?),
            "boot" => Self::Boot(read(json)?),
            "heartbeat" => Self::Heartbeat(read(json)?),
            "shutdown" => Self::Shutdown(read(json)?),
            "principal" => Self::Principal(read(json)?),
            "policy" => Self::Policy(read(json)?),
            "dnc" => Self::Dnc(read(json)?),
            "decision" => Self::Decision(read(json)?),
            "execution" => Self::Execution(read(json)?),
            "outcome" => Self::Outcome(read(json)?),
            "unresolved" => Self::Unresolved(read(json)?),
            "stop" => Self::Stop(read(json)?),
            "resume" => Self::Resume(read(json)?),
            "access" => Self::Access(read(json)?),
            "clock" => Self::Clock(read(json)?),
            "approval" => Self::Approval(read(json)?),
            "break_glass" => Self::BreakGlass(read(json)?),
            "breaker" => Self::Breaker(read(json)?),
            "key" => Self::Key(read(json)?),
            _ => {
                return Err(DecodeError::Unknown {
                    what: format!("entry kind `{kind}`"),
                });
            }
        })
    }
}

/// How the errors begin that say of a word that it is none of a closed list: serde's own, and that of
/// the kinds of token.
const UNKNOWN_WORD: [&str; 2] = ["unknown variant", "token kind"];

impl Entry {
    /// The leaf's bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] over [`ENTRY_BYTES_MAX`] bytes, [`EncodeError::Integer`] for a number
    /// from [`INTEGER_MAX`](crate::limits::INTEGER_MAX) on.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut line = Vec::with_capacity(4096);
        line.extend_from_slice(
            format!(
                "{{\"v\":{SCHEMA_VERSION},\"seq\":{},\"time\":\"{}\",\"kind\":\"{}\",{}",
                self.seq,
                self.time,
                self.body.kind(),
                if self.sandbox { SANDBOX_MARK } else { "" }
            )
            .as_bytes(),
        );
        let body_at = line.len();
        self.body
            .write_json(&mut line)
            .map_err(|error| EncodeError::Json(error.to_string()))?;
        // The body's own opening brace stands where the head's comma already is.
        line.remove(body_at);
        if line.len() > ENTRY_BYTES_MAX {
            return Err(EncodeError::TooLarge { bytes: line.len() });
        }
        match canonical::integer_too_large(&line) {
            Some(value) => Err(EncodeError::Integer { value }),
            None => Ok(line),
        }
    }

    /// Reads a leaf's bytes.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for what a later version may have written,
    /// [`DecodeError::Malformed`] for everything that is not the one encoding of an entry.
    pub fn decode(line: &[u8]) -> Result<Self, DecodeError> {
        if line.len() > ENTRY_BYTES_MAX {
            return Err(malformed(format!(
                "{} bytes, at most {ENTRY_BYTES_MAX} are allowed",
                line.len()
            )));
        }
        let text = std::str::from_utf8(line).map_err(|error| malformed(error.to_string()))?;
        let head = Head::read(text)?;
        let mut json = Vec::with_capacity(head.rest.len() + 1);
        json.push(b'{');
        json.extend_from_slice(head.rest.as_bytes());
        let entry = Self {
            seq: head.seq,
            time: head.time,
            sandbox: head.sandbox,
            body: Body::read_json(head.kind, &json)?,
        };
        let again = entry
            .encode()
            .map_err(|error| malformed(error.to_string()))?;
        if again != line {
            return Err(canonical::difference(text, &again));
        }
        Ok(entry)
    }
}

/// What stands behind the kind of every entry of a sandbox.
const SANDBOX_MARK: &str = "\"sandbox\":true,";

/// The keys that every entry starts with.
struct Head<'a> {
    seq: u64,
    time: Timestamp,
    kind: &'a str,
    sandbox: bool,
    rest: &'a str,
}

impl<'a> Head<'a> {
    fn read(text: &'a str) -> Result<Self, DecodeError> {
        let (version, rest) = between(text, "{\"v\":", ",", "v")?;
        if version != SCHEMA_VERSION.to_string() {
            return Err(match version.parse::<u64>() {
                Ok(number) if number.to_string() == version && canonical::is_object(text) => {
                    DecodeError::Unknown {
                        what: format!("schema version {number}"),
                    }
                }
                _ => malformed(format!(
                    "`v` is `{version}`, expected an integer in a JSON object"
                )),
            });
        }
        let (seq, rest) = between(rest, "\"seq\":", ",", "seq")?;
        let (time, rest) = between(rest, "\"time\":\"", "\",", "time")?;
        let (kind, rest) = between(rest, "\"kind\":\"", "\",", "kind")?;
        let is_word = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !is_word || !canonical::is_object(text) {
            return Err(malformed(format!(
                "`kind` is `{kind}`, expected a word in a JSON object"
            )));
        }
        let unmarked = rest.strip_prefix(SANDBOX_MARK);
        Ok(Self {
            seq: seq
                .parse()
                .map_err(|_| malformed(format!("`seq` is `{seq}`, expected an integer")))?,
            time: time
                .parse()
                .map_err(|_| malformed(format!("`time` is `{time}`, expected RFC 3339 UTC")))?,
            kind,
            sandbox: unmarked.is_some(),
            rest: unmarked.unwrap_or(rest),
        })
    }
}

fn between<'a>(
    text: &'a str,
    open: &str,
    close: &str,
    key: &str,
) -> Result<(&'a str, &'a str), DecodeError> {
    text.strip_prefix(open)
        .and_then(|rest| rest.split_once(close))
        .ok_or_else(|| malformed(format!("`{key}` does not stand where it must")))
}

const fn malformed(why: String) -> DecodeError {
    DecodeError::Malformed { why }
}
