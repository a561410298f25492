//! What is asked of the text of conditions before Cedar parses it.
//!
//! Cedar's parser, validator and evaluator call themselves once for every bracket and every operator
//! that stands within or after another, on the stack of whoever calls them. A text that was never
//! parsed is therefore counted first, by the same words and brackets as Cedar's own lexer reads.

use super::{
    CONDITION_BYTES_MAX, CONDITION_NESTING_MAX as NESTING_MAX,
    CONDITION_OPERATORS_MAX as OPERATORS_MAX,
};

/// The words that stand for operators, or begin what the next one is evaluated after.
const OPERATOR_WORDS: [&str; 7] = ["has", "if", "in", "is", "like", "unless", "when"];
/// The words besides that a bracket may follow without being a call.
const PLAIN_WORDS: [&str; 2] = ["else", "then"];
const PAIRS: [&str; 6] = ["!=", "&&", "<=", "==", ">=", "||"];
const OPERATORS: &[u8] = b"!%&*+-/<=>|";

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The byte where it stands.
    pub(super) at: usize,
    /// The word that it is about.
    pub(super) value: Option<&'a str>,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// The first thing that is wrong with a file.
pub(super) fn scan(text: &str) -> Result<(), Found<'_>> {
    let mut scan = Scan {
        text,
        at: 0,
        begin: None,
        operators: 0,
        open: Vec::new(),
        word: None,
        named: false,
    };
    while let Some((at, token)) = scan.next()? {
        scan.take(at, token)?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Opens(u8),
    Closes(u8),
    Operator,
    /// `.` or `@`: the word that follows is a name.
    Names(u8),
    Ends,
    /// A string, a digit, a comma, or what Cedar does not know.
    Other,
}

struct Scan<'a> {
    text: &'a str,
    /// Where the next token is looked for.
    at: usize,
    /// Where this condition begins: at its first token, so that comments before it are free.
    begin: Option<usize>,
    operators: usize,
    /// The brackets that are open, outermost first.
    open: Vec<u8>,
    /// The token before, where it is a word that no `.` or `@` stands before; with where it begins.
    word: Option<(usize, &'a str)>,
    /// Whether the token before is `.` or `@`.
    named: bool,
}

impl<'a> Scan<'a> {
    /// The next token, and where it begins.
    fn next(&mut self) -> Result<Option<(usize, Token<'a>)>, Found<'a>> {
        let begin = self.skip();
        let rest = &self.text[begin..];
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        let byte = rest.as_bytes()[0];
        let (length, token) = match byte {
            b'"' => (self.string(begin)?, Token::Other),
            b'(' | b'[' | b'{' => (1, Token::Opens(byte)),
            b')' | b']' | b'}' => (1, Token::Closes(byte)),
            b'.' | b'@' => (1, Token::Names(byte)),
            b';' => (1, Token::Ends),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let word = |byte: char| !(byte.is_ascii_alphanumeric() || byte == '_');
                let length = rest.find(word).unwrap_or(rest.len());
                (length, Token::Word(&rest[..length]))
            }
            _ if OPERATORS.contains(&byte) => {
                let pair = PAIRS.iter().any(|pair| rest.starts_with(pair));
                (if pair { 2 } else { 1 }, Token::Operator)
            }
            _ => (first.len_utf8(), Token::Other),
        };
        self.at = begin + length;
        Ok(Some((begin, token)))
    }

    /// Passes over blanks and comments.
    fn skip(&mut self) -> usize {
        loop {
            let rest = &self.text[self.at..];
            let begin = rest.trim_start();
            self.at += rest.len() - begin.len();
            if !begin.starts_with("//") {
                return self.at;
            }
            self.at += begin.find(['\n', '\r']).unwrap_or(begin.len());
        }
    }

