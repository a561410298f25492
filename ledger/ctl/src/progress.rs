//! A line of progress for whoever waits longer than a second.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::text::{grouped, wait_ms};

/// How long it takes until progress is worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const EVERY: Duration = Duration::from_millis(100);
/// How many characters the bar has.
const BAR: u64 = 30;

/// Progress of one long command, on standard error.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    started: Instant,
    shown: Option<Instant>,
    watched: bool,
}

impl Progress {
    /// Progress of about `total` of `what`, shown only where somebody watches.
    pub(crate) fn new(what: &'static str, total: u64, watched: bool) -> Self {
        Self {
            what,
            total,
            done: 0,
            started: Instant::now(),
            shown: None,
            watched,
        }
    }

    /// `more` are done.
    pub(crate) fn add(&mut self, more: u64) {
        self.done += more;
        let due = match self.shown {
            Some(last) => last.elapsed() >= EVERY,
            None => self.started.elapsed() >= PATIENCE,
        };
        if self.watched && due {
            self.shown = Some(Instant::now());
            let line = line(self.what, self.done, self.total, self.started.elapsed());
            // Progress is for watching alone: that it cannot be shown harms nothing.
            let _ = write!(io::stderr(), "\r\u{1b}[K{line}").and_then(|()| io::stderr().flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K").and_then(|()| io::stderr().flush());
        }
    }
}

fn line(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    // What was said to be the total may have grown since.
    let total = total.max(done).max(1);
    let full = usize::try_from(done.saturating_mul(BAR) / total).unwrap_or(0);
    let bar: String = (0..usize::try_from(BAR).unwrap_or(0))
        .map(|at| if at < full { '#' } else { '.' })
        .collect();
    let percent = done.saturating_mul(100) / total;
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let left_ms = if done == 0 {
        None
    } else {
        elapsed_ms.checked_mul(total - done).map(|ms| ms / done)
    };
    let left = left_ms
        .filter(|_| done < total)
        .map(|ms| format!(", {} left", wait_ms(ms.max(1_000))))
        .unwrap_or_default();
    format!(
        "[{bar}] {percent}%  {} of {} {what}{left}",
        grouped(done),
        grouped(total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_long() {
        let half = line("entries", 5_000, 10_000, Duration::from_secs(3));
        assert_eq!(
            half,
            "[###############...............] 50%  5,000 of 10,000 entries, 3s left"
        );
        let over = line("entries", 12, 10, Duration::from_secs(3));
        assert_eq!(
            over,
            "[##############################] 100%  12 of 12 entries"
        );
        let none = line("entries", 0, 0, Duration::ZERO);
        assert_eq!(none, "[..............................] 0%  0 of 1 entries");
    }
}
