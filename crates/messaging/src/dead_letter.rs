//! Messages that could not be handled: kept with the reason, listed, replayable.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Database, Scope, SystemReason, Transaction};
use usher_events::Envelope;
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::{
    Subscription,
    deliver::{DeliverError, note, remember},
    transport::{Pack, Unreadable},
};

/// A message that could not be handled.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The queue without its lane.
    pub queue: String,
    /// The message's id.
    pub id: Uuid,
    /// Why, in words for operators.
    pub reason: String,
    /// The message; none where what came was unreadable.
    pub envelope: Option<Envelope>,
    /// When it was given up, by the database's clock.
    pub at: DateTime<Utc>,
    /// When it was handled after all.
    pub replayed_at: Option<DateTime<Utc>>,
}

/// Lists up to `limit` dead letters, the newest first.
///
/// # Errors
/// Where the database does not answer.
pub async fn dead_letters(tx: &Transaction, limit: u64) -> Result<Vec<DeadLetter>, DbErr> {
    let sql = "SELECT queue, id, reason, envelope, at, replayed_at FROM dead_letter ORDER BY at DESC, id DESC LIMIT $1";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query_all_raw(tx.statement(sql, [limit.into()])).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<DeadLetter, DbErr> {
    let envelope: String = row.try_get_by_index(3)?;
    Ok(DeadLetter {
        queue: row.try_get_by_index(0)?,
        id: row.try_get_by_index(1)?,
        reason: row.try_get_by_index(2)?,
        envelope: serde_json::from_str(&envelope).ok(),
        at: row.try_get_by_index(4)?,
        replayed_at: row.try_get_by_index(5)?,
    })
}

/// Gives one dead letter to its handler again; effect and mark are one transaction. False where there is no such letter,
/// or it was replayed already, or it is unreadable.
///
/// # Errors
/// Where the handler refuses again; the letter then stays as it was.
pub async fn replay(
    database: &Database,
    subscription: &Subscription,
    id: Uuid,
) -> Result<bool, DeliverError> {
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let sql = format!(
        "UPDATE dead_letter SET replayed_at = {} WHERE queue = $1 AND id = $2 AND replayed_at IS NULL RETURNING envelope",
        tx.dialect().now()
    );
    let statement = tx.statement(sql, [subscription.queue().into(), id.into()]);
    let Some(row) = tx.query_one_raw(statement).await? else {
        return Ok(false);
    };
    let envelope: String = row.try_get_by_index(0)?;
    let Ok(envelope) = serde_json::from_str::<Envelope>(&envelope) else {
        return Ok(false);
    };
    subscription.handler.handle(&tx, &[envelope]).await?;
    tx.commit().await?;
    subscription.handler.committed().await;
    Ok(true)
}

/// Notes a message as dead, and in the inbox as done; the pack that it came in is open from then on (`deliver`). One that was
/// handled already, and came back because nobody heard of it, is not dead.
pub(crate) async fn bury(
    database: &Database,
    queue: &str,
    (pack, content): (Option<Pack>, &Result<Envelope, Unreadable>),
    reason: &str,
) -> Result<(), DbErr> {
    let (id, organization, text) = match content {
        Ok(envelope) => {
            let text = serde_json::to_string(envelope).map_err(|error| DbErr::Json(error.to_string()))?;
            (envelope.id, envelope.organization.map(OrganizationId::uuid), text)
        }
        Err(unreadable) => (unreadable.id, None, unreadable.raw.clone()),
    };
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let fresh = match content {
        Ok(envelope) => remember(&tx, queue, std::slice::from_ref(envelope), &[pack]).await?,
        Err(_) => note(&tx, queue, HashMap::from([(id, 1)])).await?,
    };
    if fresh.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO dead_letter (queue, id, organization_id, reason, envelope, at) VALUES ($1, $2, $3, $4, $5, {}) \
         ON CONFLICT DO NOTHING",
        tx.dialect().now()
    );
    let values = [
        queue.into(),
        id.into(),
        organization.into(),
        reason.into(),
        text.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    tx.commit().await?;
    tracing::warn!(queue, %id, reason, "message given up");
    Ok(())
}
