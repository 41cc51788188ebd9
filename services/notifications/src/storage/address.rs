//! What is known of addresses; an organization's own (N6).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Value as Json, json};
use usher_database::Transaction;
use usher_events::AddressStateChanged;
use usher_types::{ContactId, EmailState, OrganizationId, Version};

use super::records::{Kind, get, hex, id, parameter, planned, records};

/// Marks addresses as BOUNCED. Returns what has changed by it.
///
/// # Errors
/// Where the database does not answer.
pub async fn mark_bad_addresses(
    tx: &Transaction,
    addresses: &BTreeMap<(OrganizationId, String), Option<ContactId>>,
    now: DateTime<Utc>,
) -> Result<Vec<AddressStateChanged>, DbErr> {
    const COLUMNS: [(&str, Kind); 2] = [("org", Kind::Uuid), ("address", Kind::Text)];
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "INSERT INTO address_state (organization_id, canonical, state, version, updated_at) \
         SELECT n.org, n.address, 'BOUNCED', 1, $2 FROM {} WHERE true \
         ON CONFLICT (organization_id, canonical) DO UPDATE SET state = 'BOUNCED', \
         version = address_state.version + 1, updated_at = $2 WHERE address_state.state <> 'BOUNCED' \
         RETURNING organization_id, canonical, version",
        records(tx.dialect(), "n", &COLUMNS)
    );
    let rows: Vec<Json> = addresses
        .keys()
        .map(|(organization, canonical)| json!({"org": hex(*organization), "address": canonical}))
        .collect();
    let rows = tx
        .query_all_raw(planned(tx, sql, [parameter(&rows)?, now.into()]))
        .await?;
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
