//! An export's folder in the making. It takes its name when everything in it is written and synced;
//! until then, and in case of failure, there is a temporary folder beside it, or nothing.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ledger_core::export::{CHECKPOINT_FILE, ENTRIES_FILE, LEAVES_FILE, VKEY_FILE};
use ledger_core::hash::Hash;
use ledger_core::note::VerificationKey;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::files::{folder, set_mode, sync_folder, written};

pub(super) struct Folder {
    path: PathBuf,
    temporary: TempDir,
    entries: BufWriter<File>,
    leaves: BufWriter<File>,
}

impl Folder {
    /// Begins an export to a folder that is not there, or empty.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let free = match fs::read_dir(path) {
            Ok(mut inside) => inside.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(written(path)(error).into()),
        };
        if !free {
            return Err(Failure::usage(format!(
                "folder `{}` is not empty: choose another one, or move it away",
                path.display()
            )));
        }
        let temporary = tempfile::Builder::new()
            .prefix(".ledgerctl-export-")
            .tempdir_in(folder(path))
            .map_err(written(path))?;
        let file = |name: &str| {
            File::create_new(temporary.path().join(name))
                .map(|file| BufWriter::with_capacity(1 << 20, file))
        };
        Ok(Self {
            entries: file(ENTRIES_FILE).map_err(written(path))?,
            leaves: file(LEAVES_FILE).map_err(written(path))?,
            path: path.to_owned(),
            temporary,
        })
    }

    /// Adds the next entry and its leaf hash.
    pub(super) fn push(&mut self, entry: &[u8], leaf: &Hash) -> Result<(), Failure> {
        let line = self
            .entries
            .write_all(entry)
            .and_then(|()| self.entries.write_all(b"\n"));
        Ok(line
            .and_then(|()| self.leaves.write_all(leaf.as_bytes()))
            .map_err(written(&self.path))?)
    }

    /// Writes the rest, syncs everything, and gives the folder its name.
    pub(super) fn finish(self, checkpoint: &[u8], key: &VerificationKey) -> Result<(), Failure> {
        let Self {
            path,
            temporary,
            entries,
            leaves,
        } = self;
        let complete = || {
            for file in [entries, leaves] {
                file.into_inner()
                    .map_err(std::io::IntoInnerError::into_error)?
                    .sync_all()?;
            }
            let inside = temporary.path();
            let key = format!("{key}\n");
            for (name, bytes) in [(CHECKPOINT_FILE, checkpoint), (VKEY_FILE, key.as_bytes())] {
                let mut file = File::create_new(inside.join(name))?;
                file.write_all(bytes)?;
                file.sync_all()?;
            }
            File::open(inside)?.sync_all()?;
            set_mode(inside, 0o755)?;
            // Replaces an empty folder; one that was filled meanwhile is an error.
            fs::rename(inside, &path)?;
            sync_folder(&path)?;
            // It has another name now: there is nothing to remove any more.
            let _ = temporary.keep();
            Ok(())
        };
        Ok(complete().map_err(written(&path))?)
    }
}
