//! What comes from elsewhere: imported lists, and the keys of other ledgers.

use std::collections::BTreeSet;

use super::fold::{FoldError, put};
use super::{State, read};
use crate::entry::{Dnc, DncOp, KeyEntry, KeyEvent, ListingReason};
use crate::record::{ImportRecord, TrustedKeyRecord};
use crate::time::Timestamp;
use crate::view::{ReadView, Table, View, ViewError};

/// The key of the last complete import of a reason, from this source or any, in [`Table::Import`]; no seq
/// has nine bytes, and no reason a slash.
fn last_key(reason: ListingReason, source: Option<&str>) -> Vec<u8> {
    let of = source.map_or_else(String::new, |source| format!("/{source}"));
    format!("last-import/{reason:?}{of}").into_bytes()
}

/// An import, under way or complete.
///
/// # Errors
/// [`ViewError`] where the view cannot be read.
pub fn import_of<V: ReadView>(view: &V, seq: u64) -> Result<Option<ImportRecord>, ViewError> {
    read(view, Table::Import, &seq.to_be_bytes())
}

impl<V: View> State<V> {
    /// An import, under way or complete.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn import(&self, seq: u64) -> Result<Option<ImportRecord>, ViewError> {
        import_of(&self.view, seq)
    }

    /// The entry that completed the last import with this reason that counts, and when: a whole list that
    /// listed anybody, or changes to one from the same source.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn last_import(
        &self,
        reason: ListingReason,
    ) -> Result<Option<(u64, Timestamp)>, ViewError> {
        read(&self.view, Table::Import, &last_key(reason, None))
    }

    /// The same of imports from these sources alone; of any, where none is named.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn last_import_from(
        &self,
        reason: ListingReason,
        sources: &BTreeSet<String>,
    ) -> Result<Option<(u64, Timestamp)>, ViewError> {
        if sources.is_empty() {
            return self.last_import(reason);
        }
        let mut last = None;
        for source in sources {
            let key = last_key(reason, Some(source));
            last = last.max(read::<_, (u64, Timestamp)>(
                &self.view,
                Table::Import,
                &key,
            )?);
        }
        Ok(last)
    }

    /// The trusted key of the ledger of this origin.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read.
    pub fn trusted_key(&self, origin: &str) -> Result<Option<TrustedKeyRecord>, ViewError> {
        read(&self.view, Table::TrustedKey, origin.as_bytes())
    }

    pub(super) fn apply_import(
        &mut self,
        seq: u64,
        time: Timestamp,
        dnc: &Dnc,
    ) -> Result<(), FoldError> {
        let record = match (dnc.op, &dnc.imports, dnc.import) {
            (DncOp::ImportBegin, Some(imports), None) => {
                let record = ImportRecord {
                    source: imports.source.clone(),
                    reason: imports.reason,
                    sha256: imports.sha256,
                    rows: imports.rows,
                    rejected: imports.rejected,
                    changes: imports.changes,
                    listed: 0,
                    completed: None,
                };
                Some((seq, record))
            }
            (DncOp::ImportEnd | DncOp::List, _, Some(import)) => {
                let Some(mut record) = self.import(import)? else {
                    let why = format!("entry {import} begins no import");
                    return Err(FoldError::Impossible { seq, why });
                };
                if dnc.op == DncOp::ImportEnd {
                    record.completed = Some((seq, time));
                    let from = last_key(record.reason, Some(&record.source));
                    // Of a registry of which nothing came, nothing is known; nor what changes change
                    // before all of it was there. After that, no change is news as well.
                    let counts = if record.changes {
                        read::<_, (u64, Timestamp)>(&self.view, Table::Import, &from)?.is_some()
                    } else {
                        record.listed > 0
                    };
                    if counts {
                        let last = (seq, time);
                        let any = last_key(record.reason, None);
                        put(&mut self.view, Table::Import, any, &last);
                        put(&mut self.view, Table::Import, from, &last);
                    }
                } else {
                    record.listed += dnc.listings.len() as u64;
                }
                Some((import, record))
            }
            _ => None,
        };
        if let Some((import, record)) = record {
            let key = import.to_be_bytes().to_vec();
            put(&mut self.view, Table::Import, key, &record);
        }
        Ok(())
    }

    pub(super) fn apply_key(&mut self, seq: u64, entry: &KeyEntry) -> Result<(), FoldError> {
        let Ok(key) = entry.key.parse::<crate::note::VerificationKey>() else {
            let why = "its key is no verification key".to_owned();
            return Err(FoldError::Impossible { seq, why });
        };
        let origin = key.name().as_bytes().to_vec();
        match entry.event {
            KeyEvent::Trusted => {
                let key = entry.key.clone();
                let record = TrustedKeyRecord { seq, key };
                put(&mut self.view, Table::TrustedKey, origin, &record);
            }
            KeyEvent::Distrusted => self.view.delete(Table::TrustedKey, origin),
        }
        Ok(())
    }
}
