//! One step of a consumer: inbox and effect in one transaction.

use std::{borrow::Cow, collections::HashSet};

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Database, Dialect, Scope, SystemReason, Transaction, is_conflict, is_unavailable};
use usher_events::Envelope;
use uuid::Uuid;

use crate::{Handler, HandlerError};

/// Why a slice was not delivered; nothing of it lasts.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The handler refused.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// Inbox or commit failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl DeliverError {
    /// The messages are not to blame: the database is away, or two transactions were in each other's way.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.is_conflict() || self.database_error().is_some_and(is_unavailable)
    }

    /// Two transactions were in each other's way.
    pub(crate) fn is_conflict(&self) -> bool {
        self.database_error().is_some_and(is_conflict)
    }

    fn database_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            Self::Handler(HandlerError::Retry(source)) => source.downcast_ref::<DbErr>(),
            Self::Handler(HandlerError::Reject(_)) => None,
        }
    }
}

/// What a consumer does with a slice: notes the messages in the inbox, gives those that were not there yet to the
/// handler, commits, and tells the handler. Messages that were handled before are skipped.
///
/// # Errors
/// See [`DeliverError`]; nothing lasts then.
pub async fn deliver(
    database: &Database,
    queue: &str,
    handler: &dyn Handler,
    slice: &[Envelope],
) -> Result<(), DeliverError> {
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let fresh = remember(&tx, queue, slice.iter().map(|envelope| envelope.id)).await?;
    if fresh.is_empty() {
        return Ok(());
    }
    handler.handle(&tx, &select(slice, fresh)).await?;
    tx.commit().await?;
    handler.committed().await;
    Ok(())
}

/// The fresh messages of a slice; usually all of them, which costs no copy.
fn select(slice: &[Envelope], mut fresh: HashSet<Uuid>) -> Cow<'_, [Envelope]> {
    if fresh.len() == slice.len() {
        return Cow::Borrowed(slice);
    }
    // Removing leaves the first of two with the same id.
    Cow::Owned(
        slice
            .iter()
            .filter(|envelope| fresh.remove(&envelope.id))
            .cloned()
            .collect(),
    )
}

/// Notes ids in the inbox and returns those that were not there.
pub(crate) async fn remember(
    tx: &Transaction,
    queue: &str,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashSet<Uuid>, DbErr> {
    let dialect = tx.dialect();
    let sql = match dialect {
        Dialect::Postgres => {
            "INSERT INTO inbox (queue, id, at) SELECT $1, id, statement_timestamp() FROM unnest($2::text::uuid[]) AS m(id) \
             ORDER BY id ON CONFLICT DO NOTHING RETURNING id"
        }
        Dialect::Sqlite => {
            "INSERT INTO inbox (queue, id, at) SELECT $1, unhex(value), strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') \
             FROM json_each($2) WHERE true ON CONFLICT DO NOTHING RETURNING id"
        }
    };
    let rows = tx
        .query_all_raw(tx.statement(sql, [queue.into(), dialect.uuids(ids)]))
        .await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
