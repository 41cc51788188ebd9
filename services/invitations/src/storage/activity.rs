//! The activity log: one line a use case, in its transaction (C15).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, names, records};
use usher_types::{ActivityId, ContactId, OrganizationId};
use uuid::Uuid;

use super::member::Member;
use crate::domain::portal::Access;

/// Who did something.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// `member`, `service_account`, `contact`, `service`, `operator` or `identity_provider`.
    pub(crate) kind: &'static str,
    pub(crate) id: Option<Uuid>,
    /// For display.
    pub(crate) name: String,
}

impl Actor {
    /// The kind of whoever acts for the firm.
    pub(crate) const fn kind_of_member(service_account: bool) -> &'static str {
        if service_account {
            "service_account"
        } else {
            "member"
        }
    }

    /// A person of the firm, or a program with permissions of its own.
    pub(crate) fn of_member(member: &Member) -> Self {
        Self {
            kind: Self::kind_of_member(member.service_account),
            id: Some(member.id.uuid()),
            name: member.display_name.clone(),
        }
    }

    /// A contact.
    pub(crate) fn of_contact(row: &Access) -> Self {
        Self {
            kind: "contact",
            id: Some(row.contact.uuid()),
            name: row.person.full_name(),
        }
    }
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

fn columns<'a>() -> [Column<(&'a Line<'a>, DateTime<Utc>)>; 10] {
    [
        Column::uuid("id", |(_, now)| ActivityId::new(*now).uuid()),
        Column::uuid("organization_id", |(line, _)| line.organization.uuid()),
        Column::time("at", |(_, now)| *now),
        Column::text("actor_kind", |(line, _)| line.actor.kind),
        Column::uuid_option("actor_id", |(line, _)| line.actor.id),
        Column::text("actor", |(line, _)| &line.actor.name),
        Column::text("action", |(line, _)| line.action),
        Column::uuid_option("contact_id", |(line, _)| line.contact.map(Into::into)),
        Column::uuid_option("subject_id", |(line, _)| line.subject),
        Column::text("summary", |(line, _)| &line.summary),
    ]
}

/// Writes lines with one statement.
pub(crate) async fn write_all(tx: &Transaction, lines: &[Line<'_>], now: DateTime<Utc>) -> Result<(), DbErr> {
    write_each(tx, lines.iter().map(|line| (line, now))).await
}

/// Writes lines of different moments with one statement.
pub(crate) async fn write_each<'a>(
    tx: &Transaction,
    lines: impl IntoIterator<Item = (&'a Line<'a>, DateTime<Utc>)>,
) -> Result<(), DbErr> {
    let rows: Vec<_> = lines.into_iter().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let columns = columns();
    let (from, values) = records(tx.dialect(), [], &columns, &rows);
    let names = names(&columns);
    let sql = format!("INSERT INTO activity ({names}) SELECT {names} FROM {from}");
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
