//! An export read as a stream: every leaf against the root, then every line against its leaf.
//!
//! Memory does not grow with the log: a line has at most 65,535 bytes, and a tree's edge a few hashes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use ledger_core::entry::{Body, DecodeError, Entry};
use ledger_core::export::{CHECKPOINT_FILE, ENTRIES_FILE, LEAVES_FILE};
use ledger_core::hash::{HASH_BYTES, Hash, leaf_hash};
use ledger_core::limits::ENTRY_BYTES_MAX;
use ledger_core::note::NOTE_BYTES_MAX;
use ledger_core::replay::Summary;
use ledger_core::tree::CompactRange;
use ledger_core::trust::{Trust, VerifiedCheckpoint};

use crate::anchor;
use crate::input::{bounded, failed, open};
use crate::progress::Progress;
use crate::transcript::{Failure, Transcript};

/// What is left to say once every hash of an export has been checked.
#[derive(Debug)]
pub struct Walked {
    /// The checkpoint of exactly this log.
    pub checkpoint: VerifiedCheckpoint,
    /// What the entries say.
    pub summary: Summary,
    /// The first entry that a later version may have written, and what about it is unknown.
    pub unknown: Option<(u64, String)>,
}

/// Checks every byte of the export in `folder`, and shows `visit` every entry in order: one that was
/// decoded, or one that this version does not know.
///
/// # Errors
/// The first bad thing: a signature, a hash, a line, an entry. `visit` has then seen what came before.
pub fn walk(
    folder: &Path,
    trust: &Trust,
    transcript: &mut Transcript,
    mut visit: impl FnMut(Result<Entry, DecodeError>),
) -> Result<Walked, Failure> {
    if let Err(error) = folder.read_dir() {
        return Err(failed(
            &format!("the folder `{}`", folder.display()),
            &error,
        ));
    }
    let note = bounded(open(folder, CHECKPOINT_FILE)?, NOTE_BYTES_MAX)
        .map_err(|error| failed("`checkpoint`", &error))?;
    let checkpoint = anchor::checkpoint(trust, &note, "checkpoint", transcript)?;
    let (size, root) = (checkpoint.checkpoint.size, checkpoint.checkpoint.root);

    leaves(folder, size, root)?;
    transcript.passed(
        "leaves",
        format!("{size} leaf hashes, and nothing else, make the signed root"),
    );

    let mut lines = Lines::new(open(folder, ENTRIES_FILE)?);
    let mut hashes = BufReader::new(open(folder, LEAVES_FILE)?);
    let mut progress = Progress::new("entries", size);
    let mut walked = Walked {
        checkpoint,
        summary: Summary::default(),
        unknown: None,
    };
    // The leaves were read once already; what was read now must make the root again.
    let mut tree = CompactRange::new();
    for seq in 0..size {
        let line = lines.next(seq)?.ok_or_else(|| {
            let words = format!("`entries.jsonl` ends after {seq} entries, expected {size}");
            Failure::refuted("entries", words)
        })?;
        let mut expected = Hash([0; HASH_BYTES]);
        hashes
            .read_exact(&mut expected.0)
            .map_err(|error| failed("`leaves`", &error))?;
        let found = leaf_hash(line);
        if found != expected {
            let words = format!(
                "entry {seq} (line {}) is not what was signed: its leaf hash must be\n  expected {expected}\n  found    {found}",
                seq + 1
            );
            return Err(Failure::refuted("entries", words));
        }
        tree.append(found);
        walked.entry(seq, Entry::decode(line), &mut visit)?;
        progress.at(seq + 1);
    }
    drop(progress);
    if lines.next(size)?.is_some() {
        let words = format!(
            "`entries.jsonl` goes on after entry {}, expected its end",
            size.wrapping_sub(1)
        );
        return Err(Failure::refuted("entries", words));
    }
    if tree.root() != root {
        let words = format!(
            "the files changed while they were read: expected the root {root}, found {}",
            tree.root()
        );
        return Err(Failure::refuted("entries", words));
    }
    transcript.passed(
        "entries",
        format!("every line of {size} hashes to its leaf, and nothing follows the last"),
    );
    Ok(walked)
}

impl Walked {
    /// Checks what is true of an entry in any ledger: it decodes strictly, its seq is its place, its time
    /// does not run backwards, and the first is a genesis of this log and key.
    fn entry(
        &mut self,
        seq: u64,
        decoded: Result<Entry, DecodeError>,
        visit: &mut impl FnMut(Result<Entry, DecodeError>),
    ) -> Result<(), Failure> {
        match &decoded {
            Ok(entry) => {
                if entry.seq != seq {
                    let words = format!(
                        "entry {seq} says seq `{}`, expected its place, {seq}",
                        entry.seq
                    );
                    return Err(Failure::refuted("order", words));
                }
                if let Some(last) = self.summary.coverage.to.filter(|last| entry.time < *last) {
                    let words = format!(
                        "entry {seq} has the time {}, expected none before that of the entry before it, {last}",
                        entry.time
                    );
                    return Err(Failure::refuted("order", words));
                }
                if seq == 0 {
                    genesis(&entry.body, &self.checkpoint)?;
                }
                self.summary.add(entry);
            }
            Err(DecodeError::Unknown { what }) => {
                self.unknown.get_or_insert_with(|| (seq, what.clone()));
            }
            Err(DecodeError::Malformed { why }) => {
                let words = format!("entry {seq} was signed, but is not an entry: {why}");
                return Err(Failure::refuted("form", words));
            }
        }
        visit(decoded);
        Ok(())
    }

