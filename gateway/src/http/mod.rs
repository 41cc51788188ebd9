//! HTTP: a layer of our own in front of the executor, because status codes, media types and close codes are part of
//! the contract (GraphQL-over-HTTP, September 2026; graphql-transport-ws; GraphQL over SSE).

mod accept;
mod app;
mod client;
mod cors;
mod device;
mod events;
mod frame;
mod graphql;
mod health;
mod oauth;
mod operation;
mod results;
mod socket;
mod trusted;

pub(crate) use app::App;
pub(crate) use client::{caller, source};
pub(crate) use cors::cors;
pub(crate) use device::device;
pub(crate) use frame::frame;
pub(crate) use trusted::Trusted;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};

/// The routes that machines use.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/graphql", any(graphql::endpoint))
        .route("/batches/{id}/results.csv", get(results::results))
        .route("/oauth/token", post(oauth::token))
        .route("/.well-known/oauth-authorization-server", get(oauth::metadata))
        .route("/.well-known/jwks.json", get(health::jwks))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}
