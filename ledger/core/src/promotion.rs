//! What a promoted policy carries of the sandbox that it was tried in.
//!
//! The sandbox's receipt of its own `policy` entry holds the policy's text, and the entry that promotes
//! the policy holds the same text again; both together do not fit one entry. So what an entry keeps
//! ([`Promotion::receipt`](crate::entry::Promotion)) is the receipt *stripped*, and nothing is lost by
//! it:
//!
//! - a tlog-proof as any other, with `index`, inclusion proof and checkpoint as the sandbox gave them;
//! - in `extra`, the sandbox's first `policy` entry with `"files":[]` where the text stands;
//! - of the checkpoint's signatures, those in the sandbox's own name.
//!
//! Whoever verifies it puts the first part of the published text back ([`policy_parts`], cut by the same
//! rule everywhere) and encodes the entry again: if and only if the sandbox published this very text are
//! these the bytes of its leaf, to which the inclusion proof leads.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::entry::{Body, DecodeError, EncodeError, Entry, PolicyEntry, PolicyFile};
use crate::hash::Hash;
use crate::limits::{POLICY_PART_BYTES_MAX, PROMOTION_RECEIPT_BYTES_MAX};
use crate::note::{NoteError, SignedNote, VkeyError};
use crate::receipt::{Receipt, ReceiptError};
use crate::trust::{Trust, TrustError};

/// Why a receipt promotes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionError {
    /// It is no receipt, or does not prove that the sandbox published this text.
    #[error(
        "the sandbox's receipt does not hold for this text: {0}; expected the receipt of the sandbox's \
         `policy` entry that published exactly these files"
    )]
    Receipt(#[from] ReceiptError),
    /// Its checkpoint is no signed note.
    #[error("the sandbox's receipt: checkpoint: {0}")]
    Note(#[from] NoteError),
    /// Its checkpoint is of another form.
    #[error("the sandbox's receipt: checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The entry in it cannot be read.
    #[error("the sandbox's receipt: {0}")]
    Entry(#[from] DecodeError),
    /// The entry in it cannot be written with the text put back.
    #[error("the sandbox's entry with the text put back: {0}")]
    Rebuilt(#[from] EncodeError),
    /// Over what an entry has room for.
    #[error(
        "the sandbox's receipt without the text has {bytes} bytes, at most {PROMOTION_RECEIPT_BYTES_MAX} fit: \
         expected a checkpoint without extension lines"
    )]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// The same receipt, but spelled otherwise than it is stored.
    #[error(
        "the sandbox's receipt is not in its stored form: expected it without the text, as `strip` makes it"
    )]
    Form,
    /// About another kind of entry.
    #[error("the sandbox's receipt is about a `{kind}` entry, expected a `policy` entry")]
    Kind {
        /// The kind.
        kind: &'static str,
    },
    /// About a continuation.
    #[error(
        "the sandbox's receipt is about a continuation of the policy, expected that of entry {first}, which it continues"
    )]
    Continuation {
        /// The publication's first entry.
        first: u64,
    },
    /// The entry's own seq is not its place in the log.
    #[error("the sandbox's entry says that its seq is {found}, its place in the log is {expected}")]
    Seq {
        /// Where the proof places it.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// Not of a sandbox.
    #[error(
        "entry {seq} is not marked as one of a sandbox: expected the receipt of a ledger made with `--environment sandbox`"
    )]
    NotSandbox {
        /// The entry.
        seq: u64,
    },
    /// A sandbox takes no promoted policies, so none has this entry.
    #[error("entry {seq} was itself promoted: expected a policy that its publisher tried there")]
    Promoted {
        /// The entry.
        seq: u64,
    },
    /// Another text.
    #[error(
        "the sandbox published the policy {found}, this text is {expected}: publish exactly what was tried, or try this text there"
    )]
    Text {
        /// The hash of the text that is being published.
        expected: Hash,
        /// The hash that the sandbox's entry states.
        found: String,
    },
    /// The trusted key is none.
    #[error("the trusted key: {0}")]
    Key(#[from] VkeyError),
    /// The trusted key signs no logs.
    #[error("the trusted key: {0}")]
    Trust(#[from] TrustError),
}

/// A sandbox's receipt without the policy's text: read, but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped {
    receipt: Receipt,
    entry: Entry,
    origin: String,
}

/// The receipt as a promotion stores it. Nothing is verified here: that takes the text and the key
/// ([`Stripped::verify`]).
///
/// # Errors
/// [`PromotionError`] where it is none of a sandbox's first `policy` entry, or does not fit.
pub fn strip(receipt: &Receipt) -> Result<String, PromotionError> {
    let mut entry = Entry::decode(&receipt.entry)?;
    policy_of(&mut entry)?.files = Vec::new();
    let note = SignedNote::parse(&receipt.checkpoint)?;
    let origin = Checkpoint::parse_text(note.text())?.origin;
    let whole = note.to_string();
    let own = format!("\u{2014} {origin} ");
    let (text, signatures) = whole.split_at(note.text().len());
    let mut checkpoint = text.to_owned();
    for line in signatures.split_inclusive('\n') {
        if line == "\n" || line.starts_with(&own) {
            checkpoint.push_str(line);
        }
    }
    let stripped = Receipt {
        entry: entry.encode()?,
        checkpoint: checkpoint.into_bytes(),
        ..receipt.clone()
    };
    let text = String::from_utf8(stripped.to_bytes()).map_err(|_| PromotionError::Form)?;
    Stripped::parse(&text)?;
    Ok(text)
}

