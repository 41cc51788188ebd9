//! Everything that createContact writes, known before the first row is.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{ContactFacts, Envelope, Invite};
use usher_types::{AccountId, AccountKind, LinkId, MemberId};

use super::Caller;
use crate::domain::account::Account;
use crate::domain::activity::{Activity, action};
use crate::domain::address::Address;
use crate::domain::contact::Contact;
use crate::domain::contact_draft::ContactDraft;
use crate::domain::link::{Link, LinkDraft, Target};
use crate::storage::batch::Batch;
use crate::storage::facts::{self, SOURCE};
use crate::storage::search::{self, Searched};
use crate::storage::{accounts, activity, contacts, links};

/// A contact that is to be written, with the companies and links that are made together with it.
pub(super) struct NewContact {
    pub(super) contact: Contact,
    links: Vec<Link>,
    companies: Vec<Account>,
    account_names: Vec<String>,
    now: DateTime<Utc>,
}

impl NewContact {
    /// Of a draft that nothing stands in the way of. `found`: the accounts that it names.
    pub(super) fn new(
        draft: &ContactDraft,
        caller: &Caller,
        address: Option<&Address>,
        found: &[Account],
        now: DateTime<Utc>,
    ) -> Self {
        let contact = draft.contact(caller.organization, address, now);
        let mut links = Vec::with_capacity(draft.accounts.len());
        let mut companies = Vec::new();
        for wanted in &draft.accounts {
            let account = match &wanted.target {
                Target::Existing(account) => *account,
                Target::NewCompany(name) => {
                    let company = company(name, wanted, &contact);
                    let id = company.id;
                    companies.push(company);
                    id
                }
            };
            links.push(Link {
                id: LinkId::new(now),
                account,
                contact: contact.id,
                toggles: wanted.toggles,
            });
        }
        links.sort_unstable_by_key(|link| link.id);
        Self {
            account_names: names(found, &companies),
            contact,
            links,
            companies,
            now,
        }
    }

    /// Writes it all. A unique violation means that another contact took the address meanwhile.
    pub(super) async fn write(&self, tx: &Transaction, caller: &Caller) -> Result<(), DbErr> {
        let organization = caller.organization;
        let mut batch = Batch::new(tx);
        accounts::insert(&mut batch, organization, &self.companies);
        contacts::insert(&mut batch, organization, std::slice::from_ref(&self.contact));
        links::demote(&mut batch, organization, &self.taken_over());
        links::insert(&mut batch, organization, &self.links, self.now);
        let searched = Searched {
            contact: self.contact.clone(),
            account_names: self.account_names.clone(),
        };
        search::write(&mut batch, [searched]);
        activity::insert(&mut batch, &self.lines(caller));
        batch.run(tx).await
    }

    /// What the contact is linked to.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        self.links.iter().map(|link| link.account).collect()
    }

    /// The accounts that were there before and get this contact as their primary one.
    fn taken_over(&self) -> Vec<AccountId> {
        let is_new = |account| self.companies.iter().any(|company| company.id == account);
        let primary = self.links.iter().filter(|link| link.toggles.primary);
        let accounts = primary.map(|link| link.account);
        accounts.filter(|account| !is_new(*account)).collect()
    }

    fn lines(&self, caller: &Caller) -> Vec<Activity> {
        let line = |action, summary| Activity {
            contact: Some(self.contact.id),
            ..caller.activity(self.now, action, summary)
        };
        let created = format!("Created as {}", self.contact.role);
        let mut lines = vec![line(action::CONTACT_CREATED, created)];
        lines.extend(self.companies.iter().map(|company| Activity {
            account: Some(company.id),
            ..line(action::ACCOUNT_CREATED, format!("Created {}", company.kind))
        }));
        lines
    }

    /// What there is to publish about it.
    pub(super) fn events(&self) -> Vec<Envelope> {
        let companies = self.companies.iter();
        let mut events: Vec<_> = companies
            .map(|company| facts::account_created(company, self.now))
            .collect();
        events.push(facts::contact_created(self.facts(), self.now));
        events
    }

    fn facts(&self) -> ContactFacts {
        let with_login = self.links.iter().filter(|link| link.toggles.login);
        facts::contact_facts(&self.contact, with_login.map(|link| link.account).collect())
    }

    /// The wish to invite and its key. It is written in the same transaction as the contact and so survives whatever happens
    /// to the gateway's direct call, which uses the same key, so that one of the two does nothing.
    pub(super) fn invite(&self, member: MemberId, message: Option<String>) -> (String, Envelope) {
        let key = format!("create:{}", self.contact.id);
        let invite = Invite {
            organization_id: self.contact.organization,
            contact_id: self.contact.id,
            idempotency_key: key.clone(),
            member_id: member,
            message,
            contact: self.facts(),
        };
        (key, Envelope::command(SOURCE, self.now, &invite))
    }
}

/// A company made on the spot: ACTIVE from the start where this contact may sign in for it (C11).
fn company(name: &str, wanted: &LinkDraft, contact: &Contact) -> Account {
    let opens = wanted.toggles.login && contact.opens_portal();
    Account {
        portal_contacts: i64::from(opens),
        ..Account::new(
            contact.organization,
            name.to_owned(),
            AccountKind::Company,
            contact.created_at,
        )
    }
}

/// In the order of the accounts' ids, as everywhere.
fn names(found: &[Account], companies: &[Account]) -> Vec<String> {
    let mut all: Vec<&Account> = found.iter().chain(companies).collect();
    all.sort_unstable_by_key(|account| account.id);
    all.into_iter().map(|account| account.name.clone()).collect()
}
