//! `ledgerd run`: build, spawn, wait for a signal, drain with a deadline.
//!
//! Order at start: the store (its lock, its newest checkpoint, its right edge), the head file, the keys
//! and rules against genesis, the views, then the threads, and the sockets last: nobody is let in before
//! everything stands. Then the service manager is told, where there is one. Order at the end: no new
//! connections, calls under way up to the deadline, the queue closed, the shutdown entry, head file and
//! views flushed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use ledger_core::entry::Boot;
use ledger_proto::batch;
use ledger_proto::v1::control_server::ControlServer;
use ledger_proto::v1::gate_server::GateServer;
use ledger_proto::v1::proofs_server::ProofsServer;
use ledger_proto::v1::query_server::QueryServer;
use ledger_proto::v1::recorder_server::RecorderServer;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::server::NamedService;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

use crate::auth::Authenticate;
use crate::clock::{Clock, SystemClock};
use crate::committer::Committer;
use crate::config::Run;
use crate::head::{self, HeadWriter};
use crate::http::events::SENDGRID_PATH;
use crate::http::routes::{Opened, routes};
use crate::http::{self, Bounds, Site};
use crate::intake::Intake;
use crate::keys::Keys;
use crate::listen::{self, ListenError};
use crate::metrics::calls::Calls;
use crate::metrics::now::{Now, registry};
use crate::metrics::{self, Metrics};
use crate::notify::Notifier;
use crate::open::{Layout, OpenedLog, StartError, check_genesis, genesis, open_log};
use crate::queue::Queue;
use crate::sequencer::{Batch, RecentStops, Sequencer, Start};
use crate::service::{
    ControlService, GateService, Ledger, ProofsService, QueryService, RecorderService,
};
use crate::snapshot::{Latest, Snapshot};
use crate::store::LogStore;
use crate::views::{OpenedViews, Progress, SharedViews, ViewWriter, open_views};

/// The largest message that is read. The largest request that intake admits (1 MiB of details, and
/// names and identifiers beside it) fits.
const MESSAGE_BYTES_MAX: usize = 2 << 20;
/// Of the services that take batches: one that is too large is refused by name, not by the transport.
const BATCH_MESSAGE_BYTES_MAX: usize = 2 * batch::BYTES_MAX;
/// How much of one call waits unread at most, in bytes, and of all calls of one connection. A call that is
/// not read, such as a stream whose client takes no answers, must not hold up the others of its connection.
/// And the HTTP/2 library ends a connection on which small frames wait whose overhead, 256 bytes each less
/// what they carry, is more than half of the second number: sixteen streams full of messages of 60 bytes
/// stay below it.
const CALL_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// The largest header block of a request, in bytes.
const HEADERS_BYTES_MAX: u32 = 16 << 10;
/// How often an idle connection is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Threads for reads of the store. More would only wait for the same disk.
const READERS_MAX: usize = 16;
/// How long callers who wait are given to learn of a failure before the process ends.
const FAILURE_GRACE: Duration = Duration::from_secs(1);
/// Planned batches between sequencer and committer: one is handed over while the next is planned.
const BATCHES_BETWEEN: usize = 0;

/// Why the daemon does not serve, or serves no more.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nothing can be served where it was asked for.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gave no thread, no runtime or no signal handler.
    #[error("the system refused {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Server(#[from] tonic::transport::Error),
    /// Writes had to stop while serving.
    #[error(
        "writes have stopped: {0}. Start the daemon again: opening the store finds out what is written"
    )]
    Stopped(String),
}

impl RunError {
    /// Whether it happened while serving, so that the outcome of something may be unknown.
    pub const fn is_stop(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }
}

/// Serves a ledger until SIGTERM or SIGINT.
///
/// # Errors
/// [`RunError`]
pub fn run(options: &Run) -> Result<(), RunError> {
    let notifier = Notifier::from_environment();
    let house = House::open(options, &notifier)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .build()
        .map_err(|source| RunError::System {
            what: "a runtime",
            source,
        })?;
    runtime.block_on(house.serve(options, &notifier))
}

/// An opened ledger, before its threads start.
struct House {
    store: Arc<LogStore>,
    views: Arc<SharedViews>,
    view_writer: ViewWriter,
    head: HeadWriter,
    latest: Latest,
    intake: Intake,
    vkey: String,
    start: Start<SystemClock>,
}

