use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{HeadError, HeadFile};

/// The file is written and synced this often at most: a crash leaves it about so far behind.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// The thread that keeps the head file up to date, off the path of replies.
#[derive(Debug)]
pub struct HeadWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), HeadError>>>,
}

#[derive(Debug, Default)]
struct Shared {
    latest: Mutex<Latest>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Latest {
    /// The newest checkpoint that is not in the file yet; an older one that waited is gone.
    checkpoint: Option<Arc<[u8]>>,
    /// Since when one has waited.
    since: Option<Instant>,
    /// Since when the one that is being written has waited.
    writing: Option<Instant>,
    /// Writes that failed.
    failures: u64,
    stopping: bool,
}

impl HeadWriter {
    /// Starts the thread, which owns the file from now on.
    ///
    /// # Errors
    /// The operating system's, where it has no thread left.
    pub fn start(file: HeadFile) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("head".to_owned())
            .spawn(move || theirs.run(file))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Hands over the checkpoint of a batch that is committed. Never waits for the file.
    pub fn update(&self, checkpoint: Arc<[u8]>) {
        {
            let mut latest = self.shared.lock();
            latest.checkpoint = Some(checkpoint);
            latest.since.get_or_insert_with(Instant::now);
        }
        self.shared.changed.notify_one();
    }

    /// Tells how far the file is behind, for as long as anybody asks.
    pub fn lag(&self) -> HeadLag {
        HeadLag(Arc::clone(&self.shared))
    }

    /// Writes what waits, syncs it and ends the thread.
    ///
    /// # Errors
    /// [`HeadError`] where the last checkpoint could not be written. The store is then ahead of the file,
    /// which is harmless, but a restored backup of the time in between would not be noticed.
    pub fn finish(mut self) -> Result<(), HeadError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), HeadError> {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_one();
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

/// How far the head file is behind the log.
#[derive(Debug, Clone)]
pub struct HeadLag(Arc<Shared>);

impl HeadLag {
    /// The age of the oldest checkpoint that the file should have and lacks; zero where it lacks none.
    pub fn age(&self) -> Duration {
        let latest = self.0.lock();
        let since = latest.writing.or(latest.since);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Writes that failed since the start.
    pub fn failures(&self) -> u64 {
        self.0.lock().failures
    }
}

impl Drop for HeadWriter {
    fn drop(&mut self) {
        if let Err(error) = self.join() {
            tracing::error!(%error, "the head file is not up to date");
        }
    }
}

impl Shared {
    fn run(&self, mut file: HeadFile) -> Result<(), HeadError> {
        loop {
            let (checkpoint, stopping) = self.wait();
            let Some(checkpoint) = checkpoint else {
                return Ok(());
            };
            let began = Instant::now();
            let written = file.write(&checkpoint);
            self.noted(written.is_ok());
            if let Err(error) = written {
                if stopping {
                    return Err(error);
                }
                // It is the second line of defence: commits go on, and the next second tries again.
                tracing::error!(%error, "the head file cannot be written");
                self.lock().checkpoint.get_or_insert(checkpoint);
            }
            self.rest(WRITE_EVERY.saturating_sub(began.elapsed()));
        }
    }

    /// Waits for a checkpoint. None means that none will come.
    fn wait(&self) -> (Option<Arc<[u8]>>, bool) {
        let mut latest = self.lock();
        while latest.checkpoint.is_none() && !latest.stopping {
            latest = self
                .changed
                .wait(latest)
                .unwrap_or_else(PoisonError::into_inner);
        }
        latest.writing = latest.since.take();
        (latest.checkpoint.take(), latest.stopping)
    }

    fn noted(&self, written: bool) {
        let mut latest = self.lock();
        let began = latest.writing.take();
        if !written {
            latest.since = began;
            latest.failures += 1;
        }
    }

    /// Lets checkpoints gather, unless the thread is to end.
    fn rest(&self, mut left: Duration) {
        let end = Instant::now() + left;
        let mut latest = self.lock();
        while !latest.stopping && !left.is_zero() {
            latest = match self.changed.wait_timeout(latest, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
            left = end.saturating_duration_since(Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
