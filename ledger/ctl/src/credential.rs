//! Credentials: 32 random bytes, kept as 64 hex digits in a file of their holder (0600). The ledger
//! knows the SHA-256 of the bytes alone.

use std::fmt;
use std::path::Path;

use ledger_core::hash::Hash;

use crate::failure::{Failure, Problem};
use crate::files;
use crate::request::random;

/// Bytes in a credential.
const BYTES: usize = 32;

/// What one principal proves itself with.
pub(crate) struct Credential([u8; BYTES]);

impl Credential {
    /// A new one.
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(random()?))
    }

    /// What a file holds: 64 hex digits, and white space at most after them.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let input = |source| Problem::Input {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(input)?;
        let mut bytes = [0; BYTES];
        hex::decode_to_slice(text.trim_end(), &mut bytes).map_err(|_| {
            Failure::usage(format!(
                "credential file `{}` is not valid: expected 64 hex digits, as `ledgerctl credential new` writes them",
                path.display()
            ))
        })?;
        Ok(Self(bytes))
    }

    /// Writes it to a new file, for its holder's eyes alone.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        files::write_secret(path, format!("{}\n", hex::encode(self.0)).as_bytes())
    }

    /// What the ledger is told.
    pub(crate) fn sha256(&self) -> Hash {
        Hash::of(&self.0)
    }

    /// The value of the `authorization` metadata.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", hex::encode(self.0))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let credential = Credential::new().unwrap();
        credential.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), 65);
        assert_eq!(credential.bearer(), format!("Bearer {}", text.trim()));
        assert_eq!(
            Credential::read(&path).unwrap().sha256(),
            credential.sha256()
        );
        assert_eq!(format!("{credential:?}"), "Credential([redacted])");
    }

    #[test]
    fn the_ledger_is_told_the_hash_of_the_bytes() {
        // SHA-256 of 32 zero bytes, by sha256sum.
        let expected = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(Credential([0; 32]).sha256().to_string(), expected);
    }

    #[test]
    fn a_file_that_is_no_credential_is_refused_without_being_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in [
            "",
            "abc",
            &"g".repeat(64),
            &"0".repeat(63),
            &"0".repeat(65),
            &format!(" {}", "0".repeat(64)),
        ] {
            std::fs::write(file.path(), text).unwrap();
            let failure = Credential::read(file.path()).unwrap_err();
            assert!(
                text.len() < 4 || !failure.to_string().contains(text),
                "{failure}"
            );
        }
    }
}
