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
