//! Tokens: keyed pseudonyms of people and of what belongs to them.
//!
//! For one identifier of one [`Kind`], in the form that [`normalise`](crate::normalise) gives it:
//!
//! ```text
//! s     = HMAC-SHA-256(subject key, kind || 0x00 || identifier)
//! token = SHA-256("ledger-token/v1" || s || kind || 0x00 || identifier)
//! ```
//!
//! Whoever has the log alone cannot go from a token to a person, not even by trying every phone
//! number. `s` opens one token to one auditor and nothing else; the subject key never leaves its
//! daemon. An opening shows that a token belongs to an identifier. That one person has one token only
//! holds if the daemon used its subject key throughout, which no opening shows.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::de::{Deserializer, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

const TOKEN_DOMAIN: &[u8] = b"ledger-token/v1";
const SUBJECT_KEY_DOMAIN: &[u8] = b"ledger-subject-key/v1";
const CONTENT_KEY_DOMAIN: &[u8] = b"ledger-content-key/v1";

/// The most bytes of an object type.
pub const TARGET_TYPE_MAX: usize = 64;

/// Other words for types of objects that every CRM has, plurals and HubSpot's type ids, each with the word
/// that the ledger uses.
const OTHER_WORDS: [(&str, &str); 11] = [
    ("0-1", "contact"),
    ("0-2", "company"),
    ("0-3", "deal"),
    ("accounts", "account"),
    ("companies", "company"),
    ("contacts", "contact"),
    ("deals", "deal"),
    ("leads", "lead"),
    ("people", "person"),
    ("persons", "person"),
    ("tasks", "task"),
];

/// The word that the ledger uses for a type of objects: in lower case, `contacts` and HubSpot's `0-1` as
/// `contact`. Policies, entries and tokens know a type by this word alone, so that no other word for it is
/// a way round what they say of it.
pub fn object_type(given: &str) -> String {
    let lower = given.to_ascii_lowercase();
    let other = OTHER_WORDS.iter().find(|(other, _)| *other == lower);
    other.map_or(lower, |(_, word)| (*word).to_owned())
}

/// What a token stands for. The same identifier under two kinds has two unrelated tokens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `email`: an exact e-mail address.
    Email,
    /// `email.canonical`: the mailbox behind an address, without tags and Gmail's dots.
    EmailCanonical,
    /// `domain`: a host of an address, or a parent of it.
    Domain,
    /// `phone`: an E.164 number.
    Phone,
    /// `contact`: a person's id in the CRM, also of one that it calls a lead or a person.
    Contact,
    /// `account`: a company's id in the CRM.
    Account,
    /// `mailbox`: a sending mailbox.
    Mailbox,
    /// `provider_id`: a provider's id of a message, call or booking.
    ProviderId,
    /// `text`: other text about a person that has to be compared but not read.
    Text,
    /// `target.<type>`: an object that is neither a contact nor an account. Made by [`Kind::target`].
    Target(TargetType),
}

/// A lower-case object type such as `deal`: `[a-z0-9][a-z0-9._-]*`, at most 64 bytes, and none of
/// those that are contacts or accounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetType(Box<str>);

impl TargetType {
    /// The type's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word that names no kind of token, or a type that names no kind of object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// No such kind.
    #[error(
        "token kind `{value}` is unknown: expected email, email.canonical, domain, phone, contact, account, mailbox, provider_id, text or target.<type>"
    )]
    Kind {
        /// The word given, cut to 40 characters.
        value: String,
    },
    /// Not the form of an object type.
    #[error(
        "target type `{value}` is not valid: expected 1 to 64 letters, digits, `.`, `_` or `-`, a letter or digit first"
    )]
    Target {
        /// The type given, cut to 40 characters.
        value: String,
    },
}

impl Kind {
    /// Every kind but those of targets, in the documented order.
    pub const PLAIN: [Self; 9] = [
        Self::Email,
        Self::EmailCanonical,
        Self::Domain,
        Self::Phone,
        Self::Contact,
        Self::Account,
        Self::Mailbox,
        Self::ProviderId,
        Self::Text,
    ];

    /// The kind of an object of the given type, whatever its case and [word](object_type): `contact`, `lead`
    /// and `person` are [`Kind::Contact`], `company` and `account` are [`Kind::Account`], so that a person
    /// acted on and a person contacted have the same token.
    ///
    /// # Errors
    /// [`KindError::Target`] where the type is not of the form of [`TargetType`].
    pub fn target(object_type: &str) -> Result<Self, KindError> {
        let word = self::object_type(object_type);
        match word.as_str() {
            "contact" | "lead" | "person" => Ok(Self::Contact),
            "company" | "account" => Ok(Self::Account),
            _ if is_target_type(&word) => Ok(Self::Target(TargetType(word.into()))),
            _ => Err(KindError::Target {
                value: cut(object_type),
            }),
        }
    }

