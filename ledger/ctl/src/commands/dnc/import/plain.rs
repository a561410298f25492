//! Format `plain`: one identifier a line.

use std::fmt::Write as _;

use clap::ValueEnum;
use ledger_proto::v1;

use crate::values::identifiers::listed;

/// What every line of a file is, where the lines do not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// An e-mail address
    Email,
    /// A phone number, `+` and country code first
    Phone,
    /// A person's id in the CRM
    Contact,
    /// A company's id in the CRM
    Account,
    /// A domain
    Domain,
}

impl Kind {
    /// The word before an identifier of this kind.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Contact => "contact",
            Self::Account => "account",
            Self::Domain => "domain",
        }
    }
}

/// A list of which every line is good.
#[derive(Debug)]
pub(super) struct List<'a> {
    text: &'a str,
    kind: Option<Kind>,
    len: u64,
}

impl<'a> List<'a> {
    /// Reads the whole of it. Otherwise every bad line, by its number from 1; never by what it says, which
    /// may name somebody.
    pub(super) fn check(bytes: &'a [u8], kind: Option<Kind>) -> Result<Self, String> {
        let mut bad = String::new();
        let mut count = 0_u64;
        let mut note = |number: usize, why: &str| {
            count += 1;
            // Writing to a string does not fail.
            let _ = write!(bad, "\n  line {number}: {why}");
        };
        // Excel marks its UTF-8 files so.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut len = 0;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let Ok(line) = std::str::from_utf8(line) else {
                note(number, "is not UTF-8 text");
                continue;
            };
            match subject(line, kind) {
                None => {}
                Some(Ok(_)) => len += 1,
                Some(Err(why)) => note(number, &why),
            }
        }
        if count > 0 {
            let lines = if count == 1 {
                "1 bad line".to_owned()
            } else {
                format!("{count} bad lines")
            };
            return Err(format!("has {lines}, and nothing was sent:{bad}"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
        if len == 0 {
            return Err("names nobody".to_owned());
        }
        Ok(Self { text, kind, len })
    }

    /// How many are named.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Who is named, in the order of the file.
    pub(super) fn subjects(&self) -> impl Iterator<Item = v1::Subject> + use<'a> {
        let kind = self.kind;
        self.text
            .split('\n')
            .filter_map(move |line| subject(line, kind)?.ok())
    }
}

/// Who a line names; nobody where it is empty or a remark.
fn subject(line: &str, kind: Option<Kind>) -> Option<Result<v1::Subject, String>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    Some(match kind {
        Some(kind) => listed(&format!("{}:{line}", kind.word())),
        None if line.contains(':') => listed(line),
        None => Err(
            "expected `email:`, `phone:`, `contact:`, `account:` or `domain:` before the identifier; \
             or name the kind of every line with --kind"
                .to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_proto::v1::subject::Of;

    fn named(text: &str, kind: Option<Kind>) -> Vec<Of> {
        let list = List::check(text.as_bytes(), kind).unwrap();
        let named: Vec<Of> = list.subjects().map(|subject| subject.of.unwrap()).collect();
        assert_eq!(list.len(), named.len() as u64);
        named
    }

    #[test]
    fn every_line_says_its_kind() {
        let of = named(
            "\u{feff}# asked\r\nemail:ada@example.com\r\n\n domain: example.org \naccount:001\ncontact:003:A",
            None,
        );
        let person = |email: &str, contact: &str| {
            Of::Person(v1::Identifiers {
                email: email.to_owned(),
                contact_id: contact.to_owned(),
                ..v1::Identifiers::default()
            })
        };
        assert_eq!(
            of,
            [
                person("ada@example.com", ""),
                Of::Domain("example.org".to_owned()),
                Of::AccountId("001".to_owned()),
                person("", "003:A"),
            ]
        );
    }

    #[test]
    fn one_kind_for_all_lines() {
        let of = named("+44 20 7946 0000\n+442079460001", Some(Kind::Phone));
        assert_eq!(of.len(), 2);
        assert!(matches!(&of[1], Of::Person(person) if person.phone == "+442079460001"));
    }

    #[test]
    fn every_bad_line_is_named_and_none_is_repeated() {
        let text = b"email:ada@example.com\nada@example.com\nphone:123\n\nemail:ada lovelace@example.com\n\xff\n";
        let bad = List::check(text, None).unwrap_err();
        for line in [
            "4 bad lines",
            "line 2: ",
            "line 3: ",
            "line 5: ",
            "line 6: ",
        ] {
            assert!(bad.contains(line), "{bad}");
        }
        assert!(
            !bad.contains("line 1:") && !bad.contains("lovelace"),
            "{bad}"
        );
        let many = "x\n".repeat(500);
        let bad = List::check(many.as_bytes(), Some(Kind::Phone)).unwrap_err();
        assert!(bad.contains("\n  line 500: "), "every one is named");
        assert!(List::check(b"# nobody\n", None).is_err());
        assert!(List::check(b"", None).is_err());
    }
}
