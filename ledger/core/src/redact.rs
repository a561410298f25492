//! Redaction: secrets are taken out of details before anything is committed.
//!
//! A detail is bytes that a runtime handed in: parameters, context, a diff. Where it is JSON, the
//! value of every member whose name says that it is secret, every value that a pointer of the policy
//! names, the `value` beside a `name`, `key` or `header` that says that it is secret, and every string
//! that is the credential of an HTTP request is replaced by the string [`MARK`]. All other bytes stay as
//! they are: order, spacing, the digits of numbers, repeated names. A repeated name is replaced each time.
//! Which names and strings are secret, and which look so and are not, `redact/secret.rs` says.
//!
//! JSON is what RFC 8259 says, and beyond it what runtimes write all the same: several values one after
//! another (JSON lines), a byte order mark, `NaN` and `Infinity`. Strings that hold JSON objects or
//! arrays, as the arguments of tool calls often do, are looked into. Anything else is not JSON and
//! stays as it is: what it holds is the caller's to redact.
//!
//! The walk keeps its own stack, so no depth of nesting exhausts the thread's.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

mod secret;

pub use secret::{ABOUT, HARMLESS_ENDINGS, SECRET_ENDINGS, SECRET_NAMES, SECRET_WORDS, fold};

/// What stands in place of a secret.
pub const MARK: &str = "[redacted]";

/// How many strings within strings are looked into. What is JSON below that is replaced whole.
const STRINGS_DEEP_MAX: u8 = 4;

/// What is to be redacted: what is always, and what a policy adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redaction {
    names: BTreeSet<String>,
    pointers: Vec<Pointer>,
}

impl Redaction {
    /// What is always, these names (folded here), and these places.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>, pointers: Vec<Pointer>) -> Self {
        Self {
            names: names.into_iter().map(fold).collect(),
            pointers,
        }
    }

    /// The names of its own, as names are compared.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The places of its own.
    pub fn pointers(&self) -> &[Pointer] {
        &self.pointers
    }

    /// The bytes without secrets, and how many values were replaced. Bytes in which there are none, and
    /// bytes that are not JSON, come back as they are, with 0.
    pub fn apply<'a>(&self, bytes: &'a [u8]) -> (Cow<'a, [u8]>, usize) {
        let edits = self.edits(bytes, &self.pointers, 0).unwrap_or_default();
        if edits.is_empty() {
            return (Cow::Borrowed(bytes), 0);
        }
        let replaced = edits.iter().map(|edit| edit.replaced).sum();
        (Cow::Owned(rewritten(bytes, &edits)), replaced)
    }

    /// Whether the value of a member of this name is a secret, but for numbers that are counts of tokens.
    pub fn is_secret(&self, name: &str) -> bool {
        self.is_named(name) || secret::is_secret(name)
    }

    /// Whether a value of this name that begins with this byte is a secret.
    fn hides(&self, name: &str, first: u8) -> bool {
        let count = (first == b'-' || first.is_ascii_digit()) && secret::counts(name);
        self.is_named(name) || (!count && secret::is_secret(name))
    }

    /// Whether the policy names it.
    fn is_named(&self, name: &str) -> bool {
        !self.names.is_empty() && self.names.contains(&fold(name))
    }

    /// What to replace, in the order of the text; `None` where it is not JSON.
    fn edits(&self, text: &[u8], pointers: &[Pointer], strings_deep: u8) -> Option<Vec<Edit>> {
        let mut walk = Walk {
            rules: self,
            text,
            at: 0,
            pointers,
            strings_deep,
            edits: Vec::new(),
            hiding: None,
        };
        walk.run()?;
        Some(walk.edits)
    }
}

/// A JSON pointer (RFC 6901) to one place in a detail; not the empty one, which is the whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(Vec<String>);

/// A text that is no usable pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON pointer such as `/request/headers/0`, with `~0` for `~` and `~1` for `/`")]
pub struct PointerError;

impl Pointer {
    /// Whether it is the pointer to the value at the end of `path`: names of members, indexes of elements.
    pub fn leads_to(&self, path: &[String]) -> bool {
        self.0 == path
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        let rest = text.strip_prefix('/').ok_or(PointerError)?;
        let unescaped = |part: &str| {
            // RFC 6901 section 4: `~1` first, so that `~01` becomes `~1` and not `/`.
            let bare = part.replace("~0", "").replace("~1", "");
            if bare.contains('~') {
                Err(PointerError)
            } else {
                Ok(part.replace("~1", "/").replace("~0", "~"))
            }
        };
        Ok(Self(
            rest.split('/').map(unescaped).collect::<Result<_, _>>()?,
        ))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|part| write!(f, "/{}", part.replace('~', "~0").replace('/', "~1")))
    }
}

