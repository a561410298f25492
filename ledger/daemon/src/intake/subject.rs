//! People, companies, objects and mailboxes: normalised, then replaced by tokens.

use ledger_core::entry::{Key, Recipient, Target};
use ledger_core::limits::{FIELDS_MAX, KEYS_MAX, RECIPIENTS_MAX, TARGETS_MAX};
use ledger_core::normalise::{self, Identifiers, Identity, MatchKey, NormaliseError};
use ledger_core::token::{self, Kind, Token};
use ledger_core::utc_offset::UtcOffset;
use ledger_proto::v1 as wire;
use serde::Serialize;

use super::{Intake, field, vocabulary};
use crate::content::{Identifier, Object, Person};
use crate::status::FieldError;

/// The most bytes of an address, as RFC 5321 section 4.5.3.1 adds them up.
const EMAIL_BYTES_MAX: usize = 320;
/// The most bytes of a phone number as given, separators included.
const PHONE_BYTES_MAX: usize = 64;
/// The most bytes of the name of a field that an action reads or writes.
const FIELD_NAME_MAX: usize = 64;
/// The bytes of an offset from UTC.
const OFFSET_BYTES: usize = 6;

/// People in every form that is needed of them.
#[derive(Debug, Default)]
pub(super) struct People {
    /// As the entry knows them.
    pub(super) tokens: Vec<Recipient>,
    /// As the canonical request names them.
    pub(super) canonical: Vec<Person>,
    /// As they were received: the detail `recipients`.
    pub(super) raw: Option<Vec<u8>>,
}

/// Whom a report is about.
#[derive(Debug, Default)]
pub(super) struct Reported {
    /// As the entry knows them.
    pub(super) keys: Vec<Key>,
    /// As the canonical request names them.
    pub(super) named: Vec<Identifier>,
    /// What else was given.
    pub(super) unusable: Vec<Identifier>,
}

impl Intake {
    pub(super) fn token(&self, key: &MatchKey) -> Token {
        key.token(&self.subject)
    }

    fn keys(&self, keys: &[MatchKey]) -> Vec<Key> {
        keys.iter()
            .map(|key| Key {
                kind: key.kind.clone(),
                token: self.token(key),
                v: None,
            })
            .collect()
    }

    pub(super) fn recipients(&self, recipients: &[wire::Recipient]) -> Result<People, FieldError> {
        field::at_most("recipients", recipients.len(), RECIPIENTS_MAX, "recipients")?;
        let mut people = People::default();
        let mut raw = Vec::with_capacity(recipients.len());
        let mut keys = 0;
        for (at, recipient) in recipients.iter().enumerate() {
            let role =
                vocabulary::recipient_role(&format!("recipients[{at}].role"), recipient.role)?;
            let given = recipient.identifiers.clone().unwrap_or_default();
            within_limits(&format!("recipients[{at}].identifiers"), &given)?;
            let identity = Identity::of(identifiers(&given));
            let utc_offset = utc_offset(
                &format!("recipients[{at}].utc_offset"),
                &recipient.utc_offset,
            )?;
            keys += identity.keys.len();
            people.canonical.push(Person {
                role,
                keys: named(&identity.keys),
                unusable: identity
                    .unusable
                    .iter()
                    .map(|error| as_given(error, &given))
                    .collect(),
                dnc: recipient.dnc,
                utc_offset,
            });
            people.tokens.push(Recipient {
                role,
                keys: self.keys(&identity.keys),
                utc_offset,
                dnc: recipient.dnc,
                unusable: identity
                    .unusable
                    .into_iter()
                    .map(|error| error.kind)
                    .collect(),
            });
            raw.push(Raw {
                role,
                given,
                utc_offset,
                dnc: recipient.dnc,
            });
        }
        field::at_most(
            "recipients",
            keys,
            KEYS_MAX,
            "match keys over all recipients",
        )?;
        if !raw.is_empty() {
            people.raw = serde_json::to_vec(&raw.iter().map(Raw::json).collect::<Vec<_>>()).ok();
        }
        Ok(people)
    }

