//! Connecting, losing and lacking connections.

use sea_orm::ConnectionTrait;
use usher_database::{ConnectError, Database, DatabaseSettings, is_unavailable};
use usher_testkit::{TestDatabase, block_on, dialects};

use super::SYSTEM;

async fn refused(url: &str) -> ConnectError {
    match Database::connect(&DatabaseSettings::new(url), "contacts").await {
        Err(error) => error,
        Ok(_) => panic!("connected to {url}"),
    }
}

fn with_authority(settings: &DatabaseSettings, authority: &str) -> String {
    let url = settings.url();
    let rest = &url[url.find("://").unwrap() + 3..];
    format!("postgres://{authority}/{}", rest.split_once('/').unwrap().1)
}

#[test]
fn r5_wrong_settings_are_told_from_a_database_that_does_not_answer() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let url = databases.settings().url();
        let unknown = format!("{}_not_there", url);
        assert!(matches!(refused(&unknown).await, ConnectError::Settings(_)));
        let nobody = url
            .replacen("://", "://nobody_of_this_name@", 1)
            .replacen("@root@", "@", 1);
        assert!(matches!(refused(&nobody).await, ConnectError::Settings(_)));
        let silent = with_authority(databases.settings(), "127.0.0.1:1");
        assert!(refused(&silent).await.is_temporary());
        assert!(matches!(
            refused("sqlite:///proc/nowhere/").await,
            ConnectError::Settings(_)
        ));
    });
}

#[test]
fn connections_that_the_server_closed_are_replaced_without_an_error() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let database = databases.service("contacts").await;
        // Opens several connections.
        let mut open = Vec::new();
        for _ in 0..4 {
            open.push(database.read(SYSTEM).await.unwrap());
        }
        for tx in open {
            tx.rollback().await.unwrap();
        }
        let owner = databases.settings().postgres_owner("contacts").await.unwrap();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(sql).execute(&owner).await.unwrap();
        for _ in 0..8 {
            let tx = database.write(SYSTEM).await.unwrap();
            tx.execute_unprepared("SELECT 1").await.unwrap();
            tx.commit().await.unwrap();
        }
        owner.close().await;
    });
}

#[test]
fn a_read_refuses_to_write_on_postgres() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let database = databases.service("contacts").await;
        let tx = database.read(SYSTEM).await.unwrap();
        let error = tx.execute_unprepared("DELETE FROM inbox").await.unwrap_err();
        assert!(error.to_string().contains("read-only transaction"), "{error}");
    });
}

dialects! {
    async fn r5_a_wait_for_a_connection_ends_as_unavailable(db: TestDatabase) {
        let settings = db.settings().clone().with_connections(1);
        let database = Database::connect(&settings, "contacts").await.unwrap();
        let taken = database.write(SYSTEM).await.unwrap();
        let error = database.write(SYSTEM).await.unwrap_err();
        assert!(is_unavailable(&error), "{error}");
        // The relay has connections of its own on PostgreSQL, and shares the one writer on SQLite.
        assert_eq!(database.for_relay().write(SYSTEM).await.is_ok(), db.dialect() == usher_database::Dialect::Postgres);
        taken.commit().await.unwrap();
        database.write(SYSTEM).await.unwrap().commit().await.unwrap();
        database.ping().await.unwrap();
        database.close().await;
        assert!(is_unavailable(&database.read(SYSTEM).await.unwrap_err()));
    }
}
