//! Invitations: one offer with its link each.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Transaction, names, records};
use usher_types::{BatchId, ContactId, DeliveryState, InvitationId, MemberId, OrganizationId, TokenHash};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::link::InvitationState;

fn columns<'a>() -> [Column<NewInvitation<'a>>; 17] {
    [
        Column::uuid("id", |row| row.id),
        Column::uuid("organization_id", |row| row.organization_id),
        Column::uuid_option("contact_id", |row| row.contact_id),
        Column::uuid_option("member_id", |row| row.member_id),
        Column::number("generation", |row| row.generation),
        Column::text("state", |row| row.state),
        Column::bytes("token_hash", |row| &row.token_hash),
        Column::text("email", |row| row.email),
        Column::text("email_canonical", |row| row.email_canonical),
        Column::number("contact_version", |row| row.contact_version),
        Column::uuid_option("batch_id", |row| row.batch_id),
        Column::uuid("message_id", |row| row.message_id),
        Column::text("delivery", |row| row.delivery),
        Column::time("issued_at", |row| row.issued_at),
        Column::time("expires_at", |row| row.expires_at),
        Column::text("created_by", |row| row.created_by),
        Column::uuid_option("created_by_id", |row| row.created_by_id),
    ]
}

/// The state of a mail that tells of further accounts: no offer, and nothing but its delivery becomes of it (I13).
pub(crate) const NOTICE: &str = "NOTICE";

/// A new row.
#[derive(Debug)]
pub(crate) struct NewInvitation<'a> {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) contact_id: Option<Uuid>,
    pub(crate) member_id: Option<Uuid>,
    pub(crate) generation: i64,
    pub(crate) state: &'static str,
    pub(crate) token_hash: Vec<u8>,
    pub(crate) email: &'a str,
    pub(crate) email_canonical: &'a str,
    pub(crate) contact_version: i64,
    pub(crate) batch_id: Option<Uuid>,
    pub(crate) message_id: Uuid,
    pub(crate) delivery: &'static str,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) created_by: &'a str,
    pub(crate) created_by_id: Option<Uuid>,
}

