use std::fmt;

use crate::fault::Fault;
use crate::note::{
    KeyKind, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NameError, SigningKey, VerificationKey, key,
};
use crate::syntax::{Lines, Problem, SyntaxError, decode_base64, encode_base64, shown};

/// How a signature line starts: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A text with its signatures, read or made but not verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The id of the key.
    pub id: u32,
    /// The signature, without the key id: of the length that the key's type gives it.
    pub bytes: Vec<u8>,
}

/// Why a note could not be read, signed or verified.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// Unreadable: larger than any note.
    #[error("the signed note has {found} bytes, expected at most {NOTE_BYTES_MAX}")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Unreadable: not of the format.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Unreadable: a signature's key name cannot be one.
    #[error("line {line}: {source}")]
    Name {
        /// The line, from 1.
        line: usize,
        /// What is wrong with the name.
        source: NameError,
    },
    /// Refuted: a signature by a known key does not fit the text.
    #[error("the signature by `{key}` does not verify")]
    BadSignature {
        /// The key, as a vkey.
        key: String,
    },
    /// Refuted: a known key's signature has another length than its type.
    #[error("the signature by `{key}` has {found} bytes, expected {expected}")]
    SignatureLength {
        /// The key, as a vkey.
        key: String,
        /// The length that its type has.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// Refuted: a cosignature's time is above 2^63 - 1.
    #[error("the cosignature by `{key}` has the time `{found}`, expected at most 2^63 - 1")]
    Timestamp {
        /// The key, as a vkey.
        key: String,
        /// The time found.
        found: u64,
    },
    /// Refuted: a known key has signed twice. One signature says all that a second one could.
    #[error("there are two signatures by `{key}`, expected one")]
    Duplicate {
        /// The key, as a vkey.
        key: String,
    },
    /// Refuted: nobody known has signed.
    #[error("no signature by a trusted key: expected one by {expected}, found {found}")]
    Untrusted {
        /// The keys that would have counted.
        expected: String,
        /// The keys that signed.
        found: String,
    },
}

impl NoteError {
    /// What the error says about the material.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } | Self::Syntax(_) | Self::Name { .. } => Fault::Unreadable,
            Self::BadSignature { .. }
            | Self::SignatureLength { .. }
            | Self::Timestamp { .. }
            | Self::Duplicate { .. }
            | Self::Untrusted { .. } => Fault::Refuted,
        }
    }
}

/// A note of which at least one signature is by a known key, and no signature by one is bad.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedNote<'n, 'k> {
    /// The text that was signed, with its final newline.
    pub text: &'n str,
    /// The signatures by known keys, in the note's order.
    pub signatures: Vec<VerifiedSignature<'k>>,
}

/// A signature that verified.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct VerifiedSignature<'k> {
    /// The key that signed.
    pub key: &'k VerificationKey,
    /// Of a cosignature, when it was made: seconds since 1970-01-01T00:00:00Z by the witness's own clock.
    pub time_s: Option<u64>,
}

impl SignedNote {
    /// Signs `text`, which must end in a newline and have no other control character.
    pub fn sign(text: String, key: &SigningKey) -> Result<Self, NoteError> {
        let mut lines = Lines::of(text.as_bytes())?;
        lines.need("the text to sign")?;
        while lines.next()?.is_some() {}
        let signature = NoteSignature {
            name: key.name().to_owned(),
            id: key.verification_key().id(),
            bytes: key.sign_bytes(text.as_bytes()).to_vec(),
        };
        Ok(Self {
            text,
            signatures: vec![signature],
        })
    }

