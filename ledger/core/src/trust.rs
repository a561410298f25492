//! What a verifier trusts: a log's verification key, or a trust policy (C2SP tlog-policy).
//!
//! A policy lists logs, witnesses, groups of them, and one quorum. A checkpoint is trusted if a listed log
//! whose key has the checkpoint's origin as its name has signed it, and the quorum's witnesses have
//! cosigned it.

mod policy;

use std::fmt;

pub use policy::{POLICY_BYTES_MAX, POLICY_LINES_MAX, PolicyError, PolicyProblem};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::fault::Fault;
use crate::note::{KeyKind, NoteError, SignedNote, VerificationKey, VkeyError};
use crate::syntax::shown;

/// Whose signatures make a checkpoint one to believe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    /// The logs' keys, then the witnesses' in the order of `witnesses`.
    keys: Vec<VerificationKey>,
    logs: usize,
    /// The witnesses' names in the policy.
    witnesses: Vec<String>,
    groups: Vec<Group>,
    quorum: Quorum,
}

/// At least `threshold` of `members`.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
}

/// A name that a group or the quorum can use; a group, only one defined before.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Quorum {
    None,
    Of(Member),
}

/// A checkpoint that the trust accepts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedCheckpoint {
    /// What the log has signed.
    pub checkpoint: Checkpoint,
    /// The log's key.
    pub key: VerificationKey,
    /// The witnesses that have cosigned it, in the note's order. Without a quorum, also those that were
    /// not needed.
    pub witnesses: Vec<Cosigned>,
}

/// That a witness has cosigned a checkpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cosigned {
    /// The witness's name in the policy.
    pub witness: String,
    /// The name of its key.
    pub key: String,
    /// When, in seconds since 1970-01-01T00:00:00Z, by the witness's own clock.
    pub time_s: u64,
}

/// Why there is no trust to verify with, or why a checkpoint is not trusted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustError {
    /// Unreadable: the trust itself is not a verification key.
    #[error("verification key: {0}")]
    Vkey(#[from] VkeyError),
    /// Unreadable: the trust itself is a key that signs no checkpoints.
    #[error("verification key `{key}` is a witness's, expected a log's (signature type 0x01)")]
    NotALog {
        /// The key, as a vkey.
        key: String,
    },
    /// Unreadable: the trust itself is not a policy.
    #[error("trust policy: {0}")]
    Policy(#[from] PolicyError),
    /// The signed note could not be read, or its signatures do not verify.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is not that of a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Refuted: no log of that name is trusted, or none has signed.
    #[error(
        "no signature by a trusted log named `{origin}`, the checkpoint's origin; trusted keys that signed: {signed}"
    )]
    Origin {
        /// The checkpoint's origin.
        origin: String,
        /// The trusted keys that did sign.
        signed: String,
    },
    /// Refuted: too few witnesses have cosigned.
    #[error("the quorum `{quorum}` is not reached: cosigned by {cosigned}")]
    Quorum {
        /// The quorum's name in the policy.
        quorum: String,
        /// The witnesses that did cosign.
        cosigned: String,
    },
}

impl TrustError {
    /// What the error says; of the first three, about the trust and not the material under test.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Vkey(_) | Self::NotALog { .. } | Self::Policy(_) => Fault::Unreadable,
            Self::Note(e) => e.fault(),
            Self::Checkpoint(e) => e.fault(),
            Self::Origin { .. } | Self::Quorum { .. } => Fault::Refuted,
        }
    }
}

impl Trust {
    /// Trust in the one log that this key is of, without witnesses.
    pub fn from_key(key: VerificationKey) -> Result<Self, TrustError> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(TrustError::NotALog {
                key: key.to_string(),
            });
        }
        Ok(Self {
            keys: vec![key],
            logs: 1,
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: Quorum::None,
        })
    }

    /// Trust from a vkey on a line of its own; the newline may be missing.
    pub fn parse_vkey(text: &str) -> Result<Self, TrustError> {
        Self::from_key(
            text.strip_suffix('\n')
                .unwrap_or(text)
                .parse::<VerificationKey>()?,
        )
    }

    /// Trust from a tlog-policy file. It must list a log.
    pub fn parse_policy(bytes: &[u8]) -> Result<Self, TrustError> {
        Ok(policy::parse(bytes)?)
    }

    /// The keys of the logs it trusts.
    pub fn logs(&self) -> &[VerificationKey] {
        &self.keys[..self.logs]
    }

    /// Verifies a checkpoint: well-formed, signed by a trusted log that is named as its origin, no bad
    /// signature by any trusted key, and cosigned by the quorum.
    pub fn verify_checkpoint(&self, bytes: &[u8]) -> Result<VerifiedCheckpoint, TrustError> {
        let note = SignedNote::parse(bytes)?;
        let verified = note.verify(&self.keys)?;
        let checkpoint = Checkpoint::parse_text(verified.text)?;
        let (mut log, mut witnesses, mut has_cosigned) =
            (None, Vec::new(), vec![false; self.witnesses.len()]);
        for signature in &verified.signatures {
            match signature.time_s {
                None if signature.key.name() == checkpoint.origin => {
                    log.get_or_insert(signature.key);
                }
                None => {}
                Some(time_s) => {
                    // A policy's witnesses have different keys, so this is the one.
                    let at = self.keys[self.logs..]
                        .iter()
                        .position(|key| key == signature.key);
                    if let Some(at) = at {
                        has_cosigned[at] = true;
                        witnesses.push(Cosigned {
                            witness: self.witnesses[at].clone(),
                            key: signature.key.name().to_owned(),
                            time_s,
                        });
                    }
                }
            }
        }
        let Some(key) = log.cloned() else {
            let signed = Names(verified.signatures.iter().map(|s| s.key.name()).collect());
            let (origin, signed) = (shown(&checkpoint.origin), signed.to_string());
            return Err(TrustError::Origin { origin, signed });
        };
        self.check_quorum(&has_cosigned)?;
        Ok(VerifiedCheckpoint {
            checkpoint,
            key,
            witnesses,
        })
    }

    fn check_quorum(&self, has_cosigned: &[bool]) -> Result<(), TrustError> {
        let Quorum::Of(quorum) = self.quorum else {
            return Ok(());
        };
        // A group has only members defined before it, so one pass in that order decides them all.
        let mut reached: Vec<bool> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let members = group.members.iter().filter(|member| match **member {
                Member::Witness(at) => has_cosigned[at],
                Member::Group(at) => reached[at],
            });
            let enough = members.count() >= group.threshold;
            reached.push(enough);
        }
        let (reached, name) = match quorum {
            Member::Witness(at) => (has_cosigned[at], &self.witnesses[at]),
            Member::Group(at) => (reached[at], &self.groups[at].name),
        };
        if reached {
            return Ok(());
        }
        let cosigned = self
            .witnesses
            .iter()
            .zip(has_cosigned)
            .filter(|(_, has)| **has);
        let cosigned = Names(cosigned.map(|(name, _)| name.as_str()).collect()).to_string();
        Err(TrustError::Quorum {
            quorum: name.clone(),
            cosigned,
        })
    }
}

/// Names for a message.
struct Names<'a>(Vec<&'a str>);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        for (at, name) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}`{name}`")?;
        }
        Ok(())
    }
}
