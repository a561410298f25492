//! The file: checked as a whole, and opened once, so that what is sent is what was checked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

use ledger_core::hash::Hash;
use ledger_feeds::suppression::{self, Change, Reject, Unreadable};
use ledger_proto::v1;
use sha2::{Digest, Sha256};

use super::rejects::Rejects;
use super::terms::{Terms, reason_to_wire};
use crate::failure::{Failure, Problem};
use crate::progress::Progress;

/// How much of the file is read at a time.
const READ_BYTES: usize = 256 << 10;

/// Reads through to a file and hashes what is read.
pub(super) struct Hashed<R> {
    input: R,
    hash: Sha256,
    progress: Option<Progress>,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            hash: Sha256::new(),
            progress: None,
        }
    }

    /// The hash of the whole; what was not yet read is read now.
    pub(super) fn finish(mut self) -> io::Result<Hash> {
        let mut rest = vec![0; READ_BYTES];
        while self.read(&mut rest)? > 0 {}
        Ok(Hash(self.hash.finalize().into()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        if let Some(progress) = &mut self.progress {
            progress.add(read as u64);
        }
        Ok(read)
    }
}

/// A file of which every row was looked at.
#[derive(Debug)]
pub(super) struct Checked {
    file: File,
    pub(super) sha256: Hash,
    /// How many rows list somebody, by reason.
    pub(super) rows: BTreeMap<v1::ListingReason, u64>,
    /// How many rows delete.
    pub(super) deletes: u64,
}

impl Checked {
    /// Reads the whole of it, row by row.
    pub(super) fn of(
        path: &Path,
        terms: &Terms,
        rejects: &mut Rejects,
        watched: bool,
    ) -> Result<Self, Failure> {
        let input = |source| Problem::Input {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(input)?;
        let meta = file.metadata().map_err(input)?;
        if !meta.is_file() {
            let why = format!(
                "`{}` is no file: it is read twice, and a pipe can only be read once",
                path.display()
            );
            return Err(Failure::usage(why));
        }
        let mut hashed = Hashed::new(&file);
        hashed.progress = Some(Progress::new("bytes checked", meta.len(), watched));
        let mut rows: BTreeMap<v1::ListingReason, u64> = BTreeMap::new();
        let mut deletes = 0;
        let mut failed = None;
        let read = suppression::read(
            terms.format,
            BufReader::with_capacity(READ_BYTES, &mut hashed),
            &mut |row| {
                let told = match row {
                    Ok(row) => match (row.change, terms.reason(&row)) {
                        (Change::Delete, _) => {
                            deletes += 1;
                            Ok(())
                        }
                        (Change::List, Some(reason)) => {
                            *rows.entry(reason).or_default() += 1;
                            Ok(())
                        }
                        (Change::List, None) => {
                            let why = "is empty: expected a reason, or one for all such rows with --reason".to_owned();
                            let (line, field) = (row.line, "reason");
                            rejects.add(&Reject { line, field, why })
                        }
                    },
                    Err(reject) => rejects.add(&reject),
                };
                match told {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(failure) => {
                        failed = Some(failure);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(failure) = failed {
            return Err(failure);
        }
        read.map_err(|error| unreadable(path, error))?;
        let sha256 = hashed.finish().map_err(input)?;
        // A list of deletions alone is an import too: that it was read, and what it came to, is recorded.
        if deletes > 0
            && rows.is_empty()
            && let Some(reason) = terms.format.reason().and_then(reason_to_wire)
        {
            rows.insert(reason, 0);
        }
        Ok(Self {
            file,
            sha256,
            rows,
            deletes,
        })
    }

    /// How many rows list somebody.
    pub(super) fn listed(&self) -> u64 {
        self.rows.values().sum()
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The file from its beginning.
    pub(super) fn again(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

/// Why a file cannot be imported at all.
fn unreadable(path: &Path, error: Unreadable) -> Failure {
    match error {
        Unreadable::Io(source) => Problem::Input {
            path: path.to_owned(),
            source,
        }
        .into(),
        other => Failure::usage(format!("`{}` {other}; nothing was sent", path.display())),
    }
}
