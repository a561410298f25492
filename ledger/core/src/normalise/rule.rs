//! What an identifier can lack.

use super::{DOMAIN_KEYS_MAX, HOST_BYTES_MAX, LOCAL_BYTES_MAX};
use crate::token::Kind;

/// An identifier that cannot be normalised. It names the kind and the rule, never the value, which is
/// personal data and would end in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} cannot be normalised: {rule}")]
pub struct NormaliseError {
    /// What was to be normalised.
    pub kind: Kind,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// The rules of normalisation that an identifier can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nothing, or nothing but white space.
    #[error("it is empty; leave it out where it is not known")]
    Empty,
    /// Over its limit.
    #[error("it is too long: expected at most {max} bytes")]
    TooLong {
        /// The most bytes.
        max: usize,
    },
    /// A control character.
    #[error("it has a control character: expected printable text")]
    Control,
    /// A character without a mark.
    #[error(
        "it has a character that cannot be seen, such as U+200B: expected the id as the CRM shows it"
    )]
    Invisible,
    /// A code point that IDNA (UTS 46) disallows.
    #[error("it has a character that is disallowed or unassigned in Unicode's IDNA tables")]
    Disallowed,
    /// No `@`, or several.
    #[error("expected exactly one `@`, and no display name or list")]
    NotOneAt,
    /// Nothing before the `@`.
    #[error("nothing stands before the `@`")]
    LocalEmpty,
    /// Over 64 bytes before the `@`.
    #[error("what stands before the `@` is too long: expected at most {LOCAL_BYTES_MAX} bytes")]
    LocalTooLong,
    /// A space, quote, special or route before the `@`.
    #[error(
        "what stands before the `@` has a space, a quote or one of `(),:;<>[]\\!%`: expected a plain mailbox name"
    )]
    LocalCharacter,
    /// `=?` before the `@`.
    #[error("what stands before the `@` has `=?`, as an encoded word begins: expected it decoded")]
    LocalEncodedWord,
    /// Nothing after the `@`.
    #[error("the host is empty")]
    HostEmpty,
    /// Not a host name.
    #[error(
        "the host is not valid: expected labels of 1 to 63 letters, digits and inner hyphens, at most {HOST_BYTES_MAX} bytes in all, valid under IDNA"
    )]
    HostLabel,
    /// An IP address.
    #[error("the host is an IP address: expected a domain name")]
    IpLiteral,
    /// A public suffix.
    #[error(
        "the host is a public suffix, under which anybody can register: expected a domain below it"
    )]
    PublicSuffix,
    /// More domain keys than are kept.
    #[error(
        "the host has too many levels: expected at most {DOMAIN_KEYS_MAX} from the host to its registrable domain, or to the reserved name that it is under"
    )]
    TooManyLevels,
    /// A Gmail address of which only dots and a tag remain.
    #[error("no mailbox is left without dots and tag")]
    CanonicalEmpty,
    /// No `+`.
    #[error("expected E.164: `+`, then the country code")]
    PhonePlus,
    /// A letter or other character that is not a separator.
    #[error(
        "expected digits after the `+`, with spaces, dots, dashes and parentheses between them alone; leave extensions out"
    )]
    PhoneCharacter,
    /// Too few or too many digits.
    #[error("expected 8 to 15 digits after the `+`")]
    PhoneLength,
    /// A zero after the `+`.
    #[error("no country code begins with 0: expected E.164")]
    PhoneZero,
    /// `(0)`, or a zero after the country code.
    #[error("the 0 after the country code is a prefix for calls within the country: leave it out")]
    PhoneTrunkPrefix,
    /// An `@` in the id of a contact or an account.
    #[error("it is an e-mail address: expected the id in the CRM, and addresses in `email`")]
    IdAddress,
}
