//! Key files: three secrets, each 64 hex digits in a file that its owner alone may read.
//!
//! | file | if it is lost | if it is stolen |
//! |---|---|---|
//! | `keys/signing.key` | no further checkpoint can be signed; what was signed still verifies | the thief can sign another history under this ledger's name; witnesses and copies of old checkpoints show it |
//! | `keys/subject.key` | new requests match no old listing, and no token can be opened: the ledger must not go on | the thief can find by trying who stands in the log |
//! | `keys/content.key` | a retry is no longer recognised: the ledger must not go on | the thief can test a guess at what an agent asked |
//!
//! Genesis commits to all three, and a start with others is refused.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ledger_core::hash::Hash;
use ledger_core::note::{NameError, SigningKey};
use ledger_core::token::{ContentKey, SubjectKey};

use crate::file::create;

/// The folder of the key files within the data directory.
pub const KEYS_DIR: &str = "keys";
/// The signing key's file.
pub const SIGNING_FILE: &str = "signing.key";
/// The subject key's file.
pub const SUBJECT_FILE: &str = "subject.key";
/// The content key's file.
pub const CONTENT_FILE: &str = "content.key";

/// The mode of every file with a secret in it.
const SECRET_MODE: u32 = 0o600;

/// Why a secret could not be made, written or read. Never repeats one.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// A file could not be written or read.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than the owner may read or write it.
    #[error("`{}` has mode {mode:03o}: expected {SECRET_MODE:03o}; whoever could read it may have it: `chmod 600` it and consider replacing it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It does not hold a key.
    #[error("`{}` does not hold a key: expected 64 hex digits and a line feed; restore it from a backup", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// The origin cannot be a key's name.
    #[error("origin: {0}")]
    Name(#[from] NameError),
}

/// The three keys of a ledger.
#[derive(Debug)]
pub struct Keys {
    /// Signs checkpoints.
    pub signing: SigningKey,
    /// Makes tokens.
    pub subject: SubjectKey,
    /// Makes the HMAC of canonical requests.
    pub content: ContentKey,
}

impl Keys {
    /// Makes new keys and writes their files into `dir`, which must exist. Existing files are never
    /// overwritten.
    ///
    /// # Errors
    /// [`KeyError`]; files written by then stay.
    pub fn create(dir: &Path, origin: &str) -> Result<Self, KeyError> {
        for file in [SIGNING_FILE, SUBJECT_FILE, CONTENT_FILE] {
            write_secret(&dir.join(file), &random()?)?;
        }
        sync_dir(dir)?;
        Self::load(dir, origin)
    }

    /// Reads the files in `dir`.
    ///
    /// # Errors
    /// [`KeyError`], also where others than the owner may read a file.
    pub fn load(dir: &Path, origin: &str) -> Result<Self, KeyError> {
        let seed = read_secret(&dir.join(SIGNING_FILE))?;
        Ok(Self {
            signing: SigningKey::from_seed(&seed, origin)?,
            subject: SubjectKey::new(read_secret(&dir.join(SUBJECT_FILE))?),
            content: ContentKey::new(read_secret(&dir.join(CONTENT_FILE))?),
        })
    }
}

/// A new credential in a file of its own: its holder keeps the file, the ledger the hash.
///
/// # Errors
/// [`KeyError`]; an existing file is not overwritten.
pub fn create_credential(path: &Path) -> Result<Hash, KeyError> {
    let credential = random()?;
    write_secret(path, &credential)?;
    Ok(Hash::of(&credential))
}

/// 32 bytes from the system's random number generator.
///
/// # Errors
/// [`KeyError::Random`].
pub fn random() -> Result<[u8; 32], KeyError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    Ok(bytes)
}

fn write_secret(path: &Path, secret: &[u8; 32]) -> Result<(), KeyError> {
    let text = format!("{}\n", hex::encode(secret));
    create(path, SECRET_MODE, &text).map_err(|source| io(path, source))
}

