use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use ledger_core::hash::Hash;
use ledger_core::view::{ReadView, Table, ViewError, Visit};

use super::layer::{Changes, Layer, Row, Stretch, stretch};
use super::{Mark, ViewStore};

/// Committed changes that may wait in memory to be written. At this bound the sequencer waits. The batch
/// that reaches it may pass it, and so may the two behind it.
const OVERLAY_BYTES_MAX: usize = 64 << 20;
/// So much of them is written without waiting for the interval.
const WRITE_BYTES: usize = 8 << 20;
/// And so often, whatever there is.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// Rows taken over under one hold of the lock, so that a large batch does not keep readers waiting.
const ROWS_AT_ONCE: usize = 64;
/// Rows of the layers copied out for one stretch of a scan: few first, because most scans end at once.
const STRETCH_FIRST: usize = 16;
const STRETCH_MAX: usize = 1024;

/// The views as of the last committed batch: what is stored, under what is yet to be written. Written
/// by the committer through [`publish`](Self::publish), read by any thread.
pub struct SharedViews {
    store: ViewStore,
    overlay: RwLock<Overlay>,
    waiting: Mutex<Waiting>,
    /// Told whenever `waiting` changes.
    changed: Condvar,
    /// The last batch that was published whole.
    published: AtomicU64,
    failure: OnceLock<ViewError>,
}

/// The layers over the store. Readers hold the lock for a lookup in memory, never for one in RocksDB.
#[derive(Debug, Default)]
struct Overlay {
    active: Layer,
    /// Being written. It stays readable until the store has it.
    flushing: Option<Arc<Layer>>,
}

/// What the committer and the writer thread settle between them. Held by the committer for the whole of a
/// batch, so that a mark never stands for half of one.
#[derive(Debug)]
struct Waiting {
    /// The log that the active layer completes; none where that layer is empty.
    mark: Option<Mark>,
    /// When it got its first change.
    since: Instant,
    /// Bytes in both layers.
    active_bytes: usize,
    flushing_bytes: usize,
    /// When the layer that is being written got its first change; none where none is.
    flushing_since: Option<Instant>,
    stopping: bool,
}

/// How far what is stored of the views is behind the log. What is missing there is in memory, so readers
/// miss nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewLag {
    /// Bytes that are not written yet.
    pub bytes: usize,
    /// Age of the oldest change among them.
    pub age: Duration,
}

/// What the writer thread is to do next.
pub(super) enum Work {
    Write(Arc<Layer>, Mark),
    /// Nothing is left, and nothing will come.
    Stop,
}

impl fmt::Debug for SharedViews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedViews")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl ReadView for SharedViews {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.check()?;
        {
            let overlay = self.read();
            let flushing = || {
                overlay
                    .flushing
                    .as_ref()
                    .and_then(|layer| layer.get(table, key))
            };
            if let Some(row) = overlay.active.get(table, key).or_else(flushing) {
                return Ok(value_of(row));
            }
        }
        // Whatever left the overlay since is in the store by now.
        self.store.get(table, key).map_err(|error| self.fail(error))
    }

    fn scan(&self, table: Table, from: &[u8], visit: Visit<'_>) -> Result<(), ViewError> {
        self.scan_under(&[], table, from, visit)
    }
}

impl SharedViews {
    pub(super) fn new(store: ViewStore) -> Self {
        Self {
            store,
            overlay: RwLock::default(),
            waiting: Mutex::new(Waiting {
                mark: None,
                since: Instant::now(),
                active_bytes: 0,
                flushing_bytes: 0,
                flushing_since: None,
                stopping: false,
            }),
            changed: Condvar::new(),
            published: AtomicU64::new(0),
            failure: OnceLock::new(),
        }
    }

    /// Shows the changes of a committed batch to every reader. Called by the committer alone, in the
    /// order of the batches; `size` and `root` are those of the log after the batch.
    pub fn publish(&self, changes: Changes, size: u64, root: Hash) {
        let mut waiting = self.waiting();
        let mut rows = changes.layer.rows().peekable();
        while rows.peek().is_some() {
            let mut overlay = self.overlay.write().unwrap_or_else(PoisonError::into_inner);
            for (table, key, row) in rows.by_ref().take(ROWS_AT_ONCE) {
                overlay.active.set(table, Arc::clone(key), row.clone());
            }
            waiting.active_bytes = overlay.active.bytes();
        }
        if waiting.mark.replace(Mark { size, root }).is_none() {
            waiting.since = Instant::now();
        }
        // From here on the sequencer may forget its own copy.
        self.published.store(changes.batch, Ordering::Release);
        let full = waiting.active_bytes >= WRITE_BYTES;
        drop(waiting);
        if full {
            self.changed.notify_all();
        }
    }