/// One place to rewrite.
struct Edit {
    range: Range<usize>,
    with: Vec<u8>,
    replaced: usize,
}

impl Edit {
    fn mark(range: Range<usize>) -> Self {
        Self {
            range,
            with: quoted(MARK),
            replaced: 1,
        }
    }
}

fn rewritten(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&bytes[at..edit.range.start]);
        out.extend_from_slice(&edit.with);
        at = edit.range.end;
    }
    out.extend_from_slice(&bytes[at..]);
    out
}

/// One walk through one text.
struct Walk<'a> {
    rules: &'a Redaction,
    text: &'a [u8],
    at: usize,
    pointers: &'a [Pointer],
    strings_deep: u8,
    edits: Vec<Edit>,
    /// Inside a value that will be replaced: where it began, and how deep.
    hiding: Option<(usize, usize)>,
}

/// An object or array that is open.
struct Frame {
    object: bool,
    /// How many containers are around it.
    depth: usize,
    /// Of an array: the index of the element that stands next.
    index: usize,
    /// The pointers that lead below it.
    live: Vec<usize>,
    pair: Pair,
}

/// What an object says of itself where it is a name with its value: `{"name":"Cookie","value":"…"}`.
#[derive(Default)]
struct Pair {
    /// The names that it gives: strings, read.
    names: Vec<String>,
    /// Where its values stand.
    values: Vec<Range<usize>>,
    /// What the member is that stands open.
    member: Option<Member>,
}

/// A part of a pair, and where it begins.
enum Member {
    Name(usize),
    Value(usize),
}

impl Frame {
    const fn close(&self) -> u8 {
        if self.object { b'}' } else { b']' }
    }
}

/// Where a value stands.
struct Place {
    /// Whether the value is to be replaced.
    hidden: bool,
    /// The pointers that lead below it.
    live: Vec<usize>,
}

/// Where a walk stands between two tokens.
enum Next {
    /// A value begins here.
    Value(Place),
    /// A value has just ended.
    Ended,
}

