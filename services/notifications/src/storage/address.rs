//! What is known of addresses; an organization's own (N6).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Dialect, Transaction, records};
use usher_events::AddressStateChanged;
use usher_types::{ContactId, EmailState, OrganizationId, UnknownName, Version};
use uuid::Uuid;

use super::row::{get, id};

/// Marks addresses as BOUNCED; one that is suppressed stays so. Returns what has changed by it.
///
/// # Errors
/// Where the database does not answer.
pub async fn mark_bad_addresses(
    tx: &Transaction,
    addresses: &BTreeMap<(OrganizationId, String), Option<ContactId>>,
    now: DateTime<Utc>,
) -> Result<Vec<AddressStateChanged>, DbErr> {
    const COLUMNS: [Column<(OrganizationId, String)>; 2] = [
        Column::uuid("org", |key| key.0.uuid()),
        Column::text("address", |key| &key.1),
    ];
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let (from, values) = records(tx.dialect(), [now.into()], &COLUMNS, addresses.keys());
    let sql = format!(
        "INSERT INTO address_state (organization_id, canonical, state, version, updated_at) \
         SELECT r.org, r.address, 'BOUNCED', 1, $1 FROM {from} WHERE true \
         ON CONFLICT (organization_id, canonical) DO UPDATE SET state = 'BOUNCED', \
         version = address_state.version + 1, updated_at = $1 WHERE address_state.state NOT IN ('BOUNCED', 'SUPPRESSED') \
         RETURNING organization_id, canonical, version"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let changed = rows.iter().map(|row| {
        let key = (id(row, 0)?, get::<String>(row, 1)?);
        Ok(AddressStateChanged {
            organization_id: key.0,
            state: EmailState::Bounced,
            version: Version::from_raw(get(row, 2)?),
            contact_id: addresses.get(&key).copied().flatten(),
            email_canonical: key.1,
        })
    });
    changed.collect()
}

/// Raises the versions of the next rows behind an organization and address.
///
/// # Errors
/// Where the database does not answer.
pub async fn restate(
    tx: &Transaction,
    by: i64,
    after: &(Uuid, String),
    limit: i64,
) -> Result<Vec<AddressStateChanged>, DbErr> {
    // the order in which the caller compares addresses
    let canonical = match tx.dialect() {
        Dialect::Postgres => "s.canonical COLLATE \"C\"",
        Dialect::Sqlite => "s.canonical",
    };
    let sql = format!(
        "UPDATE address_state SET version = version + $1 WHERE (organization_id, canonical) IN \
         (SELECT s.organization_id, s.canonical FROM address_state s WHERE (s.organization_id, {canonical}) > ($2, $3) \
         ORDER BY s.organization_id, {canonical} LIMIT $4) RETURNING organization_id, canonical, version, state"
    );
    let values = [by.into(), after.0.into(), after.1.as_str().into(), limit.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let changed = rows.iter().map(|row| {
        Ok(AddressStateChanged {
            organization_id: id(row, 0)?,
            email_canonical: get(row, 1)?,
            version: Version::from_raw(get(row, 2)?),
            state: email_state(&get::<String>(row, 3)?)?,
            contact_id: None,
        })
    });
    changed.collect()
}

fn email_state(name: &str) -> Result<EmailState, DbErr> {
    name.parse()
        .map_err(|error: UnknownName| DbErr::Type(error.to_string()))
}
