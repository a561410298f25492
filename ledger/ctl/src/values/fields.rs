//! `name=value,name=value`: several things about one item in one argument.

/// Splits at commas and at the first `=` of each part. A backslash takes a comma or backslash as it is.
pub(crate) fn fields(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ',' => parts.push(String::new()),
            other => {
                let taken = match other {
                    '\\' => match characters.next() {
                        Some(escaped @ (',' | '\\')) => escaped,
                        _ => {
                            return Err(
                                "a backslash stands before a comma or a backslash alone".to_owned()
                            );
                        }
                    },
                    plain => plain,
                };
                if let Some(part) = parts.last_mut() {
                    part.push(taken);
                }
            }
        }
    }
    let mut read: Vec<(String, String)> = Vec::new();
    for part in parts {
        let Some((name, value)) = part.split_once('=') else {
            return Err(
                "expected `name=value` between commas; write a comma within a value as `\\,`"
                    .to_owned(),
            );
        };
        let (name, value) = (name.trim(), value.trim());
        if value.is_empty() {
            return Err(format!(
                "`{name}` is empty: leave it out where it is not known"
            ));
        }
        if read.iter().any(|(known, _)| known == name) {
            return Err(format!("`{name}` stands there twice"));
        }
        read.push((name.to_owned(), value.to_owned()));
    }
    Ok(read)
}

/// Refuses a field's name.
pub(crate) fn unknown(name: &str, expected: &str) -> String {
    format!("`{name}` is unknown: expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn parts_are_split_at_commas_and_the_first_equals() {
        assert_eq!(fields("a=1"), Ok(pairs(&[("a", "1")])));
        assert_eq!(
            fields("a=1, b = x=y"),
            Ok(pairs(&[("a", "1"), ("b", "x=y")]))
        );
        assert_eq!(
            fields(r"a=1\,2,b=\\"),
            Ok(pairs(&[("a", "1,2"), ("b", "\\")]))
        );
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for text in [
            "", "a", "a=1,", "a=1,,b=2", "a=", "a=1,a=2", r"a=\n", "a=\\",
        ] {
            assert!(fields(text).is_err(), "{text}");
        }
    }
}
