//! Batches: their rows, and who works on them.

mod pause;
mod waiting;
mod work;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{
    BatchId, BatchState, ContactId, InvitationAction, MailingId, MemberId, OrganizationId, PauseReason,
    UnknownName,
};

use super::row::Columns;

pub(crate) use pause::{lock, pause, pause_all, pause_of, resume, resume_all};
pub(crate) use waiting::{Wait, next_waiting, put_off, take_up, wait, wake_waiting};
pub(crate) use work::{
    advance, cancel, claim, finish, give_back, has_open_mail, lock_walked, maybe_done, release, unsent,
};

/// An organization's batch.
pub(crate) type Of = (OrganizationId, BatchId);

/// One bulk action.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) organization: OrganizationId,
    pub(crate) action: InvitationAction,
    pub(crate) state: BatchState,
    /// Why it stands still.
    pub(crate) reason: Option<PauseReason>,
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
    /// The member who must be permitted while it runs: who asked for it, or resumed it.
    pub(crate) responsible: Option<MemberId>,
    /// Whether its member needs `email.bulk`.
    pub(crate) needs_bulk: bool,
    pub(crate) created_at: DateTime<Utc>,
    /// When it is to start; none where that is at once.
    pub(crate) send_at: Option<DateTime<Utc>>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Goes up with every worker, so that one who was too slow cannot write any more.
    pub(crate) fence: i64,
    pub(crate) tries: i64,
    /// Round 0 walks the selection, later ones those who wait for their own budget (I17).
    pub(crate) round: i64,
    /// A budget holds it until then, if it runs.
    pub(crate) waiting_until: Option<DateTime<Utc>>,
    /// The trace of the request that it came with.
    pub(crate) traceparent: Option<String>,
}

impl Batch {
    /// Which, for finders.
    pub(crate) const fn of(&self) -> Of {
        (self.organization, self.id)
    }

    /// Whether its time has come.
    pub(crate) const fn has_begun(&self) -> bool {
        self.send_at.is_none() || self.started_at.is_some()
    }

    /// `InvitationBatch.waitingUntil`: until when a budget holds it.
    pub(crate) fn waits_until(&self) -> Option<DateTime<Utc>> {
        self.waiting_until.filter(|_| self.state == BatchState::Running)
    }
}

const COLUMNS: &str = "id, organization_id, action, state, reason, lane, selection, message, subject, body, expected, \
                       walked, last_contact_id, mailing_id, created_by, created_by_id, needs_bulk, created_at, \
                       send_at, started_at, finished_at, fence, tries, responsible_id, round, waiting_until, traceparent";

fn read(row: &QueryResult) -> Result<Batch, DbErr> {
    let lane: String = row.get("lane")?;
    let reason: Option<String> = row.get("reason")?;
    let unknown = |error: UnknownName| DbErr::Type(error.to_string());
    Ok(Batch {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        action: row.named("action")?,
        state: row.named("state")?,
        reason: reason.map(|name| name.parse()).transpose().map_err(unknown)?,
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
        send_at: row.get("send_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        fence: row.get("fence")?,
        tries: row.get("tries")?,
        responsible: row.id_option("responsible_id")?,
        round: row.get("round")?,
        waiting_until: row.get("waiting_until")?,
        traceparent: row.get("traceparent")?,
    })
}

/// A new one.
pub(crate) async fn insert(tx: &Transaction, batch: &Batch) -> Result<(), DbErr> {
    let parameters: Vec<String> = (1..=27).map(|number| format!("${number}")).collect();
    let sql = format!("INSERT INTO batch ({COLUMNS}) VALUES ({})", parameters.join(", "));
    let values = [
        batch.id.uuid().into(),
        batch.organization.uuid().into(),
        batch.action.as_str().into(),
        batch.state.as_str().into(),
        batch.reason.map(PauseReason::as_str).into(),
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
        batch.send_at.into(),
        batch.started_at.into(),
        batch.finished_at.into(),
        batch.fence.into(),
        batch.tries.into(),
        batch.responsible.map(MemberId::uuid).into(),
        batch.round.into(),
        batch.waiting_until.into(),
        batch.traceparent.clone().into(),
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

/// How many batches of every organization are not over, by state.
pub(crate) async fn open_by_state(tx: &Transaction) -> Result<Vec<(BatchState, i64)>, DbErr> {
    let sql = "SELECT state, count(*) AS n FROM batch WHERE finished_at IS NULL GROUP BY state";
    let rows = tx.query_all_raw(tx.statement(sql, [])).await?;
    rows.iter()
        .map(|row| Ok((row.named("state")?, row.get("n")?)))
        .collect()
}
