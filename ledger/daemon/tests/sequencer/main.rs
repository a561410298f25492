//! The way of a command through sequencer and committer: both outcomes of a failed commit, what waits
//! for what, stops that overtake, and what time alone brings about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod streams;
mod timers;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ledger_core::action::Class;
use ledger_core::entry::{
    Actor, Basis, Body, Cause, Change, Clock as ClockEntry, ClockEvent, Code, Decision, Entry,
    Outcome, PolicyEntry, PolicyFile, PrincipalChange, Scope, Stop, Target,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::trust::Trust;
use ledgerd::clock::Clock;
use ledgerd::committer::{CommitFailed, Committer};
use ledgerd::config::{EnvironmentName, Init};
use ledgerd::head::{self, HeadWriter};
use ledgerd::keys::Keys;
use ledgerd::open::{Layout, open_log};
use ledgerd::queue::{Lane, Queue, Quotas};
use ledgerd::sequencer::{RecentStops, Sequencer, Start, Stopped};
use ledgerd::snapshot::{Latest, Snapshot};
use ledgerd::store::{Commit, CommitBatch, CommitError, LogStore};
use ledgerd::submission::{Answer, Pending, Reply, Submission, SubmitError};
use ledgerd::views::{SharedViews, ViewWriter, open_views};
use tempfile::TempDir;

const POLICY: &str = r#"version = 1
[numbers]
valid_for_s = 60
report_within_s = 120
heartbeat_s = 300
clock_bound_ms = 5000
[[action]]
name = "crm.update"
class = "write"
[[grant]]
id = "writes"
agent = "agent.a"
actions = ["crm.update"]
objects = ["deal"]
[[action]]
name = "crm.stage"
class = "write"
tier = 2
[[grant]]
id = "stages"
agent = "agent.a"
actions = ["crm.stage"]
objects = ["deal"]
[[breaker]]
id = "errors"
measure = "error_rate"
actions = ["crm.update"]
per = "agent"
open_ppm = 500000
window = "5m"
"#;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What becomes of a command, in the end.
fn wait(pending: Pending) -> Result<Answer, SubmitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(pending)
}

/// Waits until it is so. Generously: it fails a test only where it will never be so.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "no {what} after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_pending(pending: &mut Pending) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(pending).poll(&mut context).is_pending()
}

/// Clocks that move when they are told to.
#[derive(Clone)]
struct Hands(Arc<Mutex<(i64, u64)>>);

impl Hands {
    fn new() -> Self {
        // Far enough ahead that the genesis made just now is not later.
        let start = ledgerd::clock::SystemClock::new()
            .wall()
            .saturating_add_s(3_600);
        Self(Arc::new(Mutex::new((start.micros(), 0))))
    }

    /// Both at once: what is read in between would be a jump.
    fn pass_s(&self, s: i64) {
        let mut clocks = self.0.lock().unwrap();
        clocks.0 += s * 1_000_000;
        clocks.1 += s.unsigned_abs() * 1_000_000;
    }

    fn jump_s(&self, s: i64) {
        self.0.lock().unwrap().0 += s * 1_000_000;
    }
}

impl Clock for Hands {
    fn wall(&self) -> Timestamp {
        self.both().0
    }
    fn both(&self) -> (Timestamp, u64) {
        let (wall_us, monotonic_us) = *self.0.lock().unwrap();
        (Timestamp::from_micros(wall_us).unwrap(), monotonic_us)
    }
}

/// What becomes of a commit.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Written,
    FailedAndLost,
    FailedButWritten,
}

/// The real store behind a door that can be held shut, and that can lie about what it did.
struct Door {
    store: Arc<LogStore>,
    held: Mutex<bool>,
    opened: Condvar,
    fate: Mutex<Fate>,
    /// Commits that came to the door, and those that went through it.
    arrivals: AtomicUsize,
    commits: AtomicUsize,
}

impl Door {
    /// From now on every commit waits at the door. None must be under way.
    fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }
    /// Whether a commit stands at the door.
    fn is_besieged(&self) -> bool {
        self.arrivals.load(Ordering::SeqCst) > self.commits.load(Ordering::SeqCst)
    }
    fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.opened.notify_all();
    }
}

