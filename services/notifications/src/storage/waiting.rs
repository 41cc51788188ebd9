//! How much mail waits.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_events::Lane;

use super::row::get;

/// Letters of a lane that are due and have not gone out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// How many.
    pub letters: i64,
    /// Since when the oldest of them is due.
    pub since: Option<DateTime<Utc>>,
}

/// What is due at `now` in each lane; what is held, or put off until later, is not.
///
/// # Errors
/// Where the database does not answer.
pub async fn due(tx: &Transaction, now: DateTime<Utc>) -> Result<[(Lane, Due); 2], DbErr> {
    let sql = "SELECT lane, count(*), min(next_attempt_at) FROM message \
               WHERE pending AND next_attempt_at <= $1 GROUP BY lane";
    let rows = tx.query_all_raw(tx.statement(sql, [now.into()])).await?;
    let mut lanes = Lane::ALL.map(|lane| (lane, Due::default()));
    for row in &rows {
        let name: String = get(row, 0)?;
        if let Some((_, due)) = lanes.iter_mut().find(|(lane, _)| lane.as_str() == name) {
            *due = Due {
                letters: get(row, 1)?,
                since: get(row, 2)?,
            };
        }
    }
    Ok(lanes)
}
