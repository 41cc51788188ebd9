//! Idempotency keys: a member's own, kept 24 hours (I4).

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{BatchId, OrganizationId};
use uuid::Uuid;

use super::row::Columns;

/// How long a key is kept.
pub(crate) const LIFE: TimeDelta = TimeDelta::hours(24);

/// Whose key.
#[derive(Clone, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) organization: OrganizationId,
    pub(crate) owner: Uuid,
    pub(crate) text: &'a str,
}

impl Key<'_> {
    fn values(&self) -> [sea_orm::Value; 3] {
        [
            self.organization.uuid().into(),
            self.owner.into(),
            self.text.into(),
        ]
    }
}

/// The input's hash and the batch of a key that is still kept.
pub(crate) async fn find(
    tx: &Transaction,
    key: &Key<'_>,
    now: DateTime<Utc>,
) -> Result<Option<(Vec<u8>, BatchId)>, DbErr> {
    let sql = "SELECT input_hash, batch_id FROM idempotency_key \
               WHERE organization_id = $1 AND owner_id = $2 AND key = $3 AND created_at > $4";
    let values = key.values().into_iter().chain([(now - LIFE).into()]);
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map(|row| Ok((row.get("input_hash")?, row.id("batch_id")?)))
        .transpose()
}

/// Takes a key; a unique violation where somebody has it.
pub(crate) async fn take(
    tx: &Transaction,
    key: &Key<'_>,
    input_hash: &[u8],
    batch: BatchId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let old = "DELETE FROM idempotency_key \
               WHERE organization_id = $1 AND owner_id = $2 AND key = $3 AND created_at <= $4";
    let values = key.values().into_iter().chain([(now - LIFE).into()]);
    tx.execute_raw(tx.statement(old, values)).await?;
    let sql = "INSERT INTO idempotency_key (organization_id, owner_id, key, input_hash, batch_id, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let values =
        key.values()
            .into_iter()
            .chain([input_hash.to_vec().into(), batch.uuid().into(), now.into()]);
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// As [`take`]; false where somebody has it, and then the transaction goes on.
pub(crate) async fn take_if_free(
    tx: &Transaction,
    key: &Key<'_>,
    input_hash: &[u8],
    batch: BatchId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = "INSERT INTO idempotency_key (organization_id, owner_id, key, input_hash, batch_id, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let values =
        key.values()
            .into_iter()
            .chain([input_hash.to_vec().into(), batch.uuid().into(), now.into()]);
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Drops keys that are not kept any more.
pub(crate) async fn forget(tx: &Transaction, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "DELETE FROM idempotency_key WHERE created_at <= $1";
    tx.execute_raw(tx.statement(sql, [(now - LIFE).into()])).await?;
    Ok(())
}
