//! `ledgerctl dnc import`: a whole list, validated first, then sent in chunks under one import.
//!
//! Every call's request id is made from the file's hash, the terms of the import and the chunk's number.
//! A rerun of the same command, after a kill at any point, repeats the calls that were answered and makes
//! those that were not: nobody is listed twice, nobody is left out, and the import is ended once.

mod plain;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ledger_core::entry::DncOp;
use ledger_core::hash::Hash;
use ledger_core::limits::LISTINGS_MAX;
use ledger_core::name;
use ledger_core::role::Call;
use ledger_proto::v1;
use serde::Serialize;

use self::plain::{Kind, List};
use super::add::{call, of};
use crate::client::Session;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::progress::Progress;
use crate::proof::{Verified, WriteJson, same, same_option};
use crate::request::{Write, WriteArgs};
use crate::text::{counted, put};
use crate::values::words::{channel, parser, reason};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl dnc import --file optouts.txt --source hubspot --reason unsubscribe
  ledgerctl dnc import --format plain --kind phone --file dncr.txt --source ftc --reason national_registry --channel call
  ledgerctl dnc import --file lost.txt --source legal --reason legal_hold --seller acme --receipt-out import.tlog-proof

Format `plain` is one identifier a line: `email:`, `phone:`, `contact:`, `account:` or `domain:` and the identifier;
with --kind every line is a bare identifier of that kind. Empty lines, and lines that begin with `#`, are passed over.
The whole file is checked first: every bad line is named, and nothing is sent unless all are good. Each listing binds
as soon as it is committed. Where the command is interrupted, repeat it as it was: it goes on where it broke off.
The same file with the same terms is one import, and repeating it lists nobody again; --request-id makes another.";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One identifier a line
    Plain,
}

/// Options of `dnc import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value = "plain")]
    format: Format,
    /// Every line is a bare identifier of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Where the list comes from, such as `ftc`
    #[arg(long, value_name = "ID")]
    source: String,
    /// Why they must not be contacted
    #[arg(long, value_parser = parser(reason::WORDS, reason::read))]
    reason: v1::ListingReason,
    /// On whose behalf they must not be contacted [default: on anybody's]
    #[arg(long, value_name = "S")]
    seller: Option<String>,
    /// By which channels they must not be contacted; may be repeated, or a list with commas [default: by any]
    #[arg(long = "channel", visible_alias = "channels", value_delimiter = ',',
          value_parser = parser(channel::WORDS, channel::read), value_name = "C")]
    channels: Vec<v1::Channel>,
    #[command(flatten)]
    write: WriteArgs,
}

/// What an import came to.
#[derive(Serialize)]
struct ImportJson {
    /// The seq of the import's beginning.
    import: u64,
    sha256: Hash,
    listed: u64,
    /// The first and the last entry that lists somebody.
    listings: Option<(u64, u64)>,
    /// How many of the calls had been made before.
    repeated_calls: u64,
    end: WriteJson,
}

pub(super) async fn run(context: &Context, args: &ImportArgs) -> Result<(), Failure> {
    let Format::Plain = args.format;
    let input = |source| Problem::Input {
        path: args.file.clone(),
        source,
    };
    let bytes = std::fs::read(&args.file).map_err(input)?;
    let list = List::check(&bytes, args.kind)
        .map_err(|bad| Failure::usage(format!("`{}` {bad}", args.file.display())))?;
    name::check("source", &args.source, name::PROVIDER_MAX)
        .map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(seller) = &args.seller {
        name::seller(seller).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let import = Import {
        args,
        sha256: Hash::of(&bytes),
        list,
    };
    let session = context.connect().await?;
    let begun = import.begin(&session).await.map_err(|failure| {
        if failure.outcome_is_unknown() {
            failure.note("nobody is listed yet; repeat the command as it was")
        } else {
            failure
        }
    })?;
    let go_on = |done: u64, failure: Failure| {
        failure.note(format!(
            "{done} of {} are listed under import {}, which is not complete; repeat the command as it was to go on",
            counted(import.list.len(), "subject", "subjects"),
            begun.seq
        ))
    };
    let mut progress = Progress::new(
        "listings",
        import.list.len(),
        context.output.shows_progress(),
    );
    let mut listings: Option<(u64, u64)> = None;
    let mut repeated_calls = u64::from(begun.repeated);
    let mut done = 0;
    let mut subjects = import.list.subjects();
    for number in 1_u64.. {
        let chunk: Vec<v1::Listing> = subjects
            .by_ref()
            .take(LISTINGS_MAX)
            .map(|subject| import.listing(subject))
            .collect();
        if chunk.is_empty() {
            break;
        }
        let mut write = import.write(&number.to_string(), None)?;
        let (verified, repeated) = call(&session, &mut write, &chunk, &[], Some(begun.seq))
            .await
            .map_err(|failure| go_on(done, failure))?;
        let seq = verified.entry.seq;
        listings =
            Some(listings.map_or((seq, seq), |(first, last)| (first.min(seq), last.max(seq))));
        repeated_calls += u64::from(repeated);
        done += chunk.len() as u64;
        progress.add(chunk.len() as u64);
    }
    drop(progress);
    let (verified, write, repeated) = import
        .end(&session, begun.seq)
        .await
        .map_err(|failure| go_on(done, failure))?;
    repeated_calls += u64::from(repeated);
    let mut text = if repeated {
        format!(
            "This file was imported before: {} under import {}.\n",
            counted(done, "subject was listed", "subjects were listed"),
            begun.seq
        )
    } else {
        format!(
            "Imported {} as import {}, complete with entry {}.\n",
            counted(done, "subject", "subjects"),
            begun.seq,
            verified.entry.seq
        )
    };
    if repeated_calls > 0 && !repeated {
        put!(
            text,
            "It went on where an earlier run had broken off: {} had been made before.\n",
            counted(repeated_calls, "call", "calls")
        );
    }
    text.push_str(&verified.line());
    let object = ImportJson {
        import: begun.seq,
        sha256: import.sha256,
        listed: done,
        listings,
        repeated_calls,
        end: WriteJson::of(&verified, &write.request_id, repeated)?,
    };
    context.output.show(&text, &object)
}

/// The beginning of an import, as the ledger has it.
struct Begun {
    seq: u64,
    repeated: bool,
}

/// A list that was found good, and on which terms it is imported.
struct Import<'a> {
    args: &'a ImportArgs,
    sha256: Hash,
    list: List<'a>,
}

