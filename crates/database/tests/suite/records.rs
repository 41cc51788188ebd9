//! Many rows as parameters.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::{Column, Database, Dialect, names, records};
use usher_testkit::{TestDatabase, dialects};
use uuid::Uuid;

use super::{SYSTEM, moment};

#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    id: Uuid,
    parent: Option<Uuid>,
    words: String,
    remark: Option<String>,
    tags: Vec<String>,
    count: i64,
    open: bool,
    at: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    hash: Vec<u8>,
}

const COLUMNS: [Column<Row>; 11] = [
    Column::uuid("id", |row| row.id),
    Column::uuid_option("parent", |row| row.parent),
    Column::text("words", |row| &row.words),
    Column::text_option("remark", |row| row.remark.as_deref()),
    Column::string("loud", |row| row.words.to_uppercase()),
    Column::texts("tags", |row| &row.tags),
    Column::number("count", |row| row.count),
    Column::flag("open", |row| row.open),
    Column::time("at", |row| row.at),
    Column::time_option("until", |row| row.until),
    Column::bytes("hash", |row| &row.hash),
];

fn rows() -> Vec<Row> {
    let texts = [
        "",
        "plain",
        r#"a "quoted", {braced} \ and 'single' $1"#,
        "two\nlines\tand NULL",
        "ä \u{1f600} \u{2028}",
    ];
    let full = texts.iter().zip(1..).map(|(text, number)| Row {
        id: Uuid::from_u128(number),
        parent: Some(Uuid::from_u128(u128::MAX - number)),
        words: (*text).to_owned(),
        remark: Some((*text).to_owned()),
        tags: texts.map(str::to_owned).to_vec(),
        count: i64::MIN + i64::try_from(number).unwrap(),
        open: true,
        at: moment(i64::try_from(number).unwrap()),
        until: Some(DateTime::from_timestamp(1_790_000_000, 1_000).unwrap()),
        hash: vec![0, 0x5c, 0x27, 0xff],
    });
    // The first value of an array is a NULL too.
    [Row::default()].into_iter().chain(full).collect()
}

fn read(row: &QueryResult) -> Result<(Row, String), DbErr> {
    let tags: serde_json::Value = row.try_get("", "tags")?;
    let read = Row {
        id: row.try_get("", "id")?,
        parent: row.try_get("", "parent")?,
        words: row.try_get("", "words")?,
        remark: row.try_get("", "remark")?,
        tags: serde_json::from_value(tags).unwrap(),
        count: row.try_get("", "count")?,
        open: row.try_get("", "open")?,
        at: row.try_get("", "at")?,
        until: row.try_get("", "until")?,
        hash: row.try_get("", "hash")?,
    };
    Ok((read, row.try_get("", "loud")?))
}

/// The rows as the database reads them, where `$1` is `least` and `$2` is nothing.
async fn selected(database: &Database, rows: &[Row], least: i64) -> Vec<(Row, String)> {
    let tx = database.read(SYSTEM).await.unwrap();
    let fixed = [least.into(), Value::from(None::<i64>)];
    let (from, values) = records(tx.dialect(), fixed, &COLUMNS, rows);
    let sql = format!(
        "SELECT {} FROM {from} WHERE r.count >= $1 AND $2 IS NULL ORDER BY r.id",
        names(&COLUMNS)
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await.unwrap();
    rows.iter().map(|row| read(row).unwrap()).collect()
}

dialects! {
    async fn rows_are_read_as_they_were_given(db: TestDatabase) {
        let database = db.service("contacts").await;
        let given = rows();
        let expected: Vec<(Row, String)> = given.iter().map(|row| (row.clone(), row.words.to_uppercase())).collect();
        assert_eq!(selected(&database, &given, i64::MIN).await, expected);
        assert_eq!(selected(&database, &given, 0).await, expected[..1]);
        assert_eq!(selected(&database, &[], i64::MIN).await, []);
    }

    async fn neither_text_nor_plan_depends_on_the_number_of_rows(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.read(SYSTEM).await.unwrap();
        let (mut texts, mut plans) = (Vec::new(), Vec::new());
        for rows in [rows(), vec![Row::default(); 500], Vec::new()] {
            let (from, values) = records(tx.dialect(), [], &COLUMNS, &rows);
            if db.dialect() == Dialect::Postgres {
                let explain = format!("EXPLAIN SELECT r.id FROM {from}");
                let plan = tx.query_all_raw(tx.statement(explain, values)).await.unwrap();
                plans.push(plan.iter().map(|line| line.try_get_by_index(0).unwrap()).collect::<Vec<String>>());
            }
            texts.push(from);
        }
        texts.dedup();
        plans.dedup();
        assert_eq!((texts.len(), plans.len()), (1, usize::from(db.dialect() == Dialect::Postgres)), "{plans:?}");
    }

    async fn values_are_stored_as_single_ones_are(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.write(SYSTEM).await.unwrap();
        let row = &rows()[2];
        let columns = [
            Column::text("queue", |_: &Row| "q"),
            Column::uuid("id", |row| row.id),
            Column::text("reason", |row| &row.words),
            Column::text("envelope", |_| "{}"),
            Column::time("at", |row| row.at),
        ];
        let names = names(&columns);
        let (from, values) = records(tx.dialect(), [], &columns, [row]);
        let sql = format!("INSERT INTO dead_letter ({names}) SELECT {names} FROM {from}");
        tx.execute_raw(tx.statement(sql, values)).await.unwrap();
        let sql = "SELECT count(*) FROM dead_letter WHERE id = $1 AND reason = $2 AND at = $3";
        let values = [row.id.into(), row.words.as_str().into(), row.at.into()];
        let found = tx.query_one_raw(tx.statement(sql, values)).await.unwrap().unwrap();
        assert_eq!(found.try_get_by_index::<i64>(0).unwrap(), 1);
    }

    async fn a_value_that_is_not_bound_is_an_error(db: TestDatabase) {
        let database = db.service("contacts").await;
        let tx = database.read(SYSTEM).await.unwrap();
        let done = tx.query_one_raw(tx.statement("SELECT $1", [7_u64.into()])).await;
        assert_eq!(done.is_err(), db.dialect() == Dialect::Postgres);
    }
}
