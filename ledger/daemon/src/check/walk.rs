//! One walk over the whole log: entries, tiles, checkpoints and details, each recomputed.
//!
//! Memory is one tile a level, whatever the log's size.

use std::collections::BTreeMap;
use std::iter::Peekable;

use ledger_core::entry::{Commitment, DecodeError, DetailName, Entry};
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::tile::{TILE_WIDTH, decode_hashes};
use ledger_core::time::Timestamp;
use ledger_core::tree::{CompactRange, root_of};
use ledger_core::trust::Trust;
use rocksdb::Error;
use serde::Serialize;

use super::found::Stop;
use crate::store::{Inspected, Part, Record};

const WIDTH: u64 = TILE_WIDTH as u64;

/// What was counted on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Checkpoints, one for each batch.
    pub checkpoints: u64,
    /// Full tiles of all levels.
    pub tiles: u64,
    /// Details.
    pub details: u64,
    /// Their bytes, salts not counted.
    pub detail_bytes: u64,
    /// Details older than they are to be kept at least. This version erases none.
    pub details_past_retention: u64,
}

type Records<'a> = Peekable<Box<dyn Iterator<Item = Result<Record, Error>> + 'a>>;

/// What is told of each entry: its decoding and its leaf hash.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Result<Entry, DecodeError>, Hash) -> Result<(), Stop>;

/// A walk under way.
pub(super) struct Walk<'a> {
    log: &'a Inspected,
    trust: &'a Trust,
    origin: &'a str,
    /// The size of the newest checkpoint: so many entries there must be.
    size: u64,
    /// Over the leaf hashes of the entries as they are.
    tree: CompactRange,
    /// The stored tile of level 0 that the next entry belongs to, where it is full.
    tile: Option<Vec<Hash>>,
    /// The leaf hashes of the entries that belong to it, and above it, by level, the roots of tiles.
    pending: Vec<Vec<Hash>>,
    /// Full tiles so far, by level.
    full: Vec<u64>,
    checkpoints: Records<'a>,
    /// The size of the last one.
    signed: u64,
    details: Records<'a>,
    last: Timestamp,
    /// Sizes at which the root is asked for, and what it is.
    pub(super) roots: BTreeMap<u64, Option<Hash>>,
    /// Details of entries before this are past their retention.
    pub(super) kept_from: Option<Timestamp>,
    pub(super) counts: Counts,
}

