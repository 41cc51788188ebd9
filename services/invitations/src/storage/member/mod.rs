//! Members and everybody's credentials.

mod list;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_auth::{PermissionSet, Role};
use usher_database::{Dialect, Transaction};
use usher_types::{DeliveryState, EmailAddress, InvitationId, MemberId, OrganizationId, UnknownName, fold};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::budget::Tally;
use crate::domain::member::{Grant, Standing};
use crate::domain::session::Kind;

pub(crate) use list::{Which, count, list};

/// As whom an identity provider knows somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    /// Never given to anybody else there.
    pub(crate) subject: String,
}

/// A person of the firm; or a program that has permissions as one has, and neither address nor password.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) organization: OrganizationId,
    pub(crate) service_account: bool,
    /// A service account's is empty.
    pub(crate) email: String,
    pub(crate) email_canonical: String,
    /// Where they have signed in at an identity provider.
    pub(crate) identity: Option<Identity>,
    pub(crate) display_name: String,
    pub(crate) role: Option<Role>,
    pub(crate) permissions: PermissionSet,
    pub(crate) active: bool,
    pub(crate) version: i64,
    /// The one that is out, or ran out.
    pub(crate) invitation: Option<InvitationId>,
    pub(crate) invited_at: Option<DateTime<Utc>>,
    pub(crate) invited_by: Option<String>,
    pub(crate) standing: Standing,
    pub(crate) created_at: DateTime<Utc>,
    /// Where that invitation's mail is, and what the server said.
    pub(crate) delivery: Option<DeliveryState>,
    pub(crate) delivery_error: Option<String>,
    /// The invitation mails of one day (I17).
    pub(crate) mails: Tally,
}

impl Member {
    /// Somebody new, with an address that was read.
    pub(crate) fn new(
        organization: OrganizationId,
        address: &EmailAddress,
        display_name: String,
        grant: Grant,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: MemberId::new(now),
            organization,
            service_account: false,
            email: address.typed().to_owned(),
            email_canonical: address.canonical().to_owned(),
            identity: None,
            display_name,
            role: grant.role(),
            permissions: grant.permissions(),
            active: true,
            version: 1,
            invitation: None,
            invited_at: None,
            invited_by: None,
            standing: Standing::default(),
            created_at: now,
            delivery: None,
            delivery_error: None,
            mails: Tally::default(),
        }
    }

    /// A program of this name with these permissions.
    pub(crate) fn new_service_account(
        organization: OrganizationId,
        display_name: String,
        permissions: PermissionSet,
        by: &Self,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: MemberId::new(now),
            organization,
            service_account: true,
            email: String::new(),
            email_canonical: String::new(),
            identity: None,
            display_name,
            role: None,
            permissions,
            active: true,
            version: 1,
            invitation: None,
            invited_at: None,
            invited_by: Some(by.display_name.clone()),
            standing: Standing::default(),
            created_at: now,
            delivery: None,
            delivery_error: None,
            mails: Tally::default(),
        }
    }

    /// Where answers to what the member sends go.
    pub(crate) fn address(&self) -> Option<&str> {
        (!self.service_account).then_some(self.email.as_str())
    }

    /// Where the permissions come from. A role counts as long as it says what the member may do.
    pub(crate) fn grant(&self) -> Grant {
        let role = self.role.filter(|role| role.permissions() == self.permissions);
        role.map_or(Grant::Own(self.permissions), Grant::Role)
    }
}

const COLUMNS: &str = "member.id, member.organization_id, service_account, member.email, member.email_canonical, identity_issuer, identity_subject, display_name, role, \
                       permissions, active, version, invitation_id, invited_at, invited_by, member.expires_at, \
                       accepted_at, last_signed_in_at, member.created_at, delivery, delivery_error, mail_day, mails";
const FROM: &str = "member LEFT JOIN invitation ON invitation.id = member.invitation_id \
                    AND invitation.organization_id = member.organization_id";

fn read(row: &QueryResult) -> Result<Member, DbErr> {
    let permissions: String = row.get("permissions")?;
    let role: Option<String> = row.get("role")?;
    let delivery: Option<String> = row.get("delivery")?;
    let unknown = |error: UnknownName| DbErr::Type(error.to_string());
    let address = |column| Ok::<_, DbErr>(row.get::<Option<String>>(column)?.unwrap_or_default());
    Ok(Member {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        service_account: row.get("service_account")?,
        email: address("email")?,
        email_canonical: address("email_canonical")?,
        identity: row
            .get::<Option<String>>("identity_issuer")?
            .zip(row.get("identity_subject")?)
            .map(|(issuer, subject)| Identity { issuer, subject }),
        display_name: row.get("display_name")?,
        role: role.as_deref().and_then(Role::from_name),
        permissions: serde_json::from_str(&permissions).map_err(|error| DbErr::Json(error.to_string()))?,
        active: row.get("active")?,
        version: row.get("version")?,
        invitation: row.id_option("invitation_id")?,
        invited_at: row.get("invited_at")?,
        invited_by: row.get("invited_by")?,
        standing: Standing {
            accepted_at: row.get("accepted_at")?,
            last_signed_in_at: row.get("last_signed_in_at")?,
            expires_at: row.get("expires_at")?,
        },
        created_at: row.get("created_at")?,
        delivery: delivery.map(|name| name.parse()).transpose().map_err(unknown)?,
        delivery_error: row.get("delivery_error")?,
        mails: Tally {
            day: row.get("mail_day")?,
            count: row.get("mails")?,
        },
    })
}

