//! Looking into databases from outside.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// A table of a PostgreSQL database that nobody else can read or write, until this is dropped.
#[derive(Debug)]
pub struct LockedTable(#[expect(dead_code, reason = "the lock ends with its session")] Child);

impl LockedTable {
    /// Waits until the table is ours.
    ///
    /// # Panics
    /// Where the database refuses.
    pub async fn lock(database: &str, table: &str) -> Self {
        let mut session = Command::new("psql")
            .args([database, "-qAt"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("psql runs");
        let sql = format!("BEGIN; LOCK TABLE {table}; SELECT 'locked';\n");
        let input = session.stdin.as_mut().expect("its input");
        input.write_all(sql.as_bytes()).await.expect("psql reads");
        let mut line = String::new();
        let mut output = BufReader::new(session.stdout.take().expect("its output"));
        output.read_line(&mut line).await.expect("a line");
        assert_eq!(line, "locked\n");
        Self(session)
    }

    /// How many wait for a lock of this database's server.
    pub async fn waiting(database: &str) -> i64 {
        psql(database, "SELECT count(*) FROM pg_locks WHERE NOT granted").await
    }
}

/// Runs one statement; the number that it answers, where it answers one.
///
/// # Panics
/// Where the database refuses.
pub async fn psql(database: &str, sql: &str) -> i64 {
    let text = ask(
        Command::new("psql").args([database, "-qAtc", sql]),
        "postgresql-client",
    )
    .await;
    text.trim().parse().unwrap_or_default()
}

pub(crate) async fn sqlite(file: &Path, sql: &str) -> i64 {
    sqlite_text(file, sql).await.trim().parse().expect("a number")
}

pub(crate) async fn sqlite_text(file: &Path, sql: &str) -> String {
    ask(
        Command::new("sqlite3").arg("-readonly").arg(file).arg(sql),
        "sqlite3",
    )
    .await
}

/// Changes a database behind its owner's back.
pub(crate) async fn sqlite_change(file: &Path, sql: &str) {
    let mut command = Command::new("sqlite3");
    ask(
        command.args(["-cmd", ".timeout 5000"]).arg(file).arg(sql),
        "sqlite3",
    )
    .await;
}

/// Runs one statement; what it answers, a line each row.
pub(crate) async fn psql_text(database: &str, sql: &str) -> String {
    ask(
        Command::new("psql").args([database, "-qAtc", sql]),
        "postgresql-client",
    )
    .await
}

/// Backs up one schema, as operations.md says.
pub(crate) async fn dump(database: &str, schema: &str, into: &Path) {
    let mut command = Command::new("pg_dump");
    command
        .args(["--format=custom", "--schema", schema, "--file"])
        .arg(into)
        .arg(database);
    ask(&mut command, "postgresql-client").await;
}

/// Puts one schema back to what it was, as operations.md says.
pub(crate) async fn restore(database: &str, schema: &str, from: &Path) {
    psql(database, &format!("DROP SCHEMA {schema} CASCADE")).await;
    let mut command = Command::new("pg_restore");
    command
        .args(["--exit-on-error", "--single-transaction", "--dbname", database])
        .arg(from);
    ask(&mut command, "postgresql-client").await;
}

async fn ask(command: &mut Command, package: &str) -> String {
    let output = command
        .output()
        .await
        .unwrap_or_else(|error| panic!("{error}: install Debian's package {package} (make test does)"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
