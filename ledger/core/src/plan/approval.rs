//! Answers to approval requests, and their expiry.

use super::{Refusal, precondition};
use crate::entry::{Approval, Verdict};
use crate::record::ApprovalRecord;
use crate::role::{Call, Grant};
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// The group that approves policies.
pub const POLICY_GROUP: &str = "revops";

pub(super) fn answer<V: View>(
    state: &State<V>,
    mut approval: Approval,
    now: Timestamp,
) -> Result<Approval, Refusal> {
    approval.granted = None;
    approval.expires_at = None;
    match (approval.decision, approval.policy) {
        (Some(decision), None) => {
            let record = asked(state, decision)?;
            pending(decision, &record, now)?;
            member(state, &approval, &record.group)?;
            if record.agent == approval.cause.actor.id {
                return Err(precondition("nobody approves a request of their own"));
            }
            if approval.verdict == Verdict::Granted {
                approval.expires_at = Some(record.approve_by);
            }
            approval.group = record.group;
        }
        (None, Some(_)) => {
            if approval.verdict != Verdict::Granted {
                return Err(Refusal::Invalid {
                    field: "verdict",
                    value: approval.verdict.as_str().to_owned(),
                    expected: "a policy is approved or it is not: there is no request to deny"
                        .to_owned(),
                });
            }
            member(state, &approval, POLICY_GROUP)?;
            POLICY_GROUP.clone_into(&mut approval.group);
            approval.expires_at = Some(now.saturating_add_s(state.numbers().approve_within_s));
        }
        _ => {
            return Err(Refusal::Invalid {
                field: "decision",
                value: String::new(),
                expected: "name either the decision that asks or the hash of a policy".to_owned(),
            });
        }
    }
    Ok(approval)
}

/// The ledger says that a request is over.
pub(super) fn expired<V: View>(
    state: &State<V>,
    mut approval: Approval,
    now: Timestamp,
) -> Result<Approval, Refusal> {
    let Some(decision) = approval.decision.filter(|_| approval.policy.is_none()) else {
        return Err(precondition(
            "only the request of a decision expires by an entry",
        ));
    };
    let record = asked(state, decision)?;
    let over = record.approve_by <= now
        && record.spent.is_none()
        && record.expired.is_none()
        && !matches!(record.answer, Some((Verdict::Denied, ..)));
    if !over {
        return Err(precondition(
            "the approval request is not one whose time is over",
        ));
    }
    approval.group = record.group;
    approval.granted = record.answer.map(|(_, seq, _)| seq);
    approval.expires_at = None;
    approval.cause.correlation_id = Some(record.correlation_id).filter(|id| !id.is_empty());
    Ok(approval)
}

fn asked<V: View>(state: &State<V>, decision: u64) -> Result<ApprovalRecord, Refusal> {
    let found = state.approval(decision)?;
    found
        .filter(|(request, _)| *request == decision)
        .map(|(_, record)| record)
        .ok_or_else(|| Refusal::Invalid {
            field: "decision",
            value: decision.to_string(),
            expected:
                "expected the seq of a decision that asks for an approval: see `ListApprovals`"
                    .to_owned(),
        })
}

fn pending(decision: u64, record: &ApprovalRecord, now: Timestamp) -> Result<(), Refusal> {
    if let Some((verdict, seq, _)) = &record.answer {
        return Err(precondition(&format!(
            "request {decision} was already answered: {} by entry {seq}",
            verdict.as_str()
        )));
    }
    if record.approve_by <= now {
        return Err(precondition(&format!(
            "request {decision} expired at {}: the agent has to ask again",
            record.approve_by
        )));
    }
    Ok(())
}

fn member<V: View>(state: &State<V>, approval: &Approval, group: &str) -> Result<(), Refusal> {
    let id = &approval.cause.actor.id;
    if may_answer(state, id, group) {
        return Ok(());
    }
    Err(Refusal::NotInGroup {
        id: id.clone(),
        group: group.to_owned(),
    })
}

/// Whether somebody may approve for a group: an approver in force who is in it.
pub(crate) fn may_answer<V: View>(state: &State<V>, id: &str, group: &str) -> bool {
    state.principal(id).is_some_and(|principal| {
        principal.credential.is_some()
            && Call::AnswerApproval.granted(principal.role) == Grant::Yes
            && principal.groups.iter().any(|each| each == group)
    })
}
