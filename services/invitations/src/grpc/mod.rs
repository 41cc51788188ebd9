//! Protobuf in and out.

mod batches;
mod convert;
mod insight;
mod invitations;
mod members;
mod recovery;
mod results;
mod service_accounts;
mod sessions;
mod streams;

use tokio::sync::watch;
use usher_auth::Verifier;

use crate::app::{App, RevokedNow};

/// All gRPC services of this process.
#[derive(Clone)]
pub(crate) struct Edge {
    app: App,
    revoked: watch::Receiver<RevokedNow>,
    verifier: Verifier,
}

impl Edge {
    pub(crate) const fn new(app: App, revoked: watch::Receiver<RevokedNow>, verifier: Verifier) -> Self {
        Self {
            app,
            revoked,
            verifier,
        }
    }
}
