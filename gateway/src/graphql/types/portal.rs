//! Where a contact stands on the way in.

use async_graphql::{Context, Object};
use bytes::Bytes;
use prost_types::Timestamp;
use usher_auth::Permission;
use usher_proto::contacts::v1 as wire;

use super::{DeliveryState, InvitationAction, Moment, PortalStatus, from_wire, moment};
use crate::fault::Fault;
use crate::graphql::scope::Scope;

/// Where a contact stands on the way in.
#[derive(Clone, Copy, Debug)]
pub struct PortalAccess<'a> {
    contact: &'a Bytes,
    portal: &'a wire::Portal,
}

/// What became of the newest invitation's mail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) reminded_at: Option<Timestamp>,
    pub(crate) next_reminder_at: Option<Timestamp>,
}

impl<'a> PortalAccess<'a> {
    pub(crate) fn new(contact: &'a Bytes, portal: &'a wire::Portal) -> Self {
        Self { contact, portal }
    }

    /// Answered by another service than the rest, so asked only when selected. Staff's alone (I22).
    async fn mail(&self, ctx: &Context<'_>) -> Result<Delivery, Fault> {
        let scope = Scope::of(ctx)?;
        let permitted = scope
            .principal()
            .is_some_and(|principal| principal.has(Permission::ContactsRead));
        match usher_proto::id_from(self.contact) {
            Some(id) if permitted => Ok(scope.delivery(id).await?.unwrap_or_default()),
            _ => Ok(Delivery::default()),
        }
    }
}

/// Where a contact stands on the way in.
#[Object]
impl<'a> PortalAccess<'a> {
    /// At the moment of the answer: EXPIRED shows at the instant it happens.
    async fn status(&self) -> Result<PortalStatus, Fault> {
        from_wire(&self.portal.status)
    }

    /// What a member may do now: the entries of a row's menu.
    async fn actions(&self) -> Result<Vec<InvitationAction>, Fault> {
        self.portal.actions.iter().map(|name| from_wire(name)).collect()
    }

    /// With links: one of them has login on. Without any: true.
    async fn login_enabled(&self) -> bool {
        self.portal.login_enabled
    }

    /// Login is on and nobody has signed in yet.
    async fn pending_activation(&self) -> bool {
        self.portal.pending_activation
    }

    /// When the newest invitation was sent.
    async fn invited_at(&self) -> Option<Moment> {
        moment(self.portal.invited_at)
    }

    /// Who sent the newest invitation: a member, or the service whose event asked for it.
    async fn invited_by(&self) -> Option<&String> {
        self.portal.invited_by.as_ref()
    }

    /// When the invitation that is out runs out, or ran out.
    async fn expires_at(&self) -> Option<Moment> {
        moment(self.portal.expires_at)
    }

    /// Where the newest invitation's e-mail is. Null in a portal session.
    async fn delivery(&self, ctx: &Context<'_>) -> Result<Option<DeliveryState>, Fault> {
        self.mail(ctx).await?.state.as_deref().map(from_wire).transpose()
    }

    /// Why the e-mail did not arrive, in the receiving server's own words. Null in a portal session.
    async fn delivery_error(&self, ctx: &Context<'_>) -> Result<Option<String>, Fault> {
        Ok(self.mail(ctx).await?.error)
    }

    /// When the contact was last reminded of the newest invitation. Null in a portal session.
    async fn reminded_at(&self, ctx: &Context<'_>) -> Result<Option<Moment>, Fault> {
        Ok(moment(self.mail(ctx).await?.reminded_at))
    }

    /// When the contact is reminded next, if nothing happens until then. Null in a portal session.
    async fn next_reminder_at(&self, ctx: &Context<'_>) -> Result<Option<Moment>, Fault> {
        Ok(moment(self.mail(ctx).await?.next_reminder_at))
    }

    /// When a password was chosen.
    async fn accepted_at(&self) -> Option<Moment> {
        moment(self.portal.accepted_at)
    }

    /// When the contact first signed in.
    async fn first_signed_in_at(&self) -> Option<Moment> {
        moment(self.portal.first_signed_in_at)
    }

    /// When the contact last signed in.
    async fn last_signed_in_at(&self) -> Option<Moment> {
        moment(self.portal.last_signed_in_at)
    }
}
