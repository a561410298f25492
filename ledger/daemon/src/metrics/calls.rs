//! gRPC calls, counted where they end: by method and status code.

use std::borrow::Cow;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use hyper::{HeaderMap, Request, Response};
use ledger_proto::code;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;
use tower::{Layer, Service};

use super::{Metrics, Word};

/// Counts the calls of the services under it.
#[derive(Debug, Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    /// The methods that there are, by path.
    methods: Arc<HashMap<String, Word>>,
}

impl Calls {
    /// Counts into `metrics`. The methods are those of the encoded `descriptors`; a call of any other
    /// counts as `other`.
    pub fn new(metrics: Arc<Metrics>, descriptors: &[&[u8]]) -> Self {
        let mut methods = HashMap::new();
        for encoded in descriptors {
            let set = FileDescriptorSet::decode(*encoded).unwrap_or_default();
            for file in &set.file {
                for service in &file.service {
                    for method in &service.method {
                        let name = format!("{}/{}", service.name(), method.name());
                        methods.insert(format!("/{}.{name}", file.package()), name.into());
                    }
                }
            }
        }
        Self {
            metrics,
            methods: Arc::new(methods),
        }
    }

    fn begun(&self, path: &str) -> Call {
        Call {
            metrics: Arc::clone(&self.metrics),
            method: self
                .methods
                .get(path)
                .cloned()
                .unwrap_or(Cow::Borrowed("other")),
            code: Code::Cancelled,
        }
    }
}

impl<S> Layer<S> for Calls {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting {
            inner,
            calls: self.clone(),
        }
    }
}

/// What a call comes to.
type Answering<R, E> = Pin<Box<dyn Future<Output = Result<Response<Watched<R>>, E>> + Send>>;

/// A service whose calls are counted.
#[derive(Debug, Clone)]
pub struct Counting<S> {
    inner: S,
    calls: Calls,
}

impl<S, Q, R> Service<Request<Q>> for Counting<S>
where
    S: Service<Request<Q>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<Watched<R>>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Answering<R, S::Error> {
        let mut call = self.calls.begun(request.uri().path());
        let answering = self.inner.call(request);
        Box::pin(async move {
            let response = answering.await?;
            // A call that fails at once has its status here; any other in the trailers.
            call.hear(response.headers());
            Ok(response.map(|body| Watched { body, call }))
        })
    }
}

/// One call. It counts when it is dropped: with the status that it heard of, or as cancelled where its
/// caller has gone before there was one.
struct Call {
    metrics: Arc<Metrics>,
    method: Word,
    code: Code,
}

impl Call {
    fn hear(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.code = Code::from_bytes(status.as_bytes());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let labels = [
            ("method", self.method.clone()),
            ("grpc_code", code::name(self.code).into()),
        ];
        self.metrics.grpc_calls.get_or_create(&labels).inc();
    }
}

/// An answer whose trailers are heard.
pub struct Watched<B> {
    body: B,
    call: Call,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            self.call.hear(trailers);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_interface_is_known_by_its_path_and_others_are_one() {
        let calls = Calls::new(Arc::default(), &[ledger_proto::FILE_DESCRIPTOR_SET]);
        assert_eq!(calls.begun("/ledger.v1.Gate/Decide").method, "Gate/Decide");
        for path in ["/ledger.v1.Gate/Guess", "/", "/ledger.v1.Gate/decide"] {
            assert_eq!(calls.begun(path).method, "other", "{path}");
        }
    }
}
