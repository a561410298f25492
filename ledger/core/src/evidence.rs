//! Evidence: an entry with every entry it cites, all proven under one checkpoint, in one file (`.evidence`).
//!
//! ```text
//! ledger-evidence/v1
//! entry <seq> <base64 of the entry's bytes>
//! <base64 hash>                               its inclusion proof, as in a receipt
//! entry <seq> <base64>
//! ...
//! <empty line>
//! <checkpoint, verbatim>
//! ```
//!
//! The entry that it is about, the primary one, stands first; the others follow in ascending order, each
//! once. This is the file and its proofs; which entries must be there is for whoever reads the entries.

use std::iter;

use crate::fault::Fault;
use crate::hash::{Hash, leaf_hash};
use crate::receipt::{push_proof_hash, read_entry};
use crate::syntax::{Lines, Problem, SyntaxError, decimal, encode_base64};
use crate::tree::{ProofError, verify_inclusion};
use crate::trust::{Trust, TrustError, VerifiedCheckpoint};

/// The first line of every evidence file.
const HEADER: &str = "ledger-evidence/v1";

/// Most bytes in an evidence file.
pub const EVIDENCE_BYTES_MAX: usize = 64 << 20;

/// Most entries in an evidence file.
pub const EVIDENCE_ENTRIES_MAX: usize = 4096;

/// One entry with its place and its inclusion proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvenEntry {
    /// The entry's index in the log.
    pub seq: u64,
    /// The entry's bytes, 1 to 65,535.
    pub entry: Vec<u8>,
    /// The inclusion proof, the leaf's sibling first.
    pub proof: Vec<Hash>,
}

/// Entries under one checkpoint. Read or made, but not verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    primary: ProvenEntry,
    others: Vec<ProvenEntry>,
    checkpoint: Vec<u8>,
}

/// Why evidence could not be read or does not prove its entries.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EvidenceError {
    /// Unreadable: larger than any evidence.
    #[error("the evidence has {found} bytes, expected at most {EVIDENCE_BYTES_MAX}")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Unreadable: not of the format.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The checkpoint in it could not be read or is not to be trusted.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] TrustError),
    /// Refuted: the proof of an entry does not lead to the checkpoint's root.
    #[error("inclusion proof of entry {seq}: {source}")]
    Proof {
        /// The entry's index.
        seq: u64,
        /// What is wrong with its proof.
        source: ProofError,
    },
}

impl EvidenceError {
    /// What the error says about the material.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } | Self::Syntax(_) => Fault::Unreadable,
            Self::Checkpoint(e) => e.fault(),
            Self::Proof { .. } => Fault::Refuted,
        }
    }
}

impl Evidence {
    /// Evidence about `primary`. The `others` may come in any order; one that is there twice, or is the
    /// primary one, is left out. All proofs must be for the size of this `checkpoint` (a signed note's bytes).
    pub fn new(primary: ProvenEntry, mut others: Vec<ProvenEntry>, checkpoint: Vec<u8>) -> Self {
        others.sort_by_key(|other| other.seq);
        others.dedup_by_key(|other| other.seq);
        others.retain(|other| other.seq != primary.seq);
        Self {
            primary,
            others,
            checkpoint,
        }
    }

    /// The entry that the evidence is about.
    pub const fn primary(&self) -> &ProvenEntry {
        &self.primary
    }

    /// The other entries, in ascending order.
    pub fn others(&self) -> &[ProvenEntry] {
        &self.others
    }

    /// All entries: the primary one, then the others.
    pub fn entries(&self) -> impl Iterator<Item = &ProvenEntry> {
        iter::once(&self.primary).chain(&self.others)
    }

    /// The checkpoint's bytes, verbatim.
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        for ProvenEntry { seq, entry, proof } in self.entries() {
            text.extend(["entry ", &seq.to_string(), " ", &encode_base64(entry), "\n"]);
            for hash in proof {
                text.push_str(&encode_base64(hash.0));
                text.push('\n');
            }
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.checkpoint);
        bytes
    }

    /// Reads an evidence file. What follows the empty line is kept as it is: the checkpoint is read by
    /// [`verify`](Self::verify).
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        const ENTRY: &str = "`entry <seq> <base64 of the entry>`";
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(EvidenceError::TooLarge { found: bytes.len() });
        }
        let mut lines = Lines::of(bytes)?;
        let header = lines.need("`ledger-evidence/v1`")?;
        if header != HEADER {
            return Err(lines
                .fail(Problem::expected("`ledger-evidence/v1`", header))
                .into());
        }
        let line = lines.need(ENTRY)?;
        let first = line.strip_prefix("entry ");
        let first = first.ok_or_else(|| lines.fail(Problem::expected(ENTRY, line)))?;
        let mut primary = ProvenEntry::read(first).map_err(|e| lines.fail(e))?;
        let mut others: Vec<ProvenEntry> = Vec::new();
        loop {
            let line = lines.need("a proof hash, an entry, or an empty line and the checkpoint")?;
            if line.is_empty() {
                break;
            }
            let read = if let Some(entry) = line.strip_prefix("entry ") {
                ProvenEntry::read(entry).and_then(|entry| entry.push_after(&primary, &mut others))
            } else {
                push_proof_hash(&mut others.last_mut().unwrap_or(&mut primary).proof, line)
            };
            read.map_err(|e| lines.fail(e))?;
        }
        let checkpoint = lines.rest().as_bytes().to_vec();
        Ok(Self {
            primary,
            others,
            checkpoint,
        })
    }

    /// Verifies that a log trusted by `trust` holds every one of the entries at its place, all under the
    /// one checkpoint. The first entry that fails is named.
    pub fn verify(&self, trust: &Trust) -> Result<VerifiedCheckpoint, EvidenceError> {
        let verified = trust.verify_checkpoint(&self.checkpoint)?;
        let tree = &verified.checkpoint;
        for ProvenEntry { seq, entry, proof } in self.entries() {
            verify_inclusion(&leaf_hash(entry), *seq, tree.size, proof, &tree.root)
                .map_err(|source| EvidenceError::Proof { seq: *seq, source })?;
        }
        Ok(verified)
    }
}

impl ProvenEntry {
    /// Reads `<seq> <base64>`.
    fn read(text: &str) -> Result<Self, Problem> {
        let (seq, entry) = text
            .split_once(' ')
            .ok_or_else(|| Problem::expected("`<seq> <base64 of the entry>`", text))?;
        let (seq, entry) = (decimal("seq", seq)?, read_entry(entry)?);
        Ok(Self {
            seq,
            entry,
            proof: Vec::new(),
        })
    }

    fn push_after(self, primary: &Self, others: &mut Vec<Self>) -> Result<(), Problem> {
        if others.len() + 2 > EVIDENCE_ENTRIES_MAX {
            return Err(Problem::TooMany {
                field: "entries",
                max: EVIDENCE_ENTRIES_MAX,
            });
        }
        if self.seq == primary.seq {
            return Err(Problem::Duplicate {
                field: "entry",
                found: self.seq.to_string(),
            });
        }
        match others.last() {
            Some(last) if self.seq <= last.seq => Err(Problem::Order {
                field: "seq",
                after: last.seq,
                found: self.seq,
            }),
            _ => {
                others.push(self);
                Ok(())
            }
        }
    }
}
