//! Files that a command leaves behind: whole or not at all, and private where they hold secrets.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Problem};

/// A file in the making. It takes its name, replacing what had it, only when it is complete; until then
/// and in case of failure there is a temporary file beside it, or nothing.
#[derive(Debug)]
pub(crate) struct Outfile {
    path: PathBuf,
    temporary: NamedTempFile,
    public: bool,
}

impl Outfile {
    /// Begins a file that anybody may read. Fails where its folder cannot be written to.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, true)
    }

    /// Begins a file that names people or holds details: readable by its owner alone (0600).
    pub(crate) fn create_private(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, false)
    }

    fn begin(path: &Path, public: bool) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::usage(format!(
                "`{}` is a folder: expected a file's name",
                path.display()
            )));
        }
        let temporary =
            NamedTempFile::with_prefix_in(".ledgerctl-", folder(path)).map_err(written(path))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            public,
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
        self.temporary
            .persist(&path)
            .map_err(|error| written(&path)(error.error))?;
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
        Outfile::create_private(&path)
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
