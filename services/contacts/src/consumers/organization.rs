//! Settings of organizations, from invitations.

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::{Lane, OrganizationChanged};
use usher_messaging::HandlerError;
use usher_types::ContactId;

use crate::domain::activity::{Activity, Actor, action};
use crate::storage::facts::{self, Speech};
use crate::storage::organization::{self, Organization};
use crate::storage::{activity, placeholder};

/// Applies settings in their order; older ones change nothing.
pub(super) async fn apply(
    tx: &Transaction,
    changes: Vec<OrganizationChanged>,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    for change in changes {
        apply_one(tx, change, now).await?;
    }
    Ok(())
}

async fn apply_one(
    tx: &Transaction,
    change: OrganizationChanged,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let before = organization::lock(tx, change.id).await?;
    if change.version <= before.version {
        return Ok(());
    }
    let after = Organization {
        version: change.version,
        portal_enabled: change.portal_enabled,
        placeholder_domains: change.placeholder_domains,
    };
    organization::store(tx, change.id, &change.name, &after).await?;
    let missing = |from: &[String], other: &[String]| -> Vec<String> {
        from.iter()
            .filter(|domain| !other.contains(domain))
            .cloned()
            .collect()
    };
    let listed = missing(&after.placeholder_domains, &before.placeholder_domains);
    let unlisted = missing(&before.placeholder_domains, &after.placeholder_domains);
    let mut judged = placeholder::list_domains(tx, change.id, &listed, now).await?;
    judged.extend(placeholder::unlist_domains(tx, change.id, &unlisted, now).await?);
    if judged.is_empty() {
        return Ok(());
    }
    judged.sort_unstable();
    let line = |contact: &ContactId| Activity {
        organization: change.id,
        contact: Some(*contact),
        account: None,
        at: now,
        actor: Actor::event("invitations"),
        action: action::ADDRESS_JUDGED,
        summary: "The list of placeholder domains changed".to_owned(),
    };
    let lines: Vec<Activity> = judged.iter().map(line).collect();
    activity::insert(tx, &lines).await?;
    let speech = Speech {
        lane: Lane::Bulk,
        created: false,
        now,
    };
    Ok(facts::publish_contacts(tx, change.id, &judged, speech).await?)
}
