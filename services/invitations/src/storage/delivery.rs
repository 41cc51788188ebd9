//! What became of the invitations' mails.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, records};
use usher_types::{BatchId, ContactId, DeliveryState, OrganizationId};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::delivery::{is_open, moves};

const COLUMNS: [Column<Delivery>; 6] = [
    Column::uuid("id", |row| row.id),
    Column::uuid("organization_id", |row| row.organization_id),
    Column::uuid("message_id", |row| row.message_id),
    Column::text("delivery", |row| row.delivery),
    Column::text_option("delivery_error", |row| row.delivery_error.as_deref()),
    Column::time("at", |row| row.at),
];

/// What an invitation's mail has come to.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    /// A reminder's mail is another than the invitation's own, and says nothing of that.
    pub(crate) message_id: Uuid,
    pub(crate) delivery: &'static str,
    pub(crate) delivery_error: Option<String>,
    /// When it came to that.
    pub(crate) at: DateTime<Utc>,
}

/// What news of mails came to.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Batches of those mails that wait no longer.
    pub(crate) over: BTreeSet<(OrganizationId, BatchId)>,
    /// From the issue of each invitation until its mail went out, of those that just did.
    pub(crate) waited: Vec<TimeDelta>,
}

/// Moves mails on, each only forwards (I4), with one statement. A slice of messages holds several organizations: each
/// invitation comes with the one that it is said to be of. Returns the batches of those mails that wait no longer.
pub(crate) async fn advance(tx: &Transaction, rows: &[Delivery]) -> Result<Moved, DbErr> {
    let mut advanced = Moved::default();
    if rows.is_empty() {
        return Ok(advanced);
    }
    let (from, values) = records(tx.dialect(), [], &COLUMNS, rows);
    let sql = format!(
        "UPDATE invitation SET delivery = r.delivery, delivery_error = r.delivery_error, \
         sent_at = CASE WHEN r.delivery = 'SENT' THEN r.at ELSE invitation.sent_at END FROM {from} WHERE invitation.id = r.id \
         AND invitation.organization_id = r.organization_id AND invitation.message_id = r.message_id AND ({}) \
         RETURNING invitation.organization_id, invitation.batch_id, invitation.delivery, invitation.issued_at, \
         invitation.sent_at",
        forwards()
    );
    let moved = tx.query_all_raw(tx.statement(sql, values)).await?;
    for row in &moved {
        let delivery = row.named("delivery")?;
        if let (false, Some(batch)) = (is_open(delivery), row.id_option("batch_id")?) {
            advanced.over.insert((row.id("organization_id")?, batch));
        }
        if let (DeliveryState::Sent, Some(sent_at)) = (delivery, row.get::<Option<DateTime<Utc>>>("sent_at")?)
        {
            advanced
                .waited
                .push(sent_at - row.get::<DateTime<Utc>>("issued_at")?);
        }
    }
    Ok(advanced)
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

/// A contact's newest invitation, as far as its mails go.
#[derive(Clone, Debug)]
pub(crate) struct Newest {
    pub(crate) contact: ContactId,
    pub(crate) state: DeliveryState,
    pub(crate) error: Option<String>,
    pub(crate) reminded_at: Option<DateTime<Utc>>,
    /// While nobody has answered.
    pub(crate) next_reminder_at: Option<DateTime<Utc>>,
}

/// The newest invitation's mail of each contact that has had one.
pub(crate) async fn newest(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: impl IntoIterator<Item = ContactId>,
) -> Result<Vec<Newest>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT invitation.contact_id, delivery, delivery_error, last_at, planned, \
         CASE WHEN invitation.state = 'OPEN' THEN next_at END AS next_at FROM portal_access JOIN invitation \
         ON invitation.organization_id = portal_access.organization_id AND invitation.contact_id = portal_access.contact_id AND invitation.generation = portal_access.generation \
         LEFT JOIN reminder ON reminder.invitation_id = invitation.id AND reminder.organization_id = invitation.organization_id \
         WHERE portal_access.organization_id = $2 AND {}",
        dialect.in_uuids("portal_access.contact_id", 1)
    );
    let ids = dialect.uuids(contacts.into_iter().map(ContactId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [ids, organization.uuid().into()]))
        .await?;
    rows.iter()
        .map(|row| {
            // one that is still to be planned says when it is looked at, not when it is sent
            let is_planned = row.get::<Option<bool>>("planned")?.unwrap_or_default();
            Ok(Newest {
                contact: row.id("contact_id")?,
                state: row.named("delivery")?,
                error: row.get("delivery_error")?,
                reminded_at: row.get("last_at")?,
                next_reminder_at: row.get::<Option<_>>("next_at")?.filter(|_| is_planned),
            })
        })
        .collect()
}
