//! The keys that sign access tokens, wrapped.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Dialect, Transaction, records};

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

/// Whoever turns keys does so alone: two replicas would both see no newer key. It is the first thing that a turn does, for
/// whoever had changed a row before would wait for the other's table, and the other for the row.
pub(crate) async fn lock(tx: &Transaction) -> Result<(), DbErr> {
    if tx.dialect() == Dialect::Postgres {
        tx.execute_unprepared("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE")
            .await?;
    }
    Ok(())
}

/// Keeps a new key.
pub(crate) async fn insert(tx: &Transaction, key: &Wrapped) -> Result<(), DbErr> {
    let sql = "INSERT INTO signing_key (id, wrapped, created_at) VALUES ($1, $2, $3)";
    let values = [
        key.id.as_str().into(),
        key.secret.as_str().into(),
        key.created_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Keeps these wrapped anew.
pub(crate) async fn rewrap(tx: &Transaction, keys: &[Wrapped]) -> Result<(), DbErr> {
    const COLUMNS: [Column<Wrapped>; 2] = [
        Column::text("id", |key| &key.id),
        Column::text("wrapped", |key| &key.secret),
    ];
    if keys.is_empty() {
        return Ok(());
    }
    let (from, values) = records(tx.dialect(), [], &COLUMNS, keys);
    let sql = format!("UPDATE signing_key SET wrapped = r.wrapped FROM {from} WHERE signing_key.id = r.id");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Drops keys that nothing is verified with any more.
pub(crate) async fn delete(tx: &Transaction, ids: &[String]) -> Result<(), DbErr> {
    const COLUMNS: [Column<String>; 1] = [Column::text("id", |id| id)];
    if ids.is_empty() {
        return Ok(());
    }
    let (from, values) = records(tx.dialect(), [], &COLUMNS, ids);
    let sql = format!("DELETE FROM signing_key WHERE id IN (SELECT r.id FROM {from})");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
