//! createAccount (C5), with its first contacts.

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_types::{AccountId, ContactId, LinkId, Version};

use super::{App, Caller, ChangedAccount, Failure};
use crate::domain::account::{Account, AccountDraft, too_many_accounts};
use crate::domain::activity::{Activity, action};
use crate::domain::contact::Contact;
use crate::domain::link::no_contact;
use crate::domain::refusal::AccountCode as Code;
use crate::domain::text::ACCOUNTS_OF_CONTACT;
use crate::storage::facts::{self, Speech};
use crate::storage::links::{self, Link};
use crate::storage::{accounts, activity, contacts, search};

impl App {
    /// Makes an account.
    pub(crate) async fn create_account(
        &self,
        caller: &Caller,
        draft: AccountDraft,
    ) -> Result<ChangedAccount, Failure<Code>> {
        let now = self.now();
        let tx = self.write(caller).await?;
        let people = people(&tx, caller, &draft).await?;
        let account = account(&draft, caller, now);
        accounts::insert(&tx, &account).await?;
        let links: Vec<Link> = draft
            .contacts
            .iter()
            .map(|(contact, toggles)| Link {
                id: LinkId::new(now),
                account: account.id,
                contact: *contact,
                toggles: *toggles,
            })
            .collect();
        links::insert(&tx, caller.organization, &links, now).await?;
        let line = |action, summary: String| Activity {
            account: Some(account.id),
            ..caller.activity(now, action, summary)
        };
        let mut lines = vec![line(action::ACCOUNT_CREATED, format!("Created {}", account.kind))];
        lines.extend(people.iter().map(|contact| Activity {
            contact: Some(contact.id),
            ..line(
                action::CONTACT_LINKED,
                format!("Linked to a new {}", account.kind),
            )
        }));
        activity::insert(&tx, &lines).await?;
        facts::publish_account(&tx, &account, true, now).await?;
        let touched = relinked(&tx, caller, &people, account.id, now).await?;
        let account = current(&tx, caller, account.id).await?;
        tx.commit().await?;
        Ok(ChangedAccount { account, touched })
    }
}

/// The contacts of a new account, ours until the transaction ends.
async fn people(
    tx: &Transaction,
    caller: &Caller,
    draft: &AccountDraft,
) -> Result<Vec<Contact>, Failure<Code>> {
    let ids = draft.contacts.iter().map(|(contact, _)| *contact);
    let people = contacts::lock(tx, caller.organization, ids).await?;
    let mut refusals = Vec::new();
    for (index, (id, _)) in draft.contacts.iter().enumerate() {
        let path = ["contacts", &index.to_string(), "contactId"];
        match people.iter().find(|contact| contact.id == *id) {
            None => refusals.push(no_contact(&path)),
            Some(contact) if is_full(contact) => refusals.push(too_many_accounts(&path)),
            Some(_) => {}
        }
    }
    if refusals.is_empty() {
        Ok(people)
    } else {
        Err(refusals.into())
    }
}

/// Whether a contact has as many accounts as one can have.
pub(super) fn is_full(contact: &Contact) -> bool {
    usize::try_from(contact.links).is_ok_and(|links| links >= ACCOUNTS_OF_CONTACT)
}

fn account(draft: &AccountDraft, caller: &Caller, now: DateTime<Utc>) -> Account {
    Account {
        id: AccountId::new(now),
        organization: caller.organization,
        version: Version::FIRST,
        name: draft.name.clone(),
        kind: draft.kind,
        tags: draft.tags.clone(),
        portal_contacts: 0,
        created_at: now,
        updated_at: now,
    }
}

/// After links of locked contacts and one locked account came, went or changed: counts, search and events. Gives the
/// contacts' new versions.
pub(super) async fn relinked(
    tx: &Transaction,
    caller: &Caller,
    people: &[Contact],
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<Vec<(ContactId, Version)>, Failure<Code>> {
    let ids: Vec<ContactId> = people.iter().map(|contact| contact.id).collect();
    contacts::recount_links(tx, caller.organization, &ids, now).await?;
    accounts::recount_portal(tx, caller.organization, &[account]).await?;
    search::rebuild(tx, caller.organization, &ids).await?;
    facts::publish_contacts(tx, caller.organization, &ids, Speech::interactive(now)).await?;
    Ok(people
        .iter()
        .map(|contact| (contact.id, contact.version.next()))
        .collect())
}

/// The account as it is now in this transaction.
pub(super) async fn current(
    tx: &Transaction,
    caller: &Caller,
    id: AccountId,
) -> Result<Account, Failure<Code>> {
    let found = accounts::find(tx, caller.organization, &[id]).await?.pop();
    Ok(found.ok_or_else(super::update_account::missing)?)
}
