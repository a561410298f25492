//! The sequencer: one thread that owns all mutable state and gives every command its place.
//!
//! It drains what is waiting into a batch, reads the clock once, plans each command in order, encodes,
//! hashes and appends the entries to the tree's right edge, and signs one checkpoint. The batch then
//! goes to the [committer](crate::committer), and while that syncs it, the next batch is decided. There
//! is no fixed sleep on this path: a lone caller waits for one sync, and a crowd shares one.
//!
//! What is planned is seen by the gate and by the idempotency check at once; it leaves the process only
//! after its commit.

mod timers;

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::vec;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{Actor, Body, Boot, EncodeError, Entry, Scope, Shutdown};
use ledger_core::gate::GATE_VERSION;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::note::SigningKey;
use ledger_core::plan::{Plan, Refusal, plan};
use ledger_core::policy::EVALUATOR;
use ledger_core::state::{FoldError, Prefilled, State};
use ledger_core::time::Timestamp;
use ledger_core::tree::{BatchTree, CompactRange};

use crate::alarm::Alarm;
use crate::clock::{Clock, ClockGuard, seen_at_start};
use crate::metrics::Counted;
use crate::queue::Queue;
use crate::snapshot::{Controls, Directory, Snapshot};
use crate::store::DetailBytes;
use crate::submission::{Reply, Submission, SubmitError};
use crate::views::{Changes, SequencerView, SharedViews};

/// The most commands of one batch. What arrives during a sync is the next batch, so this bounds the
/// memory of two batches, not the rate.
pub const BATCH_MAX: usize = 1_024;
/// A batch with as many bytes of entries and details takes no further command; so one has at most this
/// and the largest command.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A batch that changes as many bytes of the views takes no further command: a chunk of an import makes
/// hundreds of rows, and several batches are held in memory at a time.
pub const BATCH_CHANGES_BYTES_MAX: usize = 32 * 1024 * 1024;
/// One reply waiting for its batch.
#[derive(Debug)]
pub struct Waiting {
    /// What it will be told once the batch is down.
    pub told: Told,
    /// Who waits.
    pub reply: Reply,
}

/// What a planned command came to.
#[derive(Debug)]
pub enum Told {
    /// What it caused, in this batch.
    New {
        /// The first entry.
        entry: Arc<Entry>,
        /// How many follow it.
        followers: u32,
    },
    /// The entry that answered the same request before.
    Repeat(u64),
    /// It was refused. This waits as well: it may rest on entries that are not down yet.
    Refused(SubmitError),
}

/// Everything that one commit writes and releases. Owned by the sequencer until it is sent, then by
/// the committer.
#[derive(Debug)]
pub struct Batch {
    /// The seq of the first entry.
    pub first: u64,
    /// The entries' bytes.
    pub entries: Vec<Vec<u8>>,
    /// The tiles that became full: level, index, hashes.
    pub tiles: Vec<(u8, u64, Vec<Hash>)>,
    /// The partial tile of every level after the batch.
    pub partial: Vec<Vec<Hash>>,
    /// The details, with the seq of their entry.
    pub details: Vec<(u64, DetailBytes)>,
    /// The tree after the batch; makes the proofs of its entries.
    pub tree: BatchTree,
    /// The signed checkpoint of that tree.
    pub checkpoint: Vec<u8>,
    /// What the fold changed in the views.
    pub changes: Changes,
    /// The state after the batch.
    pub snapshot: Arc<Snapshot>,
    /// What is to be said aloud once it is down.
    pub alarms: Vec<Alarm>,
    /// What each entry adds to the metrics then.
    pub counted: Vec<Counted>,
    /// Who waits for it.
    pub waiting: Vec<Waiting>,
}

/// The stops planned lately. The sequencer adds, the committer asks: an allow that a stop overtakes
/// before it is answered goes out marked void.
#[derive(Debug, Clone, Default)]
pub struct RecentStops(Arc<Mutex<Vec<(u64, Timestamp, Scope)>>>);

