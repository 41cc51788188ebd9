//! What happens around every HTTP request: its id, its span, how long it took, and headers that hold everywhere.

use std::sync::LazyLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use usher_service::grpc::{follow, id_of, within};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

static DURATIONS: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    let meter = global::meter("usher");
    let histogram = meter.f64_histogram("http.server.request.duration").with_unit("s");
    histogram
        .with_description("How long requests took until their answer began.")
        .build()
});

/// A request as the semantic conventions for HTTP see it.
struct Seen {
    method: &'static str,
    scheme: &'static str,
    /// Never the path: paths of links hold tokens (I9).
    route: String,
    begun: Instant,
}

impl Seen {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        Self {
            method: known(request.method()),
            scheme: scheme(request.headers()),
            route: route.map_or_else(String::new, |route| route.as_str().to_owned()),
            begun: Instant::now(),
        }
    }

    fn span(&self, request_id: &str) -> Span {
        tracing::info_span!(
            "http",
            otel.name = format!("{} {}", self.method, self.route).trim_end(),
            otel.kind = "server",
            http.request.method = self.method,
            http.route = self.route,
            url.scheme = self.scheme,
            http.response.status_code = Empty,
            "error.type" = Empty,
            otel.status_code = Empty,
            request_id
        )
    }

    fn answered(self, span: &Span, status: StatusCode) {
        span.record("http.response.status_code", status.as_u16());
        let mut labels = vec![
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("url.scheme", self.scheme),
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
        ];
        if !self.route.is_empty() {
            labels.push(KeyValue::new("http.route", self.route));
        }
        if status.is_server_error() {
            span.record("error.type", status.as_str());
            span.record("otel.status_code", "ERROR");
            labels.push(KeyValue::new("error.type", status.as_str().to_owned()));
        }
        DURATIONS.record(self.begun.elapsed().as_secs_f64(), &labels);
    }
}

/// Anybody can make up methods, and names of spans and labels are few.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// As the proxy that encrypts says, where there is one.
fn scheme(headers: &HeaderMap) -> &'static str {
    match headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
        Some(b"https") => "https",
        _ => "http",
    }
}

/// Gives the request its id, which logs, services and the answer carry, and its span, which is a part of the caller's trace.
pub(crate) async fn frame(request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    let seen = Seen::of(&request);
    let span = seen.span(&id);
    follow(&span, request.headers());
    let shown = HeaderValue::from_str(&id).ok();
    let mut response = within(id, next.run(request)).instrument(span.clone()).await;
    seen.answered(&span, response.status());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(id) = shown {
        headers.insert(REQUEST_ID, id);
    }
    response
}
