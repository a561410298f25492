//! What stands on the command line, read into what goes over the wire.

pub(crate) mod detail;
pub(crate) mod document;
pub(crate) mod fields;
pub(crate) mod identifiers;
pub(crate) mod recipient;
pub(crate) mod report;
pub(crate) mod scope;
pub(crate) mod select;
pub(crate) mod target;
pub(crate) mod when;
pub(crate) mod words;