impl Commit for Door {
    fn commit(&self, batch: &CommitBatch<'_>) -> Result<(), CommitError> {
        self.arrivals.fetch_add(1, Ordering::SeqCst);
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.opened.wait(held).unwrap();
        }
        drop(held);
        self.commits.fetch_add(1, Ordering::SeqCst);
        match *self.fate.lock().unwrap() {
            Fate::Written => self.store.commit(batch),
            Fate::FailedAndLost => Err(CommitError::Stopped),
            Fate::FailedButWritten => {
                self.store.commit(batch)?;
                Err(CommitError::Stopped)
            }
        }
    }
}

/// A ledger whose threads run.
struct House {
    queue: Arc<Queue<Submission>>,
    store: Arc<LogStore>,
    views: Arc<SharedViews>,
    latest: Latest,
    stops: RecentStops,
    door: Arc<Door>,
    sequencer: JoinHandle<Result<(), Stopped>>,
    committer: JoinHandle<Result<(), CommitFailed>>,
    view_writer: ViewWriter,
}

fn create(dir: &Path) {
    ledgerd::init::init(&Init {
        data: dir.join("ledger"),
        origin: "test.example/ledger".to_owned(),
        environment: EnvironmentName::Prod,
        head: None,
        operator: "operator.one".to_owned(),
        credential_out: dir.join("operator.credential"),
    })
    .unwrap();
}

impl House {
    fn open(dir: &Path, clock: Hands) -> Self {
        let layout = Layout::of(&dir.join("ledger"));
        let log = open_log(&layout).unwrap();
        let head = head::open(&layout.head(), &log.opened.store, &log.vkey, false).unwrap();
        let keys = Keys::load(&layout.keys(), log.vkey.name()).unwrap();
        let store = Arc::new(log.opened.store);
        let views = open_views(&layout.views(), &store, &mut |_| {}).unwrap();
        let latest = Latest::new(Snapshot::first(&views.state, clock.wall()));
        let queue = Arc::new(Queue::new(Quotas::default()));
        let stops = RecentStops::default();
        let door = Arc::new(Door {
            store: Arc::clone(&store),
            held: Mutex::new(false),
            opened: Condvar::new(),
            fate: Mutex::new(Fate::Written),
            arrivals: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
        });
        let (batches, received) = sync_channel(0);
        let start = Start {
            state: views.state,
            views: Arc::clone(&views.views),
            tree: log.opened.tree,
            partial: log.opened.partial,
            key: keys.signing,
            clock,
            software: "test".to_owned(),
            config: Hash([0; 32]),
        };
        let (sequencer, boot) = Sequencer::new(start, Arc::clone(&queue), stops.clone(), batches);
        let committer = Committer {
            log: Arc::clone(&door) as _,
            store: Arc::clone(&store),
            views: Arc::clone(&views.views),
            head: HeadWriter::start(head).unwrap(),
            latest: latest.clone(),
            stops: stops.clone(),
            queue: Arc::clone(&queue),
            metrics: Arc::default(),
        };
        Self {
            queue,
            store,
            views: views.views,
            latest,
            stops,
            door,
            sequencer: std::thread::spawn(move || sequencer.run(boot)),
            committer: std::thread::spawn(move || committer.run(&received)),
            view_writer: views.writer,
        }
    }

    fn submit(&self, lane: Lane, command: Body) -> Pending {
        let (reply, answer) = Reply::channel(None, None);
        let submission = Submission {
            command,
            details: Vec::new(),
            prefilled: None,
            reply,
        };
        if let Err(full) = self.queue.admit("p", lane, submission) {
            let (reply, answer) = Reply::channel(None, None);
            reply.send(Err(full.into()));
            return answer;
        }
        answer
    }

    /// Submits a command and waits until it is planned: its batch stands at the door, which is held, or
    /// waits behind the one that does.
    fn submit_and_see_it_taken(&self, lane: Lane, command: Body) -> Pending {
        let pending = self.submit(lane, command);
        eventually("a batch at the door", || {
            self.queue.is_empty() && self.door.is_besieged()
        });
        pending
    }

    fn ask(&self, command: Body) -> Result<Answer, SubmitError> {
        wait(self.submit(Lane::Work, command))
    }

    /// Registers the agent and publishes the policy.
    fn furnish(&self) {
        self.ask(principal("agent.a", Role::Agent, 1)).unwrap();
        let files = vec![PolicyFile {
            path: "policy.toml".to_owned(),
            text: POLICY.to_owned(),
        }];
        let policy = PolicyEntry {
            cause: operator("policy", Call::PublishPolicy),
            continues: None,
            sha256: None,
            replaces: None,
            parts: None,
            mailboxes: std::collections::BTreeMap::new(),
            fake_domains: std::collections::BTreeMap::new(),
            promotion: None,
            files,
        };
        self.ask(Body::Policy(policy)).unwrap();
    }

