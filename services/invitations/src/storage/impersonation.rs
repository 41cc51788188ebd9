//! Who looked through whose eyes, and why (I14).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::Transaction;
use usher_types::{ContactId, MemberId, OrganizationId, SessionId};

use super::row::Columns;

/// A member looks through a contact's eyes.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) session: SessionId,
    pub(crate) organization: OrganizationId,
    pub(crate) member: MemberId,
    pub(crate) contact: ContactId,
    pub(crate) reason: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) ends_at: DateTime<Utc>,
}

/// One that is over.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) look: Look,
    /// When it ended: with its session, or its time.
    pub(crate) ended_at: DateTime<Utc>,
    pub(crate) member_name: String,
}

/// A new one.
pub(crate) async fn insert(tx: &Transaction, look: &Look) -> Result<(), DbErr> {
    let sql = "INSERT INTO impersonation (session_id, organization_id, member_id, contact_id, reason, started_at, ends_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = [
        look.session.uuid().into(),
        look.organization.uuid().into(),
        look.member.uuid().into(),
        look.contact.uuid().into(),
        look.reason.as_str().into(),
        look.started_at.into(),
        look.ends_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Those of every organization that are over and whose end nobody has written down; nothing is locked.
pub(crate) async fn over(tx: &Transaction, now: DateTime<Utc>, limit: u32) -> Result<Vec<SessionId>, DbErr> {
    let sql = format!(
        "SELECT impersonation.session_id AS id FROM impersonation JOIN session ON session.id = impersonation.session_id \
         WHERE closed_at IS NULL AND (ends_at <= $1 OR session.ended_at IS NOT NULL) ORDER BY ends_at LIMIT {limit}"
    );
    let rows = tx.query_all_raw(tx.statement(sql, [now.into()])).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// Closes these; whoever gets one back writes its end down, nobody else does.
pub(crate) async fn close(
    tx: &Transaction,
    sessions: &[SessionId],
    now: DateTime<Utc>,
) -> Result<Vec<Closed>, DbErr> {
    let dialect = tx.dialect();
    let ids = || dialect.uuids(sessions.iter().map(|id| id.uuid()));
    let sql = format!(
        "UPDATE impersonation SET closed_at = $2 WHERE {} AND closed_at IS NULL RETURNING session_id",
        dialect.in_uuids("session_id", 1)
    );
    let rows = tx.query_all_raw(tx.statement(sql, [ids(), now.into()])).await?;
    let mine: Vec<SessionId> = rows
        .iter()
        .map(|row| row.id("session_id"))
        .collect::<Result<_, _>>()?;
    let sql = format!(
        "SELECT impersonation.session_id, impersonation.organization_id, impersonation.member_id, \
         impersonation.contact_id, reason, started_at, ends_at, session.ended_at AS ended_at, display_name \
         FROM impersonation JOIN session ON session.id = impersonation.session_id \
         JOIN member ON member.id = impersonation.member_id WHERE {}",
        dialect.in_uuids("impersonation.session_id", 1)
    );
    let ids = dialect.uuids(mine.iter().map(|id| id.uuid()));
    let rows = tx.query_all_raw(tx.statement(sql, [ids])).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Closed, DbErr> {
    let look = Look {
        session: row.id("session_id")?,
        organization: row.id("organization_id")?,
        member: row.id("member_id")?,
        contact: row.id("contact_id")?,
        reason: row.get("reason")?,
        started_at: row.get("started_at")?,
        ends_at: row.get("ends_at")?,
    };
    let ended_at: Option<DateTime<Utc>> = row.get("ended_at")?;
    Ok(Closed {
        ended_at: ended_at.map_or(look.ends_at, |ended| ended.min(look.ends_at)),
        member_name: row.get("display_name")?,
        look,
    })
}