impl<'a> Walk<'a> {
    pub(super) fn new(log: &'a Inspected, trust: &'a Trust, origin: &'a str) -> Result<Self, Stop> {
        let newest = log
            .last(Part::Checkpoints)
            .map_err(|error| unreadable("the newest checkpoint", &error))?;
        let size = match &newest {
            Some((key, _)) => number(key).ok_or_else(|| {
                Stop::wrong(
                    "checkpoint",
                    "the newest checkpoint stands under a key that is no size",
                )
            })?,
            None => {
                return Err(Stop::wrong(
                    "checkpoint",
                    "there is none: nothing was ever committed",
                ));
            }
        };
        let records = |part| -> Records<'a> {
            let records: Box<dyn Iterator<Item = _>> = Box::new(log.records(part, b""));
            records.peekable()
        };
        Ok(Self {
            log,
            trust,
            origin,
            size,
            tree: CompactRange::new(),
            tile: None,
            pending: Vec::new(),
            full: Vec::new(),
            checkpoints: records(Part::Checkpoints),
            signed: 0,
            details: records(Part::Details),
            last: Timestamp::EPOCH,
            roots: BTreeMap::new(),
            kept_from: None,
            counts: Counts::default(),
        })
    }

    /// How many entries there must be.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Walks to the end of the log.
    pub(super) fn run(&mut self, visit: Visit<'_>) -> Result<(), Stop> {
        for record in self.log.records(Part::Entries, b"") {
            let seq = self.tree.size();
            let (key, bytes) =
                record.map_err(|error| unreadable(&format!("entry {seq}"), &error))?;
            match number(&key) {
                Some(found) if found == seq && seq < self.size => {}
                Some(found) if found > seq && seq < self.size => return Err(missing(seq)),
                Some(found) => {
                    let what = format!(
                        "there is entry {found}, beyond the newest checkpoint, which is of size {}",
                        self.size
                    );
                    return Err(Stop::wrong("entry", what));
                }
                None => {
                    return Err(Stop::wrong(
                        "entry",
                        "there is one under a key that is no seq",
                    ));
                }
            }
            self.entry(seq, &bytes, visit)?;
        }
        if self.tree.size() < self.size {
            return Err(missing(self.tree.size()));
        }
        self.nothing_beyond()
    }

    fn entry(&mut self, seq: u64, bytes: &[u8], visit: Visit<'_>) -> Result<(), Stop> {
        let leaf = leaf_hash(bytes);
        self.hold_against_tile(seq, leaf)?;
        let decoded = Entry::decode(bytes);
        match &decoded {
            Ok(entry) => self.order(seq, entry)?,
            Err(DecodeError::Unknown { .. }) => {}
            Err(DecodeError::Malformed { why }) => {
                return Err(Stop::wrong("entry", format!("entry {seq} is none: {why}")));
            }
        }
        self.details_of(seq, decoded.as_ref().ok())?;
        self.tree.append(leaf);
        self.counts.entries += 1;
        self.grow(0, leaf)?;
        self.checkpoint()?;
        let size = self.tree.size();
        if let Some(root) = self.roots.get_mut(&size) {
            *root = Some(self.tree.root());
        }
        visit(decoded, leaf)
    }

    /// The stored leaf hash, where the entry's tile is full.
    fn hold_against_tile(&mut self, seq: u64, leaf: Hash) -> Result<(), Stop> {
        let (index, place) = (seq / WIDTH, usize::from(seq.to_le_bytes()[0]));
        if place == 0 {
            let is_full = (index + 1) * WIDTH <= self.size;
            self.tile = is_full.then(|| self.stored(0, index)).transpose()?;
        }
        match self.tile.as_ref().and_then(|tile| tile.get(place)) {
            Some(stored) if *stored != leaf => Err(self.blame(seq, leaf, *stored)),
            _ => Ok(()),
        }
    }

    /// Says which of the two is wrong, an entry or the hash that its tile has for it: the one that does not
    /// make the root of the next checkpoint.
    fn blame(&mut self, seq: u64, leaf: Hash, stored: Hash) -> Stop {
        let (index, place) = (seq / WIDTH, seq % WIDTH);
        let open = |why: String| {
            let what = format!(
                "entry {seq} hashes to {leaf}, but tile 0/{index} has {stored} for it, and {why}"
            );
            Stop::wrong("entry", what)
        };
        let signed = match self.checkpoints.peek() {
            Some(Ok((_, bytes))) => self.trust.verify_checkpoint(bytes),
            _ => {
                return open(
                    "the next checkpoint cannot be read to tell which is right".to_owned(),
                );
            }
        };
        let signed = match signed {
            Ok(verified) => verified.checkpoint,
            Err(error) => {
                return open(format!(
                    "the next checkpoint, which could tell, is not to be trusted: {error}"
                ));
            }
        };
        let (mut by_entries, mut by_tiles) = (self.tree.clone(), self.tree.clone());
        for record in self.log.records(Part::Entries, &seq.to_be_bytes()) {
            let at = by_entries.size();
            if at == signed.size {
                break;
            }
            let Ok((_, bytes)) = record else { break };
            let computed = leaf_hash(&bytes);
            let tile = self.log.tile(0, at / WIDTH).ok().flatten();
            let tile = tile.and_then(|bytes| decode_hashes(&bytes, TILE_WIDTH).ok());
            let in_tile = tile.and_then(|tile| tile.get(usize::from(at.to_le_bytes()[0])).copied());
            by_entries.append(computed);
            by_tiles.append(in_tile.unwrap_or(computed));
        }
        if by_tiles.root() == signed.root {
            let what = format!(
                "entry {seq} was changed: it hashes to {leaf}, expected {stored} by tile 0/{index} and the checkpoint \
                 of size {}",
                signed.size
            );
            return Stop::wrong("entry", what);
        }
        if by_entries.root() == signed.root {
            let what = format!(
                "tile 0/{index} was changed: hash {place} is {stored}, expected {leaf} by entry {seq} and the \
                 checkpoint of size {}",
                signed.size
            );
            return Stop::wrong("tile", what);
        }
        open(format!(
            "neither makes the root signed at size {}",
            signed.size
        ))
    }

    /// Seq and time, and a checkpoint after each batch: a batch has one time.
    fn order(&mut self, seq: u64, entry: &Entry) -> Result<(), Stop> {
        if entry.seq != seq {
            let what = format!(
                "entry {seq} says seq `{}`, expected its place in the log",
                entry.seq
            );
            return Err(Stop::wrong("entry", what));
        }
        if entry.time < self.last {
            let what = format!(
                "entry {seq} has time `{}`, expected `{}` or later, as the entry before it has",
                entry.time, self.last
            );
            return Err(Stop::wrong("entry", what));
        }
        if entry.time != self.last && seq != self.signed {
            let what = format!(
                "the checkpoint of size {seq} is missing: entry {} ended a batch, since entry {seq} has another time",
                seq - 1
            );
            return Err(Stop::wrong("checkpoint", what));
        }
        self.last = entry.time;
        Ok(())
    }

    fn details_of(&mut self, seq: u64, entry: Option<&Entry>) -> Result<(), Stop> {
        let mut missing: BTreeMap<DetailName, Commitment> = entry
            .and_then(|entry| entry.body.details())
            .cloned()
            .unwrap_or_default();
        while let Some(record) = self.details.next_if(|record| match record {
            Ok((key, _)) => key
                .first_chunk()
                .is_none_or(|at| u64::from_be_bytes(*at) <= seq),
            Err(_) => true,
        }) {
            let what = || format!("a detail of entry {seq}");
            let (key, value) = record.map_err(|error| unreadable(&what(), &error))?;
            let name = key.split_first_chunk().and_then(|(at, name)| {
                let name = DetailName::parse(std::str::from_utf8(name).ok()?)?;
                (u64::from_be_bytes(*at) == seq).then_some(name)
            });
            let Some(name) = name else {
                return Err(Stop::wrong(
                    "detail",
                    format!("there is one under a key that is none, before those of entry {seq}"),
                ));
            };
            let named = format!("detail `{}` of entry {seq}", name.as_str());
            let Some((salt, bytes)) = value.split_first_chunk() else {
                let what = format!(
                    "{named} has {} bytes, expected a salt of 32 and the detail",
                    value.len()
                );
                return Err(Stop::wrong("detail", what));
            };
            self.counts.details += 1;
            self.counts.detail_bytes += bytes.len() as u64;
            let Some(entry) = entry else { continue };
            let Some(expected) = missing.remove(&name) else {
                return Err(Stop::wrong(
                    "detail",
                    format!("{named} is there, and its entry commits to none"),
                ));
            };
            let found = Commitment::new(salt, bytes, expected.redacted.unwrap_or(0));
            if found.commitment != expected.commitment || found.bytes != expected.bytes {
                let what = format!(
                    "{named} was changed: {} bytes commit to {}, expected {} bytes and {}",
                    found.bytes, found.commitment, expected.bytes, expected.commitment
                );
                return Err(Stop::wrong("detail", what));
            }
            if self.kept_from.is_some_and(|from| entry.time < from) {
                self.counts.details_past_retention += 1;
            }
        }
        match missing.keys().next() {
            Some(name) => Err(Stop::wrong(
                "detail",
                format!(
                    "detail `{}` of entry {seq} is missing: its entry commits to it, and this version erases none",
                    name.as_str()
                ),
            )),
            None => Ok(()),
        }
    }

    /// Adds a hash to a level, and what it completes to the level above.
    fn grow(&mut self, level: u8, hash: Hash) -> Result<(), Stop> {
        let at = usize::from(level);
        if self.pending.len() == at {
            self.pending
                .push(Vec::with_capacity(usize::from(TILE_WIDTH)));
            self.full.push(0);
        }
        self.pending[at].push(hash);
        if self.pending[at].len() < usize::from(TILE_WIDTH) {
            return Ok(());
        }
        let (computed, index) = (std::mem::take(&mut self.pending[at]), self.full[at]);
        // Those of level 0 were compared one by one.
        if level > 0 {
            let stored = self.stored(level, index)?;
            let pairs = computed.iter().zip(&stored).zip(index * WIDTH..);
            for ((computed, stored), below) in pairs {
                if computed != stored {
                    let what = format!(
                        "tile {level}/{index} was changed: hash {} is {stored}, expected {computed}, the root of tile \
                         {}/{below}",
                        below % WIDTH,
                        level - 1
                    );
                    return Err(Stop::wrong("tile", what));
                }
            }
        }
        self.full[at] += 1;
        self.counts.tiles += 1;
        self.grow(level + 1, root_of(computed))
    }

    fn stored(&self, level: u8, index: u64) -> Result<Vec<Hash>, Stop> {
        let named = format!("tile {level}/{index}");
        let bytes = self
            .log
            .tile(level, index)
            .map_err(|error| unreadable(&named, &error))?
            .ok_or_else(|| Stop::wrong("tile", format!("{named} is missing")))?;
        decode_hashes(&bytes, TILE_WIDTH)
            .map_err(|error| Stop::wrong("tile", format!("{named}: {error}")))
    }

    /// The checkpoint of the size reached, where there is one.
    fn checkpoint(&mut self) -> Result<(), Stop> {
        let size = self.tree.size();
        let due = |record: &Result<Record, Error>| match record {
            Ok((key, _)) => number(key).is_none_or(|of| of <= size),
            Err(_) => true,
        };
        let Some(record) = self.checkpoints.next_if(due) else {
            return Ok(());
        };
        let named = format!("the checkpoint of size {size}");
        let (key, bytes) = record.map_err(|error| unreadable(&named, &error))?;
        if number(&key) != Some(size) {
            return Err(Stop::wrong(
                "checkpoint",
                "there is one under a key that is no size",
            ));
        }
        let verified = self.trust.verify_checkpoint(&bytes).map_err(|error| {
            Stop::wrong(
                "checkpoint",
                format!("{named} is not to be trusted: {error}"),
            )
        })?;
        let found = verified.checkpoint;
        if found.origin != self.origin {
            let what = format!(
                "{named} is of origin `{}`, expected `{}`",
                found.origin, self.origin
            );
            return Err(Stop::wrong("checkpoint", what));
        }
        if found.size != size {
            let what = format!(
                "the checkpoint stored for size {size} is of size {}",
                found.size
            );
            return Err(Stop::wrong("checkpoint", what));
        }
        let root = self.tree.root();
        if found.root != root {
            let (first, last) = (self.signed, size - 1);
            let entries = if first == last {
                format!("entry {first} is not the one that was")
            } else {
                format!("one of entry {first} to {last} is not the one that was")
            };
            let what = format!(
                "{entries} signed: the root signed at size {size} is {}, computed {root}",
                found.root
            );
            return Err(Stop::wrong("entry", what));
        }
        self.signed = size;
        self.counts.checkpoints += 1;
        Ok(())
    }

    /// Refuses details and tiles that no entry of the log makes.
    fn nothing_beyond(&mut self) -> Result<(), Stop> {
        if let Some(record) = self.details.next() {
            let (key, _) = record.map_err(|error| unreadable("a detail", &error))?;
            let of = key.first_chunk().map_or_else(String::new, |at| {
                format!(" of entry {}", u64::from_be_bytes(*at))
            });
            let what = format!(
                "there is one{of}, beyond the newest checkpoint, which is of size {}",
                self.size
            );
            return Err(Stop::wrong("detail", what));
        }
        for record in self.log.records(Part::Tiles, b"") {
            let (key, _) = record.map_err(|error| unreadable("a tile", &error))?;
            let Some((level, index)) = key
                .split_first()
                .and_then(|(level, index)| Some((*level, number(index)?)))
            else {
                return Err(Stop::wrong("tile", "there is one under a key that is none"));
            };
            if self
                .full
                .get(usize::from(level))
                .is_none_or(|full| index >= *full)
            {
                let what = format!(
                    "there is tile {level}/{index}, which {} entries do not fill",
                    self.size
                );
                return Err(Stop::wrong("tile", what));
            }
        }
        Ok(())
    }
}

fn missing(seq: u64) -> Stop {
    Stop::wrong("entry", format!("entry {seq} is missing"))
}

/// RocksDB's own checksums, or the disk.
fn unreadable(what: &str, error: &Error) -> Stop {
    Stop::wrong("tables", format!("{what} cannot be read: {error}"))
}

fn number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}
