//! Normalisation: from what a runtime knows of a person to the keys by which the person is matched.
//!
//! Tokens match by equality alone, so every spelling of one identifier must come out as one string,
//! and what has no safe reading must come out as none: a contact action with such a recipient is
//! denied. Where two different people could share a result, over-blocking was chosen, since the
//! opposite mistake contacts somebody who asked not to be.
//!
//! The keys of one recipient, in this order: `email`, `email.canonical`, `domain` (longest first, the
//! registrable one last; under a reserved top-level name that name), `phone`, `contact`, `account`.
//!
//! - **E-mail**: trimmed; mapped by UTS 46 as a whole (lower-cased, full-width and other compatibility
//!   forms folded, invisible characters dropped, NFC), so that the local part and the host fold
//!   alike; the host then to A-labels. [`Rule`] lists what is refused.
//! - **Canonical e-mail**: everything from the first `+` of the local part is dropped, at every host:
//!   subaddressing is common far beyond Gmail, and which hosts do it cannot be known. (A `+` in the
//!   first place is kept: nothing would be left.) At gmail.com and googlemail.com, which are one, dots
//!   go too. No other host's rules are applied.
//! - **Domains**: the full host, then each parent on a label boundary down to the registrable one. The
//!   public suffixes are those of the list's ICANN section alone: with its private section
//!   `someone.github.io` would be out of reach of a listing of `github.io`. A host that is a public
//!   suffix itself (`co.uk`, or a single label) has no registrable domain and is refused. Below a
//!   top-level name of [`RESERVED_DOMAINS`] the keys go on up to that name (`a@mail.foo.test`:
//!   `mail.foo.test`, `foo.test`, `test`), so that a sandbox knows everything below it by one token.
//!   Nobody can register there, so that nothing else is lost: throttles per domain, which count the last
//!   key, count all of it as one. googlemail.com is gmail.com: a listing of either is one of both.
//! - **Phone**: see [`phone`]. **Contact and account ids**: see [`opaque`].
//!
//! [`VERSION`] names these rules and the public suffix list, which is compiled in.

mod rule;

use std::fmt;

use icu_normalizer::uts46::Uts46MapperBorrowed;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use psl::{Psl, Type};

use crate::token::{Kind, SubjectKey, Token};

pub use rule::{NormaliseError, Rule};

/// The name of Google's mail hosts, of which there are two.
const GMAIL: &str = "gmail.com";

/// The normaliser's version: the number of these rules (with the Unicode tables they use), and the
/// version of the public suffix list. When either changes, so may tokens, and genesis tells.
pub const VERSION: &str = "2+psl-2.1.247";

/// Why it is not known here which keys a ledger of this normaliser makes: its rules are none of those up to
/// [`VERSION`]'s, under all of which the same kinds of key stand together. The list of public suffixes behind
/// the number changes tokens, not their kinds.
pub fn unknown(version: &str) -> Option<String> {
    let rules = |version: &str| version.split_once('+')?.0.parse::<u32>().ok();
    let is_known = rules(version).is_some_and(|found| Some(found) <= rules(VERSION));
    (!is_known).then(|| format!("normaliser `{version}`"))
}

/// The most `domain` keys of one address; a host with more levels cannot be normalised.
pub const DOMAIN_KEYS_MAX: usize = 8;
/// The most bytes of an identifier as given, before normalisation.
pub const INPUT_BYTES_MAX: usize = 1024;
/// The most bytes of a local part (RFC 5321 section 4.5.3.1.1).
pub const LOCAL_BYTES_MAX: usize = 64;
/// The most bytes of a host (RFC 1035 section 2.3.4, without the root's).
pub const HOST_BYTES_MAX: usize = 253;
/// The most bytes of a contact, account, mailbox, provider or object id.
pub const ID_BYTES_MAX: usize = 256;
/// The fewest and the most digits of a phone number.
pub const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// What UTS 46 maps to `@`, and `@` itself.
const AT: [char; 3] = ['@', '\u{ff20}', '\u{fe6b}'];

/// The country codes under which a national number may begin with 0, so that it is no prefix.
const LEADING_ZERO: [&str; 5] = ["39", "378", "225", "241", "242"];

