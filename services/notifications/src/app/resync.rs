//! Says once more what stands here, after a restore (ADR 44): others overwrite what they have projected, whatever they had seen.

use sea_orm::DbErr;
use usher_database::{Database, Scope, SystemReason};
use usher_events::{AddressStateChanged, Envelope, Lane};
use usher_messaging::enqueue;
use usher_types::{SharedClock, Version};
use uuid::Uuid;

use super::SERVICE;
use crate::storage;

/// Rows that one transaction is about.
const PAGE: i64 = 500;

/// Raises the epoch of what is known of each address and publishes it; how many there are. May run beside the service, and again after it
/// was interrupted.
///
/// # Errors
/// Where the database does not answer.
pub async fn resync(database: &Database, clock: &SharedClock) -> Result<u64, DbErr> {
    let (mut all, mut after) = (0, (Uuid::nil(), String::new()));
    loop {
        let tx = database.write(Scope::System(SystemReason::Resync)).await?;
        let states = storage::restate(&tx, Version::EPOCH, &after, PAGE).await?;
        let now = clock.now();
        let told = states.iter().map(|state| Envelope::event(SERVICE, now, state));
        enqueue(&tx, Lane::Bulk, told.collect()).await?;
        tx.commit().await?;
        let place =
            |state: &AddressStateChanged| (state.organization_id.uuid(), state.email_canonical.clone());
        let Some(last) = states.iter().map(place).max() else {
            return Ok(all);
        };
        all += states.len() as u64;
        after = last;
    }
}
