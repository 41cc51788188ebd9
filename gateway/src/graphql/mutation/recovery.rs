//! Ways back in: forgotten passwords and links that do not work any more.

use async_graphql::{Context, Object, SimpleObject};
use usher_auth::Operation;

use super::sessions::{AcceptInvitationPayload, LinkPayload};
use crate::fault::Fault;
use crate::graphql::input::{AcceptInvitationInput, ContactIdInput, LinkInput, RequestPasswordResetInput};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::CredentialError;

/// Always the same.
#[derive(SimpleObject, Debug)]
pub struct RequestPasswordResetPayload {
    /// Always empty: the answer tells nothing about the address.
    user_errors: Vec<CredentialError>,
}

#[derive(Debug, Default)]
pub(super) struct RecoveryMutations;

#[Object]
impl RecoveryMutations {
    /// Mails a way back in to whoever has this address: a link behind which another password is chosen (good for an hour; a
    /// newer one kills it), or a fresh invitation where none was chosen yet. Public. The answer and its time are always the
    /// same, also for addresses that nobody has and for requests beyond the budget (5 an hour for an address).
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address.")] input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::RequestPasswordReset)?;
        let request = scope.ask(input.into_wire(&scope.source));
        answer(
            scope
                .backends
                .recovery
                .clone()
                .request_password_reset(request)
                .await,
        )?;
        Ok(RequestPasswordResetPayload {
            user_errors: Vec::new(),
        })
    }

    /// Chooses another password; every session of the person ends, and a notice is mailed. Public: needs the token of the
    /// link that was mailed. Does not sign in.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token and the password.")] input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ResetPassword)?;
        let request = scope.ask(input.into_reset());
        let reply = answer(scope.backends.recovery.clone().reset_password(request).await)?;
        AcceptInvitationPayload::new(reply.accepted, reply.refusals)
    }

    /// Starts a reset; the contact chooses the password. NOT_ALLOWED where it would not help, saying why. Needs
    /// `portal.invite`.
    async fn send_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] input: ContactIdInput,
    ) -> Result<LinkPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::SendPasswordReset)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(scope.backends.recovery.clone().send_password_reset(request).await)?;
        LinkPayload::new(reply.refusals)
    }

    /// Mails a fresh link to the stored address of an expired or superseded one, as long as the person is still invited. Public;
    /// always answers the same, also beyond the budget (5 an hour for an address).
    async fn request_new_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token.")] input: LinkInput,
    ) -> Result<LinkPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::RequestNewLink)?;
        let request = scope.ask(input.into_renewal(&scope.source));
        answer(scope.backends.recovery.clone().request_new_link(request).await)?;
        LinkPayload::new(Vec::new())
    }

    /// 'This is not me': ends the invitation of an open or expired link, suppresses the address and tells whoever invited. Public:
    /// needs the link's token.
    async fn decline_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token.")] input: LinkInput,
    ) -> Result<LinkPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::DeclineInvitation)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(scope.backends.recovery.clone().decline_invitation(request).await)?;
        LinkPayload::new(reply.refusals)
    }
}
