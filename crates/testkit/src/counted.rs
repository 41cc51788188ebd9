//! How much of its tables PostgreSQL reads.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;

/// What `work` finds in this transaction on PostgreSQL, and how many rows are read for it, whichever are found.
///
/// # Panics
/// Where `work` or the database fails.
pub async fn counted<T>(tx: &Transaction, work: impl Future<Output = Result<T, DbErr>>) -> (T, i64) {
    let before = rows_read(tx).await;
    let found = work.await.expect("the work is done");
    (found, rows_read(tx).await - before)
}

async fn rows_read(tx: &Transaction) -> i64 {
    let sql = "SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint \
               FROM pg_stat_xact_user_tables";
    let row = tx.query_one_raw(tx.statement(sql, [])).await;
    let row = row.expect("the figures").expect("a row");
    row.try_get_by_index(0).expect("a number")
}
