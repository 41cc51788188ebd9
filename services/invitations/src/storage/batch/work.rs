//! Who works on a batch, how far it is, and how it ends.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::{Dialect, Transaction};
use usher_types::{BatchState, ContactId, InvitationId, OrganizationId};

use super::{Batch, COLUMNS, Of, read};
use crate::storage::row::Columns;

/// How long a worker may take for a chunk before another one takes over.
const LEASE_MILLISECONDS: i64 = 30_000;

/// Leases the next batch that has something to do: people to look at, from its time on, or, once cancelled, mail to take back.
/// Organizations take turns, whoever has waited longest first; of one organization's, what somebody waits for comes first, then
/// whichever was not worked on for longest.
pub(crate) async fn claim(tx: &Transaction, now: DateTime<Utc>) -> Result<Option<Batch>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE batch SET leased_until = {lease}, fence = fence + 1, waiting_until = NULL, \
         started_at = CASE WHEN state = 'CANCELLED' THEN started_at ELSE coalesce(started_at, $1) END, \
         state = CASE WHEN state = 'SCHEDULED' THEN 'RUNNING' ELSE state END WHERE id = \
         (SELECT id FROM batch WHERE finished_at IS NULL AND (state = 'CANCELLED' OR (state = 'RUNNING' AND walked = $2 \
         AND (waiting_until IS NULL OR waiting_until <= $1)) OR (state = 'SCHEDULED' AND send_at <= $1)) \
         AND (leased_until IS NULL OR leased_until <= {clock}) \
         ORDER BY coalesce((SELECT turn FROM batch_turn WHERE batch_turn.organization_id = batch.organization_id), 0), \
         CASE lane WHEN 'interactive' THEN 0 ELSE 1 END, leased_until NULLS FIRST, created_at LIMIT 1 {skip}) \
         RETURNING {COLUMNS}",
        lease = dialect.now_plus(LEASE_MILLISECONDS),
        clock = dialect.now(),
        skip = dialect.skip_locked(),
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [now.into(), false.into()]))
        .await?;
    let claimed = row.as_ref().map(read).transpose()?;
    if let Some(batch) = &claimed {
        note_turn(tx, batch.organization).await?;
    }
    Ok(claimed)
}

/// The organization has had its turn, and is the last in the row now.
async fn note_turn(tx: &Transaction, organization: OrganizationId) -> Result<(), DbErr> {
    let sql = "INSERT INTO batch_turn (organization_id, turn) SELECT $1, coalesce(max(turn), 0) + 1 FROM batch_turn WHERE true \
               ON CONFLICT (organization_id) DO UPDATE SET turn = excluded.turn";
    tx.execute_raw(tx.statement(sql, [organization.uuid().into()]))
        .await?;
    Ok(())
}