    /// The length of the string that begins here, quotes included.
    fn string(&self, begin: usize) -> Result<usize, Found<'a>> {
        let mut escaped = false;
        for (at, byte) in self.text.bytes().enumerate().skip(begin + 1) {
            match byte {
                // Cedar knows no escape that reaches over the end of a line.
                b'\n' if escaped => break,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return Ok(at + 1 - begin),
                _ => {}
            }
        }
        Err(Found {
            at: begin,
            value: None,
            problem: "holds a string that does not end".to_owned(),
            remedy: "close it with `\"`",
        })
    }

    fn take(&mut self, at: usize, token: Token<'a>) -> Result<(), Found<'a>> {
        let begin = *self.begin.get_or_insert(at);
        if self.at - begin > CONDITION_BYTES_MAX {
            return Err(Found {
                at: begin,
                value: None,
                problem: format!(
                    "begins a condition that is too long: expected at most {CONDITION_BYTES_MAX} bytes"
                ),
                remedy: "split it into several conditions",
            });
        }
        let word = self.word.take();
        let named = std::mem::take(&mut self.named);
        match token {
            Token::Word(word) => {
                if OPERATOR_WORDS.contains(&word) {
                    self.count(at)?;
                }
                self.word = (!named).then_some((at, word));
            }
            Token::Operator => self.count(at)?,
            Token::Names(byte) => {
                self.named = true;
                if byte == b'.' {
                    self.count(at)?;
                }
            }
            Token::Opens(bracket) => {
                self.count(at)?;
                self.open(at, bracket, word)?;
            }
            Token::Closes(bracket) => self.close(at, bracket)?,
            // Cedar takes up again at any `;` after an error; only one outside of all brackets ends a
            // condition.
            Token::Ends if self.open.is_empty() => {
                self.begin = None;
                self.operators = 0;
            }
            Token::Ends | Token::Other => {}
        }
        Ok(())
    }

    fn count(&mut self, at: usize) -> Result<(), Found<'a>> {
        self.operators += 1;
        if self.operators <= OPERATORS_MAX {
            return Ok(());
        }
        Err(Found {
            at,
            value: None,
            problem: format!(
                "is in a condition with too many operators, dots and brackets: expected at most {OPERATORS_MAX}"
            ),
            remedy: "split it into several conditions, or ask one set with `contains`",
        })
    }

    /// A bracket opens, after this word where it is not one of Cedar's own.
    fn open(
        &mut self,
        at: usize,
        bracket: u8,
        word: Option<(usize, &'a str)>,
    ) -> Result<(), Found<'a>> {
        // Cedar calls nothing but constructors of its extension types without a dot before the name; the
        // heads of conditions stand outside of all brackets.
        let called = word.filter(|(_, word)| {
            bracket == b'('
                && !self.open.is_empty()
                && !OPERATOR_WORDS.contains(word)
                && !PLAIN_WORDS.contains(word)
        });
        if let Some((at, word)) = called {
            return Err(Found {
                at,
                value: Some(word),
                problem: "is a function, and conditions have none: Cedar's extension types (`datetime`, `decimal`, \
                          `duration`, `ip`) are left out"
                    .to_owned(),
                remedy: "compare numbers and strings: docs/conditions.md says what there is",
            });
        }
        if self.open.len() == NESTING_MAX {
            return Err(Found {
                at,
                value: None,
                problem: format!(
                    "is nested too deeply: expected brackets at most {NESTING_MAX} deep"
                ),
                remedy: "take out the brackets that are not needed, or split the condition",
            });
        }
        self.open.push(bracket);
        Ok(())
    }

    fn close(&mut self, at: usize, bracket: u8) -> Result<(), Found<'a>> {
        let opened = self.open.pop();
        let closes = |opened| match opened {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        // Cedar may read on after an error, and what it then takes as nested is not what stands here.
        if opened.map(closes) == Some(bracket) {
            return Ok(());
        }
        Err(Found {
            at,
            value: None,
            problem: format!("has a `{}` that closes nothing", char::from(bracket)),
            remedy: "open and close brackets in pairs",
        })
    }
}