fn values(member: &Member, now: DateTime<Utc>) -> Result<[sea_orm::Value; 21], DbErr> {
    let permissions =
        serde_json::to_string(&member.permissions).map_err(|error| DbErr::Json(error.to_string()))?;
    let (issuer, subject) = member
        .identity
        .clone()
        .map(|known| (known.issuer, known.subject))
        .unzip();
    let address = |text: &str| (!member.service_account).then(|| text.to_owned());
    Ok([
        member.id.uuid().into(),
        member.organization.uuid().into(),
        member.display_name.as_str().into(),
        fold(&member.display_name).into(),
        member.role.map(Role::as_str).into(),
        permissions.into(),
        member.active.into(),
        member.version.into(),
        member.invitation.map(InvitationId::uuid).into(),
        member.invited_at.into(),
        member.invited_by.clone().into(),
        member.standing.expires_at.into(),
        member.standing.accepted_at.into(),
        now.into(),
        member.mails.day.into(),
        member.mails.count.into(),
        issuer.into(),
        subject.into(),
        address(&member.email).into(),
        address(&member.email_canonical).into(),
        member.service_account.into(),
    ])
}

/// A new one; an address that is taken is a unique violation.
pub(crate) async fn insert(tx: &Transaction, member: &Member) -> Result<(), DbErr> {
    let sql = "INSERT INTO member (id, organization_id, display_name, sort_name, role, permissions, active, version, \
               invitation_id, invited_at, invited_by, expires_at, accepted_at, created_at, updated_at, mail_day, mails, \
               identity_issuer, identity_subject, email, email_canonical, service_account) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16, $17, $18, $19, $20, $21)";
    tx.execute_raw(tx.statement(sql, values(member, member.created_at)?))
        .await?;
    Ok(())
}

/// Writes everything but the address, which stays, and raises the version.
pub(crate) async fn update(tx: &Transaction, member: &mut Member, now: DateTime<Utc>) -> Result<(), DbErr> {
    member.version += 1;
    let sql = "UPDATE member SET display_name = $3, sort_name = $4, role = $5, permissions = $6, active = $7, \
               version = $8, invitation_id = $9, invited_at = $10, invited_by = $11, expires_at = $12, \
               accepted_at = $13, updated_at = $14, mail_day = $15, mails = $16, \
               identity_issuer = $17, identity_subject = $18 WHERE id = $1 AND organization_id = $2";
    let values = values(member, now)?.into_iter().take(18);
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
        "SELECT {COLUMNS} FROM {FROM} WHERE member.organization_id = $2 AND {}",
        dialect.in_uuids("member.id", 1)
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

/// One of an organization, locked until the transaction's end.
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    id: MemberId,
) -> Result<Option<Member>, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE OF member",
    };
    let sql =
        format!("SELECT {COLUMNS} FROM {FROM} WHERE member.organization_id = $1 AND member.id = $2 {lock}");
    let values = [organization.uuid().into(), id.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// What the active members of an organization may do who have come once, with a password or by a provider: people, not programs.
pub(crate) async fn permissions_of_all(
    tx: &Transaction,
    organization: OrganizationId,
) -> Result<Vec<(MemberId, PermissionSet)>, DbErr> {
    let sql = "SELECT id, permissions FROM member WHERE organization_id = $1 AND active AND accepted_at IS NOT NULL";
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into()]))
        .await?;
    rows.iter()
        .map(|row| {
            let permissions: String = row.get("permissions")?;
            let permissions =
                serde_json::from_str(&permissions).map_err(|error| DbErr::Json(error.to_string()))?;
            Ok((row.id("id")?, permissions))
        })
        .collect()
}

/// By the canonical address, which only people have.
pub(crate) async fn find_by_address(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
) -> Result<Option<Member>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE member.organization_id = $1 AND member.email_canonical = $2"
    );
    let values = [organization.uuid().into(), canonical.into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// By what an identity provider calls them.
pub(crate) async fn find_by_identity(
    tx: &Transaction,
    organization: OrganizationId,
    identity: &Identity,
) -> Result<Option<Member>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE member.organization_id = $1 AND identity_issuer = $2 \
         AND identity_subject = $3"
    );
    let values = [
        organization.uuid().into(),
        identity.issuer.as_str().into(),
        identity.subject.as_str().into(),
    ];
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
    let sql = "UPDATE member SET accepted_at = $2, invitation_id = NULL, expires_at = NULL, version = version + 1, \
               updated_at = $2 \
               WHERE id = $1 AND organization_id = $3";
    let values = [id.uuid().into(), now.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// An active member signed in; false where there is none. The row is locked from here on: whoever is switched off meanwhile
/// is either found so here, or has this session ended.
pub(crate) async fn signed_in(
    tx: &Transaction,
    organization: OrganizationId,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = "UPDATE member SET last_signed_in_at = $2 WHERE id = $1 AND organization_id = $3 AND active";
    let values = [id.uuid().into(), now.into(), organization.uuid().into()];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
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
