//! Rows of `contact_portal`: narrow, so that a hundred thousand changes of status do not touch contacts or their search.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction};
use usher_events::PortalFacts;
use usher_types::{ContactId, OrganizationId, PortalStatus, Version};

use super::batch::Batch;
use super::columns::Columns;
use super::rows::Rows;
use crate::domain::contact::Contact;
use crate::domain::portal::{Portal, status_rank};

/// What [`read`] reads, of `contact_portal p`.
pub(super) const COLUMNS: &str = "p.status, p.invited_at, p.invited_by, p.expires_at, p.accepted_at, \
     p.first_signed_in_at, p.last_signed_in_at";

/// The status at `$2`, which is `now` (I5).
pub(super) const STATUS: &str =
    "CASE WHEN p.status = 'INVITED' AND p.expires_at <= $2 THEN 'EXPIRED' ELSE p.status END";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Portal, DbErr> {
    Ok(Portal {
        stored: columns.name()?,
        invited_at: columns.get()?,
        invited_by: columns.get()?,
        expires_at: columns.get()?,
        accepted_at: columns.get()?,
        first_signed_in_at: columns.get()?,
        last_signed_in_at: columns.get()?,
    })
}

/// The row of a new contact: nothing has happened yet.
const NEW: Rows<Contact> = Rows {
    table: "contact_portal",
    columns: &[
        Column::uuid("contact_id", |contact| contact.id.uuid()),
        Column::uuid("organization_id", |contact| contact.organization.uuid()),
        Column::number("version", |_| 0),
        Column::text("status", |_| PortalStatus::Waiting.as_str()),
        Column::number("status_rank", |_| 0),
        Column::number("invited_sort", |_| 0),
        Column::number("signed_in_sort", |_| 0),
    ],
    conflict: "ON CONFLICT (contact_id) DO NOTHING",
};

/// Writes the rows of new contacts.
pub(super) fn insert(batch: &mut Batch, contacts: &[Contact]) {
    batch.rows(&NEW, contacts);
}

/// Applies what invitations published; at most one row a contact. Older versions change nothing.
pub(crate) async fn apply(tx: &Transaction, rows: &[PortalFacts]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    // Nearly all rows are there and older; finding that out by an insertion that fails costs twice as much.
    let (update, values) = APPLIED.update(tx.dialect(), rows, NEWER);
    let done = tx.execute_raw(tx.statement(update, values)).await?;
    if usize::try_from(done.rows_affected()) != Ok(rows.len()) {
        let (insert, values) = APPLIED.insert(tx.dialect(), rows);
        tx.execute_raw(tx.statement(insert, values)).await?;
    }
    Ok(())
}

const NEWER: &str =
    "contact_portal.version < r.version AND contact_portal.organization_id = r.organization_id";

const APPLIED: Rows<PortalFacts> = Rows {
    table: "contact_portal",
    columns: &[
        Column::uuid("contact_id", |facts| facts.contact_id.uuid()),
        Column::uuid("organization_id", |facts| facts.organization_id.uuid()),
        Column::number("version", |facts| facts.version.raw()),
        Column::text("status", |facts| stored(facts).as_str()),
        Column::number("status_rank", |facts| status_rank(stored(facts))),
        Column::time_option("invited_at", |facts| facts.invited_at),
        Column::text_option("invited_by", |facts| facts.invited_by.as_deref()),
        Column::time_option("expires_at", |facts| facts.expires_at),
        Column::time_option("accepted_at", |facts| facts.accepted_at),
        Column::time_option("first_signed_in_at", |facts| facts.first_signed_in_at),
        Column::time_option("last_signed_in_at", |facts| facts.last_signed_in_at),
        Column::number("invited_sort", |facts| sort(facts.invited_at)),
        Column::number("signed_in_sort", |facts| sort(facts.last_signed_in_at)),
    ],
    conflict: "ON CONFLICT (contact_id) DO UPDATE SET version = excluded.version, status = excluded.status, \
         status_rank = excluded.status_rank, invited_at = excluded.invited_at, invited_by = excluded.invited_by, \
         expires_at = excluded.expires_at, accepted_at = excluded.accepted_at, \
         first_signed_in_at = excluded.first_signed_in_at, last_signed_in_at = excluded.last_signed_in_at, \
         invited_sort = excluded.invited_sort, signed_in_sort = excluded.signed_in_sort \
         WHERE contact_portal.version < excluded.version \
         AND contact_portal.organization_id = excluded.organization_id",
};

/// EXPIRED is never stored: it follows from the end and the time.
const fn stored(facts: &PortalFacts) -> PortalStatus {
    match facts.status {
        PortalStatus::Expired => PortalStatus::Invited,
        other => other,
    }
}

fn sort(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp_micros())
}

/// The versions that have been applied for these contacts.
pub(crate) async fn versions(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<HashMap<ContactId, Version>, DbErr> {
    let sql = format!(
        "SELECT p.contact_id, p.version FROM contact_portal p WHERE p.organization_id = $1 AND {}",
        tx.dialect().in_uuids("p.contact_id", 2),
    );
    let ids = tx.dialect().uuids(contacts.iter().map(|contact| contact.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, Version::from_raw(columns.get()?)))
    };
    rows.iter().map(read).collect()
}
