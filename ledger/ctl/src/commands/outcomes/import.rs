//! `ledgerctl outcomes import`: everything is read first, then recorded in batches, each event for itself.
//!
//! An event's own id is its request id, as over HTTP: a rerun after a kill at any point, or a file with
//! events that a webhook of the same principal delivered already, records nothing twice.

mod send;

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ledger_feeds::event::file::bodies;
use ledger_feeds::event::{Delivery, Provider, Refused};
use serde::Serialize;

use self::send::{Done, Place, Report};
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::progress::Progress;
use crate::text::{counted, put};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl outcomes import --format sendgrid events.json
  ledgerctl outcomes import --format ses notifications.jsonl more.jsonl --accept-rejects

A file is one body as the provider posts it, or one body a line; of SendGrid a line may be a single event. SES bodies
may stand in envelopes of SNS or alone. All files are read first: every bad line is named, and nothing is sent unless
all are good or --accept-rejects is given. Events that are no outcomes (delivered, opened, clicked) are passed over.
An event's own id is its request id: where the command is interrupted, repeat it as it was. What the webhook of the
same principal delivered already is not recorded again. What the ledger has no room for is sent again; an event that
it refuses is told by its line, and the others are recorded.

Exit codes: 0 imported; 1 refused, or an answer does not verify; 2 events were rejected, or a file or the command line
cannot be used: nothing was sent; 3 the ledger did not answer: repeat the command.";

/// Whose events they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Amazon SES
    Ses,
    /// SendGrid
    Sendgrid,
}

impl Format {
    const fn provider(self) -> Provider {
        match self {
            Self::Ses => Provider::Ses,
            Self::Sendgrid => Provider::Sendgrid,
        }
    }
}

/// Options of `outcomes import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Whose events they are
    #[arg(long, value_enum)]
    format: Format,
    /// Record the good events although others are bad
    #[arg(long)]
    accept_rejects: bool,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// An event that is not recorded.
#[derive(Debug, Serialize)]
struct Reject {
    file: String,
    line: usize,
    field: String,
    why: String,
}

impl Reject {
    fn of(place: &Place, field: &str, why: &str) -> Self {
        Self {
            file: place.file.display().to_string(),
            line: place.line,
            field: field.to_owned(),
            why: why.to_owned(),
        }
    }

    /// One that cannot be read.
    fn unread(place: &Place, refused: &Refused) -> Self {
        Self::of(place, &refused.field, &refused.why)
    }

    /// One that the ledger refused.
    fn refused(place: &Place, failure: &Failure) -> Self {
        let Some(refused) = failure.refused() else {
            return Self::of(place, "event", &failure.to_string());
        };
        let field = refused.fields.first();
        let field = field.map_or("event", |(field, _)| field.as_str());
        Self::of(place, field, &refused.message)
    }
}

impl fmt::Display for Reject {
    /// By its number, never by what it says, which may name somebody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            field,
            why,
        } = self;
        write!(f, "`{file}` line {line}: {field}: {why}")
    }
}

/// What the files hold.
#[derive(Debug, Default)]
struct Read {
    reports: Vec<Report>,
    passed: u64,
    rejects: Vec<Reject>,
}

impl Read {
    fn add(&mut self, provider: Provider, path: &Path, file: &[u8]) {
        for body in bodies(provider, file) {
            let place = |line| Place {
                file: path.to_owned(),
                line,
            };
            let items = match &body.read {
                Ok(Delivery::Events(items)) => items,
                Ok(Delivery::Subscription(_)) => {
                    self.passed += 1;
                    continue;
                }
                Err(refused) => {
                    self.rejects
                        .push(Reject::unread(&place(body.line), refused));
                    continue;
                }
            };
            for item in items {
                let place = place(body.line_of(item));
                match &item.read {
                    Ok(Some(outcome)) => self.reports.push(Report {
                        place,
                        request: outcome.request(provider),
                    }),
                    Ok(None) => self.passed += 1,
                    Err(refused) => self.rejects.push(Reject::unread(&place, refused)),
                }
            }
        }
    }

    /// Every bad line.
    fn bad_lines(&self) -> String {
        let mut text = String::new();
        for reject in &self.rejects {
            // Writing to a string does not fail.
            let _ = write!(text, "\n  {reject}");
        }
        text
    }
}

/// What an import came to.
#[derive(Debug, Serialize)]
struct ImportJson {
    /// Recorded now.
    recorded: u64,
    /// Recorded before.
    repeated: u64,
    /// Of both, those that no execution was found for.
    unmatched: u64,
    /// Of both, the complaints and unsubscribes that could list nobody.
    unlisted: u64,
    /// Of those recorded now, the ones that were followed by entries: a listing, a breaker.
    followed: u64,
    /// No outcomes.
    passed: u64,
    /// The first and the last entry of those recorded now.
    entries: Option<(u64, u64)>,
    rejects: Vec<Reject>,
}

