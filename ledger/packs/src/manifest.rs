//! The manifest: what was asked, and what was handed out.

use ledger_core::hash::Hash;
use ledger_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What stands in `format`.
pub const FORMAT: &str = "ledger-pack/v1";

/// Most bytes of a manifest.
pub const MANIFEST_BYTES_MAX: usize = 64 << 10;

/// `manifest.json`. It has exactly one encoding: keys in this order, two blanks a level, a line feed at
/// the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The name that the folder or archive was written under.
    pub name: String,
    /// When, by the clock of whoever wrote it. The `access` entry has the ledger's own time.
    pub made_at: Timestamp,
    /// By which program, with its version.
    pub made_by: String,
    /// For which principal.
    pub principal: String,
    /// What was asked.
    pub query: Query,
    /// Of which ledger.
    pub ledger: LedgerRef,
    /// The `access` entry by which the ledger recorded that it handed this out.
    pub access: u64,
    /// How many entries there are.
    pub entries: u64,
    /// Every other file, by name.
    pub files: Vec<FileRef>,
}

/// A query. Either a person or a correlation id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Named>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Whether what is kept outside the log was asked for.
    pub details: bool,
}

/// A person, as whoever asked named them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Their id in the CRM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    /// Their company's id in the CRM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

impl Named {
    /// What was given, in order.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        [&self.email, &self.phone, &self.contact_id, &self.account_id]
            .into_iter()
            .filter_map(|value| value.as_deref())
    }
}

/// A ledger at the size that a pack is proven under. For convenience: whoever checks a pack is told the
/// key by other means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerRef {
    /// Its name.
    pub origin: String,
    /// Its verification key (vkey).
    pub key: String,
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The root that it signs.
    pub root: Hash,
}

/// A file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: Hash,
}

impl FileRef {
    /// A file of this name and content.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            sha256: Hash::of(bytes),
        }
    }
}

impl Manifest {
    /// Reads a manifest, and refuses one that is not encoded as [`to_bytes`](Self::to_bytes) does.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if read.format != FORMAT {
            return Err(format!(
                "`format` is `{}`, expected `{FORMAT}`",
                read.format.escape_debug()
            ));
        }
        if read.to_bytes() != bytes {
            return Err(
                "it is not encoded as it must be: expected the keys in their order, two blanks a level and \
                 one line feed at the end"
                    .to_owned(),
            );
        }
        Ok(read)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists of them: there is nothing that JSON could not hold.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
