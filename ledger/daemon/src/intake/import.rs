//! `BeginImport` and `EndImport`: where a list begins and is complete. What lies between is `AddDnc`.

use std::collections::BTreeMap;

use ledger_core::entry::{Body, Cause, Dnc, DncOp, Import};
use ledger_core::name::PROVIDER_MAX;
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{Command, Intake, field, vocabulary};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::CallError;

impl Intake {
    /// The command of a `BeginImport` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed.
    pub fn begin_import(
        &self,
        caller: &Caller,
        request: wire::BeginImportRequest,
    ) -> Result<Command, CallError> {
        let count =
            |field, count: Option<u64>| count.map(|count| field::integer(field, count)).transpose();
        let canonical = content::ImportBegun {
            source: field::required_name("source", &request.source, PROVIDER_MAX)?,
            reason: vocabulary::listing_reason("reason", request.reason)?,
            sha256: field::required_hash("sha256", &request.sha256)?,
            rows: count("rows", request.rows)?,
            rejected: count("rejected", request.rejected)?,
            changes: request.changes,
        };
        let header = request.header.as_ref();
        let cause = self.undetailed(caller, Call::BeginImport, header, &canonical)?;
        let imports = Import {
            source: canonical.source,
            reason: canonical.reason,
            sha256: canonical.sha256,
            rows: canonical.rows,
            rejected: canonical.rejected,
            changes: canonical.changes,
        };
        Ok(command(cause, DncOp::ImportBegin, None, Some(imports)))
    }

    /// The command of an `EndImport` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed.
    pub fn end_import(
        &self,
        caller: &Caller,
        request: wire::EndImportRequest,
    ) -> Result<Command, CallError> {
        let canonical = content::ImportEnded {
            import: field::integer("import", request.import)?,
        };
        let header = request.header.as_ref();
        let cause = self.undetailed(caller, Call::EndImport, header, &canonical)?;
        Ok(command(
            cause,
            DncOp::ImportEnd,
            Some(canonical.import),
            None,
        ))
    }
}

/// In the lane of the listings in between, so that an end does not overtake them.
fn command(cause: Cause, op: DncOp, import: Option<u64>, imports: Option<Import>) -> Command {
    let dnc = Dnc {
        cause,
        op,
        tokens_v: None,
        listings: Vec::new(),
        ends: Vec::new(),
        import,
        imports,
        imported: None,
        outcome: None,
        evidence: None,
        details: BTreeMap::new(),
    };
    Command::new(Lane::Work, Body::Dnc(dnc), Vec::new())
}

#[cfg(test)]
mod tests;