impl RecentStops {
    fn add(&self, seq: u64, time: Timestamp, scope: Scope) {
        let mut stops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stops.push((seq, time, scope));
        // An allow is answered within the two batches in flight; older stops void nothing unanswered.
        let surplus = stops.len().saturating_sub(4 * BATCH_MAX);
        stops.drain(..surplus);
    }

    /// Whether a stop that was planned after `entry` voids it.
    pub fn voids(&self, entry: &Entry) -> bool {
        let Body::Decision(decision) = &entry.body else {
            return false;
        };
        let stops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(valid_until) = decision.valid_until else {
            return false;
        };
        stops.iter().any(|(seq, time, scope)| {
            *seq > entry.seq
                && *time < valid_until
                && scope.covers(&decision.cause.actor.id, decision.class)
        })
    }
}

/// What the sequencer starts from.
pub struct Start<C> {
    /// The state folded from the whole log.
    pub state: State<SequencerView>,
    /// The views behind it.
    pub views: Arc<SharedViews>,
    /// The tree's right edge.
    pub tree: CompactRange,
    /// The partial tile of every level.
    pub partial: Vec<Vec<Hash>>,
    /// The signing key.
    pub key: SigningKey,
    /// The clocks.
    pub clock: C,
    /// The daemon's version.
    pub software: String,
    /// SHA-256 of its configuration.
    pub config: Hash,
}

/// Why the sequencer stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The views failed, or the log does not fold: nothing more is decided.
    #[error("the state cannot be trusted any more: {0}")]
    State(#[from] FoldError),
    /// An entry of the ledger's own could not be written. A bug here.
    #[error("the ledger's own entry was refused: {0}")]
    Own(String),
    /// The committer has stopped: the outcome of a commit is not known.
    #[error("the committer has stopped")]
    Committer,
}

/// Owned by its thread.
pub struct Sequencer<C> {
    state: State<SequencerView>,
    views: Arc<SharedViews>,
    tree: CompactRange,
    partial: Vec<Vec<Hash>>,
    key: SigningKey,
    origin: String,
    clock: C,
    guard: ClockGuard,
    directory: Arc<Directory>,
    controls: Arc<Controls>,
    stops: RecentStops,
    queue: Arc<Queue<Submission>>,
    commits: SyncSender<Batch>,
}

impl<C: Clock> Sequencer<C> {
    /// A sequencer at the end of its log.
    pub fn new(
        start: Start<C>,
        queue: Arc<Queue<Submission>>,
        stops: RecentStops,
        commits: SyncSender<Batch>,
    ) -> (Self, Boot) {
        let boot = Boot {
            actor: Actor::ledger(),
            software: start.software,
            gate: GATE_VERSION,
            evaluator: EVALUATOR.map(str::to_owned),
            config: start.config,
            since: Timestamp::EPOCH,
            clean: false,
        };
        let directory = Arc::new(Directory::of(&start.state));
        let controls = Arc::new(Controls::of(&start.state));
        let sequencer = Self {
            guard: ClockGuard::new(&start.clock),
            origin: start.key.name().to_owned(),
            state: start.state,
            views: start.views,
            tree: start.tree,
            partial: start.partial,
            key: start.key,
            clock: start.clock,
            directory,
            controls,
            stops,
            queue,
            commits,
        };
        (sequencer, boot)
    }

    /// Runs until the queue is closed and empty, then records the shutdown.
    ///
    /// # Errors
    /// [`Stopped`]: what was planned and not committed is thrown away with this sequencer.
    pub fn run(mut self, boot: Boot) -> Result<(), Stopped> {
        let outcome = self.run_inner(boot);
        if outcome.is_err() {
            for job in self.queue.abandon() {
                job.reply.send(Err(SubmitError::Unknown));
            }
        }
        outcome
    }

    fn run_inner(&mut self, boot: Boot) -> Result<(), Stopped> {
        self.batch(&mut Vec::new().into_iter(), vec![Body::Boot(boot)])?;
        loop {
            let taken = self.queue.take(BATCH_MAX, Instant::now() + self.idle());
            let mut jobs = taken.jobs.into_iter();
            if taken.closed {
                return self.batch(
                    &mut jobs,
                    vec![Body::Shutdown(Shutdown {
                        actor: Actor::ledger(),
                    })],
                );
            }
            // Once even where nothing arrived: time may have brought something about.
            self.batch(&mut jobs, Vec::new())?;
            while jobs.len() > 0 {
                self.batch(&mut jobs, Vec::new())?;
            }
        }
    }