impl Import<'_> {
    /// What all request ids of this import begin with: given, or made from the file and the terms.
    fn base(&self) -> String {
        if let Some(given) = &self.args.write.request_id {
            return given.clone();
        }
        let args = self.args;
        let mut channels: Vec<String> = args.channels.iter().copied().map(channel::word).collect();
        channels.sort_unstable();
        channels.dedup();
        let kind = args.kind.map(Kind::word).unwrap_or_default();
        // Nothing in a line can hold a line break: two different terms never make the same text.
        let terms = format!(
            "ledgerctl-import/v1\n{}\n{kind}\n{}\n{}\n{}\n{}\n",
            self.sha256,
            args.source,
            reason::word(args.reason),
            args.seller.as_deref().unwrap_or_default(),
            channels.join(",")
        );
        let hash = Hash::of(terms.as_bytes()).to_string();
        format!("import-{}", hash.get(..32).unwrap_or(&hash))
    }

    fn write(&self, part: &str, receipt_out: Option<PathBuf>) -> Result<Write, Failure> {
        let args = WriteArgs {
            request_id: Some(format!("{}-{part}", self.base())),
            correlation_id: self.args.write.correlation_id.clone(),
            receipt_out,
        };
        Ok(args.begin()?.into_part())
    }

    fn listing(&self, subject: v1::Subject) -> v1::Listing {
        v1::Listing {
            subject: Some(subject),
            seller: self.args.seller.clone().unwrap_or_default(),
            channels: self.args.channels.iter().copied().map(i32::from).collect(),
            reason: self.args.reason.into(),
            source: self.args.source.clone(),
            ..v1::Listing::default()
        }
    }

    async fn begin(&self, session: &Session) -> Result<Begun, Failure> {
        let write = self.write("begin", None)?;
        let request = v1::BeginImportRequest {
            header: Some(write.header()),
            source: self.args.source.clone(),
            reason: self.args.reason.into(),
            sha256: self.sha256.0.to_vec().into(),
        };
        let answer = session.control().begin_import(request).await;
        let (verified, repeated) = session.written(&write, Call::BeginImport, answer)?;
        let found = of(&verified, DncOp::ImportBegin)?.imports.as_ref();
        same_option(
            "source",
            Some(self.args.source.as_str()),
            found.map(|found| found.source.as_str()),
        )?;
        let word = found.and_then(|found| serde_json::to_value(found.reason).ok());
        same_option(
            "reason",
            Some(reason::word(self.args.reason).as_str()),
            word.as_ref().and_then(|word| word.as_str()),
        )?;
        same_option(
            "file's hash",
            Some(self.sha256),
            found.map(|found| found.sha256),
        )?;
        Ok(Begun {
            seq: verified.entry.seq,
            repeated,
        })
    }

    async fn end(
        &self,
        session: &Session,
        import: u64,
    ) -> Result<(Verified, Write, bool), Failure> {
        let mut write = self.write("end", self.args.write.receipt_out.clone())?;
        let request = v1::EndImportRequest {
            header: Some(write.header()),
            import,
        };
        let answer = session.control().end_import(request).await;
        let (verified, repeated) = session.written(&write, Call::EndImport, answer)?;
        let dnc = of(&verified, DncOp::ImportEnd)?;
        same_option("import", Some(import), dnc.import)?;
        same(
            "listings imported",
            self.list.len(),
            dnc.imported.unwrap_or_default(),
        )?;
        write.keep(&verified)?;
        Ok((verified, write, repeated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ImportArgs,
    }

    fn base(file: &[u8], line: &str) -> String {
        let words = "import --file f --source ftc --reason national_registry";
        let line = Line::parse_from(words.split(' ').chain(line.split_whitespace()));
        let list = List::check(file, line.args.kind).unwrap();
        Import {
            args: &line.args,
            sha256: Hash::of(file),
            list,
        }
        .base()
    }

    #[test]
    fn ids_depend_on_the_file_and_on_every_term() {
        let file = b"+442079460000\n";
        let first = base(file, "--kind phone");
        assert_eq!(first, base(file, "--kind phone"));
        assert_eq!(
            base(file, "--kind phone --channel sms,call"),
            base(
                file,
                "--kind phone --channel call --channel sms --channel call"
            )
        );
        let others = [
            base(b"+442079460001\n", "--kind phone"),
            base(b"phone:+442079460000\n", ""),
            base(file, "--kind phone --seller acme"),
            base(file, "--kind phone --channel call"),
            base(file, "--kind phone --request-id r"),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(&first, other);
            assert!(!others[..at].contains(other), "{other}");
            let id = format!("{other}-4000000");
            name::check("request_id", &id, name::REQUEST_ID_MAX).unwrap();
        }
    }
}
