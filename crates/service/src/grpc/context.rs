//! What travels beside a request: its id, and the trace it belongs to.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use rand::Rng;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header with the request's id, on gRPC and on HTTP.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids from outside are replaced by our own.
const LONGEST_ID: usize = 64;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that this task works for; empty outside of one.
pub fn request_id() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Runs `work` for the request with this id: logs carry it, and calls to other services bring it along.
pub async fn within<F: Future>(request_id: String, work: F) -> F::Output {
    CURRENT.scope(request_id, work).await
}

/// The id that the caller brought, if it is short and plain, else a new one.
pub fn id_of(headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST_ID
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let brought = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(plain);
    brought.map_or_else(|| format!("{:016x}", rand::rng().next_u64()), str::to_owned)
}

/// Puts the id and the trace of the current task into an outgoing request.
pub(crate) fn inject(headers: &mut HeaderMap) {
    let id = request_id();
    if let Ok(value) = HeaderValue::from_str(&id)
        && !id.is_empty()
    {
        headers.insert(REQUEST_ID, value);
    }
    let context = tracing::Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Outgoing(headers)));
}

/// Makes `span` a part of the caller's trace.
pub fn follow(span: &tracing::Span, headers: &HeaderMap) {
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&Incoming(headers)));
    // fails only where no trace is kept
    span.set_parent(context).ok();
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
