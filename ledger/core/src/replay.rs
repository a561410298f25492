//! Replay: every entry of a log planned again, from empty state, and compared.
//!
//! Replay takes the entries of a log in order. Of each it takes the time and the request part
//! ([`request_part`]) and nothing else; what the entry answers it works out again from the log
//! before it, with the same planner, the same gate and the same fold as the daemon, and the result has
//! to be the entry, byte for byte. So it finds every answer that a ledger should not have given, and
//! every entry that a ledger should not have written, whoever signed it.
//!
//! It does not check that the entries are those of a signed log: compare their leaf hashes first. And
//! what entries are asked for is attested by the daemon: that an agent sent this request, that the clock
//! jumped, that `content` belongs to the request. Two things of it are held against the log all the same:
//! that a service can have let it in ([`well_formed`]), and that what time brings about stands where a
//! ledger writes it: `unresolved`, expired and closing entries before whatever is asked for when they
//! are due, a heartbeat after a silence, a `clock` entry before a start that is in doubt.
//!
//! Conditions (`.cedar` files of a policy) are evaluated by what the last `boot` entry names. Where this build
//! evaluates none, or by another version, a policy with conditions and the decisions under it cannot be
//! judged.
//!
//! An entry that a later version may have written cannot be judged, and neither can anything after it,
//! since it may depend on it; that is never a mismatch. After a mismatch replay goes on with the log as
//! it was recorded, so that later entries are judged by what stands before them.
//!
//! Memory is bounded by the state, not by the log: request ids, decisions, live listings, the allows of one
//! throttle window and which keys of addresses and domains go together stay, entries do not.

mod completeness;
mod coverage;
mod derived;
mod difference;
mod followers;
mod publication;
mod report;
mod summary;
mod timers;
mod view;

pub use completeness::{Completeness, Irregular, LISTED_MAX, Listed};
pub use coverage::{Coverage, GAPS_MAX, Gap, GapCause, SILENCE_GRACE_S};
pub use difference::Difference;
pub use followers::follows;
pub(crate) use publication::join;
pub use report::{
    MISMATCHES_MAX, Mismatch, OVERDUE_MAX, Overdue, Report, Tally, Unverifiable, What,
};
pub use summary::Summary;

use crate::entry::{Basis, Body, Clock, ClockEvent, DecodeError, Entry};
use crate::gate::GATE_VERSION;
use crate::normalise;
use crate::plan::{Plan, Refusal, plan, request_part};
use crate::policy::condition;
use crate::state::{FoldError, State};
use crate::time::Timestamp;
use crate::well_formed::well_formed;
use derived::Derived;
use followers::Followers;
use publication::Publication;
use report::Standing;
use timers::Timers;
pub(crate) use view::GateView;

/// A replay under way. Feed it every entry of the log, in order, from the first.
#[derive(Debug, Clone)]
pub struct Replay {
    state: State<GateView>,
    /// Whether the state still is that of the log.
    follows: bool,
    /// Whether a service let the entries in, and timers wrote theirs.
    served: bool,
    /// A policy whose continuations may still come: it is planned whole.
    publication: Option<Publication>,
    /// What the command of the entry before also causes, at the same time: the entries that must come
    /// next.
    followers: Followers,
    /// What the ledger announced of its own accord.
    timers: Timers,
    /// What keys were made together.
    derived: Derived,
    /// What evaluated conditions, by the last `boot` entry.
    evaluator: Option<String>,
    report: Report,
}

