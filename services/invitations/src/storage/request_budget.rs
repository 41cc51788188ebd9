//! How often people have asked for a mail without signing in (I11). Only system scope may touch the table.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;

use super::row::Columns;
use crate::domain::asking::WINDOW;

/// Counts a request; its number within the window is returned.
pub(crate) async fn count(tx: &Transaction, key: Vec<u8>, now: DateTime<Utc>) -> Result<i64, DbErr> {
    let sql = "INSERT INTO request_budget (key, count, began_at) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET \
               count = CASE WHEN request_budget.began_at <= $3 THEN 1 ELSE request_budget.count + 1 END, \
               began_at = CASE WHEN request_budget.began_at <= $3 THEN excluded.began_at ELSE request_budget.began_at END \
               RETURNING count";
    let values = [key.into(), now.into(), (now - WINDOW).into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map_or(Ok(0), |row| row.get("count"))
}

/// Drops the counts of windows that are over.
pub(crate) async fn forget(tx: &Transaction, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "DELETE FROM request_budget WHERE began_at <= $1";
    tx.execute_raw(tx.statement(sql, [(now - WINDOW).into()])).await?;
    Ok(())
}
