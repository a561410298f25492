//! The offline verifier of Agent Ledger.
//!
//! It reads what a ledger hands out (receipts, evidence, checkpoints, exports) as files or on standard
//! input, and says step by step what it checked, what that proves and what not. It trusts the
//! verification key or the trust policy that its user names, and nothing in the material. It depends on
//! the ledger's core, and on what evidence packs are made of, and on nothing of the daemon.
//!
//! Each command is a function from its arguments and a [`Trust`](ledger_core::trust::Trust) to a
//! [`Transcript`](transcript::Transcript), whose [`Exit`](exit::Exit) is the process's exit code.

pub mod anchor;
pub mod cli;
pub mod completeness;
pub mod consistency;
pub mod evidence;
pub mod exit;
pub mod export;
pub mod input;
pub mod log;
pub mod pack;
pub mod person;
pub mod progress;
pub mod receipt;
pub mod render;
pub mod replay;
pub mod transcript;
pub mod words;
