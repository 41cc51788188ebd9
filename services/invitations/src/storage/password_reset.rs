//! Resets of passwords (I12): one link each.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::Transaction;
use usher_types::{InvitationId, OrganizationId, TokenHash};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::link::InvitationState;
use crate::domain::session::Kind;

/// A reset.
#[derive(Clone, Debug)]
pub(crate) struct PasswordReset {
    pub(crate) id: InvitationId,
    pub(crate) organization: OrganizationId,
    /// Whose.
    pub(crate) kind: Kind,
    pub(crate) subject: Uuid,
    /// ACCEPTED: another password was chosen.
    pub(crate) state: InvitationState,
    /// Where the link went.
    pub(crate) email_canonical: String,
    pub(crate) expires_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, organization_id, kind, subject_id, state, email_canonical, expires_at";

fn read(row: &QueryResult) -> Result<PasswordReset, DbErr> {
    let kind: String = row.get("kind")?;
    Ok(PasswordReset {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        kind: Kind::from_name(&kind).ok_or_else(|| DbErr::Type(format!("{kind} has no password")))?,
        subject: row.get("subject_id")?,
        state: InvitationState::from_name(&row.get::<String>("state")?),
        email_canonical: row.get("email_canonical")?,
        expires_at: row.get("expires_at")?,
    })
}

/// Writes a new one, OPEN; what was open of the same person has ended before. False where somebody else has just written one.
pub(crate) async fn insert(
    tx: &Transaction,
    reset: &PasswordReset,
    hash: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = format!(
        "INSERT INTO password_reset ({COLUMNS}, token_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (subject_id) WHERE state = 'OPEN' DO NOTHING"
    );
    let values = [
        reset.id.uuid().into(),
        reset.organization.uuid().into(),
        reset.kind.as_str().into(),
        reset.subject.into(),
        reset.state.as_str().into(),
        reset.email_canonical.as_str().into(),
        reset.expires_at.into(),
        hash.into(),
        now.into(),
    ];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// A newer one replaces what is open of a person of an organization; that is returned.
pub(crate) async fn supersede(
    tx: &Transaction,
    organization: OrganizationId,
    subject: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<InvitationId>, DbErr> {
    let sql = "UPDATE password_reset SET state = 'SUPERSEDED', ended_at = $2 \
               WHERE subject_id = $1 AND organization_id = $3 AND state = 'OPEN' RETURNING id";
    let values = [subject.into(), now.into(), organization.uuid().into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// The reset that a link's token belongs to: the token tells which organization it is.
pub(crate) async fn find_by_token(tx: &Transaction, hash: TokenHash) -> Result<Option<PasswordReset>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM password_reset WHERE token_hash = $1");
    let row = tx
        .query_one_raw(tx.statement(sql, [hash.to_vec().into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// When the newest link of the same person went out.
pub(crate) async fn newest_sent_at(
    tx: &Transaction,
    reset: &PasswordReset,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let sql = "SELECT created_at FROM password_reset WHERE subject_id = $1 AND organization_id = $2 \
               ORDER BY created_at DESC LIMIT 1";
    let values = [reset.subject.into(), reset.organization.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map(|row| row.get("created_at")).transpose()
}

/// Spends one, and with it every older link of the person. True for exactly one of those who race.
pub(crate) async fn spend(
    tx: &Transaction,
    reset: &PasswordReset,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let ours: sea_orm::Value = reset.organization.uuid().into();
    let spend = "UPDATE password_reset SET state = 'ACCEPTED', ended_at = $2 \
                 WHERE id = $1 AND organization_id = $3 AND state = 'OPEN' AND expires_at > $2";
    let values = [reset.id.uuid().into(), now.into(), ours.clone()];
    if tx.execute_raw(tx.statement(spend, values)).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let bury = "UPDATE password_reset SET state = 'CANCELLED' \
                WHERE subject_id = $1 AND organization_id = $2 AND state = 'SUPERSEDED'";
    tx.execute_raw(tx.statement(bury, [reset.subject.into(), ours]))
        .await?;
    Ok(true)
}

/// Drops those whose links ran out before then.
pub(crate) async fn forget_older(tx: &Transaction, before: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "DELETE FROM password_reset WHERE expires_at < $1";
    tx.execute_raw(tx.statement(sql, [before.into()])).await?;
    Ok(())
}
