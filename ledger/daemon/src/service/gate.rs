//! `Gate`: asks before acting.

use std::sync::Arc;

use ledger_core::entry::{Body, Decision, Outcome, Reason};
use ledger_core::role::Call;
use ledger_core::time::Timestamp;
use ledger_proto::v1 as wire;
use tonic::{Request, Response, Status, Streaming};
use wire::gate_server::Gate;

use super::procedure::Procedure;
use super::stream::Answers;
use super::{Ledger, batch, receipt_to_wire, retry, time_to_wire};
use crate::auth::Caller;
use crate::intake::{Command, Intake, Redact, entry_word, outcome_to_wire};
use crate::status::CallError;
use crate::submission::Answer;

/// Serves [`Gate`].
#[derive(Clone)]
pub struct GateService(pub Arc<Ledger>);

#[tonic::async_trait]
impl Gate for GateService {
    type DecideStreamStream = Answers<Decide>;

    async fn decide(
        &self,
        request: Request<wire::DecideRequest>,
    ) -> Result<Response<wire::DecideReply>, Status> {
        Ok(Response::new(self.0.one::<Decide>(request).await?))
    }

    async fn decide_batch(
        &self,
        request: Request<wire::DecideBatchRequest>,
    ) -> Result<Response<wire::DecideBatchReply>, Status> {
        let caller = Ledger::caller_of::<Decide, _>(&request)?;
        let requests = request.into_inner().requests;
        let answers = self.0.batch::<Decide>(&caller, requests).await?;
        let answers = answers.into_iter().map(batch::decided).collect();
        Ok(Response::new(wire::DecideBatchReply { answers }))
    }

    async fn decide_stream(
        &self,
        request: Request<Streaming<wire::DecideStreamRequest>>,
    ) -> Result<Response<Answers<Decide>>, Status> {
        let caller = Ledger::caller_of::<Decide, _>(&request)?;
        Ok(Response::new(self.0.stream(caller, request.into_inner())?))
    }
}

/// `Decide`, one by one, in batches and in streams.
pub struct Decide;

impl Procedure for Decide {
    const CALL: Call = Call::Decide;
    type Request = wire::DecideRequest;
    type Reply = wire::DecideReply;
    type Numbered = wire::DecideStreamRequest;
    type Answered = wire::DecideStreamReply;

    fn command(
        intake: &Intake,
        caller: &Caller,
        redact: &Redact,
        request: wire::DecideRequest,
    ) -> Result<Command, CallError> {
        intake.decide(caller, redact, request)
    }

    fn reply(
        ledger: &Ledger,
        caller: &Caller,
        answer: Answer,
    ) -> Result<wire::DecideReply, CallError> {
        let now = ledger.now();
        let entry = Arc::clone(&answer.entry);
        let Body::Decision(decision) = &entry.body else {
            return Err(CallError::store(&"the entry of a decision is none"));
        };
        let retry_after_ms = ledger
            .hammering
            .advise(&caller.id, decision, answer.repeated, now);
        Ok(reply(decision, answer, now, retry_after_ms))
    }

    fn open(message: wire::DecideStreamRequest) -> (u64, Option<wire::DecideRequest>) {
        (message.number, message.request)
    }

    fn close(
        number: u64,
        answer: Result<wire::DecideReply, tonic_types::Status>,
    ) -> wire::DecideStreamReply {
        use wire::decide_stream_reply::Answer;
        let answer = match answer {
            Ok(reply) => Answer::Reply(reply),
            Err(error) => Answer::Error(error),
        };
        wire::DecideStreamReply {
            number,
            answer: Some(answer),
        }
    }
}

fn reply(
    decision: &Decision,
    answer: Answer,
    now: Timestamp,
    retry_after_ms: u64,
) -> wire::DecideReply {
    let allowed = decision.outcome == Outcome::Allow;
    let in_time = decision.valid_until.is_some_and(|until| now < until);
    wire::DecideReply {
        receipt: Some(receipt_to_wire(answer.receipt)),
        outcome: outcome_to_wire(decision.outcome).into(),
        reasons: decision.reasons.iter().map(reason).collect(),
        valid_until: decision.valid_until.map(time_to_wire),
        report_by: decision.report_by.map(time_to_wire),
        repeated: answer.repeated,
        usable: allowed && in_time && !answer.voided && !answer.used,
        voided: allowed && answer.voided,
        passes_at: retry::throttled(decision).passes_at().map(time_to_wire),
        retry_after_ms,
        tier: decision.tier.map_or(0, u32::from),
        approvers: decision.approvers.clone().unwrap_or_default(),
        approve_by: decision.approve_by.map(time_to_wire),
    }
}

fn reason(reason: &Reason) -> wire::Reason {
    let cites = reason.cites.iter().map(|cite| wire::Cite {
        seq: cite.seq,
        index: cite.index,
    });
    wire::Reason {
        code: entry_word(&reason.code),
        rule: reason.rule.clone().unwrap_or_default(),
        recipient: reason.recipient,
        key: reason
            .key
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        cites: cites.collect(),
        target: reason.target,
        field: reason.field.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::entry::{Basis, Cause, Entry};
    use ledger_core::receipt::Receipt;

    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_micros(s * 1_000_000).expect("in range")
    }

    fn asked(outcome: Outcome, voided: bool, used: bool, now: i64) -> wire::DecideReply {
        let mut decision = Decision::request(Basis::Gate, Cause::ledger(), "email.send".to_owned());
        decision.outcome = outcome;
        if outcome == Outcome::Allow {
            decision.valid_until = Some(at(60));
            decision.report_by = Some(at(900));
        }
        let entry = Entry {
            seq: 4,
            time: at(0),
            sandbox: false,
            body: Body::Decision(Box::new(decision.clone())),
        };
        let receipt = Receipt {
            entry: b"{}".to_vec(),
            seq: 4,
            proof: Vec::new(),
            checkpoint: Vec::new(),
        };
        let answer = Answer {
            entry: Arc::new(entry),
            receipt,
            followers: 0,
            repeated: false,
            voided,
            used,
        };
        reply(&decision, answer, at(now), 0)
    }

    #[test]
    fn an_allow_is_usable_until_it_expires_is_used_or_is_voided() {
        assert!(asked(Outcome::Allow, false, false, 59).usable);
        assert!(!asked(Outcome::Allow, false, false, 60).usable, "expired");
        assert!(!asked(Outcome::Allow, true, false, 1).usable, "voided");
        assert!(!asked(Outcome::Allow, false, true, 1).usable, "used");
        assert!(!asked(Outcome::RequireApproval, false, false, 1).usable);
        assert!(!asked(Outcome::Deny, false, false, 1).usable);
    }

    #[test]
    fn only_an_allow_is_said_to_be_voided() {
        assert!(asked(Outcome::Allow, true, false, 1).voided);
        assert!(!asked(Outcome::Deny, true, false, 1).voided);
    }
}