    pub(super) fn targets(
        &self,
        targets: Vec<wire::Target>,
    ) -> Result<(Vec<Target>, Vec<Object>), FieldError> {
        field::at_most("targets", targets.len(), TARGETS_MAX, "targets")?;
        let fields: usize = targets
            .iter()
            .map(|target| target.reads.len() + target.writes.len())
            .sum();
        field::at_most(
            "targets",
            fields,
            FIELDS_MAX,
            "field names over all targets",
        )?;
        let mut entries = Vec::with_capacity(targets.len());
        let mut canonical = Vec::with_capacity(targets.len());
        for (at, target) in targets.into_iter().enumerate() {
            let here = |name: &str| format!("targets[{at}].{name}");
            // The words of a type are no personal data unless somebody puts some there.
            field::required_name(&here("type"), &target.r#type, token::TARGET_TYPE_MAX)?;
            let kind = Kind::target(&target.r#type).map_err(|_| {
                let expected = "expected letters, digits, `.`, `_` or `-`, a letter or digit first";
                FieldError::shown(here("type"), &target.r#type, expected)
            })?;
            // The wire's empty string: the action makes the object, and there is no id yet.
            let key = (!target.id.is_empty())
                .then(|| normalise::opaque(kind, &target.id))
                .transpose()
                .map_err(|error| unusable(&here("id"), &error))?;
            let names = |of: &str, names: &[String]| -> Result<(), FieldError> {
                for (i, name) in names.iter().enumerate() {
                    field::required_name(&format!("{}[{i}]", here(of)), name, FIELD_NAME_MAX)?;
                }
                Ok(())
            };
            names("reads", &target.reads)?;
            names("writes", &target.writes)?;
            // One word for each type, in the entry and in the canonical request: as the policy compares them.
            let kind = token::object_type(&target.r#type);
            entries.push(Target {
                kind: kind.clone(),
                id: key.as_ref().map(|key| self.token(key)),
                reads: target.reads.clone(),
                writes: target.writes.clone(),
            });
            canonical.push(Object {
                kind,
                id: key.map(|key| key.identifier),
                reads: target.reads,
                writes: target.writes,
            });
        }
        Ok((entries, canonical))
    }

    pub(super) fn mailbox(&self, raw: &str) -> Result<Option<(Token, String)>, FieldError> {
        if raw.is_empty() {
            return Ok(None);
        }
        let key = normalise::mailbox(raw).map_err(|error| unusable("mailbox", &error))?;
        Ok(Some((self.token(&key), key.identifier)))
    }

    pub(super) fn provider_id(
        &self,
        field: &str,
        raw: &str,
    ) -> Result<Option<(Token, String)>, FieldError> {
        if raw.is_empty() {
            return Ok(None);
        }
        let key =
            normalise::opaque(Kind::ProviderId, raw).map_err(|error| unusable(field, &error))?;
        Ok(Some((self.token(&key), key.identifier)))
    }

    /// Whom a report is about: the keys that name one person and nobody else.
    ///
    /// Evidence is never turned away, so what cannot be normalised refuses nothing; nor does an account
    /// id, which names a company. Neither stands in the entry, both are part of the content. Only what is
    /// over a limit is an error, as everywhere.
    pub(super) fn reported(
        &self,
        field: &str,
        person: Option<&wire::Identifiers>,
    ) -> Result<Reported, FieldError> {
        let Some(given) = person else {
            return Ok(Reported::default());
        };
        within_limits(field, given)?;
        let mut identity = Identity::of(identifiers(given));
        let company = identity.keys.iter().filter(|key| key.kind == Kind::Account);
        let mut other = named(company);
        other.extend(identity.unusable.iter().map(|error| as_given(error, given)));
        identity
            .keys
            .retain(|key| !matches!(key.kind, Kind::Domain | Kind::Account));
        Ok(Reported {
            keys: self.keys(&identity.keys),
            named: named(&identity.keys),
            unusable: other,
        })
    }

    /// The keys of a listing: one person, one domain or one company.
    pub(super) fn listed(
        &self,
        field: &str,
        subject: Option<&wire::Subject>,
    ) -> Result<(Vec<Key>, Vec<Identifier>), FieldError> {
        let keys = match subject.and_then(|subject| subject.of.as_ref()) {
            None => {
                return Err(FieldError::withheld(
                    field,
                    "it is required: expected a person, a domain or an account",
                ));
            }
            Some(wire::subject::Of::Person(person)) => {
                person_keys(&format!("{field}.person"), person)?
            }
            Some(wire::subject::Of::Domain(domain)) => {
                let key = normalise::domain(domain);
                vec![key.map_err(|error| unusable(&format!("{field}.domain"), &error))?]
            }
            Some(wire::subject::Of::AccountId(id)) => {
                let key = normalise::opaque(Kind::Account, id);
                vec![key.map_err(|error| unusable(&format!("{field}.account_id"), &error))?]
            }
        };
        Ok((self.keys(&keys), named(&keys)))
    }

    /// The keys of one person alone, for an exemption.
    pub(super) fn exempted(
        &self,
        field: &str,
        person: Option<&wire::Identifiers>,
    ) -> Result<(Vec<Key>, Vec<Identifier>), FieldError> {
        let keys = person_keys(field, &person.cloned().unwrap_or_default())?;
        Ok((self.keys(&keys), named(&keys)))
    }

    /// Every key under which the gate would look a subject up, each with its token.
    ///
    /// # Errors
    /// [`FieldError`] where anything of it cannot be normalised: a check that leaves something out
    /// would say less than it seems to.
    pub fn looked_up(
        &self,
        subject: Option<&wire::Subject>,
    ) -> Result<Vec<(MatchKey, Token)>, FieldError> {
        let keys = match subject.and_then(|subject| subject.of.as_ref()) {
            None => {
                let expected = "it is required: expected a person, a domain or an account";
                return Err(FieldError::withheld("subject", expected));
            }
            Some(wire::subject::Of::Person(person)) => identity("subject.person", person)?,
            Some(wire::subject::Of::Domain(domain)) => {
                let found = normalise::domain(domain)
                    .map_err(|error| unusable("subject.domain", &error))?;
                // Whoever has an address there is found by every parent too, as any such address shows.
                let anybody = normalise::email_keys(&format!("postmaster@{}", found.identifier));
                let mut keys = anybody.map_err(|error| unusable("subject.domain", &error))?;
                keys.retain(|key| key.kind == Kind::Domain);
                keys
            }
            Some(wire::subject::Of::AccountId(id)) => {
                let key = normalise::opaque(Kind::Account, id);
                vec![key.map_err(|error| unusable("subject.account_id", &error))?]
            }
        };
        Ok(self.tokenised(keys))
    }

    /// Every key of one person, each with its token.
    ///
    /// # Errors
    /// [`FieldError`] where nothing is given, or something cannot be normalised.
    pub fn disclosed(
        &self,
        field: &str,
        person: Option<&wire::Identifiers>,
    ) -> Result<Vec<(MatchKey, Token)>, FieldError> {
        let keys = identity(field, &person.cloned().unwrap_or_default())?;
        Ok(self.tokenised(keys))
    }

    /// The token of a mailbox.
    ///
    /// # Errors
    /// [`FieldError`] where it cannot be normalised.
    pub fn mailbox_token(&self, raw: &str) -> Result<Token, FieldError> {
        let found = self.mailbox(raw)?;
        let missing =
            || FieldError::withheld("mailbox", "it is empty: expected an address or a name");
        found.map(|(token, _)| token).ok_or_else(missing)
    }

    /// The secret that opens one token (design section 7).
    pub fn opening_secret(&self, key: &MatchKey) -> [u8; 32] {
        self.subject.opening_secret(&key.kind, &key.identifier)
    }

    fn tokenised(&self, keys: Vec<MatchKey>) -> Vec<(MatchKey, Token)> {
        keys.into_iter()
            .map(|key| {
                let token = self.token(&key);
                (key, token)
            })
            .collect()
    }
}

/// One recipient as received.
struct Raw {
    role: ledger_core::entry::RecipientRole,
    given: wire::Identifiers,
    utc_offset: Option<UtcOffset>,
    dnc: bool,
}

impl Raw {
    fn json(&self) -> impl Serialize + '_ {
        #[derive(Serialize)]
        struct Json<'a> {
            role: ledger_core::entry::RecipientRole,
            #[serde(skip_serializing_if = "str::is_empty")]
            email: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            phone: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            contact_id: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            account_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            utc_offset: Option<UtcOffset>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            dnc: bool,
        }
        let wire::Identifiers {
            email,
            phone,
            contact_id,
            account_id,
        } = &self.given;
        Json {
            role: self.role,
            email,
            phone,
            contact_id,
            account_id,
            utc_offset: self.utc_offset,
            dnc: self.dnc,
        }
    }
}

