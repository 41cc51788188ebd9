//! Sessions end, and are remembered as long as a token of theirs may live.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{MemberId, OrganizationId, SessionId};
use uuid::Uuid;

use crate::domain::impersonation;
use crate::domain::session::{ACCESS_LIFE, Kind, LEEWAY, forget_at};

/// The access token of an impersonation lives as long as that, every other one for minutes since the session was last used. A
/// session whose tokens have all run out is not remembered: there are as many of those as sign-ins in a month.
const END: &str = "UPDATE session SET ended_at = $2, end_reason = $4, \
                   forget_at = CASE WHEN acting_member_id IS NOT NULL THEN $6 WHEN last_used_at > $7 THEN $3 END";

/// When it ended, and from when on no token of it can live any more: an impersonation's later.
fn moments(now: DateTime<Utc>) -> [sea_orm::Value; 3] {
    [
        now.into(),
        forget_at(now).into(),
        (forget_at(now) + impersonation::LIFE).into(),
    ]
}

/// Whoever was used before has no token any more.
fn still_used(now: DateTime<Utc>) -> sea_orm::Value {
    (now - ACCESS_LIFE - LEEWAY).into()
}

/// Ends one session of an organization.
pub(crate) async fn end(
    tx: &Transaction,
    organization: OrganizationId,
    session: SessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!("{END} WHERE id = $1 AND organization_id = $5 AND ended_at IS NULL");
    let [ended, forget, later] = moments(now);
    let reason = reason.into();
    let values = [
        session.uuid().into(),
        ended,
        forget,
        reason,
        organization.uuid().into(),
        later,
        still_used(now),
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
    let [ended, forget, later] = moments(now);
    let (subjects, reason) = (dialect.uuids(subjects), reason.into());
    let values = [
        subjects,
        ended,
        forget,
        reason,
        organization.uuid().into(),
        later,
        still_used(now),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends every session of a member, and those in which they look through a contact's eyes.
pub(crate) async fn end_of_member(
    tx: &Transaction,
    organization: OrganizationId,
    member: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!(
        "{END} WHERE organization_id = $5 AND (subject_id = $1 OR acting_member_id = $1) AND ended_at IS NULL"
    );
    let [ended, forget, later] = moments(now);
    let values = [
        member.uuid().into(),
        ended,
        forget,
        reason.into(),
        organization.uuid().into(),
        later,
        still_used(now),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends what a service account has got with all its secrets but one.
pub(crate) async fn end_of_other_secrets(
    tx: &Transaction,
    (organization, account): (OrganizationId, MemberId),
    kept: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!(
        "{END} WHERE organization_id = $5 AND subject_id = $1 AND secret_id <> $8 AND ended_at IS NULL"
    );
    let [ended, forget, later] = moments(now);
    let values = [
        account.uuid().into(),
        ended,
        forget,
        "SECRET_ROTATED".into(),
        organization.uuid().into(),
        later,
        still_used(now),
        kept.unwrap_or_default().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends every contact's session of an organization.
pub(crate) async fn end_of_contacts(
    tx: &Transaction,
    organization: OrganizationId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!("{END} WHERE organization_id = $5 AND kind = $1 AND ended_at IS NULL");
    let [ended, forget, later] = moments(now);
    let kind = Kind::Contact.as_str().into();
    let values = [
        kind,
        ended,
        forget,
        reason.into(),
        organization.uuid().into(),
        later,
        still_used(now),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends one session of somebody; false where they have none of this id that lives.
pub(crate) async fn end_own(
    tx: &Transaction,
    (organization, subject): (OrganizationId, Uuid),
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = format!(
        "{END} WHERE organization_id = $5 AND subject_id = $1 AND id = $8 AND acting_member_id IS NULL \
         AND ended_at IS NULL"
    );
    let done = end_own_where(tx, sql, (organization, subject), session, now).await?;
    Ok(done == 1)
}

/// Ends all of somebody's sessions but one; their number is returned.
pub(crate) async fn end_others(
    tx: &Transaction,
    (organization, subject): (OrganizationId, Uuid),
    kept: SessionId,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let sql = format!(
        "{END} WHERE organization_id = $5 AND subject_id = $1 AND id <> $8 AND acting_member_id IS NULL \
         AND ended_at IS NULL"
    );
    end_own_where(tx, sql, (organization, subject), kept, now).await
}

async fn end_own_where(
    tx: &Transaction,
    sql: String,
    (organization, subject): (OrganizationId, Uuid),
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let [ended, forget, later] = moments(now);
    let (reason, organization) = ("SIGNED_OUT_ELSEWHERE".into(), organization.uuid().into());
    let values = [
        subject.into(),
        ended,
        forget,
        reason,
        organization,
        later,
        still_used(now),
        session.uuid().into(),
    ];
    Ok(tx.execute_raw(tx.statement(sql, values)).await?.rows_affected())
}
