//! Batches that stand still, and go on. Each word about a batch has a version, which its letters' lane in notifications follows.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_events::HoldMailing;
use usher_types::{BatchState, MemberId, OrganizationId, PauseReason};

use super::{Batch, COLUMNS, Of, read};
use crate::storage::row::Columns;

/// What is told of a batch that stands still or goes on.
const TOLD: &str = "organization_id, mailing_id, hold_version";

fn told(row: &QueryResult, held: bool) -> Result<HoldMailing, DbErr> {
    Ok(HoldMailing {
        organization_id: row.id("organization_id")?,
        mailing_id: row.id("mailing_id")?,
        held,
        version: row.get("hold_version")?,
    })
}

/// The batch, locked until the transaction's end.
pub(crate) async fn lock(tx: &Transaction, (organization, id): Of) -> Result<Option<Batch>, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE",
    };
    let sql = format!("SELECT {COLUMNS} FROM batch WHERE id = $1 AND organization_id = $2 {lock}");
    let values = [id.uuid().into(), organization.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// Pauses a batch that is locked.
pub(crate) async fn pause(
    tx: &Transaction,
    (organization, id): Of,
    reason: PauseReason,
) -> Result<HoldMailing, DbErr> {
    let sql = format!(
        "UPDATE batch SET state = 'PAUSED', reason = $3, leased_until = NULL, hold_version = hold_version + 1 \
         WHERE id = $1 AND organization_id = $2 RETURNING {TOLD}"
    );
    let values = [
        id.uuid().into(),
        organization.uuid().into(),
        reason.as_str().into(),
    ];
    one(tx.query_one_raw(tx.statement(sql, values)).await?, true)
}

/// Lets a batch go on that is locked.
pub(crate) async fn resume(
    tx: &Transaction,
    (organization, id): Of,
    state: BatchState,
    responsible: Option<MemberId>,
) -> Result<HoldMailing, DbErr> {
    let sql = format!(
        "UPDATE batch SET state = $3, reason = NULL, responsible_id = $4, leased_until = NULL, \
         hold_version = hold_version + 1 WHERE id = $1 AND organization_id = $2 RETURNING {TOLD}"
    );
    let values = [
        id.uuid().into(),
        organization.uuid().into(),
        state.as_str().into(),
        responsible.map(MemberId::uuid).into(),
    ];
    one(tx.query_one_raw(tx.statement(sql, values)).await?, false)
}

fn one(row: Option<QueryResult>, held: bool) -> Result<HoldMailing, DbErr> {
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a batch that is locked".to_owned()))?;
    told(&row, held)
}

/// Whatever is under way and mails anything stands still for `reason`.
pub(crate) async fn pause_all(
    tx: &Transaction,
    organization: OrganizationId,
    reason: PauseReason,
) -> Result<Vec<HoldMailing>, DbErr> {
    let sql = format!(
        "UPDATE batch SET state = 'PAUSED', reason = $2, leased_until = NULL, hold_version = hold_version + 1 \
         WHERE organization_id = $1 AND finished_at IS NULL AND state = 'RUNNING' AND action <> 'CANCEL' RETURNING {TOLD}"
    );
    let values = [organization.uuid().into(), reason.as_str().into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| told(row, true)).collect()
}

/// What a member answers for and is under way stands still, for they may not go on: all of it, or the `bulk` alone.
pub(crate) async fn pause_of(
    tx: &Transaction,
    (organization, member): (OrganizationId, MemberId),
    bulk: bool,
) -> Result<Vec<HoldMailing>, DbErr> {
    let which = if bulk { "AND needs_bulk" } else { "" };
    let sql = format!(
        "UPDATE batch SET state = 'PAUSED', reason = $2, leased_until = NULL, hold_version = hold_version + 1 \
         WHERE organization_id = $1 AND responsible_id = $3 AND finished_at IS NULL AND state = 'RUNNING' \
         AND action <> 'CANCEL' {which} RETURNING {TOLD}"
    );
    let reason = PauseReason::NotPermitted.as_str();
    let values = [organization.uuid().into(), reason.into(), member.uuid().into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| told(row, true)).collect()
}

/// Batches that were held for `reason` go on, or wait for their time again.
pub(crate) async fn resume_all(
    tx: &Transaction,
    organization: OrganizationId,
    reason: PauseReason,
) -> Result<Vec<HoldMailing>, DbErr> {
    let sql = format!(
        "UPDATE batch SET state = CASE WHEN send_at IS NOT NULL AND started_at IS NULL THEN 'SCHEDULED' ELSE 'RUNNING' END, \
         reason = NULL, leased_until = NULL, hold_version = hold_version + 1 \
         WHERE organization_id = $1 AND finished_at IS NULL AND state = 'PAUSED' AND reason = $2 RETURNING {TOLD}"
    );
    let values = [organization.uuid().into(), reason.as_str().into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| told(row, false)).collect()
}
