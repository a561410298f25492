//! Where trust comes from: what the user names, never the material.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ledger_core::trust::{POLICY_BYTES_MAX, Trust, VerifiedCheckpoint};
use serde_json::{Value, json};

use crate::input;
use crate::transcript::{Failure, Transcript};

/// Most bytes of a file that holds a vkey.
const VKEY_BYTES_MAX: usize = 4096;

/// What the user named.
#[derive(Clone, Debug)]
pub enum Anchor {
    /// `--vkey`: a vkey, or a file that holds one.
    Vkey(String),
    /// `--policy`: a tlog-policy file.
    Policy(PathBuf),
}

impl Anchor {
    /// The trust that it stands for.
    ///
    /// # Errors
    /// What cannot be read, or is neither a key nor a policy.
    pub fn trust(&self) -> Result<Trust, Failure> {
        match self {
            Self::Vkey(given) => vkey(given),
            Self::Policy(path) => {
                let bytes = input::read(&path.to_string_lossy(), POLICY_BYTES_MAX)?;
                Trust::parse_policy(&bytes).map_err(|error| {
                    Failure::new(
                        error.fault(),
                        "trust",
                        format!("`{}`: {error}", path.display()),
                    )
                })
            }
        }
    }
}

fn vkey(given: &str) -> Result<Trust, Failure> {
    let as_key = match Trust::parse_vkey(given) {
        Ok(trust) => return Ok(trust),
        Err(error) => error,
    };
    // No path looks as much like a key as `name+id+key` does.
    if !Path::new(given).exists() {
        return Err(Failure::unreadable(
            "trust",
            format!("--vkey `{given}` is no file and no key: {as_key}"),
        ));
    }
    let bytes = input::read(given, VKEY_BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::unreadable("trust", format!("`{given}` is not UTF-8, expected a vkey"))
    })?;
    Trust::parse_vkey(&text)
        .map_err(|error| Failure::new(error.fault(), "trust", format!("`{given}`: {error}")))
}

/// Says whose key is trusted.
pub(crate) fn say(trust: &Trust, transcript: &mut Transcript) {
    let logs: Vec<String> = trust.logs().iter().map(|key| format!("`{key}`")).collect();
    let what = if logs.len() == 1 {
        "the log key"
    } else {
        "the log keys"
    };
    transcript.passed(
        "trust",
        format!("{what} {}, as named on the command line", logs.join(", ")),
    );
}

/// Verifies a checkpoint and says so.
pub(crate) fn checkpoint(
    trust: &Trust,
    bytes: &[u8],
    check: &'static str,
    transcript: &mut Transcript,
) -> Result<VerifiedCheckpoint, Failure> {
    let verified = trust
        .verify_checkpoint(bytes)
        .map_err(|error| Failure::new(error.fault(), check, error))?;
    transcript.passed(check, signed(&verified));
    Ok(verified)
}

/// What a checkpoint says, and who signed it.
pub(crate) fn signed(verified: &VerifiedCheckpoint) -> String {
    let tree = &verified.checkpoint;
    let mut words = format!(
        "`{}` has signed {} entries with the root {}",
        tree.origin, tree.size, tree.root
    );
    for witness in &verified.witnesses {
        let _ = write!(
            words,
            "\ncosigned by the witness `{}` at {} seconds after 1970-01-01T00:00:00Z, by its own clock",
            witness.witness, witness.time_s
        );
    }
    words
}

/// The same for programs.
pub(crate) fn fact(verified: &VerifiedCheckpoint) -> Value {
    let witnesses: Vec<Value> = verified
        .witnesses
        .iter()
        .map(|witness| json!({"witness": witness.witness, "key": witness.key, "time_s": witness.time_s}))
        .collect();
    json!({
        "origin": verified.checkpoint.origin,
        "size": verified.checkpoint.size,
        "root": verified.checkpoint.root,
        "key": verified.key.to_string(),
        "witnesses": witnesses,
    })
}
