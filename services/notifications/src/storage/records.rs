//! Many rows as one parameter: a JSON array that the statement reads as a table. The statement's text does not depend on the
//! number of rows, so it is prepared once.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::{DbErr, QueryResult, Statement, TryGetable, Value};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use usher_database::{Dialect, Transaction};
use usher_events::Lane;
use usher_types::DeliveryState;
use uuid::Uuid;

use super::Subject;

/// How long a plan is used.
const PLAN_LIFE: Duration = Duration::from_secs(2);
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A prepared statement whose plan is not older than the table's last growth spurt.
///
/// PostgreSQL keeps a prepared statement's generic plan until somebody analyzes the table. One made while the table was all but
/// empty reads it from end to end, and would go on to do so after a mass sending has filled it. A text that changes every
/// two seconds is prepared anew, and planned for the size that the table has by then.
pub fn planned(tx: &Transaction, sql: impl AsRef<str>, values: impl IntoIterator<Item = Value>) -> Statement {
    let sql = sql.as_ref();
    match tx.dialect() {
        Dialect::Sqlite => tx.statement(sql, values),
        Dialect::Postgres => {
            let age = BEGUN.elapsed().as_secs() / PLAN_LIFE.as_secs();
            tx.statement(format!("{sql} /* {age} */"), values)
        }
    }
}

/// The type of a column of such a table.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Uuid,
    Text,
    Bigint,
    Boolean,
    Time,
}

/// The table `alias` with these columns, out of the JSON in parameter `$1`.
pub fn records(dialect: Dialect, alias: &str, columns: &[(&str, Kind)]) -> String {
    let column = |&(name, kind): &(&str, Kind)| match (dialect, kind) {
        (Dialect::Postgres, Kind::Uuid) => format!("{name} uuid"),
        (Dialect::Postgres, Kind::Text) => format!("{name} text"),
        (Dialect::Postgres, Kind::Bigint) => format!("{name} bigint"),
        (Dialect::Postgres, Kind::Boolean) => format!("{name} boolean"),
        (Dialect::Postgres, Kind::Time) => format!("{name} timestamptz"),
        (Dialect::Sqlite, Kind::Uuid) => format!("unhex(value->>'{name}') AS {name}"),
        (Dialect::Sqlite, _) => format!("value->>'{name}' AS {name}"),
    };
    let columns = columns.iter().map(column).collect::<Vec<_>>().join(", ");
    match dialect {
        Dialect::Postgres => format!("json_to_recordset($1::text::json) AS {alias}({columns})"),
        Dialect::Sqlite => format!("(SELECT {columns} FROM json_each($1)) AS {alias}"),
    }
}

/// The rows as that parameter.
pub fn parameter<R: Serialize>(rows: &[R]) -> Result<Value, DbErr> {
    let text = serde_json::to_string(rows).map_err(|error| DbErr::Json(error.to_string()))?;
    Ok(text.into())
}

/// An id as `records` reads it.
pub fn hex(id: impl Into<Uuid>) -> Json {
    json!(id.into().simple().to_string())
}

/// A time as `records` reads it: the form that sqlx writes times in on SQLite.
pub fn time(at: DateTime<Utc>) -> Json {
    json!(at.to_rfc3339_opts(SecondsFormat::AutoSi, false))
}

/// For `serialize_with`: an id as `records` reads it.
pub fn as_hex<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.as_simple())
}

/// For `serialize_with`: as [`as_hex`], where there is an id.
pub fn as_hex_option<S: Serializer>(id: &Option<Uuid>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => as_hex(id, serializer),
        None => serializer.serialize_none(),
    }
}

/// For `serialize_with`: a time as `records` reads it.
pub fn as_time<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    time(*at).serialize(serializer)
}

/// The value of one column by its position.
pub fn get<T: TryGetable>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    row.try_get_by_index(index)
}

/// An id by its position.
pub fn id<T: From<Uuid>>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    get::<Uuid>(row, index).map(T::from)
}

/// A state by its position.
pub fn state(row: &QueryResult, index: usize) -> Result<DeliveryState, DbErr> {
    let name: String = get(row, index)?;
    name.parse()
        .map_err(|error: usher_types::UnknownName| DbErr::Type(error.to_string()))
}

/// The columns that [`subject`] reads, in its order.
pub const SUBJECT: &str = "id, organization_id, contact_id, invitation_id, lane, traceparent";

/// A subject out of the first columns of a row.
pub fn subject(row: &QueryResult) -> Result<Subject, DbErr> {
    Ok(Subject {
        message: id(row, 0)?,
        organization: id(row, 1)?,
        contact: get::<Option<Uuid>>(row, 2)?.map(Into::into),
        invitation: id(row, 3)?,
        lane: Lane::from_name(&get::<String>(row, 4)?),
        traceparent: get(row, 5)?,
    })
}
