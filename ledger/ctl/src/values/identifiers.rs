//! Whom something is about: a person, a domain, a company.

use clap::Args;
use ledger_core::normalise::{self, MatchKey, NormaliseError};
use ledger_core::token::Kind;
use ledger_proto::v1::{self, subject::Of};

use crate::failure::Failure;

/// Everything known of one person.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PersonArgs {
    /// The person's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// The person's phone number, `+` and country code first
    #[arg(long, value_name = "NUMBER")]
    pub(crate) phone: Option<String>,
    /// The person's id in the CRM
    #[arg(long, value_name = "ID")]
    pub(crate) contact: Option<String>,
}

/// One person, by any of the first three together; or one domain; or one company.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SubjectArgs {
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    /// A company's id in the CRM, instead of a person
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// A domain instead of a person: everybody with an address in it or below it
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<String>,
}

impl PersonArgs {
    /// Whether nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.email.is_none() && self.phone.is_none() && self.contact.is_none()
    }

    /// For the wire; at least one must be there.
    pub(crate) fn to_wire(&self) -> Result<v1::Identifiers, Failure> {
        if self.is_empty() {
            return Err(Failure::usage(
                "nobody is named: give --email, --phone or --contact",
            ));
        }
        let mut problems = Vec::new();
        let mut check = |keys: Option<Result<Vec<MatchKey>, NormaliseError>>| {
            problems.extend(keys.and_then(Result::err).map(|error| error.to_string()));
        };
        check(self.email.as_deref().map(normalise::email_keys));
        check(
            self.phone
                .as_deref()
                .map(|raw| normalise::phone(raw).map(|key| vec![key])),
        );
        check(
            self.contact
                .as_deref()
                .map(|raw| normalise::opaque(Kind::Contact, raw).map(|key| vec![key])),
        );
        if !problems.is_empty() {
            return Err(Failure::usage(problems.join("; ")));
        }
        Ok(v1::Identifiers {
            email: self.email.clone().unwrap_or_default(),
            phone: self.phone.clone().unwrap_or_default(),
            contact_id: self.contact.clone().unwrap_or_default(),
            account_id: String::new(),
        })
    }
}

impl SubjectArgs {
    /// Whether nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.person.is_empty() && self.account.is_none() && self.domain.is_none()
    }

    /// For the wire; exactly one of a person, a domain and a company.
    pub(crate) fn to_wire(&self) -> Result<v1::Subject, Failure> {
        let of = match (self.person.is_empty(), &self.account, &self.domain) {
            (false, None, None) => Of::Person(self.person.to_wire()?),
            (true, Some(account), None) => {
                normalise::opaque(Kind::Account, account)
                    .map_err(|error| Failure::usage(error.to_string()))?;
                Of::AccountId(account.clone())
            }
            (true, None, Some(domain)) => {
                normalise::domain(domain).map_err(|error| Failure::usage(error.to_string()))?;
                Of::Domain(domain.clone())
            }
            (true, None, None) => {
                return Err(Failure::usage(
                    "nobody is named: give --email, --phone, --contact, --account or --domain",
                ));
            }
            _ => {
                return Err(Failure::usage(
                    "a person, a company (--account) and a domain (--domain) are different subjects: name one at a time",
                ));
            }
        };
        Ok(v1::Subject { of: Some(of) })
    }
}

