//! Messages that could not be handled: kept with the reason, listed, and given to their handler once more on demand.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::{Database, Dialect, Scope, SystemReason, Transaction};
use usher_events::Envelope;
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::{
    Subscription,
    deliver::{note, remember},
    transport::{Pack, Unreadable},
};

/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 500;
/// Before the reason of one that an operator has ended.
const DROPPED: &str = "dropped by an operator: ";

/// A message that could not be handled.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The queue without its lane.
    pub queue: String,
    /// The message's id.
    pub id: Uuid,
    /// Why, in words for operators, without addresses.
    pub reason: String,
    /// The message; none where what came was unreadable.
    pub envelope: Option<Envelope>,
    /// When it was given up, the last time, by the database's clock.
    pub at: DateTime<Utc>,
    /// When somebody asked to have it handled again, which has not happened yet.
    pub asked_at: Option<DateTime<Utc>>,
    /// When it was handled after all.
    pub replayed_at: Option<DateTime<Utc>>,
}

/// Which dead letters: those that nobody has handled, or those that were handled after all.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only this organization's; of all and of none where not given.
    pub organization: Option<OrganizationId>,
    /// Only these.
    pub ids: Option<Vec<Uuid>>,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Those that were handled after all.
    pub replayed: bool,
}

impl Which {
    /// A condition, and the values of its parameters.
    fn condition(self, dialect: Dialect) -> (String, Vec<Value>) {
        let mut sql = format!("replayed_at IS {}NULL", if self.replayed { "NOT " } else { "" });
        let mut values = Vec::<Value>::new();
        if let Some(organization) = self.organization {
            values.push(organization.uuid().into());
            sql += &format!(" AND organization_id = ${}", values.len());
        }
        if let Some(queue) = self.queue {
            values.push(queue.into());
            sql += &format!(" AND queue = ${}", values.len());
        }
        if let Some(ids) = self.ids {
            values.push(dialect.uuids(ids));
            sql += &format!(" AND {}", dialect.in_uuids("id", values.len()));
        }
        (sql, values)
    }
}

const COLUMNS: &str = "queue, id, reason, envelope, at, asked_at, replayed_at";

/// Lists up to `limit` dead letters, the newest first.
///
/// # Errors
/// Where the database does not answer.
pub async fn dead_letters(tx: &Transaction, which: Which, limit: u64) -> Result<Vec<DeadLetter>, DbErr> {
    let (condition, mut values) = which.condition(tx.dialect());
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let sql = format!(
        "SELECT {COLUMNS} FROM dead_letter WHERE {condition} ORDER BY at DESC, id DESC LIMIT ${}",
        values.len()
    );
    let rows = tx.query_all_raw(tx.statement(&sql, values)).await?;
    rows.iter().map(read).collect()
}

/// Has dead letters handled once more by the service that is, or will be, running on this database. Answers those that are now waiting for
/// it; of what cannot be read there is nothing to handle.
///
/// # Errors
/// Where the database does not answer.
pub async fn ask_replay(tx: &Transaction, which: Which) -> Result<Vec<DeadLetter>, DbErr> {
    let which = Which {
        replayed: false,
        ..which
    };
    let (condition, values) = which.condition(tx.dialect());
    let sql = format!(
        "UPDATE dead_letter SET asked_at = {} WHERE {condition} AND readable RETURNING {COLUMNS}",
        tx.dialect().now()
    );
    let rows = tx.query_all_raw(tx.statement(&sql, values)).await?;
    rows.iter().map(read).collect()
}

/// As [`ask_replay`] for all that nobody has asked for yet, the oldest first and up to `limit`, so that a caller can go on until
/// there are none without holding them; how many there were.
///
/// # Errors
/// Where the database does not answer.
pub async fn ask_some_replay(tx: &Transaction, which: Which, limit: u64) -> Result<u64, DbErr> {
    let sql = format!(
        "UPDATE dead_letter SET asked_at = {} WHERE (queue, id) IN (SELECT queue, id FROM dead_letter WHERE",
        tx.dialect().now()
    );
    change_some(tx, &sql, which, "readable AND asked_at IS NULL", limit).await
}

