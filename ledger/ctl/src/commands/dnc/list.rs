//! A list in a file: one identifier a line, for small lists.

use std::path::Path;

use ledger_proto::v1;

use crate::failure::{Failure, Problem};
use crate::values::identifiers::listed;

/// The most errors that are shown.
const ERRORS_MAX: usize = 20;

/// Reads a list. The whole of it is checked before any of it is used; what is wrong is named by line.
/// Empty lines, and lines that begin with `#`, are passed over.
pub(super) fn read(path: &Path) -> Result<Vec<v1::Subject>, Failure> {
    let input = |source| Problem::Input {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(input)?;
    let mut subjects = Vec::new();
    let mut errors = Vec::new();
    // Excel marks its UTF-8 files so.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for (number, line) in (1u64..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match listed(line) {
            Ok(subject) => subjects.push(subject),
            Err(error) => errors.push(format!("line {number}: {error}")),
        }
    }
    if !errors.is_empty() {
        let total = errors.len();
        errors.truncate(ERRORS_MAX);
        if total > ERRORS_MAX {
            errors.push(format!("and {} more", total - ERRORS_MAX));
        }
        let text = format!(
            "`{}` is not a list, and nobody was listed:\n  {}",
            path.display(),
            errors.join("\n  ")
        );
        return Err(Failure::usage(text));
    }
    if subjects.is_empty() {
        return Err(Failure::usage(format!("`{}` names nobody", path.display())));
    }
    Ok(subjects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_list_is_read_line_by_line() {
        let list = file(
            "\u{feff}# asked by mail\nada@example.com\r\n\n  +44 20 7946 0000  \n@example.org\n",
        );
        assert_eq!(read(list.path()).unwrap().len(), 3);
    }

    #[test]
    fn every_bad_line_is_named_and_none_is_repeated() {
        let list = file("ada@example.com\nnobody\n+123\nada lovelace@example.com\n");
        let failure = read(list.path()).unwrap_err();
        let text = failure.to_string();
        for line in ["line 2: ", "line 3: ", "line 4: "] {
            assert!(text.contains(line), "{text}");
        }
        assert!(
            !text.contains("lovelace") && !text.contains("line 1:"),
            "{text}"
        );
        assert!(read(file("# nobody\n").path()).is_err());
    }

    #[test]
    fn errors_are_counted_beyond_the_first() {
        let text = read(file(&"nobody\n".repeat(25)).path())
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("and 5 more"), "{text}");
        assert_eq!(text.matches("line ").count(), 20);
    }
}
