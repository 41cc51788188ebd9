//! For load balancers, and for those who verify our tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use usher_proto::invitations::v1::GetJwksRequest;

use super::App;

/// The process lives. Looks at nothing else: a database that is away is no reason to start anew.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Requests can be answered: nothing is missing, and no stop was asked for.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    match app.lifecycle.missing().await {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
    }
}

/// The keys that verify access tokens (RFC 7517).
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Response {
    match app.backends.sessions.clone().get_jwks(GetJwksRequest {}).await {
        Ok(reply) => {
            let headers = [
                (CONTENT_TYPE, "application/jwk-set+json"),
                (CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, reply.into_inner().jwks).into_response()
        }
        Err(status) => {
            tracing::warn!(code = %status.code(), "verification keys cannot be shown");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}
