//! The gRPC server of a service.

use std::convert::Infallible;
use std::time::Duration;

use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};
use tower::Service;
use usher_auth::Verifier;

use super::frame::FrameLayer;
use crate::transport::{Greeted, MemoryListener};
use crate::{Lifecycle, Listener, StartError};

/// Between two looks whether a service that serves still can.
const LOOK: Duration = Duration::from_secs(1);
/// The same while it cannot, which is mostly at its start.
const LOOK_AT_START: Duration = Duration::from_millis(20);

/// Collects the gRPC services of a process and serves them until the stop.
///
/// Every request gets its id, a span in the caller's trace and, where it brings a token, its `Principal`
/// (`grpc::principal`). A panic answers INTERNAL. Streams end with UNAVAILABLE when the stop begins, so that
/// clients open them again at another replica. `grpc.health.v1.Health` is served beside.
pub struct Server {
    name: &'static str,
    routes: RoutesBuilder,
    verifier: Option<Verifier>,
    health: HealthReporter,
}

impl Server {
    /// A server without services; `name` is the service's in logs: "contacts".
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            routes: Routes::builder(),
            verifier: None,
            health: HealthReporter::new(),
        }
    }

    /// Verifies the tokens of requests with this; without it nobody is ever signed in.
    #[must_use]
    pub fn verifier(mut self, verifier: Verifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Adds a generated gRPC service.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: axum_core::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self
    }

    /// Serves until the life's soft stop, then finishes what has begun. The health service says whether the process is ready (see
    /// [`Lifecycle::missing`]); a verifier makes the keys that it needs one of the conditions.
    ///
    /// # Errors
    /// [`StartError::Failed`] when the transport breaks.
    pub async fn serve(mut self, listener: Listener, lifecycle: &Lifecycle) -> Result<(), StartError> {
        let health = HealthService::from_health_reporter(self.health.clone());
        self.routes
            .add_service(tonic_health::pb::health_server::HealthServer::new(health));
        // the reporter's own beginning is "serving"
        self.health
            .set_service_status("", ServingStatus::NotServing)
            .await;
        let verifier = self.verifier.clone();
        lifecycle
            .readiness()
            .require("waiting for verification keys", move || {
                std::future::ready(verifier.as_ref().is_none_or(Verifier::is_ready))
            });
        let stopped = report(self.health, lifecycle.clone());
        let server = tonic::transport::Server::builder()
            .layer(FrameLayer {
                name: self.name,
                verifier: self.verifier,
                stop: lifecycle.stopping(),
            })
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(4 * 1024 * 1024);
        let routes = self.routes.routes().prepare();
        let ended = match listener {
            Listener::Tcp(listener) => {
                let incoming = TcpIncoming::from(listener)
                    .with_nodelay(Some(true))
                    .with_keepalive(Some(Duration::from_secs(30)));
                let stop = lifecycle.stopping();
                let incoming = incoming.map(move |io| io.map(|io| Greeted::new(io, &stop)));
                server
                    .serve_with_incoming_shutdown(routes, incoming, stopped)
                    .await
            }
            Listener::Memory(MemoryListener(accepted)) => {
                let incoming = ReceiverStream::new(accepted);
                server
                    .serve_with_incoming_shutdown(routes, incoming, stopped)
                    .await
            }
        };
        ended.map_err(|error| StartError::failed(format!("{} cannot serve", self.name), &error))
    }
}

/// Says whether the service can serve, as often as that changes; returns at the stop.
async fn report(health: HealthReporter, lifecycle: Lifecycle) {
    let stop = lifecycle.stopping();
    let follow = async {
        let mut was_ready = false;
        loop {
            let is_ready = lifecycle.missing().await.is_none();
            if is_ready != was_ready {
                let status = if is_ready {
                    ServingStatus::Serving
                } else {
                    ServingStatus::NotServing
                };
                health.set_service_status("", status).await;
            }
            was_ready = is_ready;
            tokio::time::sleep(if is_ready { LOOK } else { LOOK_AT_START }).await;
        }
    };
    stop.run_until_cancelled(follow).await;
    health.set_service_status("", ServingStatus::NotServing).await;
}