// Every step answers `None` where the text is not JSON.
impl Walk<'_> {
    fn run(&mut self) -> Option<()> {
        if self.text.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        self.space();
        while self.at < self.text.len() {
            self.value()?;
            self.space();
        }
        Some(())
    }

    /// One value with everything below it.
    fn value(&mut self) -> Option<()> {
        let mut stack: Vec<Frame> = Vec::new();
        let live = (0..self.pointers.len()).collect();
        let mut next = Next::Value(Place {
            hidden: false,
            live,
        });
        loop {
            next = if let Next::Value(place) = next {
                self.begin(place, &mut stack)?
            } else {
                self.ended(stack.len());
                let end = self.at;
                self.space();
                let Some(frame) = stack.last_mut() else {
                    return Some(());
                };
                match frame.pair.member.take() {
                    Some(Member::Name(start)) => {
                        let name = unescaped(&self.text[start..end]);
                        frame.pair.names.extend(name);
                    }
                    Some(Member::Value(start)) => frame.pair.values.push(start..end),
                    None => {}
                }
                if self.eat(b',') {
                    frame.index += 1;
                    Next::Value(self.member(frame)?)
                } else {
                    self.eat(frame.close()).then_some(())?;
                    if let Some(frame) = stack.pop() {
                        self.hide_pair(&frame.pair);
                    }
                    Next::Ended
                }
            };
        }
    }

    /// Reads a value to its end, or a container to its first member.
    fn begin(&mut self, place: Place, stack: &mut Vec<Frame>) -> Option<Next> {
        if place.hidden && self.hiding.is_none() {
            self.hiding = Some((self.at, stack.len()));
        }
        match self.text.get(self.at)? {
            open @ (b'{' | b'[') => {
                let object = *open == b'{';
                let mut frame = Frame {
                    object,
                    depth: stack.len(),
                    index: 0,
                    live: place.live,
                    pair: Pair::default(),
                };
                self.at += 1;
                self.space();
                if !self.eat(frame.close()) {
                    let first = self.member(&mut frame)?;
                    stack.push(frame);
                    return Some(Next::Value(first));
                }
            }
            b'"' => self.string_value()?,
            _ => self.scalar()?,
        }
        Some(Next::Ended)
    }

    /// Reads the name of a member, or nothing in an array, up to its value.
    fn member(&mut self, frame: &mut Frame) -> Option<Place> {
        self.space();
        let name = if frame.object {
            let name = self.string()?;
            let name = unescaped(&self.text[name]);
            self.space();
            self.eat(b':').then_some(())?;
            self.space();
            name.unwrap_or_default()
        } else {
            frame.index.to_string()
        };
        let through = |p: &usize| self.pointers[*p].0.get(frame.depth) == Some(&name);
        let (here, live) = frame
            .live
            .iter()
            .filter(|p| through(p))
            .partition::<Vec<usize>, _>(|p| self.pointers[**p].0.len() == frame.depth + 1);
        let first = self.text.get(self.at).copied().unwrap_or_default();
        let hidden = !here.is_empty() || (frame.object && self.rules.hides(&name, first));
        if frame.object && self.hiding.is_none() {
            frame.pair.member = if first == b'"' && secret::is_naming(&name) {
                Some(Member::Name(self.at))
            } else {
                secret::is_named(&name).then_some(Member::Value(self.at))
            };
        }
        Some(Place { hidden, live })
    }

    /// Replaces the value that ends here, if it is the one being hidden.
    fn ended(&mut self, depth: usize) {
        if let Some((start, hidden_depth)) = self.hiding
            && hidden_depth == depth
        {
            self.edits.push(Edit::mark(start..self.at));
            self.hiding = None;
        }
    }

    /// Replaces the values of an object that names them as secrets, with whatever was replaced in them.
    fn hide_pair(&mut self, pair: &Pair) {
        for value in &pair.values {
            let first = self.text.get(value.start).copied().unwrap_or_default();
            if !pair.names.iter().any(|name| self.rules.hides(name, first)) {
                continue;
            }
            let before = |end: usize| self.edits.partition_point(|edit| edit.range.start < end);
            let inside = before(value.start)..before(value.end);
            self.edits.splice(inside, [Edit::mark(value.clone())]);
        }
    }

    /// Reads a string, and where it holds JSON looks into it.
    fn string_value(&mut self) -> Option<()> {
        let range = self.string()?;
        if self.hiding.is_some() {
            return Some(());
        }
        let text = unescaped(&self.text[range.clone()]).unwrap_or_default();
        let json = text.trim_start().starts_with(['{', '[', '\u{feff}']);
        if secret::is_credential(&text) || (json && self.strings_deep == STRINGS_DEEP_MAX) {
            self.edits.push(Edit::mark(range));
            return Some(());
        }
        if !json {
            return Some(());
        }
        let inner = self
            .rules
            .edits(text.as_bytes(), &[], self.strings_deep + 1)
            .unwrap_or_default();
        if !inner.is_empty() {
            let replaced = inner.iter().map(|edit| edit.replaced).sum();
            let with = quoted(&String::from_utf8_lossy(&rewritten(
                text.as_bytes(),
                &inner,
            )));
            self.edits.push(Edit {
                range,
                with,
                replaced,
            });
        }
        Some(())
    }

    /// Reads a string: where it stands, with its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.eat(b'"').then_some(())?;
        loop {
            match self.text.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }

    /// Reads a number or a word.
    fn scalar(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let end = rest
            .iter()
            .position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}'));
        let scalar = &rest[..end.unwrap_or(rest.len())];
        let word = matches!(
            scalar,
            b"true" | b"false" | b"null" | b"NaN" | b"Infinity" | b"-Infinity"
        );
        (word || is_number(scalar)).then_some(())?;
        self.at += scalar.len();
        Some(())
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }
}

/// RFC 8259 section 6.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let n = digits(fraction);
        if n == 0 {
            return false;
        }
        rest = &fraction[n..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent
            .strip_prefix(b"+")
            .or_else(|| exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        let n = digits(exponent);
        return n > 0 && n == exponent.len();
    }
    rest.is_empty()
}

/// What a string says; `None` where it is not valid Unicode, and so no name that anybody gave here.
fn unescaped(quoted: &[u8]) -> Option<String> {
    serde_json::from_slice(quoted).ok()
}

fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}
