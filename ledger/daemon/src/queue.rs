//! The two lanes in front of the sequencer.
//!
//! The control lane (stop, single changes of the do-not-contact list, approvals) is drained first, so
//! that a kill switch never waits behind the runaway agent. In the other lane each principal has a
//! quota, and another of its own for reports, so that a hammering agent blocks neither others nor the
//! reports of what it did. Full means an error at once; nothing waits, and a refusal writes nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Which way a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Drained first.
    Control,
    /// Action requests and everything that is not the others.
    Work,
    /// Reports of what was done; in line with [`Lane::Work`], counted apart.
    Reports,
}

/// How much may wait. Configuration; never an input to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Commands in the control lane.
    pub control: usize,
    /// Commands in the other lane that are no reports.
    pub work: usize,
    /// Reports.
    pub reports: usize,
    /// Action requests of one principal.
    pub per_principal: usize,
    /// Reports of one principal.
    pub reports_per_principal: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            control: 1_024,
            work: 16_384,
            reports: 16_384,
            per_principal: 2_048,
            reports_per_principal: 2_048,
        }
    }
}

/// Why a command was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// A lane or a quota is full.
    #[error("{queue} is full ({limit} waiting): try again after the delay")]
    Queue {
        /// Which one.
        queue: &'static str,
        /// Its limit.
        limit: usize,
    },
    /// The daemon is stopping or has stopped writing.
    #[error(
        "the ledger is not taking writes: it is stopping, or the outcome of a commit is unknown"
    )]
    Closed,
}

/// Both lanes. Shared by the service, which admits, and the sequencer, which takes.
#[derive(Debug)]
pub struct Queue<J> {
    inner: Mutex<Inner<J>>,
    arrived: Condvar,
    quotas: Quotas,
}

#[derive(Debug)]
struct Inner<J> {
    control: VecDeque<J>,
    work: VecDeque<(String, Lane, J)>,
    /// How many of these are reports.
    reports: usize,
    waiting: HashMap<(String, Lane), usize>,
    closed: bool,
    /// When something was last taken, or arrived where nothing waited.
    moved: Instant,
    /// How often each limit refused, in the order of [`REFUSING`].
    refused: [u64; REFUSING.len()],
}

/// What refuses, by the name that metrics give it.
const REFUSING: [&str; 5] = ["control", "work", "reports", "quota_work", "quota_reports"];

/// How full a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Which lane.
    pub lane: &'static str,
    /// Commands that wait in it.
    pub waiting: usize,
    /// The most that may.
    pub limit: usize,
}

impl<J> Queue<J> {
    /// Empty lanes.
    pub fn new(quotas: Quotas) -> Self {
        let inner = Inner {
            control: VecDeque::new(),
            work: VecDeque::new(),
            reports: 0,
            waiting: HashMap::new(),
            closed: false,
            moved: Instant::now(),
            refused: [0; REFUSING.len()],
        };
        Self {
            inner: Mutex::new(inner),
            arrived: Condvar::new(),
            quotas,
        }
    }

