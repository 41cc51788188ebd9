//! The subscriptions.

use async_graphql::{Context, ID};
use futures::Stream;
use usher_auth::{Denied, Operation};
use usher_proto::invitations::v1::WatchBatchRequest;
use usher_types::BatchId;

use super::follow::follow;
use super::scope::{Scope, answer};
use super::types::InvitationBatch;
use crate::fault::Fault;
use crate::ids::Kind;

/// What can be watched. Deliveries are at most once: after a reconnect, ask again.
#[derive(Debug)]
pub struct Subscription;

/// What can be watched. Deliveries are at most once: after a reconnect, ask again.
#[async_graphql::Subscription]
impl Subscription {
    /// The batch as it is now, each time its figures move, and once more when it is done. Needs `contacts.read`.
    async fn invitation_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] id: ID,
    ) -> Result<impl Stream<Item = Result<InvitationBatch, Fault>> + use<>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReadBatches)?;
        let caller = scope.caller.clone().ok_or(Denied::Unauthenticated)?;
        let request = WatchBatchRequest {
            id: BatchId::wire(&id),
        };
        let mut client = scope.backends.invitations.clone();
        let stream = answer(client.watch_batch(scope.ask(request.clone())).await)?;
        Ok(follow(client, caller.bearer, (request, stream)))
    }
}
