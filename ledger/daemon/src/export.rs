//! `ledgerd export` and `ledgerd rebuild`: care of a store that no daemon has open.
//!
//! An export over gRPC is an entry. This one is not, because a ledger whose writes have stopped must
//! still be able to hand its material out; it says so.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::export::{CHECKPOINT_FILE, ENTRIES_FILE, LEAVES_FILE, VKEY_FILE};

use crate::config;
use crate::keys::{KeyError, sync_dir};
use crate::open::{Layout, OpenedLog, StartError, open_log};
use crate::progress::Bar;
use crate::store::ReadError;
use crate::views::{self, OpenViewsError, Progress};

/// Why an export or a rebuild was not made.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The ledger cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The log cannot be read to its end.
    #[error("{0}; what was written by then is no export: remove it")]
    Read(#[from] ReadError),
    /// The folder is in use.
    #[error("`{}` is not empty: name a folder that is, or that does not exist", dir.display())]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// A file could not be written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder could not be synced.
    #[error(transparent)]
    Sync(#[from] KeyError),
    /// The views could not be folded.
    #[error(transparent)]
    Views(#[from] OpenViewsError),
}

/// Writes a whole log into a folder and returns what to tell the person who asked for it.
///
/// # Errors
/// [`CareError`]; what was written by then is no export, for the checkpoint is written last.
pub fn export(options: &config::Export) -> Result<String, CareError> {
    let OpenedLog { opened, vkey } = open_log(&Layout::of(&options.data))?;
    let out = &options.out;
    fs::create_dir_all(out).map_err(|source| io(out, source))?;
    if fs::read_dir(out)
        .map_err(|source| io(out, source))?
        .next()
        .is_some()
    {
        return Err(CareError::NotEmpty { dir: out.clone() });
    }
    let store = Arc::new(opened.store);
    let at = store.committed();
    let mut entries = Sink::create(out.join(ENTRIES_FILE))?;
    let mut leaves = Sink::create(out.join(LEAVES_FILE))?;
    let mut bar = Bar::new("exporting", at.size);
    for entry in store.entries(0..at.size, Arc::clone(&at)) {
        let entry = entry?;
        bar.at(entry.seq);
        entries.write(&entry.bytes)?;
        entries.write(b"\n")?;
        leaves.write(&entry.leaf.0)?;
    }
    drop(bar);
    entries.finish()?;
    leaves.finish()?;
    let mut sink = Sink::create(out.join(VKEY_FILE))?;
    sink.write(format!("{vkey}\n").as_bytes())?;
    sink.finish()?;
    let mut sink = Sink::create(out.join(CHECKPOINT_FILE))?;
    sink.write(&at.checkpoint)?;
    sink.finish()?;
    sync_dir(out)?;
    let folder = out.display();
    Ok(format!(
        "exported {} entries of `{}` to {folder}\n\nnothing in the ledger records this export: whoever needs it recorded \
         exports through a running daemon\n\nnext:\n  ledger-verify --vkey <the key that you were told> replay {folder}\n",
        at.size,
        vkey.name()
    ))
}

/// Drops the views, folds them anew, and returns what to tell the person who asked for it. Writes nothing
/// to the log and signs nothing.
///
/// # Errors
/// [`CareError`]; running it again starts over.
pub fn rebuild(options: &config::Rebuild) -> Result<String, CareError> {
    let layout = Layout::of(&options.data);
    let store = Arc::new(open_log(&layout)?.opened.store);
    let at = store.committed();
    let mut bar = Bar::new("folding", at.size);
    views::rebuild(
        &layout.views(),
        &store,
        &mut |Progress { folded, .. }| bar.at(folded),
    )?;
    drop(bar);
    if options.json {
        let said = serde_json::json!({ "entries": at.size, "root": at.root.to_string() });
        return Ok(format!("{said}\n"));
    }
    Ok(format!("folded {} entries into new views\n", at.size))
}

/// A file being written.
struct Sink {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Sink {
    fn create(path: PathBuf) -> Result<Self, CareError> {
        let file = File::create_new(&path).map_err(|source| io(&path, source))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CareError> {
        self.file
            .write_all(bytes)
            .map_err(|source| io(&self.path, source))
    }

    fn finish(mut self) -> Result<(), CareError> {
        let done = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all());
        done.map_err(|source| io(&self.path, source))
    }
}

fn io(path: &Path, source: std::io::Error) -> CareError {
    CareError::Io {
        path: path.to_owned(),
        source,
    }
}
