//! Break-glass: requested by one person, confirmed by another, closed by any of them.

use ledger_core::entry::{Body, BreakGlass, BreakGlassEvent};
use ledger_core::name::ACTION_MAX;
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{Command, Intake, Redact, field, principal_id};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::CallError;

impl Intake {
    /// The command of a `RequestBreakGlass` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed, over a limit or without a reason.
    pub fn request_break_glass(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::RequestBreakGlassRequest,
    ) -> Result<Command, CallError> {
        let canonical = content::GlassAsked {
            agent: principal_id("agent_id", &request.agent_id)?,
            action: field::name("action", &request.action, ACTION_MAX)?,
            duration_s: field::integer("duration_s", request.duration_s)?,
        };
        let details = self.details(redact, request.details)?;
        details.must_give_reason()?;
        let cause = self.control_cause(
            caller,
            Call::RequestBreakGlass,
            request.header.as_ref(),
            &canonical,
            &details.received,
        )?;
        let glass = BreakGlass {
            cause,
            event: BreakGlassEvent::Requested,
            request: None,
            requested_by: None,
            agent: canonical.agent,
            action: canonical.action,
            duration_s: canonical.duration_s,
            until: None,
            details: details.commitments,
        };
        Ok(Command::new(
            Lane::Control,
            Body::BreakGlass(glass),
            details.stored,
        ))
    }

    /// The command of a `ConfirmBreakGlass` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn confirm_break_glass(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::BreakGlassAnswer,
    ) -> Result<Command, CallError> {
        self.answer_break_glass(
            caller,
            redact,
            (Call::ConfirmBreakGlass, BreakGlassEvent::Opened),
            request,
        )
    }

    /// The command of a `CloseBreakGlass` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn close_break_glass(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::BreakGlassAnswer,
    ) -> Result<Command, CallError> {
        self.answer_break_glass(
            caller,
            redact,
            (Call::CloseBreakGlass, BreakGlassEvent::Closed),
            request,
        )
    }

    fn answer_break_glass(
        &self,
        caller: &Caller,
        redact: &Redact,
        (call, event): (Call, BreakGlassEvent),
        request: wire::BreakGlassAnswer,
    ) -> Result<Command, CallError> {
        let canonical = content::GlassAnswered {
            request: field::integer("request", request.request)?,
        };
        let details = self.details(redact, request.details)?;
        let header = request.header.as_ref();
        let cause = self.control_cause(caller, call, header, &canonical, &details.received)?;
        let glass = BreakGlass {
            cause,
            event,
            request: Some(canonical.request),
            requested_by: None,
            agent: String::new(),
            action: None,
            duration_s: 0,
            until: None,
            details: details.commitments,
        };
        Ok(Command::new(
            Lane::Control,
            Body::BreakGlass(glass),
            details.stored,
        ))
    }
}

#[cfg(test)]
mod tests;
