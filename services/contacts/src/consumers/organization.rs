//! Settings of organizations, from invitations.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::{Lane, OrganizationChanged};
use usher_messaging::HandlerError;
use usher_types::OrganizationId;

use crate::domain::activity::{Activity, Actor, action};
use crate::storage::batch::Batch;
use crate::storage::organization::{self, Organization};
use crate::storage::placeholder::{self, Listed};
use crate::storage::told::Told;
use crate::storage::{accounts, activity, companies, facts};

/// Applies the newest settings of each organization; older ones change nothing. Contacts are judged by the lists as they were
/// and as they are now, whatever stood between.
pub(super) async fn apply(
    tx: &Transaction,
    changes: Vec<OrganizationChanged>,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let newest = newest(changes);
    if newest.is_empty() {
        return Ok(());
    }
    let before = organization::lock(tx, newest.keys().copied()).await?;
    let changes: Vec<OrganizationChanged> = newest
        .into_values()
        .filter(|change| {
            before
                .get(&change.id)
                .is_none_or(|before| before.version < change.version)
        })
        .collect();
    let mut batch = Batch::new(tx);
    organization::store(&mut batch, &changes);
    batch.run(tx).await?;
    for change in come_company_first(&changes, &before) {
        prime_companies(tx, change, now).await?;
    }
    let listed = placeholder::list_domains(tx, &come(&changes, &before), now).await?;
    let unlisted = placeholder::unlist_domains(tx, &gone(&changes, &before), now).await?;
    let judged: Vec<Told> = listed.into_iter().chain(unlisted).collect();
    let lines: Vec<Activity> = judged.iter().map(|told| line(told, now)).collect();
    activity::insert_all(tx, &lines).await?;
    Ok(facts::publish_updates(tx, Lane::Bulk, &judged, now).await?)
}

/// Accounts whose versions one statement raises.
const RAISED: usize = 1_000;

/// Those that go company-first now.
fn come_company_first(changes: &[OrganizationChanged], before: &Before) -> Vec<OrganizationId> {
    let was = |id| before.get(&id).is_some_and(|before| before.company_first);
    let come = changes
        .iter()
        .filter(|change| change.company_first && !was(change.id));
    come.map(|change| change.id).collect()
}

/// The oldest contact of a company becomes its primary one where it has none (C7).
async fn prime_companies(
    tx: &Transaction,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let primed = companies::promote_oldest(tx, organization, None).await?;
    for some in primed.chunks(RAISED) {
        accounts::relink(tx, organization, some, now).await?;
    }
    Ok(())
}

fn newest(changes: Vec<OrganizationChanged>) -> BTreeMap<OrganizationId, OrganizationChanged> {
    let mut newest: BTreeMap<OrganizationId, OrganizationChanged> = BTreeMap::new();
    for change in changes {
        let is_newer = newest
            .get(&change.id)
            .is_none_or(|known| known.version < change.version);
        if is_newer {
            newest.insert(change.id, change);
        }
    }
    newest
}

type Before = HashMap<OrganizationId, Organization>;

/// Domains that are listed now and were not.
fn come(changes: &[OrganizationChanged], before: &Before) -> Vec<Listed> {
    let was = |change: &OrganizationChanged, domain: &String| {
        let before = before.get(&change.id);
        before.is_some_and(|before| before.placeholder_domains.contains(domain))
    };
    let new = changes.iter().flat_map(|change| {
        let domains = change.placeholder_domains.iter();
        domains
            .filter(|domain| !was(change, domain))
            .map(|domain| (change.id, domain.clone()))
    });
    new.collect()
}

/// Domains that were listed and are no more.
fn gone(changes: &[OrganizationChanged], before: &Before) -> Vec<Listed> {
    let old = changes.iter().flat_map(|change| {
        let domains = before
            .get(&change.id)
            .into_iter()
            .flat_map(|before| &before.placeholder_domains);
        domains
            .filter(|domain| !change.placeholder_domains.contains(domain))
            .map(|domain| (change.id, domain.clone()))
    });
    old.collect()
}

fn line(told: &Told, now: DateTime<Utc>) -> Activity {
    Activity {
        organization: told.contact.organization,
        contact: Some(told.contact.id),
        account: None,
        at: now,
        actor: Actor::event("invitations"),
        action: action::ADDRESS_JUDGED,
        summary: "The list of placeholder domains changed".to_owned(),
    }
}
