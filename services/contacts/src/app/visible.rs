//! What one change means for others: the portal status of accounts (C11).

use sea_orm::DbErr;
use usher_database::Transaction;
use usher_types::{AccountId, ContactId, OrganizationId};

use crate::storage::accounts;
use crate::storage::links::{self, By};

/// Counts a contact's accounts anew after a change of role or activity. The contact is locked, so that no link of theirs
/// comes or goes meanwhile.
pub(super) async fn recount_accounts(
    tx: &Transaction,
    organization: OrganizationId,
    contact: ContactId,
) -> Result<(), DbErr> {
    let links = links::find(tx, organization, By::Contacts(&[contact])).await?;
    let ids: Vec<AccountId> = links
        .iter()
        .filter(|link| link.toggles.login)
        .map(|link| link.account)
        .collect();
    accounts::lock(tx, organization, &ids).await?;
    accounts::recount_portal(tx, organization, &ids).await
}