    /// Waits until the changes that wait to be written are under their bound, or the views have failed.
    /// Called by whoever makes new changes, before it does.
    pub fn wait_for_room(&self) {
        let mut waiting = self.waiting();
        while waiting.active_bytes + waiting.flushing_bytes > OVERLAY_BYTES_MAX
            && self.failure.get().is_none()
        {
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How far what is stored is behind.
    pub fn lag(&self) -> ViewLag {
        let waiting = self.waiting();
        let active = waiting.mark.map(|_| waiting.since);
        let since = waiting.flushing_since.or(active);
        ViewLag {
            bytes: waiting.active_bytes + waiting.flushing_bytes,
            age: since.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }

    /// Why the views cannot be read or written any more, if they cannot. The daemon then stops writes.
    pub fn failure(&self) -> Option<&ViewError> {
        self.failure.get()
    }

    /// What is stored, without what waits to be written.
    pub const fn stored(&self) -> &ViewStore {
        &self.store
    }

    pub(super) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Scans under `layers`, the oldest first, which belong to the caller alone.
    pub(super) fn scan_under(
        &self,
        layers: &[&Layer],
        table: Table,
        from: &[u8],
        visit: Visit<'_>,
    ) -> Result<(), ViewError> {
        self.check()?;
        let mut from = from.to_vec();
        let mut most = STRETCH_FIRST;
        loop {
            // A stretch of the layers is copied first and the store looked at afterwards: a row that the
            // copy misses, because it was written in between, is then in the store. One iterator of the
            // store over several stretches would miss it too.
            let over: Stretch = {
                let overlay = self.read();
                let below = overlay
                    .flushing
                    .as_deref()
                    .into_iter()
                    .chain([&overlay.active]);
                stretch(below.chain(layers.iter().copied()), table, &from, most)
            };
            let flow = self
                .store
                .scan(table, &from, &over, visit)
                .map_err(|error| self.fail(error))?;
            match over.end {
                Some(end) if flow.is_continue() => {
                    from.clear();
                    from.extend_from_slice(&end);
                    from.push(0);
                }
                _ => return Ok(()),
            }
            most = (most * 2).min(STRETCH_MAX);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), ViewError> {
        self.failure
            .get()
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Ends all reads and writes. The first failure is the one that is told.
    pub(super) fn fail(&self, error: ViewError) -> ViewError {
        let _ = self.failure.set(error);
        // Under the lock, so that nobody checks before this and waits after it.
        drop(self.waiting());
        self.changed.notify_all();
        match self.failure.get() {
            Some(error) => error.clone(),
            None => unreachable!("it was set above, or before"),
        }
    }
}

/// The writer thread's side.
impl SharedViews {
    /// Waits until there is enough to write, or the interval is over, and takes it.
    pub(super) fn take_work(&self) -> Work {
        let mut waiting = self.waiting();
        loop {
            let due = waiting
                .mark
                .map(|_| WRITE_EVERY.saturating_sub(waiting.since.elapsed()));
            let write = due.is_some_and(|due| due.is_zero())
                || waiting.active_bytes >= WRITE_BYTES
                || (waiting.stopping && due.is_some());
            if write && let Some(mark) = waiting.mark.take() {
                let mut overlay = self.overlay.write().unwrap_or_else(PoisonError::into_inner);
                let layer = Arc::new(std::mem::take(&mut overlay.active));
                overlay.flushing = Some(Arc::clone(&layer));
                drop(overlay);
                waiting.flushing_bytes = std::mem::take(&mut waiting.active_bytes);
                waiting.flushing_since = Some(waiting.since);
                return Work::Write(layer, mark);
            }
            if waiting.stopping {
                return Work::Stop;
            }
            let wait = due.unwrap_or(Duration::MAX);
            waiting = match self.changed.wait_timeout(waiting, wait.min(WRITE_EVERY)) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Forgets the layer that the store has now.
    pub(super) fn written(&self) {
        let flushed = {
            let mut overlay = self.overlay.write().unwrap_or_else(PoisonError::into_inner);
            overlay.flushing.take()
        };
        // Outside the lock: of a large layer this takes a while.
        drop(flushed);
        {
            let mut waiting = self.waiting();
            waiting.flushing_bytes = 0;
            waiting.flushing_since = None;
        }
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.waiting().stopping = true;
        self.changed.notify_all();
    }
}

pub(super) fn value_of(row: &Row) -> Option<Vec<u8>> {
    row.as_ref().map(|value| value.to_vec())
}
