//! Dry run: the decisions of a recorded log made again under another policy, before anybody publishes it.
//!
//! Every entry of the log is folded as it was recorded, and every decision of the gate is made again at
//! its place by the same gate, with a candidate in place of the policy that was in force. What belongs to
//! the policy is the candidate's: actions, rows, tiers, numbers, and throttles, which count what the
//! candidate allows and nothing else. What people and the world did stays as it was recorded: the
//! do-not-contact list, stops, the clock, approvals, break-glass, breakers, imports, principals. So a
//! request that relied on a granted approval is still approved, and one that only the candidate would
//! have sent for approval has none.
//!
//! It decides what was asked. What agents would have asked had they been answered otherwise, nobody
//! knows: a request that the candidate allows at once is, where the log has a second ask after an
//! approval, allowed and counted twice.
//!
//! Names of mailboxes and fake domains become tokens by a key that stays with the ledger. [`Tokens`]
//! gathers those that the log's own `policy` entries state; a decision that could go either way for want
//! of another is not judged, and charged to throttles as it was recorded. Nothing here verifies the log:
//! that is replay's.
//!
//! Memory is bounded by the state, not by the log.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::entry::{Basis, Body, Code, Decision, DecodeError, Entry, Outcome, Reason};
use crate::gate::{self, Rules};
use crate::hash::Hash;
use crate::policy::Policy;
use crate::replay::{GateView, unknown_gate};
use crate::state::{FoldError, InForce, State};
use crate::time::Timestamp;
use crate::token::Token;
use crate::view::ViewError;
use crate::window::Windows;

/// The most changes, and the most decisions not judged, that a report lists; it counts all of them.
pub const CHANGES_MAX: usize = 1_000;

/// The tokens of the names in policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of mailboxes.
    pub mailboxes: BTreeMap<String, Token>,
    /// Of fake domains.
    pub fake_domains: BTreeMap<String, Token>,
}

impl Tokens {
    /// Takes what an entry of the log states. To know all of them, read the whole log once before the run.
    pub fn learn(&mut self, entry: &Entry) {
        if let Body::Policy(policy) = &entry.body {
            let mailboxes = policy.mailboxes.iter();
            self.mailboxes
                .extend(mailboxes.map(|(name, token)| (name.clone(), *token)));
            let domains = policy.fake_domains.iter();
            self.fake_domains
                .extend(domains.map(|(name, token)| (name.clone(), *token)));
        }
    }
}

/// Why a log cannot be run over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DryRunError {
    /// An entry cannot be read.
    #[error("entry {seq}: {source}")]
    Entry {
        /// Its place.
        seq: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Decided by rules that this version does not have.
    #[error("entry {seq}: {what} is not known to this version; use a newer one")]
    Unknown {
        /// Its place.
        seq: u64,
        /// What.
        what: String,
    },
    /// The log says something that no ledger writes: verify the export first.
    #[error("{0}; check the export with `ledger-verify replay`")]
    Fold(#[from] FoldError),
    /// The view in memory failed. A bug here.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// What a candidate would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The candidate's hash.
    pub candidate: Hash,
    /// The entries read.
    pub entries: u64,
    /// The decisions of the gate among them.
    pub decisions: u64,
    /// The decisions that were made elsewhere and recorded: no policy here makes them again.
    pub asserted: u64,
    /// How many decisions went from which outcome to which, those that stay included.
    pub counts: Vec<Count>,
    /// How many have another outcome.
    pub changed: u64,
    /// The first [`CHANGES_MAX`] of them, in the order of the log.
    pub changes: Vec<Change>,
    /// How many keep their outcome for other reasons or at another tier.
    pub otherwise: u64,
    /// How many could not be judged because the token of a name is not known.
    pub unjudged: u64,
    /// The seqs of the first [`CHANGES_MAX`] of them.
    pub unjudged_seqs: Vec<u64>,
    /// The mailboxes that the candidate names and whose tokens are not known.
    pub unknown_mailboxes: BTreeSet<String>,
    /// The fake domains of which the same is true.
    pub unknown_fake_domains: BTreeSet<String>,
}

/// How many decisions went from one outcome to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The recorded outcome.
    pub recorded: Outcome,
    /// The candidate's.
    pub candidate: Outcome,
    /// How many.
    pub decisions: u64,
}

