//! A line of the activity log.

use async_graphql::{ID, Object};
use usher_proto::contacts::v1 as wire;
use usher_types::ActivityId;

use super::{Moment, required_moment};
use crate::fault::Fault;
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

    /// Who did it.
    async fn actor(&self) -> &str {
        &self.0.actor
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