fn read_secret(path: &Path) -> Result<[u8; 32], KeyError> {
    let mut file = File::open(path).map_err(|source| io(path, source))?;
    // The mode of what was opened, not of what stands at the path a moment later.
    let mode = file.metadata().map_err(|source| io(path, source))?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    let read = Read::by_ref(&mut file).take(128).read_to_string(&mut text);
    let form = || KeyError::Form {
        path: path.to_owned(),
    };
    read.map_err(|_| form())?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_end_matches('\n'), &mut bytes).map_err(|_| form())?;
    Ok(bytes)
}

/// Makes the names in a directory as durable as what they name.
pub(crate) fn sync_dir(path: &Path) -> Result<(), KeyError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| io(path, source))
}

fn io(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ORIGIN: &str = "ledger.example/test";

    #[test]
    fn keys_are_private_differ_and_come_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let made = Keys::create(dir.path(), ORIGIN).expect("made");
        let read = Keys::load(dir.path(), ORIGIN).expect("read");
        assert_eq!(
            made.signing.verification_key(),
            read.signing.verification_key()
        );
        assert_eq!(made.subject.commitment(), read.subject.commitment());
        assert_eq!(made.content.commitment(), read.content.commitment());
        let mut texts = Vec::new();
        for file in [SIGNING_FILE, SUBJECT_FILE, CONTENT_FILE] {
            let path = dir.path().join(file);
            assert_eq!(
                fs::metadata(&path).expect("there").permissions().mode() & 0o777,
                0o600,
                "{file}"
            );
            texts.push(fs::read_to_string(path).expect("text"));
        }
        texts.dedup();
        assert_eq!(texts.len(), 3);
        assert!(
            texts
                .iter()
                .all(|text| text.len() == 65 && text.ends_with('\n'))
        );
    }

    #[test]
    fn no_existing_file_is_overwritten() {
        let dir = tempfile::tempdir().expect("a folder");
        Keys::create(dir.path(), ORIGIN).expect("made");
        let before = fs::read(dir.path().join(SIGNING_FILE)).expect("there");
        assert!(matches!(
            Keys::create(dir.path(), ORIGIN),
            Err(KeyError::Io { .. })
        ));
        assert_eq!(
            fs::read(dir.path().join(SIGNING_FILE)).expect("there"),
            before
        );
        assert!(create_credential(&dir.path().join(SIGNING_FILE)).is_err());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        Keys::create(dir.path(), ORIGIN).expect("made");
        for (file, mode) in [
            (SIGNING_FILE, 0o640),
            (SUBJECT_FILE, 0o604),
            (CONTENT_FILE, 0o620),
        ] {
            let path = dir.path().join(file);
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
            match Keys::load(dir.path(), ORIGIN) {
                Err(KeyError::Mode {
                    path: named,
                    mode: found,
                }) => assert_eq!((named, found), (path.clone(), mode)),
                other => panic!("{file}: {other:?}"),
            }
            fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("set");
        }
        Keys::load(dir.path(), ORIGIN).expect("the owner alone may read");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let dir = tempfile::tempdir().expect("a folder");
        Keys::create(dir.path(), ORIGIN).expect("made");
        let path = dir.path().join(SUBJECT_FILE);
        let good = fs::read_to_string(&path).expect("text");
        for bad in [
            String::new(),
            "secret".to_owned(),
            good[..63].to_owned(),
            format!("{good}00"),
            good.replace('\n', "00\n"),
        ] {
            fs::write(&path, &bad).expect("written");
            let error = Keys::load(dir.path(), ORIGIN).expect_err("no key");
            assert!(matches!(error, KeyError::Form { .. }), "{error}");
            assert!(
                bad.is_empty() || !error.to_string().contains(bad.trim()),
                "{error}"
            );
        }
        fs::remove_file(&path).expect("removed");
        assert!(matches!(
            Keys::load(dir.path(), ORIGIN),
            Err(KeyError::Io { .. })
        ));
    }

    #[test]
    fn a_credential_file_holds_what_its_hash_says() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("operator.credential");
        let hash = create_credential(&path).expect("made");
        let bytes = hex::decode(fs::read_to_string(&path).expect("text").trim_end()).expect("hex");
        assert_eq!(Hash::of(&bytes), hash);
    }
}
