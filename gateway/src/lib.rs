//! The gateway: GraphQL in, gRPC out, and the few pages that people meet. No database, no broker, no business rule.

mod csv;
pub mod fault;
pub mod graphql;
mod http;
pub mod ids;
mod meters;
mod pages;
mod rates;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::serve::ListenerExt;
use usher_auth::Verifier;
use usher_service::{Lifecycle, Listener, PeerChannel, Settings, StartError};
use usher_types::SharedClock;

use http::App;
use settings::GatewaySettings;

/// What the gateway is given: it makes no connection and no clock of its own.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Contacts, accounts, links.
    pub contacts: PeerChannel,
    /// Organizations, sessions, invitations.
    pub invitations: PeerChannel,
    /// Mail.
    pub notifications: PeerChannel,
    /// Verifies access tokens; somebody lets it follow `invitations`.
    pub verifier: Verifier,
    /// The time.
    pub clock: SharedClock,
}

/// The routes over these parts. Requests carry the address they came from (`ConnectInfo<SocketAddr>`).
///
/// # Errors
/// [`StartError::Settings`] when the table `[gateway]` is wrong.
pub fn router(settings: &Settings, parts: Parts, lifecycle: &Lifecycle) -> Result<Router, StartError> {
    let cors = http::cors(GatewaySettings::of(settings)?.cors_origins())?;
    let app = Arc::new(App::new(settings, parts, lifecycle)?);
    Ok(http::routes()
        .layer(cors)
        .merge(pages::routes(&app))
        .fallback(pages::not_found)
        .layer(axum::middleware::from_fn(http::frame))
        .with_state(app))
}

/// Looks at the table `[gateway]` without serving.
///
/// # Errors
/// [`StartError::Settings`] when it is wrong.
pub fn check_settings(settings: &Settings) -> Result<(), StartError> {
    let own = GatewaySettings::of(settings)?;
    http::cors(own.cors_origins()).map(drop)?;
    http::Trusted::load(own.trusted_documents(), own.trusted_only).map(drop)
}

/// Serves until the life's soft stop, then finishes what has begun.
///
/// # Errors
/// [`StartError::Settings`] when the settings are wrong, [`StartError::Failed`] when the socket breaks.
pub async fn run(
    settings: Settings,
    parts: Parts,
    listener: Listener,
    lifecycle: Lifecycle,
) -> Result<(), StartError> {
    let routes = router(&settings, parts, &lifecycle)?;
    // Small answers go out at once. A connection on which nobody takes what was sent is not kept: it would hold its memory, and hold up
    // a stop, for as long as its other end likes.
    let patience = GatewaySettings::of(&settings)?.slow_reader();
    let listener = listener.into_tcp()?.tap_io(move |stream| {
        stream.set_nodelay(true).ok();
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&*stream)
            .set_tcp_user_timeout(Some(patience))
            .ok();
    });
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(lifecycle.stopping().cancelled_owned())
        .await
        .map_err(|error| StartError::failed("the gateway cannot serve", &error))
}
