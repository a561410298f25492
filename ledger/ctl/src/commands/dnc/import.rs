//! `ledgerctl dnc import`: a whole list, validated first, then sent in chunks under one import.
//!
//! The file is read twice, a row at a time: once to check every row, to count and to hash it, once to send
//! it. Every call's request id is made from the file's hash, the terms of the import and the chunk's number.
//! A rerun of the same command, after a kill at any point, repeats or passes over the calls that were
//! answered and makes those that were not: nobody is listed twice, nobody is left out, and the import is
//! ended once. Its end is an entry with the file's hash and counts.

mod file;
mod pieces;
mod rejects;
mod removal;
mod send;
mod terms;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ledger_core::hash::Hash;
use ledger_feeds::suppression::{self, Kind};
use ledger_proto::v1;
use serde::Serialize;

use self::file::Checked;
use self::rejects::Rejects;
use self::send::{Done, Part, Sender};
use self::terms::Terms;
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::WriteJson;
use crate::request::WriteArgs;
use crate::text::{counted, put};
use crate::values::document::Document;
use crate::values::when::{self, When};
use crate::values::words::{channel, parser, reason};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl dnc import --format hubspot --file unsubscribes-and-bounces.csv --seller acme
  ledgerctl dnc import --format ses --file suppressed.json
  ledgerctl dnc import --format sendgrid-bounces --file bounces.csv --accept-rejects --rejects rejects.csv
  ledgerctl dnc import --format ftc-full --file 2026-11-20.txt
  ledgerctl dnc import --format ftc-changes --file changes.txt          ends listings, which takes compliance
  ledgerctl dnc import --format csv --file list.csv --source legal --reason legal_hold --evidence-file hold.pdf
  ledgerctl dnc import --kind phone --file dncr.txt --source acma --reason national_registry --channel call

Formats (columns in any order, others are passed over; UTF-8, with or without a byte order mark):
  hubspot               the export of unsubscribes and bounces, or an opt-out list with the one column `Email`; HubSpot
                        exports no dates: give one for all by --requested-at
  ses                   what `aws sesv2 list-suppressed-destinations` answers as JSON, or the same fields as CSV
  sendgrid-unsubscribes, sendgrid-bounces, sendgrid-spam, sendgrid-invalid
                        the console's CSV exports: columns `email`, `created`
  ftc-full              the registry's flat file: `202,5550123` a line; the import adds `+1`
  ftc-changes           its change list: number, time, `A` (added: listed) or `D` (deleted: the listings of that
                        number end that earlier imports from the same source made)
  csv                   columns `email`, `phone`, `contact` (one person), or `domain`, or `account`;
                        `reason` and `requested_at` where rows have their own
  plain                 one identifier a line: `email:`, `phone:`, `contact:`, `account:` or `domain:` before it, or
                        bare ones of one --kind; lines that begin with `#` are passed over
Mail providers' lists bind for e-mail, the FTC's for calls and text messages, others for any channel, unless --channel
says otherwise.

The whole file is checked first. If a row is bad, every bad row is told by line, field and reason, and nothing is
sent; with --accept-rejects the good rows are. Each chunk binds as soon as it is committed. Where the command is
interrupted, repeat it as it was: it goes on where it broke off. The same file with the same terms is one import, and
repeating it lists nobody again; --request-id makes another.

Exit codes: 0 imported; 1 refused, or an answer does not verify; 2 rows were rejected, or the file or the command line
cannot be used: nothing was sent; 3 the ledger did not answer: repeat the command.";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// HubSpot: the export of unsubscribes and bounces, or an opt-out list
    Hubspot,
    /// Amazon SES: the account's suppression list, JSON or CSV
    Ses,
    /// SendGrid: unsubscribes
    SendgridUnsubscribes,
    /// SendGrid: bounces
    SendgridBounces,
    /// SendGrid: spam reports
    SendgridSpam,
    /// SendGrid: addresses that do not exist
    SendgridInvalid,
    /// The FTC's registry, whole
    FtcFull,
    /// What was added to and deleted from it
    FtcChanges,
    /// Columns `email`, `phone`, `contact`, `domain`, `account`
    Csv,
    /// One identifier a line
    Plain,
}

