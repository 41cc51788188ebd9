//! Writing to the outbox.

use sea_orm::{ConnectionTrait, DbErr, Value};
use serde::Serialize;
use usher_database::{Dialect, Transaction};
use usher_events::{Envelope, Lane};
use uuid::Uuid;

use crate::trace;

/// Buckets of keys; one relay at a time publishes a bucket.
pub const BUCKETS: u8 = 16;

/// The random end of a UUIDv7 spreads keys evenly.
fn bucket(key: Uuid) -> u8 {
    key.as_bytes()[15] % BUCKETS
}

/// Events of a mass in one row at most.
const PACK: usize = 100;

/// A row to be written: its columns, and its data apart, which is most of it.
#[derive(Serialize)]
struct Row<'a> {
    id: uuid::fmt::Simple,
    bucket: u8,
    lane: &'static str,
    key: uuid::fmt::Simple,
    kind: &'a str,
    source: &'a str,
    subject: &'a str,
    queue: Option<&'a str>,
    organization: Option<uuid::fmt::Simple>,
    time: String,
    traceparent: Option<&'a str>,
    events: usize,
    /// PostgreSQL gets it apart: it would be read letter by letter as a part of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

/// Writes envelopes into the outbox, in their order, with one statement; they are published after the commit. Each carries
/// the trace of the current span unless it already has one. Never write the same envelope twice: consumers would handle
/// it once.
///
/// # Errors
/// Where the database refuses, in an organization's scope also for another organization's envelope.
pub async fn enqueue(tx: &Transaction, lane: Lane, mut envelopes: Vec<Envelope>) -> Result<(), DbErr> {
    if envelopes.is_empty() {
        return Ok(());
    }
    if let Some(trace) = trace::traceparent() {
        for envelope in envelopes
            .iter_mut()
            .filter(|envelope| envelope.traceparent.is_none())
        {
            envelope.traceparent = Some(trace.clone());
        }
    }
    // SQLite's broker stores each event on its own
    let packed = lane == Lane::Bulk && tx.dialect() == Dialect::Postgres;
    let rows = if packed {
        packs(&envelopes)
    } else {
        Ok(envelopes.iter().map(|envelope| row(lane, envelope)).collect())
    };
    let mut rows = rows.map_err(|error| DbErr::Json(error.to_string()))?;
    let apart: Option<Vec<String>> = match tx.dialect() {
        Dialect::Postgres => Some(rows.iter_mut().filter_map(|row| row.data.take()).collect()),
        Dialect::Sqlite => None,
    };
    let json = serde_json::to_string(&rows).map_err(|error| DbErr::Json(error.to_string()))?;
    let values = [Some(Value::from(json)), apart.map(Value::from)]
        .into_iter()
        .flatten();
    tx.execute_raw(tx.statement(insert(tx.dialect()), values)).await?;
    tx.speaks(lane == Lane::Interactive);
    Ok(())
}

/// Rows of a mass.
fn packs(envelopes: &[Envelope]) -> Result<Vec<Row<'_>>, serde_json::Error> {
    let groups = envelopes
        .chunk_by(belong_together)
        .flat_map(|group| group.chunks(PACK));
    let rows = groups.filter_map(|group| match group {
        [] => None,
        [only] => Some(Ok(row(Lane::Bulk, only))),
        [first, ..] => Some(pack(first, group)),
    });
    rows.collect()
}

/// Whether two events can share a row. Commands are of many letters already.
fn belong_together(one: &Envelope, other: &Envelope) -> bool {
    one.queue.is_none()
        && other.queue.is_none()
        && one.kind == other.kind
        && one.source == other.source
        && one.organization.is_some()
        && one.organization == other.organization
}

/// One row for some events.
fn pack<'a>(first: &'a Envelope, events: &'a [Envelope]) -> Result<Row<'a>, serde_json::Error> {
    let id = Uuid::new_v4();
    Ok(Row {
        id: id.simple(),
        key: id.simple(),
        subject: "",
        events: events.len(),
        data: Some(serde_json::to_string(events)?),
        ..row(Lane::Bulk, first)
    })
}

/// Whose bucket an envelope goes through. Events of a mass go by organization, packed or not, so that one relay keeps the order
/// of all that is said about a contact (E4). [`crate::transport::Outgoing::order`] says the same.
fn order(lane: Lane, envelope: &Envelope) -> Uuid {
    match (lane, envelope.organization) {
        (Lane::Bulk, Some(organization)) if envelope.queue.is_none() => organization.uuid(),
        _ => envelope.key,
    }
}

fn row(lane: Lane, envelope: &Envelope) -> Row<'_> {
    Row {
        id: envelope.id.simple(),
        bucket: bucket(order(lane, envelope)),
        lane: lane.as_str(),
        key: envelope.key.simple(),
        kind: &envelope.kind,
        source: &envelope.source,
        subject: &envelope.subject,
        queue: envelope.queue.as_deref(),
        organization: envelope.organization.map(|id| id.uuid().simple()),
        // The form that sqlx writes times in on SQLite.
        time: envelope
            .time
            .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false),
        traceparent: envelope.traceparent.as_deref(),
        events: 1,
        data: Some(envelope.data.to_string()),
    }
}

/// The same parameters whatever the number of rows, so that the statement is prepared once.
const fn insert(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "INSERT INTO outbox (id, bucket, lane, key, kind, source, subject, queue, organization_id, time, traceparent, events, data, created_at) \
             SELECT id, bucket, lane, key, kind, source, subject, queue, organization, time, traceparent, events, data, statement_timestamp() \
             FROM ROWS FROM (json_to_recordset($1::text::json) AS (id uuid, bucket smallint, lane text, key uuid, kind text, source text, \
             subject text, queue text, organization uuid, time timestamptz, traceparent text, events smallint), unnest($2::text[])) WITH ORDINALITY \
             AS m(id, bucket, lane, key, kind, source, subject, queue, organization, time, traceparent, events, data, n) ORDER BY n"
        }
        Dialect::Sqlite => {
            "INSERT INTO outbox (id, bucket, lane, key, kind, source, subject, queue, organization_id, time, traceparent, events, data, created_at) \
             SELECT unhex(value->>'id'), value->>'bucket', value->>'lane', unhex(value->>'key'), value->>'kind', value->>'source', \
             value->>'subject', value->>'queue', unhex(value->>'organization'), value->>'time', value->>'traceparent', value->>'events', value->>'data', \
             strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') FROM json_each($1) ORDER BY key"
        }
    }
}
