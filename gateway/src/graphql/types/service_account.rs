//! Programs of others that call the API.

use async_graphql::{ID, Object};
use usher_proto::invitations::v1 as wire;
use usher_types::ServiceAccountId;

use super::{Moment, count, moment, required_moment};
use crate::fault::Fault;
use crate::ids::shown;

/// A program that calls the API with client credentials, in nobody's name but its own.
#[derive(Clone, Debug)]
pub struct ServiceAccount(pub(crate) wire::ServiceAccount);

/// A program that calls the API with client credentials, in nobody's name but its own.
#[Object]
impl ServiceAccount {
    /// The service account's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<ServiceAccountId>(&self.0.id)
    }

    /// What it gives as `client_id` to `/oauth/token`.
    async fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The name, under which what it does stands in activity logs.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What it may do, such as `contacts.read`.
    async fn permissions(&self) -> &[String] {
        &self.0.permissions
    }

    /// Whether it is switched on. One that is off gets no tokens.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// The secrets that are good now, the newest first; at most two.
    async fn secrets(&self) -> Vec<ServiceAccountSecret<'_>> {
        self.0.secrets.iter().map(ServiceAccountSecret).collect()
    }

    /// When it last asked for a token.
    async fn last_used_at(&self) -> Option<Moment> {
        moment(self.0.last_used_at)
    }

    /// When it was made.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.created_at)
    }

    /// Who made it.
    async fn created_by(&self) -> Option<&String> {
        self.0.created_by.as_ref()
    }

    /// Goes up with every change; what an update may expect.
    async fn version(&self) -> i32 {
        count(self.0.version)
    }
}

/// A secret, as far as it is kept: its text is told once, when it is made.
#[derive(Clone, Copy, Debug)]
pub struct ServiceAccountSecret<'a>(&'a wire::ClientSecret);

/// A secret, as far as it is kept: its text is told once, when it is made.
#[Object]
impl ServiceAccountSecret<'_> {
    /// What its text ends with.
    async fn hint(&self) -> &str {
        &self.0.hint
    }

    /// When it was made.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.created_at)
    }

    /// When it ends; null for one that lives until it is rotated.
    async fn expires_at(&self) -> Option<Moment> {
        moment(self.0.expires_at)
    }

    /// When a token was last asked for with it.
    async fn last_used_at(&self) -> Option<Moment> {
        moment(self.0.last_used_at)
    }
}
