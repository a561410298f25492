//! Which names and which strings are secrets. What is no secret though it is named like one stands here
//! too, in [`HARMLESS_ENDINGS`] and [`ABOUT`], and nowhere else.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Names whose value is a secret, folded as [`fold`] does.
pub const SECRET_NAMES: [&str; 10] = [
    "accesskeyid",
    "auth",
    "bearer",
    "csrf",
    "jwt",
    "otp",
    "passcode",
    "pwd",
    "sessionid",
    "signature",
];

/// What a name, or its part before further words, ends in when its value is a secret, folded likewise:
/// `db_password`, `X-Api-Key`, `slackBotToken`, `private_key_pem`, `authorization_header`.
pub const SECRET_ENDINGS: [&str; 26] = [
    "accesskey",
    "accesskeys",
    "apikey",
    "apikeys",
    "authorization",
    "authorizations",
    "connectionstring",
    "connectionstrings",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "encryptionkey",
    "passphrase",
    "passphrases",
    "passwd",
    "password",
    "passwords",
    "privatekey",
    "privatekeys",
    "secret",
    "secretkey",
    "secrets",
    "signingkey",
    "token",
    "tokens",
];

/// Last words of names whose value is a secret, as words alone: `smtp_pass`, and not `compass`.
pub const SECRET_WORDS: [&str; 4] = ["jwt", "pass", "passcode", "pwd"];

/// Exceptions: what ends so is no secret. Cursors of pages, and counts of a model's tokens.
pub const HARMLESS_ENDINGS: [&str; 19] = [
    "audiotokens",
    "budgettokens",
    "cachedtokens",
    "completiontokens",
    "continuationtoken",
    "designtokens",
    "imagetokens",
    "inputtokens",
    "maxtokens",
    "mintokens",
    "newtokens",
    "nexttoken",
    "outputtokens",
    "pagetoken",
    "paginationtoken",
    "predictiontokens",
    "prompttokens",
    "reasoningtokens",
    "totaltokens",
];

/// Exceptions: a name that ends in such a word says something about a secret, and holds none:
/// `token_count`, `password_hint`, `cookie_consent`, `token_expires_at`.
pub const ABOUT: [&str; 29] = [
    "age",
    "at",
    "budget",
    "consent",
    "count",
    "counts",
    "details",
    "enabled",
    "expiration",
    "expires",
    "expiry",
    "hint",
    "in",
    "length",
    "limit",
    "limits",
    "max",
    "min",
    "name",
    "policy",
    "rate",
    "required",
    "size",
    "status",
    "strength",
    "ttl",
    "type",
    "usage",
    "used",
];

/// Names of members that say what the member `value` beside them is: `{"name":"Authorization","value":…}`.
const NAMING: [&str; 3] = ["header", "key", "name"];
/// Names of the members that they speak of.
const NAMED: [&str; 2] = ["value", "values"];

/// As many characters of a credential are one whatever follows them.
const CREDENTIAL_LONG: usize = 16;

/// Base 64 as clients send it, with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A name as names are compared: letters and digits alone, in lower case.
pub fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether the value of a member of this name is a secret, by the lists above.
pub(super) fn is_secret(name: &str) -> bool {
    if SECRET_NAMES.contains(&fold(name).as_str()) {
        return true;
    }
    let words = words(name);
    let mut so_far = String::new();
    for (i, word) in words.iter().enumerate() {
        so_far.push_str(word);
        let last = i + 1 == words.len();
        if last
            && (SECRET_WORDS.contains(&word.as_str()) || SECRET_NAMES.contains(&so_far.as_str()))
        {
            return true;
        }
        let ends = |list: &[&str]| list.iter().any(|ending| so_far.ends_with(ending));
        let about = || {
            words
                .last()
                .is_some_and(|word| ABOUT.contains(&word.as_str()))
        };
        if ends(&SECRET_ENDINGS) && !ends(&HARMLESS_ENDINGS) && (last || !about()) {
            return true;
        }
    }
    false
}

/// Whether what stands under this name is a count where it is a number: `{"tokens":512}`.
pub(super) fn counts(name: &str) -> bool {
    words(name)
        .last()
        .is_some_and(|word| word.ends_with("tokens"))
}

/// Whether a member of this name says what the member `value` beside it is.
pub(super) fn is_naming(name: &str) -> bool {
    NAMING.contains(&fold(name).as_str())
}

/// Whether a member of this name is what another beside it names.
pub(super) fn is_named(name: &str) -> bool {
    NAMED.contains(&fold(name).as_str())
}

/// Whether a string is the credential of an HTTP request: `Bearer …` or `Basic …`, by itself or after
/// `Authorization:` (RFC 6750 section 2.1, RFC 7617 section 2). The credential of `Basic` is base 64 of
/// what has a colon, or else these are words: `Basic plan`.
pub(super) fn is_credential(text: &str) -> bool {
    let text = text.trim_start();
    let bare = ["authorization:", "proxy-authorization:"]
        .iter()
        .find_map(|header| after(text, header))
        .map_or(text, str::trim_start);
    let credential = |scheme: &str| {
        let rest = after(bare, scheme)?;
        let found = rest.trim_start_matches([' ', '\t']);
        if found.len() == rest.len() {
            return None;
        }
        // `token68` of RFC 7235 section 2.1; `_` and `-` are also those of base 64 for URLs.
        let is_token68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        let end = found.find(|c| !is_token68(c)).unwrap_or(found.len());
        Some(found.split_at(end))
    };
    if let Some((token, rest)) = credential("bearer") {
        return token.len() >= CREDENTIAL_LONG || (!token.is_empty() && rest.trim().is_empty());
    }
    credential("basic").is_some_and(|(token, _)| {
        let plain = token.replace('-', "+").replace('_', "/");
        BASE64
            .decode(plain)
            .is_ok_and(|bytes| bytes.contains(&b':'))
    })
}

/// What follows a beginning, in whatever case that is.
fn after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let head = text.get(..beginning.len())?;
    head.eq_ignore_ascii_case(beginning)
        .then(|| &text[beginning.len()..])
}

/// The words of a name in lower case, in whatever way they are joined (`api_key`, `Api-Key`, `apiKey`,
/// `APIKey`), each without the number or version at its end: `token2`, `token_v2`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i));
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || chars.get(i + 1).is_some_and(|next| next.is_lowercase())
            });
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    for word in &mut words {
        let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
        if bare.len() < word.len() {
            let bare = bare.strip_suffix('v').unwrap_or(bare);
            word.truncate(bare.len());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
