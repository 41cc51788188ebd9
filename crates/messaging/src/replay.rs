//! Gives dead letters to their handlers again, once somebody has asked for it.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};
use usher_events::Envelope;
use uuid::Uuid;

use crate::{HandlerError, Pace, Subscription, dead_letter::discreet, deliver::DeliverError};

/// Letters that one look finds; the next look finds the rest.
const SLICE: usize = 100;

/// Looks again and again until `stop`. Whoever asks may be another process, so nothing wakes it.
pub(crate) async fn run(
    database: Database,
    subscriptions: Vec<Subscription>,
    pace: Pace,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let pause = match turn(&database, &subscriptions).await {
            Ok(SLICE) => continue,
            Ok(_) => pace.poll,
            Err(error) => {
                tracing::warn!(%error, "no dead letter could be replayed; tried again");
                pace.outage
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Handles those that were asked for, in the order in which they were given up; how many have come to their end.
async fn turn(database: &Database, subscriptions: &[Subscription]) -> Result<usize, DeliverError> {
    let mut ended = 0;
    for (queue, id) in asked(database).await? {
        let found = subscriptions
            .iter()
            .find(|subscription| subscription.queue() == queue);
        let replayed = match found {
            None => Err(HandlerError::reject("nobody listens to this queue any more").into()),
            Some(subscription) => {
                let work = AssertUnwindSafe(replay(database, subscription, id)).catch_unwind();
                work.await
                    .unwrap_or_else(|_| Err(HandlerError::reject("the handler panicked").into()))
            }
        };
        match replayed {
            Ok(true) => tracing::info!(queue, %id, "dead letter handled after all"),
            // another replica was faster
            Ok(false) => {}
            // the others need not wait for it
            Err(error) if error.is_conflict() => {
                tracing::warn!(queue, %id, %error, "a dead letter was in somebody's way; tried again");
                continue;
            }
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => bury_again(database, &queue, id, &error.to_string()).await?,
        }
        ended += 1;
    }
    Ok(ended)
}

async fn asked(database: &Database) -> Result<Vec<(String, Uuid)>, DbErr> {
    let tx = database.read(Scope::System(SystemReason::Consume)).await?;
    let sql = format!(
        "SELECT queue, id FROM dead_letter WHERE asked_at IS NOT NULL AND replayed_at IS NULL ORDER BY at, id LIMIT {SLICE}"
    );
    let rows = tx.query_all_raw(tx.statement(&sql, [])).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// Effect and mark are one transaction, and the row is taken by who comes first: handled exactly once. False where there is nothing to
/// do any more.
async fn replay(database: &Database, subscription: &Subscription, id: Uuid) -> Result<bool, DeliverError> {
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let sql = format!(
        "UPDATE dead_letter SET replayed_at = {}, asked_at = NULL WHERE queue = $1 AND id = $2 AND replayed_at IS NULL \
         AND asked_at IS NOT NULL RETURNING envelope",
        tx.dialect().now()
    );
    let statement = tx.statement(&sql, [subscription.queue().into(), id.into()]);
    let Some(row) = tx.query_one_raw(statement).await? else {
        return Ok(false);
    };
    let envelope: String = row.try_get_by_index(0)?;
    let envelope = serde_json::from_str::<Envelope>(&envelope)
        .map_err(|error| HandlerError::reject(format!("unreadable: {error}")))?;
    subscription.handler.handle(&tx, &[envelope]).await?;
    tx.commit().await?;
    Ok(true)
}

/// It stays a dead letter, with the newest reason, until somebody asks again.
async fn bury_again(database: &Database, queue: &str, id: Uuid, reason: &str) -> Result<(), DbErr> {
    let reason = discreet(reason);
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let sql = format!(
        "UPDATE dead_letter SET asked_at = NULL, reason = $1, at = {} WHERE queue = $2 AND id = $3 AND replayed_at IS NULL",
        tx.dialect().now()
    );
    let values = [reason.as_str().into(), queue.into(), id.into()];
    tx.execute_raw(tx.statement(&sql, values)).await?;
    tx.commit().await?;
    tracing::warn!(queue, %id, reason, "message given up once more");
    Ok(())
}
