//! What all routes share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use usher_auth::Verifier;
use usher_service::{Lifecycle, Settings, StartError};
use usher_types::SharedClock;

use crate::Parts;
use crate::graphql::{Backends, Caller, Limits, Nulls, Schema, Scope, build, sdl};
use crate::pages::Pages;
use crate::settings::GatewaySettings;

/// What all routes share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) schema: DebugSchema,
    pub(crate) limits: Limits,
    pub(crate) nulls: Nulls,
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
        let verifier = parts.verifier.clone();
        lifecycle
            .readiness()
            .require("waiting for verification keys", move || {
                std::future::ready(verifier.is_ready())
            });
        Ok(Self {
            schema: DebugSchema(build(own.schema(development))),
            limits: own.limits(),
            nulls: Nulls::new(&sdl()),
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
