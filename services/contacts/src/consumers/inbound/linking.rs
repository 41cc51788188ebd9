//! Links between contacts and accounts, of which others speak together with the contact.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_messaging::HandlerError;
use usher_types::{AccountId, ContactId, LinkId};

use super::{Speaker, lane, refused};
use crate::domain::account::Account;
use crate::domain::activity::{Activity, action};
use crate::domain::link::{Link, Toggles};
use crate::domain::text::{ACCOUNTS_OF_CONTACT, CONTACTS_OF_ACCOUNT};
use crate::storage::batch::Batch;
use crate::storage::inbound::{Known, Of};
use crate::storage::search::{self, Searched};
use crate::storage::{accounts, activity, companies, contacts, facts, links};

/// The accounts that these ids of a publisher's stand for, ours until the transaction ends.
pub(super) async fn accounts(
    tx: &Transaction,
    of: Of<'_>,
    known: &HashMap<String, Known>,
) -> Result<HashMap<String, Account>, HandlerError> {
    let ids: Vec<AccountId> = known.values().map(|known| known.id.into()).collect();
    let found = accounts::lock(tx, of.organization, &ids).await?;
    let mut found: HashMap<AccountId, Account> =
        found.into_iter().map(|account| (account.id, account)).collect();
    let named = known.iter().filter_map(|(external_id, known)| {
        let account = found.remove(&known.id.into())?;
        Some((external_id.clone(), account))
    });
    Ok(named.collect())
}

/// A contact that is to be linked.
pub(super) struct Wanted<'a> {
    pub(super) external_id: &'a str,
    pub(super) contact: ContactId,
    pub(super) accounts: &'a [AccountId],
}

/// Makes the links that are missing: with login off, for who gets in is decided here and not elsewhere.
pub(super) async fn link(
    tx: &Transaction,
    speaker: &Speaker,
    company_first: bool,
    wanted: &[Wanted<'_>],
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let missing = missing(tx, speaker, wanted, now).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new(tx);
    links::insert(&mut batch, speaker.organization, &missing, now);
    batch.run(tx).await?;
    let people: BTreeSet<ContactId> = missing.iter().map(|link| link.contact).collect();
    let people: Vec<ContactId> = people.into_iter().collect();
    let told = contacts::relink(tx, speaker.organization, &people, now).await?;
    let mut batch = Batch::new(tx);
    search::write(&mut batch, told.iter().map(Searched::from));
    let lines: Vec<Activity> = missing.iter().map(|link| line(speaker, link, now)).collect();
    activity::insert(&mut batch, &lines);
    batch.run(tx).await?;
    seat(tx, speaker, company_first, &missing, now).await?;
    Ok(facts::publish_updates(tx, lane(told.len()), &told, now).await?)
}

async fn missing(
    tx: &Transaction,
    speaker: &Speaker,
    wanted: &[Wanted<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Link>, HandlerError> {
    let people: Vec<ContactId> = wanted.iter().map(|wanted| wanted.contact).collect();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let there = links::linked(tx, speaker.organization, &people).await?;
    let mut missing = Vec::new();
    for wanted in wanted {
        let own: BTreeSet<AccountId> = wanted.accounts.iter().copied().collect();
        let old = there.iter().filter(|(contact, _)| *contact == wanted.contact);
        let old: BTreeSet<AccountId> = old.map(|(_, account)| *account).collect();
        if own.union(&old).count() > ACCOUNTS_OF_CONTACT {
            let reason = format!("accounts: A contact can have at most {ACCOUNTS_OF_CONTACT} accounts.");
            return Err(refused(wanted.external_id, reason));
        }
        let new = own.difference(&old).map(|account| Link {
            id: LinkId::new(now),
            account: *account,
            contact: wanted.contact,
            toggles: Toggles {
                primary: false,
                login: false,
                notify: true,
                email_sync: false,
            },
        });
        missing.extend(new);
    }
    Ok(missing)
}

/// Counts the accounts anew; a company that had no contact has its primary one then, where each needs one (C7).
async fn seat(
    tx: &Transaction,
    speaker: &Speaker,
    company_first: bool,
    new: &[Link],
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let seated: BTreeSet<AccountId> = new.iter().map(|link| link.account).collect();
    let seated: Vec<AccountId> = seated.into_iter().collect();
    let counted = accounts::relink(tx, speaker.organization, &seated, now).await?;
    if counted
        .iter()
        .any(|counted| counted.contacts > CONTACTS_OF_ACCOUNT)
    {
        let reason = format!("accounts: An account can have at most {CONTACTS_OF_ACCOUNT} contacts.");
        return Err(HandlerError::reject(reason));
    }
    if company_first {
        companies::promote_oldest(tx, speaker.organization, Some(&seated)).await?;
    }
    Ok(())
}

fn line(speaker: &Speaker, link: &Link, now: DateTime<Utc>) -> Activity {
    let summary = "Linked to an account, login off".to_owned();
    Activity {
        contact: Some(link.contact),
        account: Some(link.account),
        ..speaker.line(now, action::CONTACT_LINKED, summary)
    }
}
