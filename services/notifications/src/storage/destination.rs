//! Circuits by destination: a sick server slows what goes there, not all (N3). They stand in the database, so that all replicas
//! keep away.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, records};

use super::row::get;

const NAMES: [Column<String>; 1] = [Column::text("destination", |name| name)];

/// How a destination failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// It put one mail off; the circuit opens when that goes on.
    Mail,
    /// It takes nothing at all; the circuit opens at once.
    Everything,
}

/// Mails in a row that a destination may put off before its circuit opens.
const PATIENCE: i64 = 5;
/// The first pause; it doubles with every further failure.
const FIRST_PAUSE: i64 = 2;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 300;

/// How long a destination is left alone after this many failures, in seconds.
fn pause(failing: Failing, failures: i64) -> i64 {
    let beyond = match failing {
        Failing::Everything => failures - 1,
        Failing::Mail => failures - PATIENCE,
    };
    if beyond < 0 {
        return 0;
    }
    FIRST_PAUSE
        .checked_shl(u32::try_from(beyond).unwrap_or(u32::MAX).min(16))
        .unwrap_or(LONGEST_PAUSE)
        .min(LONGEST_PAUSE)
}

/// The destinations that have failed and not worked since.
///
/// # Errors
/// Where the database does not answer.
pub async fn failing_destinations(tx: &Transaction) -> Result<BTreeSet<String>, DbErr> {
    let rows = tx
        .query_all_raw(tx.statement("SELECT name FROM destination", []))
        .await?;
    rows.iter().map(|row| get(row, 0)).collect()
}

/// Counts failures and opens circuits.
///
/// # Errors
/// Where the database does not answer.
pub async fn punish(
    tx: &Transaction,
    failing: &BTreeMap<String, Failing>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    const OPENED: [Column<(String, DateTime<Utc>)>; 2] = [
        Column::text("destination", |opened| &opened.0),
        Column::time("until", |opened| opened.1),
    ];
    if failing.is_empty() {
        return Ok(());
    }
    let (from, values) = records(tx.dialect(), [now.into()], &NAMES, failing.keys());
    let sql = format!(
        "INSERT INTO destination (name, failures, open_until, updated_at) SELECT r.destination, 1, $1, $1 FROM {from} \
         WHERE true ON CONFLICT (name) DO UPDATE SET failures = destination.failures + 1, updated_at = $1 \
         RETURNING name, failures"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut opened = Vec::new();
    for row in &rows {
        let (name, failures): (String, i64) = (get(row, 0)?, get(row, 1)?);
        let failing = failing.get(&name).copied().unwrap_or(Failing::Mail);
        let until = now + TimeDelta::seconds(pause(failing, failures));
        opened.push((name, until));
    }
    let (from, values) = records(tx.dialect(), [], &OPENED, &opened);
    let sql = format!("UPDATE destination SET open_until = r.until FROM {from} WHERE name = r.destination");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Forgets the failures of destinations that work again.
///
/// # Errors
/// Where the database does not answer.
pub async fn forgive(tx: &Transaction, names: &BTreeSet<String>) -> Result<(), DbErr> {
    if names.is_empty() {
        return Ok(());
    }
    let (from, values) = records(tx.dialect(), [], &NAMES, names);
    let sql = format!("DELETE FROM destination WHERE name IN (SELECT r.destination FROM {from})");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n3_a_destination_is_left_alone_for_growing_times() {
        let table = [
            (Failing::Mail, 1, 0),
            (Failing::Mail, 4, 0),
            (Failing::Mail, 5, 2),
            (Failing::Mail, 6, 4),
            (Failing::Everything, 1, 2),
            (Failing::Everything, 3, 8),
            (Failing::Everything, 1000, 300),
        ];
        for (failing, failures, seconds) in table {
            assert_eq!(pause(failing, failures), seconds, "{failing:?} {failures}");
        }
    }
}
