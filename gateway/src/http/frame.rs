//! What happens around every HTTP request: its id, its span, and headers that hold everywhere.

use axum::extract::{MatchedPath, Request};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use usher_service::grpc::{follow, id_of, within};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, which logs, services and the answer carry. The span names the route and never the path:
/// paths of links hold tokens (I9).
pub(crate) async fn frame(request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let span = tracing::info_span!(
        "http",
        http.request.method = %request.method(),
        http.route = route,
        request_id = id
    );
    follow(&span, request.headers());
    let shown = HeaderValue::from_str(&id).ok();
    let mut response = within(id, next.run(request)).instrument(span).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(id) = shown {
        headers.insert(REQUEST_ID, id);
    }
    response
}
