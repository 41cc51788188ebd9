//! What is kept for how long: published outbox rows a day, inbox rows and replayed dead letters thirty.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Dialect, Scope, SystemReason};

const DAY: i64 = 24 * 3600 * 1000;
const OUTBOX: i64 = DAY;
const INBOX: i64 = 30 * DAY;
/// Between two sweeps; several replicas at it do no harm.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Rows in one transaction, so that nobody waits for long.
const CHUNK: u64 = 5_000;

/// Sweeps every hour until `stop`.
pub(crate) async fn run(database: Database, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(INTERVAL) => {}
        }
        if let Err(error) = sweep(&database).await {
            tracing::warn!(%error, "old messages were not swept; tried again in an hour");
        }
    }
}

/// Deletes what is older than its time.
///
/// # Errors
/// Where the database does not answer.
pub async fn sweep(database: &Database) -> Result<(), DbErr> {
    let dialect = database.dialect();
    for statement in [outbox(dialect), inbox(dialect), dead_letters(dialect)] {
        while delete(database, &statement).await? == CHUNK {}
    }
    Ok(())
}

async fn delete(database: &Database, statement: &str) -> Result<u64, DbErr> {
    let tx = database.write(Scope::System(SystemReason::Sweep)).await?;
    let deleted = tx.execute_unprepared(statement).await?.rows_affected();
    tx.commit().await?;
    Ok(deleted)
}

fn outbox(dialect: Dialect) -> String {
    let old = dialect.now_plus(-OUTBOX);
    // the row's place, as PostgreSQL keeps no key of published rows
    let place = match dialect {
        Dialect::Postgres => "ctid",
        Dialect::Sqlite => "position",
    };
    format!(
        "DELETE FROM outbox WHERE {place} IN (SELECT {place} FROM outbox WHERE published_at < {old} LIMIT {CHUNK})"
    )
}

fn inbox(dialect: Dialect) -> String {
    let old = dialect.now_plus(-INBOX);
    format!(
        "DELETE FROM inbox WHERE (queue, id) IN (SELECT queue, id FROM inbox WHERE at < {old} LIMIT {CHUNK})"
    )
}

fn dead_letters(dialect: Dialect) -> String {
    let old = dialect.now_plus(-INBOX);
    format!(
        "DELETE FROM dead_letter WHERE (queue, id) IN (SELECT queue, id FROM dead_letter \
         WHERE replayed_at < {old} LIMIT {CHUNK})"
    )
}
