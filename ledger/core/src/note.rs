//! Signed notes and verification keys (C2SP signed-note).
//!
//! A note is a text, an empty line, and one line for each signature. A signature names its key by name
//! and key id; those of unknown keys are ignored, and a bad one of a known key spoils the note.
//! Signature types known here: 0x01, Ed25519 over the text, and 0x04, the timestamped Ed25519
//! cosignature of a witness (C2SP tlog-cosignature). ML-DSA-44 cosignatures (0x06) are not checked.

mod key;
mod signed;

pub(crate) use key::withheld;
pub use key::{KeyKind, NameError, SigningKey, VerificationKey, VkeyError};
pub use signed::{NoteError, NoteSignature, SignedNote, VerifiedNote, VerifiedSignature};

/// Most bytes in a signed note: far more than 64 of the largest signatures in use take.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// Most signatures on a note. The specification asks verifiers to accept at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;
