//! Programs of others that call the API: made, changed, switched off and on, and given another secret (I15).
//!
//! A service account is a member without a person, so its changes start at the same [`Desk`] and by the same rule: nobody grants
//! or takes what they lack.

mod change;
mod rotate;

use std::collections::HashMap;

use usher_auth::{Permission, PermissionSet, Principal};
use usher_database::Transaction;
use usher_database::keyset::{Page, Window};
use usher_service::grpc;
use usher_types::{MemberId, OrganizationId, RawToken};
use uuid::Uuid;

use super::Failure;
use super::context::App;
use super::members::{Desk, refused};
use crate::domain::client_secret::{PURPOSE, may_have, shown};
use crate::domain::member::{read_grant, read_name};
use crate::storage::client_secret::{self, ClientSecret};
use crate::storage::member::{self, Member, Which};

pub(crate) use change::ServiceAccountChange;

/// An account with its secrets that live, the newest first.
#[derive(Clone, Debug)]
pub(crate) struct ServiceAccount {
    pub(crate) member: Member,
    pub(crate) secrets: Vec<ClientSecret>,
}

/// What is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewServiceAccount {
    pub(crate) display_name: String,
    pub(crate) permissions: Vec<String>,
}

/// An account, and its new secret in clear: it is told now and never again.
pub(crate) type WithSecret = (ServiceAccount, String);

impl App {
    /// Makes an account with its first secret.
    ///
    /// # Errors
    /// Refusals with the codes of `ServiceAccountErrorCode`.
    pub(crate) async fn create_service_account(
        &self,
        principal: &Principal,
        new: NewServiceAccount,
    ) -> Result<WithSecret, Failure> {
        let name = read_name(&new.display_name).map_err(refused)?;
        let permissions = read_permissions(&new.permissions)?;
        let desk = self.desk(principal).await?;
        desk.may_change(PermissionSet::NONE, permissions)?;
        let account =
            Member::new_service_account(desk.organization(), name, permissions, &desk.actor, desk.now);
        member::insert(&desk.tx, &account).await?;
        let secret = add_secret(&desk, &account, &self.tokens.token()).await?;
        let summary = format!(
            "Made the service account {} with {}",
            account.display_name,
            account.grant().described()
        );
        desk.log(&account, "service_account.created", summary).await?;
        let account = seen(&desk, account).await?;
        desk.tx.commit().await?;
        Ok((account, secret))
    }

    /// Accounts by their ids, in the order asked for; unknown ones are left out. Without `members.manage` everybody but the
    /// caller is unknown.
    pub(crate) async fn service_accounts(
        &self,
        principal: &Principal,
        ids: Vec<Uuid>,
    ) -> Result<Vec<ServiceAccount>, Failure> {
        let organization = grpc::organization(principal)?;
        let all = principal.has(Permission::MembersManage);
        let may_see = |member: &Member| all || principal.member() == Some(member.id);
        let mut found = self.members(organization, ids).await?;
        found.retain(|member| member.service_account && may_see(member));
        let tx = self.read(organization).await?;
        self.with_secrets(&tx, organization, found).await
    }

    /// A page of the accounts by name, and their number where asked for. `active` left out: both.
    pub(crate) async fn list_service_accounts(
        &self,
        organization: OrganizationId,
        active: Option<bool>,
        window: Window,
        with_total: bool,
    ) -> Result<(Page<Member>, Vec<ServiceAccount>, Option<i64>), Failure> {
        let which = Which {
            service_accounts: true,
            active,
        };
        let (page, total) = self.list_members(organization, which, window, with_total).await?;
        let members = page.edges.iter().map(|edge| edge.node.clone()).collect();
        let tx = self.read(organization).await?;
        let accounts = self.with_secrets(&tx, organization, members).await?;
        Ok((page, accounts, total))
    }

    async fn with_secrets(
        &self,
        tx: &Transaction,
        organization: OrganizationId,
        members: Vec<Member>,
    ) -> Result<Vec<ServiceAccount>, Failure> {
        let ids: Vec<MemberId> = members.iter().map(|member| member.id).collect();
        let mut secrets: HashMap<_, _> = client_secret::live_of(tx, organization, ids, self.now()).await?;
        let with = |member: Member| ServiceAccount {
            secrets: secrets.remove(&member.id).unwrap_or_default(),
            member,
        };
        Ok(members.into_iter().map(with).collect())
    }
}

/// Permissions by their names, none of which is for people alone.
fn read_permissions(names: &[String]) -> Result<PermissionSet, Failure> {
    let grant = read_grant(None, Some(names)).map_err(refused)?;
    let permissions = grant.map_or(PermissionSet::NONE, |grant| grant.permissions());
    may_have(permissions).map_err(refused)
}

/// Writes a further secret of the account and gives its text.
async fn add_secret(desk: &Desk, account: &Member, token: &RawToken) -> Result<String, Failure> {
    let (text, hint) = shown(token);
    let secret = ClientSecret::new(hint, desk.now);
    let whose = (desk.organization(), account.id);
    client_secret::insert(&desk.tx, whose, &secret, token.hash(PURPOSE)).await?;
    Ok(text)
}

/// The account as it stands in the desk's transaction.
async fn seen(desk: &Desk, member: Member) -> Result<ServiceAccount, Failure> {
    let mut secrets = client_secret::live_of(&desk.tx, desk.organization(), [member.id], desk.now).await?;
    Ok(ServiceAccount {
        secrets: secrets.remove(&member.id).unwrap_or_default(),
        member,
    })
}
