//! `[sandbox]`: whom a sandbox may write to, and what it keeps in clear.

use std::collections::BTreeSet;

use super::parse::pointers;
use super::read::{Reader, Section};
use crate::limits::FAKE_DOMAINS_MAX;
use crate::normalise;
use crate::redact::Pointer;

pub(super) fn read(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
) -> (BTreeSet<String>, Vec<Pointer>) {
    let Some(mut section) = root.section(reader, "sandbox") else {
        return Default::default();
    };
    let domains = fake_domains(reader, &mut section);
    let clear = pointers(reader, &mut section, "clear");
    section.finish(reader);
    (domains, clear)
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
