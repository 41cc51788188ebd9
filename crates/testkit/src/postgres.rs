//! PostgreSQL databases cloned from a migrated template.

use std::time::{Duration, SystemTime};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use usher_database::{DatabaseSettings, Dialect};
use usher_migrations::{fingerprint, migrate_all};
use uuid::Uuid;

const DEFAULT_URL: &str = "postgres://root@127.0.0.1:5432/postgres";
const CONNECTIONS: u32 = 4;
/// Anything that nobody else uses as an advisory lock in the maintenance database.
const LOCK: i64 = 0x5573_6865_7200_0002;
/// Databases of tests that were killed are dropped when they are this old.
const STALE: Duration = Duration::from_secs(3600);

/// A database that is dropped with this value.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    name: String,
}

fn server_url() -> String {
    std::env::var("USHER_TEST_POSTGRES_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned())
}

/// The server's URL with another database.
fn url_of(database: &str) -> String {
    let url = server_url();
    let (base, query) = url
        .split_once('?')
        .map_or((url.as_str(), ""), |(base, query)| (base, query));
    let (server, _) = base.rsplit_once('/').expect("a URL with a database");
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    format!("{server}/{database}{query}")
}

async fn maintenance() -> PgConnection {
    PgConnection::connect(&server_url())
        .await
        .expect("PostgreSQL answers at USHER_TEST_POSTGRES_URL")
}

impl PostgresDatabase {
    /// With all schemas.
    pub(crate) async fn new() -> Self {
        let mut connection = maintenance().await;
        let template = template(&mut connection).await;
        Self::create(connection, &template).await
    }

    /// With nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::create(maintenance().await, "template1").await
    }

    async fn create(mut connection: PgConnection, template: &str) -> Self {
        let name = format!("usher_test_{}_{}", seconds_now(), Uuid::new_v4().simple());
        run(
            &mut connection,
            format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await;
        connection.close().await.expect("PostgreSQL says good-bye");
        Self { name }
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::new(url_of(&self.name)).with_connections(CONNECTIONS)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let name = self.name.clone();
        // The test's own runtime may be shutting down.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut connection = maintenance().await;
                drop_database(&mut connection, &name).await;
            });
        });
        let _ = dropped.join();
    }
}

async fn drop_database(connection: &mut PgConnection, name: &str) {
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let _ = connection.execute(AssertSqlSafe(sql)).await;
}

async fn run(connection: &mut PgConnection, sql: String) {
    let done = connection.execute(AssertSqlSafe(sql.clone())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn exists(connection: &mut PgConnection, template: &str) -> bool {
    let sql = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate";
    let found = sqlx::query(sql).bind(template).fetch_optional(connection).await;
    found.expect("the list of databases").is_some()
}

/// Migrates once a server and schema. The mark `IS_TEMPLATE` comes last, so a half-made one is never used.
async fn template(connection: &mut PgConnection) -> String {
    let name = format!("usher_template_{}", fingerprint(Dialect::Postgres));
    if exists(connection, &name).await {
        return name;
    }
    run(connection, format!("SELECT pg_advisory_lock({LOCK})")).await;
    if !exists(connection, &name).await {
        drop_stale(connection).await;
        drop_database(connection, &name).await;
        run(connection, format!("CREATE DATABASE {name}")).await;
        migrate_all(&DatabaseSettings::new(url_of(&name)))
            .await
            .expect("migrations run on PostgreSQL");
        run(connection, format!("ALTER DATABASE {name} IS_TEMPLATE true")).await;
    }
    run(connection, format!("SELECT pg_advisory_unlock({LOCK})")).await;
    name
}

/// Drops databases that killed tests have left behind.
async fn drop_stale(connection: &mut PgConnection) {
    let sql = r"SELECT datname FROM pg_database WHERE datname LIKE 'usher\_test\_%'";
    let rows = connection.fetch_all(sql).await.expect("the list of databases");
    let limit = seconds_now().saturating_sub(STALE.as_secs());
    for name in rows.iter().map(|row| row.get::<String, _>(0)) {
        let made = name
            .split('_')
            .nth(2)
            .and_then(|seconds| seconds.parse::<u64>().ok());
        if made.is_some_and(|made| made < limit) {
            drop_database(connection, &name).await;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of rubbish is measured in real time"
)]
fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
