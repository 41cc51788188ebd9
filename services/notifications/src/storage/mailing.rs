//! What the letters of one sending have in common.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::Transaction;
use usher_events::MailKind;
use usher_types::{MailingId, OrganizationId};

use super::row::{get, id};
use crate::discreet::discreet;

/// One sending.
#[derive(Clone)]
pub struct MailingRow {
    /// Which.
    pub id: MailingId,
    /// Whose.
    pub organization: OrganizationId,
    /// Which mail.
    pub kind: MailKind,
    /// `[OrganizationName]`.
    pub organization_name: String,
    /// `[InvitedBy]`.
    pub invited_by: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// For recipients who have none.
    pub locale: String,
    /// For recipients who have none.
    pub time_zone: String,
    /// For this sending only.
    pub subject: Option<String>,
    /// For this sending only.
    pub body: Option<String>,
    /// `[Message]`.
    pub message: Option<String>,
}

discreet!(MailingRow, |mailing| id: mailing.id, organization: mailing.organization, kind: mailing.kind);

/// The mailings with these ids.
///
/// # Errors
/// Where the database does not answer.
pub async fn load_mailings(
    tx: &Transaction,
    ids: impl IntoIterator<Item = MailingId>,
) -> Result<Vec<MailingRow>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT id, organization_id, kind, organization_name, invited_by, reply_to, locale, time_zone, subject, body, \
         message FROM mailing WHERE {}",
        dialect.in_uuids("id", 1)
    );
    let ids = dialect.uuids(ids.into_iter().map(MailingId::uuid));
    let rows = tx.query_all_raw(tx.statement(sql, [ids])).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<MailingRow, DbErr> {
    let kind: String = get(row, 2)?;
    let kind = MailKind::ALL
        .into_iter()
        .find(|known| known.as_str() == kind)
        .ok_or_else(|| DbErr::Type(format!("{kind} is no kind of mail")))?;
    Ok(MailingRow {
        id: id(row, 0)?,
        organization: id(row, 1)?,
        kind,
        organization_name: get(row, 3)?,
        invited_by: get(row, 4)?,
        reply_to: get(row, 5)?,
        locale: get(row, 6)?,
        time_zone: get(row, 7)?,
        subject: get(row, 8)?,
        body: get(row, 9)?,
        message: get(row, 10)?,
    })
}
