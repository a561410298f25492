//! The committer: one thread that writes batches and releases what waits for them.
//!
//! A batch is written only after the one before it succeeded, and nothing is answered before its own
//! batch is down. A commit that fails has an unknown outcome: every caller that waits is told so, and
//! the process serves no more. Opening the store again is the one way to find out.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use ledger_core::entry::{Body, Entry};
use ledger_core::receipt::Receipt;
use ledger_core::replay::follows;
use ledger_core::state::decision_of;

use crate::head::HeadWriter;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::sequencer::{Batch, RecentStops, Told, Waiting};
use crate::snapshot::Latest;
use crate::store::{Commit, CommitBatch, Committed, LogStore, ReadError};
use crate::submission::{Answer, Submission, SubmitError};
use crate::views::SharedViews;

/// Why the committer stopped.
#[derive(Debug, thiserror::Error)]
#[error("the outcome of a commit is not known, so nothing more is written: {0}")]
pub struct CommitFailed(pub String);

/// Owned by its thread.
pub struct Committer {
    /// Where batches are written: the log, or in tests something that loses or keeps a commit.
    pub log: Arc<dyn Commit>,
    /// The log, as readers see it.
    pub store: Arc<LogStore>,
    /// The views, which learn of a batch when it is down.
    pub views: Arc<SharedViews>,
    /// The checkpoint kept outside the data directory.
    pub head: HeadWriter,
    /// What the service knows.
    pub latest: Latest,
    /// The stops planned lately.
    pub stops: RecentStops,
    /// Closed where a commit fails.
    pub queue: Arc<Queue<Submission>>,
    /// Counts what is committed.
    pub metrics: Arc<Metrics>,
}

impl Committer {
    /// Runs until the sequencer is gone.
    ///
    /// # Errors
    /// [`CommitFailed`]; everybody who waits has been told by then.
    pub fn run(self, batches: &Receiver<Batch>) -> Result<(), CommitFailed> {
        while let Ok(batch) = batches.recv() {
            if let Err(Failed { error, mut waiting }) = self.commit(batch) {
                // The sequencer finds the channel gone; what it had planned goes with it. What waits to be
                // handed over is taken first: closing the queue has the sequencer plan its shutdown, and
                // nobody must take that as if it were to be written.
                while let Ok(batch) = batches.try_recv() {
                    waiting.extend(batch.waiting);
                }
                let left = self.queue.abandon();
                // Told once nothing more is admitted: who asks again at once is told just that.
                for Waiting { reply, .. } in waiting {
                    reply.send(Err(SubmitError::Unknown));
                }
                for job in left {
                    job.reply.send(Err(SubmitError::Unknown));
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn commit(&self, batch: Batch) -> Result<(), Failed> {
        let Batch {
            first,
            mut entries,
            tiles,
            partial,
            details,
            tree,
            checkpoint,
            changes,
            snapshot,
            alarms,
            counted,
            waiting,
        } = batch;
        let checkpoint: Arc<[u8]> = checkpoint.into();
        if !entries.is_empty() {
            let written = CommitBatch {
                first_seq: first,
                entries: &entries,
                tiles: &tiles,
                details: &details,
                checkpoint: &checkpoint,
                size: tree.size(),
            };
            let began = self.metrics.commit_begins();
            if let Err(error) = self.log.commit(&written) {
                let error = CommitFailed(error.to_string());
                return Err(Failed { error, waiting });
            }
            // From here on the batch is on stable storage, and may be spoken of.
            self.metrics.commit_ends(began, entries.len());
            self.metrics.committed(&counted);
            let committed = Committed {
                size: tree.size(),
                root: tree.root(),
                checkpoint: Arc::clone(&checkpoint),
                partial,
            };
            self.store.publish(committed);
            self.views.publish(changes, tree.size(), tree.root());
            self.latest.set(snapshot);
            self.head.update(Arc::clone(&checkpoint));
            for alarm in alarms {
                alarm.raise();
            }
        }
        for Waiting { told, reply } in waiting {
            let answer = match told {
                Told::New { entry, followers } => {
                    let at = usize::try_from(entry.seq - first).unwrap_or(usize::MAX);
                    match (
                        tree.inclusion_proof(entry.seq),
                        entries.get_mut(at).map(std::mem::take),
                    ) {
                        (Ok(proof), Some(line)) => Ok(Answer {
                            voided: self.stops.voids(&entry),
                            receipt: Receipt {
                                entry: line,
                                seq: entry.seq,
                                proof,
                                checkpoint: checkpoint.to_vec(),
                            },
                            entry,
                            followers,
                            repeated: false,
                            used: false,
                        }),
                        (proof, _) => {
                            tracing::error!(
                                ?proof,
                                seq = entry.seq,
                                "a committed entry has no proof"
                            );
                            Err(SubmitError::Unknown)
                        }
                    }
                }
                Told::Repeat(seq) => self.repeat(seq),
                Told::Refused(error) => Err(error),
            };
            reply.send(answer);
        }
        Ok(())
    }

    /// How many entries a report caused besides its own: they stand directly after it.
    fn followers(&self, entry: &Entry) -> Result<u32, ReadError> {
        let mut followers = 0;
        if !matches!(entry.body, Body::Execution(_) | Body::Outcome(_)) {
            return Ok(followers);
        }
        let size = self.store.committed().size;
        for seq in entry.seq + 1..size {
            let next = Entry::decode(&self.store.entry(seq)?);
            if !next.is_ok_and(|next| follows(&next.body)) {
                break;
            }
            followers += 1;
        }
        Ok(followers)
    }

    /// The first entry of a request that was made before, under the checkpoint of now.
    fn repeat(&self, seq: u64) -> Result<Answer, SubmitError> {
        let unknown = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, seq, "the first entry of a repeated request cannot be read");
            SubmitError::Unknown
        };
        let receipt = self.store.receipt(seq).map_err(|error| unknown(&error))?;
        let entry = Entry::decode(&receipt.entry).map_err(|error| unknown(&error))?;
        let record = match &entry.body {
            Body::Decision(_) => decision_of(&*self.views, seq).map_err(|error| unknown(&error))?,
            _ => None,
        };
        let used = record
            .as_ref()
            .is_some_and(|record| record.executed.is_some());
        let voided = record.is_some_and(|record| record.voided.is_some());
        Ok(Answer {
            // An allow that was used up before a stop was planned is not voided by it.
            voided: voided || (!used && self.stops.voids(&entry)),
            used,
            followers: self.followers(&entry).map_err(|error| unknown(&error))?,
            entry: Arc::new(entry),
            receipt,
            repeated: true,
        })
    }
}

/// A commit that failed, and who waits to be told.
struct Failed {
    error: CommitFailed,
    waiting: Vec<Waiting>,
}
