//! What a command prints: text for people, or one JSON object.

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;
use serde::Serialize;

use crate::failure::{Failure, Problem};

/// Where results go, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    style: Style,
    errors: Style,
}

impl Output {
    /// Output of this process. Where nothing else was asked for, colours only on a terminal that can show
    /// them, and not where `NO_COLOR` is set (<https://no-color.org>).
    pub fn of_process(json: bool, color: ColorChoice) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let colored = |is_terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => !unwanted && is_terminal,
        };
        Self {
            json,
            style: Style(colored(io::stdout().is_terminal())),
            errors: Style(colored(io::stderr().is_terminal())),
        }
    }

    /// How to mark up the text for people.
    pub const fn style(self) -> Style {
        self.style
    }

    /// Whether somebody watches who wants to see progress.
    pub fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Whether results go to a terminal.
    pub fn is_watched(self) -> bool {
        io::stdout().is_terminal()
    }

    /// Prints a result: `text`, or with `--json` the object.
    pub fn show(self, text: &str, object: &impl Serialize) -> Result<(), Failure> {
        self.item(text, object).map(|_| ())
    }

    /// Prints one of many results, in the same way; whether anybody still reads them.
    pub fn item(self, text: &str, object: &impl Serialize) -> Result<bool, Failure> {
        let mut bytes = if self.json {
            serde_json::to_vec(object).map_err(|error| Problem::Stdout(error.into()))?
        } else {
            text.as_bytes().to_vec()
        };
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        self.write(&bytes)
    }

    /// Prints bytes as they are.
    pub fn raw(self, bytes: &[u8]) -> Result<(), Failure> {
        self.write(bytes).map(|_| ())
    }

    fn write(self, bytes: &[u8]) -> Result<bool, Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => Ok(other.map(|()| true).map_err(Problem::Stdout)?),
        }
    }

    /// Whether results are JSON.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Tells people something beside the result.
    pub fn warn(self, text: &str) {
        // There is nobody left to tell where standard error is closed.
        let _ = writeln!(io::stderr(), "{} {text}", self.errors.warning("warning:"));
    }

    /// Says why a command failed: to people on standard error, and with `--json` as an object too.
    pub fn fail(self, failure: &Failure) {
        let _ = writeln!(io::stderr(), "{} {failure}", self.errors.bad("error:"));
        if self.json {
            // The failure was said; that it could not be said twice is no other failure.
            let _ = self.show("", &failure.as_json());
        }
    }
}

/// Marks text up for a terminal, or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style(bool);

impl Style {
    /// No mark-up.
    pub const PLAIN: Self = Self(false);

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Headings, and what a line is about.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What matters less.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Allowed, done, clear.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    /// Denied, stopped, broken.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// To be looked at.
    #[must_use]
    pub fn warning(self, text: &str) -> String {
        self.paint("1;33", text)
    }
}
