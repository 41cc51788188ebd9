//! What an operator wants to know of the server behind a database.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{Database, Dialect, Scope, SystemReason};

/// A PostgreSQL server as one connection sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Such as `15.18`.
    pub version: String,
    /// Its clock.
    pub now: DateTime<Utc>,
    /// How many connections it takes in all.
    pub max_connections: u32,
    /// Whether this connection is encrypted.
    pub encrypted: bool,
}

impl Database {
    /// Asks the server about itself; none where there is no server, as with SQLite.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn server(&self) -> Result<Option<Server>, DbErr> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        let tx = self.read(Scope::System(SystemReason::Operate)).await?;
        // A role sees of its own connections only whether they are encrypted, and these belong to the user of the URL.
        tx.execute_unprepared("SET LOCAL ROLE NONE").await?;
        let sql = "SELECT current_setting('server_version'), clock_timestamp(), current_setting('max_connections')::bigint, \
                   coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)";
        let row = tx.query_one_raw(tx.statement(sql, [])).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("what the server is".to_owned()))?;
        let server = Server {
            version: row.try_get_by_index(0)?,
            now: row.try_get_by_index(1)?,
            max_connections: u32::try_from(row.try_get_by_index::<i64>(2)?).unwrap_or(u32::MAX),
            encrypted: row.try_get_by_index(3)?,
        };
        tx.rollback().await?;
        Ok(Some(server))
    }
}