impl House {
    fn open(options: &Run, notifier: &Notifier) -> Result<Self, RunError> {
        let layout = Layout::of(&options.data);
        let head_path = options.head_path();
        head::check_outside(&head_path, &options.data).map_err(StartError::from)?;
        let OpenedLog { opened, vkey } = open_log(&layout)?;
        let head = head::open(&head_path, &opened.store, &vkey, options.accept_head)
            .map_err(StartError::from)?;
        let keys = Keys::load(&layout.keys(), vkey.name()).map_err(StartError::from)?;
        let genesis = genesis(&opened.store)?;
        check_genesis(&genesis, &keys)?;

        let store = Arc::new(opened.store);
        let mut said = 0;
        let mut progress = |progress: Progress| {
            notifier.folding(progress);
            say(progress, &mut said);
        };
        let OpenedViews {
            state,
            views,
            writer,
        } = open_views(&layout.views(), &store, &mut progress).map_err(StartError::from)?;
        let head = HeadWriter::start(head).map_err(|source| RunError::System {
            what: "a thread",
            source,
        })?;
        let clock = SystemClock::new();
        let now = clock.wall().max(state.head().time);
        let latest = Latest::new(Snapshot::first(&state, now));
        let Keys {
            signing,
            subject,
            content,
        } = keys;
        Ok(Self {
            store,
            views: Arc::clone(&views),
            view_writer: writer,
            head,
            latest,
            intake: Intake::new(subject, content, &genesis),
            vkey: vkey.to_string(),
            start: Start {
                state,
                views,
                tree: opened.tree,
                partial: opened.partial,
                key: signing,
                clock,
                software: concat!("ledgerd ", env!("CARGO_PKG_VERSION")).to_owned(),
                config: options.settings.digest(),
            },
        })
    }