/// Writes new rows.
pub(crate) async fn insert(tx: &Transaction, rows: &[NewInvitation<'_>]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = columns();
    let names = names(&columns);
    let (from, values) = records(tx.dialect(), [], &columns, rows);
    let sql = format!("INSERT INTO invitation ({names}) SELECT {names} FROM {from}");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// What became of ended invitations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// Never OPEN.
    pub(crate) state: InvitationState,
    pub(crate) at: DateTime<Utc>,
    /// The CANCEL batch that did it.
    pub(crate) by_batch: Option<BatchId>,
}

/// Ends invitations of an organization that nothing has ended yet.
pub(crate) async fn end(
    tx: &Transaction,
    organization: OrganizationId,
    invitations: impl IntoIterator<Item = InvitationId>,
    ending: Ending,
) -> Result<(), DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE invitation SET state = $2, ended_at = $3, ended_by_batch = $4 \
         WHERE organization_id = $5 AND {} AND state IN ('OPEN', 'EXPIRED')",
        dialect.in_uuids("id", 1)
    );
    let values = [
        dialect.uuids(invitations.into_iter().map(InvitationId::uuid)),
        ending.state.as_str().into(),
        ending.at.into(),
        ending.by_batch.map(BatchId::uuid).into(),
        organization.uuid().into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Takes back mails of a batch that tell of further accounts and have not gone out; they are given back.
pub(crate) async fn take_back_notices(
    tx: &Transaction,
    (organization, batch): (OrganizationId, BatchId),
    at: DateTime<Utc>,
) -> Result<Vec<InvitationId>, DbErr> {
    let sql = format!(
        "UPDATE invitation SET state = 'CANCELLED', ended_at = $3 WHERE batch_id = $1 AND organization_id = $2 \
         AND state = '{NOTICE}' AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') RETURNING id"
    );
    let values = [batch.uuid().into(), organization.uuid().into(), at.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// As [`take_back_notices`], of contacts who have lost their access.
pub(crate) async fn take_back_notices_of(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
    at: DateTime<Utc>,
) -> Result<Vec<InvitationId>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE invitation SET state = 'CANCELLED', ended_at = $3 WHERE {} AND organization_id = $2 \
         AND state = '{NOTICE}' AND delivery IN ('QUEUED', 'SENDING', 'DEFERRED') RETURNING id",
        dialect.in_uuids("contact_id", 1)
    );
    let ids = dialect.uuids(contacts.iter().map(|contact| contact.uuid()));
    let values = [ids, organization.uuid().into(), at.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// After a change of address (I6), or once an invitation is over (I21), every link that went out before is dead: superseded
/// ones too.
pub(crate) async fn bury_older(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    if contacts.is_empty() {
        return Ok(());
    }
    let dialect = tx.dialect();
    let ids = dialect.uuids(contacts.iter().copied().map(ContactId::uuid));
    let sql = format!(
        "UPDATE invitation SET state = 'CANCELLED', ended_at = $2 \
         WHERE organization_id = $3 AND {} AND state IN ('OPEN', 'EXPIRED', 'SUPERSEDED')",
        dialect.in_uuids("contact_id", 1)
    );
    let values = [ids, at.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// As [`bury_older`], of a member.
pub(crate) async fn bury_of_member(
    tx: &Transaction,
    organization: OrganizationId,
    member: MemberId,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "UPDATE invitation SET state = 'CANCELLED', ended_at = $2 \
               WHERE organization_id = $3 AND member_id = $1 AND state IN ('OPEN', 'EXPIRED', 'SUPERSEDED')";
    let values = [member.uuid().into(), at.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The number of the newest invitation of a member; 0 where there was none.
pub(crate) async fn generation_of_member(
    tx: &Transaction,
    organization: OrganizationId,
    member: MemberId,
) -> Result<i64, DbErr> {
    let sql = "SELECT generation FROM invitation WHERE organization_id = $1 AND member_id = $2 \
               ORDER BY generation DESC LIMIT 1";
    let values = [organization.uuid().into(), member.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map_or(Ok(0), |row| row.get("generation"))
}

/// Accepts one invitation of an organization, if nothing has happened to it. True for exactly one of those who race.
pub(crate) async fn accept(
    tx: &Transaction,
    organization: OrganizationId,
    id: InvitationId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = "UPDATE invitation SET state = 'ACCEPTED', ended_at = $2 \
               WHERE id = $1 AND organization_id = $3 AND state = 'OPEN' AND expires_at > $2";
    let values = [id.uuid().into(), now.into(), organization.uuid().into()];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// One offer.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    pub(crate) id: InvitationId,
    pub(crate) organization: OrganizationId,
    pub(crate) contact: Option<ContactId>,
    pub(crate) member: Option<MemberId>,
    pub(crate) state: InvitationState,
    pub(crate) email: String,
    pub(crate) email_canonical: String,
    pub(crate) batch: Option<BatchId>,
    pub(crate) delivery: DeliveryState,
    pub(crate) expires_at: DateTime<Utc>,
    /// When its mail went out.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// The page behind its link was looked at.
    pub(crate) opened: bool,
}

fn read(row: &QueryResult) -> Result<Invitation, DbErr> {
    Ok(Invitation {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        contact: row.id_option("contact_id")?,
        member: row.id_option("member_id")?,
        state: InvitationState::from_name(&row.get::<String>("state")?),
        email: row.get("email")?,
        email_canonical: row.get("email_canonical")?,
        batch: row.id_option("batch_id")?,
        delivery: row.named("delivery")?,
        expires_at: row.get("expires_at")?,
        sent_at: row.get("sent_at")?,
        opened: row.get::<Option<DateTime<Utc>>>("opened_at")?.is_some(),
    })
}

/// The invitation that a link's token belongs to, its own or that of a reminder: the token tells which organization it is.
pub(crate) async fn find_by_token(tx: &Transaction, hash: TokenHash) -> Result<Option<Invitation>, DbErr> {
    let columns = format!("{}, sent_at, opened_at", names(&columns()));
    let first = format!("SELECT {columns} FROM invitation WHERE token_hash = $1");
    let further = format!(
        "SELECT {columns} FROM invitation WHERE id = (SELECT t.invitation_id FROM invitation_token t WHERE t.token_hash = $1)"
    );
    for sql in [first, further] {
        let found = tx
            .query_one_raw(tx.statement(sql, [hash.to_vec().into()]))
            .await?;
        if let Some(row) = found {
            return read(&row).map(Some);
        }
    }
    Ok(None)
}

/// When the newest invitation of the same person went out.
pub(crate) async fn newest_sent_at(
    tx: &Transaction,
    invitation: &Invitation,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let (column, id) = match (invitation.contact, invitation.member) {
        (Some(contact), _) => ("contact_id", contact.uuid()),
        (None, Some(member)) => ("member_id", member.uuid()),
        (None, None) => return Ok(None),
    };
    let sql = format!(
        "SELECT issued_at FROM invitation WHERE {column} = $1 AND organization_id = $2 \
         ORDER BY generation DESC LIMIT 1"
    );
    let values = [id.into(), invitation.organization.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map(|row| row.get("issued_at")).transpose()
}

/// Batches of an organization's invitations, for events about them.
pub(crate) async fn batches_of(
    tx: &Transaction,
    organization: OrganizationId,
    invitations: impl IntoIterator<Item = InvitationId>,
) -> Result<HashMap<InvitationId, Option<BatchId>>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT id, batch_id FROM invitation WHERE organization_id = $2 AND {}",
        dialect.in_uuids("id", 1)
    );
    let ids = dialect.uuids(invitations.into_iter().map(InvitationId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [ids, organization.uuid().into()]))
        .await?;
    rows.iter()
        .map(|row| Ok((row.id("id")?, row.id_option("batch_id")?)))
        .collect()
}

/// The members who sent these invitations of an organization, with the addresses that answers go to. A service account has none.
pub(crate) async fn inviters(
    tx: &Transaction,
    organization: OrganizationId,
    invitations: impl IntoIterator<Item = InvitationId>,
) -> Result<HashMap<InvitationId, (MemberId, String)>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT invitation.id AS id, member.id AS member_id, member.email AS email FROM invitation JOIN member \
         ON member.id = invitation.created_by_id AND member.organization_id = invitation.organization_id \
         WHERE invitation.organization_id = $2 AND member.email IS NOT NULL AND {}",
        dialect.in_uuids("invitation.id", 1)
    );
    let ids = dialect.uuids(invitations.into_iter().map(InvitationId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [ids, organization.uuid().into()]))
        .await?;
    rows.iter()
        .map(|row| Ok((row.id("id")?, (row.id("member_id")?, row.get("email")?))))
        .collect()
}
