//! Receipts: an entry with the proof that a log holds it (C2SP tlog-proof, `.tlog-proof`).

use crate::fault::Fault;
use crate::hash::{Hash, leaf_hash};
use crate::limits::ENTRY_BYTES_MAX;
use crate::note::NOTE_BYTES_MAX;
use crate::syntax::{
    Lines, Problem, SyntaxError, decimal, decode_base64, decode_base64_hash, encode_base64,
};
use crate::tree::{PROOF_HASHES_MAX, ProofError, verify_inclusion};
use crate::trust::{Trust, TrustError, VerifiedCheckpoint};

/// The first line of every receipt.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most bytes in a receipt: the largest entry, the longest proof and the largest checkpoint.
pub const RECEIPT_BYTES_MAX: usize =
    1024 + ENTRY_BYTES_MAX.div_ceil(3) * 4 + PROOF_HASHES_MAX * 45 + NOTE_BYTES_MAX;

/// An entry, its place, its inclusion proof and a signed checkpoint. Read or made, but not verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The entry's bytes, 1 to 65,535.
    pub entry: Vec<u8>,
    /// The entry's index in the log.
    pub seq: u64,
    /// The inclusion proof, the leaf's sibling first.
    pub proof: Vec<Hash>,
    /// The checkpoint's bytes, verbatim, with its signatures.
    pub checkpoint: Vec<u8>,
}

/// Why a receipt could not be read or does not prove its entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReceiptError {
    /// Unreadable: larger than any receipt.
    #[error("the receipt has {found} bytes, expected at most {RECEIPT_BYTES_MAX}")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Unreadable: not of the format.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Cannot be judged: the file is a tlog-proof, but without the entry that it is about.
    #[error("the receipt has no `extra` line, expected the entry's bytes there")]
    NoEntry,
    /// The checkpoint in it could not be read or is not to be trusted.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] TrustError),
    /// Refuted: the proof does not lead from the entry to the checkpoint's root.
    #[error("inclusion proof of entry {seq}: {source}")]
    Proof {
        /// The entry's index.
        seq: u64,
        /// What is wrong with the proof.
        source: ProofError,
    },
}

impl ReceiptError {
    /// What the error says about the material.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } | Self::Syntax(_) => Fault::Unreadable,
            Self::NoEntry => Fault::Unjudged,
            Self::Checkpoint(e) => e.fault(),
            Self::Proof { .. } => Fault::Refuted,
        }
    }
}

/// What a receipt has proven: that the log of this checkpoint holds this entry at this place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedReceipt {
    /// The entry's index in the log.
    pub seq: u64,
    /// The entry's leaf hash.
    pub leaf: Hash,
    /// The checkpoint that covers it, and who has signed it.
    pub checkpoint: VerifiedCheckpoint,
}

impl Receipt {
    /// The receipt's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self {
            entry,
            seq,
            proof,
            checkpoint,
        } = self;
        let mut text = format!("{HEADER}\nextra {}\nindex {seq}\n", encode_base64(entry));
        for hash in proof {
            text.push_str(&encode_base64(hash.0));
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(checkpoint);
        bytes
    }

    /// Reads a receipt. What follows the empty line is kept as it is: the checkpoint is read by
    /// [`verify`](Self::verify).
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::TooLarge { found: bytes.len() });
        }
        let mut lines = Lines::of(bytes)?;
        let header = lines.need("`c2sp.org/tlog-proof@v1`")?;
        if header != HEADER {
            return Err(lines
                .fail(Problem::expected("`c2sp.org/tlog-proof@v1`", header))
                .into());
        }
        let line = lines.need("`extra <base64 of the entry>`")?;
        if line.starts_with("index ") {
            return Err(ReceiptError::NoEntry);
        }
        let entry = line
            .strip_prefix("extra ")
            .ok_or_else(|| lines.fail(Problem::expected("`extra <base64 of the entry>`", line)))?;
        let entry = read_entry(entry).map_err(|e| lines.fail(e))?;
        let line = lines.need("`index <seq>`")?;
        let seq = line
            .strip_prefix("index ")
            .ok_or_else(|| lines.fail(Problem::expected("`index <seq>`", line)))?;
        let seq = decimal("index", seq).map_err(|e| lines.fail(e))?;
        let mut proof = Vec::new();
        loop {
            let line = lines.need("a proof hash, or an empty line and the checkpoint")?;
            if line.is_empty() {
                break;
            }
            push_proof_hash(&mut proof, line).map_err(|e| lines.fail(e))?;
        }
        let checkpoint = lines.rest().as_bytes().to_vec();
        Ok(Self {
            entry,
            seq,
            proof,
            checkpoint,
        })
    }

    /// Verifies that a log trusted by `trust` holds this entry at this place.
    pub fn verify(&self, trust: &Trust) -> Result<VerifiedReceipt, ReceiptError> {
        let Self {
            entry,
            seq,
            proof,
            checkpoint,
        } = self;
        let checkpoint = trust.verify_checkpoint(checkpoint)?;
        let (leaf, seq) = (leaf_hash(entry), *seq);
        let tree = &checkpoint.checkpoint;
        verify_inclusion(&leaf, seq, tree.size, proof, &tree.root)
            .map_err(|source| ReceiptError::Proof { seq, source })?;
        Ok(VerifiedReceipt {
            seq,
            leaf,
            checkpoint,
        })
    }
}

/// An entry as base64, within its limits.
pub(crate) fn read_entry(text: &str) -> Result<Vec<u8>, Problem> {
    // No more is decoded than an entry can take.
    if text.len() > ENTRY_BYTES_MAX.div_ceil(3) * 4 {
        return Err(Problem::TooMany {
            field: "bytes in an entry",
            max: ENTRY_BYTES_MAX,
        });
    }
    let entry = decode_base64("entry", text)?;
    if entry.is_empty() {
        return Err(Problem::expected("the entry's bytes", text));
    }
    Ok(entry)
}

/// Reads one line of an inclusion proof.
pub(crate) fn push_proof_hash(proof: &mut Vec<Hash>, line: &str) -> Result<(), Problem> {
    if proof.len() == PROOF_HASHES_MAX {
        return Err(Problem::TooMany {
            field: "proof hashes",
            max: PROOF_HASHES_MAX,
        });
    }
    proof.push(decode_base64_hash("proof hash", line)?);
    Ok(())
}