impl Format {
    const fn of(self, kind: Option<Kind>) -> suppression::Format {
        use suppression::Format as Of;
        match self {
            Self::Hubspot => Of::HubSpot,
            Self::Ses => Of::Ses,
            Self::SendgridUnsubscribes => Of::SendGridUnsubscribes,
            Self::SendgridBounces => Of::SendGridBounces,
            Self::SendgridSpam => Of::SendGridSpam,
            Self::SendgridInvalid => Of::SendGridInvalid,
            Self::FtcFull => Of::FtcFull,
            Self::FtcChanges => Of::FtcChanges,
            Self::Csv => Of::Csv,
            Self::Plain => Of::Plain(kind),
        }
    }

    fn word(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// The words of `--kind`.
const KINDS: &[&str] = &["email", "phone", "contact", "account", "domain"];

fn kind(word: &str) -> Result<Kind, String> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.word() == word)
        .ok_or_else(|| format!("`{word}` is unknown: expected {}", KINDS.join(", ")))
}

/// A time that is the same at every run.
fn fixed(text: &str) -> Result<When, String> {
    match when::instant(text)? {
        at @ When::At(_) => Ok(at),
        When::In(_) | When::Ago(_) => Err(format!(
            "`{text}` is another time at every run: expected UTC as `2026-11-22T11:31:05Z`"
        )),
    }
}

/// Options of `dnc import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value = "plain", hide_possible_values = true)]
    format: Format,
    /// Of `plain`: every line is a bare identifier of this kind
    #[arg(long, value_parser = parser(KINDS, kind))]
    kind: Option<Kind>,
    /// Where the list comes from, such as `ftc` [default: the format's provider; required for csv and plain]
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Why they must not be contacted; of csv and plain, where the rows do not say
    #[arg(long, value_parser = parser(reason::WORDS, reason::read))]
    reason: Option<v1::ListingReason>,
    /// On whose behalf they must not be contacted [default: on anybody's]
    #[arg(long, value_name = "S")]
    seller: Option<String>,
    /// By which channels they must not be contacted; may be repeated, or a list with commas [default: the format's]
    #[arg(long = "channel", visible_alias = "channels", value_delimiter = ',',
          value_parser = parser(channel::WORDS, channel::read), value_name = "C")]
    channels: Vec<v1::Channel>,
    /// When they asked, such as 2026-11-22T09:00:00Z, where the rows do not say
    #[arg(long, value_parser = fixed, value_name = "TIME")]
    requested_at: Option<When>,
    /// The end, such as 2027-11-22T09:00:00Z; not for people's own requests
    #[arg(long, value_parser = fixed, value_name = "TIME")]
    expires_at: Option<When>,
    #[command(flatten)]
    document: Document,
    /// Import the good rows although others are rejected
    #[arg(long)]
    accept_rejects: bool,
    /// Where to write what is rejected: a CSV of line, field and reason
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

/// What an import came to.
#[derive(Serialize)]
struct ImportJson {
    format: String,
    sha256: Hash,
    /// Rows that list somebody.
    listed: u64,
    /// Rows that were rejected, and are left out.
    rejected: u64,
    /// Rows that delete, and how many listings this run ended for them.
    deleted: u64,
    listings_ended: u64,
    /// How many of the calls had been made before, those passed over included.
    repeated_calls: u64,
    /// One for each reason.
    imports: Vec<PartJson>,
}

/// One import.
#[derive(Serialize)]
struct PartJson {
    /// The seq of its beginning.
    import: u64,
    reason: String,
    listed: u64,
    end: WriteJson,
}