/// Domains that belong to nobody (RFC 2606, RFC 6761), sorted. A name without a dot is a top-level
/// domain, and everything below it is reserved too. Every address below one of them has its token as a
/// domain key.
pub const RESERVED_DOMAINS: [&str; 7] = [
    "example",
    "example.com",
    "example.net",
    "example.org",
    "invalid",
    "localhost",
    "test",
];

/// What a runtime knows of one person, as it knows it.
#[derive(Clone, Copy, Default)]
pub struct Identifiers<'a> {
    /// An e-mail address.
    pub email: Option<&'a str>,
    /// A phone number.
    pub phone: Option<&'a str>,
    /// The id of the person in the CRM.
    pub contact: Option<&'a str>,
    /// The id of the person's company in the CRM.
    pub account: Option<&'a str>,
}

/// One normalised identifier. Personal data: `Debug` shows its kind alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchKey {
    /// What it is.
    pub kind: Kind,
    /// Its one spelling.
    pub identifier: String,
}

impl MatchKey {
    fn new(kind: Kind, identifier: String) -> Self {
        Self { kind, identifier }
    }

    /// Its token under `key`.
    pub fn token(&self, key: &SubjectKey) -> Token {
        key.token(&self.kind, &self.identifier)
    }
}

impl fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MatchKey({} [redacted])", self.kind)
    }
}

/// The match keys of one person, and what of the person could not be normalised.
///
/// Both may be there at once: the keys are still looked up, so that a denial gives every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The keys, in the order of the module's documentation.
    pub keys: Vec<MatchKey>,
    /// One error for each identifier given that cannot be normalised.
    pub unusable: Vec<NormaliseError>,
}

impl Identity {
    /// Normalises everything given. Nothing given is no error: the gate denies a recipient without keys.
    pub fn of(given: Identifiers<'_>) -> Self {
        let mut identity = Self {
            keys: Vec::new(),
            unusable: Vec::new(),
        };
        identity.take(given.email.map(email_keys));
        identity.take(given.phone.map(|raw| Ok(vec![phone(raw)?])));
        identity.take(
            given
                .contact
                .map(|raw| Ok(vec![opaque(Kind::Contact, raw)?])),
        );
        identity.take(
            given
                .account
                .map(|raw| Ok(vec![opaque(Kind::Account, raw)?])),
        );
        identity
    }

    fn take(&mut self, keys: Option<Result<Vec<MatchKey>, NormaliseError>>) {
        match keys {
            Some(Ok(keys)) => self.keys.extend(keys),
            Some(Err(error)) => self.unusable.push(error),
            None => {}
        }
    }

    /// The registrable domain of the address, if there is one: what throttles per domain count. Of an
    /// address under a reserved top-level name, that name.
    pub fn registrable_domain(&self) -> Option<&str> {
        let last = self.keys.iter().rfind(|key| key.kind == Kind::Domain);
        last.map(|key| key.identifier.as_str())
    }
}

