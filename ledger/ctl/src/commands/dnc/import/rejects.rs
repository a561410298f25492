//! Rows that cannot be used: every one is told, by line, field and reason, never by what it says.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ledger_feeds::suppression::Reject;

use crate::failure::Failure;
use crate::files::Outfile;
use crate::text::counted;

/// How many are told on the screen. Where there are more, they go to a file.
const TOLD_MAX: u64 = 1_000;
/// Bytes of the file that are written together.
const WRITE_BYTES: usize = 64 << 10;

/// What was rejected so far.
pub(super) struct Rejects {
    file: Option<(PathBuf, Outfile)>,
    unwritten: String,
    told: String,
    count: u64,
}

impl Rejects {
    /// Begins the file, where one was named; it must not be the one that is read.
    pub(super) fn new(path: Option<&Path>, input: &Path) -> Result<Self, Failure> {
        let file = match path {
            None => None,
            Some(path) => {
                let same = |one: &Path| std::fs::canonicalize(one).ok();
                if same(path).is_some_and(|path| same(input) == Some(path)) {
                    let why = format!(
                        "--rejects would overwrite `{}`, the file to be imported",
                        input.display()
                    );
                    return Err(Failure::usage(why));
                }
                Some((path.to_owned(), Outfile::create(path)?))
            }
        };
        Ok(Self {
            file,
            unwritten: "line,field,reason\n".to_owned(),
            told: String::new(),
            count: 0,
        })
    }

    /// One more.
    pub(super) fn add(&mut self, reject: &Reject) -> Result<(), Failure> {
        self.count += 1;
        // Writing to a string does not fail.
        if self.count <= TOLD_MAX {
            let _ = write!(self.told, "\n  {reject}");
        }
        if let Some((_, file)) = &mut self.file {
            let Reject { line, field, why } = reject;
            let why = why.replace('"', "\"\"");
            let _ = writeln!(self.unwritten, "{line},{field},\"{why}\"");
            if self.unwritten.len() >= WRITE_BYTES {
                file.append(self.unwritten.as_bytes())?;
                self.unwritten.clear();
            }
        }
        Ok(())
    }

    /// How many there were, where they may be left out and each of them has been told.
    pub(super) fn finish(self, input: &Path, accepted: bool) -> Result<u64, Failure> {
        let name = self.file.as_ref().map(|(path, _)| path.clone());
        if let Some((_, file)) = self.file {
            file.finish(self.unwritten.as_bytes())?;
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
