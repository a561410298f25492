//! The chain of one run: what its correlation id ties together, and what follows from that or is named
//! by it without carrying the id.
//!
//! People who approve carry no correlation id unless they give one, and what a report causes beside
//! itself (a listing, a breaker) follows it in the log. So the chain is followed: from a decision to the
//! approval that it names, from a request to its answer, from a report to what stands directly behind
//! it.

mod acts;
mod align;
mod step;

pub(crate) use acts::{Act, acts, word};
pub(crate) use align::{Pair, align};
pub(crate) use step::{Difference, Step, differences, steps};

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{Body, Entry, Outcome};
use ledger_core::replay::follows;
use ledger_core::select::Selection;
use ledger_proto::v1;
use serde::Serialize;

use crate::client::Session;
use crate::failure::Failure;
use crate::proof::{TreeJson, Verified, same_option};
use crate::reading;

/// How many entries beside those of the correlation id are looked up for one run.
const LOOKUPS_MAX: usize = 1_000;

/// One entry of a run.
#[derive(Debug)]
pub(crate) struct Link {
    /// The entry, proven.
    pub(crate) verified: Verified,
    /// Whether it carries the correlation id; else the chain led to it.
    pub(crate) correlated: bool,
}

/// A run.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Its correlation id.
    pub(crate) correlation_id: String,
    /// Its entries, by their seq.
    links: BTreeMap<u64, Link>,
    /// Whether all that could follow from it was looked for.
    pub(crate) followed: bool,
    /// How many of its entries a selection left out.
    pub(crate) left_out: usize,
}

impl Chain {
    /// Fetches everything recorded under a correlation id, and what belongs to it.
    pub(crate) async fn fetch(session: &Session, correlation_id: &str) -> Result<Self, Failure> {
        let mut chain = Self {
            correlation_id: correlation_id.to_owned(),
            links: correlated(session, correlation_id, 0, usize::MAX).await?.0,
            followed: true,
            left_out: 0,
        };
        chain.follow(session).await?;
        Ok(chain)
    }

    /// Fetches what is recorded under a correlation id from `from` on, some `most` entries and no more,
    /// and looks for nothing else.
    pub(crate) async fn fetch_part(
        session: &Session,
        correlation_id: &str,
        from: u64,
        most: usize,
    ) -> Result<Self, Failure> {
        let (links, followed) = correlated(session, correlation_id, from, most).await?;
        Ok(Self {
            correlation_id: correlation_id.to_owned(),
            links,
            followed,
            left_out: 0,
        })
    }

