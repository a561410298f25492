//! `AnswerApproval`.

use ledger_core::entry::{Approval, Body, Verdict};
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{Command, Intake, Redact, field, vocabulary};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::{CallError, FieldError};

impl Intake {
    /// The command of an `AnswerApproval` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed, over a limit, or a denial without a reason.
    pub fn answer_approval(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::AnswerApprovalRequest,
    ) -> Result<Command, CallError> {
        use wire::answer_approval_request::Of;
        let (decision, policy) = match &request.of {
            Some(Of::Decision(seq)) => (Some(field::integer("decision", *seq)?), None),
            Some(Of::PolicySha256(hash)) => {
                (None, Some(field::required_hash("policy_sha256", hash)?))
            }
            None => {
                let expected = "it is required: expected `decision` or `policy_sha256`";
                return Err(FieldError::withheld("decision", expected).into());
            }
        };
        let verdict = vocabulary::verdict("verdict", request.verdict)?;
        let details = self.details(redact, request.details)?;
        if verdict == Verdict::Denied {
            details.must_give_reason()?;
        }
        let canonical = content::Answered {
            decision,
            policy,
            verdict,
        };
        let cause = self.control_cause(
            caller,
            Call::AnswerApproval,
            request.header.as_ref(),
            &canonical,
            &details.received,
        )?;
        let answer = Approval {
            cause,
            decision,
            policy,
            verdict,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: details.commitments,
        };
        Ok(Command::new(
            Lane::Control,
            Body::Approval(answer),
            details.stored,
        ))
    }
}

#[cfg(test)]
mod tests;
