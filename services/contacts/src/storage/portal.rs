//! Rows of `contact_portal`: narrow, so that a hundred thousand changes of status do not touch contacts or their search.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Value as Json, json};
use usher_database::Transaction;
use usher_events::PortalFacts;
use usher_types::{ContactId, OrganizationId, PortalStatus, Version};

use super::batch::Batch;
use super::columns::Columns;
use super::rows::{Kind, Rows, many, moment};
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

/// Writes the row of a new contact: nothing has happened yet.
pub(super) fn insert(batch: &mut Batch, organization: OrganizationId, contact: ContactId) {
    let sql = "INSERT INTO contact_portal (contact_id, organization_id, version, status, status_rank, invited_sort, \
         signed_in_sort) VALUES ($1, $2, 0, $3, 0, 0, 0) ON CONFLICT (contact_id) DO NOTHING";
    let waiting = PortalStatus::Waiting.as_str();
    let values = [contact.uuid().into(), organization.uuid().into(), waiting.into()];
    batch.add(sql, values);
}

/// Applies what invitations published; at most one row a contact. Older versions change nothing.
pub(crate) async fn apply(tx: &Transaction, rows: &[PortalFacts]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let (dialect, values) = (tx.dialect(), many(rows.iter().map(row)));
    // Nearly all rows are there and older; finding that out by an insertion that fails costs twice as much.
    let update = APPLIED.update(dialect, NEWER);
    let done = tx
        .execute_raw(tx.statement(update, [values.clone()]))
        .await?
        .rows_affected();
    if usize::try_from(done) != Ok(rows.len()) {
        tx.execute_raw(tx.statement(APPLIED.insert(dialect), [values]))
            .await?;
    }
    Ok(())
}

const NEWER: &str =
    "contact_portal.version < r.version AND contact_portal.organization_id = r.organization_id";

const APPLIED: Rows = Rows {
    table: "contact_portal",
    columns: &[
        ("contact_id", Kind::Id),
        ("organization_id", Kind::Id),
        ("version", Kind::Number),
        ("status", Kind::Text),
        ("status_rank", Kind::Number),
        ("invited_at", Kind::Moment),
        ("invited_by", Kind::Text),
        ("expires_at", Kind::Moment),
        ("accepted_at", Kind::Moment),
        ("first_signed_in_at", Kind::Moment),
        ("last_signed_in_at", Kind::Moment),
        ("invited_sort", Kind::Number),
        ("signed_in_sort", Kind::Number),
    ],
    conflict: "ON CONFLICT (contact_id) DO UPDATE SET version = excluded.version, status = excluded.status, \
         status_rank = excluded.status_rank, invited_at = excluded.invited_at, invited_by = excluded.invited_by, \
         expires_at = excluded.expires_at, accepted_at = excluded.accepted_at, \
         first_signed_in_at = excluded.first_signed_in_at, last_signed_in_at = excluded.last_signed_in_at, \
         invited_sort = excluded.invited_sort, signed_in_sort = excluded.signed_in_sort \
         WHERE contact_portal.version < excluded.version \
         AND contact_portal.organization_id = excluded.organization_id",
};

fn row(facts: &PortalFacts) -> Json {
    // EXPIRED is never stored: it follows from the end and the time.
    let stored = match facts.status {
        PortalStatus::Expired => PortalStatus::Invited,
        other => other,
    };
    let sort = |at: Option<DateTime<Utc>>| at.map_or(0, |at| at.timestamp_micros());
    json!({
        "contact_id": facts.contact_id.uuid(),
        "organization_id": facts.organization_id.uuid(),
        "version": facts.version.raw(),
        "status": stored.as_str(),
        "status_rank": status_rank(stored),
        "invited_at": facts.invited_at.map(moment),
        "invited_by": facts.invited_by,
        "expires_at": facts.expires_at.map(moment),
        "accepted_at": facts.accepted_at.map(moment),
        "first_signed_in_at": facts.first_signed_in_at.map(moment),
        "last_signed_in_at": facts.last_signed_in_at.map(moment),
        "invited_sort": sort(facts.invited_at),
        "signed_in_sort": sort(facts.last_signed_in_at),
    })
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
