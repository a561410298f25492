//! See the crate description.
pub mod action;
pub mod name;
pub mod normalise;
pub mod time;
pub mod token;
