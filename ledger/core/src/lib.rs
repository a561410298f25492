//! See the crate description.
pub mod action;
pub mod name;
pub mod time;
pub mod token;
