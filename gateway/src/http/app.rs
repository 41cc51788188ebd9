//! What all routes share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use usher_auth::Verifier;
use usher_service::{Lifecycle, Settings, StartError};
use usher_types::SharedClock;

use super::trusted::Trusted;
use crate::Parts;
use crate::graphql::{Backends, Caller, Limits, Schema, Scope, Shapes, build, sdl};
use crate::pages::Pages;
use crate::rates::Rates;
use crate::settings::GatewaySettings;

/// What all routes share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) schema: DebugSchema,
    /// Whether clients may ask what the API holds.
    pub(crate) introspection: bool,
    pub(crate) limits: Limits,
    pub(crate) shapes: Shapes,
    pub(crate) rates: Rates,
    pub(crate) trusted: Trusted,
    /// How long one operation may take.
    pub(crate) query_time: Duration,
    /// How long a client may leave what is sent to it.
    pub(crate) slow_reader: Duration,
    pub(crate) backends: Arc<Backends>,
    pub(crate) verifier: Verifier,
    pub(crate) clock: SharedClock,
    pub(crate) pages: Pages,
    /// Ends long-lived connections at a stop.
    pub(crate) stop: CancellationToken,
    /// Waits for them.
    pub(crate) lifecycle: Lifecycle,
    pub(crate) proxy_hops: usize,
    pub(crate) development: bool,
    /// Where people reach us, without a slash at its end.
    pub(crate) public_url: String,
    /// Captured mail, where there is any.
    pub(crate) mail_dir: PathBuf,
}

/// The schema, which has no `Debug` of its own.
pub(crate) struct DebugSchema(pub(crate) Schema);

impl std::fmt::Debug for DebugSchema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Schema")
    }
}

impl App {
    pub(crate) fn new(settings: &Settings, parts: Parts, lifecycle: &Lifecycle) -> Result<Self, StartError> {
        let own = GatewaySettings::of(settings)?;
        let development = settings.common.is_development();
        let introspection = own.introspection(development);
        let verifier = parts.verifier.clone();
        lifecycle
            .readiness()
            .require("waiting for verification keys", move || {
                std::future::ready(verifier.is_ready())
            });
        Ok(Self {
            schema: DebugSchema(build(introspection)),
            introspection,
            limits: own.limits(),
            shapes: Shapes::new(&sdl()),
            rates: Rates::new(own.rates()),
            trusted: Trusted::load(own.trusted_documents(), own.trusted_only)?,
            query_time: own.query_time(),
            slow_reader: own.slow_reader(),
            backends: Arc::new(Backends::new(
                parts.contacts,
                parts.invitations,
                parts.notifications,
                settings.common.public_url(),
            )),
            verifier: parts.verifier,
            clock: parts.clock,
            pages: Pages::new()?,
            stop: lifecycle.stopping(),
            lifecycle: lifecycle.clone(),
            proxy_hops: own.proxy_hops,
            development,
            public_url: settings.common.public_url(),
            mail_dir: settings.common.data_dir.join("mail"),
        })
    }
}

impl App {
    /// What a request of this caller, from this address, works with.
    pub(crate) fn scope(&self, caller: Option<Caller>, source: String) -> Scope {
        Scope::new(Arc::clone(&self.backends), caller, source, self.clock.now())
    }
}
