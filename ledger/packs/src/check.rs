//! Checking a pack, file by file.

use std::collections::BTreeSet;

use ledger_core::codebook;
use ledger_core::fault::Fault;
use ledger_core::hash::Hash;
use ledger_core::trust::Trust;

use crate::files::{self, Files, file, is_plain};
use crate::manifest::{FileRef, MANIFEST_BYTES_MAX, Manifest};
use crate::reading::{Material, Reading};
use crate::{
    CHECKPOINT_FILE, DETAILS_FILE, ENTRIES_FILE, MANIFEST_FILE, OPENING_FILE, PROOFS_FILE,
    REASONS_FILE, REPORT_FILE, report,
};

/// One thing that was checked and is as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was checked.
    pub check: &'static str,
    /// What exactly, in words.
    pub words: String,
}

/// Why a pack does not hold: the first bad thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Refused {
    /// What that says about the pack.
    pub fault: Fault,
    /// What was being checked.
    pub check: &'static str,
    /// Which file or entry, what was expected and what was found.
    pub words: String,
}

impl Refused {
    /// A refusal.
    pub fn new(fault: Fault, check: &'static str, words: impl ToString) -> Self {
        Self {
            fault,
            check,
            words: words.to_string(),
        }
    }

    /// The pack is not what it claims to be.
    pub fn refuted(check: &'static str, words: impl ToString) -> Self {
        Self::new(Fault::Refuted, check, words)
    }

    /// The pack could not be read.
    pub fn unreadable(check: &'static str, words: impl ToString) -> Self {
        Self::new(Fault::Unreadable, check, words)
    }

    /// Something is missing, or not known to this version.
    pub fn unjudged(check: &'static str, words: impl ToString) -> Self {
        Self::new(Fault::Unjudged, check, words)
    }
}

/// A pack that holds.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its manifest.
    pub manifest: Manifest,
    /// What its entries say.
    pub reading: Reading,
}

/// Checks a pack, and takes down what was found in order.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn check(files: &Files, trust: &Trust, steps: &mut Vec<Step>) -> Result<Checked, Refused> {
    let manifest = manifest(files)?;
    hashes(files, &manifest)?;
    pass(
        steps,
        "files",
        format!(
            "the pack consists of `{MANIFEST_FILE}` and the {} files that it names, with the sizes and SHA-256 \
             that it states",
            manifest.files.len()
        ),
    );
    let note = file(files, CHECKPOINT_FILE)?;
    let checkpoint = trust.verify_checkpoint(note).map_err(|error| {
        Refused::new(error.fault(), "checkpoint", named(CHECKPOINT_FILE, &error))
    })?;
    pass(
        steps,
        "checkpoint",
        format!(
            "`{}` has signed {} entries with the root {}",
            checkpoint.checkpoint.origin, checkpoint.checkpoint.size, checkpoint.checkpoint.root
        ),
    );
    let entries = files::proven(file(files, ENTRIES_FILE)?, file(files, PROOFS_FILE)?)?;
    let material = Material {
        checkpoint,
        entries,
        opening: files.get(OPENING_FILE).cloned(),
        details: match files.get(DETAILS_FILE) {
            Some(bytes) => files::details(bytes)?,
            None => Vec::new(),
        },
    };
    let reading = Reading::of(&manifest, material, steps)?;
    if file(files, REASONS_FILE)? != codebook::markdown().as_bytes() {
        return Err(differs(&manifest, REASONS_FILE, "the codebook"));
    }
    pass(
        steps,
        "codebook",
        format!("`{REASONS_FILE}` is the codebook of this version"),
    );
    if file(files, REPORT_FILE)? != report::html(&manifest, &reading).as_bytes() {
        let what = "the report that `manifest.json` and the entries give";
        return Err(differs(&manifest, REPORT_FILE, what));
    }
    pass(
        steps,
        "report",
        format!("`{REPORT_FILE}` is, byte for byte, the report that these files give"),
    );
    Ok(Checked { manifest, reading })
}

pub(crate) fn pass(steps: &mut Vec<Step>, check: &'static str, words: impl Into<String>) {
    steps.push(Step {
        check,
        words: words.into(),
    });
}

/// The program that this version of packs is written by. The texts of another can differ.
pub fn program(name: &str) -> String {
    format!("{name} {}", env!("CARGO_PKG_VERSION"))
}

