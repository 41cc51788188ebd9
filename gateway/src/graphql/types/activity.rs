//! A line of the activity log.

use std::borrow::Cow;

use async_graphql::{Context, ID, Object};
use usher_proto::contacts::v1 as wire;
use usher_types::{ActivityId, MemberId};

use super::{Moment, required_moment};
use crate::fault::Fault;
use crate::graphql::scope::Scope;
use crate::ids::shown;

/// One thing that happened. Never changed, never removed.
#[derive(Clone, Debug)]
pub struct Activity(wire::Activity);

impl Activity {
    pub(crate) fn new(row: wire::Activity) -> Self {
        Self(row)
    }
}

/// One thing that happened. Never changed, never removed.
#[Object]
impl Activity {
    /// The line's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<ActivityId>(&self.0.id)
    }

    /// When it happened.
    async fn at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.at)
    }

    /// Who did it: the name of the member, the service account or the service.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Cow<'_, str>, Fault> {
        let Ok(id) = self.0.actor.parse::<MemberId>() else {
            return Ok(Cow::Borrowed(&self.0.actor));
        };
        // the line stands whoever wrote it, also while names cannot be asked for
        let member = Scope::of(ctx)?.member(id).await.ok().flatten();
        Ok(match member {
            Some(member) => Cow::Owned(member.0.display_name),
            None => Cow::Borrowed(&self.0.actor),
        })
    }

    /// What was done, as a word for programs.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What was done, as a sentence for people.
    async fn summary(&self) -> &str {
        &self.0.summary
    }
}
