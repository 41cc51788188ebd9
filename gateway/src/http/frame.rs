//! What happens around every HTTP request: its id, its span, how long it took, and headers that hold everywhere.

use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use usher_service::grpc::{follow, id_of, request_id, within};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What front ends call themselves, as Apollo's clients write it.
pub(super) const CLIENT_NAME: HeaderName = HeaderName::from_static("apollographql-client-name");
pub(super) const CLIENT_VERSION: HeaderName = HeaderName::from_static("apollographql-client-version");
/// Bytes of a client's name or version that are noted.
const LONGEST_NAME: usize = 64;

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
    client_name: Option<String>,
    client_version: Option<String>,
    begun: Instant,
}

impl Seen {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        Self {
            method: known(request.method()),
            scheme: scheme(request.headers()),
            route: route.map_or_else(String::new, |route| route.as_str().to_owned()),
            client_name: said(request.headers(), &CLIENT_NAME),
            client_version: said(request.headers(), &CLIENT_VERSION),
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
            usher.client.name = self.client_name,
            usher.client.version = self.client_version,
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

/// What a client says of itself, where that is short and plain: it goes into the log.
fn said(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (is_plain && !text.is_empty() && text.len() <= LONGEST_NAME).then(|| text.to_owned())
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
    let work = within(id, caught(next.run(request)));
    let mut response = work.instrument(span.clone()).await;
    seen.answered(&span, response.status());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(id) = shown {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The answer, or 500 from a handler that panicked; the request's id finds in the log what nobody is shown.
async fn caught(work: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        let id = request_id();
        tracing::error!(request_id = id, "a handler panicked");
        let text = format!("internal error, request {id}\n");
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_answers_500_with_the_id_of_the_request() {
        async fn broken() -> StatusCode {
            panic!("a secret")
        }
        let routes = Router::new()
            .route("/", get(broken))
            .layer(axum::middleware::from_fn(frame));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, format!("internal error, request {id}\n"));
    }

    #[test]
    fn only_short_and_plain_words_of_a_client_are_noted() {
        let noted = |text: &[u8]| {
            let value = HeaderValue::from_bytes(text).unwrap();
            said(&HeaderMap::from_iter([(CLIENT_NAME, value)]), &CLIENT_NAME)
        };
        assert_eq!(noted(b"portal web"), Some("portal web".to_owned()));
        assert_eq!(noted(&[b'x'; LONGEST_NAME]), Some("x".repeat(LONGEST_NAME)));
        for unfit in [
            &[b'x'; LONGEST_NAME + 1][..],
            b"",
            b"a\tb",
            "caf\u{e9}".as_bytes(),
        ] {
            assert_eq!(noted(unfit), None, "{unfit:?}");
        }
        assert_eq!(said(&HeaderMap::new(), &CLIENT_NAME), None);
    }
}
