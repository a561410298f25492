//! What is served one by one, in batches, in streams and in deliveries over HTTP: one way from a request to a
//! command that is admitted, and one from its answer to a reply.

use std::sync::Arc;

use ledger_core::role::Call;
use prost::Message;
use tonic::Request;

use super::Ledger;
use crate::auth::Caller;
use crate::intake::{Command, Intake, Redact};
use crate::status::CallError;
use crate::submission::{Answer, Pending};

/// A call, and the messages that it travels in.
pub trait Procedure: Send + Sync + 'static {
    /// What the table of roles and entries call it.
    const CALL: Call;
    /// What one item asks.
    type Request: Message + Send + 'static;
    /// What it is told.
    type Reply: Message + Send + 'static;
    /// A message of its stream.
    type Numbered: Send + 'static;
    /// The answer to it.
    type Answered: Send + 'static;

    /// The command of a request.
    fn command(
        intake: &Intake,
        caller: &Caller,
        redact: &Redact,
        request: Self::Request,
    ) -> Result<Command, CallError>;

    /// The reply, as of now.
    fn reply(ledger: &Ledger, caller: &Caller, answer: Answer) -> Result<Self::Reply, CallError>;

    /// The client's number for a message, and what it asks.
    fn open(message: Self::Numbered) -> (u64, Option<Self::Request>);

    /// The answer under that number.
    fn close(number: u64, answer: Result<Self::Reply, tonic_types::Status>) -> Self::Answered;
}

/// After so many requests of one call others have their turn on this thread.
const TURN_ITEMS: usize = 16;

/// Lets others have their turn, before every so many of the requests of one call.
pub(super) async fn turn(at: usize) {
    if at % TURN_ITEMS == TURN_ITEMS - 1 {
        tokio::task::yield_now().await;
    }
}

/// What became of a request that was asked.
pub(super) async fn answered(asked: Result<Pending, CallError>) -> Result<Answer, CallError> {
    Ok(asked?.await?)
}

impl Ledger {
    /// Who calls, where they may.
    pub(super) fn caller_of<P: Procedure, T>(request: &Request<T>) -> Result<Caller, CallError> {
        let caller = Caller::of(request)?;
        caller.may(P::CALL)?;
        Ok(caller)
    }

    /// Makes a command of one request and hands it to the queue, behind the requests before it. Nothing is
    /// waited for, so whoever asks in order is decided in order.
    pub(super) fn ask<P: Procedure>(
        &self,
        caller: &Caller,
        request: P::Request,
    ) -> Result<Pending, CallError> {
        let snapshot = self.latest.get();
        caller.still_may(P::CALL, &snapshot)?;
        let redact = Redact::of(&snapshot);
        let Command {
            lane,
            body,
            details,
            policy: _,
        } = P::command(&self.intake, caller, &redact, request)?;
        self.admit(caller, lane, body, details, None)
    }

    /// One request, from its arrival to its reply.
    pub(super) async fn one<P: Procedure>(
        self: &Arc<Self>,
        request: Request<P::Request>,
    ) -> Result<P::Reply, CallError> {
        let caller = Self::caller_of::<P, _>(&request)?;
        let asked = self.ask::<P>(&caller, request.into_inner());
        P::reply(self, &caller, answered(asked).await?)
    }
}
