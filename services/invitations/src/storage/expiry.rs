//! Invitations whose life is over and was not announced yet.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{BatchId, ContactId, InvitationId, OrganizationId};

use super::row::Columns;

/// An invitation that ran out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    pub(crate) id: InvitationId,
    pub(crate) organization: OrganizationId,
    pub(crate) contact: Option<ContactId>,
    pub(crate) batch: Option<BatchId>,
}

fn read(row: &sea_orm::QueryResult) -> Result<Expired, DbErr> {
    Ok(Expired {
        id: row.id("id")?,
        organization: row.id("organization_id")?,
        contact: row.id_option("contact_id")?,
        batch: row.id_option("batch_id")?,
    })
}

/// Candidates of every organization, the oldest first; nothing is locked.
pub(crate) async fn due(tx: &Transaction, now: DateTime<Utc>, limit: u32) -> Result<Vec<Expired>, DbErr> {
    let sql = format!(
        "SELECT id, organization_id, contact_id, batch_id FROM invitation WHERE state = 'OPEN' AND expires_at <= $1 \
         ORDER BY expires_at LIMIT {limit}"
    );
    let rows = tx.query_all_raw(tx.statement(sql, [now.into()])).await?;
    rows.iter().map(read).collect()
}

/// Those of the candidates that are still open become EXPIRED: whoever gets them back announces them, nobody else does.
pub(crate) async fn mark(
    tx: &Transaction,
    candidates: &[Expired],
    now: DateTime<Utc>,
) -> Result<Vec<Expired>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE invitation SET state = 'EXPIRED' WHERE {} AND state = 'OPEN' AND expires_at <= $2 \
         RETURNING id, organization_id, contact_id, batch_id",
        dialect.in_uuids("id", 1)
    );
    let ids = dialect.uuids(candidates.iter().map(|expired| expired.id.uuid()));
    let rows = tx.query_all_raw(tx.statement(sql, [ids, now.into()])).await?;
    rows.iter().map(read).collect()
}
