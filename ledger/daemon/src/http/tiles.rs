//! The log as static files (C2SP tlog-tiles): checkpoint, tiles of hashes, bundles of entries.
//!
//! A tile is served at any width up to the one it has in the latest published checkpoint, so the
//! partial tiles of every checkpoint ever published are there. A path has one spelling; every other is
//! 404. What stands at a path never changes but for the checkpoint, so it may be kept for good.
//!
//! A bundle of 256 entries can have 16 MiB. Reading is bounded by the [`Site`]'s reads, and what waits
//! to be sent by [`SENDING_BYTES_MAX`] over all connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use ledger_core::hash::Hash;
use ledger_core::tile::{TILE_WIDTH, TileKind, TileName, encode_bundle, encode_hashes, width_at};
use ledger_core::tree::TileSource as _;
use tokio::sync::OwnedSemaphorePermit;

use super::reply::{BYTES, Cache, TEXT};
use super::{Asked, HttpError, Reply, Site};
use crate::auth::Caller;
use crate::status::CallError;
use crate::store::{Committed, LogStore};

/// Bytes of tiles and bundles that wait to be sent, over all connections: three of the largest bundles.
pub(super) const SENDING_BYTES_MAX: usize = 64 << 20;
/// How long a request waits for its turn to read, and for room to be sent, before it is refused.
const TURN_WITHIN: Duration = Duration::from_secs(5);

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
            limit: super::READS_MAX,
        })
    };
    let reading = tokio::time::timeout(TURN_WITHIN, site.reads.acquire()).await;
    let reading = reading.ok().and_then(Result::ok).ok_or_else(busy)?;
    let store = Arc::clone(&site.store);
    let read = site.ledger.read(move |_| read(&store, name, at)).await;
    let (body, etag) = read?;
    let room = u32::try_from(body.len().min(SENDING_BYTES_MAX)).unwrap_or(u32::MAX);
    let room = Arc::clone(&site.sending).acquire_many_owned(room);
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
