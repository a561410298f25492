//! What the service hands to the sequencer, and what comes back.

use std::sync::Arc;

use ledger_core::entry::{Body, Entry};
use ledger_core::plan::Refusal;
use ledger_core::receipt::Receipt;
use ledger_core::state::Prefilled;
use tokio::sync::oneshot;

use crate::queue::Full;
use crate::store::DetailBytes;

/// A self-contained command: nothing further in knows the wire format.
#[derive(Debug)]
pub struct Submission {
    /// The entry to be, without its answers.
    pub command: Body,
    /// The details that it commits to.
    pub details: Vec<DetailBytes>,
    /// For a policy: what its throttles and breakers count, counted off the sequencer.
    pub prefilled: Option<Prefilled>,
    /// Who waits.
    pub reply: oneshot::Sender<Result<Answer, SubmitError>>,
}

/// An entry that is on stable storage, with its proof.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The entry, decoded.
    pub entry: Arc<Entry>,
    /// Its receipt.
    pub receipt: Receipt,
    /// How many entries followed it, of the same command.
    pub followers: u32,
    /// The request was a repetition; the entry is that of its first copy.
    pub repeated: bool,
    /// A stop has voided the allow that this is.
    pub voided: bool,
    /// An execution was reported on the allow that this is.
    pub used: bool,
}

/// Why a command brought no entry.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// It was planned and refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was not admitted.
    #[error(transparent)]
    Full(#[from] Full),
    /// Its entry would be over the limit.
    #[error("{0}")]
    TooLarge(String),
    /// It is not known whether it was written. Ask again under the same request id.
    #[error("the outcome of the commit is not known: ask again under the same request id")]
    Unknown,
}
