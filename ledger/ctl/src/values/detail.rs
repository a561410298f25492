//! What is kept outside the log: `name=TEXT`, `name=@FILE`, `name=@-` for standard input.

use std::io::Read;
use std::path::PathBuf;

use ledger_proto::v1;

use super::words::detail_name;
use crate::failure::{Failure, Problem};
use crate::proof::{Verified, same};

/// The value of a detail, and where to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// As it stands.
    Text(String),
    /// In a file.
    File(PathBuf),
    /// On standard input.
    Stdin,
}

/// A detail with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    name: v1::DetailName,
    source: Source,
}

/// Reads `TEXT`, `@FILE` or `@-`.
pub(crate) fn source(text: &str) -> Result<Source, String> {
    Ok(match text.strip_prefix('@') {
        Some("") => {
            return Err("expected a file's name after `@`, or `-` for standard input".to_owned());
        }
        Some("-") => Source::Stdin,
        Some(path) => Source::File(path.into()),
        None => Source::Text(text.to_owned()),
    })
}

/// Reads `name=…`.
pub(crate) fn named(text: &str) -> Result<Named, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("expected `name=TEXT` or `name=@FILE`")?;
    let name = detail_name::read(name)?;
    if name == v1::DetailName::Recipients {
        return Err("`recipients` is kept by the ledger itself".to_owned());
    }
    Ok(Named {
        name,
        source: source(value)?,
    })
}

/// Details as they are gathered from several arguments: each name once.
#[derive(Debug, Default)]
pub(crate) struct Details(Vec<v1::Detail>);

impl Details {
    /// Adds every detail named.
    pub(crate) fn named(mut self, named: &[Named]) -> Result<Self, Failure> {
        for Named { name, source } in named {
            self.push(*name, source)?;
        }
        Ok(self)
    }

    /// Adds a detail where one was given.
    pub(crate) fn with(
        mut self,
        name: v1::DetailName,
        source: Option<&Source>,
    ) -> Result<Self, Failure> {
        if let Some(source) = source {
            self.push(name, source)?;
        }
        Ok(self)
    }

    /// What goes over the wire.
    pub(crate) fn into_wire(self) -> Vec<v1::Detail> {
        self.0
    }

    fn push(&mut self, name: v1::DetailName, source: &Source) -> Result<(), Failure> {
        let word = detail_name::word(name);
        if self.0.iter().any(|known| known.name() == name) {
            return Err(Failure::usage(format!(
                "detail `{word}` was given twice: expected each once"
            )));
        }
        let value = read(source)?;
        if std::str::from_utf8(&value).is_err() {
            return Err(Failure::usage(format!(
                "detail `{word}` is not UTF-8 text: expected text"
            )));
        }
        if name == v1::DetailName::Params
            && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&value)
        {
            return Err(Failure::usage(format!(
                "detail `params` is not JSON ({error}): expected the tool's parameters as JSON"
            )));
        }
        self.0.push(v1::Detail {
            name: name.into(),
            value: value.into(),
        });
        Ok(())
    }
}

/// Checks that an entry commits to every detail that was sent along.
pub(crate) fn kept(verified: &Verified, sent: &[v1::Detail]) -> Result<(), Failure> {
    let details = verified.entry.body.details();
    for detail in sent {
        let name = detail_name::word(detail.name());
        let kept = details.is_some_and(|details| details.keys().any(|kept| kept.as_str() == name));
        same(&format!("detail `{name}` kept"), true, kept)?;
    }
    Ok(())
}

fn read(source: &Source) -> Result<Vec<u8>, Failure> {
    let input = |path: PathBuf| move |source| Problem::Input { path, source };
    match source {
        Source::Text(text) => Ok(text.clone().into_bytes()),
        Source::File(path) => Ok(std::fs::read(path).map_err(input(path.clone()))?),
        Source::Stdin => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(input("standard input".into()))?;
            Ok(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_value_is_text_or_a_file() {
        assert_eq!(source("because"), Ok(Source::Text("because".into())));
        assert_eq!(source("@why.txt"), Ok(Source::File("why.txt".into())));
        assert_eq!(source("@-"), Ok(Source::Stdin));
        assert_eq!(source(""), Ok(Source::Text(String::new())));
        assert!(source("@").is_err());
        assert!(named("why=because").is_err());
        assert!(named("recipients=nobody").is_err());
        assert!(named("rationale").is_err());
        assert_eq!(
            named("plan=a=b").map(|named| named.source),
            Ok(Source::Text("a=b".into()))
        );
    }

    #[test]
    fn details_are_read_and_checked_before_anything_is_sent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"{\"subject\":\"hello\"}").unwrap();
        let params = Source::File(file.path().to_owned());
        let details = Details::default()
            .named(&[named("rationale=asked for a demo").unwrap()])
            .and_then(|details| details.with(v1::DetailName::Params, Some(&params)))
            .and_then(|details| details.with(v1::DetailName::Plan, None))
            .unwrap()
            .into_wire();
        let read: Vec<(v1::DetailName, &[u8])> = details
            .iter()
            .map(|detail| (detail.name(), &detail.value[..]))
            .collect();
        assert_eq!(
            read,
            [
                (v1::DetailName::Rationale, &b"asked for a demo"[..]),
                (v1::DetailName::Params, &b"{\"subject\":\"hello\"}"[..])
            ]
        );

        for broken in ["params={", "params=", "rationale=@/does/not/exist"] {
            let failure = Details::default()
                .named(&[named(broken).unwrap()])
                .map(|_| ())
                .unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{broken}");
        }
        let twice = [named("plan=a").unwrap(), named("plan=b").unwrap()];
        assert!(Details::default().named(&twice).is_err());
        std::fs::write(file.path(), [0xff]).unwrap();
        assert!(
            Details::default()
                .with(v1::DetailName::Context, Some(&params))
                .is_err()
        );
    }
}
