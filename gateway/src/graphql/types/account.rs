//! An account, and the link between it and a contact.

use std::borrow::Cow;

use async_graphql::{Context, ID, Object};
use usher_proto::contacts::v1 as wire;
use usher_types::{AccountId, ContactId, LinkId};

use super::{AccountKind, AccountPortalStatus, Contact, Moment, count, from_wire, required_moment};
use crate::fault::{Code, Fault};
use crate::graphql::scope::Scope;
use crate::ids::shown;

/// What a contact is let into.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) row: wire::Account,
    of_staff: bool,
}

impl Account {
    /// The account as this caller sees it.
    pub(crate) fn new(row: wire::Account, scope: &Scope) -> Self {
        let of_staff = scope.portal_contact().is_none();
        Self { row, of_staff }
    }

    pub(crate) fn id(&self) -> Option<AccountId> {
        usher_proto::id_from(&self.row.id)
    }
}

/// What a contact is let into.
#[Object]
impl Account {
    /// The account's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<AccountId>(&self.row.id)
    }

    /// The account's name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// What it stands for.
    async fn kind(&self) -> Result<AccountKind, Fault> {
        from_wire(&self.row.kind)
    }

    /// Staff's tags. Empty in a portal session.
    async fn tags(&self) -> &[String] {
        if self.of_staff { &self.row.tags } else { &[] }
    }

    /// The links to contacts. At most 500.
    async fn contacts(&self, ctx: &Context<'_>) -> Result<Vec<AccountContact>, Fault> {
        let Some(id) = self.id() else {
            return Ok(Vec::new());
        };
        Ok(Scope::of(ctx)?.links_of_account(id).await?.unwrap_or_default())
    }

    /// Whether somebody can get in through this account.
    async fn portal_status(&self) -> Result<AccountPortalStatus, Fault> {
        from_wire(&self.row.portal_status)
    }

    /// Goes up with every change; what an update may expect.
    async fn version(&self) -> i32 {
        count(self.row.version)
    }

    /// When the account was made.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.row.created_at)
    }

    /// When the account last changed.
    async fn updated_at(&self) -> Result<Moment, Fault> {
        required_moment(self.row.updated_at)
    }
}

/// The link between a contact and an account, with its three toggles.
#[derive(Clone, Debug)]
pub struct AccountContact {
    row: wire::Link,
    account: Option<Account>,
}

impl AccountContact {
    pub(crate) fn new(mut row: wire::Link, scope: &Scope) -> Self {
        let account = row.account.take().map(|account| Account::new(account, scope));
        Self { row, account }
    }

    pub(crate) fn id(&self) -> Option<LinkId> {
        usher_proto::id_from(&self.row.id)
    }

    pub(crate) fn account_id(&self) -> Option<AccountId> {
        usher_proto::id_from(&self.row.account_id)
    }

    pub(crate) fn contact_id(&self) -> Option<ContactId> {
        usher_proto::id_from(&self.row.contact_id)
    }

    pub(crate) fn has_login(&self) -> bool {
        self.row.login
    }

    /// The account, from the link's own answer where it came along.
    pub(crate) async fn into_account(self, scope: &Scope) -> Result<Option<Account>, Fault> {
        match (self.account_id(), self.account) {
            (_, Some(account)) => Ok(Some(account)),
            (Some(id), None) => scope.account(id).await,
            (None, None) => Ok(None),
        }
    }
}

/// The far end of a link is there for as long as the link is, except in the moment in which both go away.
fn gone() -> Fault {
    Fault::new(Code::NotFound, "the other end of this link has gone")
}

/// The link between a contact and an account, with its three toggles.
#[Object]
impl AccountContact {
    /// The link's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<LinkId>(&self.row.id)
    }

    /// The account.
    async fn account(&self, ctx: &Context<'_>) -> Result<Cow<'_, Account>, Fault> {
        if let Some(account) = &self.account {
            return Ok(Cow::Borrowed(account));
        }
        let id = self.account_id().ok_or_else(gone)?;
        Scope::of(ctx)?
            .account(id)
            .await?
            .map(Cow::Owned)
            .ok_or_else(gone)
    }

    /// The contact.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Contact, Fault> {
        let id = self.contact_id().ok_or_else(gone)?;
        Scope::of(ctx)?.contact(id).await?.ok_or_else(gone)
    }

    /// Whether this is the account's first contact.
    async fn primary(&self) -> bool {
        self.row.primary
    }

    /// May sign in to the portal for this account.
    async fn login(&self) -> bool {
        self.row.login
    }

    /// Gets notification e-mail about this account.
    async fn notify(&self) -> bool {
        self.row.notify
    }

    /// E-mail from this contact is filed under this account.
    async fn email_sync(&self) -> bool {
        self.row.email_sync
    }
}
