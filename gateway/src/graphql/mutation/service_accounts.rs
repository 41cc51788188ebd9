//! Programs of others that call the API.

use async_graphql::{Context, Object, SimpleObject};
use usher_auth::Operation;
use usher_proto::invitations::v1 as wire;

use crate::fault::Fault;
use crate::graphql::input::{
    CreateServiceAccountInput, RotateServiceAccountSecretInput, SetServiceAccountActiveInput,
    UpdateServiceAccountInput,
};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{Family, ServiceAccount, ServiceAccountError};

/// The service account as it is now, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct ServiceAccountPayload {
    /// The service account.
    service_account: Option<ServiceAccount>,
    /// What the caller can mend.
    user_errors: Vec<ServiceAccountError>,
}

/// The service account and its new secret, or what stands in the way.
#[derive(SimpleObject)]
pub struct ServiceAccountSecretPayload {
    /// The service account.
    service_account: Option<ServiceAccount>,
    /// The new secret. It is told now and never again: only its hash is kept.
    secret: Option<String>,
    /// What the caller can mend.
    user_errors: Vec<ServiceAccountError>,
}

impl ServiceAccountPayload {
    fn new(reply: wire::ServiceAccountReply) -> Result<Self, Fault> {
        Ok(Self {
            service_account: reply.service_account.map(ServiceAccount),
            user_errors: ServiceAccountError::all(reply.refusals)?,
        })
    }
}

impl ServiceAccountSecretPayload {
    fn new(reply: wire::ServiceAccountReply) -> Result<Self, Fault> {
        Ok(Self {
            service_account: reply.service_account.map(ServiceAccount),
            secret: reply.secret,
            user_errors: ServiceAccountError::all(reply.refusals)?,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct ServiceAccountMutations;

#[Object]
impl ServiceAccountMutations {
    /// Makes a service account: a program that calls the API with client credentials. The answer has its secret, this once.
    /// Needs `members.manage`, and every permission that is granted.
    async fn create_service_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service account.")] input: CreateServiceAccountInput,
    ) -> Result<ServiceAccountSecretPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CreateServiceAccount)?;
        let request = scope.ask(input.into_wire());
        let mut accounts = scope.backends.service_accounts.clone();
        ServiceAccountSecretPayload::new(answer(accounts.create_service_account(request).await)?)
    }

    /// Changes a service account's name or permissions. Where a permission is taken its tokens end within a second, and the next
    /// ones say what is left. Needs `members.manage`, and every permission that is granted or taken.
    async fn update_service_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateServiceAccountInput,
    ) -> Result<ServiceAccountPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UpdateServiceAccount)?;
        let request = scope.ask(input.into_wire());
        let mut accounts = scope.backends.service_accounts.clone();
        ServiceAccountPayload::new(answer(accounts.update_service_account(request).await)?)
    }

    /// Switches a service account off or on; none is deleted. One that is off gets no tokens, those it has end within a second, and
    /// its batches wait. Needs `members.manage`, and every permission that the account has.
    async fn set_service_account_active(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service account, and what it shall be.")] input: SetServiceAccountActiveInput,
    ) -> Result<ServiceAccountPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::SetServiceAccountActive)?;
        let request = scope.ask(input.into_wire());
        let mut accounts = scope.backends.service_accounts.clone();
        ServiceAccountPayload::new(answer(accounts.set_service_account_active(request).await)?)
    }

    /// Gives a service account another secret. The newest one until now stays good for a while, so that programs can change over;
    /// older ones end. The answer has the secret, this once. Needs `members.manage`, and every permission that the account has.
    async fn rotate_service_account_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service account.")] input: RotateServiceAccountSecretInput,
    ) -> Result<ServiceAccountSecretPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::RotateServiceAccountSecret)?;
        let request = scope.ask(input.into_wire());
        let mut accounts = scope.backends.service_accounts.clone();
        ServiceAccountSecretPayload::new(answer(accounts.rotate_service_account_secret(request).await)?)
    }
}