impl Stripped {
    /// Reads what a promotion stores.
    ///
    /// # Errors
    /// [`PromotionError`] where it is not of that form, or not of a sandbox's first `policy` entry.
    pub fn parse(text: &str) -> Result<Self, PromotionError> {
        if text.len() > PROMOTION_RECEIPT_BYTES_MAX {
            return Err(PromotionError::TooLarge { bytes: text.len() });
        }
        let receipt = Receipt::parse(text.as_bytes())?;
        let mut entry = Entry::decode(&receipt.entry)?;
        if entry.seq != receipt.seq {
            return Err(PromotionError::Seq {
                expected: receipt.seq,
                found: entry.seq,
            });
        }
        let bare = policy_of(&mut entry)?.files.is_empty();
        // One promotion, one spelling: what is not needed to verify it has no room in it.
        let note = SignedNote::parse(&receipt.checkpoint)?;
        let origin = Checkpoint::parse_text(note.text())?.origin;
        let own = note.signatures().iter().all(|each| each.name == origin);
        if !bare || !own || receipt.to_bytes() != text.as_bytes() {
            return Err(PromotionError::Form);
        }
        Ok(Self {
            receipt,
            entry,
            origin,
        })
    }

    /// The sandbox's origin, as the checkpoint states it: whose key has to have signed.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The sandbox's receipt, with the first part of `files` back in its place.
    ///
    /// # Errors
    /// [`PromotionError::Rebuilt`] where no entry holds them.
    pub fn rebuild(&self, files: &[PolicyFile]) -> Result<Receipt, PromotionError> {
        let mut entry = self.entry.clone();
        policy_of(&mut entry)?.files = policy_parts(files).into_iter().next().unwrap_or_default();
        Ok(Receipt {
            entry: entry.encode()?,
            ..self.receipt.clone()
        })
    }

    /// Verifies that the ledger of this verification key holds a publication of `files`, whose hash is
    /// `sha256`.
    ///
    /// # Errors
    /// [`PromotionError`]: what does not hold, first.
    pub fn verify(
        &self,
        files: &[PolicyFile],
        sha256: Hash,
        vkey: &str,
    ) -> Result<(), PromotionError> {
        let mut entry = self.entry.clone();
        let stated = policy_of(&mut entry)?.sha256;
        if stated != Some(sha256) {
            return Err(PromotionError::Text {
                expected: sha256,
                found: stated.map_or_else(|| "none".to_owned(), |hash| hash.to_string()),
            });
        }
        let trust = Trust::from_key(vkey.parse()?)?;
        self.rebuild(files)?.verify(&trust)?;
        Ok(())
    }
}

/// The `policy` part of an entry that can be promoted.
fn policy_of(entry: &mut Entry) -> Result<&mut PolicyEntry, PromotionError> {
    let (seq, sandbox, kind) = (entry.seq, entry.sandbox, entry.body.kind());
    let Body::Policy(policy) = &mut entry.body else {
        return Err(PromotionError::Kind { kind });
    };
    if let Some(first) = policy.continues {
        return Err(PromotionError::Continuation { first });
    }
    if !sandbox {
        return Err(PromotionError::NotSandbox { seq });
    }
    if policy.promotion.is_some() {
        return Err(PromotionError::Promoted { seq });
    }
    Ok(policy)
}

/// The files of a policy, sorted by path, in parts of at most [`POLICY_PART_BYTES_MAX`] bytes of JSON
/// each, cut between characters; a file that goes on in the next part stands in both. Every ledger cuts
/// by this rule, so that the part of a text that stands in its first entry is known from the text.
pub fn policy_parts(files: &[PolicyFile]) -> Vec<Vec<PolicyFile>> {
    /// `{"path":"","text":""},`
    const FRAME: usize = 23;
    let mut sorted: Vec<&PolicyFile> = files.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    let mut parts: Vec<Vec<PolicyFile>> = Vec::new();
    let mut part: Vec<PolicyFile> = Vec::new();
    let mut room = POLICY_PART_BYTES_MAX;
    for file in sorted {
        let opened = || PolicyFile {
            path: file.path.clone(),
            text: String::new(),
        };
        let frame = FRAME + file.path.len();
        if room < frame && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            room = POLICY_PART_BYTES_MAX;
        }
        room = room.saturating_sub(frame);
        let mut current = opened();
        for character in file.text.chars() {
            let bytes = json_bytes(character);
            if bytes > room {
                part.push(std::mem::replace(&mut current, opened()));
                parts.push(std::mem::take(&mut part));
                room = POLICY_PART_BYTES_MAX.saturating_sub(frame);
            }
            current.text.push(character);
            room = room.saturating_sub(bytes);
        }
        part.push(current);
    }
    parts.push(part);
    parts
}

/// How many bytes a character takes in JSON: a control character six, what has a short escape two.
const fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\t' | '\r' | '\u{8}' | '\u{c}' => 2,
        control if control.is_ascii_control() => 6,
        other => other.len_utf8(),
    }
}
