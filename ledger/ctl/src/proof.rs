//! Nothing is believed unproven: every receipt is verified against the key that the user named, and
//! compared with what was asked for.

use std::fmt::Display;
use std::path::Path;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{DecodeError, Entry};
use ledger_core::hash::{HASH_BYTES, Hash};
use ledger_core::note::VerificationKey;
use ledger_core::receipt::Receipt;
use ledger_core::role::Call;
use ledger_core::trust::Trust;
use ledger_proto::v1;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::{Failure, Problem};
use crate::request::Write;
use crate::text::counted;

/// Reads what `--vkey` names: a verification key, or a file that holds one.
pub(crate) fn trust(named: &str) -> Result<Trust, Failure> {
    let refused = |error: &dyn Display| Failure::usage(format!("--vkey: {error}"));
    if let Ok(key) = named.parse::<VerificationKey>() {
        return Trust::from_key(key).map_err(|error| refused(&error));
    }
    let path = Path::new(named);
    let text = std::fs::read_to_string(path).map_err(|source| {
        let input = Problem::Input {
            path: path.to_owned(),
            source,
        };
        Failure::from(input)
            .note("--vkey takes a verification key (`name+id+key`) or a file that holds one")
    })?;
    Trust::parse_vkey(&text).map_err(|error| refused(&format!("`{}`: {error}", path.display())))
}

/// A receipt that was verified: the log of a trusted key holds this entry.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    /// The receipt itself.
    pub(crate) receipt: Receipt,
    /// Its entry.
    pub(crate) entry: Entry,
    /// The checkpoint that it stands under.
    pub(crate) tree: Checkpoint,
}

/// What a write's entry must say of its cause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The call.
    pub(crate) call: Call,
    /// The request id.
    pub(crate) request_id: &'a str,
    /// The action id.
    pub(crate) action_id: Option<&'a str>,
    /// The correlation id.
    pub(crate) correlation_id: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// What this write asks for with `call`.
    pub(crate) fn of(call: Call, write: &'a Write) -> Self {
        Self {
            call,
            request_id: &write.request_id,
            action_id: None,
            correlation_id: write.correlation_id.as_deref(),
        }
    }
}

/// Verifies a receipt: signature, inclusion, and that it holds an entry at its own place.
pub(crate) fn verify(trust: &Trust, receipt: Option<v1::Receipt>) -> Result<Verified, Failure> {
    const WHAT: &str = "the receipt";
    let Some(receipt) = receipt else {
        return Err(Failure::unverified(WHAT, "the answer has none"));
    };
    let receipt = Receipt {
        proof: hashes(WHAT, &receipt.proof)?,
        entry: receipt.entry.to_vec(),
        seq: receipt.seq,
        checkpoint: receipt.checkpoint.to_vec(),
    };
    let verified = receipt
        .verify(trust)
        .map_err(|error| Failure::unverified(WHAT, error))?;
    let entry = decode(&receipt.entry)?;
    if entry.seq != receipt.seq {
        let why = format!(
            "it is for entry {}, and the entry says that it is {}",
            receipt.seq, entry.seq
        );
        return Err(Failure::unverified(WHAT, why));
    }
    Ok(Verified {
        receipt,
        entry,
        tree: verified.checkpoint.checkpoint,
    })
}

/// Reads a proven entry.
pub(crate) fn decode(bytes: &[u8]) -> Result<Entry, Failure> {
    Entry::decode(bytes).map_err(|error| match error {
        DecodeError::Unknown { what } => Failure::unverified(
            "the entry",
            format!("{what} is not known to this ledgerctl; use a newer one"),
        ),
        malformed @ DecodeError::Malformed { .. } => Failure::unverified("the entry", malformed),
    })
}

/// The hashes of a proof.
pub(crate) fn hashes(what: &str, bytes: &[u8]) -> Result<Vec<Hash>, Failure> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() {
        let why = format!(
            "its proof has {} bytes, expected a multiple of {HASH_BYTES}",
            bytes.len()
        );
        return Err(Failure::unverified(what, why));
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// Refuses an entry that says something else than what was asked for.
pub(crate) fn same<T: PartialEq + Display>(what: &str, asked: T, found: T) -> Result<(), Failure> {
    if asked == found {
        return Ok(());
    }
    Err(Failure::unverified(
        "the answer",
        format!("{what}: asked for `{asked}`, the entry has `{found}`"),
    ))
}

/// [`same`] for what may be absent on both sides.
pub(crate) fn same_option<T: PartialEq + Display>(
    what: &str,
    asked: Option<T>,
    found: Option<T>,
) -> Result<(), Failure> {
    let shown =
        |value: Option<T>| value.map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"));
    if asked == found {
        return Ok(());
    }
    let why = format!(
        "{what}: asked for {}, the entry has {}",
        shown(asked),
        shown(found)
    );
    Err(Failure::unverified("the answer", why))
}

/// An entry of another kind than the call makes.
pub(crate) fn other_kind(expected: &str, found: &Entry) -> Failure {
    let why = format!(
        "expected an entry of kind `{expected}`, found `{}`",
        found.body.kind()
    );
    Failure::unverified("the answer", why)
}

impl Verified {
    /// Checks that the entry was caused by this very request.
    pub(crate) fn answers(&self, asked: &Asked<'_>) -> Result<(), Failure> {
        let cause = self.entry.body.cause();
        let call = cause.and_then(|cause| cause.call);
        same_option("call", Some(asked.call), call)?;
        let text = |read: fn(&ledger_core::entry::Cause) -> Option<&String>| {
            cause.and_then(read).map(String::as_str)
        };
        same_option(
            "request id",
            Some(asked.request_id),
            text(|cause| cause.request_id.as_ref()),
        )?;
        same_option(
            "action id",
            asked.action_id,
            text(|cause| cause.action_id.as_ref()),
        )?;
        same_option(
            "correlation id",
            asked.correlation_id,
            text(|cause| cause.correlation_id.as_ref()),
        )
    }

    /// The entry for `--json`, exactly as it stands in the log.
    pub(crate) fn entry_json(&self) -> Result<Box<RawValue>, Failure> {
        serde_json::from_slice(&self.receipt.entry)
            .map_err(|error| Failure::unverified("the entry", error))
    }

    /// The checkpoint for `--json`.
    pub(crate) fn tree_json(&self) -> TreeJson {
        TreeJson::of(&self.tree)
    }

    /// What people are told about the proof.
    pub(crate) fn line(&self) -> String {
        format!(
            "Proven: entry {} of `{}`, under its signed checkpoint of {}.\n",
            self.entry.seq,
            self.tree.origin,
            counted(self.tree.size, "entry", "entries")
        )
    }
}

/// A checkpoint in `--json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TreeJson {
    origin: String,
    size: u64,
    root: Hash,
}

impl TreeJson {
    /// The JSON of a verified checkpoint.
    pub(crate) fn of(tree: &Checkpoint) -> Self {
        Self {
            origin: tree.origin.clone(),
            size: tree.size,
            root: tree.root,
        }
    }
}

/// What every write answers with under `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct WriteJson {
    request_id: String,
    repeated: bool,
    entry: Box<RawValue>,
    checkpoint: TreeJson,
    seq: u64,
}

impl WriteJson {
    /// The JSON of a verified write.
    pub(crate) fn of(
        verified: &Verified,
        request_id: &str,
        repeated: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            seq: verified.entry.seq,
            request_id: request_id.to_owned(),
            repeated,
            entry: verified.entry_json()?,
            checkpoint: verified.tree_json(),
        })
    }
}