/// Replays the entries of a whole log, each without its LF.
pub fn replay<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Report {
    let mut replay = Replay::new();
    for line in lines {
        replay.push(line.as_ref());
    }
    replay.finish()
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

impl Replay {
    /// A replay that has seen nothing.
    pub fn new() -> Self {
        let state = match State::load(GateView::default()) {
            Ok(state) => state,
            Err(error) => unreachable!("an empty view in memory cannot fail: {error}"),
        };
        Self {
            state,
            follows: true,
            served: true,
            publication: None,
            followers: Followers::default(),
            timers: Timers::default(),
            derived: Derived::default(),
            evaluator: None,
            report: Report::default(),
        }
    }

    /// A replay of what a planner answers, and of nothing else: for logs that were made without a service
    /// and without timers, from commands and times made up. It tells nothing of a log of a daemon.
    pub fn of_answers() -> Self {
        Self {
            served: false,
            ..Self::new()
        }
    }

    /// How many entries were given so far: the seq that the next one must have.
    pub const fn next(&self) -> u64 {
        self.report.entries
    }

    /// Takes the next entry's bytes, without LF. What is wrong with it stands in the report.
    pub fn push(&mut self, line: &[u8]) {
        self.push_decoded(Entry::decode(line));
    }

    /// Takes the next entry where the caller has decoded it, strictly, with [`Entry::decode`].
    pub fn push_decoded(&mut self, decoded: Result<Entry, DecodeError>) {
        let seq = self.report.entries;
        self.report.entries += 1;
        // What cannot be read may be one of the entries that still have to come.
        if decoded.is_err() {
            if self.publication.as_ref().is_some_and(Publication::waits) {
                self.give_up_publication();
            }
            self.followers.give_up();
        }
        match decoded {
            Ok(entry) => self.push_entry(seq, entry),
            Err(DecodeError::Unknown { what }) => {
                self.settle();
                self.report.tally("unknown", Standing::Unverifiable);
                self.unverifiable(seq, what);
            }
            Err(DecodeError::Malformed { why }) => {
                self.settle();
                self.report.tally("unknown", Standing::Mismatched);
                self.report
                    .mismatch(seq, "unknown", What::Malformed { why });
                self.follows = false;
            }
        }
    }

    /// What replay has found.
    pub fn finish(mut self) -> Report {
        self.settle();
        self.report.completeness.end();
        if self.follows {
            self.report.close(&self.state);
        }
        self.report
    }

    fn push_entry(&mut self, seq: u64, mut entry: Entry) {
        let kind = entry.body.kind();
        let mut in_order = true;
        if entry.seq != seq {
            self.report
                .mismatch(seq, kind, What::Seq { found: entry.seq });
            in_order = false;
            entry.seq = seq;
        }
        let last = self.report.last_time();
        if entry.time < last {
            let (found, expected) = (entry.time, last);
            self.report
                .mismatch(seq, kind, What::Time { expected, found });
            in_order = false;
            entry.time = last;
        }
        if seq == 0 && kind != "genesis" {
            self.report.mismatch(seq, kind, What::NotGenesis);
            in_order = false;
        }
        let parts = self.publication.as_ref();
        if parts.is_some_and(|publication| !publication.takes(&entry))
            || !self.followers.take(&entry)
        {
            self.settle();
        }
        self.report.summary.add(&entry);
        if let Body::Boot(boot) = &entry.body {
            self.evaluator.clone_from(&boot.evaluator);
        }
        self.report.completeness.add(&entry);
        let unknown = unknown_rules(&entry.body).or_else(|| self.unknown_conditions(&entry.body));
        if self.follows && self.served && unknown.is_none() {
            let genesis = match &entry.body {
                Body::Genesis(genesis) => Some(genesis),
                _ => self.state.genesis(),
            };
            let why = match well_formed(&entry.body, genesis) {
                Err(why) => Some(why.to_string()),
                Ok(()) => self.derived.take(&entry),
            };
            if let Some(why) = why {
                self.report.mismatch(seq, kind, What::IllFormed { why });
                in_order = false;
            }
            if let Some(missing) = self.timers.missing(&self.state, &entry) {
                self.report.mismatch(seq, kind, missing);
                in_order = false;
            }
        }
        self.timers.note(&entry);
        if let Some(what) = unknown {
            self.report.tally(kind, Standing::Unverifiable);
            self.unverifiable(seq, what);
        } else if !self.follows {
            self.report.tally(kind, Standing::Unverifiable);
        } else if let Some((time, expected)) = self.followers.next(&entry) {
            self.compare(entry, in_order, time, Ok(expected));
        } else if let Some(publication) = &mut self.publication {
            publication.push(entry, in_order);
        } else if matches!(entry.body, Body::Policy(_)) {
            self.publication = Some(Publication::new(entry, in_order));
        } else {
            self.judge(vec![(entry, in_order)], None);
        }
    }

    /// Plans the policy that was waiting for its parts.
    fn settle(&mut self) {
        if let Some((seq, kind)) = self.followers.give_up() {
            self.report.mismatch(seq, kind, What::PartMissing);
        }
        if let Some(publication) = self.publication.take() {
            let command = publication.command();
            let paths = match &command {
                Body::Policy(policy) => policy.files.as_slice(),
                _ => &[],
            };
            let paths = paths.iter().map(|file| file.path.as_str());
            if let Some(what) = condition::unknown(paths, self.evaluator.as_deref()) {
                for (entry, _) in publication.into_entries() {
                    self.report.tally(entry.body.kind(), Standing::Unverifiable);
                    self.unverifiable(entry.seq, what.clone());
                }
                return;
            }
            self.judge(publication.into_entries(), Some(command));
        }
    }

    /// Why a decision under conditions cannot be worked out again here: what is in force was read by this
    /// build, and a later start of the ledger may have had another evaluator.
    fn unknown_conditions(&self, body: &Body) -> Option<String> {
        let gate = matches!(body, Body::Decision(decision) if decision.basis == Basis::Gate);
        let conditions = self.state.policy()?.text.conditions();
        conditions
            .filter(|_| gate)
            .and_then(|_| condition::unknown_evaluator(self.evaluator.as_deref()))
    }

    fn give_up_publication(&mut self) {
        if let Some(publication) = self.publication.take() {
            for (entry, _) in publication.into_entries() {
                self.report.tally(entry.body.kind(), Standing::Unverifiable);
                self.unverifiable(
                    entry.seq,
                    "a policy of which a part cannot be read".to_owned(),
                );
            }
        }
    }

    /// Plans what one command caused, compares, and folds it as it was recorded. There is at least
    /// one entry.
    fn judge(&mut self, entries: Vec<(Entry, bool)>, command: Option<Body>) {
        let Some((first, _)) = entries.first() else {
            return;
        };
        let whole = command.is_some();
        let command = command.unwrap_or_else(|| request_part(&first.body));
        let (seq, time, kind) = (first.seq, first.time, first.body.kind());
        let planned = match plan(&self.state, command, time) {
            Ok(Plan::Append(bodies)) => bodies,
            Ok(Plan::Repeat(first)) => {
                self.report.mismatch(seq, kind, What::Repeated { first });
                Vec::new()
            }
            Err(Refusal::View(error)) => {
                self.report.tally(kind, Standing::Unverifiable);
                self.unverifiable(seq, error.to_string());
                return;
            }
            Err(refusal) => {
                let refusal = refusal.to_string();
                self.report.mismatch(seq, kind, What::Refused { refusal });
                Vec::new()
            }
        };
        let refused = planned.is_empty();
        let mut planned = planned.into_iter();
        for (entry, in_order) in entries {
            let expected = planned.next().ok_or(if refused {
                Unplanned::Refused
            } else {
                Unplanned::Surplus
            });
            self.compare(entry, in_order, time, expected);
        }
        if refused {
            return;
        }
        if whole {
            if planned.next().is_some() {
                self.report.mismatch(seq, kind, What::PartMissing);
            }
        } else {
            self.followers = Followers::of(seq, kind, time, planned);
        }
    }

    /// Compares an entry with what its command, at `time`, had to make of it, and folds it.
    fn compare(
        &mut self,
        entry: Entry,
        in_order: bool,
        time: Timestamp,
        expected: Result<Body, Unplanned>,
    ) {
        let (seq, kind) = (entry.seq, entry.body.kind());
        let refused = matches!(expected, Err(Unplanned::Refused));
        let what = match expected {
            // Said once already, of the command.
            Err(Unplanned::Refused) => None,
            Err(Unplanned::Surplus) => Some(What::Surplus),
            // Of several entries that one command causes, all are in one batch, which has one time.
            Ok(_) if entry.time != time => {
                let (found, expected) = (entry.time, time);
                Some(What::Time { expected, found })
            }
            Ok(body) => difference::between(&entry, body, self.state.environment()),
        };
        let standing = if what.is_some() || refused || !in_order {
            Standing::Mismatched
        } else {
            standing(&entry.body)
        };
        if let Some(what) = what {
            self.report.mismatch(seq, kind, what);
        }
        self.report.tally(kind, standing);
        self.fold(&entry);
    }

    fn fold(&mut self, entry: &Entry) {
        if !self.follows {
            return;
        }
        match self.state.apply(entry, None) {
            Ok(()) => {}
            Err(FoldError::View(error)) => self.unverifiable(entry.seq, error.to_string()),
            Err(FoldError::Impossible { why, .. }) => {
                self.report
                    .mismatch(entry.seq, entry.body.kind(), What::Impossible { why });
                self.follows = false;
            }
        }
    }

    /// From here on nothing can be judged.
    fn unverifiable(&mut self, seq: u64, what: String) {
        self.follows = false;
        self.report
            .unverifiable
            .get_or_insert(Unverifiable { seq, what });
    }
}

/// Why nothing was planned that an entry could be compared with.
enum Unplanned {
    /// Its command is refused.
    Refused,
    /// Its command makes fewer entries.
    Surplus,
}

fn unknown_rules(body: &Body) -> Option<String> {
    let normaliser = match body {
        // Of the version the number of the rules alone says what keys there are.
        Body::Genesis(genesis) => normalise::unknown(&genesis.normaliser),
        _ => None,
    };
    unknown_gate(body).or(normaliser)
}

pub(crate) fn unknown_gate(body: &Body) -> Option<String> {
    let gate = match body {
        Body::Genesis(genesis) => genesis.gate,
        Body::Boot(boot) => boot.gate,
        _ => return None,
    };
    (gate != GATE_VERSION).then(|| format!("gate version `{gate}`"))
}

/// What is said of an entry that replay found to be as it must be.
fn standing(body: &Body) -> Standing {
    match body {
        Body::Decision(decision) if decision.basis == Basis::Asserted => Standing::Asserted,
        Body::Genesis(_)
        | Body::Boot(_)
        | Body::Heartbeat(_)
        | Body::Shutdown(_)
        | Body::Access(_)
        | Body::Clock(Clock {
            event: ClockEvent::Seen,
            ..
        }) => Standing::Attested,
        _ => Standing::Matched,
    }
}
