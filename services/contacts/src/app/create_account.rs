//! createAccount (C5), with its first contacts.

use chrono::{DateTime, Utc};
use usher_events::Lane;
use usher_types::{AccountId, ContactId, LinkId};

use super::company_first::CompanyFirst;
use super::{App, Caller, ChangedAccount, Failure, relinked};
use crate::domain::account::{Account, too_many_accounts};
use crate::domain::account_draft::AccountDraft;
use crate::domain::activity::{Activity, action};
use crate::domain::contact::Contact;
use crate::domain::link::{Link, no_contact};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::storage::batch::Batch;
use crate::storage::{accounts, activity, contacts, facts, links};

impl App {
    /// Makes an account.
    pub(crate) async fn create_account(
        &self,
        caller: &Caller,
        draft: AccountDraft,
    ) -> Result<ChangedAccount, Failure<Code>> {
        let now = self.now();
        let tx = self.write(caller).await?;
        let company_first = CompanyFirst::of(&tx, caller.organization).await?;
        let ids: Vec<ContactId> = draft.contacts.iter().map(|(contact, _)| *contact).collect();
        let people = contacts::lock(&tx, caller.organization, &ids).await?;
        let refusals = refusals(&draft, &people);
        if !refusals.is_empty() {
            return Err(refusals.into());
        }
        let account = account(&draft, caller, &people, now);
        let links = links_of(&draft, account.id, now);
        let mut batch = Batch::new(&tx);
        accounts::insert(&mut batch, caller.organization, std::slice::from_ref(&account));
        links::insert(&mut batch, caller.organization, &links, now);
        activity::insert(&mut batch, &lines(caller, &account, &people, now));
        batch.run(&tx).await?;
        company_first.keep_primary(&tx, &[account.id]).await?;
        let relinked = relinked::people(&tx, caller, &ids, &[], now).await?;
        let mut said = vec![facts::account_created(&account, now)];
        said.extend(relinked.events);
        facts::publish(&tx, Lane::Interactive, said).await?;
        tx.commit().await?;
        Ok(ChangedAccount {
            account,
            touched: relinked.versions,
        })
    }
}

/// What the input alone could not tell: contacts may be missing, or have as many accounts as they can have.
fn refusals(draft: &AccountDraft, people: &[Contact]) -> Vec<Refusal<Code>> {
    let refusal = |(index, (id, _)): (usize, &(ContactId, _))| {
        let path = ["contacts", &index.to_string(), "contactId"];
        match people.iter().find(|contact| contact.id == *id) {
            None => Some(no_contact(&path)),
            Some(contact) if contact.is_full() => Some(too_many_accounts(&path)),
            Some(_) => None,
        }
    };
    draft.contacts.iter().enumerate().filter_map(refusal).collect()
}

/// ACTIVE from the start where one of its contacts may sign in for it (C11).
fn account(draft: &AccountDraft, caller: &Caller, people: &[Contact], now: DateTime<Utc>) -> Account {
    let opens = |id: ContactId| {
        let found = people.iter().find(|contact| contact.id == id);
        found.is_some_and(Contact::opens_portal)
    };
    let with_login = draft.contacts.iter().filter(|(_, toggles)| toggles.login);
    let portal_contacts = with_login.filter(|(id, _)| opens(*id)).count();
    Account {
        tags: draft.tags.clone(),
        portal_contacts: i64::try_from(portal_contacts).unwrap_or(i64::MAX),
        ..Account::new(caller.organization, draft.name.clone(), draft.kind, now)
    }
}

fn links_of(draft: &AccountDraft, account: AccountId, now: DateTime<Utc>) -> Vec<Link> {
    let link = |(contact, toggles): &(ContactId, _)| Link {
        id: LinkId::new(now),
        account,
        contact: *contact,
        toggles: *toggles,
    };
    draft.contacts.iter().map(link).collect()
}

fn lines(caller: &Caller, account: &Account, people: &[Contact], now: DateTime<Utc>) -> Vec<Activity> {
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
    lines
}
