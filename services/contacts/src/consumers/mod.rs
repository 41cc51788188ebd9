//! What contacts hears: one queue, each event's handler beside the others.

mod address;
mod impersonation;
pub(crate) mod inbound;
mod organization;
mod portal;

use std::sync::Arc;

use usher_database::Transaction;
use usher_events::{
    AddressStateChanged, Envelope, Impersonation, InvitationChanged, OrganizationChanged, PortalRestated,
    SignedIn,
};
use usher_messaging::{Handler, HandlerError, Subscription};
use usher_types::SharedClock;

/// The queue of everything that contacts projects.
pub const QUEUE: &str = "contacts.events";
const BINDINGS: [&str; 7] = [
    "usher.invitation.*.v1",
    "usher.portal.first_signed_in.v1",
    "usher.portal.signed_in.v1",
    "usher.portal.impersonation_started.v1",
    "usher.portal.impersonation_ended.v1",
    "usher.address.state_changed.v1",
    "usher.organization.updated.v1",
];

/// The service's only subscription.
pub(crate) fn subscription(clock: SharedClock) -> Subscription {
    Subscription::new(QUEUE, &BINDINGS, Arc::new(Events::new(clock)))
}

/// Applies slices of events, each kind with one statement.
#[derive(Debug)]
pub struct Events {
    clock: SharedClock,
}

impl Events {
    /// A handler that tells the time by `clock`.
    #[must_use]
    pub const fn new(clock: SharedClock) -> Self {
        Self { clock }
    }
}

#[async_trait::async_trait]
impl Handler for Events {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let mut portal = Vec::new();
        let mut addresses = Vec::new();
        let mut organizations = Vec::new();
        let mut looks = Vec::new();
        for envelope in slice {
            match envelope.kind.as_str() {
                kind if kind.starts_with("usher.invitation.") => {
                    portal.push(envelope.decode::<InvitationChanged>()?.portal);
                }
                "usher.portal.first_signed_in.v1" | "usher.portal.signed_in.v1" => {
                    portal.push(envelope.decode::<SignedIn>()?.portal);
                }
                "usher.work.portal_restated.v1" => {
                    portal.extend(envelope.decode::<PortalRestated>()?.portals);
                }
                kind if kind.starts_with("usher.portal.impersonation_") => {
                    looks.push(envelope.decode::<Impersonation>()?);
                }
                "usher.address.state_changed.v1" => addresses.push(envelope.decode::<AddressStateChanged>()?),
                "usher.organization.updated.v1" => {
                    organizations.push(envelope.decode::<OrganizationChanged>()?)
                }
                other => return Err(HandlerError::reject(format!("{other} is not for this queue"))),
            }
        }
        portal::apply(tx, portal).await?;
        address::apply(tx, addresses).await?;
        impersonation::apply(tx, looks).await?;
        organization::apply(tx, organizations, self.clock.now()).await
    }
}
