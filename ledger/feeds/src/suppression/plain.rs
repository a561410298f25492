//! Format `plain`: one identifier a line. Empty lines, and lines that begin with `#`, are passed over.

use std::io::BufRead;
use std::ops::ControlFlow;

use super::record::Lines;
use super::{Change, Reject, Row, Sink, Subject, Unreadable};

/// What every line of a file is, where the lines do not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A phone number, `+` and country code first.
    Phone,
    /// A person's id in the CRM.
    Contact,
    /// A company's id in the CRM.
    Account,
    /// A domain.
    Domain,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Email,
        Self::Phone,
        Self::Contact,
        Self::Account,
        Self::Domain,
    ];

    /// The word before an identifier of this kind.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Contact => "contact",
            Self::Account => "account",
            Self::Domain => "domain",
        }
    }

    fn subject(self, identifier: &str) -> Subject {
        match self {
            Self::Email => Subject::email(identifier),
            Self::Phone => Subject::phone(identifier),
            Self::Contact => Subject::contact(identifier),
            Self::Account => Subject::Account(identifier.trim().to_owned()),
            Self::Domain => Subject::Domain(identifier.trim().to_owned()),
        }
    }
}

pub(super) fn read<R: BufRead>(
    input: R,
    kind: Option<Kind>,
    sink: Sink<'_>,
) -> Result<(), Unreadable> {
    let mut lines = Lines::new(input);
    let mut raw = Vec::new();
    while let Some(line) = lines.append(&mut raw, None)? {
        let row = row(line, &raw, kind);
        raw.clear();
        if let Some(row) = row
            && sink(row) == ControlFlow::Break(())
        {
            break;
        }
    }
    Ok(())
}

/// What a line says; nothing where it is empty or a remark.
fn row(line: u64, raw: &[u8], kind: Option<Kind>) -> Option<Result<Row, Reject>> {
    let reject = |field, why: String| Some(Err(Reject { line, field, why }));
    let Ok(text) = std::str::from_utf8(raw) else {
        return reject("row", "is not UTF-8 text".to_owned());
    };
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let (kind, identifier) = match (kind, text.split_once(':')) {
        (Some(kind), _) => (kind, text),
        (None, Some((word, identifier))) if Kind::ALL.iter().any(|kind| kind.word() == word) => {
            let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
            (kind, identifier)
        }
        (None, _) => {
            let why = "expected `email:`, `phone:`, `contact:`, `account:` or `domain:` before the identifier; \
                       or name the kind of every line with --kind";
            return reject("row", why.to_owned());
        }
    };
    if identifier.trim().is_empty() {
        return reject(kind.word(), "is empty".to_owned());
    }
    let subject = kind.subject(identifier);
    if let Err((field, why)) = subject.check() {
        return reject(field, why);
    }
    Some(Ok(Row {
        line,
        change: Change::List,
        subject,
        reason: None,
        requested_at: None,
    }))
}