/// Reads one line of a list: `ada@example.com`, `+44 20 7946 0000`, `@example.com` for a domain, or
/// `kind:identifier` with the kind `email`, `phone`, `contact`, `account` or `domain`.
pub(crate) fn listed(line: &str) -> Result<v1::Subject, String> {
    const EXPECTED: &str = "expected an e-mail address, a phone number with `+`, `@` and a domain, or `email:`, `phone:`, `contact:`, `account:` \
         or `domain:` before the identifier";
    let (kind, identifier) = match line.split_once(':') {
        Some((kind, identifier)) => (kind, identifier.trim()),
        None if line.starts_with('@') => ("domain", line),
        None if line.starts_with('+') => ("phone", line),
        None if line.contains('@') => ("email", line),
        None => return Err(EXPECTED.to_owned()),
    };
    let given = Some(identifier.to_owned());
    let mut subject = SubjectArgs::default();
    match kind {
        "email" => subject.person.email = given,
        "phone" => subject.person.phone = given,
        "contact" => subject.person.contact = given,
        "account" => subject.account = given,
        "domain" => subject.domain = given,
        _ => return Err(EXPECTED.to_owned()),
    }
    subject
        .to_wire()
        .map_err(|failure| failure.problem().to_string())
}

/// The identifiers of one person, a company's among them, each kind once.
pub(crate) fn one_person(subjects: &[v1::Subject]) -> Result<v1::Identifiers, Failure> {
    let mut person = v1::Identifiers::default();
    let mut put = |kind: &str, place: fn(&mut v1::Identifiers) -> &mut String, value: &str| {
        let place = place(&mut person);
        if !value.is_empty() && !place.is_empty() {
            return Err(Failure::usage(format!(
                "--subject names two identifiers of the kind `{kind}`: give the command once for each"
            )));
        }
        place.push_str(value);
        Ok(())
    };
    for subject in subjects {
        match &subject.of {
            Some(Of::Person(given)) => {
                put("email", |person| &mut person.email, &given.email)?;
                put("phone", |person| &mut person.phone, &given.phone)?;
                put(
                    "contact",
                    |person| &mut person.contact_id,
                    &given.contact_id,
                )?;
            }
            Some(Of::AccountId(id)) => put("account", |person| &mut person.account_id, id)?,
            Some(Of::Domain(_)) | None => {
                return Err(Failure::usage(
                    "--subject names a domain, which is nobody: expected an address, a number, `contact:` or `account:`",
                ));
            }
        }
    }
    Ok(person)
}

/// One subject: a person by several identifiers, or one company, or one domain.
pub(crate) fn one_subject(subjects: &[v1::Subject]) -> Result<v1::Subject, Failure> {
    if let [one] = subjects {
        return Ok(one.clone());
    }
    let is_person = |subject: &v1::Subject| matches!(subject.of, Some(Of::Person(_)));
    if !subjects.iter().all(is_person) {
        return Err(Failure::usage(
            "--subject names a company or a domain beside somebody else: these are different subjects, name one at a time",
        ));
    }
    Ok(v1::Subject {
        of: Some(Of::Person(one_person(subjects)?)),
    })
}

/// The keys that a listing of this subject has, as the ledger has to make them.
pub(crate) fn listing_keys(subject: &v1::Subject) -> Result<Vec<MatchKey>, NormaliseError> {
    match &subject.of {
        Some(Of::Person(person)) => {
            let given = [
                normalise::Subject::Email(&person.email),
                normalise::Subject::Phone(&person.phone),
                normalise::Subject::Contact(&person.contact_id),
            ];
            let texts = [&person.email, &person.phone, &person.contact_id];
            let mut keys = Vec::new();
            for (one, text) in given.into_iter().zip(texts) {
                if !text.is_empty() {
                    keys.extend(normalise::list_keys(one)?);
                }
            }
            Ok(keys)
        }
        Some(Of::Domain(domain)) => normalise::list_keys(normalise::Subject::Domain(domain)),
        Some(Of::AccountId(account)) => normalise::list_keys(normalise::Subject::Account(account)),
        None => Ok(Vec::new()),
    }
}

