//! Openings: the secrets that tie one person's tokens to their identifiers, disclosed on purpose (`.opening`).
//!
//! ```text
//! ledger-opening/v1
//! <kind> <base64 identifier> <64 hex digits of s>
//! ```
//!
//! This is the file alone; what `s` is made of, and which token follows from it, is with the tokens.
//! An opening names a person, so neither its `Debug` nor its errors repeat what stands in it.

use std::fmt;

use crate::fault::Fault;
use crate::syntax::{Lines, Problem, SyntaxError, decode_base64, encode_base64};

/// The first line of every opening.
const HEADER: &str = "ledger-opening/v1";

/// The form of every other line.
const LINE: &str = "`<kind> <base64 identifier> <64 lower-case hex digits>`";

/// Most keys in an opening.
pub const OPENING_KEYS_MAX: usize = 256;

/// Most bytes in an identifier.
pub const IDENTIFIER_BYTES_MAX: usize = 1024;

/// Most bytes in a kind.
pub const KIND_BYTES_MAX: usize = 64;

/// Most bytes in an opening: every key with the longest kind and identifier.
pub const OPENING_BYTES_MAX: usize =
    64 + OPENING_KEYS_MAX * (KIND_BYTES_MAX + IDENTIFIER_BYTES_MAX.div_ceil(3) * 4 + 64 + 3);

/// The opened keys of one person: at least one, each kind and identifier once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    keys: Vec<OpenedKey>,
}

/// One identifier and the secret of its token.
#[derive(Clone, Eq, PartialEq)]
pub struct OpenedKey {
    /// The identifier's kind, such as `email`: a lower-case letter, then lower-case letters, digits, dots
    /// and underscores.
    pub kind: String,
    /// The identifier, normalised, 1 to 1,024 bytes without control characters.
    pub identifier: String,
    /// The secret `s` of this one token (design section 7).
    pub s: [u8; 32],
}

impl fmt::Debug for OpenedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedKey")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why an opening could not be read or made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpeningError {
    /// Unreadable: larger than any opening.
    #[error("the opening has {found} bytes, expected at most {OPENING_BYTES_MAX}")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Unreadable: not of the format.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
}

impl OpeningError {
    /// What the error says about the material.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } | Self::Syntax(_) => Fault::Unreadable,
        }
    }
}

impl Opening {
    /// An opening of these keys, in this order. The lines that errors name are those of its file.
    pub fn new(keys: Vec<OpenedKey>) -> Result<Self, OpeningError> {
        let mut opening = Self { keys: Vec::new() };
        for (at, key) in keys.into_iter().enumerate() {
            opening.push(key).map_err(|e| e.at(at + 2))?;
        }
        if opening.keys.is_empty() {
            return Err(Problem::Ended { expected: LINE }.at(2).into());
        }
        Ok(opening)
    }

    /// The opened keys, in the file's order.
    pub fn keys(&self) -> &[OpenedKey] {
        &self.keys
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        for OpenedKey {
            kind,
            identifier,
            s,
        } in &self.keys
        {
            text.extend([
                kind,
                " ",
                &encode_base64(identifier),
                " ",
                &hex::encode(s),
                "\n",
            ]);
        }
        text.into_bytes()
    }

    /// Reads an opening.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpeningError> {
        if bytes.len() > OPENING_BYTES_MAX {
            return Err(OpeningError::TooLarge { found: bytes.len() });
        }
        let mut lines = Lines::of(bytes)?;
        if lines.need("`ledger-opening/v1`")? != HEADER {
            return Err(lines.fail(withheld("`ledger-opening/v1`")).into());
        }
        let mut opening = Self { keys: Vec::new() };
        opening.read(lines.need(LINE)?).map_err(|e| lines.fail(e))?;
        while let Some(line) = lines.next()? {
            opening.read(line).map_err(|e| lines.fail(e))?;
        }
        Ok(opening)
    }

    fn read(&mut self, line: &str) -> Result<(), Problem> {
        let mut words = line.split(' ');
        let (Some(kind), Some(identifier), Some(s), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(withheld(LINE));
        };
        let identifier = decode_base64("identifier", identifier)
            .map_err(|_| withheld("the identifier as standard base64 with canonical padding"))?;
        let identifier =
            String::from_utf8(identifier).map_err(|_| withheld("an identifier of UTF-8"))?;
        let lower = s
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut secret = [0; 32];
        if !lower || hex::decode_to_slice(s, &mut secret).is_err() {
            return Err(withheld("a secret of 64 lower-case hex digits"));
        }
        self.push(OpenedKey {
            kind: kind.to_owned(),
            identifier,
            s: secret,
        })
    }

    fn push(&mut self, key: OpenedKey) -> Result<(), Problem> {
        if self.keys.len() == OPENING_KEYS_MAX {
            return Err(Problem::TooMany {
                field: "keys",
                max: OPENING_KEYS_MAX,
            });
        }
        let OpenedKey {
            kind, identifier, ..
        } = &key;
        let named = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_');
        if !kind.starts_with(|first: char| first.is_ascii_lowercase())
            || !kind.bytes().all(named)
            || kind.len() > KIND_BYTES_MAX
        {
            return Err(withheld("a kind such as `email` or `email.canonical`"));
        }
        if identifier.is_empty()
            || identifier.len() > IDENTIFIER_BYTES_MAX
            || identifier.contains(char::is_control)
        {
            return Err(withheld(
                "an identifier of 1 to 1024 bytes without control characters",
            ));
        }
        let same = |other: &OpenedKey| other.kind == *kind && other.identifier == *identifier;
        if self.keys.iter().any(same) {
            let found = "(withheld)".to_owned();
            return Err(Problem::Duplicate {
                field: "identifier",
                found,
            });
        }
        self.keys.push(key);
        Ok(())
    }
}

fn withheld(expected: &'static str) -> Problem {
    Problem::expected(expected, "(withheld)")
}
