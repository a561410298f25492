use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ledger_core::hash::Hash;

use super::HeadError;

/// Bytes of one slot. The second begins where the first ends.
pub const SLOT_BYTES: usize = 4096;
const MAGIC: &str = "ledger-head/v1";
/// The longest header: magic, two numbers of twenty digits, a hash, three spaces and a line feed.
const HEADER_BYTES_MAX: usize = MAGIC.len() + 20 + 20 + 64 + 4;
const CHECKPOINT_BYTES_MAX: usize = SLOT_BYTES - HEADER_BYTES_MAX;

/// The head file, open for writing. Owned by whoever writes it.
#[derive(Debug)]
pub struct HeadFile {
    file: File,
    path: PathBuf,
    /// The count of the newest slot.
    count: u64,
}

impl HeadFile {
    /// Makes the file with its first checkpoint, on stable storage.
    ///
    /// # Errors
    /// [`HeadError::Exists`], or another.
    pub fn create(path: &Path, checkpoint: &[u8]) -> Result<Self, HeadError> {
        let made = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path);
        let file = made.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => HeadError::Exists {
                path: path.to_owned(),
            },
            _ => HeadError::Io {
                path: path.to_owned(),
                source,
            },
        })?;
        Self::begin(file, path, checkpoint)
    }

    /// Makes the file anew where there is none that can be read.
    pub(super) fn replace(path: &Path, checkpoint: &[u8]) -> Result<Self, HeadError> {
        let made = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let file = made.map_err(|source| HeadError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::begin(file, path, checkpoint)
    }

    fn begin(file: File, path: &Path, checkpoint: &[u8]) -> Result<Self, HeadError> {
        let mut head = Self {
            file,
            path: path.to_owned(),
            count: 0,
        };
        head.file
            .set_len(2 * SLOT_BYTES as u64)
            .map_err(|source| head.io(source))?;
        head.write(checkpoint)?;
        // The file's name must survive as well.
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(|source| head.io(source))?;
        Ok(head)
    }

    /// Opens the file and returns the checkpoint of its newest readable slot.
    ///
    /// # Errors
    /// [`HeadError::Missing`], [`HeadError::Damaged`] where neither slot can be read, or another.
    pub fn open(path: &Path) -> Result<(Self, Vec<u8>), HeadError> {
        Self::open_as(path, true)
    }

    pub(super) fn open_as(path: &Path, write: bool) -> Result<(Self, Vec<u8>), HeadError> {
        let opened = File::options().read(true).write(write).open(path);
        let file = opened.map_err(|source| match source.kind() {
            ErrorKind::NotFound => HeadError::Missing {
                path: path.to_owned(),
            },
            _ => HeadError::Io {
                path: path.to_owned(),
                source,
            },
        })?;
        let mut head = Self {
            file,
            path: path.to_owned(),
            count: 0,
        };
        let mut newest = None;
        for slot in 0..2 {
            let bytes = head.read_slot(slot).map_err(|source| head.io(source))?;
            if let Some((count, checkpoint)) = parse(&bytes)
                && count > head.count
            {
                head.count = count;
                newest = Some(checkpoint.to_vec());
            }
        }
        match newest {
            Some(checkpoint) => Ok((head, checkpoint)),
            None => Err(HeadError::Damaged {
                path: path.to_owned(),
            }),
        }
    }

    /// Writes a newer checkpoint over the older slot and puts it on stable storage.
    ///
    /// # Errors
    /// [`HeadError`]; the newer slot is as it was.
    pub fn write(&mut self, checkpoint: &[u8]) -> Result<(), HeadError> {
        if checkpoint.len() > CHECKPOINT_BYTES_MAX {
            return Err(HeadError::TooLarge {
                bytes: checkpoint.len(),
                max: CHECKPOINT_BYTES_MAX,
            });
        }
        let count = self.count + 1;
        let header = format!(
            "{MAGIC} {count} {} {}\n",
            checkpoint.len(),
            checksum(count, checkpoint)
        );
        let mut slot = [b'\n'; SLOT_BYTES];
        slot[..header.len()].copy_from_slice(header.as_bytes());
        slot[header.len()..header.len() + checkpoint.len()].copy_from_slice(checkpoint);
        let written = self
            .file
            .write_all_at(&slot, offset(count))
            .and_then(|()| self.file.sync_data());
        written.map_err(|source| self.io(source))?;
        self.count = count;
        Ok(())
    }

    /// A slot's bytes, fewer where the file ends early.
    fn read_slot(&self, slot: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; SLOT_BYTES];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset(slot) + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn io(&self, source: io::Error) -> HeadError {
        HeadError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// Where the slot of this count begins: they take turns.
const fn offset(count: u64) -> u64 {
    count % 2 * SLOT_BYTES as u64
}

fn checksum(count: u64, checkpoint: &[u8]) -> Hash {
    Hash::of(&[&count.to_be_bytes(), checkpoint].concat())
}

/// Reads a slot: its count and checkpoint, if it is whole.
fn parse(slot: &[u8]) -> Option<(u64, &[u8])> {
    let end = slot
        .iter()
        .take(HEADER_BYTES_MAX)
        .position(|byte| *byte == b'\n')?;
    let (header, rest) = slot.split_at(end);
    let mut words = std::str::from_utf8(header).ok()?.split(' ');
    if words.next()? != MAGIC {
        return None;
    }
    let count = words.next()?.parse().ok()?;
    let bytes: usize = words.next()?.parse().ok()?;
    let expected: Hash = words.next()?.parse().ok()?;
    let checkpoint = rest.get(1..)?.get(..bytes)?;
    (words.next().is_none() && checksum(count, checkpoint) == expected)
        .then_some((count, checkpoint))
}
