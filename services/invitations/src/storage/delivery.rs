//! What became of the invitations' mails.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use usher_database::{Dialect, Transaction};
use usher_types::{BatchId, ContactId, DeliveryState, InvitationId, OrganizationId};
use uuid::Uuid;

use super::recordset::{self, Kind, json, recordset};
use super::row::Columns;

const COLUMNS: [(&str, Kind); 4] = [
    ("id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("delivery", Kind::Text),
    ("delivery_error", Kind::Text),
];

/// What an invitation's mail has come to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Delivery {
    #[serde(serialize_with = "recordset::uuid")]
    pub(crate) id: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    pub(crate) organization_id: Uuid,
    pub(crate) delivery: &'static str,
    pub(crate) delivery_error: Option<String>,
}

const OF: [(&str, Kind); 2] = [("of_organization", Kind::Uuid), ("of_invitation", Kind::Uuid)];

#[derive(Serialize)]
struct Of {
    #[serde(serialize_with = "recordset::uuid")]
    of_organization: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    of_invitation: Uuid,
}

/// States of mails and their batches, locked. A slice of messages holds several organizations: each invitation comes with
/// the one that it is said to be of.
pub(crate) async fn lock(
    tx: &Transaction,
    invitations: impl IntoIterator<Item = (OrganizationId, InvitationId)>,
) -> Result<HashMap<InvitationId, (DeliveryState, Option<BatchId>)>, DbErr> {
    let of: Vec<Of> = invitations
        .into_iter()
        .map(|(organization, invitation)| Of {
            of_organization: organization.uuid(),
            of_invitation: invitation.uuid(),
        })
        .collect();
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE OF invitation",
    };
    let sql = format!(
        "SELECT id, delivery, batch_id FROM {} JOIN invitation ON id = of_invitation \
         AND organization_id = of_organization ORDER BY id {lock}",
        recordset(tx.dialect(), 1, &OF)
    );
    let rows = tx.query_all_raw(tx.statement(sql, [json(&of)?])).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.id("id")?,
                (row.named("delivery")?, row.id_option("batch_id")?),
            ))
        })
        .collect()
}

/// Writes what was decided.
pub(crate) async fn save(tx: &Transaction, rows: &[Delivery]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE invitation SET delivery = r.delivery, delivery_error = r.delivery_error FROM {} WHERE invitation.id = r.id \
         AND invitation.organization_id = r.organization_id",
        recordset(tx.dialect(), 1, &COLUMNS)
    );
    tx.execute_raw(tx.statement(sql, [json(rows)?])).await?;
    Ok(())
}

/// The newest invitation's mail of each contact that has had one.
pub(crate) async fn newest(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: impl IntoIterator<Item = ContactId>,
) -> Result<Vec<(ContactId, DeliveryState, Option<String>)>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT invitation.contact_id, delivery, delivery_error FROM portal_access JOIN invitation \
         ON invitation.organization_id = portal_access.organization_id AND invitation.contact_id = portal_access.contact_id AND invitation.generation = portal_access.generation \
         WHERE portal_access.organization_id = $2 AND {}",
        dialect.in_uuids("portal_access.contact_id", 1)
    );
    let ids = dialect.uuids(contacts.into_iter().map(ContactId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [ids, organization.uuid().into()]))
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.id("contact_id")?,
                row.named("delivery")?,
                row.get("delivery_error")?,
            ))
        })
        .collect()
}