    /// Says what the entries have shown of themselves; fails where some could not be read.
    pub fn say(&self, transcript: &mut Transcript) {
        let size = self.checkpoint.checkpoint.size;
        if self.unknown.is_none() {
            transcript.passed(
                "form",
                format!(
                    "{size} entries of schema version 1, each the one encoding of what it says"
                ),
            );
            transcript.passed(
                "order",
                "seq without gaps from 0, times that never run backwards, genesis of this log and key first",
            );
        }
    }

    /// The failure that entries of an unknown form are.
    ///
    /// # Errors
    /// Cannot be judged, where there are such entries.
    pub fn judged(&self) -> Result<(), Failure> {
        match &self.unknown {
            None => Ok(()),
            Some((seq, what)) => Err(Failure::unjudged(
                "form",
                format!(
                    "entry {seq}: {what} is not known to this version; its hash is right, what it says is not judged"
                ),
            )),
        }
    }
}

/// Checks that a log's first entry is the genesis of the log that the checkpoint names.
pub(crate) fn genesis(body: &Body, checkpoint: &VerifiedCheckpoint) -> Result<(), Failure> {
    let refuted = |words: String| Err(Failure::refuted("genesis", words));
    let Body::Genesis(genesis) = body else {
        return refuted(format!(
            "entry 0 is a `{}`, expected the genesis",
            body.kind()
        ));
    };
    let origin = &checkpoint.checkpoint.origin;
    if genesis.origin != *origin {
        return refuted(format!(
            "genesis names the origin `{}`, expected the checkpoint's, `{origin}`",
            genesis.origin
        ));
    }
    let key = checkpoint.key.to_string();
    if genesis.key != key {
        return refuted(format!(
            "genesis names the key `{}`, expected the trusted one that signed, `{key}`",
            genesis.key
        ));
    }
    Ok(())
}

/// The leaf hashes make the root, and are exactly so many.
fn leaves(folder: &Path, size: u64, root: Hash) -> Result<(), Failure> {
    let file = open(folder, LEAVES_FILE)?;
    let expected = size.checked_mul(HASH_BYTES as u64);
    if let Some(found) = file.metadata().ok().filter(std::fs::Metadata::is_file)
        && Some(found.len()) != expected
    {
        let words = format!(
            "`leaves` has {} bytes, expected {size} hashes of {HASH_BYTES}, as many as the checkpoint signs",
            found.len()
        );
        return Err(Failure::refuted("leaves", words));
    }
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut tree = CompactRange::new();
    let mut hash = Hash([0; HASH_BYTES]);
    for seq in 0..size {
        match file.read_exact(&mut hash.0) {
            Ok(()) => tree.append(hash),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let words = format!("`leaves` ends within hash {seq}, expected {size} hashes");
                return Err(Failure::refuted("leaves", words));
            }
            Err(error) => return Err(failed("`leaves`", &error)),
        }
    }
    let rest = bounded(file, 0).map_err(|error| failed("`leaves`", &error))?;
    if !rest.is_empty() {
        let words = format!("`leaves` goes on after {size} hashes, expected its end");
        return Err(Failure::refuted("leaves", words));
    }
    if tree.root() != root {
        let words = format!(
            "the hashes in `leaves` do not make the signed root:\n  expected {root}\n  found    {}",
            tree.root()
        );
        return Err(Failure::refuted("leaves", words));
    }
    Ok(())
}

/// The lines of an export. None is read further than an entry can be long.
struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    fn new(file: File) -> Self {
        Self {
            file: BufReader::with_capacity(1 << 17, file),
            line: Vec::with_capacity(1 << 12),
        }
    }

    /// The next line without its LF; nothing at the end of the file.
    fn next(&mut self, seq: u64) -> Result<Option<&[u8]>, Failure> {
        self.line.clear();
        let limit = ENTRY_BYTES_MAX as u64 + 1;
        let bytes = (&mut self.file)
            .take(limit)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| failed("`entries.jsonl`", &error))?;
        if bytes == 0 {
            return Ok(None);
        }
        if self.line.pop() == Some(b'\n') {
            return Ok(Some(&self.line));
        }
        let words = if bytes as u64 == limit {
            format!(
                "entry {seq} (line {}) has more than {ENTRY_BYTES_MAX} bytes, expected no more",
                seq + 1
            )
        } else {
            format!(
                "entry {seq} (line {}) ends without a newline, expected one after every entry",
                seq + 1
            )
        };
        Err(Failure::refuted("entries", words))
    }
}