    /// Admits a command of `principal`.
    ///
    /// # Errors
    /// [`Full`]; the command is dropped, and nothing was written.
    pub fn admit(&self, principal: &str, lane: Lane, job: J) -> Result<(), Full> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Full::Closed);
        }
        let idle = inner.control.is_empty() && inner.work.is_empty();
        if lane == Lane::Control {
            if inner.control.len() >= self.quotas.control {
                inner.refused[0] += 1;
                return Err(Full::Queue {
                    queue: "the control lane",
                    limit: self.quotas.control,
                });
            }
            inner.control.push_back(job);
        } else {
            let reports = lane == Lane::Reports;
            let (queue, length, limit) = if reports {
                ("the queue of reports", inner.reports, self.quotas.reports)
            } else {
                (
                    "the queue",
                    inner.work.len() - inner.reports,
                    self.quotas.work,
                )
            };
            if length >= limit {
                inner.refused[1 + usize::from(reports)] += 1;
                return Err(Full::Queue { queue, limit });
            }
            let (queue, limit) = if reports {
                ("your quota of reports", self.quotas.reports_per_principal)
            } else {
                ("your quota of requests", self.quotas.per_principal)
            };
            let waiting = inner
                .waiting
                .entry((principal.to_owned(), lane))
                .or_insert(0);
            if *waiting >= limit {
                inner.refused[3 + usize::from(reports)] += 1;
                return Err(Full::Queue { queue, limit });
            }
            *waiting += 1;
            inner.reports += usize::from(reports);
            inner.work.push_back((principal.to_owned(), lane, job));
        }
        if idle {
            inner.moved = Instant::now();
        }
        drop(inner);
        self.arrived.notify_one();
        Ok(())
    }

    /// How many reports of one principal may wait.
    pub const fn reports_per_principal(&self) -> usize {
        self.quotas.reports_per_principal
    }

    /// Takes what is waiting, control first, at most `most`; waits until `until` for something to
    /// arrive. Nothing and `closed` means that nothing will come any more.
    pub fn take(&self, most: usize, until: Instant) -> Taken<J> {
        let mut inner = self.lock();
        loop {
            if !inner.control.is_empty() || !inner.work.is_empty() {
                return Taken {
                    jobs: inner.drain(most),
                    closed: false,
                };
            }
            if inner.closed {
                return Taken {
                    jobs: Vec::new(),
                    closed: true,
                };
            }
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Taken {
                    jobs: Vec::new(),
                    closed: false,
                };
            }
            inner = self
                .arrived
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Admits nothing any more. What was admitted is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Whether nothing is admitted any more.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How full the lanes are.
    pub fn depths(&self) -> [Depth; 3] {
        let inner = self.lock();
        [
            ("control", inner.control.len(), self.quotas.control),
            ("work", inner.work.len() - inner.reports, self.quotas.work),
            ("reports", inner.reports, self.quotas.reports),
        ]
        .map(|(lane, waiting, limit)| Depth {
            lane,
            waiting,
            limit,
        })
    }

    /// How often each limit has refused a command: a lane's, or a principal's quota in it.
    pub fn refused(&self) -> [(&'static str, u64); REFUSING.len()] {
        let refused = self.lock().refused;
        std::array::from_fn(|at| (REFUSING[at], refused[at]))
    }

    /// How long something has waited without anything being taken; none where nothing waits.
    pub fn stuck(&self) -> Option<Duration> {
        let inner = self.lock();
        let waits = !inner.control.is_empty() || !inner.work.is_empty();
        waits.then(|| inner.moved.elapsed())
    }

    /// Takes everything that still waits, after a failure.
    pub fn abandon(&self) -> Vec<J> {
        self.close();
        self.lock().drain(usize::MAX)
    }

    /// How many commands wait.
    pub fn len(&self) -> usize {
        let inner = self.lock();
        inner.control.len() + inner.work.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A panic elsewhere leaves the lanes as they were: every change of them is complete.
    fn lock(&self) -> MutexGuard<'_, Inner<J>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Queue::take`] found.
#[derive(Debug)]
pub struct Taken<J> {
    /// The commands, in the order in which they are to be planned.
    pub jobs: Vec<J>,
    /// Nothing waits, and nothing will come.
    pub closed: bool,
}

impl<J> Inner<J> {
    fn drain(&mut self, most: usize) -> Vec<J> {
        self.moved = Instant::now();
        let from_control = self.control.len().min(most);
        let mut jobs: Vec<J> = self.control.drain(..from_control).collect();
        let from_work = self.work.len().min(most - from_control);
        for (principal, lane, job) in self.work.drain(..from_work) {
            self.reports -= usize::from(lane == Lane::Reports);
            if let std::collections::hash_map::Entry::Occupied(mut waiting) =
                self.waiting.entry((principal, lane))
            {
                *waiting.get_mut() -= 1;
                if *waiting.get() == 0 {
                    waiting.remove();
                }
            }
            jobs.push(job);
        }
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(1)
    }

    #[test]
    fn control_goes_first_and_order_is_kept() {
        let queue = Queue::new(Quotas::default());
        for job in 0..3 {
            queue.admit("a", Lane::Work, job).expect("room");
        }
        queue.admit("o", Lane::Control, 100).expect("room");
        assert_eq!(queue.take(2, soon()).jobs, [100, 0]);
        assert_eq!(queue.take(9, soon()).jobs, [1, 2]);
        assert!(queue.take(9, soon()).jobs.is_empty());
    }

    #[test]
    fn a_hammering_principal_blocks_neither_others_nor_its_own_reports() {
        let queue = Queue::new(Quotas {
            per_principal: 2,
            reports_per_principal: 1,
            work: 10,
            reports: 10,
            control: 1,
        });
        assert!(queue.admit("a", Lane::Work, 1).is_ok());
        assert!(queue.admit("a", Lane::Work, 2).is_ok());
        assert_eq!(
            queue.admit("a", Lane::Work, 3),
            Err(Full::Queue {
                queue: "your quota of requests",
                limit: 2
            })
        );
        assert!(queue.admit("a", Lane::Reports, 4).is_ok());
        assert!(queue.admit("a", Lane::Reports, 5).is_err());
        assert!(queue.admit("b", Lane::Work, 6).is_ok());
        queue.take(1, soon());
        assert!(
            queue.admit("a", Lane::Work, 7).is_ok(),
            "what was taken no longer counts"
        );
    }

    #[test]
    fn requests_that_fill_the_queue_leave_room_for_reports_and_the_other_way_round() {
        let queue = Queue::new(Quotas {
            work: 2,
            reports: 1,
            ..Quotas::default()
        });
        assert!(queue.admit("a", Lane::Work, 1).is_ok());
        assert!(queue.admit("b", Lane::Work, 2).is_ok());
        assert_eq!(
            queue.admit("c", Lane::Work, 3),
            Err(Full::Queue {
                queue: "the queue",
                limit: 2
            })
        );
        assert!(queue.admit("a", Lane::Reports, 4).is_ok());
        assert_eq!(
            queue.admit("b", Lane::Reports, 5),
            Err(Full::Queue {
                queue: "the queue of reports",
                limit: 1
            })
        );
        queue.take(1, soon());
        assert!(queue.admit("c", Lane::Work, 6).is_ok());
        assert!(
            queue.admit("b", Lane::Reports, 7).is_err(),
            "the report still waits"
        );
    }

    #[test]
    fn what_waits_and_what_was_refused_is_told_by_lane() {
        let queue = Queue::new(Quotas {
            work: 2,
            reports: 1,
            control: 1,
            per_principal: 1,
            reports_per_principal: 9,
        });
        assert_eq!(queue.stuck(), None);
        for (principal, lane) in [
            ("a", Lane::Work),
            ("a", Lane::Work),
            ("b", Lane::Work),
            ("c", Lane::Work),
            ("a", Lane::Reports),
            ("a", Lane::Reports),
            ("o", Lane::Control),
            ("o", Lane::Control),
        ] {
            let _ = queue.admit(principal, lane, 0);
        }
        let waiting = queue
            .depths()
            .map(|depth| (depth.lane, depth.waiting, depth.limit));
        assert_eq!(
            waiting,
            [("control", 1, 1), ("work", 2, 2), ("reports", 1, 1)]
        );
        let refused = queue.refused().map(|(_, times)| times);
        assert_eq!(refused, [1, 1, 1, 1, 0], "{:?}", queue.refused());
        std::thread::sleep(Duration::from_millis(20));
        assert!(queue.stuck().expect("something waits") >= Duration::from_millis(20));
        let before = Instant::now();
        queue.take(1, soon());
        let stuck = queue.stuck().expect("something waits");
        assert!(
            stuck <= before.elapsed(),
            "{stuck:?} since the last was taken"
        );
        queue.take(9, soon());
        assert_eq!(queue.stuck(), None);
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_admits_nothing() {
        let queue = Queue::new(Quotas::default());
        queue.admit("a", Lane::Work, 1).expect("room");
        queue.close();
        assert_eq!(queue.admit("a", Lane::Work, 2), Err(Full::Closed));
        assert_eq!(queue.take(9, soon()).jobs, [1]);
        assert!(queue.take(9, soon()).closed);
    }
}
