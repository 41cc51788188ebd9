//! linkContact (C6).

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{AccountId, LinkId};
use uuid::Uuid;

use super::company_first::CompanyFirst;
use super::{App, Caller, ChangedAccount, Failure, relinked};
use crate::domain::account::{too_many_accounts, too_many_contacts};
use crate::domain::activity::{Activity, action};
use crate::domain::contact::Contact;
use crate::domain::link::{Link, MemberInput, no_contact};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::domain::text::CONTACTS_OF_ACCOUNT;
use crate::storage::batch::Batch;
use crate::storage::{accounts, contacts, facts, links};

const CONTACT: [&str; 2] = ["contact", "contactId"];

impl App {
    /// Links a contact to an account. A new primary contact takes the place of the one before.
    pub(crate) async fn link_contact(
        &self,
        caller: &Caller,
        account: AccountId,
        input: MemberInput,
    ) -> Result<ChangedAccount, Failure<Code>> {
        let now = self.now();
        let tx = self.write(caller).await?;
        let company_first = CompanyFirst::of(&tx, caller.organization).await?;
        let contact = lock(&tx, caller, account, input).await?;
        let link = Link {
            id: LinkId::new(now),
            account,
            contact: contact.id,
            toggles: input.toggles(),
        };
        write(&tx, caller, &link, now).await?;
        let counted = accounts::relink(&tx, caller.organization, &[account], now)
            .await?
            .pop();
        let counted = counted.ok_or_else(no_account)?;
        if counted.contacts > CONTACTS_OF_ACCOUNT {
            return Err(too_many_contacts(&["accountId"]).into());
        }
        company_first.keep_primary(&tx, &[account]).await?;
        let relinked = relinked::people(&tx, caller, &[contact.id], &[line(caller, &link, now)], now).await?;
        facts::publish(&tx, Lane::Interactive, relinked.events).await?;
        tx.commit().await?;
        Ok(ChangedAccount {
            account: counted.account,
            touched: relinked.versions,
        })
    }
}

/// The contact, who may be linked to the account as far as it alone tells; both are ours until the transaction ends.
async fn lock(
    tx: &Transaction,
    caller: &Caller,
    account: AccountId,
    input: MemberInput,
) -> Result<Contact, Failure<Code>> {
    let organization = caller.organization;
    let contact = contacts::lock(tx, organization, input.contact.as_slice())
        .await?
        .pop();
    // Nobody's id finds nobody's link.
    let id = contact.as_ref().map_or(Uuid::nil().into(), |contact| contact.id);
    let found = accounts::lock_with(tx, organization, account, id).await?;
    let (_, is_linked) = found.ok_or_else(no_account)?;
    let contact = contact.ok_or_else(|| no_contact(&CONTACT))?;
    if is_linked {
        let message = "This contact is linked already.";
        return Err(Refusal::new(Code::AlreadyLinked, &CONTACT, message).into());
    }
    if contact.is_full() {
        return Err(too_many_accounts(&CONTACT).into());
    }
    Ok(contact)
}

async fn write(tx: &Transaction, caller: &Caller, link: &Link, now: DateTime<Utc>) -> Result<(), DbErr> {
    let mut batch = Batch::new(tx);
    if link.toggles.primary {
        links::demote(&mut batch, caller.organization, &[link.account]);
    }
    links::insert(&mut batch, caller.organization, std::slice::from_ref(link), now);
    batch.run(tx).await
}

fn line(caller: &Caller, link: &Link, now: DateTime<Utc>) -> Activity {
    let login = if link.toggles.login { "on" } else { "off" };
    let summary = format!("Linked to an account, login {login}");
    Activity {
        contact: Some(link.contact),
        account: Some(link.account),
        ..caller.activity(now, action::CONTACT_LINKED, summary)
    }
}

/// An account that is not there, or not the caller's.
pub(super) fn no_account() -> Refusal<Code> {
    Refusal::new(Code::NotFound, &["accountId"], "There is no such account.")
}
