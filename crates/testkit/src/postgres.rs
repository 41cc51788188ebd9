//! PostgreSQL databases cloned from a migrated template.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use usher_database::{DatabaseSettings, Dialect};
use usher_migrations::{fingerprint, migrate_all};
use uuid::Uuid;

use crate::background::in_background;

mod rubbish;

const DEFAULT_URL: &str = "postgres://root@127.0.0.1:5432/postgres";
const CONNECTIONS: u32 = 4;
/// Anything that nobody else uses as an advisory lock in the maintenance database: shared by whoever clones a template, held
/// alone by whoever makes or drops one.
const TEMPLATES: i64 = 0x5573_6865_7200_0002;
/// What test databases are called, before a UUID.
const TEST: &str = "usher_test_";
/// What templates are called, before the schemas' fingerprint.
const TEMPLATE: &str = "usher_template_";

/// A database that is dropped with this value.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    name: String,
    /// Holds the lock that tells others that the database is in use: it goes with the process, however that ends.
    owner: PgConnection,
}

/// The program that brings schemas to those of a later release, on which these tests shall run (`scripts/test-upgrade`).
fn later_migrations() -> Option<PathBuf> {
    std::env::var_os("USHER_TEST_LATER_MIGRATE").map(PathBuf::from)
}

/// Of the names of templates on which it has run: its own name says which release it is of.
fn suffix(later: Option<&Path>) -> String {
    let name = later.and_then(Path::file_name).map(|name| name.to_string_lossy());
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if name.is_empty() { name } else { format!("_{name}") }
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
        let later = later_migrations();
        let template = format!(
            "{TEMPLATE}{}{}",
            fingerprint(Dialect::Postgres),
            suffix(later.as_deref())
        );
        rubbish::clear(&mut connection, &template).await;
        provide(&mut connection, &template).await;
        let mut database = Self::create(connection, &template).await;
        ask(&mut database.owner, "pg_advisory_unlock_shared", TEMPLATES).await;
        database
    }

    /// With nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::create(maintenance().await, "template1").await
    }

    /// The lock comes first, so that nobody takes the new database for a dead process's.
    async fn create(mut owner: PgConnection, template: &str) -> Self {
        let id = Uuid::new_v4();
        let name = format!("{TEST}{}", id.simple());
        ask(&mut owner, "pg_advisory_lock", rubbish::lock_of(id)).await;
        run(&mut owner, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { name, owner }
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::new(url_of(&self.name)).with_connections(CONNECTIONS)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        in_background(async move {
            let mut connection = maintenance().await;
            // What fails is rubbish for the next test.
            connection.execute(AssertSqlSafe(sql)).await.ok();
        });
    }
}

async fn run(connection: &mut PgConnection, sql: String) {
    let done = connection.execute(AssertSqlSafe(sql.clone())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Calls one of PostgreSQL's functions for advisory locks.
async fn ask(connection: &mut PgConnection, function: &str, lock: i64) {
    run(connection, format!("SELECT {function}({lock})")).await;
}

/// Makes sure of the template, once a server and schema, and holds it until the shared lock is given back. The mark
/// `IS_TEMPLATE` comes last, so a half-made one is never used.
async fn provide(connection: &mut PgConnection, template: &str) {
    ask(connection, "pg_advisory_lock_shared", TEMPLATES).await;
    while !exists(connection, template).await {
        ask(connection, "pg_advisory_unlock_shared", TEMPLATES).await;
        ask(connection, "pg_advisory_lock", TEMPLATES).await;
        if !exists(connection, template).await {
            make(connection, template).await;
        }
        ask(connection, "pg_advisory_unlock", TEMPLATES).await;
        ask(connection, "pg_advisory_lock_shared", TEMPLATES).await;
    }
}

async fn exists(connection: &mut PgConnection, template: &str) -> bool {
    let sql = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate";
    let found = sqlx::query(sql).bind(template).fetch_optional(connection).await;
    found.expect("the list of databases").is_some()
}

async fn make(connection: &mut PgConnection, template: &str) {
    run(
        connection,
        format!("DROP DATABASE IF EXISTS {template} WITH (FORCE)"),
    )
    .await;
    run(connection, format!("CREATE DATABASE {template}")).await;
    migrate_all(&DatabaseSettings::new(url_of(template)))
        .await
        .expect("migrations run on PostgreSQL");
    if let Some(later) = later_migrations() {
        let mut migrate = std::process::Command::new(&later);
        let done = migrate
            .arg("up")
            .env("USHER_DATABASE_URL", url_of(template))
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "{} does not bring {template} up to date",
            later.display()
        );
    }
    rubbish::mark(connection, template).await;
    run(connection, format!("ALTER DATABASE {template} IS_TEMPLATE true")).await;
}