    /// Plans one batch, as many of `jobs` as fit it, and hands it to the committer.
    fn batch(
        &mut self,
        jobs: &mut vec::IntoIter<Submission>,
        own: Vec<Body>,
    ) -> Result<(), Stopped> {
        self.views.wait_for_room();
        let (wall, jump) = self
            .guard
            .read(&self.clock, self.state.numbers().clock_bound_ms);
        // Time never runs backwards: where the clock is behind the log, the last entry's time stands.
        let last = self.state.head().time;
        let now = wall.max(last);
        let mut planned = Planned::default();

        // By the batch's own time, so that whoever reads the log can tell whether a start is in doubt.
        let doubt = match own.first() {
            Some(Body::Boot(_)) => seen_at_start(last, wall, self.state.numbers().max_gap_s),
            _ => None,
        };
        // A jump stands before everything else in its batch.
        for command in jump.into_iter().chain(doubt).chain(own) {
            self.own(command, now, &mut planned)?;
        }
        self.timers(now, &mut planned)?;
        while planned.bytes < BATCH_BYTES_MAX
            && self.state.view().planned_bytes() < BATCH_CHANGES_BYTES_MAX
            && let Some(job) = jobs.next()
        {
            self.job(job, now, wall, &mut planned)?;
        }
        if planned.entries.is_empty() && planned.waiting.is_empty() {
            return Ok(());
        }
        let batch = self.seal(planned, now);
        self.commits.send(batch).map_err(|_| Stopped::Committer)
    }

    fn own(&mut self, command: Body, now: Timestamp, planned: &mut Planned) -> Result<(), Stopped> {
        match plan(&self.state, command, now) {
            Ok(Plan::Append(bodies)) => match self.append(bodies, now, None, planned)? {
                Ok(_) => Ok(()),
                Err(error) => Err(Stopped::Own(error.to_string())),
            },
            Ok(Plan::Repeat(_)) => Ok(()),
            Err(Refusal::View(error)) => Err(Stopped::State(error.into())),
            Err(refusal) => Err(Stopped::Own(refusal.to_string())),
        }
    }

    fn job(
        &mut self,
        job: Submission,
        now: Timestamp,
        wall: Timestamp,
        planned: &mut Planned,
    ) -> Result<(), Stopped> {
        let Submission {
            mut command,
            details,
            prefilled,
            reply,
        } = job;
        if let Body::Clock(clock) = &mut command {
            // What an acknowledgement attests is the clock at its place in the log.
            clock.after = wall;
        }
        let before = self.state.head().next;
        let told = match plan(&self.state, command, now) {
            Ok(Plan::Append(bodies)) => match self.append(bodies, now, prefilled, planned)? {
                Ok((entry, followers)) => {
                    planned.bytes += details
                        .iter()
                        .map(|detail| detail.bytes.len())
                        .sum::<usize>();
                    planned
                        .details
                        .extend(details.into_iter().map(|detail| (before, detail)));
                    Told::New { entry, followers }
                }
                Err(error) => Told::Refused(SubmitError::TooLarge(error.to_string())),
            },
            Ok(Plan::Repeat(seq)) => Told::Repeat(seq),
            Err(Refusal::View(error)) => {
                reply.send(Err(SubmitError::Unknown));
                return Err(Stopped::State(error.into()));
            }
            Err(refusal) => Told::Refused(refusal.into()),
        };
        planned.waiting.push(Waiting { told, reply });
        Ok(())
    }

