//! A progress bar on standard error, for whoever sits in front of a command that takes longer than a second.

use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

/// How long a command takes before anything is shown.
const PATIENCE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(100);
const CELLS: usize = 40;

/// How far a command has come. Gone from the screen when it is dropped.
#[derive(Debug)]
pub struct Bar {
    what: &'static str,
    total: u64,
    next: Instant,
    shown: bool,
    is_watched: bool,
}

impl Bar {
    /// A bar over about `total` steps, shown only on a terminal.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self {
            what,
            total,
            next: Instant::now() + PATIENCE,
            shown: false,
            is_watched: std::io::stderr().is_terminal(),
        }
    }

    /// So many steps are done.
    pub fn at(&mut self, done: u64) {
        if !self.is_watched || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        self.shown = true;
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[2K{}",
            line(self.what, done, self.total)
        );
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

fn line(what: &str, done: u64, total: u64) -> String {
    // What was said to be the total may be an estimate.
    let total = total.max(done).max(1);
    let percent = u128::from(done) * 100 / u128::from(total);
    let full = CELLS * usize::try_from(percent).unwrap_or(100) / 100;
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(CELLS - full));
    format!("{what} [{bar}] {percent:>3} %  {done} of {total}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far() {
        assert_eq!(
            line("checking", 5_000, 10_000),
            "checking [####################....................]  50 %  5000 of 10000"
        );
        assert!(line("checking", 12, 10).ends_with("100 %  12 of 12"));
        assert!(line("checking", 0, 0).ends_with("  0 %  0 of 1"));
        assert!(line("checking", u64::MAX, u64::MAX).contains("100 %"));
    }
}
