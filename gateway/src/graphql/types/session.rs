//! Sessions, and the page behind an invitation link.

use async_graphql::{ID, Object, SimpleObject};
use usher_proto::invitations::v1 as wire;
use usher_types::SessionId;

use super::{LinkState, Moment, from_wire, moment, required_moment};
use crate::fault::Fault;
use crate::ids::shown;

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

/// One of the caller's own sessions, as it is listed.
#[derive(Clone, Debug)]
pub struct LiveSession(pub(crate) wire::LiveSession);

/// One of the caller's own sessions, as it is listed.
#[Object]
impl LiveSession {
    /// What `endSession` takes.
    async fn id(&self) -> ID {
        shown::<SessionId>(&self.0.id)
    }

    /// When it was signed in.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.created_at)
    }

    /// When it last asked for an access token.
    async fn last_used_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.last_used_at)
    }

    /// When it ends at the latest; resting ends it before.
    async fn ends_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.ends_at)
    }

    /// The browser and system that signed in, such as "Firefox on Windows"; null where they did not tell.
    async fn device(&self) -> Option<&String> {
        self.0.device.as_ref()
    }

    /// Whether it is the one that asks.
    async fn current(&self) -> bool {
        self.0.current
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
