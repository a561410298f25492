//! Text for people: wrapped paragraphs, tables, numbers with their nouns.

/// Appends formatted text to a string.
macro_rules! put {
    ($text:expr, $($format:tt)+) => {{
        use std::fmt::Write as _;
        // Writing to a string does not fail.
        let _ = write!($text, $($format)+);
    }};
}
pub(crate) use put;

/// How wide text gets, in characters. Entries and tables may be wider where one word is.
const WIDTH: usize = 100;

/// `text` in lines of at most [`WIDTH`] characters: the first begins with `first`, the others with as
/// many spaces.
pub(crate) fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let mut out = String::from(first);
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

/// What somebody else wrote, fit for a terminal: characters that move the cursor, change colours or turn
/// the direction of writing are shown by their numbers, line breaks and tabs apart.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => out.push(character),
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                out.extend(character.escape_unicode());
            }
            other if other.is_control() => out.extend(other.escape_unicode()),
            other => out.push(other),
        }
    }
    out
}

/// `1 entry`, `12 entries`: a number with its noun.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with a comma between every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time in its largest whole unit, as policies write it: `24h`, `90s`; days from two on.
pub(crate) fn duration_s(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    match seconds {
        s if s >= 2 * DAY && s.is_multiple_of(DAY) => format!("{}d", s / DAY),
        s if s > 0 && s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s > 0 && s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// How long to wait, to the second and rounded up: `850 ms`, `3h 12m 5s`.
pub(crate) fn wait_ms(ms: u64) -> String {
    if ms < 1000 {
        return format!("{ms} ms");
    }
    let total = ms.div_ceil(1000);
    let parts = [
        (total / 86_400, "d"),
        (total / 3600 % 24, "h"),
        (total / 60 % 60, "m"),
        (total % 60, "s"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    parts.join(" ")
}

/// A table: rows under a heading, columns as wide as their widest cell, the last one as it comes.
pub(crate) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(heading: &[&'static str]) -> Self {
        Self {
            heading: heading.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. An empty cell shows as `-`.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let dash = |cell: String| {
            if cell.is_empty() {
                "-".to_owned()
            } else {
                cell
            }
        };
        self.rows.push(cells.into_iter().map(dash).collect());
    }

    /// The table's lines, each after `indent`.
    pub(crate) fn render(&self, indent: &str) -> String {
        let heading: Vec<String> = self.heading.iter().map(|cell| (*cell).to_owned()).collect();
        let width = |column: usize| {
            let cells = std::iter::once(&heading).chain(&self.rows);
            cells
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let mut out = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::from(indent);
            for (at, cell) in row.iter().enumerate() {
                let width = widths.get(at).copied().unwrap_or(0);
                put!(line, "{cell:width$}  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_under_their_first_line() {
        let long = "word ".repeat(40);
        let text = wrapped("  - ", &long);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(text.starts_with("  - word word"));
        assert_eq!(text.lines().nth(1).map(|line| &line[..8]), Some("    word"));
        assert_eq!(
            text.split_whitespace()
                .filter(|word| *word == "word")
                .count(),
            40
        );
        let token = "f".repeat(2 * WIDTH);
        assert_eq!(
            wrapped("> ", &format!("a {token}")),
            format!("> a\n  {token}\n")
        );
    }

    #[test]
    fn what_others_wrote_cannot_move_the_cursor() {
        assert_eq!(visible("a\tb\nc é 漢"), "a\tb\nc é 漢");
        assert_eq!(
            visible("x\u{1b}[2J\r\u{202e}y\u{9b}\u{7f}"),
            "x\\u{1b}[2J\\u{d}\\u{202e}y\\u{9b}\\u{7f}"
        );
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "entry", "entries"), "1 entry");
        assert_eq!(counted(1_500, "entry", "entries"), "1,500 entries");
    }

    #[test]
    fn times_keep_their_largest_whole_unit() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (90, "90s"),
            (3_600, "1h"),
            (86_400, "24h"),
            (172_800, "2d"),
            (2_678_400, "31d"),
        ] {
            assert_eq!(duration_s(seconds), expected);
        }
        for (ms, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_001, "2s"),
            (61_000, "1m 1s"),
            (90_061_000, "1d 1h 1m 1s"),
            (3_600_000, "1h"),
        ] {
            assert_eq!(wait_ms(ms), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["id", "what"]);
        table.row(["a".to_owned(), "first".to_owned()]);
        table.row(["longer".to_owned(), String::new()]);
        assert_eq!(
            table.render("  "),
            "  id      what\n  a       first\n  longer  -\n"
        );
    }
}
