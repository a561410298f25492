//! `ResetBreaker`.

use ledger_core::entry::{Body, Breaker, BreakerEvent, BreakerScope, Cause, Measure};
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{Command, Intake, Redact, field};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::CallError;

impl Intake {
    /// The command of a `ResetBreaker` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed, over a limit or without a reason.
    pub fn reset_breaker(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::ResetBreakerRequest,
    ) -> Result<Command, CallError> {
        let canonical = content::BreakerReset {
            opened: field::integer("opened", request.opened)?,
        };
        let details = self.details(redact, request.details)?;
        details.must_give_reason()?;
        let cause = self.control_cause(
            caller,
            Call::ResetBreaker,
            request.header.as_ref(),
            &canonical,
            &details.received,
        )?;
        let reset = Breaker {
            details: details.commitments,
            ..ending(cause, BreakerEvent::Reset, canonical.opened)
        };
        Ok(Command::new(
            Lane::Control,
            Body::Breaker(Box::new(reset)),
            details.stored,
        ))
    }
}

/// The command that ends what entry `opened` opened. Rule, scope and measure are answers.
pub fn ending(cause: Cause, event: BreakerEvent, opened: u64) -> Breaker {
    Breaker {
        cause,
        event,
        rule: String::new(),
        scope: BreakerScope::default(),
        measure: Measure::DncBreach,
        opened: Some(opened),
        threshold: None,
        count: None,
        sample: None,
        window_s: None,
        until: None,
        cites: Vec::new(),
        cites_total: None,
        details: std::collections::BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