    async fn serve(self, options: &Run, notifier: &Notifier) -> Result<(), RunError> {
        let mut asked = Asked::listen()?;
        let queue = Arc::new(Queue::new(options.quotas()));
        let (finish, finishing) = watch::channel(false);
        metrics::process::started();
        let metrics = Arc::new(Metrics::default());
        let environment = self.intake.environment();
        let ledger = Ledger::new(
            Arc::clone(&queue),
            self.latest.clone(),
            Arc::clone(&self.store),
            Arc::clone(&self.views),
            self.intake,
            self.vkey,
            finishing.clone(),
            Arc::clone(&metrics),
        );
        let socket = options.socket_path();
        // Bound before the first entry of this run is written: a start that cannot serve writes nothing.
        let (unix, socket_file) = listen::unix(&socket).await?;
        let tcp = match options.listen {
            Some(address) => Some(listen::tcp(address).await?),
            None => None,
        };
        let http = match options.http {
            Some(address) => Some(listen::tcp(address).await?),
            None => None,
        };
        // As the system has given it, where port 0 left that open.
        let tcp_address = tcp.as_ref().and_then(|tcp| tcp.local_addr().ok());
        let http_address = http.as_ref().and_then(|http| http.local_addr().ok());

        let stops = RecentStops::default();
        let (batches, received) = sync_channel(BATCHES_BETWEEN);
        let (sequencer, boot) =
            Sequencer::new(self.start, Arc::clone(&queue), stops.clone(), batches);
        let authenticate = Authenticate::new(self.latest.clone())
            .binding(options.sendgrid_principal.as_deref(), SENDGRID_PATH);
        let known = &self.latest.get().principals;
        if let Some(id) = &options.sendgrid_principal
            && !known.all.iter().any(|known| known.id == *id)
        {
            tracing::warn!(principal = %id, "`--sendgrid-principal` names nobody who is registered: no credential is bound yet");
        }
        let places = Arc::new(Semaphore::new(options.connections as usize));
        let http_places = Arc::new(Semaphore::new(options.http_connections as usize));
        let now = Now {
            store: Arc::clone(&self.store),
            views: Arc::clone(&self.views),
            queue: Arc::clone(&queue),
            latest: self.latest.clone(),
            head: self.head.lag(),
            metrics: Arc::clone(&metrics),
            data: options.data.clone(),
            places: vec![
                ("grpc", Arc::clone(&places), options.connections),
                ("http", Arc::clone(&http_places), options.http_connections),
            ],
            environment,
        };
        let site = Site {
            ledger: Arc::clone(&ledger),
            store: Arc::clone(&self.store),
            views: Arc::clone(&self.views),
            queue: Arc::clone(&queue),
            latest: self.latest.clone(),
            authenticate: authenticate.clone(),
            finishing: finishing.clone(),
            sendgrid: options.sendgrid_key.clone(),
            metrics: Arc::clone(&metrics),
            registry: registry(now),
            bounds: Bounds::default(),
        };
        let committer = Committer {
            log: Arc::clone(&self.store) as _,
            store: self.store,
            views: self.views,
            head: self.head,
            latest: self.latest.clone(),
            stops,
            queue: Arc::clone(&queue),
            metrics: Arc::clone(&metrics),
        };
        let (threads, mut failed) = Threads::start(sequencer, boot, committer, received)?;

        let (health, router) = services(&ledger, &authenticate, metrics, options);
        said_to_serve(&health, ServingStatus::Serving).await;
        let mut servers = tokio::task::JoinSet::new();
        let mut web = tokio::task::JoinSet::new();
        let (web_finish, web_finishing) = watch::channel(false);
        let incoming = listen::admitted(
            UnixListenerStream::new(unix),
            Arc::clone(&places),
            "--connections",
        );
        servers.spawn(
            router
                .clone()
                .serve_with_incoming_shutdown(incoming, raised(finishing.clone())),
        );
        if let Some(http) = http {
            let opened = Opened {
                tiles: options.http_open_tiles,
                metrics: options.http_open_metrics,
            };
            let router = http::Router::new(site, routes(opened));
            web.spawn(http::serve::serve(http, router, http_places, web_finishing));
        }
        if let Some(tcp) = tcp {
            let incoming = listen::admitted(TcpListenerStream::new(tcp), places, "--connections");
            servers.spawn(router.serve_with_incoming_shutdown(incoming, raised(finishing)));
        }
        tracing::info!(
            socket = %socket.display(),
            listen = ?tcp_address,
            http = ?http_address,
            config = %options.settings.digest(),
            details_kept_years = options.retention_years,
            "serving"
        );
        notifier.ready();

        let outcome = tokio::select! {
            name = asked.any() => {
                tracing::info!(signal = name, drain_s = options.drain_s, "stopping");
                Ok(())
            }
            why = &mut failed => Err(RunError::Stopped(why.unwrap_or_else(|_| "a thread has panicked".to_owned()))),
            Some(ended) = servers.join_next() => Err(match ended {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) | Err(_) => RunError::Stopped("a server ended by itself".to_owned()),
            }),
            Some(_) = web.join_next() => Err(RunError::Stopped("the HTTP server ended by itself".to_owned())),
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, "stopping");
        }
        notifier.stopping();
        said_to_serve(&health, ServingStatus::NotServing).await;
        finish.send_replace(true);
        let deadline = if outcome.is_ok() {
            Duration::from_secs(options.drain_s)
        } else {
            FAILURE_GRACE
        };
        // HTTP goes last, to say until then that the daemon is stopping.
        let drained = async {
            while servers.join_next().await.is_some() {}
            web_finish.send_replace(true);
            while web.join_next().await.is_some() {}
        };
        if tokio::time::timeout(deadline, drained).await.is_err() {
            tracing::warn!(
                "calls under way at the deadline are cut off; what they asked for is written all the same"
            );
            servers.abort_all();
            web.abort_all();
        }
        queue.close();
        let threads = tokio::task::spawn_blocking(move || threads.join()).await;
        let stopped = threads.unwrap_or_else(|error| Err(RunError::Stopped(error.to_string())));
        drop(socket_file);
        if let Err(error) = self.view_writer.finish() {
            // The log is whole all the same, and the next start folds what is missing.
            tracing::warn!(%error, "the views are not flushed");
        }
        outcome?;
        stopped?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The two threads that write.
struct Threads {
    sequencer: JoinHandle<Result<(), String>>,
    committer: JoinHandle<Result<(), String>>,
}

impl Threads {
    /// Starts them. What is returned beside them brings the first failure, or ends where a thread
    /// panics.
    fn start(
        sequencer: Sequencer<SystemClock>,
        boot: Boot,
        committer: Committer,
        batches: Receiver<Batch>,
    ) -> Result<(Self, oneshot::Receiver<String>), RunError> {
        let (tell, failed) = oneshot::channel();
        let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
        let committer = supervised("committer", Arc::clone(&tell), move || {
            committer.run(&batches).map_err(|error| error.to_string())
        })?;
        let sequencer = supervised("sequencer", tell, move || {
            sequencer.run(boot).map_err(|error| error.to_string())
        })?;
        Ok((
            Self {
                sequencer,
                committer,
            },
            failed,
        ))
    }

