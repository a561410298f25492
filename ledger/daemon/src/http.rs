//! What is served over HTTP: the log as tiles, how the daemon is, and its metrics.
//!
//! Opt-in (`--http`), HTTP/1.1, without TLS. Everything that is served stands in one table,
//! [`routes`](routes::routes): a method and a path, who may, and a handler. What all routes have in
//! common is done by the [`Router`], once and in this order, before a handler sees a request:
//!
//! 1. the path is looked up exactly as it was sent (404, 405 with `Allow`),
//! 2. the credential is checked by the same rules as over gRPC ([`crate::auth`]), and the caller's role
//!    by the same table ([`ledger_core::role`]) (401 with `WWW-Authenticate`, 403),
//! 3. the body of a `POST` is read, up to the route's own limit and within [`BODY_WITHIN`](router::BODY_WITHIN) (413, 408);
//!    a principal has no more bodies under way than over gRPC (429).
//!
//! Handlers give a [`Reply`] or an [`HttpError`], which is one line of text that says what was expected.
//! A handler that writes asks for it as a gRPC service does (`service::procedure`); any [`CallError`] is an
//! [`HttpError`] by one table.
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
pub mod router;
pub mod routes;
pub mod serve;
mod tiles;

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::auth::Authenticate;
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
pub use router::Router;
pub use tiles::Bounds;

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
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// What `/metrics` says.
    pub registry: Registry,
    /// What readers of tiles share.
    pub bounds: Bounds,
}
