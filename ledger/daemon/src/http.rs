//! What is served over HTTP: the log as tiles, how the daemon is, and its metrics.
//!
//! Opt-in (`--http`), HTTP/1.1, without TLS. Everything that is served stands in one table,
//! [`routes`](routes::routes): a method and a path, who may, and a handler. What all routes have in
//! common is done here, once and in this order, before a handler sees a request:
//!
//! 1. the path is looked up exactly as it was sent (404, 405 with `Allow`),
//! 2. the credential is checked by the same rules as over gRPC ([`crate::auth`]), and the caller's role
//!    by the same table ([`ledger_core::role`]) (401 with `WWW-Authenticate`, 403),
//! 3. the body of a `POST` is read, up to the route's own limit and within [`BODY_WITHIN`] (413, 408);
//!    a principal has no more bodies under way than over gRPC (429).
//!
//! Handlers give a [`Reply`] or an [`HttpError`], which is one line of text that says what was expected.
//! A handler that writes hands a command to `Ledger::submit` as a gRPC service does; any [`CallError`]
//! is an [`HttpError`] by one table.
//!
//! To add a route, add a row to [`routes`](routes::routes) and its function:
//!
//! ```ignore
//! Route {
//!     name: "events_ses",
//!     path: Path::Is("/v1/events/ses"),
//!     verb: Verb::Post { body_bytes_max: 1 << 20 },
//!     door: Door::Credential(Call::Record, Schemes::BearerOrBasic),
//!     answer: |site, asked| Box::pin(events::ses(site, asked)),
//! }
//! ```
//!
//! Limits: [`serve`] has those of connections. A response is held in memory whole, and all that wait to
//! be sent together have a bound (`tiles`), so that slow readers cost others nothing.
//!
//! [`CallError`]: crate::status::CallError

pub mod error;
pub mod events;
pub mod health;
mod metrics;
mod patient;
pub mod reply;
pub mod route;
pub mod routes;
pub mod serve;
mod tiles;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use crate::auth::{Authenticate, Caller};
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::service::Ledger;
use crate::snapshot::Latest;
use crate::store::LogStore;
use crate::submission::Submission;
use crate::views::SharedViews;

pub use error::HttpError;
pub use events::SendgridKey;
pub use reply::Reply;
pub use route::{Answering, Asked, Door, Path, Route, Verb};

/// How long the body of a request may take to come in, whatever its length.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Reads of the store under way for HTTP. The threads for reads are shared with gRPC, which keeps the rest.
const READS_MAX: usize = 4;

/// What handlers work on. Shared by all requests.
pub struct Site {
    /// The services behind gRPC: what a handler that writes submits to.
    pub ledger: Arc<Ledger>,
    /// The log.
    pub store: Arc<LogStore>,
    /// The views.
    pub views: Arc<SharedViews>,
    /// What waits to be written.
    pub queue: Arc<Queue<Submission>>,
    /// The committed state.
    pub latest: Latest,
    /// Who is calling.
    pub authenticate: Authenticate,
    /// Raised where the daemon is stopping.
    pub finishing: watch::Receiver<bool>,
    /// What SendGrid's deliveries must be signed with; none where they need not be.
    pub sendgrid: Option<SendgridKey>,
    metrics: Arc<Metrics>,
    registry: Registry,
    routes: Vec<Route>,
    reads: Semaphore,
    sending: Arc<Semaphore>,
}

impl Site {
    /// Serves `routes`.
    pub fn new(parts: Parts, routes: Vec<Route>) -> Arc<Self> {
        let Parts {
            ledger,
            store,
            views,
            queue,
            latest,
            authenticate,
            finishing,
            sendgrid,
            metrics,
            registry,
        } = parts;
        Arc::new(Self {
            ledger,
            store,
            views,
            queue,
            latest,
            authenticate,
            finishing,
            sendgrid,
            metrics,
            registry,
            routes,
            reads: Semaphore::new(READS_MAX),
            sending: Arc::new(Semaphore::new(tiles::SENDING_BYTES_MAX)),
        })
    }

