//! What is known of addresses; an organization's own (N6).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, records};
use usher_events::AddressStateChanged;
use usher_types::{ContactId, EmailState, OrganizationId, Version};

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
