//! linkContact (C6).

use usher_types::{AccountId, LinkId};

use super::create_account::{current, is_full, relinked};
use super::{App, Caller, ChangedAccount, Failure};
use crate::domain::account::{too_many_accounts, too_many_contacts};
use crate::domain::activity::{Activity, action};
use crate::domain::link::{MemberInput, no_contact};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::domain::text::CONTACTS_OF_ACCOUNT;
use crate::storage::links::{self, By, Link};
use crate::storage::{accounts, activity, contacts};

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
        let people = contacts::lock(&tx, caller.organization, input.contact).await?;
        let found = accounts::lock(&tx, caller.organization, &[account]).await?;
        if found.is_empty() {
            return Err(no_account().into());
        }
        let contact = people.first().ok_or_else(|| no_contact(&CONTACT))?;
        let links = links::find(&tx, caller.organization, By::Accounts(&[account])).await?;
        if links.iter().any(|link| link.contact == contact.id) {
            return Err(
                Refusal::new(Code::AlreadyLinked, &CONTACT, "This contact is linked already.").into(),
            );
        }
        if is_full(contact) {
            return Err(too_many_accounts(&CONTACT).into());
        }
        if links.len() >= CONTACTS_OF_ACCOUNT {
            return Err(too_many_contacts(&["accountId"]).into());
        }
        let toggles = input.toggles();
        if toggles.primary {
            links::demote_others(&tx, account, contact.id).await?;
        }
        let link = Link {
            id: LinkId::new(now),
            account,
            contact: contact.id,
            toggles,
        };
        links::insert(&tx, caller.organization, &[link], now).await?;
        accounts::touch(&tx, caller.organization, &[account], now).await?;
        let login = if toggles.login { "on" } else { "off" };
        let line = caller.activity(
            now,
            action::CONTACT_LINKED,
            format!("Linked to an account, login {login}"),
        );
        let line = Activity {
            contact: Some(contact.id),
            account: Some(account),
            ..line
        };
        activity::insert(&tx, &[line]).await?;
        let touched = relinked(&tx, caller, &people, account, now).await?;
        let account = current(&tx, caller, account).await?;
        tx.commit().await?;
        Ok(ChangedAccount { account, touched })
    }
}

/// An account that is not there, or not the caller's.
pub(super) fn no_account() -> Refusal<Code> {
    Refusal::new(Code::NotFound, &["accountId"], "There is no such account.")
}
