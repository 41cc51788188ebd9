//! What a transaction does on both databases.

use std::time::Duration;

use futures::{FutureExt, TryStreamExt};
use sea_orm::{ConnectionTrait, StreamTrait};
use usher_database::{Scope, is_unique_violation};
use usher_testkit::{TestDatabase, dialects};
use uuid::Uuid;

use super::{SYSTEM, ids, insert, moment, organization};

dialects! {
    async fn dropping_rolls_back_and_committing_lasts(db: TestDatabase) {
        let database = db.service("contacts").await;
        let scope = Scope::Organization(organization(1));
        let dropped = database.write(scope).await.unwrap();
        insert(&dropped, organization(1), 1, "q", "r").await.unwrap();
        drop(dropped);
        let committed = database.write(scope).await.unwrap();
        insert(&committed, organization(1), 2, "q", "r").await.unwrap();
        committed.commit().await.unwrap();
        assert_eq!(ids(&database, scope).await, [2]);
    }

    async fn values_come_back_as_they_were_written(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.write(SYSTEM).await.unwrap();
        insert(&tx, organization(1), 5, "q", "ä \u{1f600} '").await.unwrap();
        let sql = "SELECT id, reason, at, replayed_at, organization_id FROM dead_letter WHERE at = $1 AND id = $2";
        let values = [moment(2).into(), Uuid::from_u128(5).into()];
        let row = tx.query_one_raw(tx.statement(sql, values)).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<Uuid>(0).unwrap(), Uuid::from_u128(5));
        assert_eq!(row.try_get_by_index::<String>(1).unwrap(), "ä \u{1f600} '");
        assert_eq!(row.try_get_by_index::<chrono::DateTime<chrono::Utc>>(2).unwrap(), moment(2));
        assert_eq!(row.try_get_by_index::<Option<chrono::DateTime<chrono::Utc>>>(3).unwrap(), None);
        assert_eq!(row.try_get_by_index::<Option<Uuid>>(4).unwrap(), Some(Uuid::from_u128(1)));
    }

    async fn many_ids_and_numbers_are_one_parameter(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.write(SYSTEM).await.unwrap();
        for id in 1..=5 {
            insert(&tx, organization(1), id, "q", "r").await.unwrap();
        }
        let dialect = tx.dialect();
        let sql = format!("SELECT id FROM dead_letter WHERE {} ORDER BY id", dialect.in_uuids("id", 1));
        let wanted = dialect.uuids([2, 4, 9].map(Uuid::from_u128));
        let rows = tx.query_all_raw(tx.statement(&*sql, [wanted])).await.unwrap();
        let found: Vec<u128> = rows.iter().map(|row| row.try_get_by_index::<Uuid>(0).unwrap().as_u128()).collect();
        assert_eq!(found, [2, 4]);
        assert_eq!(tx.query_all_raw(tx.statement(&*sql, [dialect.uuids([])])).await.unwrap().len(), 0);

        let sql = format!("SELECT bucket FROM outbox_lease WHERE {} ORDER BY bucket", dialect.in_bigints("bucket", 1));
        let rows = tx.query_all_raw(tx.statement(sql, [dialect.bigints([3, 15, 16])])).await.unwrap();
        let found: Vec<i16> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(found, [3, 15]);
    }

    async fn the_clock_of_leases_sorts_like_our_times(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.read(SYSTEM).await.unwrap();
        let dialect = tx.dialect();
        let past = dialect.now_plus(-1500);
        let sql = format!("SELECT {past} < {now} AND {now} > $1, {now} AS now, {past} AS past", now = dialect.now());
        let row = tx.query_one_raw(tx.statement(sql, [moment(-100_000_000).into()])).await.unwrap().unwrap();
        assert!(row.try_get_by_index::<bool>(0).unwrap());
        let get = |index| row.try_get_by_index::<chrono::DateTime<chrono::Utc>>(index).unwrap();
        assert_eq!((get(1) - get(2)).num_milliseconds(), 1500);
    }

    async fn rows_stream_in_order(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.write(SYSTEM).await.unwrap();
        for id in 1..=300 {
            insert(&tx, organization(1), id, "q", "r").await.unwrap();
        }
        let stream = tx.stream_raw(tx.statement("SELECT id FROM dead_letter ORDER BY id", [])).await.unwrap();
        let id = |row: sea_orm::QueryResult| Ok(row.try_get_by_index::<Uuid>(0)?.as_u128());
        let streamed: Vec<u128> = stream.and_then(async |row| id(row)).try_collect().await.unwrap();
        assert_eq!(streamed, (1..=300).collect::<Vec<_>>());
        tx.commit().await.unwrap();
    }

    async fn a_clash_is_told_apart(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.write(SYSTEM).await.unwrap();
        insert(&tx, organization(1), 1, "q", "r").await.unwrap();
        let error = insert(&tx, organization(1), 1, "q", "again").await.unwrap_err();
        assert!(is_unique_violation(&error), "{error}");
    }

    async fn commits_wake_and_only_spoken_ones_wake_the_relay(db: TestDatabase) {
        let database = db.service("contacts").await;
        let (mut committed, mut spoken) = (database.committed(), database.spoken());
        let mut urgently = database.spoken_urgently();
        database.write(SYSTEM).await.unwrap().commit().await.unwrap();
        committed.next().await;
        assert!(spoken.next().now_or_never().is_none());
        database.write(SYSTEM).await.unwrap().rollback().await.unwrap();
        assert!(committed.next().now_or_never().is_none());
        let tx = database.for_relay().write(SYSTEM).await.unwrap();
        tx.speaks(false);
        tx.commit().await.unwrap();
        spoken.next().await;
        committed.next().await;
        assert!(urgently.next().now_or_never().is_none());
        let tx = database.write(SYSTEM).await.unwrap();
        tx.speaks(true);
        tx.speaks(false);
        tx.commit().await.unwrap();
        urgently.next().await;
        spoken.next().await;
    }

    async fn what_is_asked_for_after_the_commit_is_done_in_order_and_only_then(db: TestDatabase) {
        let database = db.service("contacts").await;
        let (sender, done) = std::sync::mpsc::channel();
        let ask = |tx: &usher_database::Transaction, number: u8| {
            let sender = sender.clone();
            tx.after_commit(move || sender.send(number).unwrap());
        };
        let tx = database.write(SYSTEM).await.unwrap();
        ask(&tx, 1);
        tx.rollback().await.unwrap();
        let tx = database.write(SYSTEM).await.unwrap();
        ask(&tx, 2);
        drop(tx);
        let tx = database.write(SYSTEM).await.unwrap();
        ask(&tx, 3);
        ask(&tx, 4);
        assert_eq!(done.try_iter().count(), 0);
        tx.commit().await.unwrap();
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [3, 4]);
    }

    async fn writers_that_read_first_do_not_fail_each_other(db: TestDatabase) {
        let database = db.service("contacts").await;
        let seed = database.write(SYSTEM).await.unwrap();
        insert(&seed, organization(1), 1, "q", "0").await.unwrap();
        seed.commit().await.unwrap();
        let lock = if db.dialect() == usher_database::Dialect::Postgres { "FOR UPDATE" } else { "" };
        let add = async |database: usher_database::Database| {
            let tx = database.write(SYSTEM).await.unwrap();
            let sql = format!("SELECT reason FROM dead_letter {lock}");
            let row = tx.query_one_raw(tx.statement(sql, [])).await.unwrap().unwrap();
            let count: u32 = row.try_get_by_index::<String>(0).unwrap().parse().unwrap();
            let sql = "UPDATE dead_letter SET reason = $1";
            tx.execute_raw(tx.statement(sql, [(count + 1).to_string().into()])).await.unwrap();
            tx.commit().await.unwrap();
        };
        let tasks = (0..50).map(|_| add(database.clone()));
        tokio::time::timeout(Duration::from_secs(30), futures::future::join_all(tasks)).await.unwrap();
        let tx = database.read(SYSTEM).await.unwrap();
        let row = tx.query_one_raw(tx.statement("SELECT reason FROM dead_letter", [])).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "50");
    }
}
