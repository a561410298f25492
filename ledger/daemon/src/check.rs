//! `ledgerd check`: everything that is stored, recomputed from the disk, and the first thing named that is
//! wrong. Nothing on the disk changes, so it can be run where a daemon refuses to start, and run again.
//!
//! In this order, and the first that is wrong ends it:
//!
//! 1. the verification key, and the write-ahead log by its own checksums;
//! 2. every entry from the first, in one walk: its leaf hash against its tile, its form, seq and time; its
//!    details against their commitments; every full tile of every level; after every batch its checkpoint, its
//!    signature, size and root;
//! 3. records that no entry makes;
//! 4. with `--replay`, every entry planned again, as the verifier does it;
//! 5. genesis against the keys, the head file against the log;
//! 6. the views against a fresh fold, row by row.
//!
//! RocksDB's own checksums of its tables are compared as their blocks are read, which is all of them.
//!
//! Memory is that of the gate's own state, and with `--replay` of what replay keeps, whatever the log's size:
//! the views are folded into a temporary directory.

mod found;
mod walk;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::entry::{Body, DecodeError, Entry, Genesis};
use ledger_core::fault::Fault;
use ledger_core::hash::Hash;
use ledger_core::note::VerificationKey;
use ledger_core::replay::{Replay, Tally};
use ledger_core::trust::Trust;
use serde::Serialize;

use found::Stop;
pub use found::Wrong;
pub use walk::Counts;
use walk::Walk;

use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::head::{self, HeadError};
use crate::keys::{Keys, random};
use crate::open::{Layout, StartError, check_genesis};
use crate::progress::Bar;
use crate::store::{Inspected, OpenError, WalError};
use crate::views::{OpenViewsError, Scratch, StoredViews, first_difference};

/// Exit codes; 2 is that of a command line that is not understood.
const WHOLE: u8 = 0;
const WRONG: u8 = 1;
const NOT_CHECKED: u8 = 3;
const NOT_JUDGED: u8 = 4;

/// Of the Gregorian calendar, on average.
const YEAR_S: u64 = 31_556_952;

/// What a check has found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// `whole`, `wrong`, `not_checked` or `not_judged`.
    outcome: &'static str,
    /// The first thing that is wrong.
    wrong: Option<Wrong>,
    /// Why it was not checked, or not judged to the end.
    why: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    /// For how many years details are kept at least.
    retention_years: u32,
    /// The root over all entries.
    root: Option<String>,
    /// The size of the head file's checkpoint.
    head: Option<u64>,
    /// Whether the key files are those of genesis.
    keys: bool,
    views: Option<Views>,
    replay: Option<Tally>,
}

/// What was found of the views.
#[derive(Debug, Serialize)]
struct Views {
    /// So many entries they hold; what follows is folded at the next start.
    entries: u64,
    /// Rows compared.
    rows: u64,
}

/// Checks a store that no daemon has open, and returns what to say and the exit code.
pub fn check(options: &config::Check) -> (String, u8) {
    let mut report = Report {
        retention_years: options.retention_years,
        ..Report::default()
    };
    let code = match look(options, &mut report) {
        Ok(()) => {
            report.outcome = "whole";
            WHOLE
        }
        Err(Stop::Wrong(wrong)) => {
            report.outcome = "wrong";
            report.wrong = Some(wrong);
            WRONG
        }
        Err(Stop::NotChecked(why)) => {
            report.outcome = "not_checked";
            report.why = Some(why);
            NOT_CHECKED
        }
        Err(Stop::NotJudged(why)) => {
            report.outcome = "not_judged";
            report.why = Some(why);
            NOT_JUDGED
        }
    };
    let text = if options.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("texts and numbers are JSON: {error}"),
        }
    } else {
        words(&report, options)
    };
    (text, code)
}

