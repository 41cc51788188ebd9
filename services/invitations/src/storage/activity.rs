//! The activity log: one line a use case, in its transaction (C15).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use usher_database::Transaction;
use usher_types::{ActivityId, ContactId, OrganizationId};
use uuid::Uuid;

use super::recordset::{self, Kind, json, names, recordset};

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
    write_all(tx, &[line], now).await
}

const COLUMNS: [(&str, Kind); 10] = [
    ("id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("at", Kind::Time),
    ("actor_kind", Kind::Text),
    ("actor_id", Kind::Uuid),
    ("actor", Kind::Text),
    ("action", Kind::Text),
    ("contact_id", Kind::Uuid),
    ("subject_id", Kind::Uuid),
    ("summary", Kind::Text),
];

#[derive(Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "recordset::uuid")]
    id: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    organization_id: Uuid,
    #[serde(serialize_with = "recordset::time")]
    at: DateTime<Utc>,
    actor_kind: &'static str,
    #[serde(serialize_with = "recordset::uuid_option")]
    actor_id: Option<Uuid>,
    actor: &'a str,
    action: &'static str,
    #[serde(serialize_with = "recordset::uuid_option")]
    contact_id: Option<Uuid>,
    #[serde(serialize_with = "recordset::uuid_option")]
    subject_id: Option<Uuid>,
    summary: &'a str,
}

/// Writes lines with one statement.
pub(crate) async fn write_all(tx: &Transaction, lines: &[Line<'_>], now: DateTime<Utc>) -> Result<(), DbErr> {
    if lines.is_empty() {
        return Ok(());
    }
    let rows = lines.iter().map(|line| Row {
        id: ActivityId::new(now).uuid(),
        organization_id: line.organization.uuid(),
        at: now,
        actor_kind: line.actor.kind,
        actor_id: line.actor.id,
        actor: &line.actor.name,
        action: line.action,
        contact_id: line.contact.map(ContactId::uuid),
        subject_id: line.subject,
        summary: &line.summary,
    });
    let rows: Vec<Row<'_>> = rows.collect();
    let names = names(&COLUMNS);
    let sql = format!(
        "INSERT INTO activity ({names}) SELECT {names} FROM {}",
        recordset(tx.dialect(), 1, &COLUMNS)
    );
    tx.execute_raw(tx.statement(sql, [json(&rows)?])).await?;
    Ok(())
}
