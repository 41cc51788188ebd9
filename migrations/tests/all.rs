//! Migrations on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

use futures::future::join_all;
use sea_orm::ConnectionTrait;
use sqlx::Executor;
use usher_database::{Database, Dialect, Scope, SystemReason};
use usher_migrations::{MigrateError, SchemaError, Service, check, migrate, migrate_all, status};
use usher_testkit::{TestDatabase, dialects};

async fn names(database: &Database, service: Service) -> Vec<(String, bool)> {
    let steps = status(database, service).await.unwrap();
    steps.into_iter().map(|step| (step.name, step.applied)).collect()
}

fn expected(service: Service) -> Vec<(String, bool)> {
    service
        .migrations()
        .iter()
        .map(|step| (step.name().to_owned(), true))
        .collect()
}

dialects! {
    async fn r3_migrating_again_changes_nothing(db: TestDatabase) {
        let empty = TestDatabase::empty(db.dialect()).await;
        for _ in 0..2 {
            migrate_all(empty.settings()).await.unwrap();
            for service in Service::ALL {
                let database = empty.service(service.name()).await;
                assert_eq!(names(&database, service).await, expected(service));
                check(&database, service).await.unwrap();
            }
        }
    }

    async fn r3_a_service_refuses_a_schema_that_it_does_not_know(db: TestDatabase) {
        let empty = TestDatabase::empty(db.dialect()).await;
        // The roles belong to the cluster, so a connection is possible before any migration.
        let database = empty.service("contacts").await;
        let behind = check(&database, Service::Contacts).await.unwrap_err();
        assert!(matches!(behind, SchemaError::Behind { missing, .. } if missing == "0001_messaging"));

        migrate(empty.settings(), Service::Contacts).await.unwrap();
        check(&database, Service::Contacts).await.unwrap();
        // as while a release is rolled out: what it has added does not matter to the one before
        newer(&empty, "9998_added", Some(true)).await;
        check(&database, Service::Contacts).await.unwrap();
        newer(&empty, "9999_newer", Some(false)).await;
        let ahead = check(&database, Service::Contacts).await.unwrap_err();
        assert!(matches!(ahead, SchemaError::Ahead { unknown, .. } if unknown == "9999_newer"));
    }

    async fn r3_a_step_that_says_nothing_of_older_programs_is_refused_by_them(db: TestDatabase) {
        let empty = TestDatabase::empty(db.dialect()).await;
        migrate(empty.settings(), Service::Contacts).await.unwrap();
        newer(&empty, "9999_newer", None).await;
        let database = empty.service("contacts").await;
        let ahead = check(&database, Service::Contacts).await.unwrap_err();
        assert!(matches!(ahead, SchemaError::Ahead { unknown, .. } if unknown == "9999_newer"));
    }

    async fn services_may_read_the_history_and_not_write_it(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.write(Scope::System(SystemReason::Test)).await.unwrap();
        let written = tx.execute_unprepared("DELETE FROM seaql_migrations").await;
        assert_eq!(written.is_err(), db.dialect() == Dialect::Postgres);
        drop(tx);
        let tx = database.write(Scope::System(SystemReason::Test)).await.unwrap();
        let written = tx.execute_unprepared("UPDATE schema_step SET serves_older = TRUE").await;
        assert_eq!(written.is_err(), db.dialect() == Dialect::Postgres);
    }
}

#[tokio::test]
async fn r3_a_step_does_not_keep_everybody_waiting_for_a_table() {
    let empty = TestDatabase::empty(Dialect::Postgres).await;
    migrate(empty.settings(), Service::Contacts).await.unwrap();
    let pool = empty.settings().postgres_owner("contacts").await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    tx.execute("LOCK TABLE seaql_migrations").await.unwrap();
    let error = migrate(empty.settings(), Service::Contacts).await.unwrap_err();
    assert!(
        matches!(error, MigrateError::InUse(_)) && error.is_passing(),
        "{error}"
    );
    drop(tx);
    migrate(empty.settings(), Service::Contacts).await.unwrap();
}

/// What a later version would have noted.
async fn newer(databases: &TestDatabase, name: &str, serves_older: Option<bool>) {
    let done = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{name}', 0)");
    let says = serves_older
        .map(|serves| format!("INSERT INTO schema_step (name, serves_older) VALUES ('{name}', {serves})"));
    for sql in [Some(done), says].into_iter().flatten() {
        let sql = sqlx::AssertSqlSafe(sql);
        match databases.dialect() {
            Dialect::Sqlite => {
                let pool = databases.settings().sqlite_owner("contacts").await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
            }
            Dialect::Postgres => {
                let pool = databases.settings().postgres_owner("contacts").await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
            }
        }
    }
}

#[test]
fn r3_several_at_once_wait_for_each_other() {
    usher_testkit::block_on(async {
        let empty = TestDatabase::empty(Dialect::Postgres).await;
        let other = TestDatabase::empty(Dialect::Postgres).await;
        let all = [&empty, &other, &empty, &other, &empty, &other];
        for done in join_all(all.map(|database| migrate_all(database.settings()))).await {
            done.unwrap();
        }
        check(&empty.service("contacts").await, Service::Contacts)
            .await
            .unwrap();
    });
}

/// Names are the history: they sort in the order of the steps and none is used twice.
#[test]
fn names_of_steps_sort_in_their_order() {
    for service in Service::ALL {
        let names: Vec<_> = service.migrations().iter().map(|step| step.name()).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    }
}
