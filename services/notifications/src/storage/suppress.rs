//! Addresses that get no more mail (N6).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_events::{AddressStateChanged, Suppress};
use usher_types::{ContactId, EmailState, Version};

use super::row::get;

/// Notes why an address gets no more mail, and marks it. What has changed by it is returned; nothing where it was suppressed
/// before.
///
/// # Errors
/// Where the database does not answer.
pub async fn suppress(
    tx: &Transaction,
    asked: &Suppress,
    now: DateTime<Utc>,
) -> Result<Option<AddressStateChanged>, DbErr> {
    let address: [sea_orm::Value; 2] = [
        asked.organization_id.uuid().into(),
        asked.email_canonical.as_str().into(),
    ];
    let note = "INSERT INTO suppression (organization_id, canonical, reason, invitation_id, contact_id, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let values = address.clone().into_iter().chain([
        asked.reason.as_str().into(),
        asked.invitation_id.uuid().into(),
        asked.contact_id.map(ContactId::uuid).into(),
        now.into(),
    ]);
    tx.execute_raw(tx.statement(note, values)).await?;
    let mark = "INSERT INTO address_state (organization_id, canonical, state, version, updated_at) \
                VALUES ($1, $2, 'SUPPRESSED', 1, $3) \
                ON CONFLICT (organization_id, canonical) DO UPDATE SET state = 'SUPPRESSED', \
                version = address_state.version + 1, updated_at = $3 WHERE address_state.state <> 'SUPPRESSED' \
                RETURNING version";
    let values = address.into_iter().chain([now.into()]);
    let row = tx.query_one_raw(tx.statement(mark, values)).await?;
    row.map(|row| {
        Ok(AddressStateChanged {
            organization_id: asked.organization_id,
            email_canonical: asked.email_canonical.clone(),
            state: EmailState::Suppressed,
            version: Version::from_raw(get(&row, 0)?),
            contact_id: asked.contact_id,
        })
    })
    .transpose()
}
