//! Files of delivered bodies: one body, or one a line.

use super::{Delivery, Item, Provider, Refused};

/// One body of a file.
#[derive(Debug)]
pub struct Body {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// What it is.
    pub read: Result<Delivery, Refused>,
    starts: Vec<usize>,
}

impl Body {
    /// The line on which an item of this body begins.
    pub fn line_of(&self, item: &Item) -> usize {
        // How many lines of the body begin at or before it, the first not counted.
        self.line + self.starts.partition_point(|start| *start <= item.offset)
    }
}

/// The bodies of a file: itself where it is one JSON value, else each of its lines that is not blank.
pub fn bodies(provider: Provider, file: &[u8]) -> Vec<Body> {
    // Excel and some exports mark their UTF-8 so.
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let is_one = serde_json::from_slice::<serde::de::IgnoredAny>(file).is_ok();
    if is_one {
        let line_ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        return vec![Body {
            line: 1,
            read: provider.read(file),
            starts: line_ends.map(|(at, _)| at + 1).collect(),
        }];
    }
    (1..)
        .zip(file.split(|byte| *byte == b'\n'))
        .filter(|(_, text)| !text.iter().all(u8::is_ascii_whitespace))
        .map(|(line, text)| Body {
            line,
            read: provider.read(text),
            starts: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &str) -> Vec<(usize, bool)> {
        let bodies = bodies(Provider::Sendgrid, file.as_bytes());
        let items = bodies.iter().flat_map(|body| match &body.read {
            Ok(Delivery::Events(items)) => items
                .iter()
                .map(|item| (body.line_of(item), item.read.is_ok()))
                .collect(),
            Ok(Delivery::Subscription(_)) => Vec::new(),
            Err(_) => vec![(body.line, false)],
        });
        items.collect()
    }

    #[test]
    fn a_file_is_one_body_or_one_a_line_and_items_know_their_lines() {
        let good = r#"{"event":"open"}"#;
        assert_eq!(lines(good), [(1, true)]);
        assert_eq!(
            lines(&format!("[\n{good},\n  {{\"event\":1}},{good}\n]\n")),
            [(2, true), (3, false), (3, true)]
        );
        assert_eq!(
            lines(&format!(
                "\u{feff}{good}\r\n\r\n[{good},{good}]\n{{\n{good}"
            )),
            [(1, true), (3, true), (3, true), (4, false), (5, true)]
        );
        assert_eq!(lines(""), []);
        assert_eq!(lines("[]"), []);
    }
}