/// Notes how far the worker has come, and gives the batch back with the transaction. False where somebody else has taken over, or
/// the batch was paused or cancelled.
pub(crate) async fn advance(
    tx: &Transaction,
    batch: &Batch,
    last_contact: Option<ContactId>,
    walked: bool,
) -> Result<bool, DbErr> {
    let sql = format!(
        "UPDATE batch SET last_contact_id = $3, walked = $4, tries = 0, leased_until = {} \
         WHERE id = $1 AND organization_id = $5 AND fence = $2 AND state = 'RUNNING'",
        tx.dialect().now()
    );
    let values = [
        batch.id.uuid().into(),
        batch.fence.into(),
        last_contact.map(ContactId::uuid).into(),
        walked.into(),
        batch.organization.uuid().into(),
    ];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the lease back after a turn that went well.
pub(crate) async fn give_back(tx: &Transaction, batch: &Batch) -> Result<(), DbErr> {
    let sql = format!(
        "UPDATE batch SET tries = 0, leased_until = {} WHERE id = $1 AND organization_id = $3 AND fence = $2",
        tx.dialect().now()
    );
    let values = [
        batch.id.uuid().into(),
        batch.fence.into(),
        batch.organization.uuid().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Gives the lease back; nobody takes it for `milliseconds`.
pub(crate) async fn release(tx: &Transaction, batch: &Batch, milliseconds: i64) -> Result<(), DbErr> {
    let sql = format!(
        "UPDATE batch SET tries = tries + 1, leased_until = {} WHERE id = $1 AND organization_id = $3 AND fence = $2",
        tx.dialect().now_plus(milliseconds)
    );
    let values = [
        batch.id.uuid().into(),
        batch.fence.into(),
        batch.organization.uuid().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Cancels a batch that is locked.
pub(crate) async fn cancel(tx: &Transaction, (organization, id): Of) -> Result<(), DbErr> {
    let sql = "UPDATE batch SET state = 'CANCELLED', reason = NULL, leased_until = NULL \
               WHERE id = $1 AND organization_id = $2";
    let values = [id.uuid().into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Locks a batch of which everybody was looked at and that is not over, so that of two who look at its last mails one sees both.
/// One that is still walked is not waited for.
pub(crate) async fn lock_walked(tx: &Transaction, (organization, id): Of) -> Result<bool, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE",
    };
    let sql = format!(
        "SELECT 1 AS one FROM batch WHERE id = $1 AND organization_id = $2 AND walked = $3 \
         AND state IN ('RUNNING', 'PAUSED') AND finished_at IS NULL {lock}"
    );
    let values = [id.uuid().into(), organization.uuid().into(), true.into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    Ok(row.is_some())
}

/// Whether a mail of the batch still waits.
pub(crate) async fn has_open_mail(tx: &Transaction, (organization, id): Of) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS one FROM invitation WHERE batch_id >= $1 AND batch_id <= $1 AND organization_id = $2 \
               AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') ORDER BY batch_id DESC, id DESC LIMIT 1";
    let values = [id.uuid().into(), organization.uuid().into()];
    Ok(!newest_first(tx, sql, values).await?.is_empty())
}

/// Reads a batch's invitations from the newest on. Those that were written last go out last, so whoever looks for mail that waits
/// finds it there. The statements name the batch by two bounds and order by it, too: were it an equation, PostgreSQL would take the
/// newest invitations of all batches for as good a beginning, and read its way through those of every later one.
async fn newest_first(
    tx: &Transaction,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    let postgres = tx.dialect() == Dialect::Postgres;
    if postgres {
        // which expects some rows at most and would read them all to sort them
        tx.execute_unprepared("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
            .await?;
    }
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    if postgres {
        tx.execute_unprepared("SET LOCAL enable_sort = on; SET LOCAL enable_bitmapscan = on")
            .await?;
    }
    Ok(rows)
}

/// The batch has come to its end, and nothing holds it any more.
pub(crate) async fn finish(
    tx: &Transaction,
    (organization, id): Of,
    state: BatchState,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "UPDATE batch SET state = $2, reason = NULL, finished_at = $3, leased_until = NULL \
               WHERE id = $1 AND organization_id = $4 AND finished_at IS NULL";
    let values = [
        id.uuid().into(),
        state.as_str().into(),
        now.into(),
        organization.uuid().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Batches of every organization that may have come to their end unnoticed. Each is looked into as [`has_open_mail`] does: were it
/// NOT EXISTS, PostgreSQL would read what has gone out of all of them.
pub(crate) async fn maybe_done(tx: &Transaction) -> Result<Vec<Of>, DbErr> {
    let sql = "SELECT organization_id, id FROM batch WHERE finished_at IS NULL AND state IN ('RUNNING', 'PAUSED') AND walked = $1 \
               AND (SELECT 1 FROM invitation WHERE batch_id >= batch.id AND batch_id <= batch.id \
               AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') ORDER BY batch_id DESC, id DESC LIMIT 1) IS NULL LIMIT 100";
    let rows = newest_first(tx, sql, [true.into()]).await?;
    rows.iter()
        .map(|row| Ok((row.id("organization_id")?, row.id("id")?)))
        .collect()
}

/// Contacts of a batch whose mail has not gone out, with the invitation.
pub(crate) async fn unsent(
    tx: &Transaction,
    (organization, id): Of,
    limit: u32,
) -> Result<Vec<(ContactId, InvitationId)>, DbErr> {
    let sql = format!(
        "SELECT contact_id, id FROM invitation WHERE batch_id >= $1 AND batch_id <= $1 AND organization_id = $2 \
         AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') AND state IN ('OPEN', 'EXPIRED') AND contact_id IS NOT NULL \
         ORDER BY batch_id DESC, id DESC LIMIT {limit}"
    );
    let values = [id.uuid().into(), organization.uuid().into()];
    let rows = newest_first(tx, &sql, values).await?;
    rows.iter()
        .map(|row| Ok((row.id("contact_id")?, row.id("id")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use usher_database::{Scope, SystemReason};
    use usher_testkit::{TestDatabase, block_on, counted};
    use uuid::Uuid;

    use super::*;

    /// A batch of 5000 whose newest 20 mails wait.
    const BATCH: &str = "INSERT INTO batch (id, organization_id, action, state, lane, selection, expected, walked, mailing_id, \
         created_by, needs_bulk, created_at, fence, tries, hold_version) \
         VALUES ($1, $1, 'SEND', 'RUNNING', 'bulk', '', 5000, true, $1, '', false, now(), 0, 0, 0)";
    const INVITATIONS: &str = "INSERT INTO invitation (id, organization_id, contact_id, generation, state, token_hash, email, \
         email_canonical, contact_version, batch_id, message_id, delivery, issued_at, expires_at, created_by) \
         SELECT lpad(to_hex(n), 32, '0')::uuid, $1, gen_random_uuid(), 1, 'OPEN', int4send(n), '', '', 1, $1, $1, \
         CASE WHEN n > 4980 THEN 'QUEUED' ELSE 'SENT' END, now(), now(), '' FROM generate_series(1, 5000) n";

    #[test]
    fn i4_what_has_gone_out_is_not_read_to_find_what_waits() {
        block_on(async {
            let databases = TestDatabase::postgres().await;
            let database = databases.service("invitations").await;
            let id = Uuid::from_u128(7);
            let of = (id.into(), id.into());
            let sweep = Scope::System(SystemReason::Sweep);
            let tx = database.write(sweep).await.unwrap();
            for sql in [BATCH, INVITATIONS] {
                tx.execute_raw(tx.statement(sql, [id.into()])).await.unwrap();
            }
            tx.commit().await.unwrap();

            let tx = database.read(sweep).await.unwrap();
            // the batch and one invitation
            assert_eq!(counted(&tx, maybe_done(&tx)).await, (Vec::new(), 2));
            drop(tx);
            let tx = database.read(Scope::Organization(of.0)).await.unwrap();
            assert_eq!(counted(&tx, has_open_mail(&tx, of)).await, (true, 1));
            let (newest, read) = counted(&tx, unsent(&tx, of, 15)).await;
            assert_eq!(
                (newest.len(), newest[0].1, read),
                (15, Uuid::from_u128(5000).into(), 15)
            );
            let setting = tx
                .query_one_raw(tx.statement("SHOW enable_sort", []))
                .await
                .unwrap();
            assert_eq!(setting.unwrap().try_get_by_index::<String>(0).unwrap(), "on");
            drop(tx);

            let tx = database.write(sweep).await.unwrap();
            let sent = "UPDATE invitation SET delivery = 'SENT' WHERE batch_id = $1";
            tx.execute_raw(tx.statement(sent, [id.into()])).await.unwrap();
            assert_eq!(maybe_done(&tx).await.unwrap(), [of]);
        });
    }
}
