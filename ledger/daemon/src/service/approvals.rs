//! Approval requests: how they stand, and waiting for an answer.
//!
//! How a request stands follows from its record and from the time: it expires with its time, whether the
//! entry that says so is written yet or not.

use std::sync::Arc;
use std::time::Duration;

use ledger_core::entry::Verdict;
use ledger_core::record::ApprovalRecord;
use ledger_core::role::Grant;
use ledger_core::state::{approval_of, listed};
use ledger_core::time::Timestamp;
use ledger_core::view::Table;
use ledger_proto::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::page::{self, Filling};
use super::proofs::{SEND_PATIENCE, hand_over};
use super::{Ledger, receipt_to_wire, time_to_wire, unreadable};
use crate::auth::Caller;
use crate::queue::Full;
use crate::status::{CallError, CredentialError, FieldError};
use crate::submission::SubmitError;

/// The most requests that one call looks at for those of one group. Where they are not enough for a page,
/// the page ends early.
const LOOKED_AT_MAX: usize = 4_096;

/// An approval request, as it stands.
pub(super) struct Found {
    pub(super) to_wire: wire::ApprovalRequest,
    approve_by: Timestamp,
    settled: bool,
}

/// What the record says at `now`.
fn state_at(record: &ApprovalRecord, now: Timestamp) -> wire::ApprovalState {
    use wire::ApprovalState as State;
    let answer = record.answer.as_ref().map(|(verdict, ..)| *verdict);
    if record.spent.is_some() {
        State::Spent
    } else if answer == Some(Verdict::Denied) {
        State::Denied
    } else if record.expired.is_some() || record.approve_by <= now {
        State::Expired
    } else if answer == Some(Verdict::Granted) {
        State::Granted
    } else {
        State::Pending
    }
}

/// Whether nothing can become of a request in this state any more.
const fn is_settled(state: wire::ApprovalState) -> bool {
    !matches!(
        state,
        wire::ApprovalState::Pending | wire::ApprovalState::Granted
    )
}

fn to_wire(
    seq: u64,
    record: ApprovalRecord,
    now: Timestamp,
    receipt: wire::Receipt,
) -> wire::ApprovalRequest {
    let state = state_at(&record, now);
    let (answer, approver) = record
        .answer
        .map(|(_, seq, approver)| (seq, approver))
        .unzip();
    wire::ApprovalRequest {
        decision: seq,
        state: state.into(),
        agent_id: record.agent,
        action: record.action,
        tier: record.tier.map_or(0, u32::from),
        correlation_id: record.correlation_id,
        group: record.group,
        asked_at: Some(time_to_wire(record.asked_at)),
        approve_by: Some(time_to_wire(record.approve_by)),
        answer,
        approver: approver.unwrap_or_default(),
        spent: record.spent,
        receipt: Some(receipt),
    }
}

impl Ledger {
    /// The request that entry `seq` is or answers.
    pub(super) fn approval(
        &self,
        caller: &Caller,
        grant: Grant,
        seq: u64,
    ) -> Result<Found, CallError> {
        let found = approval_of(&*self.views, seq).map_err(|error| CallError::store(&error))?;
        let (request, record) = match found {
            Some((request, record)) if grant == Grant::Yes || record.agent == *caller.id => {
                (request, record)
            }
            // Whether somebody else asked is none of an agent's business.
            _ if grant == Grant::Own => {
                let what = format!("entry {seq} is no approval request of yours");
                return Err(CallError::NotYours { what });
            }
            _ => {
                let what = format!(
                    "entry {seq} neither asks for an approval nor answers such a request: see `ListApprovals`"
                );
                return Err(CallError::NotFound { what });
            }
        };
        let now = self.now();
        let receipt = receipt_to_wire(self.receipt(request)?);
        Ok(Found {
            approve_by: record.approve_by,
            settled: is_settled(state_at(&record, now)),
            to_wire: to_wire(request, record, now, receipt),
        })
    }

    /// A page of the requests that are not settled.
    pub(super) async fn list_approvals(
        self: &Arc<Self>,
        request: wire::ListApprovalsRequest,
    ) -> Result<wire::ListApprovalsReply, CallError> {
        let wire::ListApprovalsRequest {
            group,
            from_seq,
            page_size,
        } = request;
        if !group.is_empty() {
            ledger_core::name::check("group", &group, ledger_core::name::PRINCIPAL_MAX)
                .map_err(|error| FieldError::withheld("group", error.to_string()))?;
        }
        let page = page::size(page_size)?;
        self.read(move |ledger| ledger.approvals(&group, from_seq, page))
            .await
    }