    /// Answers one request.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let head = request.method() == Method::HEAD;
        let unchanged = request.headers().get(IF_NONE_MATCH).cloned();
        let (name, answered) = self.routed(request).await;
        let reply = match answered {
            Ok(reply) => reply.unless_known(unchanged.as_ref()),
            Err(error) => error.into(),
        };
        self.metrics.http_answered(name, reply.status.as_u16());
        reply.into_response(head)
    }

    /// The answer, and the name of the route that gave it.
    async fn routed(
        self: &Arc<Self>,
        request: Request<Incoming>,
    ) -> (&'static str, Result<Reply, HttpError>) {
        let path = request.uri().path();
        let mut at_path = self.routes.iter().filter(|route| route.path.covers(path));
        let Some(first) = at_path.next() else {
            return ("none", Err(self.nothing_at(path)));
        };
        let route = std::iter::once(first)
            .chain(at_path)
            .find(|route| route.verb.takes(request.method()));
        match route {
            Some(route) => (route.name, self.through(route, request).await),
            None => (first.name, Err(self.wrong_method(request.method(), path))),
        }
    }

    /// Checks credential and body, and asks the handler.
    async fn through(
        self: &Arc<Self>,
        route: &Route,
        request: Request<Incoming>,
    ) -> Result<Reply, HttpError> {
        let (parts, body) = request.into_parts();
        let caller = self.admitted(route, &parts.headers)?;
        // Held until it is answered: what a body becomes takes room as well.
        let mut _place = None;
        let body = match route.verb {
            Verb::Read => Bytes::new(),
            Verb::Post { body_bytes_max } => {
                let place = caller
                    .as_ref()
                    .map(|caller| self.authenticate.place(caller));
                _place = place.transpose()?;
                whole(body, body_bytes_max).await?
            }
        };
        let asked = Asked {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            caller,
            body,
        };
        (route.answer)(Arc::clone(self), asked).await
    }

    /// Who is calling, where the route wants to know.
    fn admitted(&self, route: &Route, headers: &HeaderMap) -> Result<Option<Caller>, HttpError> {
        let Door::Credential(call, schemes) = route.door else {
            return Ok(None);
        };
        let values = headers.get_all(AUTHORIZATION);
        let values = values.iter().map(HeaderValue::as_bytes);
        let caller = self.authenticate.caller(values, schemes);
        let caller = caller.map_err(|error| HttpError::unauthorized(error, schemes))?;
        self.authenticate
            .opens(&caller, Some(route.path.as_str()))?;
        caller.may(call)?;
        Ok(Some(caller))
    }

    fn nothing_at(&self, path: &str) -> HttpError {
        let mut served: Vec<_> = self
            .routes
            .iter()
            .map(|route| route.path.as_str())
            .collect();
        served.dedup();
        HttpError::new(
            StatusCode::NOT_FOUND,
            format!(
                "nothing is served at `{}`: expected one of {}",
                error::shown(path),
                served.join(", ")
            ),
        )
    }

    fn wrong_method(&self, method: &Method, path: &str) -> HttpError {
        let at_path = self.routes.iter().filter(|route| route.path.covers(path));
        let allowed: Vec<_> = at_path.map(|route| route.verb.as_str()).collect();
        let allowed = allowed.join(", ");
        let error = HttpError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!(
                "method `{}` at `{}`: expected {allowed}",
                error::shown(method.as_str()),
                error::shown(path)
            ),
        );
        match HeaderValue::from_str(&allowed) {
            Ok(value) => error.with(ALLOW, value),
            Err(_) => error,
        }
    }
}

/// What a [`Site`] is made of.
pub struct Parts {
    /// The services behind gRPC.
    pub ledger: Arc<Ledger>,
    /// The log.
    pub store: Arc<LogStore>,
    /// The views.
    pub views: Arc<SharedViews>,
    /// What waits to be written.
    pub queue: Arc<Queue<Submission>>,
    /// The committed state.
    pub latest: Latest,
    /// Who is calling.
    pub authenticate: Authenticate,
    /// Raised where the daemon is stopping.
    pub finishing: watch::Receiver<bool>,
    /// What SendGrid's deliveries must be signed with; none where they need not be.
    pub sendgrid: Option<SendgridKey>,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// What `/metrics` says.
    pub registry: Registry,
}

/// A whole body.
async fn whole(body: Incoming, bytes_max: usize) -> Result<Bytes, HttpError> {
    let read = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(BODY_WITHIN, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(HttpError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body has too many bytes: expected at most {bytes_max}"),
        )),
        Ok(Err(_)) => Err(HttpError::new(
            StatusCode::BAD_REQUEST,
            "the body ended before its announced length, or is no valid chunked body",
        )),
        Err(_) => Err(HttpError::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body took too long: expected it within {} s",
                BODY_WITHIN.as_secs()
            ),
        )),
    }
}