fn utc_offset(field: &str, text: &str) -> Result<Option<UtcOffset>, FieldError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let expected = "expected `+00:00` to `+14:00` or `-00:01` to `-14:00`, such as `+05:30`";
        // What is longer than an offset may be anything, somebody's address included.
        if text.len() <= OFFSET_BYTES {
            FieldError::shown(field, &text, expected)
        } else {
            FieldError::withheld(field, expected)
        }
    })
}

/// An empty string is how the wire says that something was not given.
fn identifiers(given: &wire::Identifiers) -> Identifiers<'_> {
    fn some(text: &str) -> Option<&str> {
        (!text.is_empty()).then_some(text)
    }
    Identifiers {
        email: some(&given.email),
        phone: some(&given.phone),
        contact: some(&given.contact_id),
        account: some(&given.account_id),
    }
}

fn within_limits(field: &str, given: &wire::Identifiers) -> Result<(), FieldError> {
    for (name, value, max) in [
        ("email", &given.email, EMAIL_BYTES_MAX),
        ("phone", &given.phone, PHONE_BYTES_MAX),
        ("contact_id", &given.contact_id, normalise::ID_BYTES_MAX),
        ("account_id", &given.account_id, normalise::ID_BYTES_MAX),
    ] {
        if value.len() > max {
            let expected = format!("it has {} bytes: expected at most {max}", value.len());
            return Err(FieldError::withheld(format!("{field}.{name}"), expected));
        }
    }
    Ok(())
}

