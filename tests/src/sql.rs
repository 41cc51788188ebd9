//! Looking into databases from outside.

use std::path::Path;

use tokio::process::Command;

/// Runs one statement; the number that it answers, where it answers one.
pub(crate) async fn psql(database: &str, sql: &str) -> i64 {
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
