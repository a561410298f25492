//! Connections: how many, how long, and what hyper does with them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;

use super::Router;
use super::patient::Patient;
use crate::listen;

/// How long the headers of a request may take to come in, the first as well as the next on a connection
/// that is kept. A connection on which nothing comes for so long is closed.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of a request's first line and headers; 431 beyond.
const HEADERS_BYTES_MAX: usize = 16 << 10;
/// The most headers of a request; 431 beyond.
const HEADERS_MAX: usize = 64;

/// Serves until `finishing` is raised, then until the requests under way are answered. At most
/// as many connections as there are `places` are open at a time; one beyond is closed at once.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    places: Arc<Semaphore>,
    mut finishing: watch::Receiver<bool>,
) {
    let incoming = listen::admitted(
        TcpListenerStream::new(listener),
        places,
        "--http-connections",
    );
    let mut incoming = std::pin::pin!(incoming);
    let router = Arc::new(router);
    let mut open = JoinSet::new();
    loop {
        let connection = tokio::select! {
            connection = incoming.next() => connection,
            Some(_) = open.join_next() => continue,
            () = raised(&mut finishing) => break,
        };
        match connection {
            Some(Ok(io)) => {
                open.spawn(connected(io, Arc::clone(&router), finishing.clone()));
            }
            Some(Err(error)) => tracing::debug!(%error, "a connection was not accepted"),
            None => break,
        }
    }
    while open.join_next().await.is_some() {}
}

async fn connected<IO>(io: IO, router: Arc<Router>, mut finishing: watch::Receiver<bool>)
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let router = Arc::clone(&router);
        async move { Ok::<_, Infallible>(router.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADERS_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .keep_alive(true)
        .serve_connection(TokioIo::new(Patient::new(io)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = raised(&mut finishing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Cut off, too slow, or no HTTP: the other side's affair, and an everyday one.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Ends when the flag is raised, or can no longer be.
async fn raised(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|raised| *raised).await;
}
