//! Sockets: where connections come from, and how many there may be.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::Connected;

/// Owner and group may connect. Whoever connects still needs a credential.
const SOCKET_MODE: u32 = 0o660;
/// The longest path that a Unix socket can have on Linux, without its closing zero.
pub const SOCKET_PATH_MAX: usize = 107;
/// How long no connection is accepted after the system refused one, for want of file descriptors for
/// instance.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// Why nothing can be served there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon serves there.
    #[error("somebody serves on `{}` already: stop them, or name another path with --socket", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// Something that is no socket is there.
    #[error("`{}` is there and is no socket: name another path with --socket", path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// The path is too long for a socket.
    #[error("`{}` has {bytes} bytes, and the path of a socket at most {SOCKET_PATH_MAX}: name a shorter one with --socket", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its bytes.
        bytes: usize,
    },
    /// The system refused.
    #[error("cannot serve on `{at}`: {source}")]
    Io {
        /// The path or address.
        at: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A Unix socket that goes away with its listener.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // One that stays is no harm: the next start finds that nobody answers there.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listens on a Unix socket. What a daemon that died has left there is replaced; a socket on which
/// somebody answers is not.
///
/// # Errors
/// [`ListenError`]
pub async fn unix(path: &Path) -> Result<(UnixListener, SocketFile), ListenError> {
    let io = |source| ListenError::Io {
        at: path.display().to_string(),
        source,
    };
    let bytes = path.as_os_str().len();
    if bytes > SOCKET_PATH_MAX {
        return Err(ListenError::PathTooLong {
            path: path.to_owned(),
            bytes,
        });
    }
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ListenError::NoSocket {
                path: path.to_owned(),
            });
        }
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_) => {
                return Err(ListenError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(io)?;
            }
            Err(error) => return Err(io(error)),
        },
    }
    let listener = UnixListener::bind(path).map_err(io)?;
    let file = SocketFile {
        path: path.to_owned(),
    };
    std::fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE)).map_err(io)?;
    Ok((listener, file))
}

/// Listens on a TCP address.
///
/// # Errors
/// [`ListenError::Io`]
pub async fn tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| ListenError::Io {
        at: address.to_string(),
        source,
    })?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "serving beyond loopback without TLS: credentials and people's data can be read on the way"
        );
    }
    Ok(listener)
}

/// The connections of a listener that find a place. One that finds none is closed at once, and said so
/// in the log, which names the `option` that sets how many there are: a place that is waited for would be a hang.
pub fn admitted<S, IO>(
    incoming: S,
    places: Arc<Semaphore>,
    option: &'static str,
) -> impl Stream<Item = Result<Placed<IO>, std::io::Error>>
where
    S: Stream<Item = Result<IO, std::io::Error>>,
{
    let connections = incoming.then(move |connection| {
        let places = Arc::clone(&places);
        async move {
            match connection {
                Ok(io) => match places.try_acquire_owned() {
                    Ok(place) => return Some(Ok(Placed { io, _place: place })),
                    Err(_) => {
                        tracing::warn!("a connection was closed: all of {option} are open");
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
            }
            None
        }
    });
    connections.filter_map(|connection| connection)
}

/// A connection with its place, which it gives back when it closes.
#[derive(Debug)]
pub struct Placed<IO> {
    io: IO,
    _place: OwnedSemaphorePermit,
}

impl<IO: Connected> Connected for Placed<IO> {
    type ConnectInfo = IO::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Placed<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Placed<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio_stream::wrappers::UnixListenerStream;

    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_or_a_file_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket that nobody serves"));
        let (listener, file) = unix(&path).await.expect("a stale socket is replaced");
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, SOCKET_MODE);
        assert!(matches!(unix(&path).await, Err(ListenError::InUse { .. })));
        drop((listener, file));
        assert!(!path.exists(), "the socket goes with its daemon");
        std::fs::write(&path, "precious").expect("a file");
        assert!(matches!(
            unix(&path).await,
            Err(ListenError::NoSocket { .. })
        ));
        assert_eq!(std::fs::read(&path).expect("there"), b"precious");
    }

    #[tokio::test]
    async fn a_path_that_no_socket_can_have_is_said_to_be_too_long() {
        let path = Path::new("/tmp").join("x".repeat(SOCKET_PATH_MAX));
        assert!(matches!(
            unix(&path).await,
            Err(ListenError::PathTooLong { bytes: 112, .. })
        ));
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_is_closed_and_a_place_comes_free() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("s");
        let (listener, _file) = unix(&path).await.expect("served");
        let mut admitted = Box::pin(admitted(
            UnixListenerStream::new(listener),
            Arc::new(Semaphore::new(1)),
            "--connections",
        ));
        let _one = UnixStream::connect(&path).await.expect("connects");
        let first = admitted.next().await.expect("more").expect("admitted");
        let two = UnixStream::connect(&path).await.expect("connects");
        let waiting = tokio::time::timeout(Duration::from_millis(200), admitted.next()).await;
        assert!(waiting.is_err(), "the second found no place");
        let mut byte = [0];
        two.readable().await.expect("readable");
        assert_eq!(two.try_read(&mut byte).expect("closed"), 0);
        drop(first);
        let _three = UnixStream::connect(&path).await.expect("connects");
        admitted
            .next()
            .await
            .expect("more")
            .expect("the place came free");
    }
}
