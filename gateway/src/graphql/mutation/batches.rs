//! Batches under way.

use async_graphql::{Context, Object};
use usher_auth::Operation;
use usher_proto::invitations::v1 as wire;

use super::invitations::InvitationsPayload;
use crate::fault::Fault;
use crate::graphql::input::BatchInput;
use crate::graphql::scope::{Scope, answer};

#[derive(Debug, Default)]
pub(super) struct BatchMutations;

#[Object]
impl BatchMutations {
    /// Holds a batch: nothing more of it is sent, but for the mails that are already on their way to the mail server. Whoever has
    /// not been invited yet keeps their status; a scheduled batch does not start. A batch that is paused already stays so,
    /// also where it was held for want of something else; one that is over answers CONFLICT. Needs `portal.invite`.
    async fn pause_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] input: BatchInput,
    ) -> Result<InvitationsPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::PauseBatch)?;
        let request = scope.ask(wire::PauseBatchRequest { id: input.wire() });
        InvitationsPayload::new(answer(scope.backends.batches.clone().pause_batch(request).await)?)
    }

    /// Lets a batch go on where it was; one that was scheduled starts at its time, or at once where that has passed. The caller
    /// answers for it from then on. One that is over answers CONFLICT, PORTAL_DISABLED says that nobody can be invited.
    /// Needs `portal.invite`, and `email.bulk` for more than one contact.
    async fn resume_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] input: BatchInput,
    ) -> Result<InvitationsPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ResumeBatch)?;
        let request = scope.ask(wire::ResumeBatchRequest { id: input.wire() });
        InvitationsPayload::new(answer(
            scope.backends.batches.clone().resume_batch(request).await,
        )?)
    }
}
