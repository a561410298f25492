//! What the service hands to the sequencer, and what comes back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use ledger_core::entry::{Body, Entry};
use ledger_core::plan::Refusal;
use ledger_core::receipt::Receipt;
use ledger_core::state::Prefilled;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::metrics::Metrics;
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
    pub reply: Reply,
}

/// Whoever waits for what becomes of a command. They may have gone away: the command goes its way, and
/// keeps the room that it takes up in memory until it is answered.
#[derive(Debug)]
pub struct Reply {
    waiting: oneshot::Sender<Result<Answer, SubmitError>>,
    room: Option<OwnedSemaphorePermit>,
    timed: Option<(Instant, Arc<Metrics>)>,
}

impl Reply {
    /// A reply to be, what brings it, and the room that its command holds until then. Of a decision, since
    /// when and where it is timed.
    pub fn channel(
        room: Option<OwnedSemaphorePermit>,
        timed: Option<(Instant, Arc<Metrics>)>,
    ) -> (Self, Pending) {
        let (waiting, answer) = oneshot::channel();
        let reply = Self {
            waiting,
            room,
            timed,
        };
        (reply, Pending(answer))
    }

    /// Gives the room back and tells whoever still waits. A caller that has gone away asks again under the
    /// same request id.
    pub fn send(self, answer: Result<Answer, SubmitError>) {
        drop(self.room);
        if answer.is_ok()
            && let Some((asked, metrics)) = self.timed
        {
            metrics.decision_answered(asked);
        }
        let _ = self.waiting.send(answer);
    }
}

/// The answer to a command that was admitted. Dropping it undoes nothing.
pub struct Pending(oneshot::Receiver<Result<Answer, SubmitError>>);

impl Future for Pending {
    type Output = Result<Answer, SubmitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The other end is dropped without an answer only where its thread died.
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or(Err(SubmitError::Unknown)))
    }
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
