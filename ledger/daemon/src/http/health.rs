//! Whether the daemon lives, and whether it takes work. Open to everybody: they say nothing of the log.
//!
//! - `/healthz` is 200 while the process answers and has not stopped writing. Where it is 503, the
//!   process is about to end by itself, and is to be started again.
//! - `/readyz` is 200 where work that comes now is answered: the daemon is not stopping, and what it
//!   writes and what waits to be written goes on. A commit that has taken [`STUCK_AFTER`] makes it 503.
//!
//! A clock in doubt makes neither 503: the ledger answers then as always (what would be an allow is a
//! deny, with its receipt), and stops, reports and the operator's acknowledgement must reach it. The text
//! of `/readyz` says so, and `ledger_clock_blocked` is a metric to alert on.
//!
//! The body is one line a finding.

use std::time::Duration;

use hyper::StatusCode;

use super::{Reply, Site};

/// A commit that takes longer, or commands that wait longer, mean that the disk does not answer.
pub const STUCK_AFTER: Duration = Duration::from_secs(10);

/// `GET /healthz`
pub(super) fn healthz(site: &Site) -> Reply {
    answer(stopped(site), Vec::new())
}

/// `GET /readyz`
pub(super) fn readyz(site: &Site) -> Reply {
    let mut against = stopped(site);
    let finishing = *site.finishing.borrow();
    if finishing {
        against.push("the daemon is stopping".to_owned());
    } else if against.is_empty() && site.queue.is_closed() {
        against.push("the daemon takes no writes".to_owned());
    }
    let waiting = site.queue.stuck().unwrap_or_default();
    let waiting = waiting.max(site.metrics.committing());
    if waiting > STUCK_AFTER {
        let s = waiting.as_secs();
        against.push(format!(
            "nothing has been written for {s} s: does the disk answer?"
        ));
    }
    let mut notes = Vec::new();
    if site.latest.get().clock_blocked {
        notes.push(
            "the clock is in doubt: every allow is a deny until an operator acknowledges it"
                .to_owned(),
        );
    }
    answer(against, notes)
}

/// Why nothing is written any more.
fn stopped(site: &Site) -> Vec<String> {
    let mut against = Vec::new();
    if site.store.has_failed() {
        against.push(
            "the outcome of a commit is not known: the daemon has stopped writing".to_owned(),
        );
    }
    if site.views.failure().is_some() {
        against
            .push("the views cannot be read or written: the daemon has stopped writing".to_owned());
    }
    against
}

fn answer(against: Vec<String>, notes: Vec<String>) -> Reply {
    let (status, first) = if against.is_empty() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ok")
    };
    let mut text = format!("{first}\n");
    for line in against.iter().chain(&notes) {
        text.push_str(line);
        text.push('\n');
    }
    Reply::text(status, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_against_it_makes_it_unavailable_and_a_note_does_not() {
        let good = answer(Vec::new(), vec!["a note".to_owned()]);
        assert_eq!(good.status, StatusCode::OK);
        assert_eq!(good.body, "ok\na note\n");
        let bad = answer(vec!["a reason".to_owned()], vec!["a note".to_owned()]);
        assert_eq!(bad.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(bad.body, "not ok\na reason\na note\n");
    }
}
