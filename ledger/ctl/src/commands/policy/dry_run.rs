//! `ledgerctl policy dry-run`: which recorded decisions another policy would change.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger_core::codebook;
use ledger_core::dry_run::{DryRun, DryRunError, Report, Tokens};
use ledger_core::entry::{Entry, Outcome};
use ledger_core::limits::ENTRY_BYTES_MAX;
use ledger_core::policy::{Policy, policy_hash};
use serde::Serialize;

use super::folder;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::output::Style;
use crate::progress::Progress;
use crate::text::{Table, counted, grouped, put, wrapped};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl export --out export
  ledgerctl policy dry-run policies/sales --export export

Needs no ledger. Throttles count what the new policy allows; the do-not-contact list, stops, approvals, break-glass and
breakers stay as they were recorded. It decides what was asked, not what agents would have asked instead.
The export is not verified here: `ledger-verify log` and `ledger-verify replay` do that.";

/// How many changes are shown to people without `--limit`.
const SHOWN: usize = 20;

/// Options of `policy dry-run`.
#[derive(Debug, Args)]
pub(crate) struct DryRunArgs {
    /// The new policy's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The folder that `ledgerctl export` made of the ledger
    #[arg(long, value_name = "FOLDER")]
    export: PathBuf,
    /// How many changes to show; with --json always all that are kept, which are 1,000 at most
    #[arg(long, default_value_t = SHOWN, value_name = "N")]
    limit: usize,
}

/// What is said with `--json`.
#[derive(Serialize)]
struct Json<'a> {
    origin: Option<&'a str>,
    sandbox: bool,
    #[serde(flatten)]
    report: &'a Report,
}

pub(crate) fn run(context: &Context, args: &DryRunArgs) -> Result<(), Failure> {
    let files = folder::read(&args.folder)?;
    let policy = Policy::parse(&files).map_err(Problem::Policy)?;
    let path = args.export.join("entries.jsonl");
    let watched = context.output.shows_progress();
    // Twice through the file: tokens of names may stand anywhere in it.
    let (mut tokens, mut total) = (Tokens::default(), 0);
    let mut log = Log::default();
    each(&path, &mut |line| {
        total += 1;
        if let Some(entry) = policy_or_genesis(line) {
            log.learn(&entry);
            tokens.learn(&entry);
        }
        Ok(())
    })?;
    let mut progress = Progress::new("entries", total, watched);
    let mut dry = DryRun::new(policy, policy_hash(&files), &tokens);
    each(&path, &mut |line| {
        progress.add(1);
        dry.push(line).map_err(|error| cannot(&path, &error))
    })?;
    drop(progress);
    let report = dry.finish();
    let text = text(&report, &log, args.limit, context.output.style());
    let json = Json {
        origin: log.origin.as_deref(),
        sandbox: log.sandbox,
        report: &report,
    };
    context.output.show(&text, &json)
}

/// Whose log it is.
#[derive(Default)]
struct Log {
    origin: Option<String>,
    sandbox: bool,
}

impl Log {
    fn learn(&mut self, entry: &Entry) {
        if let ledger_core::entry::Body::Genesis(genesis) = &entry.body {
            self.origin = Some(genesis.origin.clone());
            self.sandbox = entry.sandbox;
        }
    }
}

/// The entry, if it is one of those kinds: nothing else is decoded on the first way through.
fn policy_or_genesis(line: &[u8]) -> Option<Entry> {
    let head = String::from_utf8_lossy(line.get(..128).unwrap_or(line));
    let named = ["\"kind\":\"policy\"", "\"kind\":\"genesis\""];
    let of_kind = named.iter().any(|kind| head.contains(kind));
    // What cannot be read is said on the second way, with its place.
    of_kind.then(|| Entry::decode(line).ok()).flatten()
}

/// Hands on each line of the file, without its LF.
fn each(path: &Path, take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let input = |source: io::Error| Problem::Input {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(input)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = ENTRY_BYTES_MAX as u64 + 1;
        let mut limited = io::Read::take(&mut reader, limit);
        if limited.read_until(b'\n', &mut line).map_err(input)? == 0 {
            return Ok(());
        }
        if line.pop() != Some(b'\n') {
            let why = format!("a line without an end, or of more than {ENTRY_BYTES_MAX} bytes");
            return Err(input(io::Error::new(io::ErrorKind::InvalidData, why)).into());
        }
        take(&line)?;
    }
}

