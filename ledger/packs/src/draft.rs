//! Making a pack out of what a ledger handed out.

use ledger_core::codebook;
use ledger_core::entry::{Body, Entry};
use ledger_core::evidence::ProvenEntry;
use ledger_core::time::Timestamp;
use ledger_core::trust::Trust;

use crate::check::{Checked, Refused, check};
use crate::files::{DetailLine, Files, details_file, entries_file, proofs_file};
use crate::manifest::{FORMAT, FileRef, LedgerRef, Manifest, Query};
use crate::reading::{Material, Reading};
use crate::{
    CHECKPOINT_FILE, DETAILS_FILE, ENTRIES_FILE, MANIFEST_FILE, OPENING_FILE, PROOFS_FILE,
    REASONS_FILE, REPORT_FILE, report,
};

/// What a ledger handed out, and who took it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The name of the folder or archive.
    pub name: String,
    /// When.
    pub made_at: Timestamp,
    /// By which program, with its version.
    pub made_by: String,
    /// What was asked.
    pub query: Query,
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
    /// Of a person: the opening.
    pub opening: Option<Vec<u8>>,
    /// The `access` entry.
    pub access: u64,
    /// The entries, ascending.
    pub entries: Vec<ProvenEntry>,
    /// What is kept outside the log, ascending by entry and name.
    pub details: Vec<DetailLine>,
}

impl Draft {
    /// The files of the pack, with what they show.
    ///
    /// # Errors
    /// What is wrong with what the ledger handed out.
    pub fn finish(self, trust: &Trust) -> Result<(Files, Checked), Refused> {
        let verified = trust
            .verify_checkpoint(&self.checkpoint)
            .map_err(|error| Refused::new(error.fault(), "checkpoint", error))?;
        let mut files = Files::new();
        let mut put = |name: &str, bytes: Vec<u8>| _ = files.insert(name.to_owned(), bytes);
        put(ENTRIES_FILE, entries_file(&self.entries));
        put(PROOFS_FILE, proofs_file(&self.entries));
        put(REASONS_FILE, codebook::markdown().into_bytes());
        put(CHECKPOINT_FILE, self.checkpoint.clone());
        if let Some(opening) = &self.opening {
            put(OPENING_FILE, opening.clone());
        }
        if self.query.details {
            put(DETAILS_FILE, details_file(&self.details));
        }
        let mut manifest = Manifest {
            format: FORMAT.to_owned(),
            name: self.name,
            made_at: self.made_at,
            made_by: self.made_by,
            principal: principal(&self.entries, self.access),
            query: self.query,
            ledger: LedgerRef {
                origin: verified.checkpoint.origin.clone(),
                key: verified.key.to_string(),
                size: verified.checkpoint.size,
                root: verified.checkpoint.root,
            },
            access: self.access,
            entries: self.entries.len() as u64,
            files: refs(&files),
        };
        let reading = Reading::of(
            &manifest,
            Material {
                checkpoint: verified,
                entries: self.entries,
                opening: self.opening,
                details: self.details,
            },
            &mut Vec::new(),
        )?;
        let report = report::html(&manifest, &reading);
        drop(reading);
        files.insert(REPORT_FILE.to_owned(), report.into_bytes());
        manifest.files = refs(&files);
        files.insert(MANIFEST_FILE.to_owned(), manifest.to_bytes());
        let checked = check(&files, trust, &mut Vec::new())?;
        Ok((files, checked))
    }
}

fn refs(files: &Files) -> Vec<FileRef> {
    files
        .iter()
        .map(|(name, bytes)| FileRef::of(name, bytes))
        .collect()
}

/// Who was handed the pack, by the entry about it; whether that entry is one is checked with the rest.
fn principal(entries: &[ProvenEntry], access: u64) -> String {
    entries
        .iter()
        .find(|proven| proven.seq == access)
        .and_then(|proven| Entry::decode(&proven.entry).ok())
        .map(|entry| match &entry.body {
            Body::Access(access) => access.actor.id.clone(),
            _ => String::new(),
        })
        .unwrap_or_default()
}
