//! `Recorder`: reports after acting.

use std::sync::Arc;

use ledger_core::role::Call;
use ledger_proto::v1 as wire;
use tonic::{Request, Response, Status, Streaming};
use wire::recorder_server::Recorder;

use super::procedure::Procedure;
use super::stream::Answers;
use super::{Ledger, batch, receipt_to_wire};
use crate::auth::Caller;
use crate::intake::{Command, Intake, Redact, entry_word};
use crate::status::CallError;
use crate::submission::Answer;

/// Serves [`Recorder`].
#[derive(Clone)]
pub struct RecorderService(pub Arc<Ledger>);

#[tonic::async_trait]
impl Recorder for RecorderService {
    type RecordStreamStream = Answers<Record>;

    async fn record(
        &self,
        request: Request<wire::RecordRequest>,
    ) -> Result<Response<wire::RecordReply>, Status> {
        Ok(Response::new(self.0.one::<Record>(request).await?))
    }

    async fn record_batch(
        &self,
        request: Request<wire::RecordBatchRequest>,
    ) -> Result<Response<wire::RecordBatchReply>, Status> {
        let caller = Ledger::caller_of::<Record, _>(&request)?;
        let requests = request.into_inner().requests;
        let answers = self.0.batch::<Record>(&caller, requests).await?;
        let answers = answers.into_iter().map(batch::recorded).collect();
        Ok(Response::new(wire::RecordBatchReply { answers }))
    }

    async fn record_stream(
        &self,
        request: Request<Streaming<wire::RecordStreamRequest>>,
    ) -> Result<Response<Answers<Record>>, Status> {
        let caller = Ledger::caller_of::<Record, _>(&request)?;
        Ok(Response::new(self.0.stream(caller, request.into_inner())?))
    }
}

/// `Record`, one by one, in batches and in streams.
pub struct Record;

impl Procedure for Record {
    const CALL: Call = Call::Record;
    type Request = wire::RecordRequest;
    type Reply = wire::RecordReply;
    type Numbered = wire::RecordStreamRequest;
    type Answered = wire::RecordStreamReply;

    fn command(
        intake: &Intake,
        caller: &Caller,
        redact: &Redact,
        request: wire::RecordRequest,
    ) -> Result<Command, CallError> {
        intake.record(caller, redact, request)
    }

    fn reply(_: &Ledger, _: &Caller, answer: Answer) -> Result<wire::RecordReply, CallError> {
        let findings = answer.entry.body.findings().iter();
        Ok(wire::RecordReply {
            findings: findings.map(entry_word).collect(),
            receipt: Some(receipt_to_wire(answer.receipt)),
            repeated: answer.repeated,
            followers: answer.followers,
        })
    }

    fn open(message: wire::RecordStreamRequest) -> (u64, Option<wire::RecordRequest>) {
        (message.number, message.request)
    }

    fn close(
        number: u64,
        answer: Result<wire::RecordReply, tonic_types::Status>,
    ) -> wire::RecordStreamReply {
        use wire::record_stream_reply::Answer;
        let answer = match answer {
            Ok(reply) => Answer::Reply(reply),
            Err(error) => Answer::Error(error),
        };
        wire::RecordStreamReply {
            number,
            answer: Some(answer),
        }
    }
}