/// The identifiers of a person as the core reads them: what is empty is not known.
pub(crate) fn known(given: &v1::Identifiers) -> normalise::Identifiers<'_> {
    let some = |text: &'_ str| !text.is_empty();
    normalise::Identifiers {
        email: Some(given.email.as_str()).filter(|text| some(text)),
        phone: Some(given.phone.as_str()).filter(|text| some(text)),
        contact: Some(given.contact_id.as_str()).filter(|text| some(text)),
        account: Some(given.account_id.as_str()).filter(|text| some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(email: Option<&str>, account: Option<&str>, domain: Option<&str>) -> SubjectArgs {
        SubjectArgs {
            person: PersonArgs {
                email: email.map(str::to_owned),
                ..PersonArgs::default()
            },
            account: account.map(str::to_owned),
            domain: domain.map(str::to_owned),
        }
    }

    #[test]
    fn a_subject_is_one_of_three() {
        let of = |args: SubjectArgs| args.to_wire().map(|subject| subject.of).ok().flatten();
        assert!(matches!(
            of(args(Some("ada@example.com"), None, None)),
            Some(Of::Person(_))
        ));
        assert!(
            matches!(of(args(None, Some("001"), None)), Some(Of::AccountId(id)) if id == "001")
        );
        assert!(
            matches!(of(args(None, None, Some("example.com"))), Some(Of::Domain(name)) if name == "example.com")
        );
        for refused in [
            args(None, None, None),
            args(Some("ada@example.com"), Some("001"), None),
            args(Some("ada@example.com"), None, Some("example.com")),
            args(None, Some("001"), Some("example.com")),
            args(Some("not an address"), None, None),
            args(None, None, Some("com")),
        ] {
            assert_eq!(of(refused), None);
        }
    }

    #[test]
    fn identifiers_of_one_person_are_one_subject_and_of_two_are_none() {
        let of = |lines: &[&str]| {
            let subjects: Vec<_> = lines.iter().map(|line| listed(line).unwrap()).collect();
            one_subject(&subjects).map(|subject| subject.of.unwrap())
        };
        let Of::Person(person) =
            of(&["ada@example.com", "contact:003A", "+44 20 7946 0000"]).unwrap()
        else {
            panic!("a person");
        };
        assert_eq!(
            (&*person.email, &*person.contact_id, &*person.phone),
            ("ada@example.com", "003A", "+44 20 7946 0000")
        );
        assert_eq!(
            of(&["@example.com"]).unwrap(),
            Of::Domain("@example.com".to_owned())
        );
        assert_eq!(
            of(&["account:001"]).unwrap(),
            Of::AccountId("001".to_owned())
        );
        for two in [
            ["ada@example.com", "bob@example.com"],
            ["ada@example.com", "@example.com"],
            ["contact:003A", "account:001"],
        ] {
            let failure = of(&two).unwrap_err();
            assert!(!failure.to_string().contains("003A"), "{failure}");
        }
    }

    #[test]
    fn what_cannot_be_normalised_is_not_repeated() {
        let failure = args(Some("ada lovelace@example.com"), None, None)
            .to_wire()
            .unwrap_err();
        assert!(!failure.to_string().contains("lovelace"), "{failure}");
    }

    #[test]
    fn a_line_of_a_list_says_its_kind() {
        let kinds = |line: &str| -> Vec<String> {
            let keys = listing_keys(&listed(line).unwrap()).unwrap();
            keys.into_iter()
                .map(|key| format!("{} {}", key.kind, key.identifier))
                .collect()
        };
        assert_eq!(
            kinds("Ada.L+x@gmail.com"),
            ["email ada.l+x@gmail.com", "email.canonical adal@gmail.com"]
        );
        assert_eq!(kinds("+44 20 7946 0000"), ["phone +442079460000"]);
        assert_eq!(kinds("@example.com"), ["domain example.com"]);
        assert_eq!(kinds("domain:example.com"), ["domain example.com"]);
        assert_eq!(kinds("contact: 003A"), ["contact 003A"]);
        assert_eq!(kinds("account:a:b"), ["account a:b"]);
        for line in [
            "",
            "example.com",
            "person:ada",
            "020 7946 0000",
            "email:",
            "@com",
        ] {
            assert!(listed(line).is_err(), "{line}");
        }
    }
}
