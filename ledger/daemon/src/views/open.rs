//! Bringing the views to where the log is.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::entry::{DecodeError, Entry};
use ledger_core::hash::Hash;
use ledger_core::state::{FoldError, State};
use ledger_core::tree::{CompactRange, range, root};
use ledger_core::view::{MemoryView, ReadView, Table, ViewError};
use rocksdb::ErrorKind;

use super::{Mark, SequencerView, SharedViews, ViewStore, ViewWriter};
use crate::store::{Committed, LogStore, ReadError};

/// A fold publishes what it has so far after this many entries, or this many bytes of changes.
const ENTRIES_PER_PUBLISH: u64 = 4096;
const BYTES_PER_PUBLISH: usize = 4 << 20;

/// How far a fold has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Entries that the views hold.
    pub folded: u64,
    /// Entries in the log.
    pub total: u64,
}

/// Views that hold the whole log.
#[derive(Debug)]
pub struct OpenedViews {
    /// The state of the ledger, for the sequencer.
    pub state: State<SequencerView>,
    /// The views that everybody else reads.
    pub views: Arc<SharedViews>,
    /// The thread that writes them; to be finished last.
    pub writer: ViewWriter,
}

/// Why the views cannot be brought to where the log is. None of it harms the log.
#[derive(Debug, thiserror::Error)]
pub enum OpenViewsError {
    /// The views' database cannot be opened or removed, and not because it is damaged.
    #[error(
        "the views in `{}` cannot be opened: {source}; `ledgerd rebuild` folds them anew from the log",
        dir.display()
    )]
    Db {
        /// The directory of the views.
        dir: PathBuf,
        /// What RocksDB says.
        source: rocksdb::Error,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// A leaf is not an entry that this version knows.
    #[error("entry {seq} of the log: {source}")]
    Decode {
        /// Its seq.
        seq: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The log does not fold.
    #[error("{0}; if the views were damaged, `ledgerd rebuild` folds them anew from the log")]
    Fold(#[from] FoldError),
    /// The views failed.
    #[error("{0}; `ledgerd rebuild` folds them anew from the log")]
    View(#[from] ViewError),
    /// The writer thread cannot be started.
    #[error("the thread that writes the views cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Opens the views in `dir` and folds what the log has above their mark, telling `progress` now and then.
///
/// Views whose mark is no prefix of the log (of a restored backup, or of another ledger), that are of
/// another version, or that are damaged, are dropped and folded anew from the start. Nothing is signed and
/// nothing is written to the log.
///
/// # Errors
/// [`OpenViewsError`]
pub fn open_views(
    dir: &Path,
    log: &Arc<LogStore>,
    progress: &mut dyn FnMut(Progress),
) -> Result<OpenedViews, OpenViewsError> {
    let at = log.committed();
    let failed = |source| OpenViewsError::Db {
        dir: dir.to_owned(),
        source,
    };
    let kept = match ViewStore::open(dir).and_then(|store| Ok((store.mark()?, store))) {
        Ok((mark, store)) => keep(store, mark, log, &at)?,
        Err(error) if error.kind() == ErrorKind::Corruption => {
            tracing::warn!(%error, "the views are damaged and are folded anew from the log");
            None
        }
        Err(error) => return Err(failed(error)),
    };
    let (state, mark) = if let Some(kept) = kept {
        kept
    } else {
        ViewStore::destroy(dir).map_err(failed)?;
        let store = ViewStore::open(dir).map_err(failed)?;
        let view = SequencerView::new(Arc::new(SharedViews::new(store)));
        let nothing = Mark {
            size: 0,
            root: Committed::empty().root,
        };
        (State::load(view)?, nothing)
    };
    let views = Arc::clone(state.view().shared());
    let writer = ViewWriter::start(Arc::clone(&views), mark.size)?;
    let state = catch_up(state, mark.size, log, &at, progress)?;
    Ok(OpenedViews {
        state,
        views,
        writer,
    })
}

/// Drops the views in `dir` and folds the whole log anew. The daemon must not be running.
///
/// # Errors
/// [`OpenViewsError`]; calling it again starts over.
pub fn rebuild(
    dir: &Path,
    log: &Arc<LogStore>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), OpenViewsError> {
    ViewStore::destroy(dir).map_err(|source| OpenViewsError::Db {
        dir: dir.to_owned(),
        source,
    })?;
    Ok(open_views(dir, log, progress)?.writer.finish()?)
}

/// The state that the stored views hold, or none if they are not to be used.
fn keep(
    store: ViewStore,
    mark: Option<Mark>,
    log: &LogStore,
    at: &Committed,
) -> Result<Option<(State<SequencerView>, Mark)>, OpenViewsError> {
    let Some(mark) = mark else { return Ok(None) };
    if mark.size > at.size {
        tracing::warn!(
            mark = mark.size,
            log = at.size,
            "the views are ahead of the log and are folded anew"
        );
        return Ok(None);
    }
    if root(&log.tiles(at), mark.size).map_err(ReadError::from)? != mark.root {
        tracing::warn!(
            mark = mark.size,
            "the views are of another history and are folded anew"
        );
        return Ok(None);
    }
    match State::load(SequencerView::new(Arc::new(SharedViews::new(store)))) {
        Ok(state) if state.head().next == mark.size => Ok(Some((state, mark))),
        Ok(state) => {
            let head = state.head().next;
            tracing::warn!(
                mark = mark.size,
                head,
                "the views are not what their mark says and are folded anew"
            );
            Ok(None)
        }
        Err(error) => {
            tracing::warn!(%error, "the views are damaged and are folded anew from the log");
            Ok(None)
        }
    }
}

/// Folds the entries from `size` on, publishing as it goes so that memory stays bounded.
fn catch_up(
    state: State<SequencerView>,
    size: u64,
    log: &Arc<LogStore>,
    at: &Arc<Committed>,
    progress: &mut dyn FnMut(Progress),
) -> Result<State<SequencerView>, OpenViewsError> {
    let total = at.size;
    let tree = range(&log.tiles(at), size).map_err(ReadError::from)?;
    progress(Progress {
        folded: size,
        total,
    });
    let mut fold = Fold { state, tree };
    for stored in log.entries(size..total, Arc::clone(at)) {
        let stored = stored?;
        fold.push(&decode(stored.seq, &stored.bytes)?, stored.leaf)?;
        let folded = fold.tree.size();
        if fold.is_enough() || folded == total {
            fold.publish();
            progress(Progress { folded, total });
        }
    }
    Ok(fold.state)
}

/// A fold under way, into views with a writer thread behind them.
#[derive(Debug)]
pub(super) struct Fold {
    state: State<SequencerView>,
    /// Over the entries folded so far.
    tree: CompactRange,
}

impl Fold {
    /// Into empty views.
    pub(super) fn new(views: Arc<SharedViews>) -> Result<Self, OpenViewsError> {
        Ok(Self {
            state: State::load(SequencerView::new(views))?,
            tree: CompactRange::new(),
        })
    }

    /// Folds the next entry, with its leaf hash.
    pub(super) fn push(&mut self, entry: &Entry, leaf: Hash) -> Result<(), OpenViewsError> {
        self.state.apply(entry, None)?;
        self.tree.append(leaf);
        Ok(())
    }

    /// Whether so much was folded that it should be published.
    pub(super) fn is_enough(&self) -> bool {
        self.tree.size().is_multiple_of(ENTRIES_PER_PUBLISH)
            || self.state.view().planned_bytes() >= BYTES_PER_PUBLISH
    }

    /// Hands what was folded to the writer thread, and waits where that has too much already.
    pub(super) fn publish(&mut self) {
        let views = Arc::clone(self.state.view().shared());
        let changes = self.state.view_mut().take_planned();
        views.publish(changes, self.tree.size(), self.tree.root());
        views.wait_for_room();
    }
}

fn decode(seq: u64, bytes: &[u8]) -> Result<Entry, OpenViewsError> {
    Entry::decode(bytes).map_err(|source| OpenViewsError::Decode { seq, source })
}

/// A row on which the views and a fresh fold of the log disagree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value in the views.
    pub stored: Option<Vec<u8>>,
    /// Its value in the fold.
    pub folded: Option<Vec<u8>>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Vec<u8>>| {
            value.as_ref().map_or_else(
                || "nothing".to_owned(),
                |value| value.escape_ascii().to_string(),
            )
        };
        let Self {
            table,
            key,
            stored,
            folded,
        } = self;
        let (stored, folded) = (show(stored), show(folded));
        write!(
            f,
            "view `{}`, key `{}`: stored {stored}, folded {folded}",
            table.name(),
            key.escape_ascii()
        )
    }
}

/// Compares views that hold the whole log with a fresh fold of it in memory, and returns the first `most`
/// differences. Takes memory for the whole of the views.
///
/// # Errors
/// [`OpenViewsError`]
pub fn check<V: ReadView>(
    views: &V,
    log: &Arc<LogStore>,
    most: usize,
) -> Result<Vec<Difference>, OpenViewsError> {
    let at = log.committed();
    let mut state = State::load(MemoryView::default())?;
    for stored in log.entries(0..at.size, Arc::clone(&at)) {
        let stored = stored?;
        state.apply(&decode(stored.seq, &stored.bytes)?, None)?;
    }
    let mut differences = Vec::new();
    for table in Table::ALL {
        let mut folded = state.view().table(table).peekable();
        let mut differ = |key: &[u8], stored: Option<&[u8]>, folded: Option<&[u8]>| {
            if stored != folded && differences.len() < most {
                let (stored, folded) = (stored.map(<[u8]>::to_vec), folded.map(<[u8]>::to_vec));
                differences.push(Difference {
                    table,
                    key: key.to_vec(),
                    stored,
                    folded,
                });
            }
        };
        views.scan(table, b"", &mut |key, value| {
            while let Some((missing, value)) = folded.next_if(|(folded, _)| *folded < key) {
                differ(missing, None, Some(value));
            }
            let same = folded.next_if(|(folded, _)| *folded == key);
            differ(key, Some(value), same.map(|(_, value)| value));
            ControlFlow::Continue(())
        })?;
        for (missing, value) in folded {
            differ(missing, None, Some(value));
        }
    }
    Ok(differences)
}