fn cannot(path: &Path, error: &DryRunError) -> Failure {
    Failure::unverified(format!("`{}`", path.display()), error)
}

fn text(report: &Report, log: &Log, limit: usize, style: Style) -> String {
    let mut text = format!(
        "Policy {} over {} of `{}`: {} made again.\n",
        report.candidate,
        counted(report.entries, "entry", "entries"),
        log.origin.as_deref().unwrap_or("an unnamed ledger"),
        counted(report.decisions, "decision", "decisions"),
    );
    if report.counts.is_empty() {
        text.push_str("No decision could be compared.\n");
    } else {
        let mut counts = Table::new(&["recorded", "new", "decisions"]);
        for count in &report.counts {
            counts.row([
                word(count.recorded).to_owned(),
                word(count.candidate).to_owned(),
                grouped(count.decisions),
            ]);
        }
        put!(text, "\n{}\n", counts.render("  "));
    }
    put!(text, "{}", changed(report, limit, style));
    if report.otherwise > 0 {
        put!(
            text,
            "{} the outcome for other reasons or at another tier.\n",
            counted(report.otherwise, "decision keeps", "decisions keep")
        );
    }
    if report.asserted > 0 {
        put!(
            text,
            "{} made elsewhere and only recorded: no policy here makes them again.\n",
            counted(report.asserted, "decision was", "decisions were")
        );
    }
    unknown(&mut text, report, style);
    if log.sandbox {
        text.push_str("This is a sandbox's log. Its details are masked; no decision reads them, so none is missing here.\n");
    }
    text
}

fn changed(report: &Report, limit: usize, style: Style) -> String {
    if report.changed == 0 {
        return "No outcome would change.\n".to_owned();
    }
    let verb = counted(
        report.changed,
        "decision would change",
        "decisions would change",
    );
    let mut table = Table::new(&["seq", "time", "agent", "action", "recorded", "new", "why"]);
    for change in report.changes.iter().take(limit) {
        let words: Vec<String> = change
            .candidate
            .reasons
            .iter()
            .map(|reason| {
                let word = codebook::code(reason.code).word;
                reason
                    .rule
                    .as_ref()
                    .map_or_else(|| word.to_owned(), |rule| format!("{word} ({rule})"))
            })
            .collect();
        let mut words = words;
        words.dedup();
        table.row([
            change.seq.to_string(),
            change.time.to_string(),
            change.agent.clone(),
            change.action.clone(),
            word(change.recorded.outcome).to_owned(),
            word(change.candidate.outcome).to_owned(),
            words.join(", "),
        ]);
    }
    let mut text = format!("{}:\n\n{}\n", style.strong(&verb), table.render("  "));
    let shown = report.changes.len().min(limit) as u64;
    if shown < report.changed {
        put!(
            text,
            "These are the first {} of {}; see --limit and --json.\n",
            grouped(shown),
            grouped(report.changed)
        );
    }
    text
}

fn unknown(text: &mut String, report: &Report, style: Style) {
    let names: Vec<&str> = report
        .unknown_mailboxes
        .iter()
        .chain(&report.unknown_fake_domains)
        .map(String::as_str)
        .collect();
    if names.is_empty() {
        return;
    }
    let note = format!(
        "the log holds no token of {}: no policy published so far names them. {} on them, could not be judged, and \
         {} counted for throttles as recorded.",
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
        counted(
            report.unjudged,
            "decision that hangs",
            "decisions that hang"
        ),
        if report.unjudged == 1 { "is" } else { "are" },
    );
    text.push_str(&wrapped(
        &format!("{} ", style.warning("not judged:")),
        &note,
    ));
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::RequireApproval => "require approval",
        Outcome::Deny => "deny",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_over(lines: &str) -> Result<u64, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entries.jsonl");
        std::fs::write(&path, lines).unwrap();
        let mut count = 0;
        each(&path, &mut |_| {
            count += 1;
            Ok(())
        })
        .map(|()| count)
    }

    #[test]
    fn lines_are_whole_or_refused() {
        assert_eq!(run_over("").unwrap(), 0);
        assert_eq!(run_over("{}\n{}\n").unwrap(), 2);
        assert!(run_over("{}\n{}").is_err());
        let longest = "x".repeat(ENTRY_BYTES_MAX);
        assert_eq!(run_over(&format!("{longest}\n")).unwrap(), 1);
        assert!(run_over(&format!("{longest}x\n")).is_err());
    }
}