/// Every key of one person of whom something is known, all of it usable.
fn identity(field: &str, given: &wire::Identifiers) -> Result<Vec<MatchKey>, FieldError> {
    within_limits(field, given)?;
    let identity = Identity::of(identifiers(given));
    if let Some(error) = identity.unusable.first() {
        return Err(unusable(
            &format!("{field}.{}", wire_name(&error.kind)),
            error,
        ));
    }
    if identity.keys.is_empty() {
        return Err(FieldError::withheld(
            field,
            "it names nobody: expected an address, a phone number or an id",
        ));
    }
    Ok(identity.keys)
}

/// The keys that name one person and nobody else: neither their domain nor their company.
fn person_keys(field: &str, given: &wire::Identifiers) -> Result<Vec<MatchKey>, FieldError> {
    if !given.account_id.is_empty() {
        let expected = "it names a company, not a person: list the company by itself";
        return Err(FieldError::withheld(
            format!("{field}.account_id"),
            expected,
        ));
    }
    let mut keys = identity(field, given)?;
    keys.retain(|key| key.kind != Kind::Domain);
    Ok(keys)
}

fn named<'a>(keys: impl IntoIterator<Item = &'a MatchKey>) -> Vec<Identifier> {
    keys.into_iter()
        .map(|key| Identifier {
            kind: key.kind.clone(),
            value: key.identifier.clone(),
        })
        .collect()
}

fn as_given(error: &NormaliseError, given: &wire::Identifiers) -> Identifier {
    let value = match error.kind {
        Kind::Phone => &given.phone,
        Kind::Contact => &given.contact_id,
        Kind::Account => &given.account_id,
        _ => &given.email,
    };
    Identifier {
        kind: error.kind.clone(),
        value: value.clone(),
    }
}

const fn wire_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Phone => "phone",
        Kind::Contact => "contact_id",
        Kind::Account => "account_id",
        _ => "email",
    }
}

fn unusable(field: &str, error: &NormaliseError) -> FieldError {
    FieldError::withheld(field, error.rule.to_string())
}
