//! What became of the invitations' mails.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, records};
use usher_types::{BatchId, ContactId, DeliveryState, OrganizationId};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::delivery::{is_open, moves};

const COLUMNS: [Column<Delivery>; 4] = [
    Column::uuid("id", |row| row.id),
    Column::uuid("organization_id", |row| row.organization_id),
    Column::text("delivery", |row| row.delivery),
    Column::text_option("delivery_error", |row| row.delivery_error.as_deref()),
];

/// What an invitation's mail has come to.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) delivery: &'static str,
    pub(crate) delivery_error: Option<String>,
}

/// Moves mails on, each only forwards (I4), with one statement. A slice of messages holds several organizations: each
/// invitation comes with the one that it is said to be of. Returns the batches of those mails that wait no longer.
pub(crate) async fn advance(
    tx: &Transaction,
    rows: &[Delivery],
) -> Result<BTreeSet<(OrganizationId, BatchId)>, DbErr> {
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (from, values) = records(tx.dialect(), [], &COLUMNS, rows);
    let sql = format!(
        "UPDATE invitation SET delivery = r.delivery, delivery_error = r.delivery_error FROM {from} WHERE invitation.id = r.id \
         AND invitation.organization_id = r.organization_id AND ({}) \
         RETURNING invitation.organization_id, invitation.batch_id, invitation.delivery",
        forwards()
    );
    let moved = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut over = BTreeSet::new();
    for row in &moved {
        if let (false, Some(batch)) = (is_open(row.named("delivery")?), row.id_option("batch_id")?) {
            over.insert((row.id("organization_id")?, batch));
        }
    }
    Ok(over)
}

/// [`moves`] as a condition.
fn forwards() -> String {
    let from = |old: DeliveryState| {
        let to: Vec<String> = DeliveryState::ALL
            .iter()
            .filter(|new| moves(old, **new))
            .map(|new| format!("'{new}'"))
            .collect();
        (!to.is_empty()).then(|| {
            format!(
                "(invitation.delivery = '{old}' AND r.delivery IN ({}))",
                to.join(", ")
            )
        })
    };
    let ways: Vec<String> = DeliveryState::ALL.iter().copied().filter_map(from).collect();
    ways.join(" OR ")
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
