//! A connection that a slow reader cannot hold for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// While something waits to be sent, the reader must take [`BYTES_MIN`] in each of these.
const WINDOW: Duration = Duration::from_secs(20);
/// So much, that is, or all that there is: about 3 KiB a second.
const BYTES_MIN: usize = 64 << 10;

/// Ends with [`io::ErrorKind::TimedOut`] where the other side takes too little of what is to be sent.
#[derive(Debug)]
pub(super) struct Patient<IO> {
    io: IO,
    /// Runs while a write waits.
    window: Option<Pin<Box<Sleep>>>,
    /// Taken in this window.
    taken: usize,
    length: Duration,
}

impl<IO> Patient<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self::within(io, WINDOW)
    }

    fn within(io: IO, length: Duration) -> Self {
        Self {
            io,
            window: None,
            taken: 0,
            length,
        }
    }

    /// Notes how a write went, and ends the connection where its reader is too slow.
    fn judged(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Poll::Pending = wrote else {
            if let Poll::Ready(Ok(bytes)) = wrote {
                self.taken += bytes;
            }
            return wrote;
        };
        loop {
            let length = self.length;
            let window = self.window.get_or_insert_with(|| Box::pin(sleep(length)));
            ready!(window.as_mut().poll(cx));
            if self.taken < BYTES_MIN {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the reader takes too little",
                )));
            }
            self.taken = 0;
            window.as_mut().reset(Instant::now() + length);
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Patient<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Patient<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.judged(cx, wrote)
    }

    /// Hyper flushes what it has written to the end: nothing waits any more.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.window = None;
        self.taken = 0;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.judged(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const LENGTH: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn a_reader_who_takes_nothing_or_too_little_is_given_up() {
        for takes in [0, 100] {
            let (ours, mut theirs) = duplex(1024);
            let mut ours = Patient::within(ours, LENGTH);
            let reader = tokio::spawn(async move {
                let mut bytes = vec![0; takes];
                theirs.read_exact(&mut bytes).await.expect("some");
                std::future::pending::<()>().await;
            });
            let began = Instant::now();
            let error = ours
                .write_all(&vec![1; 100_000])
                .await
                .expect_err("too slow");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(began.elapsed() >= LENGTH);
            reader.abort();
        }
    }

    /// Whether a reader who takes enough in half a window at a time gets all of it.
    async fn keeps_up() -> bool {
        let (ours, mut theirs) = duplex(BYTES_MIN);
        let mut ours = Patient::within(ours, LENGTH);
        let pieces = 6;
        let reader = tokio::spawn(async move {
            let mut bytes = vec![0; BYTES_MIN * 2];
            for _ in 0..pieces {
                tokio::time::sleep(LENGTH / 2).await;
                theirs.read_exact(&mut bytes).await?;
            }
            Ok::<_, io::Error>(())
        });
        let began = Instant::now();
        let sent = ours.write_all(&vec![1; BYTES_MIN * 2 * pieces]).await;
        let flushed = ours.flush().await;
        assert!(began.elapsed() > LENGTH || sent.is_err(), "several windows");
        drop(ours);
        let taken = reader.await.expect("no panic");
        sent.is_ok() && flushed.is_ok() && taken.is_ok()
    }

    /// On a busy machine the reader is too slow now and then; what is given up too soon is so each time.
    #[tokio::test]
    async fn a_reader_who_takes_enough_in_each_window_gets_all_of_it() {
        for _ in 0..20 {
            if keeps_up().await {
                return;
            }
        }
        panic!("twenty readers were given up");
    }

    #[tokio::test]
    async fn a_connection_that_waits_for_nothing_has_all_the_time() {
        let (ours, mut theirs) = duplex(1024);
        let mut ours = Patient::within(ours, LENGTH);
        let mut bytes = [0; 600];
        for _ in 0..3 {
            ours.write_all(&[1; 600]).await.expect("room");
            ours.flush().await.expect("flushed");
            tokio::time::sleep(LENGTH * 2).await;
            theirs.read_exact(&mut bytes).await.expect("there");
        }
    }
}