/// A decision that would have another outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The decision's entry.
    pub seq: u64,
    /// When it was made.
    pub time: Timestamp,
    /// Who asked.
    pub agent: String,
    /// For what.
    pub action: String,
    /// Its correlation id.
    pub correlation_id: Option<String>,
    /// What was decided.
    pub recorded: Answer,
    /// What the candidate decides.
    pub candidate: Answer,
}

/// One answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The outcome.
    pub outcome: Outcome,
    /// The risk tier.
    pub tier: Option<u8>,
    /// Why: the reasons that demand this outcome.
    pub reasons: Vec<Reason>,
}

/// A dry run under way. Feed it every entry of the log, in order, from the first.
#[derive(Debug, Clone)]
pub struct DryRun {
    state: State<GateView>,
    candidate: InForce,
    /// The candidate with the mailbox of each request behind every name without a token; absent where
    /// there is no such name.
    lenient: Option<InForce>,
    /// The candidate's own.
    windows: Windows,
    counts: BTreeMap<(Outcome, Outcome), u64>,
    report: Report,
}

impl DryRun {
    /// A run of `policy`, whose text has the hash `sha256`, that has seen nothing.
    pub fn new(policy: Policy, sha256: Hash, tokens: &Tokens) -> Self {
        let state = match State::load(GateView::default()) {
            Ok(state) => state,
            Err(error) => unreachable!("an empty view in memory cannot fail: {error}"),
        };
        let unknown = |names: &mut dyn Iterator<Item = &str>, known: &BTreeMap<String, Token>| {
            names
                .filter(|name| !known.contains_key(*name))
                .map(str::to_owned)
                .collect::<BTreeSet<String>>()
        };
        let unknown_mailboxes = unknown(&mut policy.mailbox_names().into_iter(), &tokens.mailboxes);
        let unknown_fake_domains = unknown(
            &mut policy.fake_domains.iter().map(String::as_str),
            &tokens.fake_domains,
        );
        let windows = Windows::new(policy.throttles());
        let candidate = InForce {
            seq: 0,
            sha256,
            text: policy,
            mailboxes: tokens.mailboxes.clone(),
            fake_domains: tokens.fake_domains.clone(),
        };
        Self {
            state,
            lenient: (!unknown_mailboxes.is_empty()).then(|| candidate.clone()),
            candidate,
            windows,
            counts: BTreeMap::new(),
            report: Report {
                candidate: sha256,
                entries: 0,
                decisions: 0,
                asserted: 0,
                counts: Vec::new(),
                changed: 0,
                changes: Vec::new(),
                otherwise: 0,
                unjudged: 0,
                unjudged_seqs: Vec::new(),
                unknown_mailboxes,
                unknown_fake_domains,
            },
        }
    }

    /// Takes the next entry's bytes, without LF.
    ///
    /// # Errors
    /// [`DryRunError`]; the run is then of no further use.
    pub fn push(&mut self, line: &[u8]) -> Result<(), DryRunError> {
        let seq = self.report.entries;
        let entry = Entry::decode(line).map_err(|source| DryRunError::Entry { seq, source })?;
        self.push_decoded(&entry)
    }

