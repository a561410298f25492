//! Evidence: an entry with every entry that it cites, all proven under one checkpoint.

use ledger_core::entry::Entry;
use ledger_core::evidence::{Evidence, ProvenEntry};
use ledger_core::judge::required;

use super::{Ledger, unreadable};
use crate::status::CallError;
use crate::store::Committed;

impl Ledger {
    /// The evidence file about entry `seq`. Which entries belong in it is for those to say who judge it.
    pub(super) fn evidence(&self, seq: u64) -> Result<Vec<u8>, CallError> {
        let at = self.store.committed();
        let primary = self.proven(seq, &at)?;
        let entry = Entry::decode(&primary.entry)
            .map_err(|error| CallError::store(&format!("entry {seq}: {error}")))?;
        let others = required(&entry, |cited| self.entry(cited).map(Some))?;
        let others = others.into_iter().map(|cited| self.proven(cited, &at));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        Ok(Evidence::new(primary, others, at.checkpoint.to_vec()).to_bytes())
    }

    fn proven(&self, seq: u64, at: &Committed) -> Result<ProvenEntry, CallError> {
        let receipt = self
            .store
            .receipt_at(seq, at)
            .map_err(|error| unreadable(&error))?;
        Ok(ProvenEntry {
            seq,
            entry: receipt.entry,
            proof: receipt.proof,
        })
    }
}
