//! Pools, and the settings of every connection in them.

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgPool},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous},
};
use tokio::sync::Mutex;

use crate::{ConnectError, DatabaseSettings, Dialect, settings::Target};

/// A wait for a connection that is longer answers UNAVAILABLE.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the first connection may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long another process may hold SQLite's write lock before a write gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection remembers.
const STATEMENTS: usize = 500;
/// Connections of the relay, which must not starve when requests take all the others.
pub(crate) const RELAY_CONNECTIONS: u32 = 2;

/// The role of every connection: it owns nothing, so that row security holds for it.
pub(crate) const SERVICE_ROLE: &str = "usher_service";
/// The role of transactions in system scope.
pub(crate) const SYSTEM_ROLE: &str = "usher_system";

/// The pool of one dialect. SQLite takes one writer at a time: writers of a process queue for the mutex, which is fair and
/// wakes at once, rather than for SQLite's lock, which polls.
#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite {
        pool: SqlitePool,
        writer: Arc<Mutex<()>>,
    },
    Postgres {
        pool: PgPool,
        relay: PgPool,
    },
}

impl Pools {
    pub(crate) async fn open(settings: &DatabaseSettings, service: &str) -> Result<Self, ConnectError> {
        match settings.target(service)? {
            Target::Sqlite(path) => Self::open_file(&path, settings.connections()).await,
            Target::Postgres(options) => {
                let options = postgres_options(*options, service);
                probe(&options, become_service).await?;
                let pool = postgres_pool(settings.connections())
                    .connect_with(options.clone())
                    .await?;
                Ok(Self::Postgres {
                    pool,
                    relay: postgres_pool(RELAY_CONNECTIONS).connect_lazy_with(options),
                })
            }
        }
    }

    pub(crate) async fn open_file(path: &Path, connections: u32) -> Result<Self, ConnectError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder).await.map_err(|error| {
                ConnectError::Settings(format!("the folder {} cannot be made: {error}", folder.display()))
            })?;
        }
        let pool = PoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(sqlite_options(path))
            .await?;
        Ok(Self::Sqlite {
            pool,
            writer: Arc::default(),
        })
    }
}

/// Connections of the user who owns the tables, for migrations only.
impl DatabaseSettings {
    /// Which database the URL names.
    ///
    /// # Errors
    /// Where the URL is neither.
    pub fn dialect(&self) -> Result<Dialect, ConnectError> {
        Ok(match self.target("any")? {
            Target::Sqlite(_) => Dialect::Sqlite,
            Target::Postgres(_) => Dialect::Postgres,
        })
    }

    /// One connection to a service's SQLite file.
    ///
    /// # Errors
    /// Where the URL is no such, or the file cannot be opened.
    pub async fn sqlite_owner(&self, service: &str) -> Result<SqlitePool, ConnectError> {
        match Pools::open(&self.clone().with_connections(1), service).await? {
            Pools::Sqlite { pool, .. } => Ok(pool),
            Pools::Postgres { .. } => Err(ConnectError::Settings(
                "the URL names no SQLite folder".to_owned(),
            )),
        }
    }

    /// One connection as the URL's own user, in the service's schema.
    ///
    /// # Errors
    /// Where the URL is no such, or the database refuses or does not answer.
    pub async fn postgres_owner(&self, service: &str) -> Result<PgPool, ConnectError> {
        match self.target(service)? {
            Target::Sqlite(_) => Err(ConnectError::Settings(
                "the URL names no PostgreSQL database".to_owned(),
            )),
            Target::Postgres(options) => {
                let options = postgres_options(*options, service);
                probe(&options, async |_| Ok(())).await?;
                Ok(PoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .connect_with(options)
                    .await?)
            }
        }
    }
}

/// One connection without a pool, which begins as those in it do: a pool tries again and again in silence, and then only says
/// that it timed out.
async fn probe(
    options: &PgConnectOptions,
    begin: impl AsyncFnOnce(&mut PgConnection) -> Result<(), sqlx::Error>,
) -> Result<(), ConnectError> {
    let connected = tokio::time::timeout(PROBE_TIMEOUT, options.connect()).await;
    let mut connection =
        connected.map_err(|_| ConnectError::Unavailable("no answer in time".to_owned()))??;
    begin(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

async fn become_service(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let role = sqlx::AssertSqlSafe(format!("SET ROLE {SERVICE_ROLE}"));
    connection.execute(role).await.map(drop)
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode a power cut loses the last transactions, never the file; a killed process loses nothing.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
}

fn postgres_options(options: PgConnectOptions, service: &str) -> PgConnectOptions {
    let search_path = format!("{service},public");
    options
        .application_name(&format!("usher-{service}"))
        // Extensions live in public. Start-up parameters cost no statement and cannot be lost by a reset.
        .options([
            ("search_path", search_path.as_str()),
            ("timezone", "UTC"),
            ("jit", "off"),
        ])
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
}

fn postgres_pool(connections: u32) -> PoolOptions<sqlx::Postgres> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection is tested when it comes back; testing it again would cost every transaction a round trip.
        .test_before_acquire(false)
        .after_connect(|connection: &mut PgConnection, _| Box::pin(become_service(connection)))
}
