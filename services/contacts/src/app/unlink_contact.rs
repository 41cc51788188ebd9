//! unlinkContact (C6).

use usher_events::Lane;
use usher_types::{AccountId, AccountKind, ContactId};

use super::company_first::CompanyFirst;
use super::link_contact::no_account;
use super::{App, Caller, ChangedAccount, Failure, relinked};
use crate::domain::account::joint_refusal;
use crate::domain::activity::{Activity, action};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::storage::companies::Whose;
use crate::storage::{accounts, contacts, facts, links};

impl App {
    /// Ends a link. A joint account keeps two contacts; where its primary one goes, the oldest link takes the place. In company-first
    /// mode a contact keeps a company, and a company a primary contact.
    pub(crate) async fn unlink_contact(
        &self,
        caller: &Caller,
        account: AccountId,
        contact: Option<ContactId>,
    ) -> Result<ChangedAccount, Failure<Code>> {
        let (now, organization) = (self.now(), caller.organization);
        let tx = self.write(caller).await?;
        let company_first = CompanyFirst::of(&tx, organization).await?;
        let contact = contacts::lock(&tx, organization, contact.as_slice()).await?.pop();
        let kind = match accounts::lock(&tx, organization, &[account]).await?.pop() {
            Some(found) => found.kind,
            None => return Err(no_account().into()),
        };
        let contact = contact.ok_or_else(not_linked)?.id;
        let removed = links::remove(&tx, organization, account, contact).await?;
        let removed = removed.ok_or_else(not_linked)?;
        if kind == AccountKind::Joint && removed.toggles.primary {
            links::promote_oldest(&tx, organization, account).await?;
        }
        let counted = accounts::relink(&tx, organization, &[account], now).await?.pop();
        let counted = counted.ok_or_else(no_account)?;
        if let Some(refusal) = joint_refusal(kind, counted.contacts, counted.primaries, &["contactId"]) {
            return Err(refusal.into());
        }
        company_first
            .keep_company(&tx, kind, Whose::Contact(contact), &["contactId"])
            .await?;
        company_first.keep_primary(&tx, &[account]).await?;
        let line = Activity {
            contact: Some(contact),
            account: Some(account),
            ..caller.activity(
                now,
                action::CONTACT_UNLINKED,
                "Unlinked from an account".to_owned(),
            )
        };
        let relinked = relinked::people(&tx, caller, &[contact], &[line], now).await?;
        facts::publish(&tx, Lane::Interactive, relinked.events).await?;
        tx.commit().await?;
        Ok(ChangedAccount {
            account: counted.account,
            touched: relinked.versions,
        })
    }
}

fn not_linked() -> Refusal<Code> {
    let message = "This contact is not linked to the account.";
    Refusal::new(Code::NotFound, &["contactId"], message)
}
