//! What a log leaves open, and what it records that no allow covers, in words.

use ledger_core::replay::{Completeness, Irregular, Listed, Report};

use crate::exit::Exit;
use crate::transcript::{Failure, Transcript};
use crate::words::{count, duration, sums, word};

/// How many entries of one sort are named to people; `result.replay.completeness` lists more.
const SHOWN: usize = 8;

/// Says what is complete and what is not.
pub fn say(report: &Report, transcript: &mut Transcript) {
    let found = &report.completeness;
    executions(found, transcript);
    unsettled(found, report, transcript);
    controls(found, transcript);
    recording(report, transcript);
}

/// Says in the last line whether the log accounts for everything, and fails where it `must` and does not.
pub fn account(report: &Report, must: bool, transcript: &mut Transcript) {
    transcript.fact("complete", report.is_complete());
    if report.is_complete() {
        let words = "It is complete: every execution has its allow, every allow that was due its report, and no \
                     gap is longer than a heartbeat.";
        transcript.account = Some(words.to_owned());
        return;
    }
    let found = &report.completeness;
    let coverage = &report.summary.coverage;
    let irregular = |what: &str, listed: &Listed<Irregular>| {
        let words = format!("{} {what}", count(listed.total, "execution"));
        (listed.total > 0)
            .then(|| format!("{words} ({})", named(listed, |one| one.seq.to_string())))
    };
    let unresolved = || {
        format!(
            "{} ({})",
            count(found.unresolved.total, "unresolved allow"),
            seqs(&found.unresolved)
        )
    };
    let overdue = |first: u64| {
        format!(
            "{} ({first}, ...)",
            count(report.overdue_total, "overdue allow")
        )
    };
    let gaps = || {
        let ended = named(&coverage.long_gaps, |gap| gap.ended_by.to_string());
        let gaps = count(coverage.long_gaps.total, "gap");
        format!("{gaps} longer than a heartbeat (ended by {ended})")
    };
    let outside = || {
        format!(
            "{} written while no daemon was running",
            count(coverage.outside, "entry")
        )
    };
    let parts: Vec<String> = [
        irregular("without an allow", &found.orphans),
        irregular("beyond their allow", &found.beyond),
        (found.unresolved.total > 0).then(unresolved),
        report.overdue.first().map(|first| overdue(first.seq)),
        (coverage.long_gaps.total > 0).then(gaps),
        (coverage.outside > 0).then(outside),
    ]
    .into_iter()
    .flatten()
    .collect();
    let words = parts.join("; ");
    if must {
        transcript.failed(Failure::new(Exit::Incomplete, "complete", &words));
    }
    transcript.account = Some(format!("It is NOT COMPLETE: {words}."));
}

fn executions(found: &Completeness, transcript: &mut Transcript) {
    let (orphans, beyond) = (&found.orphans, &found.beyond);
    if orphans.total == 0 && beyond.total == 0 {
        let words = "every execution recorded has an allow, none goes beyond it";
        return transcript.passed("executions", words);
    }
    let one = |irregular: &Irregular| {
        let findings: Vec<String> = irregular.findings.iter().map(word).collect();
        format!(
            "{} of decision {} ({})",
            irregular.seq,
            irregular.decision,
            findings.join(", ")
        )
    };
    if orphans.total > 0 {
        let words = format!(
            "{} WITHOUT AN ALLOW: {}",
            count(orphans.total, "execution"),
            named(orphans, one)
        );
        transcript.noted("executions", words);
    }
    if beyond.total > 0 {
        let words = format!(
            "{} BEYOND THEIR ALLOW: {}",
            count(beyond.total, "execution"),
            named(beyond, one)
        );
        transcript.noted("executions", words);
    }
}

fn unsettled(found: &Completeness, report: &Report, transcript: &mut Transcript) {
    if found.unresolved.total > 0 {
        let words = format!(
            "{} unresolved, nobody ever reported whether they were carried out: {}",
            count(found.unresolved.total, "allow"),
            seqs(&found.unresolved)
        );
        transcript.noted("open", words);
    }
    if found.open.total > 0 {
        let words = format!(
            "{} at the end of the log, not yet reported on and not yet due: {}",
            count(found.open.total, "open allow"),
            seqs(&found.open)
        );
        transcript.noted("open", words);
    }
    if let Some(first) = report.overdue.first() {
        let words = format!(
            "{} overdue without an `unresolved` entry, the first {} since {}",
            count(report.overdue_total, "open allow"),
            first.seq,
            first.report_by
        );
        transcript.noted("open", words);
    }
    if found.unresolved.total == 0 && report.open == 0 {
        transcript.passed("open", "every allow was reported on");
    }
    if found.pending.total > 0 {
        let words = format!(
            "{} not settled at the end of the log: {}",
            count(found.pending.total, "approval request"),
            seqs(&found.pending)
        );
        transcript.noted("approvals", words);
    }
}

fn controls(found: &Completeness, transcript: &mut Transcript) {
    if found.breakers_opened > 0 {
        let opened = format!("opened {}", times(found.breakers_opened));
        let words = match found.breakers_open.total {
            0 => format!("{opened}, none open at the end"),
            open => format!(
                "{opened}, {open} still open at the end, by {}",
                seqs(&found.breakers_open)
            ),
        };
        transcript.noted("breakers", words);
    }
    if found.break_glass.total > 0 {
        let opened = format!(
            "tier 3 was lifted {}, by {}",
            times(found.break_glass.total),
            seqs(&found.break_glass)
        );
        let words = match found.break_glass_open.total {
            0 => opened,
            _ => format!(
                "{opened}; still at the end by {}",
                seqs(&found.break_glass_open)
            ),
        };
        transcript.noted("break-glass", words);
    }
}

fn recording(report: &Report, transcript: &mut Transcript) {
    let coverage = &report.summary.coverage;
    if coverage.gaps_total == 0 {
        let words = "without a gap longer than a heartbeat";
        return transcript.passed("recording", words);
    }
    let mut causes = std::collections::BTreeMap::new();
    for gap in &coverage.gaps {
        *causes.entry(word(&gap.cause)).or_insert(0u64) += 1;
    }
    let words = format!(
        "the ledger was NOT RECORDING for {} in all, {} ({}); the coverage above says when",
        duration(coverage.gaps_us),
        count(coverage.gaps_total, "gap"),
        sums(&causes)
    );
    transcript.noted("recording", words);
}

fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn seqs(listed: &Listed<u64>) -> String {
    named(listed, u64::to_string)
}

fn named<T>(listed: &Listed<T>, one: impl Fn(&T) -> String) -> String {
    let mut names: Vec<String> = listed.first.iter().take(SHOWN).map(one).collect();
    let shown = names.len() as u64;
    if listed.total > shown {
        names.push(format!("and {} more", listed.total - shown));
    }
    names.join(", ")
}
