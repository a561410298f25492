//! Reading what was handed in: a file, or standard input where the name is `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::transcript::Failure;

/// Reads the whole of `name`, at most one byte more than `bytes_max`: so much that the format's own
/// limit refuses it, and no more.
pub fn read(name: &str, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    if name == "-" {
        bounded(io::stdin().lock(), bytes_max).map_err(|error| failed("standard input", &error))
    } else {
        File::open(name)
            .and_then(|file| bounded(file, bytes_max))
            .map_err(|error| failed(&format!("`{name}`"), &error))
    }
}

/// Opens a file of an export. One that is not there is missing material.
pub(crate) fn open(folder: &Path, name: &'static str) -> Result<File, Failure> {
    let path = folder.join(name);
    File::open(&path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Failure::unjudged("files", format!("`{}` is missing", path.display()))
        } else {
            failed(&format!("`{}`", path.display()), &error)
        }
    })
}

pub(crate) fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::unreadable("files", format!("{what} cannot be read: {error}"))
}

pub(crate) fn bounded(source: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
