//! Approval requests and break-glass: what is asked of people, and what they answered.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::fold::{FoldError, put};
use super::{State, by_seq, read, rows};
use crate::entry::{Approval, BreakGlass, BreakGlassEvent, Decision, Outcome, Verdict};
use crate::record::{ApprovalRecord, BreakGlassRecord, PolicyApprovalRecord};
use crate::time::Timestamp;
use crate::view::{ReadView, Table, View, ViewError};

/// A row of [`Table::Approval`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Row {
    /// Under the seq of a `require_approval` decision.
    Request(ApprovalRecord),
    /// Under the seq of an answer: the request that it answers.
    Answer(u64),
    /// Under the seq of the approval of a policy.
    Policy(PolicyApprovalRecord),
}

/// What is held in memory: the requests that are not settled, and the break-glass that is not over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Approvals {
    /// Request to its agent and the time at which it expires.
    pending: BTreeMap<u64, Timestamp>,
    due: BTreeSet<(Timestamp, u64)>,
    glass: BTreeMap<u64, BreakGlassRecord>,
    /// Counts what may have settled a request.
    changed: u64,
}

impl Approvals {
    pub(super) fn load<V: ReadView>(view: &V) -> Result<Self, ViewError> {
        let pending: BTreeMap<u64, Timestamp> = by_seq(rows(view, Table::Pending)?);
        Ok(Self {
            due: pending.iter().map(|(seq, at)| (*at, *seq)).collect(),
            pending,
            glass: by_seq(rows(view, Table::BreakGlass)?),
            changed: 0,
        })
    }
}

/// The approval request that entry `seq` is or answers, with the request's seq.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn approval_of<V: ReadView>(
    view: &V,
    seq: u64,
) -> Result<Option<(u64, ApprovalRecord)>, ViewError> {
    let row = |seq: u64| read::<_, Row>(view, Table::Approval, &seq.to_be_bytes());
    match row(seq)? {
        Some(Row::Request(record)) => Ok(Some((seq, record))),
        Some(Row::Answer(request)) => Ok(match row(request)? {
            Some(Row::Request(record)) => Some((request, record)),
            _ => None,
        }),
        Some(Row::Policy(_)) | None => Ok(None),
    }
}

/// The approval requests that are not settled, by seq, with the times at which they expire.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn pending_of<V: ReadView>(view: &V) -> Result<BTreeMap<u64, Timestamp>, ViewError> {
    Ok(by_seq(rows(view, Table::Pending)?))
}

