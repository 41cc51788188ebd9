//! Batches: their rows, who works on them, and their figures.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_events::Lane;
use usher_types::{BatchId, BatchState, ContactId, InvitationAction, MailingId, MemberId, OrganizationId};

use super::row::Columns;

/// How long a worker may take for a chunk before another one takes over.
const LEASE_MILLISECONDS: i64 = 30_000;

/// One bulk action.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) organization: OrganizationId,
    pub(crate) action: InvitationAction,
    pub(crate) state: BatchState,
    pub(crate) reason: Option<String>,
    pub(crate) lane: Lane,
    /// A `ContactSelection` of `usher.contacts.v1`, as bytes.
    pub(crate) selection: Vec<u8>,
    pub(crate) message: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<String>,
    /// What the preview counted; stands for the total until everybody was looked at.
    pub(crate) expected: i64,
    /// Everybody was looked at.
    pub(crate) walked: bool,
    pub(crate) last_contact: Option<ContactId>,
    pub(crate) mailing: MailingId,
    pub(crate) created_by: String,
    pub(crate) created_by_id: Option<MemberId>,
    /// Whether its member needs `email.bulk`.
    pub(crate) needs_bulk: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Goes up with every worker, so that one who was too slow cannot write any more.
    pub(crate) fence: i64,
    pub(crate) tries: i64,
}

const COLUMNS: &str = "id, organization_id, action, state, reason, lane, selection, message, subject, body, expected, \
                       walked, last_contact_id, mailing_id, created_by, created_by_id, needs_bulk, created_at, \
                       started_at, finished_at, fence, tries";

fn read(row: &QueryResult) -> Result<Batch, DbErr> {
    let lane: String = row.get("lane")?;
    Ok(Batch {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        action: row.named("action")?,
        state: row.named("state")?,
        reason: row.get("reason")?,
        lane: Lane::from_name(&lane),
        selection: row.get("selection")?,
        message: row.get("message")?,
        subject: row.get("subject")?,
        body: row.get("body")?,
        expected: row.get("expected")?,
        walked: row.get("walked")?,
        last_contact: row.id_option("last_contact_id")?,
        mailing: row.id("mailing_id")?,
        created_by: row.get("created_by")?,
        created_by_id: row.id_option("created_by_id")?,
        needs_bulk: row.get("needs_bulk")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        fence: row.get("fence")?,
        tries: row.get("tries")?,
    })
}

/// A new one.
pub(crate) async fn insert(tx: &Transaction, batch: &Batch) -> Result<(), DbErr> {
    let parameters: Vec<String> = (1..=22).map(|number| format!("${number}")).collect();
    let sql = format!("INSERT INTO batch ({COLUMNS}) VALUES ({})", parameters.join(", "));
    let values = [
        batch.id.uuid().into(),
        batch.organization.uuid().into(),
        batch.action.as_str().into(),
        batch.state.as_str().into(),
        batch.reason.clone().into(),
        batch.lane.as_str().into(),
        batch.selection.clone().into(),
        batch.message.clone().into(),
        batch.subject.clone().into(),
        batch.body.clone().into(),
        batch.expected.into(),
        batch.walked.into(),
        batch.last_contact.map(ContactId::uuid).into(),
        batch.mailing.uuid().into(),
        batch.created_by.as_str().into(),
        batch.created_by_id.map(MemberId::uuid).into(),
        batch.needs_bulk.into(),
        batch.created_at.into(),
        batch.started_at.into(),
        batch.finished_at.into(),
        batch.fence.into(),
        batch.tries.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Those of an organization, in no order.
pub(crate) async fn find_all(
    tx: &Transaction,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = BatchId>,
) -> Result<Vec<Batch>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {COLUMNS} FROM batch WHERE organization_id = $2 AND {}",
        dialect.in_uuids("id", 1)
    );
    let ids = dialect.uuids(ids.into_iter().map(BatchId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [ids, organization.uuid().into()]))
        .await?;
    rows.iter().map(read).collect()
}

/// One of an organization.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    id: BatchId,
) -> Result<Option<Batch>, DbErr> {
    Ok(find_all(tx, organization, [id]).await?.pop())
}

/// One page, newest first where `order_by` says so.
pub(crate) async fn list(
    tx: &Transaction,
    organization: OrganizationId,
    keyset: &usher_database::keyset::Keyset,
) -> Result<Vec<Batch>, DbErr> {
    let seek = keyset.seek(2);
    let sql = format!(
        "SELECT {COLUMNS} FROM batch WHERE organization_id = $1{} ORDER BY {} LIMIT {}",
        seek.condition,
        keyset.order_by(),
        keyset.fetch()
    );
    let values = std::iter::once(organization.uuid().into()).chain(seek.values);
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

/// How many an organization has.
pub(crate) async fn count(tx: &Transaction, organization: OrganizationId) -> Result<i64, DbErr> {
    let sql = "SELECT count(*) AS n FROM batch WHERE organization_id = $1";
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into()]))
        .await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