fn look(options: &config::Check, report: &mut Report) -> Result<(), Stop> {
    let layout = Layout::of(&options.data);
    let vkey = vkey(&layout)?;
    let trust =
        Trust::from_key(vkey.clone()).map_err(|error| Stop::wrong("verification key", error))?;
    let log = Inspected::open(&layout.log()).map_err(not_opened)?;

    // Read before the walk, which notes the roots that they are to have; judged after it.
    let head = (!options.no_head).then(|| {
        let path = options.head.clone().unwrap_or_else(|| layout.head());
        head_of(&path, &trust)
    });
    let views = (!options.no_views).then(|| StoredViews::open(&layout.views()));

    let mut walk = Walk::new(&log, &trust, vkey.name())?;
    if let Some(Ok((size, _))) = &head {
        walk.roots.insert(*size, None);
    }
    let mut scratch = match &views {
        Some(Ok(StoredViews::Kept(_, mark))) => {
            walk.roots.insert(mark.size, None);
            Some((scratch(options)?, mark.size))
        }
        _ => None,
    };
    walk.kept_from = SystemClock::new()
        .wall()
        .checked_sub_s(u64::from(options.retention_years) * YEAR_S);
    let mut read = Reading {
        replay: options.replay.then(Replay::new),
        bar: Bar::new("checking", walk.size()),
        ..Reading::default()
    };
    let walked = walk.run(&mut |decoded, leaf| read.entry(decoded, leaf, scratch.as_mut()));
    report.counts = walk.counts.clone();
    walked?;
    report.root = Some(walk.root().to_string());
    let Reading {
        genesis,
        unknown,
        replay,
        bar,
        ..
    } = read;
    drop(bar);
    if let Some((seq, what)) = unknown {
        return Err(Stop::NotJudged(format!(
            "entry {seq}: {what} is not known to this version; all hashes are right, what it says is not judged"
        )));
    }
    if let Some(replay) = replay {
        report.replay = Some(replayed(replay)?);
    }
    let genesis = genesis.ok_or_else(|| Stop::wrong("entry", "entry 0 is not a genesis"))?;
    keys(&layout, &vkey, &genesis, options.no_keys)?;
    report.keys = !options.no_keys;
    if let Some(head) = head {
        report.head = Some(hold_head(head?, &walk)?);
    }
    if let Some(views) = views {
        report.views = compare_views(views, scratch.map(|(scratch, _)| scratch), &walk)?;
    }
    Ok(())
}

/// What is taken from entries on the way.
struct Reading {
    genesis: Option<Genesis>,
    /// The first entry that this version does not know.
    unknown: Option<(u64, String)>,
    replay: Option<Replay>,
    seq: u64,
    bar: Bar,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            genesis: None,
            unknown: None,
            replay: None,
            seq: 0,
            bar: Bar::new("checking", 0),
        }
    }
}

impl Reading {
    fn entry(
        &mut self,
        decoded: Result<Entry, DecodeError>,
        leaf: Hash,
        scratch: Option<&mut (Scratch, u64)>,
    ) -> Result<(), Stop> {
        self.bar.at(self.seq);
        match &decoded {
            Err(error) => {
                let seq = self.seq;
                self.unknown.get_or_insert_with(|| (seq, error.to_string()));
            }
            Ok(entry) => {
                if self.seq == 0
                    && let Body::Genesis(genesis) = &entry.body
                {
                    self.genesis = Some(genesis.clone());
                }
                if let Some((scratch, size)) = scratch
                    && self.seq < *size
                    && self.unknown.is_none()
                {
                    scratch.push(entry, leaf).map_err(not_folded)?;
                }
            }
        }
        self.seq += 1;
        if let Some(replay) = &mut self.replay {
            replay.push_decoded(decoded);
        }
        Ok(())
    }
}

fn vkey(layout: &Layout) -> Result<VerificationKey, Stop> {
    let dir = layout.dir.display();
    if !layout.dir.is_dir() {
        let why = format!("`{dir}` is no directory: name one made by `ledgerd init`");
        return Err(Stop::NotChecked(why));
    }
    if layout.incomplete().exists() {
        let why = format!(
            "`{dir}` is half made: `ledgerd init` was interrupted, and nothing was ever recorded here"
        );
        return Err(Stop::NotChecked(why));
    }
    let path = layout.vkey();
    let named = |why: String| {
        let what = format!("`{}`: {why}", path.display());
        Stop::wrong_but("verification key", what, "restore it from a copy")
    };
    let text = fs::read_to_string(&path).map_err(|error| named(error.to_string()))?;
    let vkey: Result<VerificationKey, _> = text.trim_end().parse();
    vkey.map_err(|error| named(error.to_string()))
}

fn not_opened(error: OpenError) -> Stop {
    match error {
        OpenError::Wal(error @ WalError::Damaged { .. }) => Stop::wrong("write-ahead log", error),
        OpenError::Db(error) => Stop::wrong("tables", format!("the store cannot be read: {error}")),
        OpenError::Format { .. } => Stop::NotJudged(error.to_string()),
        other => Stop::NotChecked(other.to_string()),
    }
}

/// The size and root that the head file keeps.
fn head_of(path: &Path, trust: &Trust) -> Result<(u64, Hash), Stop> {
    let wrong = |what: String| {
        Stop::wrong_but(
            "head file",
            what,
            "restore it; only if you know that no newer copy of the store was ever in use, start once with --accept-head",
        )
    };
    let bytes = head::read(path).map_err(|error| wrong(error.to_string()))?;
    let verified = trust
        .verify_checkpoint(&bytes)
        .map_err(|error| wrong(HeadError::Untrusted(error).to_string()))?;
    Ok((verified.checkpoint.size, verified.checkpoint.root))
}

