use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ledger_core::view::{Table, ViewError};

use super::SharedViews;
use super::shared::Work;

/// Entries folded between two flushes to stable storage: what a crash leaves to be folded again at open,
/// beside what the overlay held. At the pace of a fold that is seconds.
const ENTRIES_PER_FLUSH: u64 = 100_000;

/// The thread that writes the views behind the replies.
#[derive(Debug)]
pub struct ViewWriter {
    shared: Arc<SharedViews>,
    thread: Option<JoinHandle<Result<(), ViewError>>>,
}

impl ViewWriter {
    /// Starts it. `flushed` is the size of the log whose views are on stable storage.
    pub(super) fn start(shared: Arc<SharedViews>, flushed: u64) -> io::Result<Self> {
        let views = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("views".to_owned())
            .spawn(move || run(&views, flushed))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Writes what waits, puts everything on stable storage and ends the thread.
    ///
    /// # Errors
    /// [`ViewError`] where the views have failed. The log is whole all the same, and the next start folds
    /// what is missing.
    pub fn finish(mut self) -> Result<(), ViewError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), ViewError> {
        self.shared.stop();
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(failed(
                "the thread that writes the views has panicked".to_owned(),
            )),
        }
    }
}

impl Drop for ViewWriter {
    fn drop(&mut self) {
        if let Err(error) = self.join() {
            tracing::warn!(%error, "the views are not written; the next start folds what is missing");
        }
    }
}

fn run(views: &SharedViews, mut flushed: u64) -> Result<(), ViewError> {
    let mut written = flushed;
    let outcome = loop {
        match views.take_work() {
            Work::Write(layer, mark) => {
                let mut outcome = views.stored().write(&layer, mark);
                written = mark.size;
                if outcome.is_ok() && written - flushed >= ENTRIES_PER_FLUSH {
                    outcome = views.stored().flush();
                    flushed = written;
                }
                if outcome.is_err() {
                    break outcome;
                }
                views.written();
            }
            Work::Stop if written == flushed => break Ok(()),
            Work::Stop => break views.stored().flush(),
        }
    };
    outcome.map_err(|error| views.fail(failed(error.to_string())))
}

/// A write concerns all tables; the error names the one that stands for them.
const fn failed(why: String) -> ViewError {
    ViewError {
        table: Table::Fact,
        why,
    }
}
