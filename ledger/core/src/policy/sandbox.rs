//! `[sandbox]`: whom a sandbox may write to and call, and what it keeps in clear.

use std::collections::BTreeSet;

use super::parse::pointers;
use super::read::{Reader, Section};
use crate::limits::{FAKE_DOMAINS_MAX, FAKE_PHONES_MAX};
use crate::normalise;
use crate::redact::Pointer;
use crate::token::Token;

/// What a policy says of sandboxes.
#[derive(Debug, Default)]
pub(super) struct Sandbox {
    pub(super) fake_domains: BTreeSet<String>,
    pub(super) fake_phones: BTreeSet<Token>,
    pub(super) clear: Vec<Pointer>,
}

pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Sandbox {
    let Some(mut section) = root.section(reader, "sandbox") else {
        return Sandbox::default();
    };
    let sandbox = Sandbox {
        fake_domains: fake_domains(reader, &mut section),
        fake_phones: fake_phones(reader, &mut section),
        clear: pointers(reader, &mut section, "clear"),
    };
    section.finish(reader);
    sandbox
}

/// The tokens of phones that ring at nobody's. A number itself would stand in the log in clear, where no
/// policy may have one.
fn fake_phones(reader: &mut Reader<'_>, section: &mut Section<'_>) -> BTreeSet<Token> {
    let list = section.strings(reader, "fake_phones", FAKE_PHONES_MAX);
    let mut phones = BTreeSet::new();
    for (i, item) in list.into_iter().flat_map(|list| list.value).enumerate() {
        let digits = item.value.strip_prefix("token:");
        if let Some(token) = digits.and_then(|digits| digits.parse().ok()) {
            phones.insert(token);
            continue;
        }
        let problem = "is not valid: expected `token:` and 64 lower-case hex digits";
        reader.error(
            item.at,
            &section.key(&format!("fake_phones[{i}]")),
            Some(item.value),
            problem.to_owned(),
            "take the sandbox's token of the number from `ledgerctl token --phone`",
        );
    }
    phones
}

/// The fake domains, in canonical form.
fn fake_domains(reader: &mut Reader<'_>, section: &mut Section<'_>) -> BTreeSet<String> {
    let list = section.strings(reader, "fake_domains", FAKE_DOMAINS_MAX);
    let mut domains = BTreeSet::new();
    for (i, item) in list.into_iter().flat_map(|list| list.value).enumerate() {
        // A list of domains takes `@host`; here it would be the beginning of an address.
        let problem = if item.value.contains('@') {
            "has an `@`: expected a domain alone".to_owned()
        } else {
            match normalise::domain(item.value) {
                Ok(key) => {
                    domains.insert(key.identifier);
                    continue;
                }
                Err(error) => format!("is not a domain that can be used: {}", error.rule),
            }
        };
        reader.error(
            item.at,
            &section.key(&format!("fake_domains[{i}]")),
            Some(item.value),
            problem,
            "name a domain of your own, for instance `sales.example.dev`",
        );
    }
    domains
}