    /// The word in entries, openings and the token itself.
    pub fn as_str(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Email => "email",
            Self::EmailCanonical => "email.canonical",
            Self::Domain => "domain",
            Self::Phone => "phone",
            Self::Contact => "contact",
            Self::Account => "account",
            Self::Mailbox => "mailbox",
            Self::ProviderId => "provider_id",
            Self::Text => "text",
            Self::Target(target) => return Cow::Owned(format!("target.{}", target.as_str())),
        })
    }
}

fn is_target_type(text: &str) -> bool {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first
        && text.len() <= TARGET_TYPE_MAX
        && text.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')
        })
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str())
    }
}

impl FromStr for Kind {
    type Err = KindError;

    /// Strict: what [`Kind::target`] would have lower-cased or named otherwise is refused, so that one
    /// kind has one word.
    fn from_str(text: &str) -> Result<Self, KindError> {
        if let Some(kind) = Self::PLAIN.into_iter().find(|kind| kind.as_str() == text) {
            return Ok(kind);
        }
        let kind = text
            .strip_prefix("target.")
            .and_then(|target| Self::target(target).ok());
        kind.filter(|kind| kind.as_str() == text)
            .ok_or_else(|| KindError::Kind { value: cut(text) })
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// The keyed pseudonym of one identifier. Text form: 64 lower-case hex digits, no other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub [u8; 32]);

/// A text that is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("token of {chars} characters is not valid: expected 64 lower-case hex digits")]
pub struct TokenError {
    /// How many characters were given. Not the text: it may be an identifier put in the wrong place.
    pub chars: usize,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let refused = || TokenError {
            chars: text.chars().count(),
        };
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refused());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refused())?;
        Ok(Self(bytes))
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Most of an entry is hashes: they are written without a detour through `fmt`.
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).map_err(S::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(&digits).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Token;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token of 64 lower-case hex digits")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Token, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The key that makes tokens. Whoever has it can find every person in the log by trying; whoever
/// loses it can neither match new requests against old listings nor open a token.
pub struct SubjectKey([u8; 32]);

impl SubjectKey {
    /// The key of these bytes, which must be random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What genesis says of the key: `SHA-256("ledger-subject-key/v1" || key)`.
    pub fn commitment(&self) -> [u8; 32] {
        commitment(SUBJECT_KEY_DOMAIN, &self.0)
    }

    /// The secret `s` that opens one token to whoever is given it, and no other.
    pub fn opening_secret(&self, kind: &Kind, identifier: &str) -> [u8; 32] {
        let kind = kind.as_str();
        hmac(&self.0, &[kind.as_bytes(), &[0], identifier.as_bytes()])
    }

    /// The token of a normalised identifier.
    pub fn token(&self, kind: &Kind, identifier: &str) -> Token {
        token_from_opening(&self.opening_secret(kind, identifier), kind, identifier)
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey([redacted])")
    }
}

/// The token that an opening leads to: what an auditor compares with the entry's.
pub fn token_from_opening(s: &[u8; 32], kind: &Kind, identifier: &str) -> Token {
    let kind = kind.as_str();
    let mut hash = Sha256::new();
    for part in [
        TOKEN_DOMAIN,
        s,
        kind.as_bytes(),
        &[0],
        identifier.as_bytes(),
    ] {
        hash.update(part);
    }
    Token(hash.finalize().into())
}

/// The key under which the content of requests is compared. Whoever has it can test a guess at what
/// an agent asked, also after the details were erased.
pub struct ContentKey([u8; 32]);

impl ContentKey {
    /// The key of these bytes, which must be random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What genesis says of the key: `SHA-256("ledger-content-key/v1" || key)`.
    pub fn commitment(&self) -> [u8; 32] {
        commitment(CONTENT_KEY_DOMAIN, &self.0)
    }

    /// HMAC-SHA-256 over the canonical request.
    pub fn content(&self, canonical: &[u8]) -> [u8; 32] {
        hmac(&self.0, &[canonical])
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey([redacted])")
    }
}

fn commitment(domain: &[u8], key: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(domain)
        .chain_update(key)
        .finalize()
        .into()
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // RFC 2104: a key shorter than the hash's block is padded with zeros. Doing it here spares the
    // constructor that takes keys of any length, and with it an error that cannot occur.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
