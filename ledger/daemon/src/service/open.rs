//! `ListOpen`: what is not as it should be, or not yet settled.

use ledger_core::state::listed;
use ledger_core::view::Table;
use ledger_proto::v1 as wire;

use super::Ledger;
use crate::status::CallError;

impl Ledger {
    /// A page of one kind, and how many there are of each. The fold counts; nothing is counted here.
    pub(super) fn list_open(
        &self,
        table: Table,
        from: u64,
        page: usize,
    ) -> Result<wire::ListOpenReply, CallError> {
        let snapshot = self.latest.get();
        // First the view, then the log: what the view knows of, the log has already.
        let seqs = listed(&*self.views, table, from, page + 1)
            .map_err(|error| CallError::store(&error))?;
        let (receipts, next_seq) = self.receipts(seqs, page)?;
        Ok(wire::ListOpenReply {
            receipts,
            next_seq,
            open: snapshot.open as u64,
            unresolved: snapshot.tally.unresolved,
            irregular: snapshot.tally.irregular,
            voided: snapshot.tally.voided,
            voided_unresolved: snapshot.tally.voided_unresolved,
        })
    }
}
