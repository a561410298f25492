//! `ledger-verify replay`: every decision of an export made again.

use std::path::Path;

use ledger_core::gate::GATE_VERSION;
use ledger_core::replay::{Replay, Report, Tally};
use ledger_core::trust::Trust;

use crate::export::walk;
use crate::transcript::{Failure, Transcript};
use crate::words::{self, count, word};
use crate::{anchor, completeness, log};

/// How many mismatches are shown; `result.replay` lists more.
const SHOWN: usize = 20;

/// Verifies the export in `folder`, and replays it. Where it must be `complete`, it fails with
/// [`Exit::Incomplete`](crate::exit::Exit::Incomplete) where it does not account for everything.
pub fn run(folder: &Path, complete: bool, trust: &Trust) -> Transcript {
    let mut transcript = Transcript::new("replay");
    anchor::say(trust, &mut transcript);
    if let Err(failure) = check(folder, complete, trust, &mut transcript) {
        transcript.failed(failure);
    }
    transcript
}

fn check(
    folder: &Path,
    complete: bool,
    trust: &Trust,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let mut replay = Replay::new();
    let walked = walk(folder, trust, transcript, |decoded| {
        replay.push_decoded(decoded);
    })?;
    walked.say(transcript);
    log::say(&walked, transcript);
    words::summary(&walked.summary, transcript);
    let report = replay.finish();
    transcript.fact("replay", &report);
    say(&report, transcript)?;
    if report.fault().is_none() {
        completeness::account(&report, complete, transcript);
    }
    Ok(())
}

fn say(report: &Report, transcript: &mut Transcript) -> Result<(), Failure> {
    let totals = report.totals();
    if report.mismatches_total > 0 {
        for mismatch in report.mismatches.iter().take(SHOWN) {
            transcript.failed(Failure::refuted("replay", mismatch));
        }
        let shown = report.mismatches.len().min(SHOWN) as u64;
        if report.mismatches_total > shown {
            let more = report.mismatches_total - shown;
            transcript.noted("replay", format!("and {more} more mismatches"));
        }
        let words = "later entries were judged by the log as it was recorded: a mismatch may follow from the first";
        transcript.noted("replay", words);
        return Ok(());
    }
    if let Some(unknown) = &report.unverifiable {
        let words = format!(
            "entry {}: {} is not known to this version; {} entries from there on are not judged, {} before match",
            unknown.seq, unknown.what, totals.unverifiable, totals.matched
        );
        return Err(Failure::unjudged("replay", words));
    }
    transcript.passed(
        "replay",
        format!(
            "{} made again from empty state with the same bytes, by gate version {GATE_VERSION}; {} decided \
             elsewhere and as recordable as they must be; {} attested by the daemon alone",
            count(totals.matched, "entry"),
            totals.asserted,
            totals.attested
        ),
    );
    let kinds: Vec<String> = report
        .kinds
        .iter()
        .map(|(kind, tally)| by_kind(kind, tally))
        .collect();
    transcript.noted("by kind", kinds.join("; "));
    if !report.stops.is_empty() {
        let stops: Vec<String> = report.stops.iter().map(u64::to_string).collect();
        transcript.noted("stops", format!("active at the end: {}", stops.join(", ")));
    }
    completeness::say(report, transcript);
    transcript.proves(
        "Every gate decision in this log, and every other answer, is the one that the rules of the gate give \
         for the log before it, the request and the time recorded: outcomes, reasons, counts, expiries, \
         findings.",
    );
    transcript.does_not_prove(format!(
        "What is an input: requests, recorded times, `content`, tokens, and what `{}` decisions say of other \
         engines.",
        word(&ledger_core::entry::Basis::Asserted)
    ));
    Ok(())
}

fn by_kind(kind: &str, tally: &Tally) -> String {
    let sums: Vec<String> = [
        (tally.matched, "match"),
        (tally.asserted, "asserted"),
        (tally.attested, "attested"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    format!("{kind} {}", sums.join(" and "))
}