impl ImportJson {
    fn of(done: &Done, passed: u64, mut rejects: Vec<Reject>) -> Self {
        let refused = done.refused.iter();
        rejects.extend(refused.map(|(place, failure)| Reject::refused(place, failure)));
        Self {
            recorded: done.recorded,
            repeated: done.repeated,
            unmatched: done.unmatched,
            unlisted: done.unlisted,
            followed: done.followed,
            passed,
            entries: done.entries,
            rejects,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("Recorded {}", counted(self.recorded, "event", "events"));
        if let Some((first, last)) = self.entries {
            put!(text, ", entries {first} to {last}");
        }
        text.push_str(".\n");
        let mut line = |count: u64, one: &str, many: &str, what: &str| {
            if count > 0 {
                put!(text, "{} {what}.\n", counted(count, one, many));
            }
        };
        line(self.repeated, "event was", "events were", "recorded before");
        line(
            self.followed,
            "of these was",
            "of these were",
            "followed by a listing or a breaker",
        );
        line(
            self.unmatched,
            "event matches",
            "events match",
            "no execution (`unknown_execution`)",
        );
        line(
            self.unlisted,
            "complaint or unsubscribe",
            "complaints and unsubscribes",
            "listed nobody (`unlisted`): list who it was with `ledgerctl dnc add`",
        );
        line(
            self.passed,
            "event was",
            "events were",
            "passed over: no bounce, complaint or unsubscribe",
        );
        line(
            self.rejects.len() as u64,
            "event was",
            "events were",
            "rejected and is not recorded",
        );
        text
    }
}

pub(super) async fn run(context: &Context, args: &ImportArgs) -> Result<(), Failure> {
    let provider = args.format.provider();
    let mut read = Read::default();
    for path in &args.files {
        let file = std::fs::read(path).map_err(|source| Problem::Input {
            path: path.clone(),
            source,
        })?;
        read.add(provider, path, &file);
    }
    if !read.rejects.is_empty() {
        let bad = format!(
            "{}{}",
            counted(read.rejects.len() as u64, "bad event", "bad events"),
            read.bad_lines()
        );
        if !args.accept_rejects {
            return Err(Failure::usage(format!("nothing was sent: {bad}"))
                .note("put the lines right, or give --accept-rejects to record the others"));
        }
        context.output.warn(&bad);
    }
    let session = context.connect().await?;
    let total = read.reports.len() as u64;
    let mut progress = Progress::new("events", total, context.output.shows_progress());
    let mut done = send::send(&session, &read.reports, &mut progress).await?;
    drop(progress);
    if !args.accept_rejects && !done.refused.is_empty() {
        return Err(refused(&mut done));
    }
    let object = ImportJson::of(&done, read.passed, read.rejects);
    context.output.show(&object.text(), &object)
}

/// That the ledger refused events, each by its line.
fn refused(done: &mut Done) -> Failure {
    let lines: Vec<String> = done
        .refused
        .iter()
        .map(|(place, failure)| format!("not recorded: {}", Reject::refused(place, failure)))
        .collect();
    let (_, mut failure) = done.refused.swap_remove(0);
    for line in lines {
        failure = failure.note(line);
    }
    failure.note(format!(
        "{} recorded: put the lines right, or give --accept-rejects to leave them out",
        counted(done.recorded + done.repeated, "other is", "others are")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_whole_and_rejects_are_named_by_their_lines() {
        let good = r#"{"event":"spamreport","email":"kim@buyer.example","timestamp":1,"sg_event_id":"e1"}"#;
        let file = format!(
            "{good}\n[{{\"event\":\"open\"}},{}]\nnot json\n{}\n",
            good.replace("e1", "e2"),
            good.replace(":1,", ":\"then\",")
        );
        let mut read = Read::default();
        read.add(Provider::Sendgrid, Path::new("a.jsonl"), file.as_bytes());
        read.add(Provider::Sendgrid, Path::new("b.json"), b"[\n7]");
        let ids: Vec<_> = read
            .reports
            .iter()
            .map(|one| (one.place.to_string(), one.request.request_id.as_str()))
            .collect();
        assert_eq!(
            ids,
            [
                ("`a.jsonl` line 1".to_owned(), "sendgrid-e1"),
                ("`a.jsonl` line 2".to_owned(), "sendgrid-e2")
            ]
        );
        assert_eq!(read.passed, 1);
        let lines: Vec<_> = read
            .rejects
            .iter()
            .map(|one| (one.file.as_str(), one.line, one.field.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                ("a.jsonl", 3, "body"),
                ("a.jsonl", 4, "timestamp"),
                ("b.json", 2, "body")
            ]
        );
        assert!(!read.bad_lines().contains("kim"));
    }
}
