//! Sessions, their refresh tokens, and failed sign-ins.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_types::{MemberId, OrganizationId, SessionId, TokenHash};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::session::{Kind, Times, forget_at};
use crate::domain::waits::Failures;

/// One signed-in session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) organization: OrganizationId,
    pub(crate) kind: Kind,
    pub(crate) subject: Uuid,
    pub(crate) times: Times,
}

fn read(row: &QueryResult) -> Result<Session, DbErr> {
    let kind: String = row.get("kind")?;
    Ok(Session {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        kind: Kind::from_name(&kind).ok_or_else(|| DbErr::Type(format!("{kind} is no kind of session")))?,
        subject: row.get("subject_id")?,
        times: Times {
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
            ended_at: row.get("ended_at")?,
        },
    })
}

/// A new session.
pub(crate) async fn insert(tx: &Transaction, session: &Session) -> Result<(), DbErr> {
    let sql = "INSERT INTO session (id, organization_id, kind, subject_id, created_at, last_used_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        session.id.uuid().into(),
        session.organization.uuid().into(),
        session.kind.as_str().into(),
        session.subject.into(),
        session.times.created_at.into(),
        session.times.last_used_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// A further refresh token of a session.
pub(crate) async fn insert_token(
    tx: &Transaction,
    session: &Session,
    hash: TokenHash,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO session_token (token_hash, organization_id, session_id, issued_at) VALUES ($1, $2, $3, $4)";
    let values = [
        hash.to_vec().into(),
        session.organization.uuid().into(),
        session.id.uuid().into(),
        now.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The session of a refresh token, which tells the organization, and when the token was exchanged, with both rows locked.
pub(crate) async fn lock_by_token(
    tx: &Transaction,
    hash: TokenHash,
) -> Result<Option<(Session, Option<DateTime<Utc>>)>, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE",
    };
    let sql = format!(
        "SELECT session.id, session.organization_id, kind, subject_id, created_at, last_used_at, ended_at, used_at \
         FROM session_token JOIN session ON session.id = session_token.session_id WHERE token_hash = $1 {lock}"
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [hash.to_vec().into()]))
        .await?;
    row.map(|row| Ok((read(&row)?, row.get("used_at")?))).transpose()
}

/// Notes that a refresh token was exchanged, the first time only, and that its session was used.
pub(crate) async fn note_refresh(
    tx: &Transaction,
    hash: TokenHash,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let ours: sea_orm::Value = session.organization.uuid().into();
    let used = "UPDATE session_token SET used_at = $2 \
                WHERE token_hash = $1 AND organization_id = $3 AND used_at IS NULL";
    tx.execute_raw(tx.statement(used, [hash.to_vec().into(), now.into(), ours.clone()]))
        .await?;
    let sql = "UPDATE session SET last_used_at = $2 WHERE id = $1 AND organization_id = $3";
    tx.execute_raw(tx.statement(sql, [session.id.uuid().into(), now.into(), ours]))
        .await?;
    Ok(())
}

const END: &str = "UPDATE session SET ended_at = $2, forget_at = $3, end_reason = $4";

/// Ends one session of an organization.
pub(crate) async fn end(
    tx: &Transaction,
    organization: OrganizationId,
    session: SessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!("{END} WHERE id = $1 AND organization_id = $5 AND ended_at IS NULL");
    let values = [
        session.uuid().into(),
        now.into(),
        forget_at(now).into(),
        reason.into(),
        organization.uuid().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends every session of these people of an organization.
pub(crate) async fn end_all(
    tx: &Transaction,
    organization: OrganizationId,
    subjects: impl IntoIterator<Item = Uuid>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "{END} WHERE organization_id = $5 AND {} AND ended_at IS NULL",
        dialect.in_uuids("subject_id", 1)
    );
    let values = [
        dialect.uuids(subjects),
        now.into(),
        forget_at(now).into(),
        reason.into(),
        organization.uuid().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends every session of a member.
pub(crate) async fn end_of_member(
    tx: &Transaction,
    organization: OrganizationId,
    member: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    end_all(tx, organization, [member.uuid()], reason, now).await
}

/// Sessions that ended while an access token of theirs may still live.
pub(crate) async fn ended(
    tx: &Transaction,
    now: DateTime<Utc>,
) -> Result<Vec<(SessionId, DateTime<Utc>)>, DbErr> {
    let sql = "SELECT id, forget_at FROM session WHERE forget_at IS NOT NULL AND forget_at > $1";
    let rows = tx.query_all_raw(tx.statement(sql, [now.into()])).await?;
    rows.iter()
        .map(|row| Ok((row.id("id")?, row.get("forget_at")?)))
        .collect()
}

/// Forgets sessions that are long over, with their tokens.
pub(crate) async fn forget_older(tx: &Transaction, before: DateTime<Utc>) -> Result<(), DbErr> {
    let tokens =
        "DELETE FROM session_token WHERE session_id IN (SELECT id FROM session WHERE created_at < $1)";
    tx.execute_raw(tx.statement(tokens, [before.into()])).await?;
    let sql = "DELETE FROM session WHERE created_at < $1";
    tx.execute_raw(tx.statement(sql, [before.into()])).await?;
    Ok(())
}

/// What has failed under this key.
pub(crate) async fn failures(tx: &Transaction, key: &[u8]) -> Result<Failures, DbErr> {
    let sql = "SELECT count, latest FROM sign_in_failure WHERE key = $1";
    let row = tx.query_one_raw(tx.statement(sql, [key.to_vec().into()])).await?;
    row.map_or(Ok(Failures::default()), |row| {
        Ok(Failures {
            count: row.get("count")?,
            latest: Some(row.get("latest")?),
        })
    })
}

/// One more failure. `fresh` starts the count anew.
pub(crate) async fn count_failure(
    tx: &Transaction,
    key: &[u8],
    fresh: bool,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let count = if fresh { "1" } else { "sign_in_failure.count + 1" };
    let sql = format!(
        "INSERT INTO sign_in_failure (key, count, latest) VALUES ($1, 1, $2) \
         ON CONFLICT (key) DO UPDATE SET count = {count}, latest = excluded.latest"
    );
    tx.execute_raw(tx.statement(sql, [key.to_vec().into(), now.into()]))
        .await?;
    Ok(())
}

/// The right password was given: the count is over.
pub(crate) async fn clear_failures(tx: &Transaction, key: &[u8]) -> Result<(), DbErr> {
    let sql = "DELETE FROM sign_in_failure WHERE key = $1";
    tx.execute_raw(tx.statement(sql, [key.to_vec().into()])).await?;
    Ok(())
}
