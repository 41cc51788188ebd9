//! The activity log: one line a use case, in its transaction (C15).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{ActivityId, ContactId, OrganizationId};
use uuid::Uuid;

/// Who did something.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// `member`, `contact`, `service` or `operator`.
    pub(crate) kind: &'static str,
    pub(crate) id: Option<Uuid>,
    /// For display.
    pub(crate) name: String,
}

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) organization: OrganizationId,
    pub(crate) actor: &'a Actor,
    /// Such as `invitation.accepted`.
    pub(crate) action: &'static str,
    pub(crate) contact: Option<ContactId>,
    pub(crate) subject: Option<Uuid>,
    /// For people; nothing sensitive, no addresses.
    pub(crate) summary: String,
}

/// Writes a line.
pub(crate) async fn write(tx: &Transaction, line: Line<'_>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "INSERT INTO activity (id, organization_id, at, actor_kind, actor_id, actor, action, contact_id, \
               subject_id, summary) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = [
        ActivityId::new(now).uuid().into(),
        line.organization.uuid().into(),
        now.into(),
        line.actor.kind.into(),
        line.actor.id.into(),
        line.actor.name.as_str().into(),
        line.action.into(),
        line.contact.map(ContactId::uuid).into(),
        line.subject.into(),
        line.summary.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
