//! What the text formats share: lines that end in LF, numbers and base64 with one spelling each, and an
//! error that names the line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;

/// A text that is not of its format. The material is unreadable ([`Fault::Unreadable`](crate::fault::Fault)).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Bytes that are not UTF-8.
    #[error("expected UTF-8, found byte `0x{byte:02x}` in column {column}")]
    NotUtf8 {
        /// The first byte that is not part of a character.
        byte: u8,
        /// Its place in the line, in bytes from 1.
        column: usize,
    },
    /// A control character other than those the format knows. A carriage return is one: lines end in LF alone.
    #[error("expected no control character, found `0x{byte:02x}` in column {column}")]
    Control {
        /// The character.
        byte: u8,
        /// Its place in the line, in bytes from 1.
        column: usize,
    },
    /// The text ends within a line.
    #[error("expected the line to end in a newline, found the end of the text")]
    Unterminated,
    /// The text ends before something that must be there.
    #[error("expected {expected}, found the end of the text")]
    Ended {
        /// What must be there.
        expected: &'static str,
    },
    /// Something else stands where one thing must.
    #[error("expected {expected}, found `{found}`")]
    Expected {
        /// What must be there.
        expected: &'static str,
        /// The start of what is there.
        found: String,
    },
    /// Not standard base64, or not its one canonical spelling.
    #[error("{field}: expected standard base64 with canonical padding, found `{found}`")]
    Base64 {
        /// What the base64 holds.
        field: &'static str,
        /// The start of what is there.
        found: String,
    },
    /// The wrong number of bytes.
    #[error("{field}: expected {expected} bytes, found {found}")]
    Bytes {
        /// What the bytes are.
        field: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Not a decimal number below 2^64 without sign and without leading zeroes.
    #[error(
        "{field}: expected a decimal number below 2^64 without sign or leading zeroes, found `{found}`"
    )]
    Decimal {
        /// What the number is.
        field: &'static str,
        /// The start of what is there.
        found: String,
    },
    /// More of something than the format's limit.
    #[error("{field}: expected at most {max}, found more")]
    TooMany {
        /// What is counted.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// The second of something that may be there once.
    #[error("{field}: `{found}` is there twice")]
    Duplicate {
        /// What is there twice.
        field: &'static str,
        /// Its name.
        found: String,
    },
    /// Numbers out of order.
    #[error("{field}: expected more than `{after}`, found `{found}`")]
    Order {
        /// What the numbers are.
        field: &'static str,
        /// The number before.
        after: u64,
        /// The number that does not follow it.
        found: u64,
    },
}

impl Problem {
    pub(crate) const fn at(self, line: usize) -> SyntaxError {
        SyntaxError {
            line,
            problem: self,
        }
    }

    pub(crate) fn expected(expected: &'static str, found: &str) -> Self {
        Self::Expected {
            expected,
            found: shown(found),
        }
    }
}

/// The start of `text`, fit for a message.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let mut start: String = text
        .chars()
        .take(SHOWN_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        start.push('…');
    }
    start
}

/// Reads a text line by line. Every line must end in LF.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    /// A text of UTF-8 whose only control characters are newlines; lines are counted from 1.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let at = e.valid_up_to();
            let (line, column) = position(bytes, at);
            Problem::NotUtf8 {
                byte: bytes[at],
                column,
            }
            .at(line)
        })?;
        if let Some(at) = bytes.iter().position(|&byte| byte < 0x20 && byte != b'\n') {
            let (line, column) = position(bytes, at);
            return Err(Problem::Control {
                byte: bytes[at],
                column,
            }
            .at(line));
        }
        Ok(Self {
            rest: text,
            line: 0,
        })
    }

    /// The number of the line last read.
    pub(crate) const fn line(&self) -> usize {
        self.line
    }

    /// What was not read yet.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next line without its LF; nothing at the end of the text.
    pub(crate) fn next(&mut self) -> Result<Option<&'a str>, SyntaxError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let (line, rest) = self
            .rest
            .split_once('\n')
            .ok_or(Problem::Unterminated.at(self.line))?;
        self.rest = rest;
        Ok(Some(line))
    }

    /// The next line, which must be there.
    pub(crate) fn need(&mut self, expected: &'static str) -> Result<&'a str, SyntaxError> {
        let line = self.line + 1;
        self.next()?.ok_or(Problem::Ended { expected }.at(line))
    }

    /// The error that the line last read has this problem.
    pub(crate) const fn fail(&self, problem: Problem) -> SyntaxError {
        problem.at(self.line)
    }
}

/// Line and column, both from 1, of the byte at `at`.
fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let lines = bytes[..at].split(|&byte| byte == b'\n');
    let column = lines.clone().next_back().map_or(0, <[u8]>::len) + 1;
    (lines.count(), column)
}

/// A number as the formats write it: decimal digits, no sign, no leading zero but for 0 itself.
pub(crate) fn decimal(field: &'static str, text: &str) -> Result<u64, Problem> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    text.parse()
        .ok()
        .filter(|_| plain && canonical)
        .ok_or_else(|| Problem::Decimal {
            field,
            found: shown(text),
        })
}

/// Bytes written as RFC 4648 section 4 base64 with padding and no stray bits.
pub(crate) fn decode_base64(field: &'static str, text: &str) -> Result<Vec<u8>, Problem> {
    STANDARD.decode(text).map_err(|_| Problem::Base64 {
        field,
        found: shown(text),
    })
}

pub(crate) fn encode_base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Exactly `N` bytes as base64.
pub(crate) fn decode_base64_array<const N: usize>(
    field: &'static str,
    text: &str,
) -> Result<[u8; N], Problem> {
    let bytes = decode_base64(field, text)?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| Problem::Bytes {
        field,
        expected: N,
        found,
    })
}

/// A hash as base64.
pub(crate) fn decode_base64_hash(field: &'static str, text: &str) -> Result<Hash, Problem> {
    decode_base64_array(field, text).map(Hash)
}
