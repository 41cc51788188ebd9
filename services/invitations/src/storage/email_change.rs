//! Addresses that wait to be confirmed (I6).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde::Serialize;
use usher_database::Transaction;
use usher_types::{ContactId, InvitationId, OrganizationId, TokenHash};
use uuid::Uuid;

use super::recordset::{self, Kind, json, names, recordset};
use super::row::Columns;
use crate::domain::link::InvitationState;

const COLUMNS: [(&str, Kind); 9] = [
    ("id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("contact_id", Kind::Uuid),
    ("state", Kind::Text),
    ("token_hash", Kind::Bytes),
    ("email", Kind::Text),
    ("email_canonical", Kind::Text),
    ("created_at", Kind::Time),
    ("expires_at", Kind::Time),
];

/// A new row.
#[derive(Debug, Serialize)]
pub(crate) struct NewChange<'a> {
    #[serde(serialize_with = "recordset::uuid")]
    pub(crate) id: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    pub(crate) organization_id: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    pub(crate) contact_id: Uuid,
    pub(crate) state: &'static str,
    #[serde(serialize_with = "recordset::bytes")]
    pub(crate) token_hash: Vec<u8>,
    pub(crate) email: &'a str,
    pub(crate) email_canonical: &'a str,
    #[serde(serialize_with = "recordset::time")]
    pub(crate) created_at: DateTime<Utc>,
    #[serde(serialize_with = "recordset::time")]
    pub(crate) expires_at: DateTime<Utc>,
}

/// Writes new rows; what was open of the same contacts has ended before.
pub(crate) async fn insert(tx: &Transaction, rows: &[NewChange<'_>]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = names(&COLUMNS);
    let sql = format!(
        "INSERT INTO email_change ({names}) SELECT {names} FROM {}",
        recordset(tx.dialect(), 1, &COLUMNS)
    );
    tx.execute_raw(tx.statement(sql, [json(rows)?])).await?;
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
        names(&COLUMNS)
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
