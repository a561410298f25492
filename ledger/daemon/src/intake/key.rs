//! `TrustKey` and `DistrustKey`.

use ledger_core::entry::{Body, KeyEntry, KeyEvent};
use ledger_core::note::VerificationKey;
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{Command, Intake};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::{CallError, FieldError};

/// The most bytes of a verification key: the longest origin, eight hex digits, 44 of base64, two `+`.
const VKEY_BYTES_MAX: usize = 512;

impl Intake {
    /// The command of a `TrustKey` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where it is no verification key.
    pub fn trust_key(
        &self,
        caller: &Caller,
        request: wire::KeyRequest,
    ) -> Result<Command, CallError> {
        self.key(caller, (Call::TrustKey, KeyEvent::Trusted), request)
    }

    /// The command of a `DistrustKey` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where it is no verification key.
    pub fn distrust_key(
        &self,
        caller: &Caller,
        request: wire::KeyRequest,
    ) -> Result<Command, CallError> {
        self.key(caller, (Call::DistrustKey, KeyEvent::Distrusted), request)
    }

    fn key(
        &self,
        caller: &Caller,
        (call, event): (Call, KeyEvent),
        request: wire::KeyRequest,
    ) -> Result<Command, CallError> {
        if request.key.len() > VKEY_BYTES_MAX {
            let expected = format!(
                "it has {} bytes: expected a verification key of at most {VKEY_BYTES_MAX}",
                request.key.len()
            );
            return Err(FieldError::withheld("key", expected).into());
        }
        if let Err(error) = request.key.parse::<VerificationKey>() {
            return Err(FieldError::withheld("key", error.to_string()).into());
        }
        let canonical = content::OtherKey { key: request.key };
        let cause = self.undetailed(caller, call, request.header.as_ref(), &canonical)?;
        let entry = KeyEntry {
            cause,
            event,
            key: canonical.key,
        };
        Ok(Command::new(Lane::Control, Body::Key(entry), Vec::new()))
    }
}

#[cfg(test)]
mod tests;
