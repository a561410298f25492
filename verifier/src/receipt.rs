//! `ledger-verify receipt`: that a ledger recorded an entry.

use ledger_core::entry::{DecodeError, Entry};
use ledger_core::receipt::{RECEIPT_BYTES_MAX, Receipt};
use ledger_core::trust::Trust;
use serde_json::{Value, json};

use crate::transcript::{Failure, Transcript};
use crate::{anchor, input, words};

/// Verifies every receipt named. One that fails does not keep the others from being looked at.
pub fn run(names: &[String], trust: &Trust) -> Transcript {
    let mut transcript = Transcript::new("receipt");
    anchor::say(trust, &mut transcript);
    let mut receipts = Vec::new();
    for name in names {
        transcript.about(name);
        match one(name, trust, &mut transcript) {
            Ok(fact) => receipts.push(fact),
            Err(failure) => transcript.failed(failure),
        }
    }
    transcript.fact("receipts", &receipts);
    if !receipts.is_empty() {
        transcript.proves(
            "The ledger has recorded each of these entries at its place, with exactly these bytes, and cannot \
             deny it: whoever holds the key has signed a tree that contains them.",
        );
        transcript.does_not_prove(
            "That the entry follows from the log before it (`replay` shows that), and that what it cites is so \
             (`evidence`).",
        );
        transcript.does_not_prove(
            "That the request was made as recorded: requests are attested by the daemon, not signed by agents.",
        );
        transcript.does_not_prove(
            "That everybody was shown the same log: compare checkpoints, or have witnesses cosign them.",
        );
    }
    transcript
}

fn one(name: &str, trust: &Trust, transcript: &mut Transcript) -> Result<Value, Failure> {
    let bytes = input::read(name, RECEIPT_BYTES_MAX)?;
    let receipt =
        Receipt::parse(&bytes).map_err(|error| Failure::new(error.fault(), "receipt", error))?;
    let checkpoint = anchor::checkpoint(trust, &receipt.checkpoint, "checkpoint", transcript)?;
    let verified = receipt
        .verify(trust)
        .map_err(|error| Failure::new(error.fault(), "inclusion", error))?;
    transcript.passed(
        "inclusion",
        format!(
            "leaf {} is entry {} of the {} that were signed ({} proof hashes)",
            verified.leaf,
            verified.seq,
            checkpoint.checkpoint.size,
            receipt.proof.len()
        ),
    );
    let entry = decode(receipt.seq, &receipt.entry)?;
    transcript.passed(
        "entry",
        format!("{}: {}", entry.body.kind(), words::entry(&entry)),
    );
    Ok(json!({
        "seq": verified.seq,
        "leaf": verified.leaf,
        "checkpoint": anchor::fact(&checkpoint),
        "entry": serde_json::from_slice::<Value>(&receipt.entry).unwrap_or_default(),
    }))
}

/// Reads an entry that was proven to stand at `seq`.
pub(crate) fn decode(seq: u64, bytes: &[u8]) -> Result<Entry, Failure> {
    match Entry::decode(bytes) {
        Ok(entry) if entry.seq == seq => Ok(entry),
        Ok(entry) => Err(Failure::refuted(
            "entry",
            format!(
                "the entry at {seq} says seq `{}`, expected its place",
                entry.seq
            ),
        )),
        Err(DecodeError::Unknown { what }) => Err(Failure::unjudged(
            "entry",
            format!("entry {seq} is in the log, but {what} is not known to this version"),
        )),
        Err(DecodeError::Malformed { why }) => Err(Failure::refuted(
            "entry",
            format!("entry {seq} is in the log, but is not an entry: {why}"),
        )),
    }
}
