//! What other services publish about contacts and accounts (E2).
//!
//! A slice is worked on as a whole, with the same few statements whatever its length. What cannot be accepted fails it; then its
//! messages are tried one by one, and the one that is to blame becomes a dead letter.

mod accounts;
mod contacts;
mod linking;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{AccountUpserted, ContactUpserted, Deactivated, Envelope, Lane, accepted};
use usher_messaging::{Handler, HandlerError, Subscription};
use usher_types::{OrganizationId, SharedClock};

use crate::domain::activity::{Activity, Actor};
use crate::domain::inbound::external_id;
use crate::settings::Publishers;
use crate::storage::inbound::organizations;

/// The queue of what others publish.
pub const INBOUND_QUEUE: &str = "contacts.inbound";
const BINDINGS: [&str; 2] = ["usher.inbound.contact.*.v1", "usher.inbound.account.*.v1"];
/// Changes of more contacts at once do not stand before what others wait for.
const INTERACTIVE: usize = 20;

/// The subscription to it.
pub(crate) fn subscription(clock: SharedClock, publishers: Publishers) -> Subscription {
    Subscription::new(
        INBOUND_QUEUE,
        &BINDINGS,
        Arc::new(Inbound::new(clock, publishers)),
    )
}

/// Applies what publishers say.
#[derive(Debug)]
pub struct Inbound {
    clock: SharedClock,
    publishers: Publishers,
}

/// Who speaks, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Speaker {
    organization: OrganizationId,
    /// The broker's user.
    user: String,
    /// May change the address of somebody who was invited (I6).
    may_readdress: bool,
}

impl Speaker {
    /// A line of the activity log, about nobody yet.
    fn line(&self, at: chrono::DateTime<chrono::Utc>, action: &'static str, summary: String) -> Activity {
        Activity {
            organization: self.organization,
            contact: None,
            account: None,
            at,
            actor: Actor::event(&self.user),
            action,
            summary,
        }
    }
}

/// What one speaker says, in its order.
#[derive(Default)]
struct Said {
    contacts: Vec<ContactUpserted>,
    accounts: Vec<accounts::Saying>,
}

impl Inbound {
    /// A handler that tells the time by `clock` and listens to these publishers.
    #[must_use]
    pub const fn new(clock: SharedClock, publishers: Publishers) -> Self {
        Self { clock, publishers }
    }

    /// The organizations of all who speak here, by their slugs.
    async fn organizations(
        &self,
        tx: &Transaction,
        slice: &[Envelope],
    ) -> Result<HashMap<String, OrganizationId>, DbErr> {
        let users = slice.iter().filter_map(|message| message.publisher.as_deref());
        let known = users.filter_map(|user| self.publishers.get(user));
        let slugs: BTreeSet<String> = known.map(|publisher| publisher.organization.clone()).collect();
        if slugs.is_empty() {
            return Ok(HashMap::new());
        }
        organizations(tx, &slugs.into_iter().collect::<Vec<_>>()).await
    }

    fn speaker(
        &self,
        message: &Envelope,
        organizations: &HashMap<String, OrganizationId>,
    ) -> Result<Speaker, HandlerError> {
        let Some(user) = &message.publisher else {
            let missing =
                "the message does not say who publishes it: set the property user_id to the broker's user";
            return Err(HandlerError::reject(missing));
        };
        let Some(publisher) = self.publishers.get(user) else {
            let unknown =
                format!("the broker's user {user} speaks for no organization: name it in inbound.publishers");
            return Err(HandlerError::reject(unknown));
        };
        let slug = &publisher.organization;
        // It may be that nothing was heard of it yet.
        let organization = organizations.get(slug).ok_or_else(|| {
            HandlerError::retry(format!(
                "there is no organization {slug}, for which inbound.publishers has {user} speak"
            ))
        })?;
        Ok(Speaker {
            organization: *organization,
            user: user.clone(),
            may_readdress: publisher.may_readdress,
        })
    }
}

#[async_trait::async_trait]
impl Handler for Inbound {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let organizations = self.organizations(tx, slice).await?;
        let mut all = BTreeMap::<Speaker, Said>::new();
        for message in slice {
            let speaker = self.speaker(message, &organizations)?;
            sort(message, all.entry(speaker).or_default())?;
        }
        let now = self.clock.now();
        for (speaker, said) in all {
            // Contacts before accounts, as everywhere.
            contacts::apply(tx, &speaker, said.contacts, now).await?;
            accounts::apply(tx, &speaker, said.accounts, now).await?;
        }
        Ok(())
    }

    async fn owner(&self, tx: &Transaction, message: &Envelope) -> Result<Option<OrganizationId>, DbErr> {
        let organizations = self.organizations(tx, std::slice::from_ref(message)).await?;
        Ok(organizations.into_values().next())
    }
}

/// Puts a message where it belongs.
fn sort(message: &Envelope, said: &mut Said) -> Result<(), HandlerError> {
    match message.kind.as_str() {
        accepted::CONTACT_UPSERTED => {
            let mut upserted: ContactUpserted = read(message)?;
            upserted.external_id = named(&upserted.external_id, upserted.version)?;
            for account in upserted.accounts.iter_mut().flatten() {
                *account = named(account, upserted.version)?;
            }
            said.contacts.push(upserted);
        }
        accepted::CONTACT_DEACTIVATED => {
            let ended: Deactivated = read(message)?;
            said.contacts.push(ContactUpserted {
                external_id: named(&ended.external_id, ended.version)?,
                version: ended.version,
                active: Some(false),
                ..ContactUpserted::default()
            });
        }
        accepted::ACCOUNT_UPSERTED => {
            let mut upserted: AccountUpserted = read(message)?;
            upserted.external_id = named(&upserted.external_id, upserted.version)?;
            said.accounts.push(accounts::Saying::Upserted(upserted));
        }
        accepted::ACCOUNT_DEACTIVATED => {
            let mut ended: Deactivated = read(message)?;
            ended.external_id = named(&ended.external_id, ended.version)?;
            said.accounts.push(accounts::Saying::Ended(ended));
        }
        other => {
            return Err(HandlerError::reject(format!(
                "events of the type {other} are not taken"
            )));
        }
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(message: &Envelope) -> Result<T, HandlerError> {
    let unfit = |error| {
        HandlerError::reject(format!(
            "{} does not have the expected shape: {error}",
            message.kind
        ))
    };
    message.data.read().map_err(unfit)
}

fn named(id: &str, version: i64) -> Result<String, HandlerError> {
    external_id(id, version).map_err(HandlerError::reject)
}

/// Of something about this external id.
fn refused(external_id: &str, reason: impl std::fmt::Display) -> HandlerError {
    HandlerError::reject(format!("{external_id}: {reason}"))
}

/// What this builds on may still be on its way: lanes overtake each other. It is tried again before it is given up.
fn early(external_id: &str, reason: impl std::fmt::Display) -> HandlerError {
    HandlerError::retry(format!("{external_id}: {reason}"))
}

/// The other lane has just made what was to be made.
fn overtaken() -> HandlerError {
    HandlerError::retry("another message about the same came first")
}

/// A few changes are awaited by somebody, many are a mass.
const fn lane(changes: usize) -> Lane {
    if changes > INTERACTIVE {
        Lane::Bulk
    } else {
        Lane::Interactive
    }
}
