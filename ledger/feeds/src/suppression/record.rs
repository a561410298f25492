//! Rows of delimited text (RFC 4180): one logical record at a time, with the line on which it begins.
//!
//! Where a record ends is found here, so that its length is bounded, its line is exact and a quote that is
//! never closed is an error instead of one long field; what its fields are is csv-core's to say.

use std::collections::BTreeMap;
use std::io::{BufRead, Cursor, Read};

use csv_core::ReadRecordResult;

use super::{Reject, Row, Sink, Unreadable};

/// The most bytes of one record. Providers quote whole bounce messages; none is near this.
pub(super) const RECORD_BYTES_MAX: usize = 256 << 10;

/// A file's text from behind its byte order mark on.
pub(super) type Text<R> = std::io::Chain<Cursor<Vec<u8>>, R>;

/// Takes the byte order mark away. UTF-16 is refused.
pub(super) fn text<R: BufRead>(mut input: R) -> Result<Text<R>, Unreadable> {
    let mut first = Vec::with_capacity(3);
    input.by_ref().take(3).read_to_end(&mut first)?;
    if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
        return Err(Unreadable::Utf16);
    }
    if first == b"\xef\xbb\xbf" {
        first.clear();
    }
    Ok(Cursor::new(first).chain(input))
}

/// Physical lines of a file.
pub(super) struct Lines<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// Appends the next line, its end included, and gives its number; none at the end of the file.
    /// `begun` is the line on which the record began that it is added to.
    pub(super) fn append(
        &mut self,
        to: &mut Vec<u8>,
        begun: Option<u64>,
    ) -> Result<Option<u64>, Unreadable> {
        let room = (RECORD_BYTES_MAX + 1).saturating_sub(to.len());
        let most = u64::try_from(room).unwrap_or(u64::MAX);
        let read = self.input.by_ref().take(most).read_until(b'\n', to)?;
        if to.len() > RECORD_BYTES_MAX {
            let max = RECORD_BYTES_MAX;
            return Err(match begun {
                Some(line) => Unreadable::Quote { line, max },
                None => Unreadable::Long {
                    line: self.line + 1,
                    max,
                },
            });
        }
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        Ok(Some(self.line))
    }
}

/// Where in a record the bytes read so far lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Bare,
    Quoted,
    /// Behind a quote within quotes: the end of the field, or half of an escaped quote.
    QuoteInQuoted,
}

impl At {
    const fn after(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::Quoted, _) | (Self::FieldStart | Self::QuoteInQuoted, b'"') => Self::Quoted,
            (_, b'\n' | b'\r') => Self::FieldStart,
            (_, byte) if byte == delimiter => Self::FieldStart,
            _ => Self::Bare,
        }
    }
}

/// Records of a file.
pub(super) struct Records<R> {
    lines: Lines<R>,
    parser: Option<csv_core::Reader>,
    delimiter: u8,
    raw: Vec<u8>,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

/// One record.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    /// The line on which it begins.
    pub(super) line: u64,
    fields: &'a [u8],
    ends: &'a [usize],
}