    /// Adds the approvals that its decisions name and that answer its requests, as far as the caller may read
    /// them: people who approve carry no correlation id, and without the answer between them what was asked
    /// and what was then allowed are two acts.
    pub(crate) async fn add_approvals(&mut self, session: &Session) -> Result<(), Failure> {
        let named: BTreeSet<u64> = self
            .entries()
            .filter_map(|entry| match &entry.body {
                Body::Decision(decision) => decision.approval,
                _ => None,
            })
            .collect();
        let own: BTreeSet<u64> = self.links.keys().copied().collect();
        if named.len() > LOOKUPS_MAX {
            self.followed = false;
        }
        for approval in named.into_iter().take(LOOKUPS_MAX) {
            self.add(session, approval, |body| {
                matches!(body, Body::Approval(answer) if answer.decision.is_some_and(|seq| own.contains(&seq)))
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps what is asked for, and counts the rest.
    pub(crate) fn retain(&mut self, selection: &Selection) {
        let before = self.links.len();
        self.links
            .retain(|_, link| selection.matches(&link.verified.entry));
        self.left_out = before - self.links.len();
    }

    /// Its entries with their proofs, in the order of the log.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// Its entries, in the order of the log.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.links().map(|link| &link.verified.entry)
    }

    /// One of them.
    pub(crate) fn get(&self, seq: u64) -> Option<&Entry> {
        self.links.get(&seq).map(|link| &link.verified.entry)
    }

    /// Whether an entry carries the correlation id itself.
    pub(crate) fn is_correlated(&self, seq: u64) -> bool {
        self.links.get(&seq).is_some_and(|link| link.correlated)
    }

    async fn follow(&mut self, session: &Session) -> Result<(), Failure> {
        let mut lookups = 0;
        let seqs: Vec<u64> = self.links.keys().copied().collect();
        for seq in seqs {
            if lookups >= LOOKUPS_MAX {
                self.followed = false;
                return Ok(());
            }
            let (approval, asks, report) = match self.get(seq).map(|entry| &entry.body) {
                Some(Body::Decision(decision)) => (
                    decision.approval.filter(|_| decision.approver.is_some()),
                    decision.outcome == Outcome::RequireApproval,
                    false,
                ),
                Some(Body::Execution(_) | Body::Outcome(_)) => (None, false, true),
                _ => continue,
            };
            if let Some(approval) = approval {
                lookups += 1;
                self.add(session, approval, |body| matches!(body, Body::Approval(_)))
                    .await?;
            }
            if asks && !self.is_answered(seq) {
                lookups += 1;
                self.add_answer(session, seq).await?;
            }
            if report {
                lookups += self.add_followers(session, seq).await?;
            }
        }
        Ok(())
    }

    /// Adds what stands directly behind a report because of it; how many entries were looked up.
    async fn add_followers(&mut self, session: &Session, report: u64) -> Result<usize, Failure> {
        let mut lookups = 0;
        for next in report + 1.. {
            let follower = if let Some(known) = self.get(next) {
                follows(&known.body)
            } else {
                lookups += 1;
                let found = reading::entry_if_readable(session, next).await?;
                let found = found.filter(|found| follows(&found.entry.body));
                let is = found.is_some();
                if let Some(found) = found {
                    self.insert(found);
                }
                is
            };
            if !follower {
                break;
            }
        }
        Ok(lookups)
    }

    fn is_answered(&self, decision: u64) -> bool {
        self.entries().any(|entry| {
            matches!(&entry.body, Body::Approval(approval) if approval.decision == Some(decision))
        })
    }

    fn insert(&mut self, verified: Verified) {
        let correlated = false;
        let link = Link {
            verified,
            correlated,
        };
        self.links.entry(link.verified.entry.seq).or_insert(link);
    }

    /// Adds an entry that the chain names, where it is what it has to be and the caller may read it.
    async fn add(
        &mut self,
        session: &Session,
        seq: u64,
        is: impl Fn(&Body) -> bool,
    ) -> Result<(), Failure> {
        if self.links.contains_key(&seq) {
            return Ok(());
        }
        if let Some(found) = reading::entry_if_readable(session, seq).await?
            && is(&found.entry.body)
        {
            self.insert(found);
        }
        Ok(())
    }

    /// Adds the answer to an approval request, and the allow that used it, where the ledger knows them.
    async fn add_answer(&mut self, session: &Session, decision: u64) -> Result<(), Failure> {
        let request = v1::GetApprovalRequest { seq: decision };
        let found = match session.control().get_approval(request).await {
            Ok(reply) => reply.into_inner(),
            Err(status) if reading::withheld(&status) => return Ok(()),
            Err(status) => return Err(status.into()),
        };
        if let Some(answer) = found.answer {
            self.add(session, answer, |body| {
                matches!(body, Body::Approval(approval) if approval.decision == Some(decision))
            })
            .await?;
        }
        if let Some(spent) = found.spent {
            self.add(
                session,
                spent,
                |body| matches!(body, Body::Decision(again) if again.approval == found.answer),
            )
            .await?;
        }
        Ok(())
    }
}

/// The entries of a correlation id, and whether that is all of them.
async fn correlated(
    session: &Session,
    correlation_id: &str,
    mut from_seq: u64,
    most: usize,
) -> Result<(BTreeMap<u64, Link>, bool), Failure> {
    let mut query = session.query();
    let mut links: BTreeMap<u64, Link> = BTreeMap::new();
    loop {
        let request = v1::TraceRequest {
            correlation_id: correlation_id.to_owned(),
            from_seq,
            page_size: 0,
        };
        let reply = query.trace(request).await?.into_inner();
        for receipt in reply.receipts {
            let verified = session.verify(Some(receipt))?;
            same_option(
                "correlation id",
                Some(correlation_id),
                verified.entry.body.correlation_id(),
            )?;
            let seq = verified.entry.seq;
            if links.keys().next_back().is_some_and(|last| *last >= seq) {
                return Err(Failure::unverified(
                    "the answer",
                    "its entries are not in order",
                ));
            }
            let correlated = true;
            links.insert(
                seq,
                Link {
                    verified,
                    correlated,
                },
            );
        }
        match reply.next_seq {
            Some(next) if next > from_seq && links.len() >= most => return Ok((links, false)),
            Some(next) if next > from_seq => from_seq = next,
            Some(_) => return Err(Failure::unverified("the answer", "its pages do not end")),
            None => return Ok((links, true)),
        }
    }
}

/// The proofs of a run in `--json`: with them and the entries, everything can be verified again.
#[derive(Debug, Serialize)]
pub(crate) struct ProofsJson {
    proofs: Vec<ProofJson>,
    checkpoints: Vec<CheckpointJson>,
}

#[derive(Debug, Serialize)]
struct ProofJson {
    seq: u64,
    correlated: bool,
    /// The audit path, the leaf's sibling first.
    proof: Vec<ledger_core::hash::Hash>,
    /// The size of the checkpoint that it stands under.
    size: u64,
}

#[derive(Debug, Serialize)]
struct CheckpointJson {
    #[serde(flatten)]
    tree: TreeJson,
    /// The signed note, verbatim.
    note: String,
}

impl ProofsJson {
    /// The proofs of every entry; each checkpoint once.
    pub(crate) fn of(chain: &Chain) -> Self {
        let mut checkpoints: BTreeMap<u64, CheckpointJson> = BTreeMap::new();
        let mut proofs = Vec::new();
        for link in chain.links() {
            let receipt = &link.verified.receipt;
            let size = link.verified.tree.size;
            checkpoints.entry(size).or_insert_with(|| CheckpointJson {
                tree: link.verified.tree_json(),
                note: String::from_utf8_lossy(&receipt.checkpoint).into_owned(),
            });
            proofs.push(ProofJson {
                seq: receipt.seq,
                correlated: link.correlated,
                proof: receipt.proof.clone(),
                size,
            });
        }
        Self {
            proofs,
            checkpoints: checkpoints.into_values().collect(),
        }
    }
}
