//! The file of the in-process broker.

use std::{collections::BTreeMap, path::Path};

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Database, Dialect, Scope, SystemReason, Transaction};

use crate::{BrokerError, transport::Queue};

const CONNECTIONS: u32 = 4;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS binding (queue text NOT NULL, pattern text NOT NULL, PRIMARY KEY (queue, pattern)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    position integer PRIMARY KEY AUTOINCREMENT, queue text NOT NULL, taken integer NOT NULL DEFAULT 0, message text NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_queue ON delivery (queue, position);
";

#[derive(Clone, Debug)]
pub(super) struct Store(Database);

/// One message in one queue.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub position: i64,
    /// How often it was taken, this time included.
    pub taken: i64,
    pub message: String,
}

impl Store {
    pub(super) async fn open(path: &Path) -> Result<Self, BrokerError> {
        let store = Self(Database::open_file(path, CONNECTIONS).await?);
        let tx = store.write().await?;
        tx.execute_unprepared(SCHEMA).await?;
        tx.commit().await?;
        Ok(store)
    }

    async fn write(&self) -> Result<Transaction, DbErr> {
        self.0.write(Scope::System(SystemReason::Relay)).await
    }

    /// Queues without a pattern take commands only; the empty pattern, which no routing key fits, stands for them.
    pub(super) async fn declare(&self, queues: &[Queue]) -> Result<(), DbErr> {
        let pairs = queues.iter().flat_map(|queue| {
            let patterns = queue.bindings.iter().map(String::as_str).chain([""]);
            patterns.map(|pattern| [queue.name(), pattern.to_owned()])
        });
        let json = json(&pairs.collect::<Vec<_>>())?;
        let tx = self.write().await?;
        let sql = "INSERT INTO binding (queue, pattern) SELECT value->>0, value->>1 FROM json_each($1) WHERE true \
                   ON CONFLICT DO NOTHING";
        tx.execute_raw(tx.statement(sql, [json.into()])).await?;
        tx.commit().await
    }

    pub(super) async fn bindings(&self) -> Result<BTreeMap<String, Vec<String>>, DbErr> {
        let tx = self.0.read(Scope::System(SystemReason::Relay)).await?;
        let mut bindings = BTreeMap::<String, Vec<String>>::new();
        for row in tx
            .query_all_raw(tx.statement("SELECT queue, pattern FROM binding", []))
            .await?
        {
            bindings
                .entry(row.try_get_by_index(0)?)
                .or_default()
                .push(row.try_get_by_index(1)?);
        }
        tx.rollback().await?;
        Ok(bindings)
    }

    pub(super) async fn insert(&self, rows: &[(&str, String)]) -> Result<(), DbErr> {
        let json = json(rows)?;
        let tx = self.write().await?;
        let sql = "INSERT INTO delivery (queue, message) SELECT value->>0, value->>1 FROM json_each($1) ORDER BY key";
        tx.execute_raw(tx.statement(sql, [json.into()])).await?;
        tx.commit().await
    }

    /// Takes rows beyond `after`, in their order.
    pub(super) async fn take(&self, queue: &str, after: i64, limit: usize) -> Result<Vec<Row>, DbErr> {
        let tx = self.write().await?;
        let sql = "UPDATE delivery SET taken = taken + 1 WHERE position IN (SELECT position FROM delivery \
                   WHERE queue = $1 AND position > $2 ORDER BY position LIMIT $3) RETURNING position, taken, message";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = tx
            .query_all_raw(tx.statement(sql, [queue.into(), after.into(), limit.into()]))
            .await?;
        tx.commit().await?;
        let row = |row: &sea_orm::QueryResult| {
            Ok(Row {
                position: row.try_get_by_index(0)?,
                taken: row.try_get_by_index(1)?,
                message: row.try_get_by_index(2)?,
            })
        };
        let mut rows = found.iter().map(row).collect::<Result<Vec<_>, DbErr>>()?;
        // RETURNING promises no order.
        rows.sort_by_key(|row| row.position);
        Ok(rows)
    }

    pub(super) async fn delete(&self, positions: impl IntoIterator<Item = i64>) -> Result<(), DbErr> {
        let tx = self.write().await?;
        let sql = format!(
            "DELETE FROM delivery WHERE {}",
            Dialect::Sqlite.in_bigints("position", 1)
        );
        tx.execute_raw(tx.statement(sql, [Dialect::Sqlite.bigints(positions)]))
            .await?;
        tx.commit().await
    }
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(|error| DbErr::Json(error.to_string()))
}