    /// Reads a note: the text up to the last empty line, then at least one and at most
    /// [`NOTE_SIGNATURES_MAX`] signature lines, each with its newline, and nothing else.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { found: bytes.len() });
        }
        let mut lines = Lines::of(bytes)?;
        let whole = lines.rest();
        let end = whole.rfind("\n\n");
        let text_lines = end.map_or(0, |end| whole[..=end].matches('\n').count());
        for _ in 0..text_lines {
            lines.next()?;
        }
        let (Some(end), Some("")) = (end, lines.next()?) else {
            while lines.next()?.is_some() {}
            let expected = "an empty line and signatures after the text";
            return Err(Problem::Ended { expected }.at(lines.line() + 1).into());
        };
        let mut signatures = Vec::new();
        while let Some(line) = lines.next()? {
            if signatures.len() == NOTE_SIGNATURES_MAX {
                let max = NOTE_SIGNATURES_MAX;
                return Err(lines
                    .fail(Problem::TooMany {
                        field: "signatures",
                        max,
                    })
                    .into());
            }
            signatures.push(NoteSignature::read(line, &lines)?);
        }
        if signatures.is_empty() {
            let expected = "a signature line";
            return Err(Problem::Ended { expected }.at(lines.line() + 1).into());
        }
        Ok(Self {
            text: whole[..=end].to_owned(),
            signatures,
        })
    }

    /// The signed text, with its final newline. Not to be believed before [`verify`](Self::verify).
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, unverified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The note's bytes; of a note that was read, those that were read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Verifies the signatures of all `known` keys, and that there is one. Signatures by other keys, also
    /// if they share a name or an id (but not both) with a known one, are ignored.
    pub fn verify<'n, 'k>(
        &'n self,
        known: &'k [VerificationKey],
    ) -> Result<VerifiedNote<'n, 'k>, NoteError> {
        let mut signatures: Vec<VerifiedSignature<'k>> = Vec::new();
        for signature in &self.signatures {
            // Two keys of one name and id can only be told apart by which of them verifies. Both are
            // trusted, so the first that does counts.
            let mut failure = None;
            for key in known.iter().filter(|key| signature.is_of(key)) {
                match signature.verify(key, &self.text) {
                    Ok(verified) if signatures.iter().any(|other| other.key == key) => {
                        return Err(NoteError::Duplicate {
                            key: verified.key.to_string(),
                        });
                    }
                    Ok(verified) => {
                        signatures.push(verified);
                        failure = None;
                        break;
                    }
                    Err(e) => failure = Some(e),
                }
            }
            if let Some(e) = failure {
                return Err(e);
            }
        }
        if signatures.is_empty() {
            let expected = list(known.iter().map(VerificationKey::to_string));
            let found = list(
                self.signatures
                    .iter()
                    .map(|s| format!("{}+{:08x}", s.name, s.id)),
            );
            return Err(NoteError::Untrusted { expected, found });
        }
        Ok(VerifiedNote {
            text: &self.text,
            signatures,
        })
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, id, bytes } in &self.signatures {
            let blob = [id.to_be_bytes().as_slice(), bytes].concat();
            writeln!(f, "{SIGNATURE_PREFIX}{name} {}", encode_base64(blob))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    /// Reads the line that `lines` is at.
    fn read(line: &str, lines: &Lines<'_>) -> Result<Self, NoteError> {
        const FORM: &str = "`\u{2014} <key name> <base64 signature>`";
        let (name, blob) = line
            .strip_prefix(SIGNATURE_PREFIX)
            .and_then(|line| line.split_once(' '))
            .ok_or_else(|| lines.fail(Problem::expected(FORM, line)))?;
        key::check_name(name).map_err(|source| NoteError::Name {
            line: lines.line(),
            source,
        })?;
        let blob = decode_base64("signature", blob).map_err(|e| lines.fail(e))?;
        match blob.split_first_chunk() {
            Some((id, bytes)) if !bytes.is_empty() => Ok(Self {
                name: name.to_owned(),
                id: u32::from_be_bytes(*id),
                bytes: bytes.to_vec(),
            }),
            _ => Err(lines
                .fail(Problem::expected("a key id and a signature", &shown(line)))
                .into()),
        }
    }

    fn is_of(&self, key: &VerificationKey) -> bool {
        self.id == key.id() && self.name == key.name()
    }

    fn verify<'k>(
        &self,
        key: &'k VerificationKey,
        text: &str,
    ) -> Result<VerifiedSignature<'k>, NoteError> {
        let length = || NoteError::SignatureLength {
            key: key.to_string(),
            expected: key.kind().signature_bytes(),
            found: self.bytes.len(),
        };
        let (time_s, signature, message) = match key.kind() {
            KeyKind::Ed25519 => (None, self.bytes.as_slice(), None),
            KeyKind::CosignatureV1 => {
                let (time, signature) = self.bytes.split_first_chunk().ok_or_else(length)?;
                let time = u64::from_be_bytes(*time);
                // C2SP tlog-cosignature, "Ed25519 signed message".
                let message = format!("cosignature/v1\ntime {time}\n{text}");
                (Some(time), signature, Some(message))
            }
        };
        let signature: &[u8; 64] = signature.try_into().map_err(|_| length())?;
        if let Some(found) = time_s.filter(|&time| time > i64::MAX as u64) {
            return Err(NoteError::Timestamp {
                key: key.to_string(),
                found,
            });
        }
        let message = message.as_deref().unwrap_or(text);
        key.verify_strict(message.as_bytes(), signature)
            .map_err(|_| NoteError::BadSignature {
                key: key.to_string(),
            })?;
        Ok(VerifiedSignature { key, time_s })
    }
}
