//! `Tail`: what a filter asks for, as it is committed.
//!
//! A tail holds a place in the log and a few messages. It reads from the store what its reader takes, so
//! that a slow one costs nothing but that place.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::role::{Call, Grant};
use ledger_proto::v1 as wire;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use wire::tail_reply::Of;

use super::walk::{Order, Sought, Walk};
use super::{Ledger, receipt_to_wire, unreadable};
use crate::auth::Caller;
use crate::queue::Full;
use crate::snapshot::Snapshot;
use crate::status::{CallError, CredentialError, FieldError};
use crate::submission::SubmitError;

/// Messages that are read and not yet taken: one on its way, one behind it.
const WAITING: usize = 2;
/// Entries and bytes that are read ahead of them.
const AHEAD: usize = 256;
const AHEAD_BYTES: usize = 1 << 20;
/// How often an idle tail says where it is, unless it is asked for something else; in seconds.
const IDLE_S: u32 = 15;
const IDLE_S_MAX: u32 = 3_600;

/// The messages of a tail, then why it ended.
pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<wire::TailReply, Status>> + Send>>;

/// A tail under way.
struct Tail {
    sought: Arc<Sought>,
    /// Everything before was sent, or is not asked for.
    next: u64,
    proofs: bool,
    idle: Duration,
    caller: Caller,
    messages: mpsc::Sender<Result<wire::TailReply, Status>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    finishing: watch::Receiver<bool>,
    /// When something was last sent.
    sent: Instant,
}

