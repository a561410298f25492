//! What a check says.

use std::fmt::Write as _;

use ledger_core::replay::Tally;
use serde::Serialize;

use super::found::Wrong;
use super::walk::Counts;
use crate::config;

/// What a check has found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// `whole`, `wrong`, `not_checked` or `not_judged`.
    pub(super) outcome: &'static str,
    /// The first thing that is wrong.
    pub(super) wrong: Option<Wrong>,
    /// Why it was not checked, or not judged to the end.
    pub(super) why: Option<String>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// For how many years details are kept at least.
    pub(super) retention_years: u32,
    /// The root over all entries.
    pub(super) root: Option<String>,
    /// The size of the head file's checkpoint.
    pub(super) head: Option<u64>,
    /// Whether the key files are those of genesis.
    pub(super) keys: bool,
    pub(super) views: Option<Views>,
    pub(super) replay: Option<Tally>,
}

/// What was found of the views.
#[derive(Debug, Serialize)]
pub(super) struct Views {
    /// So many entries they hold; what follows is folded at the next start.
    pub(super) entries: u64,
    /// Rows compared.
    pub(super) rows: u64,
}

/// What was found, in words.
pub(super) fn words(report: &Report, options: &config::Check) -> String {
    let Report { counts, .. } = report;
    // Where nothing was looked at there is nothing to count.
    if report.outcome == "not_checked" && report.root.is_none() {
        let why = report.why.as_deref().unwrap_or_default();
        return format!("not checked: {why}\n");
    }
    let mut text = format!(
        "entries      {}\ncheckpoints  {}\ntiles        {}\ndetails      {}, {} bytes\n",
        counts.entries, counts.checkpoints, counts.tiles, counts.details, counts.detail_bytes
    );
    let years = report.retention_years;
    // Writing to a string cannot fail.
    let _ = match counts.details_past_retention {
        0 => writeln!(text, "retention    {years} years at least; none is older"),
        past => writeln!(
            text,
            "retention    {years} years at least; {past} are older, and this version erases none"
        ),
    };
    if let Some(root) = &report.root {
        let _ = writeln!(text, "root         {root}");
    }
    if let Some(tally) = &report.replay {
        let _ = writeln!(
            text,
            "replay       {} made again with the same bytes, {} decided elsewhere, {} attested by the daemon alone",
            tally.matched, tally.asserted, tally.attested
        );
    }
    if report.keys {
        text.push_str("keys         those of genesis\n");
    }
    if let Some(head) = report.head {
        let _ = writeln!(text, "head file    of size {head}, and of this log");
    }
    match &report.views {
        Some(Views { entries, rows }) => {
            let _ = writeln!(
                text,
                "views        {rows} rows as a fold of {entries} entries makes them"
            );
        }
        None if report.outcome == "whole" && !options.no_views => {
            text.push_str("views        none of this version: the next start folds them anew\n");
        }
        None => {}
    }
    match (&report.wrong, &report.why) {
        (Some(Wrong { part, what, remedy }), _) => {
            let _ = writeln!(text, "\nwrong: {part}: {what}; {remedy}");
        }
        (None, Some(why)) if report.outcome == "not_checked" => {
            let _ = writeln!(text, "\nnot checked: {why}");
        }
        (None, Some(why)) => {
            let _ = writeln!(text, "\nnot judged: {why}");
        }
        (None, None) => {
            text.push_str("\nwhole: everything that is stored is what the log makes it\n");
        }
    }
    text
}