    /// Waits until both have ended, the sequencer with its last entry first.
    fn join(self) -> Result<(), RunError> {
        let mut outcome = Ok(());
        // The committer knows better why: where it fails, the sequencer only finds it gone.
        for (name, thread) in [("sequencer", self.sequencer), ("committer", self.committer)] {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(why)) => outcome = Err(RunError::Stopped(why)),
                Err(_) => outcome = Err(RunError::Stopped(format!("the {name} has panicked"))),
            }
        }
        outcome
    }
}

type Tell = Arc<std::sync::Mutex<Option<oneshot::Sender<String>>>>;

fn supervised<F>(
    name: &'static str,
    tell: Tell,
    work: F,
) -> Result<JoinHandle<Result<(), String>>, RunError>
where
    F: FnOnce() -> Result<(), String> + Send + 'static,
{
    let watched = move || {
        let mut alarm = Alarm {
            why: Some(format!("the {name} has panicked")),
            tell,
        };
        let outcome = work();
        alarm.why = outcome.as_ref().err().cloned();
        outcome
    };
    Builder::new()
        .name(name.to_owned())
        .spawn(watched)
        .map_err(|source| RunError::System {
            what: "a thread",
            source,
        })
}

/// Tells why a thread failed when it ends, a panic included. Only the first of the two threads is heard:
/// the other fails because of it.
struct Alarm {
    why: Option<String>,
    tell: Tell,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut tell = self
            .tell
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(why) = self.why.take()
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(why);
        }
    }
}

/// The services, and what says whether they serve.
///
/// The standard health service and server reflection (v1) need no credential: health says only whether
/// the daemon serves, and what reflection says stands in the published `.proto` files. Everything else
/// is behind [`Authenticate`].
fn services(
    ledger: &Arc<Ledger>,
    authenticate: &Authenticate,
    metrics: Arc<Metrics>,
    options: &Run,
) -> (HealthReporter, Router<Stack<Calls, Identity>>) {
    let (health, health_service) = tonic_health::server::health_reporter();
    let calls = Calls::new(
        metrics,
        &[
            ledger_proto::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ],
    );
    let mut server = Server::builder()
        .layer(calls)
        .max_concurrent_streams(options.streams)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(CALL_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    macro_rules! behind {
        ($server:ident, $service:ident) => {
            behind!($server, $service, MESSAGE_BYTES_MAX)
        };
        ($server:ident, $service:ident, $bytes_max:ident) => {
            InterceptedService::new(
                $server::new($service(Arc::clone(ledger))).max_decoding_message_size($bytes_max),
                authenticate.clone(),
            )
        };
    }
    let router = server
        .add_service(health_service)
        .add_service(behind!(GateServer, GateService, BATCH_MESSAGE_BYTES_MAX))
        .add_service(behind!(
            RecorderServer,
            RecorderService,
            BATCH_MESSAGE_BYTES_MAX
        ))
        .add_service(behind!(ProofsServer, ProofsService))
        .add_service(behind!(QueryServer, QueryService))
        .add_service(behind!(ControlServer, ControlService));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(ledger_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1();
    match reflection {
        Ok(reflection) => (health, router.add_service(reflection)),
        Err(error) => {
            tracing::error!(%error, "server reflection is off: the descriptors built into this binary are not valid");
            (health, router)
        }
    }
}

/// What the health service says, of the daemon as a whole and of each service by name.
async fn said_to_serve(health: &HealthReporter, status: ServingStatus) {
    for name in [
        "",
        GateServer::<GateService>::NAME,
        RecorderServer::<RecorderService>::NAME,
        ProofsServer::<ProofsService>::NAME,
        QueryServer::<QueryService>::NAME,
        ControlServer::<ControlService>::NAME,
    ] {
        health.set_service_status(name, status).await;
    }
}

/// The signals that ask the daemon to stop.
struct Asked {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Asked {
    fn listen() -> Result<Self, RunError> {
        let handler = |kind| {
            signal(kind).map_err(|source| RunError::System {
                what: "a signal handler",
                source,
            })
        };
        Ok(Self {
            terminate: handler(SignalKind::terminate())?,
            interrupt: handler(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Ends when the flag is raised, or can no longer be.
async fn raised(mut flag: watch::Receiver<bool>) {
    let _ = flag.wait_for(|raised| *raised).await;
}

/// Says how far a long fold has come: at its start and at each tenth.
fn say(progress: Progress, said: &mut u64) {
    let Progress { folded, total } = progress;
    let tenth = (folded * 10).checked_div(total).unwrap_or(10);
    if total > 0 && folded < total && tenth >= *said {
        *said = tenth + 1;
        tracing::info!(folded, total, "folding the log into the views");
    }
}
