//! What earlier tests have left on the server: databases of killed processes, and templates of other migrations.

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{TEMPLATE, TEMPLATES, TEST, ask};

/// Seconds after which a template that nobody has cloned is dropped. Another branch's tests may be running.
const UNUSED: i64 = 3600;
/// Seconds after which a template that is used is marked again.
const MARK: i64 = 600;

/// Drops what nobody uses, once a process.
pub(super) async fn clear(connection: &mut PgConnection, own_template: &str) {
    static CLEARED: OnceCell<()> = OnceCell::const_new();
    CLEARED
        .get_or_init(|| async {
            drop_orphans(connection).await;
            drop_unused(connection, own_template).await;
        })
        .await;
}

/// The advisory lock that a process holds for as long as it uses the test database of this id.
pub(super) fn lock_of(id: Uuid) -> i64 {
    let (high, _) = id.as_u64_pair();
    i64::from_ne_bytes(high.to_ne_bytes())
}

/// Drops test databases whose lock nobody holds: their processes are dead. Without force, so that a connection to one of
/// them, which no dead process has, saves it.
async fn drop_orphans(connection: &mut PgConnection) {
    // The first half of the UUID as a number, as in `lock_of`.
    let sql = format!(
        "WITH test AS MATERIALIZED (
             SELECT datname, ('x' || substr(datname, {}, 16))::bit(64)::bigint AS lock
             FROM pg_database WHERE datname ~ '^{TEST}[0-9a-f]{{32}}$'
         )
         SELECT datname, lock FROM test WHERE pg_try_advisory_lock(lock)",
        TEST.len() + 1
    );
    let orphans = connection.fetch_all(AssertSqlSafe(sql)).await;
    for row in orphans.expect("the list of databases") {
        let (name, lock): (String, i64) = (row.get(0), row.get(1));
        connection
            .execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}")))
            .await
            .ok();
        ask(connection, "pg_advisory_unlock", lock).await;
    }
}

/// Drops templates that nobody has cloned for long. A first look without the lock finds nothing in most cases.
async fn drop_unused(connection: &mut PgConnection, own: &str) {
    let mut unused = false;
    for (name, idle) in templates(connection).await {
        match idle {
            Some(seconds) if name == own && seconds < MARK => {}
            Some(seconds) if name != own => unused |= seconds > UNUSED,
            _ => mark(connection, &name).await,
        }
    }
    if !unused {
        return;
    }
    ask(connection, "pg_advisory_lock", TEMPLATES).await;
    for (name, idle) in templates(connection).await {
        if name != own && idle > Some(UNUSED) {
            for sql in [
                format!("ALTER DATABASE {name} IS_TEMPLATE false"),
                format!("DROP DATABASE {name}"),
            ] {
                connection.execute(AssertSqlSafe(sql)).await.ok();
            }
        }
    }
    ask(connection, "pg_advisory_unlock", TEMPLATES).await;
}

/// Every template with the seconds since its last use, where that is known.
async fn templates(connection: &mut PgConnection) -> Vec<(String, Option<i64>)> {
    let sql = format!(
        "SELECT datname, CASE WHEN note ~ '^[0-9]+$' THEN extract(epoch FROM now())::bigint - note::bigint END
         FROM (
             SELECT datname, shobj_description(oid, 'pg_database') AS note
             FROM pg_database WHERE starts_with(datname, '{TEMPLATE}')
         ) template"
    );
    let rows = connection.fetch_all(AssertSqlSafe(sql)).await;
    rows.expect("the list of databases")
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect()
}

/// Notes as the database's comment that it is used now. Two at once disturb each other, and one of them is enough.
pub(super) async fn mark(connection: &mut PgConnection, template: &str) {
    let sql = format!(
        "DO $$ BEGIN
             EXECUTE format('COMMENT ON DATABASE {template} IS %L', extract(epoch FROM now())::bigint);
         END $$"
    );
    connection.execute(AssertSqlSafe(sql)).await.ok();
}
