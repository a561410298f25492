//! Rows that cannot be used: every one is told, by line, field and reason, never by what it says.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ledger_feeds::suppression::Reject;

use crate::failure::{Failure, Problem};
use crate::text::counted;

/// How many are told on the screen. Where there are more, they go to a file.
const TOLD_MAX: u64 = 1_000;

/// What was rejected so far.
pub(super) struct Rejects {
    file: Option<(PathBuf, BufWriter<File>)>,
    told: String,
    count: u64,
}

impl Rejects {
    /// Begins the file, where one was named.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, Failure> {
        let file = match path {
            None => None,
            Some(path) => {
                let mut file = File::create(path)
                    .map(BufWriter::new)
                    .map_err(written(path))?;
                file.write_all(b"line,field,reason\n")
                    .map_err(written(path))?;
                Some((path.to_owned(), file))
            }
        };
        Ok(Self {
            file,
            told: String::new(),
            count: 0,
        })
    }

    /// One more.
    pub(super) fn add(&mut self, reject: &Reject) -> Result<(), Failure> {
        self.count += 1;
        if self.count <= TOLD_MAX {
            // Writing to a string does not fail.
            let _ = write!(self.told, "\n  {reject}");
        }
        if let Some((path, file)) = &mut self.file {
            let Reject { line, field, why } = reject;
            let why = why.replace('"', "\"\"");
            writeln!(file, "{line},{field},\"{why}\"").map_err(written(path))?;
        }
        Ok(())
    }

    /// How many there were, where they may be left out and each of them has been told.
    pub(super) fn finish(self, input: &Path, accepted: bool) -> Result<u64, Failure> {
        let name = self.file.as_ref().map(|(path, _)| path.clone());
        if let Some((path, mut file)) = self.file {
            file.flush().map_err(written(&path))?;
        }
        if self.count == 0 {
            return Ok(0);
        }
        let rows = counted(self.count, "row is rejected", "rows are rejected");
        let all = match (&name, self.count > TOLD_MAX) {
            (Some(path), _) => format!("; all of them are in `{}`", path.display()),
            (None, true) => format!(
                "; the first {TOLD_MAX} are told here, and --rejects FILE tells all of them"
            ),
            (None, false) => String::new(),
        };
        if accepted && (name.is_some() || self.count <= TOLD_MAX) {
            // Said before anything is sent, and also where the sending fails.
            let told = if name.is_some() { "" } else { &self.told };
            let _ = writeln!(
                std::io::stderr(),
                "`{}`: {rows} and left out{all}{told}",
                input.display()
            );
            return Ok(self.count);
        }
        let failure = Failure::usage(format!(
            "`{}`: {rows}, and nothing was sent{all}{}",
            input.display(),
            self.told
        ));
        Err(if accepted {
            failure.note("too many to be told here: name a file for them with --rejects")
        } else {
            failure.note("correct the file, or import the other rows alone with --accept-rejects")
        })
    }
}

fn written(path: &Path) -> impl FnOnce(std::io::Error) -> Problem {
    let path = path.to_owned();
    |source| Problem::Write { path, source }
}
