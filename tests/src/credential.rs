//! Credentials, as their holders keep them.

use std::path::Path;

use ledger_core::hash::Hash;

/// 32 bytes that authenticate one principal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential([u8; 32]);

impl Credential {
    /// The credential of that label. Tests need no randomness, only that no two labels share one.
    pub fn of(label: &str) -> Self {
        Self(Hash::of(format!("credential of {label}").as_bytes()).0)
    }

    /// The credential in a file that `ledgerd init` or `ledgerctl` has written.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).unwrap_or_else(|error| {
            panic!("`{}`: expected 64 hex digits: {error}", path.display())
        });
        Self(bytes)
    }

    /// Writes the file that command lines read it from, readable by its owner alone.
    pub fn write(&self, path: &Path) {
        use std::os::unix::fs::OpenOptionsExt;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        std::io::Write::write_all(&mut file, format!("{}\n", self.to_hex()).as_bytes())
            .expect("room on the disk");
    }

    /// What the ledger keeps of it.
    pub fn sha256(&self) -> Hash {
        Hash::of(&self.0)
    }

    /// 64 hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The value of the `authorization` header.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.to_hex())
    }
}

/// A secret, even in a test's output.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(..)")
    }
}
