//! Keyset pages against the whole list.

use sea_orm::{ConnectionTrait, QueryResult};
use usher_database::{
    Database, Scope,
    keyset::{
        CursorValue, Direction, Fingerprint, Keyset, Order, Page, Position, Window, WindowError, fingerprint,
    },
};
use usher_testkit::{TestDatabase, dialects};
use uuid::Uuid;

use super::{insert, moment, organization};

const ROWS: u128 = 23;

#[derive(Clone, Debug, PartialEq)]
struct Row {
    id: Uuid,
    queue: String,
    reason: String,
    at: chrono::DateTime<chrono::Utc>,
}

/// Orders with ties in every column, all directions alike and mixed.
fn orders() -> Vec<Order> {
    use Direction::{Ascending, Descending};
    vec![
        Order::new("ID", "id"),
        Order::new("QUEUE", "id").column("queue", Ascending),
        Order::new("QUEUE_DESC", "id")
            .column("queue", Descending)
            .column("at", Descending),
        Order::new("MIXED", "id")
            .column("queue", Descending)
            .column("reason", Ascending)
            .column("at", Descending),
    ]
}

fn position(order: usize) -> impl Fn(&Row) -> Position {
    move |row| {
        let (queue, reason, at) = (
            row.queue.as_str().into(),
            row.reason.as_str().into(),
            CursorValue::from(row.at),
        );
        match order {
            0 => Position::new(row.id, []),
            1 => Position::new(row.id, [queue]),
            2 => Position::new(row.id, [queue, at]),
            _ => Position::new(row.id, [queue, reason, at]),
        }
    }
}

fn filter() -> Fingerprint {
    fingerprint([b"dead letters".as_slice()])
}

