//! The relay's statements: each turn is one transaction that marks, leases and reads.

use std::{collections::HashSet, time::Duration};

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Database, Dialect, Scope, SystemReason, Transaction};
use usher_events::Lane;
use uuid::Uuid;

use crate::transport::Outgoing;

/// What a turn needs to know.
pub(crate) struct Turn<'a> {
    pub holder: Uuid,
    /// The buckets whose lease is fresh, where they are all there are: then nobody else has any, and none need be asked for.
    pub all_held: Option<&'a [i64]>,
    pub lease: Duration,
    pub limit: u16,
    /// Events that end a window.
    pub events: u16,
    /// Lanes and positions that were confirmed since the last turn.
    pub published: &'a [(Lane, i64)],
    /// Orders that are left out, see [`Outgoing::order`].
    pub resting: HashSet<Uuid>,
}

/// [`Outgoing::order`] as SQL.
const ORDER: &str =
    "CASE WHEN lane = 'bulk' AND queue IS NULL THEN coalesce(organization_id, key) ELSE key END";

/// What a turn has found.
pub(crate) struct Found {
    pub window: Vec<Outgoing>,
    /// What is leased now; none where all leases were given back.
    pub buckets: Vec<i64>,
}

/// Marks published rows, leases the buckets of the next ones and reads those. Without any, gives all leases back.
pub(crate) async fn turn(database: &Database, turn: &Turn<'_>) -> Result<Found, DbErr> {
    let tx = database.write(Scope::System(SystemReason::Relay)).await?;
    for lane in Lane::ALL {
        let of_lane = turn.published.iter().filter(|(other, _)| *other == lane);
        mark(&tx, lane, of_lane.map(|(_, position)| *position).collect()).await?;
    }
    let mut buckets = match turn.all_held {
        Some(held) => held.to_vec(),
        None => lease(&tx, turn).await?,
    };
    let window = if buckets.is_empty() {
        Vec::new()
    } else {
        read(&tx, turn, &buckets).await?
    };
    if window.is_empty() {
        release(&tx, turn.holder).await?;
        buckets.clear();
    }
    tx.commit().await?;
    Ok(Found { window, buckets })
}

/// Finds the rows through the index of those that are not published, for there is no other. The bounds keep to its end: what was
/// published a moment ago still stands at its beginning.
async fn mark(tx: &Transaction, lane: Lane, positions: Vec<i64>) -> Result<(), DbErr> {
    let (Some(first), Some(last)) = (positions.iter().min().copied(), positions.iter().max().copied()) else {
        return Ok(());
    };
    let dialect = tx.dialect();
    // IS TRUE makes a hash table of them; otherwise each row would be compared with all, number by number
    let published = match dialect {
        Dialect::Postgres => "(position IN (SELECT unnest($1::text::bigint[]))) IS TRUE".to_owned(),
        Dialect::Sqlite => dialect.in_bigints("position", 1),
    };
    let sql = format!(
        "UPDATE outbox SET published_at = {}, data = NULL WHERE published_at IS NULL AND lane = $2 \
         AND position BETWEEN $3 AND $4 AND {published}",
        dialect.now(),
    );
    let values = [
        dialect.bigints(positions),
        lane.as_str().into(),
        first.into(),
        last.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await.map(|_| ())
}

/// The buckets of the next rows, as far as nobody else has them.
async fn lease(tx: &Transaction, turn: &Turn<'_>) -> Result<Vec<i64>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE outbox_lease SET holder = $1, until = {until} WHERE bucket IN (\
           SELECT bucket FROM outbox_lease WHERE (holder = $1 OR until < {now}) AND bucket IN (\
             SELECT bucket FROM (\
               SELECT bucket FROM outbox WHERE published_at IS NULL AND NOT ({resting}) AND bucket NOT IN (\
                 SELECT bucket FROM outbox_lease WHERE holder <> $1 AND until >= {now}) \
               ORDER BY lane DESC, position LIMIT $3) AS next) \
           {skip}) RETURNING bucket",
        until = dialect.now_plus(i64::try_from(turn.lease.as_millis()).unwrap_or(i64::MAX)),
        now = dialect.now(),
        resting = dialect.in_uuids(ORDER, 2),
        skip = dialect.skip_locked(),
    );
    let resting = dialect.uuids(turn.resting.iter().copied());
    let values = [turn.holder.into(), resting, i64::from(turn.limit).into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter()
        .map(|row| row.try_get_by_index::<i16>(0).map(i64::from))
        .collect()
}

async fn read(tx: &Transaction, turn: &Turn<'_>, buckets: &[i64]) -> Result<Vec<Outgoing>, DbErr> {
    let dialect = tx.dialect();
    const COLUMNS: &str = "position, id, lane, key, kind, source, subject, queue, organization_id, time, traceparent, data, events";
    let sql = format!(
        "SELECT {COLUMNS} FROM (\
           SELECT {COLUMNS}, sum(events) OVER (ORDER BY lane DESC, position ROWS UNBOUNDED PRECEDING) - events AS earlier FROM (\
             SELECT {COLUMNS} FROM outbox WHERE published_at IS NULL AND NOT ({}) AND {} \
             ORDER BY lane DESC, position LIMIT $3) AS next) AS w WHERE earlier < $4 ORDER BY lane DESC, position",
        dialect.in_uuids(ORDER, 1),
        dialect.in_bigints("bucket", 2),
    );
    let resting = dialect.uuids(turn.resting.iter().copied());
    let values = [
        resting,
        dialect.bigints(buckets.iter().copied()),
        i64::from(turn.limit).into(),
        i64::from(turn.events).into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(outgoing).collect()
}

fn outgoing(row: &QueryResult) -> Result<Outgoing, DbErr> {
    let lane: String = row.try_get_by_index(2)?;
    Ok(Outgoing {
        position: row.try_get_by_index(0)?,
        id: row.try_get_by_index(1)?,
        lane: Lane::from_name(&lane),
        key: row.try_get_by_index(3)?,
        kind: row.try_get_by_index(4)?,
        source: row.try_get_by_index(5)?,
        subject: row.try_get_by_index(6)?,
        queue: row.try_get_by_index(7)?,
        organization: row.try_get_by_index(8)?,
        time: row.try_get_by_index(9)?,
        traceparent: row.try_get_by_index(10)?,
        data: row
            .try_get_by_index::<Option<String>>(11)?
            .unwrap_or_else(|| "null".to_owned()),
        events: row.try_get_by_index::<i16>(12)?,
    })
}

async fn release(tx: &Transaction, holder: Uuid) -> Result<(), DbErr> {
    let past = match tx.dialect() {
        Dialect::Sqlite => "'1970-01-01T00:00:00+00:00'",
        Dialect::Postgres => "to_timestamp(0)",
    };
    let sql = format!("UPDATE outbox_lease SET holder = NULL, until = {past} WHERE holder = $1");
    tx.execute_raw(tx.statement(sql, [holder.into()]))
        .await
        .map(|_| ())
}
