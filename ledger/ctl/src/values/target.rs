//! One object acted on: `type:id`, then `:reads=f1,f2` and `:writes=f1,f2` where fields are concerned.
//! One that the action makes has no id yet: `type:`.

use ledger_proto::v1;

/// Reads a target. The id may hold colons itself.
pub(crate) fn target(text: &str) -> Result<v1::Target, String> {
    const EXPECTED: &str = "expected `type:id` (`type:` where the action makes it), then `:reads=field,field` and `:writes=field,field` where fields are concerned";
    let (kind, mut rest) = text.split_once(':').ok_or(EXPECTED)?;
    let mut target = v1::Target {
        r#type: kind.to_owned(),
        ..v1::Target::default()
    };
    // From the end, so that what is left over is the id.
    while let Some((before, last)) = rest.rsplit_once(':') {
        let (list, names) = if let Some(names) = last.strip_prefix("reads=") {
            (&mut target.reads, names)
        } else if let Some(names) = last.strip_prefix("writes=") {
            (&mut target.writes, names)
        } else {
            break;
        };
        if !list.is_empty() {
            return Err(format!(
                "`{last}` stands there twice: name all fields in one list"
            ));
        }
        *list = names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        if list.iter().any(String::is_empty) {
            return Err(format!("`{last}` names an empty field"));
        }
        rest = before;
    }
    let forgotten = rest.starts_with("reads=") || rest.starts_with("writes=");
    // Without an id it is one that the action makes: `task::writes=subject`.
    if kind.is_empty() || forgotten {
        return Err(EXPECTED.to_owned());
    }
    rest.clone_into(&mut target.id);
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String, Vec<String>, Vec<String>) {
        let target = target(text).unwrap();
        (target.r#type, target.id, target.reads, target.writes)
    }

    #[test]
    fn an_object_with_its_fields() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read("deal:006"),
            ("deal".into(), "006".into(), vec![], vec![])
        );
        assert_eq!(
            read("deal:urn:li:6"),
            ("deal".into(), "urn:li:6".into(), vec![], vec![])
        );
        assert_eq!(
            read("task::writes=subject"),
            ("task".into(), String::new(), vec![], names(&["subject"]))
        );
        assert_eq!(
            read("contact:003:writes=stage,owner:reads=email"),
            (
                "contact".into(),
                "003".into(),
                names(&["email"]),
                names(&["stage", "owner"])
            )
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "deal",
            ":006",
            "deal:006:writes=",
            "deal:006:writes=a,,b",
            "deal:1:reads=a:reads=b",
            "deal:writes=a",
            "deal:writes=a:writes=b",
        ] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
