//! See the crate description.
pub mod action;
pub mod checkpoint;
pub mod fault;
pub mod hash;
pub mod name;
pub mod normalise;
pub mod note;
pub mod receipt;
pub mod syntax;
pub mod tile;
pub mod time;
pub mod token;
pub mod tree;
pub mod trust;
