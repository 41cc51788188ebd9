//! Writing to the outbox.

use sea_orm::{ConnectionTrait, DbErr};
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

#[derive(Serialize)]
struct Row<'a> {
    n: usize,
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
    data: String,
}

/// Writes envelopes into the outbox, in their order, with one statement; they are published after the commit. Each carries
/// the trace of the current span unless it already has one. Never write the same envelope twice: consumers would handle
/// it once.
///
/// # Errors
/// Where the database refuses, in an organization's scope also for another organization's envelope.
pub async fn enqueue(tx: &Transaction, lane: Lane, envelopes: Vec<Envelope>) -> Result<(), DbErr> {
    if envelopes.is_empty() {
        return Ok(());
    }
    let trace = trace::current();
    let rows = envelopes
        .iter()
        .enumerate()
        .map(|(n, envelope)| row(n, lane, envelope, trace.as_deref()));
    let json =
        serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| DbErr::Json(error.to_string()))?;
    tx.execute_raw(tx.statement(insert(tx.dialect()), [json.into()]))
        .await?;
    tx.speaks(lane == Lane::Interactive);
    Ok(())
}

fn row<'a>(n: usize, lane: Lane, envelope: &'a Envelope, trace: Option<&'a str>) -> Row<'a> {
    Row {
        n,
        id: envelope.id.simple(),
        bucket: bucket(envelope.key),
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
        traceparent: envelope.traceparent.as_deref().or(trace),
        data: envelope.data.to_string(),
    }
}

/// One parameter whatever the number of rows, so that the statement is prepared once.
const fn insert(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "INSERT INTO outbox (id, bucket, lane, key, kind, source, subject, queue, organization_id, time, traceparent, data, created_at) \
             SELECT id, bucket, lane, key, kind, source, subject, queue, organization, time, traceparent, data, statement_timestamp() \
             FROM json_to_recordset($1::text::json) AS m(n bigint, id uuid, bucket smallint, lane text, key uuid, kind text, \
             source text, subject text, queue text, organization uuid, time timestamptz, traceparent text, data text) ORDER BY n"
        }
        Dialect::Sqlite => {
            "INSERT INTO outbox (id, bucket, lane, key, kind, source, subject, queue, organization_id, time, traceparent, data, created_at) \
             SELECT unhex(value->>'id'), value->>'bucket', value->>'lane', unhex(value->>'key'), value->>'kind', value->>'source', \
             value->>'subject', value->>'queue', unhex(value->>'organization'), value->>'time', value->>'traceparent', value->>'data', \
             strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') FROM json_each($1) ORDER BY key"
        }
    }
}
