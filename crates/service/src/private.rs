//! The private port of a process: probes and metrics, for whoever runs it. Nobody is asked who they are.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tokio::task::JoinHandle;

use crate::metrics::Page;
use crate::{Lifecycle, StartError};

/// Serves until the task is aborted. From the first moment on the process lives: a database that does not answer yet is no reason to
/// start anew.
///
/// # Errors
/// [`StartError`] where the address is taken.
pub(crate) fn serve(
    address: SocketAddr,
    lifecycle: Lifecycle,
    page: Page,
    provider: SdkMeterProvider,
) -> Result<JoinHandle<()>, StartError> {
    let listener = std::net::TcpListener::bind(address)
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        })
        .map_err(|error| StartError::failed("USHER_PRIVATE_LISTEN", &error))?;
    let ready = move || {
        let lifecycle = lifecycle.clone();
        async move { readiness(&lifecycle).await }
    };
    let scrape = move || async move {
        let text = tokio::task::spawn_blocking(move || page.scrape(&provider)).await;
        let kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")];
        (kind, text.unwrap_or_default())
    };
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape));
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "probes and metrics are served no longer");
        }
    }))
}

async fn readiness(lifecycle: &Lifecycle) -> (StatusCode, String) {
    match lifecycle.missing().await {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
    }
}
