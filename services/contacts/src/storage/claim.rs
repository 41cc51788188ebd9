//! What stands in the way of an address (C3), and what is known of it.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{ContactId, EmailState, OrganizationId};
use uuid::Uuid;

use super::columns::Columns;
use super::filter::json_texts;

/// Who has a canonical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: ContactId,
    pub(crate) active: bool,
}

/// An address as a contact asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Another contact that has it, an active one before others.
    pub(crate) holder: Option<Holder>,
    /// What notifications knows of it.
    pub(crate) known: Option<EmailState>,
}

/// Which of these canonical addresses a contact has.
pub(crate) async fn taken(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &[String],
) -> Result<HashSet<String>, DbErr> {
    let sql = format!(
        "SELECT c.email_canonical FROM contact c WHERE c.organization_id = $1 AND c.email_canonical IN {}",
        json_texts(tx.dialect(), 2)
    );
    let wanted = serde_json::Value::from(canonical.to_vec()).to_string();
    let values = [organization.uuid().into(), wanted.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Who has these canonical addresses.
pub(crate) async fn holders(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &[String],
) -> Result<Vec<(String, Holder)>, DbErr> {
    if canonical.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT c.email_canonical, c.id, c.active FROM contact c WHERE c.organization_id = $1 \
         AND c.email_canonical IN {} ORDER BY c.id",
        json_texts(tx.dialect(), 2)
    );
    let wanted = serde_json::Value::from(canonical.to_vec()).to_string();
    let values = [organization.uuid().into(), wanted.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        let (canonical, id, active) = (columns.get()?, columns.id()?, columns.get()?);
        Ok((canonical, Holder { id, active }))
    };
    rows.iter().map(read).collect()
}

/// What there is to say about a canonical address that the contact `by`, or a new one, asks for.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
    by: Option<ContactId>,
) -> Result<Claim, DbErr> {
    let sql = "SELECT h.id, h.active, \
         (SELECT s.state FROM address_state s WHERE s.organization_id = $1 AND s.email_canonical = $2) \
         FROM (SELECT 1 AS one) AS one LEFT JOIN (SELECT c.id, c.active FROM contact c \
         WHERE c.organization_id = $1 AND c.email_canonical = $2 AND c.id <> $3 \
         ORDER BY c.active DESC, c.id LIMIT 1) AS h ON TRUE";
    let by = by.map_or(Uuid::nil(), ContactId::uuid);
    let values = [organization.uuid().into(), canonical.into(), by.into()];
    let Some(row) = tx.query_one_raw(tx.statement(sql, values)).await? else {
        return Ok(Claim::default());
    };
    let mut columns = Columns::of(&row);
    let id: Option<Uuid> = columns.get()?;
    let active: Option<bool> = columns.get()?;
    Ok(Claim {
        holder: id.zip(active).map(|(id, active)| Holder {
            id: id.into(),
            active,
        }),
        known: columns.optional_name()?,
    })
}
