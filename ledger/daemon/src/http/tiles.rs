//! The log as static files (C2SP tlog-tiles): checkpoint, tiles of hashes, bundles of entries.
//!
//! A tile is served at any width up to the one it has in the latest published checkpoint, so the
//! partial tiles of every checkpoint ever published are there. A path has one spelling; every other is
//! 404. What stands at a path never changes but for the checkpoint, so it may be kept for good.
//!
//! A bundle of 256 entries can have 16 MiB. How many are read at a time, and how much waits to be sent, is bounded
//! over all connections by the [`Bounds`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use ledger_core::hash::Hash;
use ledger_core::tile::{TILE_WIDTH, TileKind, TileName, encode_bundle, encode_hashes, width_at};
use ledger_core::tree::TileSource as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reply::{BYTES, Cache, TEXT};
use super::{Asked, HttpError, Reply, Site};
use crate::auth::Caller;
use crate::status::CallError;
use crate::store::{Committed, LogStore};

/// Reads of the store under way for HTTP. The threads for reads are shared with gRPC, which keeps the rest.
const READS_MAX: usize = 4;
/// Bytes of tiles and bundles that wait to be sent, over all connections: three of the largest bundles.
const SENDING_BYTES_MAX: usize = 64 << 20;
/// How long a request waits for its turn to read, and for room to be sent, before it is refused.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// What all who read tiles share: turns to read, and room for what waits to be sent.
#[derive(Debug)]
pub struct Bounds {
    reads: Semaphore,
    sending: Arc<Semaphore>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            reads: Semaphore::new(READS_MAX),
            sending: Arc::new(Semaphore::new(SENDING_BYTES_MAX)),
        }
    }
}

/// `GET /checkpoint`
pub(super) fn checkpoint(site: &Site, asked: &Asked) -> Result<Reply, HttpError> {
    let at = site.store.committed();
    if at.checkpoint.is_empty() {
        return Err(HttpError::new(
            StatusCode::NOT_FOUND,
            "the log has no entries yet, and so no checkpoint",
        ));
    }
    let cache = if asked.caller.is_some() {
        Cache::RevalidatedPrivate
    } else {
        Cache::Revalidated
    };
    Ok(Reply {
        status: StatusCode::OK,
        content_type: TEXT,
        etag: Some(tag(&at.checkpoint)),
        body: Bytes::from_owner(Arc::clone(&at.checkpoint)),
        cache,
        headers: Vec::new(),
    })
}

/// `GET /tile/<L>/<N>[.p/<W>]` and `GET /tile/entries/<N>[.p/<W>]`
pub(super) async fn tile(site: Arc<Site>, asked: Asked) -> Result<Reply, HttpError> {
    let path = asked.path.strip_prefix('/').unwrap_or(&asked.path);
    let name: TileName = path
        .parse()
        .map_err(|error: ledger_core::tile::TileNameError| {
            HttpError::new(StatusCode::NOT_FOUND, error.to_string())
        })?;
    let at = site.store.committed();
    exists(name, &at)?;
    let busy = || {
        HttpError::from(CallError::Busy {
            queue: "the number of reads over HTTP under way",
            limit: READS_MAX,
        })
    };
    let reading = tokio::time::timeout(TURN_WITHIN, site.bounds.reads.acquire()).await;
    let reading = reading.ok().and_then(Result::ok).ok_or_else(busy)?;
    let store = Arc::clone(&site.store);
    let read = site.ledger.read(move |_| read(&store, name, at)).await;
    let (body, etag) = read?;
    let room = u32::try_from(body.len().min(SENDING_BYTES_MAX)).unwrap_or(u32::MAX);
    let room = Arc::clone(&site.bounds.sending).acquire_many_owned(room);
    let room = tokio::time::timeout(TURN_WITHIN, room).await;
    let room = room.ok().and_then(Result::ok).ok_or_else(|| {
        HttpError::from(CallError::Busy {
            queue: "the room for bytes that wait to be sent over HTTP",
            limit: SENDING_BYTES_MAX,
        })
    })?;
    // Whoever reads next waits until this body has its room.
    drop(reading);
    Ok(Reply {
        status: StatusCode::OK,
        content_type: BYTES,
        body: Bytes::from_owner(Held { body, _room: room }),
        cache: kept_by(asked.caller.as_ref()),
        etag: Some(etag),
        headers: Vec::new(),
    })
}