/// Leases the next batch that has something to do: people to look at, or, once cancelled, mail to take back.
pub(crate) async fn claim(tx: &Transaction, now: DateTime<Utc>) -> Result<Option<Batch>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE batch SET leased_until = {lease}, fence = fence + 1, started_at = coalesce(started_at, $1) WHERE id = \
         (SELECT id FROM batch WHERE finished_at IS NULL AND (state = 'CANCELLED' OR (state = 'RUNNING' AND walked = $2)) \
         AND (leased_until IS NULL OR leased_until < {clock}) ORDER BY created_at LIMIT 1 {skip}) RETURNING {COLUMNS}",
        lease = dialect.now_plus(LEASE_MILLISECONDS),
        clock = dialect.now(),
        skip = dialect.skip_locked(),
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [now.into(), false.into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// Notes how far the worker has come and leases for another chunk. False where somebody else has taken over, or the batch
/// was cancelled.
pub(crate) async fn advance(
    tx: &Transaction,
    batch: &Batch,
    last_contact: Option<ContactId>,
    walked: bool,
) -> Result<bool, DbErr> {
    let sql = format!(
        "UPDATE batch SET last_contact_id = $3, walked = $4, tries = 0, leased_until = {} \
         WHERE id = $1 AND fence = $2 AND state = 'RUNNING'",
        tx.dialect().now_plus(LEASE_MILLISECONDS)
    );
    let values = [
        batch.id.uuid().into(),
        batch.fence.into(),
        last_contact.map(ContactId::uuid).into(),
        walked.into(),
    ];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the lease back; nobody takes it for `milliseconds`.
pub(crate) async fn release(tx: &Transaction, batch: &Batch, milliseconds: i64) -> Result<(), DbErr> {
    let sql = format!(
        "UPDATE batch SET tries = tries + 1, leased_until = {} WHERE id = $1 AND fence = $2",
        tx.dialect().now_plus(milliseconds)
    );
    tx.execute_raw(tx.statement(sql, [batch.id.uuid().into(), batch.fence.into()]))
        .await?;
    Ok(())
}

/// Moves a batch to another state, if it is in one of `from`.
pub(crate) async fn set_state(
    tx: &Transaction,
    id: BatchId,
    from: &[BatchState],
    to: BatchState,
    reason: Option<&str>,
) -> Result<bool, DbErr> {
    let from: Vec<String> = from.iter().map(|state| format!("'{state}'")).collect();
    let sql = format!(
        "UPDATE batch SET state = $2, reason = $3, leased_until = NULL WHERE id = $1 AND state IN ({})",
        from.join(", ")
    );
    let values = [id.uuid().into(), to.as_str().into(), reason.into()];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Batches that were held for `reason` go on.
pub(crate) async fn resume_held(
    tx: &Transaction,
    organization: OrganizationId,
    reason: &str,
) -> Result<(), DbErr> {
    let sql = "UPDATE batch SET state = 'RUNNING', reason = NULL, leased_until = NULL \
               WHERE organization_id = $1 AND finished_at IS NULL AND state = 'PAUSED' AND reason = $2";
    tx.execute_raw(tx.statement(sql, [organization.uuid().into(), reason.into()]))
        .await?;
    Ok(())
}

/// Locks a batch, so that of two who look at its last mails one sees both.
pub(crate) async fn lock(tx: &Transaction, id: BatchId) -> Result<Option<Batch>, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE",
    };
    let sql = format!("SELECT {COLUMNS} FROM batch WHERE id = $1 {lock}");
    let row = tx.query_one_raw(tx.statement(sql, [id.uuid().into()])).await?;
    row.as_ref().map(read).transpose()
}

/// Whether a mail of the batch still waits.
pub(crate) async fn has_open_mail(tx: &Transaction, id: BatchId) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS one FROM invitation WHERE batch_id = $1 \
               AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') LIMIT 1";
    let row = tx.query_one_raw(tx.statement(sql, [id.uuid().into()])).await?;
    Ok(row.is_some())
}

/// The batch has come to its end.
pub(crate) async fn finish(
    tx: &Transaction,
    id: BatchId,
    state: BatchState,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "UPDATE batch SET state = $2, finished_at = $3, leased_until = NULL \
               WHERE id = $1 AND finished_at IS NULL";
    let values = [id.uuid().into(), state.as_str().into(), now.into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Batches that may have come to their end unnoticed.
pub(crate) async fn maybe_done(tx: &Transaction) -> Result<Vec<BatchId>, DbErr> {
    let sql = "SELECT id FROM batch WHERE finished_at IS NULL AND state = 'RUNNING' AND walked = $1 \
               AND NOT EXISTS (SELECT 1 FROM invitation WHERE batch_id = batch.id \
               AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED')) LIMIT 100";
    let rows = tx.query_all_raw(tx.statement(sql, [true.into()])).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// Contacts of a batch whose mail has not gone out, with the invitation.
pub(crate) async fn unsent(
    tx: &Transaction,
    id: BatchId,
    limit: u32,
) -> Result<Vec<(ContactId, usher_types::InvitationId)>, DbErr> {
    let sql = format!(
        "SELECT contact_id, id FROM invitation WHERE batch_id = $1 AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') \
         AND state IN ('OPEN', 'EXPIRED') AND contact_id IS NOT NULL LIMIT {limit}"
    );
    let rows = tx.query_all_raw(tx.statement(sql, [id.uuid().into()])).await?;
    rows.iter()
        .map(|row| Ok((row.id("contact_id")?, row.id("id")?)))
        .collect()
}
