//! A document that justifies something. Only its SHA-256 goes to the ledger: the document stays with
//! whoever keeps it.

use std::path::PathBuf;

use clap::Args;
use ledger_core::hash::Hash;

use crate::failure::{Failure, Problem};

/// A document, or its hash alone.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub(crate) struct Document {
    /// The document that justifies it. Only its SHA-256 is sent: keep the file
    #[arg(long, value_name = "FILE")]
    evidence_file: Option<PathBuf>,
    /// The SHA-256 of that document, 64 lower-case hex digits, where it is somewhere else
    #[arg(long, value_name = "HEX")]
    evidence_sha256: Option<Hash>,
}

impl Document {
    /// Its hash, where one was named.
    pub(crate) fn sha256(&self) -> Result<Option<Hash>, Failure> {
        match (&self.evidence_file, self.evidence_sha256) {
            (Some(path), _) => {
                let input = |source| Problem::Input {
                    path: path.clone(),
                    source,
                };
                Ok(Some(Hash::of(&std::fs::read(path).map_err(input)?)))
            }
            (None, given) => Ok(given),
        }
    }

    /// Its hash; without one the call would be refused.
    pub(crate) fn required_sha256(&self) -> Result<Hash, Failure> {
        self.sha256()?
            .ok_or_else(|| Failure::usage("a document must justify this: name it with --evidence-file, or its hash with --evidence-sha256"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_known_by_its_hash() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        let document = Document {
            evidence_file: Some(file.path().to_owned()),
            evidence_sha256: None,
        };
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(document.sha256().unwrap().unwrap().to_string(), expected);
        let none = Document {
            evidence_file: None,
            evidence_sha256: None,
        };
        assert!(none.sha256().unwrap().is_none());
        assert!(none.required_sha256().is_err());
    }
}
