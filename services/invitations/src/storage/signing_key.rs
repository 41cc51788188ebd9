//! The keys that sign access tokens, wrapped.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Dialect, Transaction};

use super::recordset::json;
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

/// Keeps a new key, unless another replica was faster: one was made after `since`.
pub(crate) async fn insert_unless_since(
    tx: &Transaction,
    key: &Wrapped,
    since: DateTime<Utc>,
) -> Result<(), DbErr> {
    // two replicas at once would otherwise both see no newer key
    if tx.dialect() == Dialect::Postgres {
        tx.execute_unprepared("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE")
            .await?;
    }
    let sql = "INSERT INTO signing_key (id, wrapped, created_at) SELECT $1, $2, $3 \
               WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE created_at > $4)";
    let values = [
        key.id.as_str().into(),
        key.secret.as_str().into(),
        key.created_at.into(),
        since.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Drops keys that nothing is verified with any more.
pub(crate) async fn delete(tx: &Transaction, ids: &[String]) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    let list = match tx.dialect() {
        Dialect::Sqlite => "id IN (SELECT value FROM json_each($1))",
        Dialect::Postgres => "id IN (SELECT json_array_elements_text($1::text::json))",
    };
    let sql = format!("DELETE FROM signing_key WHERE {list}");
    tx.execute_raw(tx.statement(sql, [json(ids)?])).await?;
    Ok(())
}
