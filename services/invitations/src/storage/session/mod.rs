//! Sessions, their refresh tokens, and failed sign-ins.

mod end;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_types::{MemberId, OrganizationId, SessionId, TokenHash};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::session::{ACCESS_LIFE, Kind, Rotation, Times};
use crate::domain::waits::Failures;

pub(crate) use end::{
    end, end_all, end_of_contacts, end_of_member, end_of_other_secrets, end_others, end_own,
};

/// One signed-in session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) organization: OrganizationId,
    pub(crate) kind: Kind,
    pub(crate) subject: Uuid,
    pub(crate) times: Times,
    /// The browser and system that signed in, as far as they tell.
    pub(crate) device: Option<String>,
    /// The member who looks through the contact's eyes (I14).
    pub(crate) acting_member: Option<MemberId>,
    /// The secret that a program came with.
    pub(crate) secret: Option<Uuid>,
    pub(crate) rotation: Rotation,
}

impl Session {
    /// One that begins now.
    pub(crate) const fn new(
        id: SessionId,
        (organization, kind, subject): (OrganizationId, Kind, Uuid),
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization,
            kind,
            subject,
            times: Times {
                created_at: now,
                last_used_at: now,
                ended_at: None,
            },
            device: None,
            acting_member: None,
            secret: None,
            rotation: Rotation {
                generation: 1,
                rotated_at: now,
            },
        }
    }
}

const COLUMNS: &str = "session.id, session.organization_id, kind, subject_id, created_at, last_used_at, ended_at, device, \
                       acting_member_id, secret_id, session.generation, rotated_at";

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
        device: row.get("device")?,
        acting_member: row.id_option("acting_member_id")?,
        secret: row.get("secret_id")?,
        rotation: Rotation {
            generation: row.get("generation")?,
            rotated_at: row.get("rotated_at")?,
        },
    })
}

/// A new session.
pub(crate) async fn insert(tx: &Transaction, session: &Session) -> Result<(), DbErr> {
    let sql = "INSERT INTO session (id, organization_id, kind, subject_id, created_at, last_used_at, device, \
               acting_member_id, generation, rotated_at, secret_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = [
        session.id.uuid().into(),
        session.organization.uuid().into(),
        session.kind.as_str().into(),
        session.subject.into(),
        session.times.created_at.into(),
        session.times.last_used_at.into(),
        session.device.clone().into(),
        session.acting_member.map(MemberId::uuid).into(),
        session.rotation.generation.into(),
        session.rotation.rotated_at.into(),
        session.secret.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The session of a service account's secret, if one lives long enough for a whole access token.
pub(crate) async fn of_secret(
    tx: &Transaction,
    (organization, account): (OrganizationId, MemberId),
    secret: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Session>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE organization_id = $1 AND subject_id = $2 AND secret_id = $3 \
         AND ended_at IS NULL AND created_at >= $4 ORDER BY created_at DESC LIMIT 1"
    );
    let values = [
        organization.uuid().into(),
        account.uuid().into(),
        secret.into(),
        (now + ACCESS_LIFE - Kind::ServiceAccount.whole()).into(),
    ];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// A further refresh token of a session, of its present generation.
pub(crate) async fn insert_token(
    tx: &Transaction,
    session: &Session,
    hash: TokenHash,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO session_token (token_hash, organization_id, session_id, issued_at, generation) \
               VALUES ($1, $2, $3, $4, $5)";
    let values = [
        hash.to_vec().into(),
        session.organization.uuid().into(),
        session.id.uuid().into(),
        now.into(),
        session.rotation.generation.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The session of a refresh token, which tells the organization, and the token's generation, with both rows locked.
pub(crate) async fn lock_by_token(
    tx: &Transaction,
    hash: TokenHash,
) -> Result<Option<(Session, i64)>, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE",
    };
    let sql = format!(
        "SELECT {COLUMNS}, session_token.generation AS of_token FROM session_token \
         JOIN session ON session.id = session_token.session_id WHERE token_hash = $1 {lock}"
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [hash.to_vec().into()]))
        .await?;
    row.map(|row| Ok((read(&row)?, row.get("of_token")?))).transpose()
}

/// Somebody's sessions that live, the latest used first; at most 100. What members see through the person's eyes is not theirs.
pub(crate) async fn alive_of(
    tx: &Transaction,
    (organization, kind, subject): (OrganizationId, Kind, Uuid),
    now: DateTime<Utc>,
) -> Result<Vec<Session>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE organization_id = $1 AND subject_id = $2 AND ended_at IS NULL \
         AND acting_member_id IS NULL AND created_at > $3 AND last_used_at > $4 \
         ORDER BY last_used_at DESC, id DESC LIMIT 100"
    );
    let values = [
        organization.uuid().into(),
        subject.into(),
        (now - kind.whole()).into(),
        (now - kind.idle()).into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

/// Notes that the session was used, and which generation of its refresh tokens is due.
pub(crate) async fn note_refresh(tx: &Transaction, session: &Session) -> Result<(), DbErr> {
    let sql = "UPDATE session SET last_used_at = $3, generation = $4, rotated_at = $5 \
               WHERE id = $1 AND organization_id = $2";
    let values = [
        session.id.uuid().into(),
        session.organization.uuid().into(),
        session.times.last_used_at.into(),
        session.rotation.generation.into(),
        session.rotation.rotated_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
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

/// Forgets failures that are long over, but for the addresses that only a reset opens. Nobody's addresses are counted, too, and would
/// stay for ever.
pub(crate) async fn forget_failures(tx: &Transaction, before: DateTime<Utc>, shut: i64) -> Result<(), DbErr> {
    let sql = "DELETE FROM sign_in_failure WHERE latest < $1 AND count < $2";
    tx.execute_raw(tx.statement(sql, [before.into(), shut.into()]))
        .await?;
    Ok(())
}

/// The right password was given: the count is over.
pub(crate) async fn clear_failures(tx: &Transaction, key: &[u8]) -> Result<(), DbErr> {
    let sql = "DELETE FROM sign_in_failure WHERE key = $1";
    tx.execute_raw(tx.statement(sql, [key.to_vec().into()])).await?;
    Ok(())
}