pub(super) async fn run(context: &Context, args: &ImportArgs) -> Result<(), Failure> {
    if args.kind.is_some() && args.format != Format::Plain {
        return Err(Failure::usage("--kind is for --format plain alone"));
    }
    let terms = Terms::of(args)?;
    let watched = context.output.shows_progress();
    let mut rejects = Rejects::new(args.rejects.as_deref(), &args.file)?;
    let checked = Checked::of(&args.file, &terms, &mut rejects, watched)?;
    let rejected = rejects.finish(&args.file, args.accept_rejects)?;
    terms.fit(&checked)?;
    if checked.is_empty() {
        return Err(Failure::usage(format!(
            "`{}` names nobody: nothing was sent",
            args.file.display()
        )));
    }

    let session = context.connect().await?;
    if checked.deletes > 0 {
        removal::may_end(&session).await?;
    }
    let mut parts = Vec::new();
    for (reason, rows) in &checked.rows {
        let part = Part::begin(&session, &terms, &checked, *reason, *rows, rejected).await;
        parts.push(part.map_err(|failure| {
            if failure.outcome_is_unknown() {
                failure.note("nobody is listed yet; repeat the command as it was")
            } else {
                failure
            }
        })?);
    }
    let seqs: Vec<String> = parts.iter().map(|part| part.seq.to_string()).collect();
    let mut sender = Sender::new(&session, &terms, &checked, &parts, watched);
    let sent = sender.send().await;
    let done = sender.into_done();
    let go_on = |failure: Failure| {
        failure.note(format!(
            "{} of {} are listed under import {}, which is not complete; repeat the command as it was to go on",
            done.listed,
            counted(checked.listed(), "subject", "subjects"),
            seqs.join(", ")
        ))
    };
    sent.map_err(go_on)?;
    let mut ends = Vec::new();
    for part in &parts {
        ends.push(part.end(&session, &terms).await.map_err(go_on)?);
    }
    show(context, args, &checked, rejected, &parts, &done, &ends)
}

fn show(
    context: &Context,
    args: &ImportArgs,
    checked: &Checked,
    rejected: u64,
    parts: &[Part],
    done: &Done,
    ends: &[send::Ended],
) -> Result<(), Failure> {
    let mut text = String::new();
    let mut imports = Vec::new();
    let mut repeated_calls = done.repeated_calls;
    for (part, end) in parts.iter().zip(ends) {
        let many = counted(part.rows, "subject", "subjects");
        let word = reason::word(part.reason);
        if end.repeated {
            put!(
                text,
                "This file was imported before: {many} ({word}) under import {}.\n",
                part.seq
            );
        } else {
            put!(
                text,
                "Imported {many} ({word}) as import {}, complete with entry {}.\n",
                part.seq,
                end.verified.entry.seq
            );
        }
        repeated_calls += u64::from(part.repeated) + u64::from(end.repeated);
        imports.push(PartJson {
            import: part.seq,
            reason: word,
            listed: part.rows,
            end: WriteJson::of(&end.verified, &end.request_id, end.repeated)?,
        });
    }
    if checked.deletes > 0 {
        put!(
            text,
            "{} for {} of the file.\n",
            counted(done.ended, "listing was ended", "listings were ended"),
            counted(checked.deletes, "deletion", "deletions"),
        );
    }
    if rejected > 0 {
        let rows = counted(
            rejected,
            "row was rejected and is",
            "rows were rejected and are",
        );
        put!(text, "{rows} left out.\n");
    }
    if repeated_calls > 0 && ends.iter().any(|end| !end.repeated) {
        put!(
            text,
            "It went on where an earlier run had broken off: {} had been made before.\n",
            counted(repeated_calls, "call", "calls")
        );
    }
    if let Some(end) = ends.last() {
        text.push_str(&end.verified.line());
    }
    let object = ImportJson {
        format: args.format.word(),
        sha256: checked.sha256,
        listed: checked.listed(),
        rejected,
        deleted: checked.deletes,
        listings_ended: done.ended,
        repeated_calls,
        imports,
    };
    context.output.show(&text, &object)
}

#[cfg(test)]
mod tests;