fn kept_by(caller: Option<&Caller>) -> Cache {
    if caller.is_some() {
        Cache::ImmutablePrivate
    } else {
        Cache::Immutable
    }
}

/// Refuses a tile that the log does not have yet.
fn exists(name: TileName, at: &Committed) -> Result<(), HttpError> {
    let level = match name.kind {
        TileKind::Hashes(level) => level,
        TileKind::Entries => 0,
    };
    let width = width_at(level, name.index, at.size);
    if name.width <= width {
        return Ok(());
    }
    let expected = match width {
        0 => "no tile of this index at this level".to_owned(),
        width => format!("a width of at most {width}"),
    };
    Err(HttpError::new(
        StatusCode::NOT_FOUND,
        format!(
            "`{name}` is not there yet: the log has {} entries, so expected {expected}",
            at.size
        ),
    ))
}

/// The bytes of a tile or bundle that exists, and their tag.
fn read(
    store: &Arc<LogStore>,
    name: TileName,
    at: Arc<Committed>,
) -> Result<(Vec<u8>, String), CallError> {
    let failed = |error: &dyn std::fmt::Display| CallError::store(&format!("`{name}`: {error}"));
    match name.kind {
        TileKind::Hashes(level) => {
            let hashes = store.tiles(&at).tile(level, name.index, name.width);
            let bytes = encode_hashes(&hashes.map_err(|error| failed(&error))?);
            let tag = tag(&bytes);
            Ok((bytes, tag))
        }
        TileKind::Entries => {
            let first = name.index * u64::from(TILE_WIDTH);
            let range = first..first + u64::from(name.width);
            let mut entries = Vec::with_capacity(usize::from(name.width));
            let mut leaves = Vec::with_capacity(usize::from(name.width));
            // Each is compared with its leaf: what is damaged is not served.
            for entry in store.entries(range, at) {
                let entry = entry.map_err(|error| failed(&error))?;
                leaves.push(entry.leaf);
                entries.push(entry.bytes);
            }
            if entries.len() != usize::from(name.width) {
                return Err(failed(&format!("only {} entries were read", entries.len())));
            }
            let bytes = encode_bundle(&entries).map_err(|error| failed(&error))?;
            Ok((bytes, tag(&encode_hashes(&leaves))))
        }
    }
}

/// Half of a SHA-256: enough to tell two bodies apart.
fn tag(bytes: &[u8]) -> String {
    hex::encode(&Hash::of(bytes).0[..16])
}

/// A body that gives its room back when it has been sent, or its connection has gone.
struct Held {
    body: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::hash::leaf_hash;
    use ledger_core::tree::{BatchTree, CompactRange};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::sequencer::grow;
    use crate::store::{Commit as _, CommitBatch};

    type Digest32 = [u8; 32];

    /// A log of this many entries, written in batches of odd sizes; entry `i` is `i` in decimal.
    fn log(dir: &std::path::Path, size: u64) -> Arc<LogStore> {
        let key = ledger_core::note::SigningKey::from_seed(&[3; 32], "ledger.example/test");
        let key = key.expect("a key");
        LogStore::create(dir).expect("made");
        let opened = LogStore::open(dir, key.name(), key.verification_key()).expect("opens");
        let (mut range, mut partial, mut first) = (CompactRange::new(), Vec::new(), 0);
        while first < size {
            let end = size.min(first + 9_973);
            let entries: Vec<Vec<u8>> = (first..end).map(|seq| seq.to_string().into()).collect();
            let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            let tree = BatchTree::new(&range, &leaves);
            let tiles = grow(&mut partial, &tree);
            let batch = CommitBatch {
                first_seq: first,
                entries: &entries,
                tiles: &tiles,
                details: &[],
                checkpoint: b"signed",
                size: end,
            };
            opened.store.commit(&batch).expect("committed");
            opened.store.publish(Committed {
                size: end,
                root: tree.root(),
                checkpoint: b"signed".as_slice().into(),
                partial: partial.clone(),
            });
            range = tree.into_range();
            first = end;
        }
        Arc::new(opened.store)
    }