    /// The same where the caller has decoded it, strictly, with [`Entry::decode`].
    ///
    /// # Errors
    /// Those of [`Self::push`].
    pub fn push_decoded(&mut self, entry: &Entry) -> Result<(), DryRunError> {
        self.report.entries += 1;
        if let Some(what) = unknown_gate(&entry.body) {
            let seq = entry.seq;
            return Err(DryRunError::Unknown { seq, what });
        }
        if let Body::Decision(decision) = &entry.body {
            match decision.basis {
                Basis::Gate => self.decide(entry.seq, entry.time, decision)?,
                Basis::Asserted => self.report.asserted += 1,
            }
        }
        self.state.apply(entry, None)?;
        Ok(())
    }

    /// What the candidate would change.
    pub fn finish(self) -> Report {
        let counts = self.counts.into_iter();
        Report {
            counts: counts
                .map(|((recorded, candidate), decisions)| Count {
                    recorded,
                    candidate,
                    decisions,
                })
                .collect(),
            ..self.report
        }
    }

    fn decide(
        &mut self,
        seq: u64,
        time: Timestamp,
        recorded: &Decision,
    ) -> Result<(), DryRunError> {
        self.report.decisions += 1;
        let request = recorded.request_part();
        let again = self.under(&self.candidate, request.clone(), time)?;
        let judged = self.at_best(&again, request, time)? == again.outcome;
        let outcome = if judged {
            again.outcome
        } else {
            recorded.outcome
        };
        if outcome == Outcome::Allow {
            self.windows.count(seq, &gate::allowed(&again, time));
        }
        if !judged {
            self.report.unjudged += 1;
            if self.report.unjudged_seqs.len() < CHANGES_MAX {
                self.report.unjudged_seqs.push(seq);
            }
            return Ok(());
        }
        *self
            .counts
            .entry((recorded.outcome, again.outcome))
            .or_default() += 1;
        if recorded.outcome == again.outcome {
            let same = recorded.tier == again.tier && recorded.reasons == again.reasons;
            self.report.otherwise += u64::from(!same);
            return Ok(());
        }
        self.report.changed += 1;
        if self.report.changes.len() < CHANGES_MAX {
            self.report.changes.push(Change {
                seq,
                time,
                agent: recorded.cause.actor.id.clone(),
                action: recorded.action.clone(),
                correlation_id: recorded.cause.correlation_id.clone(),
                recorded: Answer::of(recorded),
                candidate: Answer::of(&again),
            });
        }
        Ok(())
    }

    fn under(
        &self,
        policy: &InForce,
        request: Decision,
        time: Timestamp,
    ) -> Result<Decision, ViewError> {
        let rules = Rules {
            policy: Some(policy),
            numbers: &policy.text.numbers,
            windows: &self.windows,
        };
        gate::decide_under(&self.state, &rules, request, time)
    }

    /// The outcome if every name without a token were the mailbox or the domain of this request.
    fn at_best(
        &mut self,
        again: &Decision,
        request: Decision,
        time: Timestamp,
    ) -> Result<Outcome, ViewError> {
        let lenient = match (self.lenient.take(), request.mailbox) {
            (Some(mut lenient), Some(mailbox)) => {
                let names = self.report.unknown_mailboxes.iter().cloned();
                lenient.mailboxes.extend(names.map(|name| (name, mailbox)));
                let found = self.under(&lenient, request, time);
                self.lenient = Some(lenient);
                found?
            }
            (lenient, _) => {
                self.lenient = lenient;
                again.clone()
            }
        };
        let fake = self.report.unknown_fake_domains.is_empty();
        let best = lenient
            .reasons
            .iter()
            .filter(|reason| fake || reason.code != Code::SandboxRecipient)
            .map(|reason| reason.code.demands())
            .max();
        Ok(best.unwrap_or(lenient.outcome))
    }
}

impl Answer {
    fn of(decision: &Decision) -> Self {
        let reasons = decision.reasons.iter();
        Self {
            outcome: decision.outcome,
            tier: decision.tier,
            reasons: reasons
                .filter(|reason| reason.code.demands() == decision.outcome)
                .cloned()
                .collect(),
        }
    }
}
