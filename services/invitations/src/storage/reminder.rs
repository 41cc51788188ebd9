//! Reminders: when to look at which invitation, and the further tokens that they carry (I16).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Dialect, Transaction, names, records};
use usher_types::{ContactId, DeliveryState, InvitationId, MemberId, OrganizationId};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::reminder::Life;

/// When to look at an invitation next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) invitation: InvitationId,
    /// None: nobody is reminded of it any more.
    pub(crate) next_at: Option<DateTime<Utc>>,
    /// Another reminder has just been sent.
    pub(crate) sent: bool,
}

const PLANNED: [Column<Planned>; 3] = [
    Column::uuid("invitation", |row| row.invitation.uuid()),
    Column::time_option("next_at", |row| row.next_at),
    Column::flag("sent", |row| row.sent),
];

/// Plans the first reminders of invitations of an organization.
pub(crate) async fn insert(
    tx: &Transaction,
    organization: OrganizationId,
    rows: &[Planned],
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let fixed = [organization.uuid().into(), true.into()];
    let (from, values) = records(tx.dialect(), fixed, &PLANNED, rows);
    let sql = format!(
        "INSERT INTO reminder (invitation_id, organization_id, next_at, planned, sent) \
         SELECT r.invitation, $1, r.next_at, $2, 0 FROM {from}"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// All open invitations of an organization's contacts are to be planned for anew: its plan is another.
pub(crate) async fn plan_anew(
    tx: &Transaction,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO reminder (invitation_id, organization_id, next_at, planned, sent) \
               SELECT id, organization_id, $2, $3, 0 FROM invitation WHERE organization_id = $1 AND state = 'OPEN' \
               AND contact_id IS NOT NULL AND expires_at > $2 ORDER BY id \
               ON CONFLICT (invitation_id) DO UPDATE SET next_at = excluded.next_at, planned = excluded.planned";
    let values = [organization.uuid().into(), now.into(), false.into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Whose turn it is, over all organizations, the longest waiting first; nothing is locked.
pub(crate) async fn due(
    tx: &Transaction,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(OrganizationId, InvitationId, Option<ContactId>)>, DbErr> {
    let sql = format!(
        "SELECT reminder.organization_id AS organization_id, invitation_id, contact_id FROM reminder \
         JOIN invitation ON invitation.id = invitation_id WHERE next_at <= $1 ORDER BY next_at LIMIT {limit}"
    );
    let rows = tx.query_all_raw(tx.statement(sql, [now.into()])).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.id("organization_id")?,
                row.id("invitation_id")?,
                row.id_option("contact_id")?,
            ))
        })
        .collect()
}

/// An invitation whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) invitation: InvitationId,
    /// A reminder is due; else one is to be planned.
    pub(crate) planned: bool,
    pub(crate) last_at: Option<DateTime<Utc>>,
    pub(crate) is_open: bool,
    pub(crate) email_canonical: String,
    pub(crate) delivery: DeliveryState,
    pub(crate) life: Life,
    /// Who invited, for display.
    pub(crate) by: String,
    /// The member who invited, and the address that answers go to.
    pub(crate) member: Option<(MemberId, String)>,
}

/// Those of an organization's invitations whose turn it still is, locked until the transaction's end: of several replicas one
/// sends.
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    invitations: impl IntoIterator<Item = InvitationId>,
    now: DateTime<Utc>,
) -> Result<Vec<Turn>, DbErr> {
    let dialect = tx.dialect();
    let lock = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE OF reminder",
    };
    let sql = format!(
        "SELECT reminder.invitation_id AS invitation_id, planned, last_at, state, invitation.email_canonical AS email_canonical, delivery, issued_at, \
         invitation.expires_at, created_by, member.id AS inviter_id, member.email AS inviter_email FROM reminder \
         JOIN invitation ON invitation.id = reminder.invitation_id AND invitation.organization_id = reminder.organization_id \
         LEFT JOIN member ON member.id = created_by_id AND member.organization_id = reminder.organization_id \
         WHERE reminder.organization_id = $2 AND {} AND next_at <= $3 ORDER BY reminder.invitation_id {lock}",
        dialect.in_uuids("reminder.invitation_id", 1)
    );
    let ids = dialect.uuids(invitations.into_iter().map(InvitationId::uuid));
    let values = [ids, organization.uuid().into(), now.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Turn, DbErr> {
    let inviter: Option<MemberId> = row.id_option("inviter_id")?;
    let address: Option<String> = row.get("inviter_email")?;
    Ok(Turn {
        invitation: row.id("invitation_id")?,
        planned: row.get("planned")?,
        last_at: row.get("last_at")?,
        is_open: row.get::<String>("state")? == "OPEN",
        email_canonical: row.get("email_canonical")?,
        delivery: row.named("delivery")?,
        life: Life {
            issued_at: row.get("issued_at")?,
            ends_at: row.get("expires_at")?,
        },
        by: row.get("created_by")?,
        member: inviter.zip(address),
    })
}

/// Notes what has been sent and when to look again.
pub(crate) async fn update(
    tx: &Transaction,
    organization: OrganizationId,
    rows: &[Planned],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let fixed = [organization.uuid().into(), true.into(), now.into()];
    let (from, values) = records(tx.dialect(), fixed, &PLANNED, rows);
    let sql = format!(
        "UPDATE reminder SET next_at = r.next_at, planned = $2, \
         sent = reminder.sent + CASE WHEN r.sent THEN 1 ELSE 0 END, \
         last_at = CASE WHEN r.sent THEN $3 ELSE reminder.last_at END FROM {from} \
         WHERE reminder.invitation_id = r.invitation AND reminder.organization_id = $1"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Nobody looks at these before `until`.
pub(crate) async fn postpone(
    tx: &Transaction,
    organization: OrganizationId,
    invitations: impl IntoIterator<Item = InvitationId>,
    until: DateTime<Utc>,
) -> Result<(), DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE reminder SET next_at = $2 WHERE organization_id = $3 AND {} AND next_at < $2",
        dialect.in_uuids("invitation_id", 1)
    );
    let ids = dialect.uuids(invitations.into_iter().map(InvitationId::uuid));
    let values = [ids, until.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// A further token of an invitation.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) hash: Vec<u8>,
    pub(crate) invitation: Uuid,
    pub(crate) message: Uuid,
}

const TOKEN: [Column<NewToken>; 3] = [
    Column::bytes("token_hash", |row| &row.hash),
    Column::uuid("invitation_id", |row| row.invitation),
    Column::uuid("message_id", |row| row.message),
];

/// Writes further tokens.
pub(crate) async fn insert_tokens(
    tx: &Transaction,
    organization: OrganizationId,
    rows: &[NewToken],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = names(&TOKEN);
    let (from, values) = records(
        tx.dialect(),
        [organization.uuid().into(), now.into()],
        &TOKEN,
        rows,
    );
    let sql = format!(
        "INSERT INTO invitation_token (organization_id, created_at, {names}) SELECT $1, $2, {names} FROM {from}"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Whether anybody was reminded of this invitation.
pub(crate) async fn was_sent(
    tx: &Transaction,
    organization: OrganizationId,
    invitation: InvitationId,
) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS one FROM reminder WHERE invitation_id = $1 AND organization_id = $2 AND sent > 0";
    let values = [invitation.uuid().into(), organization.uuid().into()];
    Ok(tx.query_one_raw(tx.statement(sql, values)).await?.is_some())
}