    /// RFC 6962 section 2.1 over the entries themselves.
    fn mth(first: u64, size: u64) -> Digest32 {
        if size == 1 {
            let entry = first.to_string();
            return Sha256::new_with_prefix([0])
                .chain_update(entry)
                .finalize()
                .into();
        }
        let split = (size - 1).ilog2();
        let split = 1 << split;
        let (left, right) = (mth(first, split), mth(first + split, size - split));
        let node = Sha256::new_with_prefix([1]).chain_update(left);
        node.chain_update(right).finalize().into()
    }

    fn get(store: &Arc<LogStore>, path: &str) -> Result<Vec<u8>, HttpError> {
        let name = path.parse().expect("a path");
        let at = store.committed();
        exists(name, &at)?;
        Ok(read(store, name, at)?.0)
    }

    /// The specification's own example: 70,000 entries are 273 full tiles of level 0, a partial one of
    /// width 112, a full one of level 1, a partial one of width 17, and one of level 2 of width 1.
    #[test]
    fn seventy_thousand_entries_have_the_tiles_that_the_specification_lists() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = log(&dir.path().join("log"), 70_000);
        let mut tiles = Vec::new();
        for index in 0..273 {
            tiles.push((0, index, 256));
        }
        tiles.extend([(0, 273, 112), (1, 0, 256), (1, 1, 17), (2, 0, 1)]);
        for (level, index, width) in tiles {
            let name = TileName {
                kind: TileKind::Hashes(level),
                index,
                width,
            };
            let bytes = get(&store, &name.to_string()).expect("there");
            assert_eq!(bytes.len(), usize::from(width) * 32, "{name}");
            let span = 256u64.pow(level.into());
            // Each hash of the small levels, and of the large ones those at both ends.
            for at in (0..u64::from(width)).filter(|at| level == 0 || *at % 16 == 0) {
                let from = usize::try_from(at).expect("small") * 32;
                let expected = mth((index * 256 + at) * span, span);
                assert_eq!(bytes[from..from + 32], expected, "{name}, hash {at}");
            }
        }
        for absent in [
            "tile/0/273",
            "tile/0/273.p/113",
            "tile/0/274.p/1",
            "tile/1/001",
            "tile/1/001.p/18",
            "tile/1/002.p/1",
            "tile/2/000",
            "tile/2/000.p/2",
            "tile/3/000.p/1",
            "tile/entries/273.p/113",
            "tile/63/000.p/1",
            "tile/entries/x018/x446/x744/x073/x709/x551/615.p/1",
        ] {
            let error = get(&store, absent).expect_err("not there");
            assert_eq!(error.status(), StatusCode::NOT_FOUND, "{absent}");
        }
        let bundle = get(&store, "tile/entries/273.p/112").expect("there");
        let mut rest = &bundle[..];
        for seq in 69_888..70_000 {
            assert_eq!(rest[..7], [&[0, 5], seq.to_string().as_bytes()].concat());
            rest = &rest[7..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn the_partial_tiles_of_every_checkpoint_are_there_for_good() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = log(&dir.path().join("log"), 513);
        let whole = get(&store, "tile/0/001").expect("there");
        for width in 1..256 {
            let part = get(&store, &format!("tile/0/001.p/{width}")).expect("there");
            assert_eq!(part, whole[..32 * width]);
        }
        let bundle = get(&store, "tile/entries/002.p/1").expect("there");
        assert_eq!(bundle, b"\0\x03512");
        let name: TileName = "tile/entries/002.p/1".parse().expect("a path");
        let (_, bundle_tag) = read(&store, name, store.committed()).expect("there");
        let other: TileName = "tile/entries/001.p/1".parse().expect("a path");
        let (_, other_tag) = read(&store, other, store.committed()).expect("there");
        assert_ne!(bundle_tag, other_tag);
    }
}