    fn approvals(
        &self,
        group: &str,
        from: u64,
        page: usize,
    ) -> Result<wire::ListApprovalsReply, CallError> {
        let store = |error: &dyn std::fmt::Display| CallError::store(error);
        // First the view, then the log: what the view knows of, the log has already.
        let seqs = listed(&*self.views, Table::Pending, from, LOOKED_AT_MAX + 1)
            .map_err(|error| store(&error))?;
        let now = self.now();
        let at = self.store.committed();
        let mut filling = Filling::new(page);
        let mut reply = wire::ListApprovalsReply::default();
        for (looked_at, seq) in seqs.into_iter().enumerate() {
            if filling.is_full() || looked_at == LOOKED_AT_MAX {
                reply.next_seq = Some(seq);
                break;
            }
            let found = approval_of(&*self.views, seq).map_err(|error| store(&error))?;
            let Some((request, record)) = found else {
                continue;
            };
            // It may have been settled since the table was read.
            if is_settled(state_at(&record, now)) || !(group.is_empty() || record.group == group) {
                continue;
            }
            let receipt = self
                .store
                .receipt_at(request, &at)
                .map_err(|error| unreadable(&error))?;
            filling.count(&receipt);
            let receipt = receipt_to_wire(receipt);
            reply.requests.push(to_wire(request, record, now, receipt));
        }
        Ok(reply)
    }

    /// How a request stands, and again whenever that changes, until it is settled.
    ///
    /// Nothing is polled: a watch sleeps until a commit answers some request, or the time of its own is
    /// over.
    pub(super) async fn watch_approval(
        self: &Arc<Self>,
        caller: Caller,
        grant: Grant,
        seq: u64,
    ) -> Result<ReceiverStream<Result<wire::ApprovalRequest, Status>>, CallError> {
        let place = self.own_watches.take(Arc::clone(&caller.id), 1)?;
        // Refused here, before the stream begins, where there is nothing to watch.
        let who = caller.clone();
        self.read(move |ledger| ledger.approval(&who, grant, seq))
            .await?;
        let (sender, stream) = mpsc::channel(1);
        let ledger = Arc::clone(self);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = ledger.watched(&caller, grant, seq, &sender).await {
                hand_over(&sender, Err(error.into()), SEND_PATIENCE).await;
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    async fn watched(
        self: &Arc<Self>,
        caller: &Caller,
        grant: Grant,
        seq: u64,
        sender: &mpsc::Sender<Result<wire::ApprovalRequest, Status>>,
    ) -> Result<(), CallError> {
        let mut snapshots = self.latest.watch();
        let mut finishing = self.finishing.clone();
        let mut told = None;
        loop {
            // Before the view is read: what changes from here on wakes.
            let changes = snapshots.borrow_and_update().approvals;
            let who = caller.clone();
            let found = self
                .read(move |ledger| ledger.approval(&who, grant, seq))
                .await?;
            let standing = (found.to_wire.state, found.to_wire.answer);
            if told != Some(standing) {
                told = Some(standing);
                if !hand_over(sender, Ok(found.to_wire), SEND_PATIENCE).await {
                    return Ok(());
                }
            }
            if found.settled {
                return Ok(());
            }
            let left_us = found
                .approve_by
                .micros()
                .saturating_sub(self.now().micros())
                .max(1_000);
            let moved = snapshots.wait_for(|snapshot| {
                snapshot.approvals != changes || !caller.is_known_to(snapshot)
            });
            tokio::select! {
                found = moved => {
                    let known = found.is_ok_and(|snapshot| caller.is_known_to(&snapshot));
                    if !known {
                        return Err(CredentialError::Unknown.into());
                    }
                }
                () = tokio::time::sleep(Duration::from_micros(left_us.unsigned_abs())) => {}
                _ = finishing.wait_for(|finishing| *finishing) => {
                    return Err(SubmitError::from(Full::Closed).into());
                }
                () = sender.closed() => return Ok(()),
            }
        }
    }
}
