//! Checkpoints: the origin, size and root of a log, as the text of a signed note (C2SP tlog-checkpoint).
//!
//! A checkpoint is only believed through [`Trust`](crate::trust::Trust), which knows whose signatures count.

use crate::fault::Fault;
use crate::hash::{Hash, empty_root};
use crate::note::{NoteError, SignedNote, SigningKey};
use crate::syntax::{Lines, Problem, SyntaxError, decimal, decode_base64_hash, encode_base64};
use crate::tree::TREE_SIZE_MAX;

/// A log's tree at one size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The log's name; equal to the name of the key that signs.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root hash over them.
    pub root: Hash,
    /// Extension lines, without their newlines. A ledger writes none; another log's are signed with the
    /// rest, kept, and mean nothing here.
    pub extensions: Vec<String>,
}

/// Why a checkpoint could not be read or signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// Unreadable: not of the format.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Refuted: more leaves than a tree can have.
    #[error("tree size `{size}` is too large, expected at most {TREE_SIZE_MAX}")]
    Size {
        /// The size claimed.
        size: u64,
    },
    /// Refuted: an empty tree has one root.
    #[error(
        "expected the root of an empty tree to be `{}`, found `{found}`",
        empty_root()
    )]
    EmptyRoot {
        /// The root claimed.
        found: Hash,
    },
    /// The signing key has another name than the log: our own mistake, nothing was signed.
    #[error("the signing key is named `{key}`, expected the log's origin `{origin}`")]
    KeyName {
        /// The key's name.
        key: String,
        /// The log's.
        origin: String,
    },
    /// The text cannot be signed: a line of it breaks the format. Nothing was signed.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl CheckpointError {
    /// What the error says about the material.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Syntax(_) => Fault::Unreadable,
            Self::Size { .. } | Self::EmptyRoot { .. } | Self::KeyName { .. } => Fault::Refuted,
            Self::Note(e) => e.fault(),
        }
    }
}

impl Checkpoint {
    /// The checkpoint of a log named `origin`, without extension lines.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self {
            origin: origin.into(),
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let Self {
            origin,
            size,
            root,
            extensions,
        } = self;
        let mut text = format!("{origin}\n{size}\n{}\n", encode_base64(root.0));
        for line in extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads a note's text as a checkpoint.
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = Lines::of(text.as_bytes())?;
        let origin = lines.need("the log's origin")?;
        if origin.is_empty() {
            return Err(lines
                .fail(Problem::expected("the log's origin", origin))
                .into());
        }
        let size = lines.need("the tree size")?;
        let size = decimal("tree size", size).map_err(|e| lines.fail(e))?;
        let root = lines.need("the root hash")?;
        let root = decode_base64_hash("root hash", root).map_err(|e| lines.fail(e))?;
        let mut extensions = Vec::new();
        while let Some(line) = lines.next()? {
            if line.is_empty() {
                let expected = "an extension line or the end of the text";
                return Err(lines.fail(Problem::expected(expected, line)).into());
            }
            extensions.push(line.to_owned());
        }
        if size > TREE_SIZE_MAX {
            return Err(CheckpointError::Size { size });
        }
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::EmptyRoot { found: root });
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions,
        })
    }

    /// The checkpoint as a signed note. The key must have the log's name.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedNote, CheckpointError> {
        if key.name() != self.origin {
            let (key, origin) = (key.name().to_owned(), self.origin.clone());
            return Err(CheckpointError::KeyName { key, origin });
        }
        let text = self.to_text();
        // Whatever is signed can be read back as what was meant.
        if Self::parse_text(&text)? != *self {
            return Err(Problem::expected("no line break in an extension line", "")
                .at(4)
                .into());
        }
        Ok(SignedNote::sign(text, key)?)
    }
}