fn differs(manifest: &Manifest, name: &str, expected: &str) -> Refused {
    let version = manifest.made_by.rsplit(' ').next().unwrap_or_default();
    if version == env!("CARGO_PKG_VERSION") {
        return Refused::refuted(name_of(name), format!("`{name}` is not {expected}"));
    }
    Refused::unjudged(
        name_of(name),
        format!(
            "`{name}` is not {expected} in this version, {}; `{MANIFEST_FILE}` says that it was made by `{}`: check \
             it with a verifier of that version",
            env!("CARGO_PKG_VERSION"),
            manifest.made_by.escape_debug()
        ),
    )
}

fn name_of(file: &str) -> &'static str {
    if file == REPORT_FILE {
        "report"
    } else {
        "codebook"
    }
}

fn named(file: &str, error: &impl ToString) -> String {
    format!("`{file}`: {}", error.to_string())
}

fn manifest(files: &Files) -> Result<Manifest, Refused> {
    let bytes = file(files, MANIFEST_FILE)?;
    if bytes.len() > MANIFEST_BYTES_MAX {
        let words = format!(
            "`{MANIFEST_FILE}` has {} bytes, expected at most {MANIFEST_BYTES_MAX}",
            bytes.len()
        );
        return Err(Refused::unreadable("files", words));
    }
    let manifest = Manifest::parse(bytes)
        .map_err(|why| Refused::unreadable("files", format!("`{MANIFEST_FILE}`: {why}")))?;
    // These stand in the report, and nothing proves them: so there is no room in them for a sentence.
    let plain_program = manifest
        .made_by
        .split_once(' ')
        .is_some_and(|(name, version)| is_plain(name) && is_plain(version));
    for (key, value, plain, expected) in [
        (
            "name",
            &manifest.name,
            is_plain(&manifest.name),
            "at most 64 letters, digits, `.`, `-` and `_`",
        ),
        (
            "made_by",
            &manifest.made_by,
            plain_program,
            "a program and its version",
        ),
    ] {
        if !plain {
            let shown = value.escape_debug();
            let words = format!("`{MANIFEST_FILE}`: `{key}` is `{shown}`, expected {expected}");
            return Err(Refused::unreadable("files", words));
        }
    }
    Ok(manifest)
}

/// Every file that the manifest names is there as it says, and no other.
fn hashes(files: &Files, manifest: &Manifest) -> Result<(), Refused> {
    let names: Vec<&str> = manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    if names.windows(2).any(|pair| pair[0] >= pair[1]) {
        let words =
            format!("`{MANIFEST_FILE}` names files out of order, expected each once, ascending");
        return Err(Refused::refuted("files", words));
    }
    let mut expected = BTreeSet::from([
        CHECKPOINT_FILE,
        ENTRIES_FILE,
        PROOFS_FILE,
        REASONS_FILE,
        REPORT_FILE,
    ]);
    if manifest.query.person.is_some() {
        expected.insert(OPENING_FILE);
    }
    if manifest.query.details {
        expected.insert(DETAILS_FILE);
    }
    let found: BTreeSet<&str> = names.into_iter().collect();
    if let Some(name) = expected.difference(&found).next() {
        let words = format!("`{MANIFEST_FILE}` does not name `{name}`, which every such pack has");
        return Err(Refused::unjudged("files", words));
    }
    if let Some(name) = found.difference(&expected).next() {
        let words = format!(
            "`{MANIFEST_FILE}` names `{}`, which no such pack has",
            name.escape_debug()
        );
        return Err(Refused::refuted("files", words));
    }
    if let Some(name) = files
        .keys()
        .find(|name| *name != MANIFEST_FILE && !found.contains(name.as_str()))
    {
        let shown = if is_plain(name) {
            name.clone()
        } else {
            name.escape_debug().to_string()
        };
        let words = format!("`{shown}` is a file too many: `{MANIFEST_FILE}` does not name it");
        return Err(Refused::refuted("files", words));
    }
    for FileRef {
        name,
        bytes,
        sha256,
    } in &manifest.files
    {
        let content = file(files, name)?;
        let hash = Hash::of(content);
        if content.len() as u64 != *bytes || hash != *sha256 {
            let words = format!(
                "`{name}` has {} bytes with the SHA-256\n  {hash}, and `{MANIFEST_FILE}` says {bytes} with\n  {sha256}",
                content.len()
            );
            return Err(Refused::refuted("files", words));
        }
    }
    Ok(())
}
