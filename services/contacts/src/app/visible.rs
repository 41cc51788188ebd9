//! What one change means for others: the portal status of accounts (C11).

use sea_orm::DbErr;
use usher_database::Transaction;

use crate::domain::contact::Contact;
use crate::storage::accounts;
use crate::storage::batch::Batch;

/// Counts a contact's accounts anew where a change of role or activity opens or closes the portal to them. The contact is
/// locked, so that no link of theirs comes or goes meanwhile.
pub(super) async fn recount_accounts(
    tx: &Transaction,
    batch: &mut Batch,
    before: &Contact,
    after: &Contact,
) -> Result<(), DbErr> {
    if before.opens_portal() != after.opens_portal() && after.links_with_login > 0 {
        let own = accounts::lock_own(tx, after.organization, &[after.id]).await?;
        accounts::recount_portal(batch, after.organization, &own);
    }
    Ok(())
}