    /// Encodes the entries of one command and folds them: all of them, or, where one is too large,
    /// none. Gives the first, and how many follow it.
    fn append(
        &mut self,
        bodies: Vec<Body>,
        now: Timestamp,
        mut prefilled: Option<Prefilled>,
        planned: &mut Planned,
    ) -> Result<Result<(Arc<Entry>, u32), EncodeError>, Stopped> {
        let mut encoded = Vec::with_capacity(bodies.len());
        for (seq, body) in (self.state.head().next..).zip(bodies) {
            let entry = Entry {
                seq,
                ..self.state.entry(now, body)
            };
            match entry.encode() {
                Ok(line) => encoded.push((entry, line)),
                Err(error) => return Ok(Err(error)),
            }
        }
        let mut first = None;
        let last = encoded.len().saturating_sub(1);
        for (at, (entry, line)) in encoded.into_iter().enumerate() {
            self.state
                .apply(&entry, if at == last { prefilled.take() } else { None })?;
            match &entry.body {
                Body::Stop(stop) => self.stops.add(entry.seq, entry.time, stop.scope.clone()),
                Body::Principal(_) => planned.principals = true,
                Body::Breaker(_) | Body::BreakGlass(_) => planned.controls = true,
                _ => {}
            }
            planned.alarms.extend(Alarm::of(&entry));
            planned.counted.push(Counted::of(&entry));
            planned.bytes += line.len();
            planned.leaves.push(leaf_hash(&line));
            first.get_or_insert_with(|| Arc::new(entry));
            planned.entries.push(line);
        }
        let followers = u32::try_from(last).unwrap_or(u32::MAX);
        first
            .map(|first| Ok((first, followers)))
            .ok_or_else(|| Stopped::Own("a command without entries".to_owned()))
    }

    /// Closes the batch: the tree's new right edge, and one signature over it.
    fn seal(&mut self, planned: Planned, now: Timestamp) -> Batch {
        let first = self.tree.size();
        let tree = BatchTree::new(&self.tree, &planned.leaves);
        let tiles = grow(&mut self.partial, &tree);
        let checkpoint = Checkpoint::new(self.origin.as_str(), tree.size(), tree.root());
        let checkpoint = match checkpoint.sign(&self.key) {
            Ok(note) => note.to_bytes(),
            // The text is our own and the key is loaded: there is nothing that could refuse it.
            Err(error) => unreachable!("a checkpoint cannot be signed: {error}"),
        };
        self.tree = tree.clone().into_range();
        if planned.principals {
            self.directory = Arc::new(Directory::of(&self.state));
        }
        if planned.controls {
            self.controls = Arc::new(Controls::of(&self.state));
        }
        let known = (Arc::clone(&self.directory), Arc::clone(&self.controls));
        Batch {
            first,
            entries: planned.entries,
            tiles,
            partial: self.partial.clone(),
            details: planned.details,
            tree,
            checkpoint,
            changes: self.state.view_mut().take_planned(),
            snapshot: Arc::new(Snapshot::of(&self.state, known, now)),
            alarms: planned.alarms,
            counted: planned.counted,
            waiting: planned.waiting,
        }
    }
}

#[derive(Default)]
struct Planned {
    entries: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
    details: Vec<(u64, DetailBytes)>,
    waiting: Vec<Waiting>,
    /// Of entries and details.
    bytes: usize,
    alarms: Vec<Alarm>,
    counted: Vec<Counted>,
    principals: bool,
    controls: bool,
}

/// Adds a batch to the partial tiles and takes out those that are full: 256 hashes of height 8 times
/// the level (C2SP tlog-tiles).
pub fn grow(partial: &mut Vec<Vec<Hash>>, tree: &BatchTree) -> Vec<(u8, u64, Vec<Hash>)> {
    let mut full = Vec::new();
    for level in 0u8..8 {
        let height = u32::from(level) * 8;
        let completed = tree.completed(height);
        let at = usize::from(level);
        if partial.len() <= at {
            if completed.is_empty() {
                break;
            }
            partial.push(Vec::new());
        }
        let Some(tile) = partial.get_mut(at) else {
            break;
        };
        tile.extend_from_slice(completed);
        // Full tiles of this level so far, and so the index of the next one.
        let complete = (tree.size() >> height) / 256;
        let fresh = (tile.len() / 256) as u64;
        for index in complete - fresh..complete {
            let rest = tile.split_off(256);
            full.push((level, index, std::mem::replace(tile, rest)));
        }
    }
    full
}
