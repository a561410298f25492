//! The gRPC services: what every call has in common.
//!
//! A call is authenticated before its body is read ([`crate::auth`]), held against the table of roles,
//! turned into a command ([`crate::intake`]) and handed to the queue; the reply is the receipt that the
//! committer releases. A client that goes away undoes nothing: its command is planned and committed all
//! the same, and the same request id asks for the result.
//!
//! Reads go to the store and the views as of the last committed batch, so everybody sees whatever has
//! been acknowledged to anybody. What is private is read only after an `access` entry is committed.

mod approvals;
mod batch;
mod control;
mod evidence;
mod gate;
pub(crate) mod ingest;
mod list;
mod lookup;
mod open;
mod pack;
mod page;
mod procedure;
mod proofs;
mod query;
mod recorder;
mod retry;
mod status;
mod stream;
mod tail;
mod walk;

use std::sync::Arc;
use std::time::Instant;

use ledger_core::entry::{Access, Actor, ActorType, Basis, Body, Entry, Outcome};
use ledger_core::receipt::Receipt;
use ledger_core::role::{Call, Grant, Role};
use ledger_core::state::{Prefilled, prefilled};
use ledger_core::time::Timestamp;
use ledger_proto::time::from_micros;
use ledger_proto::v1 as wire;
use tokio::sync::{Semaphore, watch};

use crate::auth::Caller;
use crate::clock::{Clock, SystemClock};
use crate::intake::{Command, Intake};
use crate::metrics::Metrics;
use crate::queue::{Lane, Queue};
use crate::room::Rooms;
use crate::snapshot::Latest;
use crate::status::CallError;
use crate::store::{DetailBytes, LogStore, ReadError};
use crate::submission::{Answer, Pending, Reply, Submission, SubmitError};
use crate::views::SharedViews;

pub use control::ControlService;
pub use gate::GateService;
pub use proofs::ProofsService;
pub use query::QueryService;
pub use recorder::RecorderService;

/// Exports under way at a time. One holds a megabyte or two and reads the whole log.
const EXPORTS_MAX: usize = 4;
/// Of one principal, so that nobody holds the places of all.
const EXPORTS_OF_ONE_MAX: usize = 1;
/// Approval requests that one principal watches at a time. A watch sleeps until something may have
/// changed.
const WATCHES_OF_ONE_MAX: usize = 256;
/// Streams of requests and of reports that one principal has open at a time. With the window of each, it
/// bounds the answers that are kept for a principal who takes none: to half a gigabyte where every entry
/// is as large as an entry can be, to ten megabytes where they are as usual.
const STREAMS_OF_ONE_MAX: usize = 16;
/// Lists of one principal under way at a time: each may read many entries.
const LISTS_OF_ONE_MAX: usize = 4;
/// Tails of one principal at a time. Each holds up to a megabyte that its reader has not taken.
const TAILS_OF_ONE_MAX: usize = 8;

/// The most bytes of details in the waiting commands of one principal; of its reports, counted apart.
const DETAILS_WAITING_BYTES_MAX: usize = 64 << 20;
/// What errors call them.
const DETAILS_WAITING: &str = "the bytes of details in your waiting commands";
/// Commands with no more details than this are bounded well enough by their number.
const DETAILS_BYTES_SMALL: usize = 4 << 10;

/// What the services work on. Shared by all calls.
pub struct Ledger {
    queue: Arc<Queue<Submission>>,
    latest: Latest,
    store: Arc<LogStore>,
    views: Arc<SharedViews>,
    intake: Intake,
    vkey: String,
    hammering: retry::Hammering,
    details: Rooms<(Arc<str>, Lane)>,
    exports: Arc<Semaphore>,
    own_exports: Rooms<Arc<str>>,
    own_watches: Rooms<Arc<str>>,
    own_streams: Rooms<Arc<str>>,
    own_lists: Rooms<Arc<str>>,
    own_tails: Rooms<Arc<str>>,
    finishing: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    clock: SystemClock,
}

