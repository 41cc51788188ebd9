//! Members and everybody's credentials.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_auth::PermissionSet;
use usher_database::Transaction;
use usher_types::{InvitationId, MemberId, OrganizationId};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::session::Kind;

/// A person of the firm.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) organization: OrganizationId,
    pub(crate) email: String,
    pub(crate) email_canonical: String,
    pub(crate) display_name: String,
    pub(crate) permissions: PermissionSet,
    pub(crate) active: bool,
}

const COLUMNS: &str = "id, organization_id, email, email_canonical, display_name, permissions, active";

fn read(row: &QueryResult) -> Result<Member, DbErr> {
    let permissions: String = row.get("permissions")?;
    Ok(Member {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        email: row.get("email")?,
        email_canonical: row.get("email_canonical")?,
        display_name: row.get("display_name")?,
        permissions: serde_json::from_str(&permissions).map_err(|error| DbErr::Json(error.to_string()))?,
        active: row.get("active")?,
    })
}

/// A new one, with the invitation that was sent, or accepted already.
pub(crate) async fn insert(
    tx: &Transaction,
    member: &Member,
    invitation: Option<InvitationId>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let permissions =
        serde_json::to_string(&member.permissions).map_err(|error| DbErr::Json(error.to_string()))?;
    let sql = format!(
        "INSERT INTO member ({COLUMNS}, version, invitation_id, accepted_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $10)"
    );
    let accepted_at = invitation.is_none().then_some(now);
    let values = [
        member.id.uuid().into(),
        member.organization.uuid().into(),
        member.email.as_str().into(),
        member.email_canonical.as_str().into(),
        member.display_name.as_str().into(),
        permissions.into(),
        member.active.into(),
        invitation.map(InvitationId::uuid).into(),
        accepted_at.into(),
        now.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Those of an organization, in no order.
pub(crate) async fn find_all(
    tx: &Transaction,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Member>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {COLUMNS} FROM member WHERE organization_id = $2 AND {}",
        dialect.in_uuids("id", 1)
    );
    let values = [dialect.uuids(ids), organization.uuid().into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

/// One of an organization.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    id: MemberId,
) -> Result<Option<Member>, DbErr> {
    Ok(find_all(tx, organization, [id.uuid()]).await?.pop())
}

/// By the canonical address.
pub(crate) async fn find_by_address(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
) -> Result<Option<Member>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM member WHERE organization_id = $1 AND email_canonical = $2");
    let values = [organization.uuid().into(), canonical.into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// A password was chosen.
pub(crate) async fn accepted(
    tx: &Transaction,
    organization: OrganizationId,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "UPDATE member SET accepted_at = $2, invitation_id = NULL, version = version + 1, updated_at = $2 \
               WHERE id = $1 AND organization_id = $3";
    let values = [id.uuid().into(), now.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Somebody signed in.
pub(crate) async fn signed_in(
    tx: &Transaction,
    organization: OrganizationId,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "UPDATE member SET last_signed_in_at = $2 WHERE id = $1 AND organization_id = $3";
    let values = [id.uuid().into(), now.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The hash of a person's password.
pub(crate) async fn password_hash(
    tx: &Transaction,
    organization: OrganizationId,
    subject: Uuid,
) -> Result<Option<String>, DbErr> {
    let sql = "SELECT password_hash FROM credential WHERE subject_id = $1 AND organization_id = $2";
    let values = [subject.into(), organization.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map(|row| row.get("password_hash")).transpose()
}

/// Sets a person's password.
pub(crate) async fn set_password(
    tx: &Transaction,
    organization: OrganizationId,
    (kind, subject): (Kind, Uuid),
    hash: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO credential (subject_id, organization_id, kind, password_hash, changed_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject_id) DO UPDATE SET \
               password_hash = excluded.password_hash, changed_at = excluded.changed_at \
               WHERE credential.organization_id = excluded.organization_id";
    let values = [
        subject.into(),
        organization.uuid().into(),
        kind.as_str().into(),
        hash.into(),
        now.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
