//! `Recorder`: reports after acting.

use std::sync::Arc;

use ledger_core::entry::Body;
use ledger_core::role::Call;
use ledger_proto::v1 as wire;
use tonic::{Request, Response, Status};
use wire::recorder_server::Recorder;

use super::{Ledger, receipt_to_wire};
use crate::auth::Caller;
use crate::intake::{Redact, entry_word};

/// Serves [`Recorder`].
#[derive(Clone)]
pub struct RecorderService(pub Arc<Ledger>);

#[tonic::async_trait]
impl Recorder for RecorderService {
    async fn record(
        &self,
        request: Request<wire::RecordRequest>,
    ) -> Result<Response<wire::RecordReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::Record)?;
        let ledger = &self.0;
        let redact = Redact::of(&ledger.latest.get());
        let command = ledger
            .intake
            .record(&caller, &redact, request.into_inner())?;
        let answer = ledger.submit(&caller, command).await?;
        let findings = match &answer.entry.body {
            Body::Execution(execution) => &execution.findings[..],
            Body::Outcome(outcome) => &outcome.findings,
            Body::Decision(decision) => &decision.findings,
            _ => &[],
        };
        let findings = findings.iter().map(entry_word).collect();
        let receipt = Some(receipt_to_wire(answer.receipt));
        Ok(Response::new(wire::RecordReply {
            receipt,
            repeated: answer.repeated,
            findings,
            followers: answer.followers,
        }))
    }
}