/// Ends letters that nobody shall handle any more, the oldest first and up to `limit`; how many there were. What they say is
/// gone at once, for it may name people; that they were there, and that they were dropped, is kept as long as of those that were
/// handled after all.
///
/// # Errors
/// Where the database does not answer.
pub async fn drop_some(tx: &Transaction, which: Which, limit: u64) -> Result<u64, DbErr> {
    let sql = format!(
        "UPDATE dead_letter SET envelope = '', readable = false, asked_at = NULL, replayed_at = {}, \
         reason = '{DROPPED}' || reason WHERE (queue, id) IN (SELECT queue, id FROM dead_letter WHERE",
        tx.dialect().now()
    );
    change_some(tx, &sql, which, "true", limit).await
}

/// `sql` ends where the condition begins.
async fn change_some(
    tx: &Transaction,
    sql: &str,
    which: Which,
    only: &str,
    limit: u64,
) -> Result<u64, DbErr> {
    let which = Which {
        replayed: false,
        ..which
    };
    let (condition, mut values) = which.condition(tx.dialect());
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let sql = format!(
        "{sql} {condition} AND {only} ORDER BY at, id LIMIT ${})",
        values.len()
    );
    Ok(tx.execute_raw(tx.statement(sql, values)).await?.rows_affected())
}

fn read(row: &QueryResult) -> Result<DeadLetter, DbErr> {
    let envelope: String = row.try_get_by_index(3)?;
    Ok(DeadLetter {
        queue: row.try_get_by_index(0)?,
        id: row.try_get_by_index(1)?,
        reason: row.try_get_by_index(2)?,
        envelope: serde_json::from_str(&envelope).ok(),
        at: row.try_get_by_index(4)?,
        asked_at: row.try_get_by_index(5)?,
        replayed_at: row.try_get_by_index(6)?,
    })
}

/// A reason as it is kept: on one line, without addresses (E1), which libraries like to quote, and without characters that no line
/// has.
pub(crate) fn discreet(reason: &str) -> String {
    let words = reason
        .split_whitespace()
        .map(|word| if word.contains('@') { "…" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    let shown = line.chars().filter(|letter| !letter.is_control());
    shown.take(LONGEST_REASON).collect()
}

/// Notes a message as dead, and in the inbox as done; the pack that it came in is open from then on (`deliver`). One that was
/// handled already, and came back because nobody heard of it, is not dead.
pub(crate) async fn bury(
    database: &Database,
    subscription: &Subscription,
    (pack, content): (Option<Pack>, &Result<Envelope, Unreadable>),
    reason: &str,
) -> Result<(), DbErr> {
    let queue = subscription.queue();
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let (id, organization, text) = match content {
        Ok(envelope) => {
            let text = serde_json::to_string(envelope).map_err(|error| DbErr::Json(error.to_string()))?;
            let owner = subscription.handler.owner(&tx, envelope).await?;
            (envelope.id, owner.map(OrganizationId::uuid), text)
        }
        Err(unreadable) => (unreadable.id, None, unreadable.raw.clone()),
    };
    let fresh = match content {
        Ok(envelope) => remember(&tx, queue, std::slice::from_ref(envelope), &[pack]).await?,
        Err(_) => note(&tx, queue, HashMap::from([(id, 1)])).await?,
    };
    if fresh.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO dead_letter (queue, id, organization_id, reason, envelope, readable, at) \
         VALUES ($1, $2, $3, $4, $5, $6, {}) ON CONFLICT DO NOTHING",
        tx.dialect().now()
    );
    let reason = discreet(reason);
    let values = [
        queue.into(),
        id.into(),
        organization.into(),
        reason.as_str().into(),
        text.into(),
        content.is_ok().into(),
    ];
    tx.execute_raw(tx.statement(&sql, values)).await?;
    tx.commit().await?;
    tracing::warn!(queue, %id, reason, "message given up");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_a_reason_is_one_short_line_without_addresses() {
        assert_eq!(
            discreet("invalid type: string \"ada@example.com\",\n expected a map"),
            "invalid type: string … expected a map"
        );
        assert_eq!(discreet("unknown variant `\0\u{7}`"), "unknown variant ``");
        assert_eq!(discreet(&"no ".repeat(1000)).chars().count(), 500);
    }
}
