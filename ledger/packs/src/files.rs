//! The files of a pack, and their lines.

use std::collections::BTreeMap;

use ledger_core::entry::{Commitment, DetailName};
use ledger_core::evidence::ProvenEntry;
use ledger_core::fault::Fault;
use ledger_core::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::check::Refused;
use crate::{DETAILS_FILE, ENTRIES_FILE, PACK_ENTRIES_MAX, PROOFS_FILE};

/// The files of a pack by name, whole.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Whether a file of a pack can have this name: no folder, nothing hidden, nothing that a shell or a file
/// system reads differently.
pub fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.len() <= 64 && !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}

/// A line of `proofs.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofLine {
    seq: u64,
    proof: Vec<Hash>,
}

/// A line of `details.jsonl`: what an entry keeps outside the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailLine {
    /// The entry.
    pub seq: u64,
    /// Which of its details.
    pub name: DetailName,
    /// The 32 bytes that come before the value in what is committed to.
    pub salt: Hash,
    /// The value, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The value's bytes, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
}

impl DetailLine {
    /// A detail.
    pub fn new(seq: u64, name: DetailName, salt: [u8; 32], value: Vec<u8>) -> Self {
        let (text, bytes) = match String::from_utf8(value) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(error.into_bytes())),
        };
        Self {
            seq,
            name,
            salt: Hash(salt),
            text,
            bytes,
        }
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        match (&self.text, &self.bytes) {
            (Some(text), _) => text.as_bytes(),
            (None, Some(bytes)) => bytes,
            (None, None) => &[],
        }
    }

    /// Whether it is what the entry commits to.
    pub fn is_committed(&self, expected: &Commitment) -> bool {
        Commitment::new(&self.salt.0, self.value(), expected.redacted.unwrap_or(0)) == *expected
    }

    fn is_one(&self) -> bool {
        match &self.bytes {
            None => self.text.is_some(),
            Some(bytes) => self.text.is_none() && std::str::from_utf8(bytes).is_err(),
        }
    }
}

/// The bytes of `entries.jsonl`.
pub fn entries_file(entries: &[ProvenEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|proven| proven.entry.len() + 1).sum());
    for proven in entries {
        bytes.extend_from_slice(&proven.entry);
        bytes.push(b'\n');
    }
    bytes
}

/// The bytes of `proofs.jsonl`.
pub fn proofs_file(entries: &[ProvenEntry]) -> Vec<u8> {
    lines_of(entries.iter().map(|proven| ProofLine {
        seq: proven.seq,
        proof: proven.proof.clone(),
    }))
}

/// The bytes of `details.jsonl`.
pub fn details_file(details: &[DetailLine]) -> Vec<u8> {
    lines_of(details)
}

fn lines_of<T: Serialize>(items: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in items {
        // Numbers, hashes and strings: there is nothing that JSON could not hold.
        bytes.extend(serde_json::to_vec(&item).unwrap_or_default());
        bytes.push(b'\n');
    }
    bytes
}

/// Reads entries and proofs, line by line.
pub(crate) fn proven(entries: &[u8], proofs: &[u8]) -> Result<Vec<ProvenEntry>, Refused> {
    let entries = lines(ENTRIES_FILE, entries)?;
    let proofs: Vec<ProofLine> = read(PROOFS_FILE, proofs)?;
    if entries.len() != proofs.len() {
        let words = format!(
            "`{ENTRIES_FILE}` has {} lines and `{PROOFS_FILE}` {}: expected a proof for every entry",
            entries.len(),
            proofs.len()
        );
        return Err(Refused::refuted("files", words));
    }
    if entries.len() > PACK_ENTRIES_MAX {
        let words = format!(
            "`{ENTRIES_FILE}` has {} lines, expected at most {PACK_ENTRIES_MAX}",
            entries.len()
        );
        return Err(Refused::unreadable("files", words));
    }
    if let Some(pair) = proofs.windows(2).find(|pair| pair[0].seq >= pair[1].seq) {
        let words = format!(
            "`{PROOFS_FILE}` has entry {} behind entry {}, expected each once, ascending",
            pair[1].seq, pair[0].seq
        );
        return Err(Refused::refuted("files", words));
    }
    let both = proofs.into_iter().zip(entries);
    Ok(both
        .map(|(ProofLine { seq, proof }, entry)| ProvenEntry {
            seq,
            entry: entry.to_vec(),
            proof,
        })
        .collect())
}

/// Reads details, line by line.
pub(crate) fn details(bytes: &[u8]) -> Result<Vec<DetailLine>, Refused> {
    let read: Vec<DetailLine> = read(DETAILS_FILE, bytes)?;
    if let Some(wrong) = read.iter().find(|line| !line.is_one()) {
        let words = format!(
            "`{DETAILS_FILE}`: `{}` of entry {} must have `text`, or `bytes` where it is not UTF-8",
            wrong.name.as_str(),
            wrong.seq
        );
        return Err(Refused::unreadable("files", words));
    }
    let key = |line: &DetailLine| (line.seq, line.name);
    if let Some(pair) = read.windows(2).find(|pair| key(&pair[0]) >= key(&pair[1])) {
        let words = format!(
            "`{DETAILS_FILE}` has `{}` of entry {} out of order, expected each once, ascending",
            pair[1].name.as_str(),
            pair[1].seq
        );
        return Err(Refused::refuted("files", words));
    }
    Ok(read)
}

/// Reads lines of JSON, and refuses what is not encoded as it is written.
fn read<T: Serialize + for<'a> Deserialize<'a>>(
    name: &str,
    bytes: &[u8],
) -> Result<Vec<T>, Refused> {
    let mut items = Vec::new();
    for (number, line) in (1..).zip(lines(name, bytes)?) {
        let item: T = serde_json::from_slice(line).map_err(|error| {
            Refused::unreadable("files", format!("`{name}` line {number}: {error}"))
        })?;
        if serde_json::to_vec(&item).unwrap_or_default() != line {
            let words = format!("`{name}` line {number} is not encoded as it must be");
            return Err(Refused::unreadable("files", words));
        }
        items.push(item);
    }
    Ok(items)
}

fn lines<'a>(name: &str, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, Refused> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let Some(whole) = bytes.strip_suffix(b"\n") else {
        let words = format!("`{name}` does not end with a line feed");
        return Err(Refused::unreadable("files", words));
    };
    Ok(whole.split(|byte| *byte == b'\n').collect())
}

/// The file of this name.
pub(crate) fn file<'a>(files: &'a Files, name: &str) -> Result<&'a [u8], Refused> {
    files.get(name).map(Vec::as_slice).ok_or_else(|| Refused {
        fault: Fault::Unjudged,
        check: "files",
        words: format!("`{name}` is missing"),
    })
}
