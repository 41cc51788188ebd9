//! Says once more what stands here, after a restore (ADR 44): others overwrite what they have projected, whatever they had seen.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::{Database, Scope, SystemReason};
use usher_events::{ContactFacts, Envelope, Lane, PortalFacts, PortalRestated};
use usher_messaging::enqueue;
use usher_types::{ContactId, OrganizationId, SharedClock, Version};
use uuid::Uuid;

use super::context::SOURCE;
use super::organization::organization_changed;
use crate::domain::portal::Access;
use crate::storage::{access, organization};

/// Rows that one command tells of: a consumer takes up to 200 commands at once.
const PAGE: i64 = 50;
const SCOPE: Scope = Scope::System(SystemReason::Resync);

/// Raises the epoch of every organization and of everybody's portal access, and tells of both; how many people there are. May run
/// beside the service, and again after it was interrupted.
///
/// # Errors
/// Where the database does not answer.
pub async fn resync(database: &Database, clock: &SharedClock) -> Result<u64, DbErr> {
    let tx = database.write(SCOPE).await?;
    let firms = organization::restate(&tx, Version::EPOCH).await?;
    let now = clock.now();
    let told = firms
        .iter()
        .map(|firm| Envelope::event(SOURCE, now, &organization_changed(firm)));
    enqueue(&tx, Lane::Bulk, told.collect()).await?;
    tx.commit().await?;
    let (mut all, mut after) = (0, Uuid::nil());
    loop {
        let tx = database.write(SCOPE).await?;
        let people = access::restate(&tx, Version::EPOCH, after, PAGE).await?;
        enqueue(&tx, Lane::Bulk, restated(&people, clock.now())).await?;
        tx.commit().await?;
        let Some(last) = people.iter().map(|access| access.contact.uuid()).max() else {
            return Ok(all);
        };
        all += people.len() as u64;
        after = last;
    }
}

/// Commands that have contacts overwrite what it remembers of these people's access.
pub(super) fn restated(people: &[Access], now: DateTime<Utc>) -> Vec<Envelope> {
    let mut firms: BTreeMap<OrganizationId, Vec<PortalFacts>> = BTreeMap::new();
    for access in people {
        firms.entry(access.organization).or_default().push(access.facts());
    }
    let command = |(organization_id, portals)| {
        let restated = PortalRestated {
            organization_id,
            portals,
        };
        Envelope::command(SOURCE, now, &restated)
    };
    firms.into_iter().map(command).collect()
}

/// The next people behind an id who are known here, as contacts told of them.
///
/// # Errors
/// Where the database does not answer.
pub async fn known_people(database: &Database, after: Option<ContactId>) -> Result<Vec<ContactFacts>, DbErr> {
    let tx = database.read(SCOPE).await?;
    let after = after.map_or(Uuid::nil(), ContactId::uuid);
    let people = access::next(&tx, after, PAGE).await?;
    Ok(people.into_iter().map(heard).collect())
}

fn heard(access: Access) -> ContactFacts {
    let person = access.person;
    ContactFacts {
        id: access.contact,
        organization_id: access.organization,
        version: person.version,
        role: person.role,
        first_name: person.first_name,
        last_name: person.last_name,
        email: person.email,
        email_canonical: person.email_canonical,
        email_state: person.email_state,
        email_duplicate: person.email_duplicate,
        active: person.active,
        links: person.links,
        links_with_login: person.links_with_login,
        locale: person.locale,
        time_zone: person.time_zone,
        external_id: None,
        login_accounts: Vec::new(),
        test: person.test,
    }
}
