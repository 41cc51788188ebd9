//! `usher-migrate` as operators run it, and what a service makes of a schema that is ahead of it (R3, R5).

use std::collections::HashMap;

use usher_database::Dialect;
use usher_testkit::TestDatabase;
use usher_tests::{Gate, Process, eventually, machine_amqp, psql};

use crate::start::is_refused;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test]
async fn r5_the_migrations_wait_for_their_database_and_list_what_they_did() {
    let database = TestDatabase::empty(Dialect::Postgres).await;
    let mut gate = Gate::shut(database.settings().url());
    let folder = tempfile::tempdir().expect("a folder");
    let environment = HashMap::from([("USHER_DATABASE_URL".to_owned(), gate.url())]);
    let mut up = Process::start("usher-migrate", &["up"], &environment, folder.path());
    eventually("it says that it waits", PATIENCE, || async {
        let said = up.log();
        said.contains("waiting for the database (USHER_DATABASE_URL)")
            .then_some(())
    })
    .await;
    gate.open().await;
    assert!(up.ended().await.success(), "{}", up.log());

    let status = async || {
        let arguments = ["status", "--service", "contacts"];
        let output = Process::output("usher-migrate", &arguments, &environment, folder.path()).await;
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text")
    };
    let listed = status().await;
    assert!(listed.lines().count() > 1, "{listed}");
    for line in listed.lines() {
        assert!(
            line.starts_with("contacts/") && line.ends_with(": done"),
            "{line}"
        );
    }

    // a later version was here, and has taken away what this one uses
    let step = "'9999_newer'";
    let url = database.settings().url();
    for sql in [
        format!("INSERT INTO contacts.seaql_migrations (version, applied_at) VALUES ({step}, 0)"),
        format!("INSERT INTO contacts.schema_step (name, serves_older) VALUES ({step}, false)"),
    ] {
        psql(url, &sql).await;
    }
    let last = "contacts/9999_newer: of a later version, which this one cannot serve on";
    assert_eq!(status().await.lines().last(), Some(last));
    let amqp = machine_amqp();
    let settings = [("USHER_DATABASE_URL", url), ("USHER_AMQP_URL", &amqp)];
    let reason = "the database (USHER_DATABASE_URL): the schema of contacts has 9999_newer, which this version does not know and cannot serve";
    is_refused("usher-contacts", &[], &settings, reason).await;
}
