//! What a route is.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use ledger_core::role::Call;

use super::{HttpError, Reply, Site};
use crate::auth::{Caller, Schemes};

/// A handler's answer.
pub type Answering = Pin<Box<dyn Future<Output = Result<Reply, HttpError>> + Send>>;

/// One row of the table of everything that is served.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Its name in metrics.
    pub name: &'static str,
    /// Where.
    pub path: Path,
    /// How.
    pub verb: Verb,
    /// Who may.
    pub door: Door,
    /// What answers.
    pub answer: fn(Arc<Site>, Asked) -> Answering,
}

/// The paths of a route, compared with what was sent byte for byte: nothing is decoded or normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Exactly this one.
    Is(&'static str),
    /// Everything that starts with this.
    Under(&'static str),
}

impl Path {
    /// Whether `path` is one of them.
    pub fn covers(self, path: &str) -> bool {
        match self {
            Self::Is(own) => path == own,
            Self::Under(own) => path.starts_with(own),
        }
    }

    /// The path, or what all of them start with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Is(path) | Self::Under(path) => path,
        }
    }
}

/// The methods of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`, and `HEAD` for the same without its body. A body that comes with the request is not read.
    Read,
    /// `POST`
    Post {
        /// The longest body that is taken.
        body_bytes_max: usize,
    },
}

impl Verb {
    /// Whether it is this method.
    pub fn takes(self, method: &Method) -> bool {
        match self {
            Self::Read => matches!(*method, Method::GET | Method::HEAD),
            Self::Post { .. } => *method == Method::POST,
        }
    }

    /// The methods, as `Allow` lists them.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD",
            Self::Post { .. } => "POST",
        }
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// Whoever may make this call over gRPC (`docs/roles.md`), with a credential in one of these forms.
    /// Where a role may only about what is its own, the handler says what that is.
    Credential(Call, Schemes),
}

/// A request that has passed the route's door.
#[derive(Debug)]
pub struct Asked {
    /// The path as it was sent.
    pub path: String,
    /// What stood behind `?`, as it was sent.
    pub query: Option<String>,
    /// The headers, at most 16 KiB.
    pub headers: HeaderMap,
    /// Who asks; nobody where the door is open.
    pub caller: Option<Caller>,
    /// The body; empty unless the route is a `POST`.
    pub body: Bytes,
}
