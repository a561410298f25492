//! What all routes have in common: where a request goes, who may, and its body.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::error::shown;
use super::{Asked, Door, HttpError, Reply, Route, Site, Verb};
use crate::auth::{self, Caller};

/// How long the body of a request may take to come in, whatever its length.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Hands every request to its route.
pub struct Router {
    site: Arc<Site>,
    routes: Vec<Route>,
}

impl Router {
    /// Serves `routes`, whose handlers work on `site`.
    pub fn new(site: Site, routes: Vec<Route>) -> Self {
        Self {
            site: Arc::new(site),
            routes,
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let head = request.method() == Method::HEAD;
        let unchanged = request.headers().get(IF_NONE_MATCH).cloned();
        let (name, answered) = self.routed(request).await;
        let reply = match answered {
            Ok(reply) => reply.unless_known(unchanged.as_ref()),
            Err(error) => error.into(),
        };
        self.site.metrics.http_answered(name, reply.status.as_u16());
        reply.into_response(head)
    }

    /// The answer, and the name of the route that gave it.
    async fn routed(&self, request: Request<Incoming>) -> (&'static str, Result<Reply, HttpError>) {
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
    async fn through(&self, route: &Route, request: Request<Incoming>) -> Result<Reply, HttpError> {
        let (parts, body) = request.into_parts();
        let caller = self.admitted(route, &parts.headers)?;
        // Held until it is answered: what a body becomes takes room as well.
        let mut _place = None;
        let body = match route.verb {
            Verb::Read => Bytes::new(),
            Verb::Post { body_bytes_max } => {
                let place = caller
                    .as_ref()
                    .map(|caller| self.site.authenticate.place(caller));
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
        (route.answer)(Arc::clone(&self.site), asked).await
    }

    /// Who is calling, where the route wants to know.
    fn admitted(&self, route: &Route, headers: &HeaderMap) -> Result<Option<Caller>, HttpError> {
        let Door::Credential(call, schemes) = route.door else {
            return Ok(None);
        };
        let values = headers.get_all(AUTHORIZATION);
        let values = values.iter().map(HeaderValue::as_bytes);
        let caller = self.site.authenticate.caller(values, schemes);
        let caller = caller.map_err(|error| {
            let mut values = headers.get_all(AUTHORIZATION).iter();
            let is_basic = values.any(|value| auth::is_basic(value.as_bytes()));
            HttpError::unauthorized(error, schemes, is_basic)
        })?;
        self.site
            .authenticate
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
                shown(path),
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
                shown(method.as_str()),
                shown(path)
            ),
        );
        match HeaderValue::from_str(&allowed) {
            Ok(value) => error.with(ALLOW, value),
            Err(_) => error,
        }
    }
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
