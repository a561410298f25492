use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, SignatureError, Signer};
use sha2::{Digest, Sha256};

use crate::syntax::{decode_base64, encode_base64, shown};

/// What a key signs, named by the type byte of its vkey.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum KeyKind {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: Ed25519 over a timestamp and the note's text (cosignature/v1).
    CosignatureV1,
}

impl KeyKind {
    const fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    /// How long its signatures are, without the key id.
    pub(super) const fn signature_bytes(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::CosignatureV1 => 8 + 64,
        }
    }
}

/// A name that no key can have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// Nothing.
    #[error("the key name is empty, expected something like `ledger.example.com/main`")]
    Empty,
    /// A space, a plus, or a control character.
    #[error("the key name has `{found}` in it, expected no space, plus or control character")]
    Character {
        /// The first of them, escaped.
        found: String,
    },
}

/// Checks a key's name: not empty, no Unicode space, no plus, no control character.
pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    match name
        .chars()
        .find(|&c| c.is_whitespace() || c == '+' || c < '\u{20}')
    {
        Some(found) => Err(NameError::Character {
            found: found.escape_debug().collect(),
        }),
        None => Ok(()),
    }
}

/// A key that signatures are checked with, with the name and type that belong to it. As text it is a vkey,
/// `<name>+<key id, 8 hex digits>+<base64 of the type byte and the public key>`.
#[derive(Clone, Eq, PartialEq)]
pub struct VerificationKey {
    name: String,
    kind: KeyKind,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
}

/// A text that is not a vkey, or whose key must not be trusted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VkeyError {
    /// Not three parts.
    #[error("expected `<name>+<key id>+<base64 key>`, found {found}")]
    Parts {
        /// How long the text is. Not what it says: whoever names the wrong file may have named a secret.
        found: String,
    },
    /// The name cannot be a key's.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The key id is not 8 lower-case hex digits.
    #[error("key id: expected 8 lower-case hex digits, found `{found}`")]
    Id {
        /// The start of what is there.
        found: String,
    },
    /// The key is not base64.
    #[error("key: expected standard base64 with canonical padding, found `{found}`")]
    Base64 {
        /// The start of what is there.
        found: String,
    },
    /// The signature type is none of those known here.
    #[error(
        "signature type `0x{found:02x}` is not supported, expected 0x01 (Ed25519) or 0x04 (Ed25519 cosignature)"
    )]
    Kind {
        /// The type byte.
        found: u8,
    },
    /// The public key has the wrong length.
    #[error("expected a public key of 32 bytes, found {found}")]
    Length {
        /// Its bytes.
        found: usize,
    },
    /// The public key is no point of the curve, has another encoding than its own, or is one that anybody can sign for.
    #[error("the public key is not a canonical Ed25519 key of full order")]
    Point,
    /// The key id is not that of the name and key.
    #[error("key id: expected `{expected:08x}` for this name and key, found `{found:08x}`")]
    IdMismatch {
        /// The id computed.
        expected: u32,
        /// The id in the text.
        found: u32,
    },
}

impl VerificationKey {
    /// The key with this name, type and public key.
    pub fn new(name: &str, kind: KeyKind, public_key: &[u8; 32]) -> Result<Self, VkeyError> {
        check_name(name)?;
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(public_key).map_err(|_| VkeyError::Point)?;
        if key.is_weak() || key.to_edwards().compress().as_bytes() != public_key {
            return Err(VkeyError::Point);
        }
        Ok(Self::of(name, kind, key))
    }

    /// `name` was checked.
    fn of(name: &str, kind: KeyKind, key: ed25519_dalek::VerifyingKey) -> Self {
        // key ID = SHA-256(key name || 0x0A || signature type || public key)[:4]
        let mut hasher = Sha256::new();
        hasher.update(name);
        hasher.update([b'\n', kind.type_byte()]);
        hasher.update(key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
        Self {
            name: name.to_owned(),
            kind,
            id: u32::from_be_bytes([a, b, c, d]),
            key,
        }
    }

    /// The key's name; of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key id: not a fingerprint, only a hint which key a signature is of.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The public key itself.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks one Ed25519 signature, strictly: no other encoding of it, no key or nonce of small order.
    pub(super) fn verify_strict(
        &self,
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), SignatureError> {
        self.key
            .verify_strict(message, &Signature::from_bytes(signature))
    }
}

impl fmt::Display for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.type_byte()];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, encode_base64(key))
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({self})")
    }
}

/// What is said of a text that is nothing of what was expected, and may be the secret of a file that was
/// named by mistake.
pub(crate) fn withheld(text: &str) -> String {
    format!(
        "{} other characters (withheld: they may be a secret)",
        text.chars().count()
    )
}

impl FromStr for VerificationKey {
    type Err = VkeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .split_once('+')
            .and_then(|(name, rest)| Some((name, rest.split_once('+')?)));
        let (name, (id, key)) = parts.ok_or_else(|| VkeyError::Parts {
            found: withheld(text),
        })?;
        check_name(name)?;
        let hex = id.len() == 8
            && id
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = u32::from_str_radix(id, 16)
            .ok()
            .filter(|_| hex)
            .ok_or_else(|| VkeyError::Id { found: shown(id) })?;
        let bytes =
            decode_base64("key", key).map_err(|_| VkeyError::Base64 { found: shown(key) })?;
        let (kind, public_key) = match bytes.split_first() {
            Some((0x01, public_key)) => (KeyKind::Ed25519, public_key),
            Some((0x04, public_key)) => (KeyKind::CosignatureV1, public_key),
            Some((&found, _)) => return Err(VkeyError::Kind { found }),
            None => return Err(VkeyError::Length { found: 0 }),
        };
        let public_key = public_key.try_into().map_err(|_| VkeyError::Length {
            found: public_key.len(),
        })?;
        let parsed = Self::new(name, kind, public_key)?;
        if parsed.id != id {
            return Err(VkeyError::IdMismatch {
                expected: parsed.id,
                found: id,
            });
        }
        Ok(parsed)
    }
}

/// The key that a log signs its checkpoints with. It is wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    verification: VerificationKey,
}

impl SigningKey {
    /// The Ed25519 key made from this secret seed (RFC 8032's private key), under this name. The caller
    /// wipes the seed.
    pub fn from_seed(seed: &[u8; 32], name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verification = VerificationKey::of(name, KeyKind::Ed25519, key.verifying_key());
        Ok(Self { key, verification })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.verification.name
    }

    /// The key that its signatures are checked with.
    pub const fn verification_key(&self) -> &VerificationKey {
        &self.verification
    }

    pub(super) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret stays out of logs: a signing key shows as the public half alone.
        write!(f, "SigningKey(of {})", self.verification)
    }
}
