//! Whether anything is still on its way, so that harnesses can wait for quiet without guessing.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Database, Scope, SystemReason};

use crate::Subscription;

/// What one service's database knows of messages on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Outbox rows not yet published.
    pub unpublished: u64,
}

/// Counts what `database` still has to publish.
///
/// # Errors
/// Where the database does not answer.
pub async fn undrained(database: &Database) -> Result<Pending, DbErr> {
    let sql = "SELECT count(*) FROM outbox WHERE published_at IS NULL";
    Ok(Pending {
        unpublished: count(database, sql, []).await?,
    })
}

async fn count<const N: usize>(
    database: &Database,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<u64, DbErr> {
    let tx = database.read(Scope::System(SystemReason::Relay)).await?;
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    tx.rollback().await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

impl Subscription {
    /// How many published messages of `producers` this subscription, whose consumer keeps its inbox in `consumer`, has
    /// neither handled nor buried. Meant for harnesses whose databases are younger than the retention of outbox and
    /// inbox, and whose queues were declared before the first message.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub async fn undelivered(&self, producers: &[Database], consumer: &Database) -> Result<u64, DbErr> {
        let mut sent = 0;
        for producer in producers {
            sent += self.sent(producer).await?;
        }
        let sql = "SELECT coalesce(sum(events), 0) FROM inbox WHERE queue = $1";
        let handled = count(consumer, sql, [self.queue().into()]).await?;
        Ok(sent.saturating_sub(handled))
    }

    async fn sent(&self, producer: &Database) -> Result<u64, DbErr> {
        let tx = producer.read(Scope::System(SystemReason::Relay)).await?;
        let sql =
            "SELECT kind, queue, sum(events) FROM outbox WHERE published_at IS NOT NULL GROUP BY kind, queue";
        let rows = tx.query_all_raw(tx.statement(sql, [])).await?;
        tx.rollback().await?;
        let mut sent = 0;
        for row in rows {
            let kind: String = row.try_get_by_index(0)?;
            let queue: Option<String> = row.try_get_by_index(1)?;
            let count: i64 = row.try_get_by_index(2)?;
            if self.takes(&kind, queue.as_deref()) {
                sent += u64::try_from(count).unwrap_or_default();
            }
        }
        Ok(sent)
    }

    /// Whether a message of this type, or a command for this queue, arrives here.
    fn takes(&self, kind: &str, queue: Option<&str>) -> bool {
        match queue {
            Some(queue) => queue == self.queue(),
            None => self
                .bindings()
                .iter()
                .any(|binding| crate::embedded::matches(binding, kind)),
        }
    }
}
