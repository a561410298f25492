use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::crc32c::Crc32c;

const BLOCK_BYTES: usize = 32 * 1024;
/// Checksum, four bytes; length, two; type, one; all little-endian.
const HEADER_BYTES: usize = 7;
/// A part of a file that was never written shows zeros from one multiple of this to another.
const SECTOR_BYTES: usize = 512;

/// Types of fragments: a record is one `FULL`, or a `FIRST`, any `MIDDLE` and a `LAST`.
const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// How a log ends.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum End {
    /// With a complete record, or with none at all.
    Whole,
    /// Within a record, for want of bytes. Nothing that was acknowledged is missing.
    Incomplete { offset: u64 },
    /// Within a record of which a part was never written. Nothing that was acknowledged is missing.
    Zeroed { offset: u64 },
    /// It does not: a record that was whole is not any more.
    Damaged { offset: u64, what: &'static str },
}

/// Reads a log from its beginning, 32 KiB at a time.
pub(super) fn scan(path: &Path) -> io::Result<End> {
    let log = Log::open(path)?;
    // Where the record began whose last fragment is yet to come.
    let mut begun: Option<u64> = None;
    for index in 0..log.blocks() {
        let block = log.block(index)?;
        let base = index * BLOCK_BYTES as u64;
        let mut at = 0;
        while at < block.len() {
            let offset = base + at as u64;
            let rest = &block[at..];
            let fragment = match Fragment::read(rest, block.len() == BLOCK_BYTES) {
                Ok(Some(fragment)) => fragment,
                Ok(None) => break,
                Err(Flaw::Cut) => {
                    return Ok(if conceals_a_fragment(rest) {
                        End::Damaged {
                            offset,
                            what: "has a changed length",
                        }
                    } else {
                        End::Incomplete {
                            offset: begun.unwrap_or(offset),
                        }
                    });
                }
                Err(Flaw::Unsound(what)) => {
                    return Ok(if log.was_never_written(index, at)? {
                        End::Zeroed {
                            offset: begun.unwrap_or(offset),
                        }
                    } else {
                        End::Damaged { offset, what }
                    });
                }
            };
            begun = match (fragment.kind, begun) {
                (FULL, None) | (LAST, Some(_)) => None,
                (FIRST, None) => Some(offset),
                (MIDDLE, Some(begun)) => Some(begun),
                _ => {
                    return Ok(End::Damaged {
                        offset,
                        what: "does not follow from the one before it",
                    });
                }
            };
            at += fragment.bytes;
        }
    }
    Ok(begun.map_or(End::Whole, |offset| End::Incomplete { offset }))
}

struct Fragment {
    kind: u8,
    /// Header and payload.
    bytes: usize,
}

enum Flaw {
    /// The file ends before the fragment does.
    Cut,
    /// It is not what was written.
    Unsound(&'static str),
}

impl Fragment {
    /// Reads the fragment that `rest` of a block begins with. None where the block has no room for one.
    fn read(rest: &[u8], block_is_full: bool) -> Result<Option<Self>, Flaw> {
        let Some(([a, b, c, d, low, high, kind], after)) = rest.split_first_chunk::<HEADER_BYTES>()
        else {
            return if block_is_full {
                Ok(None)
            } else {
                Err(Flaw::Cut)
            };
        };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some(payload) = after.get(..length) else {
            return Err(if block_is_full {
                Flaw::Unsound("has a changed length")
            } else {
                Flaw::Cut
            });
        };
        let mut crc = Crc32c::new();
        crc.update(&[*kind]);
        crc.update(payload);
        if crc.masked() != u32::from_le_bytes([*a, *b, *c, *d]) {
            return Err(Flaw::Unsound("does not have its checksum"));
        }
        Ok(Some(Self {
            kind: *kind,
            bytes: HEADER_BYTES + length,
        }))
    }
}

/// Whether a fragment that seems to run past the end of the file is complete under another length.
fn conceals_a_fragment(rest: &[u8]) -> bool {
    let Some(([a, b, c, d, _, _, kind], after)) = rest.split_first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let expected = u32::from_le_bytes([*a, *b, *c, *d]);
    let mut crc = Crc32c::new();
    crc.update(&[*kind]);
    crc.masked() == expected
        || after.iter().any(|byte| {
            crc.update(&[*byte]);
            crc.masked() == expected
        })
}

/// One log file.
struct Log {
    file: File,
    bytes: u64,
}

impl Log {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    const fn blocks(&self) -> u64 {
        self.bytes.div_ceil(BLOCK_BYTES as u64)
    }

    /// A block, shorter at the end of the file.
    fn block(&self, index: u64) -> io::Result<Vec<u8>> {
        let base = index * BLOCK_BYTES as u64;
        let bytes = usize::try_from(self.bytes - base)
            .unwrap_or(BLOCK_BYTES)
            .min(BLOCK_BYTES);
        let mut block = vec![0; bytes];
        self.file.read_exact_at(&mut block, base)?;
        Ok(block)
    }

    /// Whether the record that goes wrong at this place is the last one and a part of it was never
    /// written: it shows a sector of zeros, which no flipped bit makes, and no record begins after it.
    fn was_never_written(&self, bad_block: u64, bad_at: usize) -> io::Result<bool> {
        let mut shows_zeros = false;
        for index in bad_block..self.blocks() {
            let block = self.block(index)?;
            let is_first = index == bad_block;
            let from = if is_first { bad_at } else { 0 };
            shows_zeros |= has_zero_sector(&block, from, index + 1 == self.blocks());
            let next = if is_first {
                after_bad(&block, bad_at)
            } else {
                0
            };
            if begins_a_record(&block, next) {
                return Ok(false);
            }
        }
        Ok(shows_zeros)
    }
}

/// Whether a sector is zero as far as it lies at or after `from`. A piece of few bytes says nothing,
/// unless it is the end of the file.
fn has_zero_sector(block: &[u8], from: usize, is_last: bool) -> bool {
    const ENOUGH_BYTES: usize = 16;
    (from - from % SECTOR_BYTES..block.len())
        .step_by(SECTOR_BYTES)
        .any(|start| {
            let end = (start + SECTOR_BYTES).min(block.len());
            let piece = &block[start.max(from)..end];
            let counts = piece.len() >= ENOUGH_BYTES || (is_last && end == block.len());
            counts && piece.iter().all(|byte| *byte == 0)
        })
}

/// Where the fragment after a bad one begins, if the bad one's length is right.
fn after_bad(block: &[u8], at: usize) -> usize {
    match block.get(at + 4..at + 6) {
        Some(&[low, high]) => at + HEADER_BYTES + usize::from(u16::from_le_bytes([low, high])),
        _ => block.len(),
    }
}

/// Whether the fragments from `at` on, as far as they are sound, include the first of a record.
fn begins_a_record(block: &[u8], mut at: usize) -> bool {
    while let Some(rest) = block.get(at..)
        && let Ok(Some(fragment)) = Fragment::read(rest, block.len() == BLOCK_BYTES)
    {
        if matches!(fragment.kind, FULL | FIRST) {
            return true;
        }
        at += fragment.bytes;
    }
    false
}
