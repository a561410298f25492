//! The Agent Ledger daemon, as a library for its own binary and tests.

pub mod alarm;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod committer;
pub mod config;
pub mod content;
pub mod export;
pub mod head;
pub mod http;
pub mod init;
pub mod intake;
pub mod keys;
pub mod listen;
pub mod metrics;
pub mod open;
pub mod queue;
pub mod room;
pub mod run;
pub mod sequencer;
pub mod service;
pub mod snapshot;
pub mod status;
pub mod store;
pub mod submission;
pub mod views;
