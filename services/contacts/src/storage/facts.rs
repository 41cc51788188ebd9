//! What contacts publishes (E1): events are written in the transaction of the change.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{AccountChanged, AccountFacts, ContactChanged, ContactFacts, Envelope, Lane};
use usher_messaging::enqueue;
use usher_types::AccountId;

use super::told::Told;
use crate::domain::{account::Account, contact::Contact};

/// The name under which contacts speaks.
pub(crate) const SOURCE: &str = "contacts";
/// Contacts that one statement publishes: so many messages stand in memory twice.
const CHUNK: usize = 1_000;

/// Publishes what was said, in its order, with one statement.
pub(crate) async fn publish(tx: &Transaction, lane: Lane, said: Vec<Envelope>) -> Result<(), DbErr> {
    enqueue(tx, lane, said).await
}

/// Publishes contacts as a change has left them.
pub(crate) async fn publish_updates(
    tx: &Transaction,
    lane: Lane,
    told: &[Told],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    for chunk in told.chunks(CHUNK) {
        let said = chunk.iter().map(|told| contact_updated(told, now)).collect();
        publish(tx, lane, said).await?;
    }
    Ok(())
}

/// A new contact.
pub(crate) fn contact_created(contact: ContactFacts, now: DateTime<Utc>) -> Envelope {
    let created = true;
    Envelope::event(SOURCE, now, &ContactChanged { created, contact })
}

/// A contact as a change has left it.
pub(crate) fn contact_updated(told: &Told, now: DateTime<Utc>) -> Envelope {
    let created = false;
    let contact = contact_facts(&told.contact, told.login_accounts.clone());
    Envelope::event(SOURCE, now, &ContactChanged { created, contact })
}

/// A new account.
pub(crate) fn account_created(account: &Account, now: DateTime<Utc>) -> Envelope {
    account_changed(account, true, now)
}

/// An account that was edited.
pub(crate) fn account_updated(account: &Account, now: DateTime<Utc>) -> Envelope {
    account_changed(account, false, now)
}

fn account_changed(account: &Account, created: bool, now: DateTime<Utc>) -> Envelope {
    let event = AccountChanged {
        created,
        account: AccountFacts {
            id: account.id,
            organization_id: account.organization,
            version: account.version,
            name: account.name.clone(),
            kind: account.kind,
        },
    };
    Envelope::event(SOURCE, now, &event)
}

/// What others need to know of a contact.
pub(crate) fn contact_facts(contact: &Contact, login_accounts: Vec<AccountId>) -> ContactFacts {
    let contact = contact.clone();
    ContactFacts {
        id: contact.id,
        organization_id: contact.organization,
        version: contact.version,
        role: contact.role,
        first_name: contact.first_name,
        last_name: contact.last_name,
        email: contact.email,
        email_canonical: contact.email_canonical,
        email_state: contact.email_state,
        email_duplicate: contact.email_duplicate,
        active: contact.active,
        links: contact.links,
        links_with_login: contact.links_with_login,
        locale: contact.locale,
        time_zone: contact.time_zone,
        external_id: contact.external_id,
        login_accounts,
        test: contact.test,
    }
}
