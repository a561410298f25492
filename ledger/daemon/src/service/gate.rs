//! `Gate`: asks before acting.

use std::sync::Arc;

use ledger_core::entry::{Body, Decision, Outcome, Reason};
use ledger_core::role::Call;
use ledger_core::time::Timestamp;
use ledger_proto::v1 as wire;
use tonic::{Request, Response, Status};
use wire::gate_server::Gate;

use super::{Ledger, receipt_to_wire, retry, time_to_wire};
use crate::auth::Caller;
use crate::intake::{Redact, entry_word, outcome_to_wire};
use crate::status::CallError;
use crate::submission::Answer;

/// Serves [`Gate`].
#[derive(Clone)]
pub struct GateService(pub Arc<Ledger>);

#[tonic::async_trait]
impl Gate for GateService {
    async fn decide(
        &self,
        request: Request<wire::DecideRequest>,
    ) -> Result<Response<wire::DecideReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::Decide)?;
        let ledger = &self.0;
        let redact = Redact::of(&ledger.latest.get());
        let command = ledger
            .intake
            .decide(&caller, &redact, request.into_inner())?;
        let answer = ledger.submit(&caller, command).await?;
        let now = ledger.now();
        let Body::Decision(decision) = &answer.entry.body else {
            return Err(CallError::store(&"the entry of a decision is none").into());
        };
        let retry_after_ms = ledger
            .hammering
            .advise(&caller.id, decision, answer.repeated, now);
        Ok(Response::new(reply(decision, &answer, now, retry_after_ms)))
    }
}

fn reply(
    decision: &Decision,
    answer: &Answer,
    now: Timestamp,
    retry_after_ms: u64,
) -> wire::DecideReply {
    let allowed = decision.outcome == Outcome::Allow;
    let in_time = decision.valid_until.is_some_and(|until| now < until);
    wire::DecideReply {
        receipt: Some(receipt_to_wire(answer.receipt.clone())),
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
        reply(&decision, &answer, at(now), 0)
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
