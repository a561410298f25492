//! A progress bar on standard error, for whoever sits in front of it.

use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

/// How long a run takes before anything is shown.
const PATIENCE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(100);
/// The clock is read once in so many entries.
const STRIDE: u64 = 1024;
const CELLS: usize = 40;

/// How far a run has come.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    total: u64,
    next: Instant,
    shown: bool,
    terminal: bool,
}

impl Progress {
    /// A run over `total` entries.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self {
            what,
            total,
            next: Instant::now() + PATIENCE,
            shown: false,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// `done` entries are through.
    pub fn at(&mut self, done: u64) {
        if !self.terminal || !done.is_multiple_of(STRIDE) || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        self.shown = true;
        let percent = (u128::from(done) * 100)
            .checked_div(u128::from(self.total))
            .map_or(100, |percent| {
                usize::try_from(percent.min(100)).unwrap_or(100)
            });
        let full = CELLS * percent / 100;
        let bar = format!("{}{}", "#".repeat(full), ".".repeat(CELLS - full));
        let _ = write!(
            std::io::stderr(),
            "\r{} [{bar}] {percent:>3} %  {done} of {}",
            self.what,
            self.total
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            // Erases the line: what follows is the result.
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
