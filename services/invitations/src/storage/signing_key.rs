//! The keys that sign access tokens, wrapped.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;

use super::row::Columns;

/// A key as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Wrapped {
    pub(crate) id: String,
    /// `usher_auth::wrap_secret` of PKCS#8.
    pub(crate) secret: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// All keys, the newest first.
pub(crate) async fn all(tx: &Transaction) -> Result<Vec<Wrapped>, DbErr> {
    let sql = "SELECT id, wrapped, created_at FROM signing_key ORDER BY created_at DESC, id DESC";
    let rows = tx.query_all_raw(tx.statement(sql, [])).await?;
    rows.iter()
        .map(|row| {
            Ok(Wrapped {
                id: row.get("id")?,
                secret: row.get("wrapped")?,
                created_at: row.get("created_at")?,
            })
        })
        .collect()
}

/// Keeps the first key, unless another replica was faster.
pub(crate) async fn insert_first(tx: &Transaction, key: &Wrapped) -> Result<(), DbErr> {
    // two replicas that start at once would otherwise both see no key
    if tx.dialect() == usher_database::Dialect::Postgres {
        tx.execute_unprepared("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE")
            .await?;
    }
    let sql = "INSERT INTO signing_key (id, wrapped, created_at) SELECT $1, $2, $3 \
               WHERE NOT EXISTS (SELECT 1 FROM signing_key)";
    let values = [
        key.id.as_str().into(),
        key.secret.as_str().into(),
        key.created_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
