//! Invitations have ended: their mail that has not gone out is not sent (I21).

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::Withdrawn;
use usher_types::OrganizationId;

use super::publish_ended;
use crate::storage;

/// Marks the invitations and cancels their waiting letters.
///
/// # Errors
/// Where the database does not answer.
pub async fn cancel(
    tx: &Transaction,
    invitations: &[(OrganizationId, Withdrawn)],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if invitations.is_empty() {
        return Ok(());
    }
    let ended = storage::cancel_invitations(tx, invitations, now).await?;
    publish_ended(tx, ended, now).await
}
