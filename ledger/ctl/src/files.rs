//! Files that a command leaves behind: whole or not at all, and private where they hold secrets.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use crate::failure::{Failure, Problem};

/// What every command that fetches something into a file does where there is one of that name: nothing, unless
/// it is told to. What a write leaves behind replaces it: a stop is not held up by a file.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Overwrite {
    /// Replace a file of that name, where there is one
    #[arg(long)]
    pub(crate) force: bool,
}

impl Overwrite {
    /// Begins a file that anybody may read.
    pub(crate) fn create(self, path: &Path) -> Result<Outfile, Failure> {
        self.begin(path, true)
    }

    /// Begins a file that names people or holds details: readable by its owner alone (0600).
    pub(crate) fn create_private(self, path: &Path) -> Result<Outfile, Failure> {
        self.begin(path, false)
    }

    fn begin(self, path: &Path, public: bool) -> Result<Outfile, Failure> {
        let file = Outfile::begin(path, public, self.force)?;
        // A link that leads nowhere is a name that is taken, too.
        if !self.force && path.symlink_metadata().is_ok() {
            return Err(taken(path));
        }
        Ok(file)
    }
}

/// There is a file of that name.
fn taken(path: &Path) -> Failure {
    Failure::usage(format!(
        "`{}` exists already and is not overwritten: choose another name, move it away, or give --force",
        path.display()
    ))
}

/// A file in the making. It takes its name only when it is complete; until then and in case of failure there is
/// a temporary file beside it, or nothing.
#[derive(Debug)]
pub(crate) struct Outfile {
    path: PathBuf,
    temporary: NamedTempFile,
    public: bool,
    /// Whether it replaces what had its name.
    replaces: bool,
}

impl Outfile {
    /// Begins a file that anybody may read, and that replaces what had its name. Fails where its folder cannot be
    /// written to.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, true, true)
    }

    fn begin(path: &Path, public: bool, replaces: bool) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::usage(format!(
                "`{}` is a folder: expected a file's name",
                path.display()
            )));
        }
        if path.exists() && !path.is_file() {
            return Err(Failure::usage(format!(
                "`{}` is neither a file nor free: expected the name of a file to be written",
                path.display()
            )));
        }
        let temporary =
            NamedTempFile::with_prefix_in(".ledgerctl-", folder(path)).map_err(written(path))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            public,
            replaces,
        })
    }

    /// Writes a part of it.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let path = &self.path;
        Ok(self.temporary.write_all(bytes).map_err(written(path))?)
    }

    /// The file itself, for what is not written from its beginning to its end.
    pub(crate) fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Writes everything, or what is left of it, syncs it, and gives the file its name.
    pub(crate) fn finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path;
        self.temporary.write_all(bytes).map_err(written(&path))?;
        if self.public {
            set_mode(self.temporary.path(), 0o644).map_err(written(&path))?;
        }
        self.temporary
            .as_file()
            .sync_all()
            .map_err(written(&path))?;
        let named = if self.replaces {
            self.temporary.persist(&path)
        } else {
            self.temporary.persist_noclobber(&path)
        };
        named.map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => taken(&path),
            _ => written(&path)(error.error).into(),
        })?;
        sync_folder(&path).map_err(written(&path))?;
        Ok(())
    }
}

/// Writes a new file that its owner alone may read (0600), and refuses where there is one.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "`{}` exists already and is not overwritten: choose another name, or move it away",
            path.display()
        )),
        _ => written(path)(error).into(),
    })?;
    let complete = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(path));
    complete.map_err(|error| {
        // It was made here, a moment ago, and holds nothing that anybody relies on yet.
        let _ = fs::remove_file(path);
        written(path)(error)
    })?;
    Ok(())
}

/// What a file holds by its first line, where that says it.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    let first = bytes.split(|byte| *byte == b'\n').next()?;
    match first {
        b"c2sp.org/tlog-proof@v1" => Some("a receipt"),
        b"ledger-evidence/v1" => Some("evidence"),
        b"ledger-opening/v1" => Some("an opening"),
        _ => None,
    }
}

/// Refuses a file that was named by mistake: one of another kind is no forgery of this one.
pub(crate) fn no_other_kind(path: &Path, bytes: &[u8], expected: &str) -> Result<(), Failure> {
    match kind(bytes) {
        Some(found) if found != expected => Err(Failure::usage(format!(
            "`{}` is {found}, expected {expected}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Whether others than its owner may read or change a file.
pub(crate) fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        Ok((mode & 0o077 != 0).then_some(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(None)
    }
}

/// Sets a file's permissions, where the system has such.
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (path, mode);
        Ok(())
    }
}

/// Makes a new name in the file's folder last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(folder(path))?.sync_all()
}

/// The folder that a path is in.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The problem of not being able to write this.
pub(crate) fn written(path: &Path) -> impl Fn(io::Error) -> Problem + use<> {
    let path = path.to_owned();
    move |source| Problem::Write {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("denial.tlog-proof");
        let file = Outfile::create(&path).unwrap();
        assert!(!path.exists());
        file.finish(b"first").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"first".to_vec(), 0o644)
        );
        drop(Outfile::create(&path).unwrap());
        Overwrite { force: true }
            .create_private(&path)
            .unwrap()
            .finish(b"second")
            .unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"second".to_vec(), 0o600)
        );
        assert_eq!(names(folder.path()), ["denial.tlog-proof"]);
    }

    #[test]
    fn what_is_fetched_replaces_nothing_unless_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("denial.evidence");
        Overwrite::default()
            .create(&path)
            .unwrap()
            .finish(b"first")
            .unwrap();
        for failure in [
            Overwrite::default().create(&path).unwrap_err(),
            Overwrite::default().create_private(&path).unwrap_err(),
        ] {
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(failure.to_string().contains("--force"), "{failure}");
        }
        // One that came while this one was made is not replaced either.
        let path = folder.path().join("late");
        let late = Overwrite::default().create(&path).unwrap();
        fs::write(&path, b"other").unwrap();
        assert_eq!(late.finish(b"mine").unwrap_err().exit(), Exit::Usage);
        assert_eq!(fs::read(&path).unwrap(), b"other");
        std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
        let link = folder.path().join("link");
        assert!(Overwrite::default().create(&link).is_err());
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["denial.evidence", "late", "link"]);
        assert!(Outfile::create(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_is_noticed_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Outfile::create(&folder.path().join("no/where")).unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed);
        assert_eq!(
            Outfile::create(folder.path()).unwrap_err().exit(),
            Exit::Usage
        );
    }

    #[test]
    fn a_secret_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.credential");
        write_secret(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(open_to_others(&path).unwrap(), None);
        let failure = write_secret(&path, b"two").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        set_mode(&path, 0o640).unwrap();
        assert_eq!(open_to_others(&path).unwrap(), Some(0o640));
    }
}
