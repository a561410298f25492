//! `GET /metrics`: what the daemon counts, as `OpenMetrics` text 1.0.0, which Prometheus reads.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use prometheus_client::encoding::text::encode;

use super::reply::Cache;
use super::{HttpError, Reply, Site};
use crate::status::CallError;

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// `GET /metrics`. Written on the thread that serves the connection: it asks what is in memory, the kernel
/// and how full the disk is, and takes less than a millisecond. So it still says how long a commit hangs while all
/// threads for reads of the store wait for the disk.
pub(super) fn metrics(site: &Site) -> Result<Reply, HttpError> {
    let mut text = String::new();
    encode(&mut text, &site.registry).map_err(|error| CallError::store(&error))?;
    Ok(Reply {
        status: StatusCode::OK,
        content_type: OPEN_METRICS,
        body: Bytes::from(text),
        cache: Cache::Never,
        etag: None,
        headers: Vec::new(),
    })
}
