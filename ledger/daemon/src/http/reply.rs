//! What a handler answers.

use std::fmt::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

/// The content type of text.
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// The content type of tiles and bundles (tlog-tiles).
pub const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// How long an answer may be kept, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// By nobody.
    Never,
    /// By everybody, who ask each time whether it still holds.
    Revalidated,
    /// As above; by the caller alone, because it took a credential.
    RevalidatedPrivate,
    /// By everybody, for good: it never changes.
    Immutable,
    /// By the caller alone, for good.
    ImmutablePrivate,
}

impl Cache {
    const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Never => "no-store",
            Self::Revalidated => "no-cache",
            Self::RevalidatedPrivate => "private, no-cache",
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::ImmutablePrivate => "private, max-age=31536000, immutable",
        })
    }

    const fn is_private(self) -> bool {
        matches!(self, Self::RevalidatedPrivate | Self::ImmutablePrivate)
    }
}

/// An answer, not yet sent.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// What the body is.
    pub content_type: HeaderValue,
    /// The body.
    pub body: Bytes,
    /// How long it holds.
    pub cache: Cache,
    /// What tells this body from every other at the same path, without quotes.
    pub etag: Option<String>,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// Text that holds for the moment.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            content_type: TEXT,
            body: text.into().into(),
            cache: Cache::Never,
            etag: None,
            headers: Vec::new(),
        }
    }

    /// The same, or that nothing has changed where the caller has it already: `known` is the request's
    /// `If-None-Match`.
    pub(super) fn unless_known(mut self, known: Option<&HeaderValue>) -> Self {
        let Some((etag, known)) = self.etag.as_ref().zip(known) else {
            return self;
        };
        // RFC 9110 section 13.1.2: a list, compared weakly.
        let known = known.to_str().unwrap_or_default();
        let own = format!("\"{etag}\"");
        let same = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own;
        if self.status == StatusCode::OK && known.split(',').map(str::trim).any(same) {
            self.status = StatusCode::NOT_MODIFIED;
            self.body = Bytes::new();
        }
        self
    }

    /// The response; its body is left out where only the `head` was asked for, its length is not.
    pub(super) fn into_response(self, head: bool) -> Response<Full<Bytes>> {
        let Self {
            status,
            content_type,
            body,
            cache,
            etag,
            headers,
        } = self;
        let length = body.len();
        let body = if head { Bytes::new() } else { body };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        if status != StatusCode::NOT_MODIFIED {
            fields.insert(CONTENT_TYPE, content_type);
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(CACHE_CONTROL, cache.header());
        if cache.is_private() {
            fields.insert(VARY, HeaderValue::from_static("authorization"));
        }
        if let Some(etag) = etag {
            let mut quoted = String::with_capacity(etag.len() + 2);
            let _ = write!(quoted, "\"{etag}\"");
            if let Ok(value) = HeaderValue::try_from(quoted) {
                fields.insert(ETAG, value);
            }
        }
        for (name, value) in headers {
            fields.append(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged() -> Reply {
        Reply {
            etag: Some("a1".to_owned()),
            ..Reply::text(StatusCode::OK, "body")
        }
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        for (known, status) in [
            ("\"a1\"", StatusCode::NOT_MODIFIED),
            ("\"b2\", W/\"a1\"", StatusCode::NOT_MODIFIED),
            ("*", StatusCode::NOT_MODIFIED),
            ("\"b2\"", StatusCode::OK),
            ("a1", StatusCode::OK),
            ("", StatusCode::OK),
        ] {
            let value = HeaderValue::from_static(known);
            let reply = tagged().unless_known(Some(&value));
            assert_eq!(reply.status, status, "{known}");
            assert_eq!(reply.body.is_empty(), status != StatusCode::OK, "{known}");
        }
        assert_eq!(tagged().unless_known(None).status, StatusCode::OK);
    }

    #[test]
    fn only_what_is_open_may_be_kept_by_others() {
        let header = |cache: Cache| cache.header().to_str().expect("text").to_owned();
        for cache in [Cache::RevalidatedPrivate, Cache::ImmutablePrivate] {
            assert!(header(cache).starts_with("private"));
            let reply = Reply { cache, ..tagged() };
            assert_eq!(reply.into_response(false).headers()[VARY], "authorization");
        }
        assert!(header(Cache::Immutable).contains("immutable"));
    }
}