async fn fill(database: &Database) {
    let tx = database
        .write(Scope::Organization(organization(1)))
        .await
        .unwrap();
    for id in 1..=ROWS {
        let (queue, reason) = (["b", "a", "C"][(id % 3) as usize], ["x", "y"][(id % 2) as usize]);
        insert(&tx, organization(1), id, queue, reason).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn query(database: &Database, keyset: &Keyset, limit: u64) -> (Vec<Row>, bool) {
    let tx = database.read(Scope::Organization(organization(1))).await.unwrap();
    let seek = keyset.seek(1);
    let sql = format!(
        "SELECT id, queue, reason, at FROM dead_letter WHERE true{} ORDER BY {} LIMIT {limit}",
        seek.condition,
        keyset.order_by()
    );
    let rows = tx.query_all_raw(tx.statement(sql, seek.values)).await.unwrap();
    let row = |row: &QueryResult| Row {
        id: row.try_get_by_index(0).unwrap(),
        queue: row.try_get_by_index(1).unwrap(),
        reason: row.try_get_by_index(2).unwrap(),
        at: row.try_get_by_index(3).unwrap(),
    };
    let near = match keyset.near_side(1) {
        None => false,
        Some(near) => {
            let sql = format!("SELECT id FROM dead_letter WHERE true{} LIMIT 1", near.condition);
            tx.query_one_raw(tx.statement(sql, near.values))
                .await
                .unwrap()
                .is_some()
        }
    };
    (rows.iter().map(row).collect(), near)
}

async fn page(database: &Database, order: usize, window: Window) -> Page<Row> {
    let keyset = Keyset::new(orders()[order].clone(), window, filter(), moment(0)).unwrap();
    let (rows, near) = query(database, &keyset, keyset.fetch()).await;
    let page = keyset.page_with(rows.clone(), near, position(order));
    // While no row goes, the guess is right.
    assert_eq!(keyset.page(rows, position(order)), page);
    page
}

fn nodes(page: &Page<Row>) -> Vec<Row> {
    page.edges.iter().map(|edge| edge.node.clone()).collect()
}

dialects! {
    async fn pages_forwards_and_backwards_are_the_whole_list(db: TestDatabase) {
        let database = db.service("contacts").await;
        fill(&database).await;
        for order in 0..orders().len() {
            let everything = Window::new(Some(100), None, None, None).unwrap();
            let all = nodes(&page(&database, order, everything).await);
            assert_eq!(all.len() as u128, ROWS);

            let (mut walked, mut after, mut first) = (Vec::new(), None, true);
            loop {
                let page = page(&database, order, Window::new(Some(5), after, None, None).unwrap()).await;
                assert_eq!(page.has_previous_page, !first);
                walked.extend(nodes(&page));
                assert_eq!(page.has_next_page, walked.len() < all.len());
                after = page.end_cursor().map(str::to_owned);
                first = false;
                if !page.has_next_page {
                    break;
                }
            }
            assert_eq!(walked, all);

            let (mut walked, mut before, mut last) = (Vec::new(), None, true);
            loop {
                let page = page(&database, order, Window::new(None, None, Some(5), before).unwrap()).await;
                assert_eq!(page.has_next_page, !last);
                walked.splice(0..0, nodes(&page));
                assert_eq!(page.has_previous_page, walked.len() < all.len());
                before = page.start_cursor().map(str::to_owned);
                last = false;
                if !page.has_previous_page {
                    break;
                }
            }
            assert_eq!(walked, all);
        }
    }

    async fn a_window_may_have_two_ends(db: TestDatabase) {
        let database = db.service("contacts").await;
        fill(&database).await;
        let all = page(&database, 3, Window::new(Some(100), None, None, None).unwrap()).await;
        let cursor = |index: usize| Some(all.edges[index].cursor.clone());
        let between = page(&database, 3, Window::new(Some(100), cursor(4), None, cursor(9)).unwrap()).await;
        assert_eq!(nodes(&between), nodes(&all)[5..9]);
        assert_eq!((between.has_previous_page, between.has_next_page), (true, true));
    }

    async fn a_page_knows_its_neighbours_though_the_cursors_row_is_gone(db: TestDatabase) {
        let database = db.service("contacts").await;
        fill(&database).await;
        let first = page(&database, 0, Window::new(Some(1), None, None, None).unwrap()).await;
        let tx = database.write(Scope::Organization(organization(1))).await.unwrap();
        let sql = "DELETE FROM dead_letter WHERE id = $1";
        tx.execute_raw(tx.statement(sql, [first.edges[0].node.id.into()])).await.unwrap();
        tx.commit().await.unwrap();
        let after = first.end_cursor().map(str::to_owned);
        let window = Window::new(Some(5), after, None, None).unwrap();
        let keyset = Keyset::new(orders()[0].clone(), window, filter(), moment(0)).unwrap();
        let (rows, near) = query(&database, &keyset, keyset.fetch()).await;
        let second = keyset.page_with(rows, near, position(0));
        assert!(!second.has_previous_page);
        assert_eq!(second.edges.len(), 5);
    }
}

fn refusal(order: Order, filter: Fingerprint, cursor: &str) -> WindowError {
    let window = Window::new(Some(5), Some(cursor.to_owned()), None, None).unwrap();
    Keyset::new(order, window, filter, moment(9)).unwrap_err()
}

#[test]
fn a_cursor_keeps_its_now_and_fits_its_own_list_only() {
    let row = Row {
        id: Uuid::from_u128(1),
        queue: "q".into(),
        reason: "r".into(),
        at: moment(0),
    };
    let orders = orders();
    let keyset = |order: &Order, window| Keyset::new(order.clone(), window, filter(), moment(0)).unwrap();
    let start = || Window::new(Some(5), None, None, None).unwrap();
    let cursor = keyset(&orders[1], start()).page(vec![row], position(1)).edges[0]
        .cursor
        .clone();

    let window = Window::new(Some(5), Some(cursor.clone()), None, None).unwrap();
    let next = Keyset::new(orders[1].clone(), window, filter(), moment(9)).unwrap();
    assert_eq!(next.now(), moment(0));

    let foreign = "this cursor belongs to another list, filter or order";
    assert_eq!(
        refusal(orders[2].clone(), filter(), &cursor),
        WindowError {
            field: "after",
            reason: foreign
        }
    );
    let other = fingerprint([b"other".as_slice()]);
    assert_eq!(
        refusal(orders[1].clone(), other, &cursor),
        WindowError {
            field: "after",
            reason: foreign
        }
    );
    assert_eq!(
        refusal(orders[1].clone(), filter(), "nonsense").reason,
        "this is not a cursor"
    );
}

#[test]
fn parts_of_a_fingerprint_do_not_run_into_each_other() {
    let of = |parts: [&'static str; 2]| fingerprint(parts.iter().map(|part| part.as_bytes()));
    assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
    assert_eq!(of(["ab", "c"]), of(["ab", "c"]));
}
