//! Addresses that wait to be confirmed (I6).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Transaction, names, records};
use usher_types::{ContactId, InvitationId, OrganizationId, TokenHash};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::link::InvitationState;

fn columns<'a>() -> [Column<NewChange<'a>>; 9] {
    [
        Column::uuid("id", |row| row.id),
        Column::uuid("organization_id", |row| row.organization_id),
        Column::uuid("contact_id", |row| row.contact_id),
        Column::text("state", |row| row.state),
        Column::bytes("token_hash", |row| &row.token_hash),
        Column::text("email", |row| row.email),
        Column::text("email_canonical", |row| row.email_canonical),
        Column::time("created_at", |row| row.created_at),
        Column::time("expires_at", |row| row.expires_at),
    ]
}

/// A new row.
#[derive(Debug)]
pub(crate) struct NewChange<'a> {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) contact_id: Uuid,
    pub(crate) state: &'static str,
    pub(crate) token_hash: Vec<u8>,
    pub(crate) email: &'a str,
    pub(crate) email_canonical: &'a str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Writes new rows; what was open of the same contacts has ended before.
pub(crate) async fn insert(tx: &Transaction, rows: &[NewChange<'_>]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = columns();
    let names = names(&columns);
    let (from, values) = records(tx.dialect(), [], &columns, rows);
    let sql = format!("INSERT INTO email_change ({names}) SELECT {names} FROM {from}");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Ends what is open of these contacts of an organization; it is returned.
pub(crate) async fn end_open(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
    at: DateTime<Utc>,
) -> Result<Vec<InvitationId>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE email_change SET state = 'CANCELLED', ended_at = $2 \
         WHERE organization_id = $3 AND {} AND state = 'OPEN' RETURNING id",
        dialect.in_uuids("contact_id", 1)
    );
    let ids = dialect.uuids(contacts.iter().copied().map(ContactId::uuid));
    let values = [ids, at.into(), organization.uuid().into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// A change of address.
#[derive(Clone, Debug)]
pub(crate) struct EmailChange {
    pub(crate) id: InvitationId,
    pub(crate) organization: OrganizationId,
    pub(crate) contact: ContactId,
    /// ACCEPTED: it was confirmed.
    pub(crate) state: InvitationState,
    pub(crate) email: String,
    pub(crate) email_canonical: String,
    pub(crate) expires_at: DateTime<Utc>,
}

fn read(row: &QueryResult) -> Result<EmailChange, DbErr> {
    Ok(EmailChange {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        contact: row.id("contact_id")?,
        state: InvitationState::from_name(&row.get::<String>("state")?),
        email: row.get("email")?,
        email_canonical: row.get("email_canonical")?,
        expires_at: row.get("expires_at")?,
    })
}

/// The change that a link's token belongs to: the token tells which organization it is.
pub(crate) async fn find_by_token(tx: &Transaction, hash: TokenHash) -> Result<Option<EmailChange>, DbErr> {
    let sql = format!(
        "SELECT {} FROM email_change WHERE token_hash = $1",
        names(&columns())
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [hash.to_vec().into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// Marks one confirmed, if nothing has happened to it. True for exactly one of those who race.
pub(crate) async fn confirm(
    tx: &Transaction,
    organization: OrganizationId,
    id: InvitationId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = "UPDATE email_change SET state = 'ACCEPTED', ended_at = $2 \
               WHERE id = $1 AND organization_id = $3 AND state = 'OPEN' AND expires_at > $2";
    let values = [id.uuid().into(), now.into(), organization.uuid().into()];
    let done = tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Drops those whose links ran out before then.
pub(crate) async fn forget_older(tx: &Transaction, before: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "DELETE FROM email_change WHERE expires_at < $1";
    tx.execute_raw(tx.statement(sql, [before.into()])).await?;
    Ok(())
}