/// Whom a DNC listing or exemption names.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// One person, by address: listed under `email` and `email.canonical`, so that tags and dots do
    /// not lead past it.
    Email(&'a str),
    /// A domain and everything below it.
    Domain(&'a str),
    /// One person, by phone number.
    Phone(&'a str),
    /// One person, by id in the CRM.
    Contact(&'a str),
    /// A company, by id in the CRM.
    Account(&'a str),
}

/// The keys of a listing: any one of them matches a recipient that carries it.
///
/// # Errors
/// [`NormaliseError`]. A domain that is a public suffix (`com`, `co.uk`) is refused: it would list
/// everybody below it. One of the private section (`github.io`) is not.
pub fn list_keys(subject: Subject<'_>) -> Result<Vec<MatchKey>, NormaliseError> {
    match subject {
        Subject::Email(raw) => {
            let mut keys = email_keys(raw)?;
            keys.retain(|key| key.kind != Kind::Domain);
            Ok(keys)
        }
        Subject::Domain(raw) => Ok(vec![domain(raw)?]),
        Subject::Phone(raw) => Ok(vec![phone(raw)?]),
        Subject::Contact(raw) => Ok(vec![opaque(Kind::Contact, raw)?]),
        Subject::Account(raw) => Ok(vec![opaque(Kind::Account, raw)?]),
    }
}

/// The keys of an address: `email`, `email.canonical` and its domains.
///
/// # Errors
/// [`NormaliseError`] of kind [`Kind::Email`].
pub fn email_keys(raw: &str) -> Result<Vec<MatchKey>, NormaliseError> {
    let keys = || {
        let (local, host) = address(raw)?;
        let canonical = canonical(&local, &host)?;
        let domains = domains(&host)?;
        let mut keys = vec![
            MatchKey::new(Kind::Email, format!("{local}@{host}")),
            MatchKey::new(Kind::EmailCanonical, canonical),
        ];
        keys.extend(
            domains
                .into_iter()
                .map(|domain| MatchKey::new(Kind::Domain, one_name(domain).to_owned())),
        );
        Ok(keys)
    };
    keys().map_err(|rule| NormaliseError {
        kind: Kind::Email,
        rule,
    })
}

/// A domain to be listed: a host as in an address, a leading `@` or `.` and a trailing dot allowed.
///
/// # Errors
/// [`NormaliseError`] of kind [`Kind::Domain`].
pub fn domain(raw: &str) -> Result<MatchKey, NormaliseError> {
    let key = || {
        let mapped = mapped(raw)?;
        let bare = mapped.strip_prefix(['@', '.']).unwrap_or(&mapped);
        let host = host(bare)?;
        domains(&host)?;
        Ok(MatchKey::new(Kind::Domain, one_name(&host).to_owned()))
    };
    key().map_err(|rule| NormaliseError {
        kind: Kind::Domain,
        rule,
    })
}

/// A phone number in E.164: after spaces, dots, dashes and parentheses are taken out, `+` and 8 to 15
/// digits.
///
/// Spaces and dashes include the typographic ones. What the rule would let through is refused where it
/// makes a second spelling of a number that a listing would then miss: a zero after the `+` (no country
/// code begins with one), a zero alone in parentheses as in `+44 (0)20`, and a zero after the country
/// code as in `+44020`, but for the countries whose national numbers begin with one (Italy and San
/// Marino, Côte d'Ivoire, Gabon, Congo). Letters, extensions, `00` instead of `+` and national forms
/// are refused.
///
/// # Errors
/// [`NormaliseError`] of kind [`Kind::Phone`].
pub fn phone(raw: &str) -> Result<MatchKey, NormaliseError> {
    let number = || {
        let text = trimmed(raw)?;
        // With all other separators out: `( 0 )` is `(0)`.
        let grouped = text
            .chars()
            .filter(|c| matches!(c, '(' | ')') || !is_phone_separator(*c))
            .collect::<String>();
        if grouped.contains("(0)") {
            return Err(Rule::PhoneTrunkPrefix);
        }
        let number = grouped
            .chars()
            .filter(|c| !is_phone_separator(*c))
            .collect::<String>();
        let digits = number.strip_prefix('+').ok_or(Rule::PhonePlus)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Rule::PhoneCharacter);
        }
        if !PHONE_DIGITS.contains(&digits.len()) {
            return Err(Rule::PhoneLength);
        }
        if digits.starts_with('0') {
            return Err(Rule::PhoneZero);
        }
        let (country, national) = digits.split_at(country_code_digits(digits));
        if national.starts_with('0') && !LEADING_ZERO.contains(&country) {
            return Err(Rule::PhoneTrunkPrefix);
        }
        Ok(MatchKey::new(Kind::Phone, number))
    };
    number().map_err(|rule| NormaliseError {
        kind: Kind::Phone,
        rule,
    })
}

/// A sending mailbox: an address becomes its canonical form, so that tags and dots do not make two
/// mailboxes out of one; any other name is taken as [`opaque`] takes it.
///
/// # Errors
/// [`NormaliseError`] of kind [`Kind::Mailbox`].
pub fn mailbox(raw: &str) -> Result<MatchKey, NormaliseError> {
    if !raw.contains(AT) {
        return opaque(Kind::Mailbox, raw);
    }
    let name = || {
        let (local, host) = address(raw)?;
        canonical(&local, &host)
    };
    let name = name().map_err(|rule| NormaliseError {
        kind: Kind::Mailbox,
        rule,
    })?;
    Ok(MatchKey::new(Kind::Mailbox, name))
}

/// An id that another system gave (contact, account, provider, object): trimmed, 1 to 256 bytes,
/// without control characters and, but for a provider's, without any that no eye sees: two ids that look
/// alike to whoever lists one of them would be two. Upper and lower case differ, and so do Unicode forms
/// and hyphens that look alike: such ids are compared byte by byte where they come from. A contact or an
/// account with an `@` is refused: it is an address, and as an id a listing of that address would miss it.
///
/// # Errors
/// [`NormaliseError`] of that kind.
pub fn opaque(kind: Kind, raw: &str) -> Result<MatchKey, NormaliseError> {
    match opaque_text(raw) {
        Ok(text) if matches!(kind, Kind::Contact | Kind::Account) && text.contains(AT) => {
            Err(NormaliseError {
                kind,
                rule: Rule::IdAddress,
            })
        }
        // A report is never turned away for how a provider names its messages.
        Ok(text) if kind != Kind::ProviderId && text.contains(is_invisible) => {
            Err(NormaliseError {
                kind,
                rule: Rule::Invisible,
            })
        }
        Ok(text) => Ok(MatchKey::new(kind, text.to_owned())),
        Err(rule) => Err(NormaliseError { kind, rule }),
    }
}

/// What leaves no mark on paper: `Default_Ignorable_Code_Point` of Unicode 16 (zero-width characters,
/// joiners, controls of text direction, variation selectors, tags, fillers), annotations, separators of
/// lines and paragraphs, and the blank of braille.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn opaque_text(raw: &str) -> Result<&str, Rule> {
    let text = trimmed(raw)?;
    if text.len() > ID_BYTES_MAX {
        return Err(Rule::TooLong { max: ID_BYTES_MAX });
    }
    if text.chars().any(char::is_control) {
        return Err(Rule::Control);
    }
    Ok(text)
}

/// Whether a normalised host is one of [`RESERVED_DOMAINS`] or below one.
pub fn is_reserved(host: &str) -> bool {
    RESERVED_DOMAINS.iter().any(|reserved| {
        host.strip_suffix(reserved)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn trimmed(raw: &str) -> Result<&str, Rule> {
    if raw.len() > INPUT_BYTES_MAX {
        return Err(Rule::TooLong {
            max: INPUT_BYTES_MAX,
        });
    }
    let text = raw.trim();
    if text.is_empty() {
        Err(Rule::Empty)
    } else {
        Ok(text)
    }
}

/// Trimmed and mapped by UTS 46 (non-transitional). What it disallows (unassigned code points,
/// private use, controls of text direction) is refused.
fn mapped(raw: &str) -> Result<String, Rule> {
    let text = trimmed(raw)?;
    if text.chars().any(char::is_control) {
        return Err(Rule::Control);
    }
    let mapped = Uts46MapperBorrowed::new()
        .map_normalize(text.chars())
        .collect::<String>();
    if mapped.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Rule::Disallowed);
    }
    if mapped.is_empty() {
        Err(Rule::Empty)
    } else {
        Ok(mapped)
    }
}

/// The normalised local part and host of an address.
fn address(raw: &str) -> Result<(String, String), Rule> {
    let mapped = mapped(raw)?;
    let (local, at_host) = mapped.split_once('@').ok_or(Rule::NotOneAt)?;
    if at_host.contains('@') {
        return Err(Rule::NotOneAt);
    }
    local_part(local)?;
    Ok((local.to_owned(), host(at_host)?))
}

/// Refused: the empty one; over 64 bytes; white space and characters that no eye sees; quotes and the
/// other specials of RFC 5322, which a mailer may read as a second recipient, a comment or a display
/// name; `!` and `%`, which once meant a route through another host; `=?`, with which an encoded word
/// (RFC 2047) begins, that a mailer may decode to another address.
fn local_part(local: &str) -> Result<(), Rule> {
    if local.is_empty() {
        return Err(Rule::LocalEmpty);
    }
    if local.len() > LOCAL_BYTES_MAX {
        return Err(Rule::LocalTooLong);
    }
    let refused = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | '\\' | ']' | '!' | '%'
            )
            || matches!(c, '\u{200c}' | '\u{200d}')
    };
    if local.contains(refused) {
        Err(Rule::LocalCharacter)
    } else if local.contains("=?") {
        Err(Rule::LocalEncodedWord)
    } else {
        Ok(())
    }
}

