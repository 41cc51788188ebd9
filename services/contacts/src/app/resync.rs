//! Says once more what stands here, after a restore (ADR 44): others overwrite what they have projected, whatever they had seen.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Database, Scope, SystemReason};
use usher_events::{ContactChanged, ContactFacts, Envelope, Lane};
use usher_types::{ContactId, SharedClock, Version};
use uuid::Uuid;

use crate::storage;
use crate::storage::facts::{SOURCE, publish, publish_updates};

/// Contacts that one transaction is about.
const PAGE: i64 = 500;

/// Raises the epoch of every contact and publishes it as it is; how many there are. May run beside the service, and again after it
/// was interrupted.
///
/// # Errors
/// Where the database does not answer.
pub async fn resync(database: &Database, clock: &SharedClock) -> Result<u64, DbErr> {
    let (mut all, mut after) = (0, Uuid::nil());
    loop {
        let tx = database.write(Scope::System(SystemReason::Resync)).await?;
        let told = storage::contacts::restate(&tx, Version::EPOCH, after, PAGE).await?;
        publish_updates(&tx, Lane::Bulk, &told, clock.now()).await?;
        tx.commit().await?;
        let Some(last) = told.iter().map(|told| told.contact.id.uuid()).max() else {
            return Ok(all);
        };
        all += told.len() as u64;
        after = last;
    }
}

/// Publishes of those people whom nobody knows here any more that they are gone: inactive and without an address. How many they are.
///
/// # Errors
/// Where the database does not answer.
pub async fn resync_gone(
    database: &Database,
    clock: &SharedClock,
    people: Vec<ContactFacts>,
) -> Result<u64, DbErr> {
    let tx = database.write(Scope::System(SystemReason::Resync)).await?;
    let dialect = tx.dialect();
    let sql = format!("SELECT id FROM contact WHERE {}", dialect.in_uuids("id", 1));
    let ids = dialect.uuids(people.iter().map(|person| person.id.uuid()));
    let rows = tx.query_all_raw(tx.statement(sql, [ids])).await?;
    let here = rows
        .iter()
        .map(|row| row.try_get_by_index::<Uuid>(0).map(ContactId::from));
    let here: HashSet<ContactId> = here.collect::<Result<_, _>>()?;
    let now = clock.now();
    // of whom that was said before it need not be said again
    let known = |person: &ContactFacts| person.active || person.email.is_some();
    let gone = people
        .into_iter()
        .filter(|person| known(person) && !here.contains(&person.id));
    let gone: Vec<Envelope> = gone
        .map(|person| {
            let contact = ContactFacts {
                version: Version::from_raw(person.version.raw() + Version::EPOCH),
                active: false,
                email: None,
                email_canonical: None,
                email_state: usher_types::EmailState::None,
                ..person
            };
            let created = false;
            Envelope::event(SOURCE, now, &ContactChanged { created, contact })
        })
        .collect();
    let count = gone.len() as u64;
    publish(&tx, Lane::Bulk, gone).await?;
    tx.commit().await?;
    Ok(count)
}