impl Ledger {
    /// Begins a tail, for a caller who may.
    pub(super) async fn tail(
        self: &Arc<Self>,
        caller: Caller,
        grant: Grant,
        request: wire::TailRequest,
    ) -> Result<Messages, CallError> {
        let wire::TailRequest {
            filter,
            from_seq,
            proofs,
            idle_s,
        } = request;
        let selected = self.intake.selected(filter)?;
        let idle_s = match idle_s {
            0 => IDLE_S,
            1..=IDLE_S_MAX => idle_s,
            _ => {
                let expected = format!("expected 1 to {IDLE_S_MAX} seconds, or 0 for {IDLE_S}");
                return Err(FieldError::shown("idle_s", &idle_s, expected).into());
            }
        };
        let size = self.latest.get().head.next;
        let next = from_seq.unwrap_or(size);
        if next > size {
            let expected = format!("the log has {size} entries: expected at most that");
            return Err(FieldError::shown("from_seq", &next, expected).into());
        }
        let place = self.own_tails.take(Arc::clone(&caller.id), 1)?;
        self.named(&caller, Call::Tail, &selected.named).await?;
        let own = (grant == Grant::Own).then(|| caller.clone());
        let (messages, stream) = mpsc::channel(WAITING);
        // A channel of its own: whoever takes nothing is told at last all the same.
        let (end, ending) = mpsc::channel(1);
        let tail = Tail {
            sought: Arc::new(Sought::new(selected, own)),
            next,
            proofs,
            idle: Duration::from_secs(u64::from(idle_s)),
            caller,
            messages,
            snapshots: self.latest.watch(),
            finishing: self.finishing.clone(),
            sent: Instant::now(),
        };
        let ledger = Arc::clone(self);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = ledger.follow(tail).await {
                // There is room for one, and this is the only one.
                let _ = end.try_send(Err(error.into()));
            }
        });
        let stream = ReceiverStream::new(stream).chain(ReceiverStream::new(ending));
        Ok(Box::pin(stream))
    }

    /// Sends until the reader has gone, or there is a reason to end.
    async fn follow(self: &Arc<Self>, mut tail: Tail) -> Result<(), CallError> {
        if let Some(from) = tail.sought.selected.selection.from {
            let size = tail.snapshots.borrow().head.next;
            let first = self.read(move |ledger| ledger.first_at(from, size)).await?;
            tail.next = tail.next.max(first);
        }
        let mut caught_up = false;
        loop {
            let head = tail.snapshots.borrow_and_update().head;
            while tail.next < head.next {
                let (sought, left, proofs) =
                    (Arc::clone(&tail.sought), tail.next..head.next, tail.proofs);
                let (found, next) = self
                    .read(move |ledger| {
                        ledger.tailed(&sought, Walk::new(left, Order::Oldest), proofs)
                    })
                    .await?;
                for of in found {
                    if !tail.send(of).await? {
                        return Ok(());
                    }
                }
                tail.next = next;
                if tail.sent.elapsed() >= tail.idle && !self.mark(&mut tail).await? {
                    return Ok(());
                }
            }
            let until = tail.sought.selected.selection.until;
            if until.is_some_and(|until| head.time >= until) {
                return Ok(());
            }
            if !caught_up {
                caught_up = true;
                if !self.mark(&mut tail).await? {
                    return Ok(());
                }
            }
            match tail.wait(head.next).await? {
                Woken::Moved => {}
                Woken::Gone => return Ok(()),
                Woken::Idle => {
                    if !self.mark(&mut tail).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The next messages, as many as are read ahead, and where they end.
    fn tailed(
        &self,
        sought: &Sought,
        mut walk: Walk,
        proofs: bool,
    ) -> Result<(Vec<Of>, u64), CallError> {
        let step = self.step(&mut walk, sought, AHEAD)?;
        let at = self.store.committed();
        let mut bytes = 0;
        let mut found = Vec::with_capacity(step.found.len());
        for seq in step.found {
            if bytes >= AHEAD_BYTES {
                return Ok((found, seq));
            }
            let of = if proofs {
                let receipt = self.store.receipt_at(seq, &at);
                Of::Receipt(receipt_to_wire(
                    receipt.map_err(|error| unreadable(&error))?,
                ))
            } else {
                let entry = self.store.entry(seq).map_err(|error| unreadable(&error))?;
                Of::Entry(wire::LogEntry {
                    entry: entry.into(),
                    seq,
                })
            };
            bytes += prost::Message::encoded_len(&wire::TailReply {
                of: Some(of.clone()),
            });
            found.push(of);
        }
        Ok((found, walk.left.start))
    }

    /// Says how far the tail has come; whether somebody took it.
    async fn mark(self: &Arc<Self>, tail: &mut Tail) -> Result<bool, CallError> {
        let size = tail.next;
        let checkpoint = self
            .read(move |ledger| {
                let found = ledger.store.checkpoint_of_size(size);
                found.map_err(|error| unreadable(&error))
            })
            .await?;
        let mark = wire::TailMark {
            size,
            checkpoint: checkpoint.unwrap_or_default().into(),
        };
        tail.send(Of::Mark(mark)).await
    }
}

/// What ends a wait.
enum Woken {
    /// The log has grown.
    Moved,
    /// Nothing was sent for long enough.
    Idle,
    /// Nobody reads any more.
    Gone,
}

impl Tail {
    /// Waits until the log has more than `size` entries, or it is time for a mark.
    async fn wait(&mut self, size: u64) -> Result<Woken, CallError> {
        let Self {
            snapshots,
            finishing,
            caller,
            messages,
            sent,
            idle,
            ..
        } = self;
        let moved = snapshots
            .wait_for(|snapshot| snapshot.head.next > size || !caller.is_known_to(snapshot));
        tokio::select! {
            found = moved => {
                let known = found.is_ok_and(|snapshot| caller.is_known_to(&snapshot));
                known
                    .then_some(Woken::Moved)
                    .ok_or_else(|| CredentialError::Unknown.into())
            }
            _ = finishing.wait_for(|finishing| *finishing) => {
                Err(SubmitError::from(Full::Closed).into())
            }
            () = messages.closed() => Ok(Woken::Gone),
            () = tokio::time::sleep_until(*sent + *idle) => Ok(Woken::Idle),
        }
    }

    /// Waits for the reader to take a message, for as long as it takes; whether it did. The credential is
    /// asked for again before each.
    async fn send(&mut self, of: Of) -> Result<bool, CallError> {
        let Self {
            snapshots,
            finishing,
            caller,
            messages,
            ..
        } = self;
        let place = tokio::select! {
            biased;
            _ = snapshots.wait_for(|snapshot| !caller.is_known_to(snapshot)) => {
                return Err(CredentialError::Unknown.into());
            }
            _ = finishing.wait_for(|finishing| *finishing) => {
                return Err(SubmitError::from(Full::Closed).into());
            }
            place = messages.reserve() => place,
        };
        let Ok(place) = place else {
            return Ok(false);
        };
        place.send(Ok(wire::TailReply { of: Some(of) }));
        self.sent = Instant::now();
        Ok(true)
    }
}