/// A mapped host in A-labels, without a trailing dot.
///
/// Refused: what IDNA refuses; characters other than letters, digits and hyphens, and hyphens at the
/// ends of labels; labels over 63 bytes and hosts over 253; IP addresses, in brackets or bare.
fn host(mapped: &str) -> Result<String, Rule> {
    let bare = mapped.strip_suffix('.').unwrap_or(mapped);
    if bare.is_empty() {
        return Err(Rule::HostEmpty);
    }
    if bare.starts_with('[') || is_numeric(bare) {
        return Err(Rule::IpLiteral);
    }
    let ascii = Uts46::new()
        .to_ascii(
            bare.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| Rule::HostLabel)?;
    // IDNA checks the length too; this is the cap that entries and listings count on.
    if ascii.len() > HOST_BYTES_MAX {
        return Err(Rule::HostLabel);
    }
    Ok(ascii.into_owned())
}

/// Whether a host would be read as an IPv4 address: its last label is a decimal or hexadecimal number.
fn is_numeric(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

/// The mailbox behind a normalised address.
fn canonical(local: &str, host: &str) -> Result<String, Rule> {
    let gmail = one_name(host) == GMAIL;
    let untagged = match local.find('+') {
        Some(at) if at > 0 || gmail => &local[..at],
        _ => local,
    };
    if !gmail {
        return Ok(format!("{untagged}@{host}"));
    }
    let bare = untagged.replace('.', "");
    if bare.is_empty() {
        Err(Rule::CanonicalEmpty)
    } else {
        Ok(format!("{bare}@{GMAIL}"))
    }
}

/// The one name of a host under which mailboxes have two.
fn one_name(host: &str) -> &str {
    if host == "googlemail.com" {
        GMAIL
    } else {
        host
    }
}

/// The host and its parents down to the registrable domain, or to the reserved top-level name, longest
/// first.
fn domains(host: &str) -> Result<Vec<&str>, Rule> {
    let suffix = public_suffix(host);
    let mut found = Vec::new();
    let mut rest = host;
    while rest.len() > suffix.len() {
        found.push(rest);
        rest = rest.split_once('.').map_or("", |(_, parent)| parent);
    }
    if !found.is_empty() && RESERVED_DOMAINS.contains(&suffix) {
        found.push(suffix);
    }
    match found.len() {
        0 => Err(Rule::PublicSuffix),
        n if n > DOMAIN_KEYS_MAX => Err(Rule::TooManyLevels),
        _ => Ok(found),
    }
}

/// The longest public suffix of a host by the list's ICANN section; by its default rule, the last
/// label.
fn public_suffix(host: &str) -> &str {
    // The list answers with the longest rule of either section. Where that is a private one, the
    // ICANN rule is found by asking again about what follows the private suffix's first label.
    let mut rest = host;
    loop {
        let info = psl::List.find(rest.rsplit('.').map(str::as_bytes));
        let suffix = rest
            .len()
            .checked_sub(info.len)
            .map_or(rest, |at| &rest[at..]);
        match (info.typ, suffix.split_once('.')) {
            (Some(Type::Private), Some((_, parent))) => rest = parent,
            _ => return suffix,
        }
    }
}

/// How many digits the country code takes that a number begins with (ITU-T E.164 and its list of
/// assigned codes): one in the zones 1 and 7, two where the zone gives the code to one country, three
/// everywhere else.
fn country_code_digits(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0' | b'1' | b'2' | b'3' | b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

fn is_phone_separator(c: char) -> bool {
    let dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let space = c.is_whitespace() && !c.is_control();
    dash || space || matches!(c, '.' | '(' | ')')
}
