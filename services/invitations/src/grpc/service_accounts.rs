//! The service `ServiceAccounts`.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::id_from;
use usher_proto::invitations::v1::service_accounts_server::ServiceAccounts;
use usher_proto::invitations::v1::{
    BatchGetServiceAccountsReply, BatchGetServiceAccountsRequest, CreateServiceAccountRequest,
    IssueTokenReply, IssueTokenRequest, IssuedToken, ListServiceAccountsReply, ListServiceAccountsRequest,
    RotateServiceAccountSecretRequest, ServiceAccountReply, SetServiceAccountActiveRequest,
    UpdateServiceAccountRequest,
};
use usher_service::grpc;

use super::{Edge, convert};
use crate::app::{Failure, NewServiceAccount, ServiceAccount, ServiceAccountChange};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ServiceAccounts for Edge {
    async fn list_service_accounts(
        &self,
        request: Request<ListServiceAccountsRequest>,
    ) -> Answer<ListServiceAccountsReply> {
        let caller = grpc::require(&request, Operation::ListServiceAccounts)?;
        let organization = grpc::organization(&caller)?;
        let request = request.into_inner();
        let (window, with_total) = convert::window(request.page)?;
        let listed = self
            .app
            .list_service_accounts(organization, request.active, window, with_total)
            .await;
        let (page, accounts, total) = listed.map_err(Failure::status)?;
        Ok(Response::new(ListServiceAccountsReply {
            page: Some(convert::page_info(&page, total)),
            service_accounts: accounts.iter().map(convert::service_account).collect(),
        }))
    }

    async fn batch_get_service_accounts(
        &self,
        request: Request<BatchGetServiceAccountsRequest>,
    ) -> Answer<BatchGetServiceAccountsReply> {
        let caller = grpc::require(&request, Operation::GetServiceAccounts)?;
        let ids = request.get_ref().ids.iter().filter_map(|id| id_from(id));
        let found = self.app.service_accounts(&caller, ids.collect()).await;
        let found = found.map_err(Failure::status)?;
        Ok(Response::new(BatchGetServiceAccountsReply {
            service_accounts: found.iter().map(convert::service_account).collect(),
        }))
    }

    async fn create_service_account(
        &self,
        request: Request<CreateServiceAccountRequest>,
    ) -> Answer<ServiceAccountReply> {
        let caller = grpc::require(&request, Operation::CreateServiceAccount)?;
        let request = request.into_inner();
        let new = NewServiceAccount {
            display_name: request.display_name,
            permissions: request.permissions,
        };
        let made = self.app.create_service_account(&caller, new).await;
        reply(made.map(|(account, secret)| (account, Some(secret))))
    }

    async fn update_service_account(
        &self,
        request: Request<UpdateServiceAccountRequest>,
    ) -> Answer<ServiceAccountReply> {
        let caller = grpc::require(&request, Operation::UpdateServiceAccount)?;
        let request = request.into_inner();
        let change = ServiceAccountChange {
            id: id_from(&request.id),
            expected_version: request.expected_version,
            display_name: request.display_name,
            permissions: request.permissions.map(|list| list.values),
        };
        let changed = self.app.update_service_account(&caller, change).await;
        reply(changed.map(|account| (account, None)))
    }

    async fn set_service_account_active(
        &self,
        request: Request<SetServiceAccountActiveRequest>,
    ) -> Answer<ServiceAccountReply> {
        let caller = grpc::require(&request, Operation::SetServiceAccountActive)?;
        let request = request.into_inner();
        let id = id_from(&request.id);
        let changed = self
            .app
            .set_service_account_active(&caller, id, request.active)
            .await;
        reply(changed.map(|account| (account, None)))
    }

    async fn rotate_service_account_secret(
        &self,
        request: Request<RotateServiceAccountSecretRequest>,
    ) -> Answer<ServiceAccountReply> {
        let caller = grpc::require(&request, Operation::RotateServiceAccountSecret)?;
        let request = request.into_inner();
        let id = id_from(&request.id);
        let rotated = self
            .app
            .rotate_service_account_secret(&caller, id, request.overlap)
            .await;
        reply(rotated.map(|(account, secret)| (account, Some(secret))))
    }

    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Answer<IssueTokenReply> {
        grpc::permit(&request, Operation::IssueToken)?;
        let request = request.into_inner();
        let issued = self
            .app
            .issue_token(&request.client_id, &request.client_secret, &request.scope)
            .await;
        Ok(Response::new(match convert::answer(issued)? {
            Ok(issued) => IssueTokenReply {
                token: Some(IssuedToken {
                    access_token: issued.access_token,
                    expires_in: issued.expires_in,
                    scope: issued
                        .permissions
                        .names()
                        .into_iter()
                        .map(str::to_owned)
                        .collect(),
                }),
                refusals: Vec::new(),
            },
            Err(refusals) => IssueTokenReply {
                token: None,
                refusals,
            },
        }))
    }
}

fn reply(result: Result<(ServiceAccount, Option<String>), Failure>) -> Answer<ServiceAccountReply> {
    Ok(Response::new(match convert::answer(result)? {
        Ok((account, secret)) => ServiceAccountReply {
            service_account: Some(convert::service_account(&account)),
            secret,
            refusals: Vec::new(),
        },
        Err(refusals) => ServiceAccountReply {
            service_account: None,
            secret: None,
            refusals,
        },
    }))
}
