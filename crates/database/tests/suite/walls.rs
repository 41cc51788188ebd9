//! Row security on PostgreSQL.

use sea_orm::ConnectionTrait;
use usher_database::{Database, Scope, SystemReason};
use usher_testkit::{TestDatabase, block_on};

use super::{SYSTEM, ids, insert, organization};

/// Superuser, bypasses row security, relations owned.
async fn flags(database: &Database, scope: Scope) -> (String, bool, bool, i64) {
    let tx = database.read(scope).await.unwrap();
    let sql = "SELECT rolname::text, rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class WHERE relowner = r.oid) \
               FROM pg_roles r WHERE rolname = current_user";
    let row = tx.query_one_raw(tx.statement(sql, [])).await.unwrap().unwrap();
    let get = |index| row.try_get_by_index(index).unwrap();
    (
        row.try_get_by_index(0).unwrap(),
        get(1),
        get(2),
        row.try_get_by_index(3).unwrap(),
    )
}

#[test]
fn r2_services_run_as_roles_that_own_nothing_and_bypass_nothing() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let database = databases.service("contacts").await;
        let own = flags(&database, Scope::Organization(organization(1))).await;
        assert_eq!(own, ("usher_service".to_owned(), false, false, 0));
        assert_eq!(
            flags(&database, SYSTEM).await,
            ("usher_system".to_owned(), false, false, 0)
        );
    });
}

#[test]
fn nothing_of_another_organization_is_visible_or_writable() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let database = databases.service("contacts").await;
        let (first, second) = (organization(1), organization(2));
        let tx = database.write(SYSTEM).await.unwrap();
        for (owner, id) in [(first, 1), (first, 2), (second, 3)] {
            insert(&tx, owner, id, "q", "r").await.unwrap();
        }
        tx.commit().await.unwrap();
        // None of these statements names an organization.
        assert_eq!(ids(&database, Scope::Organization(first)).await, [1, 2]);
        assert_eq!(ids(&database, Scope::Organization(second)).await, [3]);
        assert_eq!(
            ids(&database, Scope::Organization(organization(3))).await,
            [0_u128; 0]
        );
        assert_eq!(ids(&database, SYSTEM).await, [1, 2, 3]);

        let tx = database.write(Scope::Organization(first)).await.unwrap();
        let changed = tx
            .execute_unprepared("UPDATE dead_letter SET reason = 'changed'")
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 2);
        let deleted = tx.execute_unprepared("DELETE FROM dead_letter").await.unwrap();
        assert_eq!(deleted.rows_affected(), 2);
        let error = insert(&tx, second, 4, "q", "r").await.unwrap_err();
        assert!(error.to_string().contains("row-level security"), "{error}");
    });
}

#[test]
fn a_scope_ends_with_its_transaction() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let settings = databases.settings().clone().with_connections(1);
        let database = Database::connect(&settings, "contacts").await.unwrap();
        let tx = database
            .write(Scope::Organization(organization(1)))
            .await
            .unwrap();
        insert(&tx, organization(1), 1, "q", "r").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ids(&database, SYSTEM).await, [1]);
        // The same connection, which was just in system scope.
        assert_eq!(
            ids(&database, Scope::Organization(organization(2))).await,
            [0_u128; 0]
        );
    });
}

/// A caller that gives up at any moment of a begin leaves no open transaction, and no role, to the next.
#[test]
fn a_begin_that_nobody_waits_for_leaves_nothing_behind() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let settings = databases.settings().clone().with_connections(1);
        let database = Database::connect(&settings, "contacts").await.unwrap();
        for microseconds in (0..2_000).step_by(20) {
            let limit = std::time::Duration::from_micros(microseconds);
            let _ = tokio::time::timeout(limit, database.write(SYSTEM)).await;
            let own = flags(&database, Scope::Organization(organization(1))).await;
            assert_eq!(own.0, "usher_service", "after {microseconds} µs");
        }
    });
}

#[test]
fn tables_without_an_organization_belong_to_system_scope() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let database = databases.service("contacts").await;
        for table in ["inbox", "outbox_lease"] {
            let tx = database.read(Scope::Organization(organization(1))).await.unwrap();
            let error = tx
                .execute_unprepared(&format!("SELECT * FROM {table}"))
                .await
                .unwrap_err();
            assert!(error.to_string().contains("permission denied"), "{error}");
        }
    });
}

/// Every table with an organization has row security, whoever made it.
#[test]
fn every_tenant_table_has_row_security() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let database = databases.service("contacts").await;
        let tx = database.read(SYSTEM).await.unwrap();
        let sql = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped \
                   WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('contacts', 'invitations', 'notifications') \
                   AND NOT c.relrowsecurity ORDER BY 1";
        let rows = tx.query_all_raw(tx.statement(sql, [])).await.unwrap();
        let open: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(open, [""; 0]);
    });
}

#[test]
fn set_based_work_is_planned_afresh_and_claims_go_by_indexes() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        let settings = databases.settings().clone().with_connections(1);
        let database = Database::connect(&settings, "contacts").await.unwrap();
        let setting = async |scope: Scope, name: &str| {
            let tx = database.write(scope).await.unwrap();
            let row = tx
                .query_one_raw(tx.statement(format!("SHOW {name}"), []))
                .await
                .unwrap()
                .unwrap();
            row.try_get_by_index::<String>(0).unwrap()
        };
        // all over one connection: nothing of a transaction's way of planning is left for the next one
        let (consumer, claim) = (
            Scope::System(SystemReason::Consume),
            Scope::System(SystemReason::Claim),
        );
        let request = Scope::Organization(organization(1));
        assert_eq!(setting(consumer, "plan_cache_mode").await, "force_custom_plan");
        assert_eq!(setting(claim, "enable_seqscan").await, "off");
        assert_eq!(setting(claim, "plan_cache_mode").await, "auto");
        assert_eq!(setting(request, "plan_cache_mode").await, "auto");
        assert_eq!(setting(request, "enable_seqscan").await, "on");
        let tx = database.write(request).await.unwrap();
        tx.plan_afresh().await.unwrap();
        let shown = tx
            .query_one_raw(tx.statement("SHOW plan_cache_mode", []))
            .await
            .unwrap();
        assert_eq!(
            shown.unwrap().try_get_by_index::<String>(0).unwrap(),
            "force_custom_plan"
        );
        drop(tx);
        assert_eq!(setting(request, "plan_cache_mode").await, "auto");
    });
}
