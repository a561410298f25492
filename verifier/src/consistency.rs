//! `ledger-verify consistency`: that an older log is the beginning of a newer one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_core::hash::{HASH_BYTES, Hash};
use ledger_core::note::NOTE_BYTES_MAX;
use ledger_core::tree::{PROOF_HASHES_MAX, verify_consistency};
use ledger_core::trust::Trust;

use crate::transcript::{Failure, Transcript};
use crate::{anchor, input};

/// A line of a proof: 44 characters of base64 and its LF.
const LINE_BYTES: usize = HASH_BYTES.div_ceil(3) * 4 + 1;

/// Verifies the two checkpoints and the proof between them.
pub fn run(old: &str, new: &str, proof: &str, trust: &Trust) -> Transcript {
    let mut transcript = Transcript::new("consistency");
    anchor::say(trust, &mut transcript);
    if let Err(failure) = check(old, new, proof, trust, &mut transcript) {
        transcript.failed(failure);
    }
    transcript
}

fn check(
    old: &str,
    new: &str,
    proof: &str,
    trust: &Trust,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let old = input::read(old, NOTE_BYTES_MAX)?;
    let new = input::read(new, NOTE_BYTES_MAX)?;
    let proof = hashes(&input::read(proof, PROOF_HASHES_MAX * LINE_BYTES)?)?;
    let old = anchor::checkpoint(trust, &old, "older", transcript)?;
    let new = anchor::checkpoint(trust, &new, "newer", transcript)?;
    transcript.fact("old", anchor::fact(&old));
    transcript.fact("new", anchor::fact(&new));
    let (old, new) = (old.checkpoint, new.checkpoint);
    if old.origin != new.origin {
        let words = format!(
            "`{}` and `{}` are two logs, expected one",
            old.origin, new.origin
        );
        return Err(Failure::refuted("origin", words));
    }
    verify_consistency(old.size, &old.root, new.size, &new.root, &proof)
        .map_err(|error| Failure::refuted("proof", error))?;
    transcript.passed(
        "proof",
        format!(
            "{} hashes lead from the older root to the newer one",
            proof.len()
        ),
    );
    transcript.proves(format!(
        "The first {} entries of the newer log are exactly those of the older one: nothing among them was \
         changed, removed or inserted in between.",
        old.size
    ));
    transcript
        .does_not_prove("What the entries say, and whether the newer checkpoint is the latest.");
    transcript.does_not_prove(
        "That nobody was shown a third log: only checkpoints that were compared are known to agree.",
    );
    Ok(())
}

/// A proof as a file: one hash a line, standard base64, each line ended by LF. Between equal sizes, and
/// from an empty log, it is empty.
fn hashes(bytes: &[u8]) -> Result<Vec<Hash>, Failure> {
    let unreadable = |line: usize, words: &str| {
        Err(Failure::unreadable(
            "proof",
            format!("line {line}: {words}"),
        ))
    };
    let mut hashes = Vec::new();
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if at == PROOF_HASHES_MAX {
            return unreadable(
                at + 1,
                &format!("expected at most {PROOF_HASHES_MAX} hashes"),
            );
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            return unreadable(at + 1, "expected the line to end in a newline");
        };
        let hash: Option<[u8; HASH_BYTES]> = STANDARD
            .decode(line)
            .ok()
            .and_then(|hash| hash.try_into().ok());
        match hash {
            Some(hash) => hashes.push(Hash(hash)),
            None => return unreadable(at + 1, "expected a hash of 32 bytes as standard base64"),
        }
    }
    Ok(hashes)
}