impl<R: BufRead> Records<R> {
    pub(super) const fn new(input: R) -> Self {
        Self {
            lines: Lines::new(input),
            parser: None,
            delimiter: b',',
            raw: Vec::new(),
            fields: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The next record that is not empty; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, Unreadable> {
        let line = loop {
            self.raw.clear();
            let Some(line) = self.lines.append(&mut self.raw, None)? else {
                return Ok(None);
            };
            if self.parser.is_none() {
                self.delimiter = delimiter(&self.raw);
                let parser = csv_core::ReaderBuilder::new()
                    .delimiter(self.delimiter)
                    .build();
                self.parser = Some(parser);
            }
            let (mut at, mut seen) = (At::FieldStart, 0);
            loop {
                for byte in self.raw.get(seen..).unwrap_or_default() {
                    at = at.after(*byte, self.delimiter);
                }
                if at != At::Quoted {
                    break;
                }
                seen = self.raw.len();
                if self.lines.append(&mut self.raw, Some(line))?.is_none() {
                    let max = RECORD_BYTES_MAX;
                    return Err(Unreadable::Quote { line, max });
                }
            }
            let empty = |byte: &u8| byte.is_ascii_whitespace() || *byte == self.delimiter;
            if !self.raw.iter().all(empty) {
                break line;
            }
        };
        self.split();
        Ok(Some(Record {
            line,
            fields: &self.fields,
            ends: &self.ends,
        }))
    }

    /// Hands what `row` makes of each record from here on to `sink`, until that breaks.
    pub(super) fn rows(
        mut self,
        sink: Sink<'_>,
        row: impl Fn(Record<'_>) -> Result<Row, Reject>,
    ) -> Result<(), Unreadable> {
        while let Some(record) = self.next()? {
            if sink(row(record)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Splits what was read into fields. Room for them is there: they are no longer than the record.
    fn split(&mut self) {
        let Some(parser) = &mut self.parser else {
            return;
        };
        parser.reset();
        self.fields.resize(self.raw.len() + 1, 0);
        self.ends.resize(self.raw.len() + 2, 0);
        let (mut read, mut written, mut count) = (0, 0, 0);
        loop {
            let input = self.raw.get(read..).unwrap_or_default();
            let (result, used, fields, ends) = parser.read_record(
                input,
                self.fields.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(count..).unwrap_or_default(),
            );
            read += used;
            written += fields;
            count += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record
                | ReadRecordResult::End
                | ReadRecordResult::OutputFull
                | ReadRecordResult::OutputEndsFull => break,
            }
        }
        self.fields.truncate(written);
        self.ends.truncate(count);
        // A carriage return alone would end the record: what is behind it must not get lost.
        let rest = self.raw.get(read..).unwrap_or_default();
        if !rest.iter().all(u8::is_ascii_whitespace) {
            self.ends.clear();
        }
    }
}

impl<'a> Record<'a> {
    /// How many fields it has; none where a carriage return stands in the middle of it.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field, as it stands.
    pub(super) fn bytes(&self, at: usize) -> &'a [u8] {
        let end = self.ends.get(at).copied().unwrap_or(0);
        let start = match at {
            0 => 0,
            _ => self.ends.get(at - 1).copied().unwrap_or(0),
        };
        self.fields.get(start..end).unwrap_or_default()
    }

    /// A field's text, trimmed.
    pub(super) fn text(&self, at: usize, field: &'static str) -> Result<&'a str, Reject> {
        match std::str::from_utf8(self.bytes(at)) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(self.reject(field, "is not UTF-8 text: save the file as `CSV UTF-8`")),
        }
    }

    /// Why it cannot be used.
    pub(super) fn reject(&self, field: &'static str, why: impl Into<String>) -> Reject {
        Reject {
            line: self.line,
            field,
            why: why.into(),
        }
    }

    /// Whether it has as many fields as the header.
    pub(super) fn expect_len(&self, expected: usize) -> Result<(), Reject> {
        match self.len() {
            found if found == expected => Ok(()),
            0 => Err(self.reject(
                "row",
                "a carriage return stands in the middle of it: expected lines that end in a line feed",
            )),
            found => Err(self.reject(
                "row",
                format!("has {found} fields, expected {expected} as in the header: is a comma not quoted?"),
            )),
        }
    }
}

/// The delimiter of the first line: spreadsheets of some countries write semicolons.
fn delimiter(first: &[u8]) -> u8 {
    [b',', b';', b'\t']
        .into_iter()
        .find(|delimiter| first.contains(delimiter))
        .unwrap_or(b',')
}

/// Which column is where.
pub(super) struct Header {
    columns: BTreeMap<String, usize>,
    len: usize,
    line: u64,
}

impl Header {
    /// Reads it. Columns of `known` must not stand twice.
    pub(super) fn read(record: Record<'_>, known: &[&str]) -> Result<Self, Unreadable> {
        let mut columns = BTreeMap::new();
        for at in 0..record.len() {
            let name = plain_name(record.bytes(at));
            let twice = columns.insert(name.clone(), at).is_some();
            if twice && known.contains(&name.as_str()) {
                return Err(Unreadable::Header {
                    line: record.line,
                    why: format!("the header names the column `{name}` twice"),
                });
            }
        }
        Ok(Self {
            columns,
            len: record.len(),
            line: record.line,
        })
    }

    /// How many columns there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The column of any of these names.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names
            .iter()
            .find_map(|name| self.columns.get(*name).copied())
    }

    /// The same, where there must be one.
    pub(super) fn need(&self, names: &[&str], shown: &str) -> Result<usize, Unreadable> {
        self.find(names).ok_or_else(|| Unreadable::Header {
            line: self.line,
            why: format!("expected a header with a column `{shown}`: is this the right format?"),
        })
    }

    /// What the header lacks.
    pub(super) fn lacks(&self, why: &str) -> Unreadable {
        Unreadable::Header {
            line: self.line,
            why: why.to_owned(),
        }
    }

    /// Every column that `known` does not name.
    pub(super) fn others(&self, known: &[&str]) -> Vec<usize> {
        let others = self.columns.iter();
        others
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .map(|(_, at)| *at)
            .collect()
    }
}

/// A column's name without case, blanks, dashes and underscores.
fn plain_name(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let kept = name.chars().filter(|char| char.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}
