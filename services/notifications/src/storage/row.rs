//! Statements that are planned afresh, and reading their rows.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sea_orm::{DbErr, QueryResult, Statement, TryGetable, Value};
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