impl Ledger {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, with one of each kind"
    )]
    /// The services of an opened ledger. `vkey` is its verification key; where `finishing` is raised, what
    /// would go on for long ends.
    pub fn new(
        queue: Arc<Queue<Submission>>,
        latest: Latest,
        store: Arc<LogStore>,
        views: Arc<SharedViews>,
        intake: Intake,
        vkey: String,
        finishing: watch::Receiver<bool>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue,
            latest,
            store,
            views,
            intake,
            vkey,
            hammering: retry::Hammering::default(),
            details: Rooms::new(DETAILS_WAITING, DETAILS_WAITING_BYTES_MAX),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            own_exports: Rooms::new("the number of your exports under way", EXPORTS_OF_ONE_MAX),
            own_watches: Rooms::new(
                "the number of approval requests that you watch",
                WATCHES_OF_ONE_MAX,
            ),
            own_streams: Rooms::new(
                "the number of your streams of requests and reports",
                STREAMS_OF_ONE_MAX,
            ),
            own_lists: Rooms::new("the number of your lists under way", LISTS_OF_ONE_MAX),
            own_tails: Rooms::new("the number of your tails", TAILS_OF_ONE_MAX),
            finishing,
            metrics,
            clock: SystemClock::new(),
        })
    }

    /// Wall time, or the last entry's where the clock is behind it: the ledger's time never runs
    /// backwards.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.wall().max(self.latest.get().head.time)
    }

    /// Hands a command to the sequencer and waits for its commit.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        caller: &Caller,
        command: Command,
    ) -> Result<Answer, CallError> {
        let Command {
            lane,
            body,
            details,
            policy,
        } = command;
        let prefilled = if let Some(policy) = policy {
            // Counting every allow and report of a month takes a while: not on the sequencer's time. What comes in
            // between, the fold adds.
            Some(
                self.read(move |ledger| {
                    prefilled(&*ledger.views, &policy).map_err(|error| CallError::store(&error))
                })
                .await?,
            )
        } else {
            None
        };
        let answer = self.admit(caller, lane, body, details, prefilled)?;
        Ok(answer.await?)
    }

    /// Hands a command to the sequencer, behind whatever was admitted before. From here on it is planned
    /// and committed, whoever waits for it.
    fn admit(
        &self,
        caller: &Caller,
        lane: Lane,
        command: Body,
        details: Vec<DetailBytes>,
        prefilled: Option<Prefilled>,
    ) -> Result<Pending, CallError> {
        let bytes: usize = details.iter().map(|detail| detail.bytes.len()).sum();
        // Nothing stands in the way of a stop, and whoever may use its lane is trusted with it.
        let room = if lane == Lane::Control || bytes <= DETAILS_BYTES_SMALL {
            None
        } else {
            Some(self.details.take((Arc::clone(&caller.id), lane), bytes)?)
        };
        let decides = matches!(&command, Body::Decision(decision) if decision.basis == Basis::Gate);
        let timed = decides.then(|| (Instant::now(), Arc::clone(&self.metrics)));
        let (reply, pending) = Reply::channel(room, timed);
        let submission = Submission {
            command,
            details,
            prefilled,
            reply,
        };
        self.queue
            .admit(&caller.id, lane, submission)
            .map_err(SubmitError::from)?;
        Ok(pending)
    }

    /// Records that something private is about to be handed out, and waits until that is committed.
    /// Says under which seq.
    async fn access(self: &Arc<Self>, caller: &Caller, access: Access) -> Result<u64, CallError> {
        let command = Command {
            lane: Lane::Work,
            body: Body::Access(access),
            details: Vec::new(),
            policy: None,
        };
        self.submit(caller, command)
            .await
            .map(|answer| answer.receipt.seq)
    }

    /// Runs a read of the store off the threads that serve connections.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, CallError> + Send + 'static,
    {
        let ledger = Arc::clone(self);
        match tokio::task::spawn_blocking(move || read(&ledger)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(CallError::store(&error)),
        }
    }

    /// An entry that is committed.
    fn entry(&self, seq: u64) -> Result<Entry, CallError> {
        let line = self.store.entry(seq).map_err(|error| unreadable(&error))?;
        Entry::decode(&line).map_err(|error| CallError::store(&format!("entry {seq}: {error}")))
    }

    /// The receipt of a committed entry under the latest checkpoint.
    fn receipt(&self, seq: u64) -> Result<Receipt, CallError> {
        self.store.receipt(seq).map_err(|error| unreadable(&error))
    }

    /// Refuses a caller who may read only what is its own, and asks for something else.
    fn owns(&self, caller: &Caller, grant: Grant, entry: &Entry) -> Result<(), CallError> {
        if grant == Grant::Yes || self.is_own(caller, entry)? {
            return Ok(());
        }
        let what = format!(
            "entry {} is neither yours, nor about a decision that you asked for, nor a request to a group of yours: \
             ask an operator or an auditor",
            entry.seq
        );
        Err(CallError::NotYours { what })
    }

    /// Whether the caller has made this entry, or the decision that it is about, or is an approver in the
    /// group that it asks. A correlation id makes nothing anybody's: whoever guesses one could open it first.
    fn is_own(&self, caller: &Caller, entry: &Entry) -> Result<bool, CallError> {
        if entry.body.actor().id == *caller.id || self.is_asked(caller, entry) {
            return Ok(true);
        }
        let decision = match &entry.body {
            Body::Execution(execution) => Some(execution.decision),
            Body::Outcome(outcome) => outcome.decision,
            Body::Unresolved(unresolved) => Some(unresolved.decision),
            Body::Approval(approval) => approval.decision,
            _ => None,
        };
        // A report may name a seq that is nothing yet, and becomes something later.
        let Some(seq) = decision.filter(|seq| *seq < entry.seq) else {
            return Ok(false);
        };
        let body = self.entry(seq)?.body;
        Ok(matches!(body, Body::Decision(_)) && body.actor().id == *caller.id)
    }
}

