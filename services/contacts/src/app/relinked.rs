//! What links that came, went or changed mean for the contacts at their ends: counts, versions, search and events.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::Envelope;
use usher_types::{ContactId, Version};

use super::Caller;
use crate::domain::activity::Activity;
use crate::storage::batch::Batch;
use crate::storage::search::Searched;
use crate::storage::{activity, contacts, facts, search};

/// Contacts whose links are others now.
pub(super) struct Relinked {
    /// Their new versions, in the order of ids.
    pub(super) versions: Vec<(ContactId, Version)>,
    /// What there is to publish about them.
    pub(super) events: Vec<Envelope>,
}

/// After links of locked contacts came or went: they are found by the names of other accounts, too. `lines` are written with
/// the documents.
pub(super) async fn people(
    tx: &Transaction,
    caller: &Caller,
    contacts: &[ContactId],
    lines: &[Activity],
    now: DateTime<Utc>,
) -> Result<Relinked, DbErr> {
    let told = contacts::relink(tx, caller.organization, contacts, now).await?;
    let mut batch = Batch::new(tx);
    search::write(&mut batch, told.iter().map(Searched::from));
    activity::insert(&mut batch, lines);
    batch.run(tx).await?;
    Ok(Relinked {
        versions: told
            .iter()
            .map(|told| (told.contact.id, told.contact.version))
            .collect(),
        events: told
            .iter()
            .map(|told| facts::contact_updated(told, now))
            .collect(),
    })
}