    /// The entries so far.
    fn log(&self) -> Vec<Entry> {
        let size = self.store.committed().size;
        (0..size)
            .map(|seq| Entry::decode(&self.store.entry(seq).unwrap()).unwrap())
            .collect()
    }

    /// Stops in good order.
    fn close(self) {
        self.queue.close();
        self.sequencer.join().unwrap().unwrap();
        self.committer.join().unwrap().unwrap();
        drop(self.views);
        self.view_writer.finish().unwrap();
    }
}

fn cause(id: &str, call: Call, role: Role, principal: &str) -> Cause {
    Cause {
        request_id: Some(id.to_owned()),
        call: Some(call),
        action_id: None,
        correlation_id: Some("run-1".to_owned()),
        content: Some(Hash::of(id.as_bytes())),
        actor: Actor::principal(role, principal),
    }
}

fn operator(id: &str, call: Call) -> Cause {
    cause(id, call, Role::Operator, "operator.one")
}

fn principal(id: &str, role: Role, credential: u8) -> Body {
    Body::Principal(PrincipalChange {
        cause: operator(id, Call::PutPrincipal),
        id: id.to_owned(),
        role,
        groups: Vec::new(),
        credential: Some(Hash([credential; 32])),
        change: Change::Added,
    })
}

fn decide(id: &str) -> Body {
    let cause = cause(id, Call::Decide, Role::Agent, "agent.a");
    let deal = Target {
        kind: "deal".to_owned(),
        id: None,
        reads: Vec::new(),
        writes: Vec::new(),
    };
    Body::Decision(Box::new(Decision {
        targets: vec![deal],
        ..Decision::request(Basis::Gate, cause, "crm.update".to_owned())
    }))
}

fn stop() -> Body {
    Body::Stop(Stop {
        cause: operator("stop", Call::Stop),
        scope: Scope::Class {
            class: Class::Write,
        },
        voided: 0,
        details: std::collections::BTreeMap::new(),
    })
}

fn outcome(answer: &Answer) -> Outcome {
    let Body::Decision(decision) = &answer.entry.body else {
        panic!("a decision")
    };
    decision.outcome
}

fn codes(entry: &Entry) -> Vec<Code> {
    let Body::Decision(decision) = &entry.body else {
        panic!("a decision")
    };
    decision.reasons.iter().map(|reason| reason.code).collect()
}

fn furnished() -> (TempDir, Hands, House) {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let hands = Hands::new();
    let house = House::open(dir.path(), hands.clone());
    house.furnish();
    (dir, hands, house)
}

#[test]
fn a_failed_commit_is_unknown_to_everybody_and_opening_finds_out_what_was_written() {
    for (fate, persisted) in [(Fate::FailedAndLost, false), (Fate::FailedButWritten, true)] {
        let (dir, hands, house) = furnished();
        let before = house.ask(decide("before")).unwrap();
        let size = house.store.committed().size;
        *house.door.fate.lock().unwrap() = fate;
        house.door.hold();
        let first = house.submit_and_see_it_taken(Lane::Work, decide("first"));
        let behind = house.submit_and_see_it_taken(Lane::Work, decide("behind"));
        house.door.release();
        assert!(matches!(wait(first), Err(SubmitError::Unknown)));
        let (reply, _) = Reply::channel(None, None);
        let late = Submission {
            command: decide("late"),
            details: Vec::new(),
            prefilled: None,
            reply,
        };
        assert!(
            house.queue.admit("p", Lane::Work, late).is_err(),
            "nothing more is admitted once anybody is told"
        );
        let behind = wait(behind);
        assert!(
            behind.is_err(),
            "what was planned on top of an unknown commit is not answered"
        );
        assert!(house.committer.join().unwrap().is_err());
        assert!(house.sequencer.join().unwrap().is_err());
        assert_eq!(
            house.door.commits.load(Ordering::SeqCst),
            5,
            "nothing is written after it"
        );
        drop((house.door, house.views));
        house.view_writer.finish().unwrap();
        drop((house.store, house.queue));

        let again = House::open(dir.path(), hands);
        let answer = again.ask(decide("first")).unwrap();
        assert_eq!(answer.repeated, persisted);
        if persisted {
            assert_eq!(answer.entry.seq, size, "the entry that nobody was told of");
        }
        let repeated = again.ask(decide("before")).unwrap();
        assert!(
            repeated.repeated && repeated.entry == before.entry,
            "what was acknowledged stands"
        );
        again.close();
    }
}

