//! One step of a consumer: inbox and effect in one transaction.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{
    Column, Database, Scope, SystemReason, Transaction, is_conflict, is_unavailable, records,
};
use usher_events::Envelope;
use uuid::Uuid;

use crate::{Handler, HandlerError, trace, transport::Pack};

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

    /// A word for metrics and traces.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            _ if self.is_conflict() => "CONFLICT",
            _ if self.is_passing() => "UNAVAILABLE",
            Self::Database(_) => "DATABASE",
            Self::Handler(HandlerError::Retry(_)) => "RETRY",
            Self::Handler(HandlerError::Reject(_)) => "REJECT",
        }
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
    deliver_packed(database, queue, handler, slice, &vec![None; slice.len()]).await
}

/// As [`deliver`], with the pack that each message came in.
pub(crate) async fn deliver_packed(
    database: &Database,
    queue: &str,
    handler: &dyn Handler,
    slice: &[Envelope],
    packs: &[Option<Pack>],
) -> Result<(), DeliverError> {
    let tx = database.write(Scope::System(SystemReason::Consume)).await?;
    let fresh = remember(&tx, queue, slice, packs).await?;
    let known = slice.len() - fresh.len();
    if !fresh.is_empty() {
        handler.handle(&tx, &select(slice, fresh)).await?;
        tx.commit().await?;
    }
    trace::duplicates(queue, known);
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

/// Notes messages in the inbox and returns the ids of those that were not there.
///
/// A pack of which all events are in the slice is noted as one. One of which some are missing, because they failed and are
/// tried again one by one, is opened: noted with no events, and its events apart. Whoever finds a pack open looks at its events.
pub(crate) async fn remember(
    tx: &Transaction,
    queue: &str,
    slice: &[Envelope],
    packs: &[Option<Pack>],
) -> Result<HashSet<Uuid>, DbErr> {
    let mut present = HashMap::<Pack, usize>::new();
    for pack in packs.iter().flatten() {
        *present.entry(*pack).or_default() += 1;
    }
    let pairs = || slice.iter().map(|envelope| envelope.id).zip(packs);
    let singles = pairs().filter(|(_, pack)| pack.is_none()).map(|(id, _)| (id, 1));
    let whole = |(pack, present): (&Pack, &usize)| if *present == pack.events { pack.events } else { 0 };
    let noted = note(
        tx,
        queue,
        present
            .iter()
            .map(|entry| (entry.0.id, whole(entry)))
            .chain(singles)
            .collect(),
    )
    .await?;
    let met: Vec<Uuid> = present
        .keys()
        .map(|pack| pack.id)
        .filter(|id| !noted.contains(id))
        .collect();
    let mut open = opened(tx, queue, met).await?;
    open.extend(
        present
            .iter()
            .filter(|entry| whole(*entry) == 0 && noted.contains(&entry.0.id))
            .map(|(pack, _)| pack.id),
    );
    let apart = pairs().filter(|(_, pack)| pack.is_some_and(|pack| open.contains(&pack.id)));
    let apart = note(tx, queue, apart.map(|(id, _)| (id, 1)).collect()).await?;
    let fresh = pairs().filter(|(id, pack)| match pack {
        Some(pack) if open.contains(&pack.id) => apart.contains(id),
        Some(pack) => noted.contains(&pack.id),
        None => noted.contains(id),
    });
    Ok(fresh.map(|(id, _)| id).collect())
}

/// Those of these packs whose events are noted apart.
async fn opened(tx: &Transaction, queue: &str, packs: Vec<Uuid>) -> Result<HashSet<Uuid>, DbErr> {
    if packs.is_empty() {
        return Ok(HashSet::new());
    }
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT id FROM inbox WHERE queue = $1 AND {} AND events = 0",
        dialect.in_uuids("id", 2)
    );
    let rows = tx
        .query_all_raw(tx.statement(sql, [queue.into(), dialect.uuids(packs)]))
        .await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// An id, and how many events it stands for.
const NOTED: [Column<(Uuid, i64)>; 2] = [
    Column::uuid("id", |noted| noted.0),
    Column::number("events", |noted| noted.1),
];

/// Notes ids, each with how many events it stands for, and returns those that were not there.
pub(crate) async fn note(
    tx: &Transaction,
    queue: &str,
    notes: HashMap<Uuid, usize>,
) -> Result<HashSet<Uuid>, DbErr> {
    if notes.is_empty() {
        return Ok(HashSet::new());
    }
    let dialect = tx.dialect();
    let notes: Vec<(Uuid, i64)> = notes
        .into_iter()
        .map(|(id, events)| (id, i64::try_from(events).unwrap_or(i64::MAX)))
        .collect();
    let (from, values) = records(dialect, [queue.into()], &NOTED, &notes);
    let sql = format!(
        "INSERT INTO inbox (queue, id, events, at) SELECT $1, r.id, r.events, {} FROM {from} \
         WHERE true ORDER BY r.id ON CONFLICT DO NOTHING RETURNING id",
        dialect.now()
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
