//! The approval that a request names: of exactly this, in time, unused, and by somebody who may still
//! give it.

use super::grant::Granted;
use super::{Nature, tier};
use crate::entry::{Cite, Code, Decision, Reason, Verdict};
use crate::plan::may_answer;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::{View, ViewError};

/// What is to be said of the approval that `request` names, if it names one, and who gave it.
pub(super) fn check<V: View>(
    state: &State<V>,
    request: &Decision,
    nature: &Nature,
    granted: Option<&Granted<'_>>,
    now: Timestamp,
) -> Result<Option<(Reason, Option<String>)>, ViewError> {
    let Some(seq) = request.approval else {
        return Ok(None);
    };
    let citing = |code: Code, seq: u64| Reason {
        cites: vec![Cite { seq, index: None }],
        ..code.reason()
    };
    let unknown = Ok(Some((Code::ApprovalUnknown.reason(), None)));
    let Some((_, record)) = state.approval(seq)? else {
        return unknown;
    };
    let Some((Verdict::Granted, answer, approver)) = &record.answer else {
        return unknown;
    };
    if *answer != seq {
        return unknown;
    }
    let asked = tier::approvers(nature, granted);
    let same = record.agent == request.cause.actor.id
        && record.content.is_some()
        && record.content == request.cause.content;
    let reason = if !same {
        citing(Code::ApprovalMismatch, seq)
    } else if let Some(spent) = record.spent {
        citing(Code::ApprovalSpent, spent)
    } else if record.approve_by <= now {
        citing(Code::ApprovalExpired, seq)
    } else if !asked.is_some_and(|group| may_answer(state, approver, &group)) {
        citing(Code::ApprovalApprover, seq)
    } else {
        return Ok(Some((
            citing(Code::ApprovalGranted, seq),
            Some(approver.clone()),
        )));
    };
    Ok(Some((reason, None)))
}
