//! What contacts publishes (E1): events are written in the transaction of the change.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_events::{AccountChanged, AccountFacts, ContactChanged, ContactFacts, Envelope, Lane};
use usher_messaging::enqueue;
use usher_types::{AccountId, ContactId, OrganizationId};

use super::{columns::Columns, contacts};
use crate::domain::{account::Account, contact::Contact};

/// The name under which contacts speaks.
pub(crate) const SOURCE: &str = "contacts";
/// Contacts whose facts are read and written at once.
const CHUNK: usize = 1_000;

/// How a change is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speech {
    pub(crate) lane: Lane,
    pub(crate) created: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Speech {
    /// Somebody waits for it.
    pub(crate) const fn interactive(now: DateTime<Utc>) -> Self {
        Self {
            lane: Lane::Interactive,
            created: false,
            now,
        }
    }
}

/// Publishes contacts as they are now in this transaction.
pub(crate) async fn publish_contacts(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[ContactId],
    speech: Speech,
) -> Result<(), DbErr> {
    for chunk in ids.chunks(CHUNK) {
        let facts = contact_facts(tx, organization, chunk).await?;
        let wrap = |contact| {
            let event = ContactChanged {
                created: speech.created,
                contact,
            };
            Envelope::event(SOURCE, speech.now, &event)
        };
        enqueue(tx, speech.lane, facts.into_iter().map(wrap).collect()).await?;
    }
    Ok(())
}

/// Publishes an account.
pub(crate) async fn publish_account(
    tx: &Transaction,
    account: &Account,
    created: bool,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
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
    enqueue(tx, Lane::Interactive, vec![Envelope::event(SOURCE, now, &event)]).await
}

/// What others need to know of these contacts, with two statements.
pub(crate) async fn contact_facts(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[ContactId],
) -> Result<Vec<ContactFacts>, DbErr> {
    let in_ids = tx.dialect().in_uuids("c.id", 2);
    let values = || {
        [
            organization.uuid().into(),
            tx.dialect().uuids(ids.iter().map(|id| id.uuid())),
        ]
    };
    let sql = format!(
        "SELECT {} FROM contact c WHERE c.organization_id = $1 AND {in_ids} ORDER BY c.id",
        contacts::COLUMNS
    );
    let rows = tx.query_all_raw(tx.statement(sql, values())).await?;
    let mut logins = login_accounts(tx, organization, ids).await?;
    let mut facts = Vec::with_capacity(rows.len());
    for row in &rows {
        let contact = contacts::read(&mut Columns::of(row))?;
        let accounts = logins.remove(&contact.id).unwrap_or_default();
        facts.push(facts_of(contact, accounts));
    }
    Ok(facts)
}

fn facts_of(contact: Contact, login_accounts: Vec<AccountId>) -> ContactFacts {
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
    }
}

async fn login_accounts(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<HashMap<ContactId, Vec<AccountId>>, DbErr> {
    let sql = format!(
        "SELECT l.contact_id, l.account_id FROM link l WHERE l.organization_id = $1 AND {} AND l.login ORDER BY l.id",
        tx.dialect().in_uuids("l.contact_id", 2)
    );
    let ids = tx.dialect().uuids(contacts.iter().map(|id| id.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    let mut logins: HashMap<ContactId, Vec<AccountId>> = HashMap::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        logins.entry(columns.id()?).or_default().push(columns.id()?);
    }
    Ok(logins)
}
