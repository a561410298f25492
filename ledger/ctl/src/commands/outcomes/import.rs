//! `ledgerctl outcomes import`: everything is read first, then recorded event by event.
//!
//! An event's own id is its request id, as over HTTP: a rerun after a kill at any point, or a file with
//! events that a webhook of the same principal delivered already, records nothing twice.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::{StreamExt as _, stream};
use ledger_core::entry::Finding;
use ledger_feeds::event::file::bodies;
use ledger_feeds::event::{Delivery, Outcome, Provider, Refused};
use serde::Serialize;

use crate::client::Session;
use crate::commands::record::{Sent, send};
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::progress::Progress;
use crate::request::WriteArgs;
use crate::text::{counted, put};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl outcomes import --format sendgrid events.json
  ledgerctl outcomes import --format ses notifications.jsonl more.jsonl --accept-rejects

A file is one body as the provider posts it, or one body a line; of SendGrid a line may be a single event. SES bodies
may stand in envelopes of SNS or alone. All files are read first: every bad line is named, and nothing is sent unless
all are good or --accept-rejects is given. Events that are no outcomes (delivered, opened, clicked) are passed over.
An event's own id is its request id: where the command is interrupted, repeat it as it was. What the webhook of the
same principal delivered already is not recorded again.";

/// Events on their way at a time. They share a sync.
const UNDER_WAY: usize = 64;

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
    fn of(file: &Path, line: usize, refused: &Refused) -> Self {
        Self {
            file: file.display().to_string(),
            line,
            field: refused.field.clone(),
            why: refused.why.clone(),
        }
    }
}

/// What the files hold.
#[derive(Debug, Default)]
struct Read {
    events: Vec<(String, Outcome)>,
    passed: u64,
    rejects: Vec<Reject>,
}

impl Read {
    fn add(&mut self, provider: Provider, path: &Path, file: &[u8]) {
        for body in bodies(provider, file) {
            let items = match &body.read {
                Ok(Delivery::Events(items)) => items,
                Ok(Delivery::Subscription(_)) => {
                    self.passed += 1;
                    continue;
                }
                Err(refused) => {
                    self.rejects.push(Reject::of(path, body.line, refused));
                    continue;
                }
            };
            for item in items {
                let line = body.line_of(item);
                match &item.read {
                    Ok(Some(outcome)) => {
                        let place = format!("`{}` line {line}", path.display());
                        self.events.push((place, outcome.as_ref().clone()));
                    }
                    Ok(None) => self.passed += 1,
                    Err(refused) => self.rejects.push(Reject::of(path, line, refused)),
                }
            }
        }
    }

    /// Every bad line, by its number; never by what it says, which may name somebody.
    fn bad_lines(&self) -> String {
        let mut text = String::new();
        for Reject {
            file,
            line,
            field,
            why,
        } in &self.rejects
        {
            // Writing to a string does not fail.
            let _ = write!(text, "\n  `{file}` line {line}: {field}: {why}");
        }
        text
    }
}

/// What an import came to.
#[derive(Debug, Default, Serialize)]
struct ImportJson {
    /// Recorded now.
    recorded: u64,
    /// Recorded before.
    repeated: u64,
    /// Of both, those that no execution was found for.
    unmatched: u64,
    /// Of those recorded now, the ones that were followed by entries: a listing, a breaker.
    followed: u64,
    /// No outcomes.
    passed: u64,
    /// The first and the last entry of those recorded now.
    entries: Option<(u64, u64)>,
    rejects: Vec<Reject>,
}

impl ImportJson {
    fn add(&mut self, sent: &Sent) {
        let seq = sent.verified.entry.seq;
        self.unmatched += u64::from(
            sent.verified
                .entry
                .body
                .findings()
                .contains(&Finding::UnknownExecution),
        );
        if sent.repeated {
            self.repeated += 1;
            return;
        }
        self.recorded += 1;
        self.followed += u64::from(sent.followers > 0);
        self.entries = Some(match self.entries {
            Some((first, last)) => (first.min(seq), last.max(seq)),
            None => (seq, seq),
        });
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
    let total = read.events.len() as u64;
    let mut done = ImportJson {
        passed: read.passed,
        rejects: read.rejects,
        ..ImportJson::default()
    };
    let mut progress = Progress::new("events", total, context.output.shows_progress());
    let session = &session;
    let mut answers = stream::iter(read.events)
        .map(|(place, outcome)| async move {
            let sent = record(session, provider, &outcome).await;
            sent.map_err(|failure| (place, failure))
        })
        .buffered(UNDER_WAY);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(sent) => done.add(&sent),
            Err((place, failure)) => {
                return Err(failure.note(format!(
                    "the event of {place} is not known to be recorded; {} of {total} before it are: repeat the command as \
                     it was to go on",
                    done.recorded + done.repeated
                )));
            }
        }
        progress.add(1);
    }
    drop(progress);
    context.output.show(&done.text(), &done)
}

async fn record(session: &Session, provider: Provider, outcome: &Outcome) -> Result<Sent, Failure> {
    let request = outcome.request(provider);
    let write = WriteArgs {
        request_id: Some(request.request_id.clone()),
        correlation_id: None,
        receipt_out: None,
    };
    send(session, &request, &write.begin()?.into_part()).await
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
            .events
            .iter()
            .map(|(at, one)| (at.as_str(), one.id.as_str()))
            .collect();
        assert_eq!(
            ids,
            [
                ("`a.jsonl` line 1", "sendgrid-e1"),
                ("`a.jsonl` line 2", "sendgrid-e2")
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
