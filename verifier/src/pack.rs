//! `ledger-verify pack`: an evidence pack, whole.

use std::fs;
use std::path::Path;

use ledger_core::trust::Trust;
use ledger_packs::check::{Checked, Refused, check};
use ledger_packs::files::{Files, is_plain};
use ledger_packs::report::{Counts, does_not_prove, proves};
use ledger_packs::{MANIFEST_FILE, PACK_BYTES_MAX, zipped};
use serde_json::json;

use crate::transcript::{Failure, Transcript};
use crate::{anchor, input, words};

/// Most files in a folder that are looked at: more than any pack has.
const FILES_MAX: usize = 16;

/// Most bytes of an archive.
const ARCHIVE_BYTES_MAX: usize = 2 << 30;

/// Verifies the pack at `path`: a folder, or an archive.
pub fn run(path: &Path, trust: &Trust) -> Transcript {
    let mut transcript = Transcript::new("pack");
    anchor::say(trust, &mut transcript);
    let mut steps = Vec::new();
    let checked =
        read(path).and_then(|files| check(&files, trust, &mut steps).map_err(Failure::from));
    for step in steps {
        transcript.passed(step.check, step.words);
    }
    match checked {
        Ok(checked) => say(&checked, &mut transcript),
        Err(failure) => transcript.failed(failure),
    }
    transcript
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::new(refused.fault, refused.check, refused.words)
    }
}

fn say(checked: &Checked, transcript: &mut Transcript) {
    let (manifest, reading) = (&checked.manifest, &checked.reading);
    let counts = Counts::of(reading);
    let coverage = &reading.coverage;
    transcript.noted(
        "coverage",
        format!(
            "{}, with {} that these entries show",
            words::span(coverage.from, coverage.to),
            words::count(coverage.gaps.len() as u64, "gap")
        ),
    );
    transcript.fact("query", &manifest.query);
    transcript.fact("principal", &manifest.principal);
    transcript.fact("access", reading.access);
    transcript.fact("searched", reading.searched);
    transcript.fact("checkpoint", anchor::fact(&reading.checkpoint));
    transcript.fact("concerned", reading.concerned.keys().collect::<Vec<_>>());
    transcript.fact("entries", reading.entries.len());
    transcript.fact(
        "counts",
        json!({
            "allowed": counts.allowed, "denied": counts.denied, "approval": counts.approval, "asserted": counts.asserted,
            "executions": counts.executions, "unallowed": counts.unallowed, "unresolved": counts.unresolved,
            "listings": counts.listings, "ended": counts.ended,
        }),
    );
    for words in proves(reading) {
        transcript.proves(words);
    }
    for words in does_not_prove(reading) {
        transcript.does_not_prove(words);
    }
}

fn read(path: &Path) -> Result<Files, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| input::failed(&format!("`{shown}`"), &error);
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return folder(path);
    }
    let bytes = input::read(&path.to_string_lossy(), ARCHIVE_BYTES_MAX)?;
    if bytes.len() > ARCHIVE_BYTES_MAX {
        let words = format!("`{shown}` has more than {ARCHIVE_BYTES_MAX} bytes, expected no more");
        return Err(Failure::unreadable("archive", words));
    }
    zipped::read(bytes).map_err(|refused| {
        Failure::new(
            refused.fault,
            refused.check,
            format!("`{shown}`: {}", refused.words),
        )
    })
}

/// Reads a folder: plain files alone, and no more than a pack can have.
fn folder(path: &Path) -> Result<Files, Failure> {
    let failed = |error: std::io::Error| input::failed(&format!("`{}`", path.display()), &error);
    let mut files = Files::new();
    for item in fs::read_dir(path).map_err(failed)? {
        let item = item.map_err(failed)?;
        let name = item.file_name().to_string_lossy().into_owned();
        let surplus = |what: &str| {
            let words = format!(
                "`{}` is {what}: a pack is `{MANIFEST_FILE}` and the files that it names, and nothing else",
                name.escape_debug()
            );
            Failure::refuted("files", words)
        };
        // A link is not followed: it leads out of the pack.
        if !item.file_type().map_err(failed)?.is_file() {
            return Err(surplus("no file"));
        }
        if !is_plain(&name) || files.len() == FILES_MAX {
            return Err(surplus("a file too many"));
        }
        let bytes = input::read(&item.path().to_string_lossy(), PACK_BYTES_MAX)?;
        if bytes.len() > PACK_BYTES_MAX {
            let words = format!("`{name}` has more than {PACK_BYTES_MAX} bytes, expected no more");
            return Err(Failure::unreadable("files", words));
        }
        files.insert(name, bytes);
    }
    Ok(files)
}