fn hold_head((size, root): (u64, Hash), walk: &Walk<'_>) -> Result<u64, Stop> {
    let error = match walk.roots.get(&size).copied().flatten() {
        Some(found) if found == root => return Ok(size),
        Some(found) => HeadError::Beside {
            size,
            expected: root,
            found,
        },
        None => HeadError::Behind {
            store: walk.size(),
            head: size,
        },
    };
    Err(Stop::wrong_but(
        "head file",
        error,
        "restore the newest copy of the data directory",
    ))
}

fn keys(
    layout: &Layout,
    vkey: &VerificationKey,
    genesis: &Genesis,
    without: bool,
) -> Result<(), Stop> {
    let restore = "restore the key file of this ledger from its backup";
    if genesis.key != vkey.to_string() {
        let what = format!(
            "the verification key `{vkey}` is not that of genesis, `{}`",
            genesis.key
        );
        return Err(Stop::wrong_but(
            "verification key",
            what,
            "restore it from a copy",
        ));
    }
    if without {
        return Ok(());
    }
    let keys = Keys::load(&layout.keys(), vkey.name())
        .map_err(|error| Stop::wrong_but("key", error, restore))?;
    check_genesis(genesis, &keys).map_err(|error| match &error {
        StartError::Mismatch {
            what: "normaliser" | "token version" | "gate version",
            ..
        } => Stop::NotJudged(error.to_string()),
        _ => Stop::wrong_but("key", error, restore),
    })
}

fn replayed(replay: Replay) -> Result<Tally, Stop> {
    let found = replay.finish();
    match (found.fault(), found.mismatches.first(), &found.unverifiable) {
        (None, ..) => Ok(found.totals()),
        (Some(Fault::Refuted), Some(mismatch), _) => Err(Stop::wrong_but(
            "replay",
            mismatch,
            "the ledger did not decide this by its rules: keep it as it is, and find out who wrote it",
        )),
        (_, _, Some(unknown)) => Err(Stop::NotJudged(format!(
            "entry {}: {} is not known to this version",
            unknown.seq, unknown.what
        ))),
        (Some(fault), ..) => Err(Stop::NotJudged(format!("replay ended with {fault:?}"))),
    }
}

/// A directory of its own for a fold, which nobody else can look into.
fn scratch(options: &config::Check) -> Result<Scratch, Stop> {
    let parent = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let random = random().map_err(|error| Stop::NotChecked(error.to_string()))?;
    let dir: PathBuf = parent.join(format!("ledgerd-check-{}", hex::encode(&random[..8])));
    Scratch::create(&dir).map_err(|error| {
        Stop::NotChecked(format!(
            "`{}`: {error}; name another directory with --scratch, or leave the views out with --no-views",
            dir.display()
        ))
    })
}

fn not_folded(error: OpenViewsError) -> Stop {
    match error {
        OpenViewsError::Fold(error) => Stop::wrong("entry", error),
        other => Stop::NotChecked(other.to_string()),
    }
}

fn compare_views(
    views: Result<StoredViews, rocksdb::Error>,
    scratch: Option<Scratch>,
    walk: &Walk<'_>,
) -> Result<Option<Views>, Stop> {
    let wrong = |what: String| {
        Stop::wrong_but(
            "view",
            what,
            "`ledgerd rebuild` folds the views anew from the log",
        )
    };
    let (stored, mark) = match views {
        Err(error) => return Err(wrong(format!("the views cannot be read: {error}"))),
        Ok(StoredViews::None) => return Ok(None),
        Ok(StoredViews::Kept(stored, mark)) => (stored, mark),
    };
    let root = match mark.size {
        0 => Some(ledger_core::hash::empty_root()),
        size => walk.roots.get(&size).copied().flatten(),
    };
    match root {
        None => {
            return Err(wrong(format!(
                "the views hold {} entries, and the log has {}",
                mark.size,
                walk.size()
            )));
        }
        Some(root) if root != mark.root => {
            return Err(wrong(format!(
                "the views are of another log: their first {} entries have the root {}, expected {root}",
                mark.size, mark.root
            )));
        }
        Some(_) => {}
    }
    let Some(scratch) = scratch else {
        return Ok(None);
    };
    let failed = |error: ledger_core::view::ViewError| wrong(error.to_string());
    let folded = scratch
        .finish()
        .map_err(|error| Stop::NotChecked(error.to_string()))?;
    let mut bar: Option<Bar> = None;
    let compared = first_difference(&stored, &folded, &mut |compared, total| {
        bar.get_or_insert_with(|| Bar::new("comparing views", total))
            .at(compared);
    });
    drop(bar);
    match compared.map_err(failed)? {
        Ok(rows) => Ok(Some(Views {
            entries: mark.size,
            rows,
        })),
        Err(difference) => Err(wrong(difference.to_string())),
    }
}

fn words(report: &Report, options: &config::Check) -> String {
    let Report { counts, .. } = report;
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
            text.push_str("\nwhole: everything that is stored is what the log makes it\n")
        }
    }
    text
}

#[cfg(test)]
mod tests;
