//! Sessions, and the page behind an invitation link.

use async_graphql::SimpleObject;
use usher_proto::invitations::v1 as wire;

use super::{LinkState, Moment, from_wire, moment, required_moment};
use crate::fault::Fault;

/// A signed-in session.
#[derive(SimpleObject, Clone)]
pub struct Session {
    /// Goes into the header `Authorization: Bearer …`. Lives for minutes.
    access_token: String,
    /// Good for one refreshSession. Null for an impersonation.
    refresh_token: Option<String>,
    /// When the access token ends.
    expires_at: Moment,
    /// Whether it may look and not change.
    read_only: bool,
}

impl Session {
    pub(crate) fn new(row: wire::Session) -> Result<Self, Fault> {
        Ok(Self {
            expires_at: required_moment(row.expires_at)?,
            access_token: row.access_token,
            refresh_token: row.refresh_token,
            read_only: row.read_only,
        })
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What the page behind an invitation link may show to whoever holds the link. Reading it uses nothing up.
#[derive(SimpleObject, Clone, Debug)]
pub struct InvitationLanding {
    /// What the link is worth now.
    state: LinkState,
    /// The firm's name.
    organization_name: Option<String>,
    /// The slug that signIn takes.
    organization: Option<String>,
    /// The address that the invitation went to, mostly hidden.
    masked_email: Option<String>,
    /// When the newest invitation went out, where this link is an older one.
    newest_sent_at: Option<Moment>,
}

impl InvitationLanding {
    pub(crate) fn new(row: wire::Landing) -> Result<Self, Fault> {
        Ok(Self {
            state: from_wire(&row.state)?,
            organization_name: row.organization_name,
            organization: row.organization_slug,
            masked_email: row.masked_email,
            newest_sent_at: moment(row.newest_sent_at),
        })
    }
}
