//! The handle that services share.

use std::{path::Path, sync::Arc};

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use sqlx::{AssertSqlSafe, postgres::PgPool, sqlite::SqlitePool};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

use crate::{
    ConnectError, DatabaseSettings, Dialect, Scope, Transaction, Wake, Waking,
    connect::{ACQUIRE_TIMEOUT, Pools, SYSTEM_ROLE},
    scope::Work,
    transaction::Inner,
};

/// Idle connections that a restarted PostgreSQL has closed fail at their first statement; nothing has happened then, so
/// the transaction begins again on another.
const BEGIN_TRIES: usize = 10;

/// PostgreSQL otherwise keeps a prepared statement's plan until somebody analyzes its tables. One made while a table was
/// almost empty reads all of it for every slice once a mass has filled it.
pub(crate) const PLAN_AFRESH: &str = "SET LOCAL plan_cache_mode = force_custom_plan";

/// The other way out, where planning costs more than the statement: what was planned for an almost empty table goes by its
/// indexes all the same.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off";

/// One service's database. Cloning shares pool and wake-up.
#[derive(Clone, Debug)]
pub struct Database {
    pools: Pools,
    wake: Wake,
}

impl Database {
    /// Opens the pool and one connection in it, so that wrong settings show at once.
    ///
    /// # Errors
    /// [`ConnectError::Settings`] ends the program with 78; [`ConnectError::Unavailable`] is tried again by the caller,
    /// who says so (R5).
    pub async fn connect(settings: &DatabaseSettings, service: &str) -> Result<Self, ConnectError> {
        Ok(Self {
            pools: Pools::open(settings, service).await?,
            wake: Wake::default(),
        })
    }

    /// Opens one SQLite file outside the services' schema, such as the in-process broker's.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn open_file(path: &Path, connections: u32) -> Result<Self, ConnectError> {
        Ok(Self {
            pools: Pools::open_file(path, connections).await?,
            wake: Wake::default(),
        })
    }

    /// Which SQL it speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// The same database over the relay's own two connections, which requests cannot take. Commits of either handle wake
    /// the same listeners.
    #[must_use]
    pub fn for_relay(&self) -> Self {
        let pools = match &self.pools {
            Pools::Sqlite { .. } => self.pools.clone(),
            Pools::Postgres { relay, .. } => Pools::Postgres {
                pool: relay.clone(),
                relay: relay.clone(),
            },
        };
        Self {
            pools,
            wake: self.wake.clone(),
        }
    }

    /// A transaction that only reads. On PostgreSQL it refuses to write or to lock rows.
    ///
    /// # Errors
    /// Where no connection comes within two seconds, see [`crate::is_unavailable`].
    pub async fn read(&self, scope: Scope) -> Result<Transaction, DbErr> {
        let inner = match &self.pools {
            Pools::Sqlite { pool, .. } => begin_sqlite(pool, "BEGIN DEFERRED").await?,
            Pools::Postgres { pool, .. } => begin_postgres(pool, "BEGIN READ ONLY", scope).await?,
        };
        Ok(Transaction::new(inner, None, None))
    }

    /// A transaction that reads and writes. On SQLite it holds the write lock from the start, so that it cannot fail
    /// between its first read and its first write.
    ///
    /// # Errors
    /// Where no connection, or on SQLite the write lock, comes within two seconds, see [`crate::is_unavailable`].
    pub async fn write(&self, scope: Scope) -> Result<Transaction, DbErr> {
        let (inner, writer) = match &self.pools {
            Pools::Sqlite { pool, writer } => {
                let turn = turn(writer).await?;
                (begin_sqlite(pool, "BEGIN IMMEDIATE").await?, Some(turn))
            }
            Pools::Postgres { pool, .. } => (begin_postgres(pool, "BEGIN", scope).await?, None),
        };
        Ok(Transaction::new(inner, Some(self.wake.clone()), writer))
    }

    /// Woken after every committed [`Database::write`] of this process.
    #[must_use]
    pub fn committed(&self) -> Waking {
        self.wake.commits()
    }

    /// Woken after every commit that wrote to the outbox, see [`Transaction::speaks`].
    #[must_use]
    pub fn spoken(&self) -> Waking {
        self.wake.messages()
    }

    /// Woken after every commit that wrote to the outbox what somebody waits for.
    #[must_use]
    pub fn spoken_urgently(&self) -> Waking {
        self.wake.urgent()
    }

    /// Whether a connection answers; for readiness. On PostgreSQL one of the relay's, which requests cannot take: a database that is
    /// merely busy is not away.
    ///
    /// # Errors
    /// Where none does within two seconds.
    pub async fn ping(&self) -> Result<(), DbErr> {
        match &self.pools {
            Pools::Sqlite { pool, .. } => sqlx::query("SELECT 1").execute(pool).await.map(|_| ()),
            Pools::Postgres { relay, .. } => sqlx::query("SELECT 1").execute(relay).await.map(|_| ()),
        }
        .map_err(acquire_error)
    }

    /// Closes all connections once their transactions are over.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { pool, .. } => pool.close().await,
            Pools::Postgres { pool, relay } => {
                pool.close().await;
                relay.close().await;
            }
        }
    }
}

async fn turn(writer: &Arc<Mutex<()>>) -> Result<OwnedMutexGuard<()>, DbErr> {
    timeout(ACQUIRE_TIMEOUT, writer.clone().lock_owned())
        .await
        .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}

async fn begin_sqlite(pool: &SqlitePool, begin: &'static str) -> Result<Inner, DbErr> {
    let transaction = pool.begin_with(begin).await.map_err(acquire_error)?;
    Ok(Inner::Sqlite(Mutex::new(transaction)))
}

/// Begin and scope are one message to the server, not three.
async fn begin_postgres(pool: &PgPool, begin: &str, scope: Scope) -> Result<Inner, DbErr> {
    let sql = match scope {
        Scope::Organization(id) => format!("{begin}; SET LOCAL usher.organization = '{id}'"),
        Scope::System(reason) => {
            let planning = match reason.work() {
                Work::Many => PLAN_AFRESH,
                Work::Often => BY_INDEX,
                Work::Little => "",
            };
            format!("{begin}; SET LOCAL ROLE {SYSTEM_ROLE}; {planning}")
        }
    };
    let mut tries = 1;
    loop {
        // sqlx forgets a BEGIN whose answer nobody waited for, and the pool would lend the connection out again inside that
        // transaction, with its role. A task of its own cannot be cancelled: its transaction is rolled back when dropped.
        let begin = {
            let (pool, sql) = (pool.clone(), sql.clone());
            tokio::spawn(async move { pool.begin_with(AssertSqlSafe(sql)).await })
        };
        match begin.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)) {
            Ok(transaction) => return Ok(Inner::Postgres(Mutex::new(transaction))),
            Err(error) if tries < BEGIN_TRIES && was_closed(&error) => tries += 1,
            Err(error) => return Err(acquire_error(error)),
        }
    }
}

/// The connection had been closed by the other side, by a restart or an administrator.
fn was_closed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| code == "57P01"),
        _ => false,
    }
}

fn acquire_error(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}