impl<V: View> State<V> {
    /// The approval request that entry `seq` is or answers, with the request's seq.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn approval(&self, seq: u64) -> Result<Option<(u64, ApprovalRecord)>, ViewError> {
        approval_of(&self.view, seq)
    }

    /// The approval of a policy that entry `seq` gave.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn policy_approval(&self, seq: u64) -> Result<Option<PolicyApprovalRecord>, ViewError> {
        Ok(
            match read::<_, Row>(&self.view, Table::Approval, &seq.to_be_bytes())? {
                Some(Row::Policy(record)) => Some(record),
                _ => None,
            },
        )
    }

    /// The approval requests that are not settled, by seq: pending, or granted and not used.
    pub fn pending(&self) -> impl Iterator<Item = (u64, Timestamp)> {
        self.approvals.pending.iter().map(|(seq, at)| (*seq, *at))
    }

    /// How many they are.
    pub fn pending_count(&self) -> usize {
        self.approvals.pending.len()
    }

    /// Grows with every entry that answers a request, ends it or uses it up; counted since the state was
    /// loaded.
    pub const fn approvals_changed(&self) -> u64 {
        self.approvals.changed
    }

    /// Those of them whose time is over at `now`, the first to expire first.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.approvals
            .due
            .range(..=(now, u64::MAX))
            .map(|(_, seq)| *seq)
    }

    /// When the next of them expires.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.approvals.due.first().map(|(at, _)| *at)
    }

    /// The requests for break-glass that are not over, by seq.
    pub fn glass(&self) -> impl Iterator<Item = (u64, &BreakGlassRecord)> {
        self.approvals
            .glass
            .iter()
            .map(|(seq, record)| (*seq, record))
    }

    /// The entry by which break-glass is open at `now` for this agent and action.
    pub fn break_glass(&self, agent: &str, action: &str, now: Timestamp) -> Option<u64> {
        self.glass().find_map(|(_, record)| {
            let (opened, until) = record.opened?;
            let covers = record.agent == agent
                && record.action.as_ref().is_none_or(|only| only == action)
                && now < until;
            covers.then_some(opened)
        })
    }

    /// A `require_approval` decision is a request; an allow uses its approval up.
    pub(super) fn apply_approval_of_decision(
        &mut self,
        seq: u64,
        time: Timestamp,
        decision: &Decision,
    ) -> Result<(), FoldError> {
        if decision.outcome == Outcome::Allow
            && let (Some(approval), Some(_)) = (decision.approval, &decision.approver)
        {
            let Some((request, mut record)) = self.approval(approval)? else {
                let why = format!("it relies on approval {approval}, which is none");
                return Err(FoldError::Impossible { seq, why });
            };
            record.spent = Some(seq);
            self.approvals.changed += 1;
            self.keep(request, Row::Request(record));
            self.settle(request);
        }
        if decision.outcome == Outcome::RequireApproval
            && let (Some(group), Some(approve_by)) = (&decision.approvers, decision.approve_by)
        {
            let record = ApprovalRecord {
                agent: decision.cause.actor.id.clone(),
                action: decision.action.clone(),
                content: decision.cause.content,
                correlation_id: decision.cause.correlation_id.clone().unwrap_or_default(),
                tier: decision.tier,
                group: group.clone(),
                asked_at: time,
                approve_by,
                answer: None,
                spent: None,
                expired: None,
            };
            self.keep(seq, Row::Request(record));
            let key = seq.to_be_bytes().to_vec();
            put(&mut self.view, Table::Pending, key, &approve_by);
            self.approvals.pending.insert(seq, approve_by);
            self.approvals.due.insert((approve_by, seq));
        }
        Ok(())
    }

    pub(super) fn apply_approval(
        &mut self,
        seq: u64,
        approval: &Approval,
    ) -> Result<(), FoldError> {
        let impossible = |why: String| Err(FoldError::Impossible { seq, why });
        let by = approval.cause.actor.id.clone();
        self.approvals.changed += 1;
        match (approval.decision, approval.policy) {
            (Some(decision), None) => {
                let Some((request, mut record)) = self.approval(decision)? else {
                    return impossible(format!("decision {decision} asked for no approval"));
                };
                match approval.verdict {
                    Verdict::Expired => record.expired = Some(seq),
                    verdict => {
                        record.answer = Some((verdict, seq, by));
                        self.keep(seq, Row::Answer(request));
                    }
                }
                self.keep(request, Row::Request(record));
                if approval.verdict != Verdict::Granted {
                    self.settle(request);
                }
                Ok(())
            }
            (None, Some(policy)) => {
                if let (Verdict::Granted, Some(expires_at)) =
                    (approval.verdict, approval.expires_at)
                {
                    let record = PolicyApprovalRecord {
                        policy,
                        approver: by,
                        expires_at,
                        spent: None,
                    };
                    self.keep(seq, Row::Policy(record));
                }
                Ok(())
            }
            _ => impossible("it must be of either a decision or a policy".to_owned()),
        }
    }

    /// The publication at `seq` uses the approval of its policy up.
    pub(super) fn spend_policy_approval(
        &mut self,
        seq: u64,
        approval: u64,
    ) -> Result<(), FoldError> {
        let Some(mut record) = self.policy_approval(approval)? else {
            let why = format!("it relies on approval {approval}, which is none of a policy");
            return Err(FoldError::Impossible { seq, why });
        };
        record.spent = Some(seq);
        self.keep(approval, Row::Policy(record));
        Ok(())
    }

    pub(super) fn apply_break_glass(
        &mut self,
        seq: u64,
        time: Timestamp,
        glass: &BreakGlass,
    ) -> Result<(), FoldError> {
        // What is over by now is forgotten; it was over before, by its time.
        let over: Vec<u64> = self
            .glass()
            .filter(|(_, record)| record.until() <= time)
            .map(|(request, _)| request)
            .collect();
        for request in over {
            self.forget_glass(request);
        }
        let (request, record) = match (glass.event, glass.request) {
            (BreakGlassEvent::Requested, None) => (
                seq,
                BreakGlassRecord {
                    requested_by: glass.cause.actor.id.clone(),
                    agent: glass.agent.clone(),
                    action: glass.action.clone(),
                    duration_s: glass.duration_s,
                    confirm_by: glass.until.unwrap_or(time),
                    opened: None,
                },
            ),
            (BreakGlassEvent::Opened, Some(request)) => {
                let known = self.approvals.glass.get(&request).cloned();
                let (Some(record), Some(until)) = (known, glass.until) else {
                    let why = format!("entry {request} is no request that awaits confirmation");
                    return Err(FoldError::Impossible { seq, why });
                };
                let opened = Some((seq, until));
                (request, BreakGlassRecord { opened, ..record })
            }
            (BreakGlassEvent::Closed, Some(request)) => {
                self.forget_glass(request);
                return Ok(());
            }
            _ => {
                let why = "it must name a request, unless it is one".to_owned();
                return Err(FoldError::Impossible { seq, why });
            }
        };
        let key = request.to_be_bytes().to_vec();
        put(&mut self.view, Table::BreakGlass, key, &record);
        self.approvals.glass.insert(request, record);
        Ok(())
    }

    fn forget_glass(&mut self, request: u64) {
        self.approvals.glass.remove(&request);
        let key = request.to_be_bytes().to_vec();
        self.view.delete(Table::BreakGlass, key);
    }

    fn keep(&mut self, seq: u64, row: Row) {
        let key = seq.to_be_bytes().to_vec();
        put(&mut self.view, Table::Approval, key, &row);
    }

    fn settle(&mut self, request: u64) {
        if let Some(at) = self.approvals.pending.remove(&request) {
            self.approvals.due.remove(&(at, request));
            let key = request.to_be_bytes().to_vec();
            self.view.delete(Table::Pending, key);
        }
    }
}

impl BreakGlassRecord {
    /// When it is over: unconfirmed, or open, by its time.
    pub fn until(&self) -> Timestamp {
        self.opened.map_or(self.confirm_by, |(_, until)| until)
    }
}
