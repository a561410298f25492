//! Bidirectional streams: requests are asked as they come in, and answered as their commits come down.
//!
//! One task reads messages and admits their commands in their order; the stream of answers, polled by the
//! connection, waits for each in the same order, since that is the order in which they are committed. The
//! slots between the two are the window: without a free one nothing is read. A slot comes free when its
//! answer is taken for sending, which the connection does only while the client takes what is sent. So
//! a client that takes nothing stops being read, and what is kept for it is bounded.

use std::collections::HashSet;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::Ledger;
use super::procedure::Procedure;
use crate::auth::Caller;
use crate::queue::Full;
use crate::status::{CallError, FieldError};
use crate::submission::{Pending, SubmitError};

/// The most messages of a stream without an answer.
pub(super) const WINDOW: usize = 256;

/// What is on its way from the reader of messages to the stream of answers.
enum Slot {
    /// The answer to one message.
    Answer {
        number: u64,
        /// Whether the number is the message's own, and free again once it is answered.
        own: bool,
        asked: Result<Pending, CallError>,
    },
    /// The end of the stream, for another reason than that the client has said everything.
    End(Status),
}

/// The numbers of the messages without an answer. Shared by a stream's two halves.
#[derive(Default)]
struct Numbers(Mutex<HashSet<u64>>);

impl Numbers {
    fn lock(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// The answers to a stream of messages.
    pub(super) fn stream<P, M>(
        self: &Arc<Self>,
        caller: Caller,
        messages: M,
    ) -> Result<Answers<P>, CallError>
    where
        P: Procedure,
        M: Stream<Item = Result<P::Numbered, Status>> + Send + Unpin + 'static,
    {
        let place = self.own_streams.take(Arc::clone(&caller.id), 1)?;
        // One answer more is held by the stream of answers, which waits for it.
        let (sender, slots) = mpsc::channel(WINDOW - 1);
        let numbers = Arc::new(Numbers::default());
        let reader = Reader {
            ledger: Arc::clone(self),
            caller: caller.clone(),
            numbers: Arc::clone(&numbers),
        };
        tokio::spawn(async move {
            if let Err(status) = reader.read::<P, M>(messages, &sender).await {
                // Behind everything that was accepted.
                let _ = sender.send(Slot::End(status)).await;
            }
        });
        Ok(Answers {
            ledger: Arc::clone(self),
            caller,
            numbers,
            slots,
            awaited: None,
            procedure: std::marker::PhantomData,
            _place: place,
        })
    }
}

/// The half that reads.
struct Reader {
    ledger: Arc<Ledger>,
    caller: Caller,
    numbers: Arc<Numbers>,
}

impl Reader {
    /// Reads until the client has said everything, or has gone. What ends the stream before is the error.
    async fn read<P, M>(self, mut messages: M, slots: &mpsc::Sender<Slot>) -> Result<(), Status>
    where
        P: Procedure,
        M: Stream<Item = Result<P::Numbered, Status>> + Unpin,
    {
        let mut finishing = self.ledger.finishing.clone();
        let mut finishing =
            pin!(async move { finishing.wait_for(|finishing| *finishing).await.is_ok() });
        let mut gone = pin!(slots.closed());
        loop {
            // In this order: a client that always has more to say keeps nobody from stopping.
            let slot = tokio::select! {
                biased;
                _ = &mut finishing => return Err(stopping()),
                slot = slots.reserve() => slot,
            };
            let Ok(slot) = slot else {
                return Ok(());
            };
            let message = tokio::select! {
                biased;
                _ = &mut finishing => return Err(stopping()),
                () = &mut gone => return Ok(()),
                message = messages.next() => message,
            };
            let Some(message) = message.transpose()? else {
                return Ok(());
            };
            let (number, request) = P::open(message);
            let own = self.numbers.lock().insert(number);
            let asked = if own {
                self.ask::<P>(request)
            } else {
                Err(taken(number).into())
            };
            let end = asked.as_ref().err().and_then(ends);
            slot.send(Slot::Answer { number, own, asked });
            if let Some(status) = end {
                return Err(status);
            }
        }
    }

    fn ask<P: Procedure>(&self, request: Option<P::Request>) -> Result<Pending, CallError> {
        let request = request.ok_or_else(|| FieldError::withheld("request", "it is required"))?;
        self.ledger.ask::<P>(&self.caller, request)
    }
}

/// Why a stream ends with this answer: because every later message would be answered alike.
fn ends(error: &CallError) -> Option<Status> {
    match error {
        CallError::Credential(_)
        | CallError::Role { .. }
        | CallError::Submit(SubmitError::Full(Full::Closed)) => Some(error.clone().into()),
        _ => None,
    }
}

fn stopping() -> Status {
    CallError::from(SubmitError::from(Full::Closed)).into()
}

fn taken(number: u64) -> FieldError {
    let expected = "another message of this stream has it and is not answered yet: give each message under way a \
                    number of its own";
    FieldError::shown("number", &number, expected)
}

/// The half that answers. Dropped when the client goes away, which undoes nothing of what was accepted.
pub struct Answers<P> {
    ledger: Arc<Ledger>,
    caller: Caller,
    numbers: Arc<Numbers>,
    slots: mpsc::Receiver<Slot>,
    /// The message whose answer is next.
    awaited: Option<(u64, Pending)>,
    procedure: std::marker::PhantomData<fn() -> P>,
    _place: OwnedSemaphorePermit,
}

impl<P: Procedure> Answers<P> {
    fn answer(&self, number: u64, own: bool, answer: Result<P::Reply, CallError>) -> P::Answered {
        if own {
            self.numbers.lock().remove(&number);
        }
        P::close(number, answer.map_err(tonic_types::Status::from))
    }
}

impl<P: Procedure> Stream for Answers<P> {
    type Item = Result<P::Answered, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some((number, pending)) = &mut this.awaited {
                let (number, answer) = (*number, ready!(Pin::new(pending).poll(cx)));
                this.awaited = None;
                let reply = answer
                    .map_err(CallError::from)
                    .and_then(|answer| P::reply(&this.ledger, &this.caller, answer));
                return Poll::Ready(Some(Ok(this.answer(number, true, reply))));
            }
            match ready!(this.slots.poll_recv(cx)) {
                None => return Poll::Ready(None),
                Some(Slot::Answer {
                    number,
                    own: _,
                    asked: Ok(pending),
                }) => this.awaited = Some((number, pending)),
                Some(Slot::Answer {
                    number,
                    own,
                    asked: Err(error),
                }) => return Poll::Ready(Some(Ok(this.answer(number, own, Err(error))))),
                Some(Slot::End(status)) => return Poll::Ready(Some(Err(status))),
            }
        }
    }
}