impl Ledger {
    /// Whether the entry asks for an approval, of a group that the caller belongs to.
    fn is_asked(&self, caller: &Caller, entry: &Entry) -> bool {
        let Body::Decision(decision) = &entry.body else {
            return false;
        };
        caller.role == Role::Approver
            && decision.outcome == Outcome::RequireApproval
            && decision
                .approvers
                .as_ref()
                .is_some_and(|group| self.latest.get().principals.in_group(&caller.id, group))
    }
}

/// An access of this caller by this call.
fn access(caller: &Caller, call: Call) -> Access {
    let actor = Actor {
        kind: ActorType::Principal(caller.role),
        id: caller.id.to_string(),
        version: None,
    };
    Access {
        call,
        actor,
        from: None,
        to: None,
        detail: None,
        tokens: Vec::new(),
        pack: None,
    }
}

/// A failed read: of an entry that is not there, the caller's mistake; of any other, ours to look into.
fn unreadable(error: &ReadError) -> CallError {
    match error {
        ReadError::NoEntry { .. } => CallError::NotFound {
            what: error.to_string(),
        },
        _ => CallError::store(error),
    }
}

fn receipt_to_wire(receipt: Receipt) -> wire::Receipt {
    let proof: Vec<u8> = receipt.proof.iter().flat_map(|hash| hash.0).collect();
    wire::Receipt {
        entry: receipt.entry.into(),
        seq: receipt.seq,
        proof: proof.into(),
        checkpoint: receipt.checkpoint.into(),
    }
}

fn write_reply(answer: Answer) -> wire::WriteReply {
    wire::WriteReply {
        receipt: Some(receipt_to_wire(answer.receipt)),
        repeated: answer.repeated,
    }
}

fn time_to_wire(time: Timestamp) -> prost_types::Timestamp {
    from_micros(time.micros())
}
