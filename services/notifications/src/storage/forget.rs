//! Dropping what is not kept any more.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;

/// A table with something that is kept for a while only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Letters that have come to their end, with their addresses.
    Letters,
    /// Invitations that have ended: no letter of theirs can come any more.
    Tombstones,
    /// Words about sendings that are not held any more.
    Holds,
    /// What letters had in common that are gone.
    Mailings,
}

impl Kept {
    /// All of them, in the order in which they go: a sending stays while there is a word about it, since letters that were held may still
    /// wait then.
    pub const ALL: [Self; 4] = [Self::Letters, Self::Tombstones, Self::Holds, Self::Mailings];

    const fn old(self) -> &'static str {
        match self {
            Self::Letters => {
                "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE created_at < $1 AND NOT pending LIMIT $2)"
            }
            Self::Tombstones => {
                "DELETE FROM tombstone WHERE (organization_id, invitation_id) IN \
                 (SELECT organization_id, invitation_id FROM tombstone WHERE created_at < $1 LIMIT $2)"
            }
            Self::Holds => {
                "DELETE FROM mailing_hold WHERE mailing_id IN \
                 (SELECT mailing_id FROM mailing_hold WHERE updated_at < $1 AND NOT held AND NOT moving LIMIT $2)"
            }
            // The time is asked for once more: new letters may have come while this waited for the row.
            Self::Mailings => {
                "DELETE FROM mailing WHERE created_at < $1 AND id IN (SELECT id FROM mailing WHERE created_at < $1 AND NOT EXISTS \
                 (SELECT 1 FROM mailing_hold WHERE mailing_hold.mailing_id = mailing.id) LIMIT $2)"
            }
        }
    }
}

/// Drops up to `most` rows from before this moment; how many it were.
///
/// # Errors
/// Where the database does not answer.
pub async fn forget(tx: &Transaction, kept: Kept, before: DateTime<Utc>, most: u32) -> Result<u64, DbErr> {
    let values = [before.into(), i64::from(most).into()];
    let done = tx.execute_raw(tx.statement(kept.old(), values)).await?;
    Ok(done.rows_affected())
}