#[test]
fn a_stop_that_overtakes_an_unanswered_allow_marks_it_void() {
    let (_dir, _, house) = furnished();
    let answered = house.ask(decide("answered")).unwrap();
    house.door.hold();
    let allow = house.submit_and_see_it_taken(Lane::Work, decide("overtaken"));
    let stop = house.submit_and_see_it_taken(Lane::Control, stop());
    // Planned while the allow stands at the door: every allow before it is void from now on.
    eventually("stop", || house.stops.voids(&answered.entry));
    let late = house.submit(Lane::Work, decide("late"));
    house.door.release();
    let allow = wait(allow).unwrap();
    let stop = wait(stop).unwrap();
    assert_eq!((outcome(&allow), allow.voided), (Outcome::Allow, true));
    assert!(allow.entry.seq < stop.entry.seq);
    let Body::Stop(entry) = &stop.entry.body else {
        panic!("a stop")
    };
    assert_eq!(entry.voided, 2);
    let late = wait(late).unwrap();
    assert_eq!(codes(&late.entry)[0], Code::StopActive);
    assert!(!late.voided);
    // Asked again, the answer is the allow, and still void.
    let again = house.ask(decide("overtaken")).unwrap();
    assert!(again.repeated && again.voided);
    house.close();
}

#[test]
fn a_crowd_shares_one_commit_and_a_repetition_waits_for_the_first_copy() {
    let (dir, _, house) = furnished();
    house.door.hold();
    // This one is in the held commit; those behind it are one batch.
    let head = house.submit_and_see_it_taken(Lane::Work, decide("head"));
    let first = house.submit_and_see_it_taken(Lane::Work, decide("twice"));
    let crowd: Vec<Pending> = (0..200)
        .map(|n| house.submit(Lane::Work, decide(&format!("crowd-{n}"))))
        .collect();
    let mut second = house.submit(Lane::Work, decide("twice"));
    std::thread::sleep(Duration::from_millis(50));
    assert!(is_pending(&mut second), "the first copy is not down yet");
    let before = house.door.commits.load(Ordering::SeqCst);
    house.door.release();
    let first = wait(first).unwrap();
    let second = wait(second).unwrap();
    assert!(!first.repeated && second.repeated && first.entry == second.entry);
    wait(head).unwrap();
    let trust = Trust::from_key(open_key(dir.path())).unwrap();
    for reply in crowd {
        let answer = wait(reply).unwrap();
        answer.receipt.verify(&trust).unwrap();
    }
    let commits = house.door.commits.load(Ordering::SeqCst) - before;
    assert!(
        commits <= 3,
        "{commits} commits for what arrived during one"
    );
    house.close();
}

fn open_key(dir: &Path) -> ledger_core::note::VerificationKey {
    std::fs::read_to_string(Layout::of(&dir.join("ledger")).vkey())
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn a_jump_of_the_clock_stands_first_in_its_batch_and_denies_until_it_is_acknowledged() {
    let (_dir, hands, house) = furnished();
    assert_eq!(outcome(&house.ask(decide("calm")).unwrap()), Outcome::Allow);
    hands.jump_s(-1_000);
    let denied = house.ask(decide("jumped")).unwrap();
    assert_eq!(
        (outcome(&denied), codes(&denied.entry)[0]),
        (Outcome::Deny, Code::ClockBlocked)
    );
    let log = house.log();
    let at = usize::try_from(denied.entry.seq).unwrap();
    assert!(matches!(&log[at - 1].body, Body::Clock(seen) if seen.event == ClockEvent::Seen));
    assert_eq!(
        log[at].time,
        log[at - 2].time,
        "time stands still where the clock is behind"
    );

    let acknowledge = Body::Clock(ClockEntry {
        cause: operator("ack", Call::AcknowledgeClock),
        event: ClockEvent::Acknowledged,
        before: Timestamp::EPOCH,
        after: Timestamp::EPOCH,
        bound_ms: None,
        acknowledges: None,
    });
    wait(house.submit(Lane::Control, acknowledge)).unwrap();
    let behind = house.ask(decide("behind")).unwrap();
    assert_eq!(
        codes(&behind.entry)[0],
        Code::ClockBlocked,
        "the clock has yet to pass the last entry"
    );
    hands.pass_s(1_001);
    assert_eq!(
        outcome(&house.ask(decide("passed")).unwrap()),
        Outcome::Allow
    );
    house.close();
}
