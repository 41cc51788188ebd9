//! unlinkContact (C6).

use usher_types::{AccountId, AccountKind, ContactId};

use super::create_account::{current, relinked};
use super::link_contact::no_account;
use super::{App, Caller, ChangedAccount, Failure};
use crate::domain::account::joint_refusal;
use crate::domain::activity::{Activity, action};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::storage::{accounts, activity, contacts, links};

impl App {
    /// Ends a link. A joint account keeps two contacts; where its primary one goes, the oldest link takes the place.
    pub(crate) async fn unlink_contact(
        &self,
        caller: &Caller,
        account: AccountId,
        contact: Option<ContactId>,
    ) -> Result<ChangedAccount, Failure<Code>> {
        let now = self.now();
        let tx = self.write(caller).await?;
        let people = contacts::lock(&tx, caller.organization, contact).await?;
        let kind = match accounts::lock(&tx, caller.organization, &[account]).await?.pop() {
            Some(found) => found.kind,
            None => return Err(no_account().into()),
        };
        let removed = match people.first() {
            Some(contact) => links::remove(&tx, account, contact.id).await?,
            None => None,
        };
        let not_linked = || {
            Refusal::new(
                Code::NotFound,
                &["contactId"],
                "This contact is not linked to the account.",
            )
        };
        let removed = removed.ok_or_else(not_linked)?;
        if kind == AccountKind::Joint {
            if removed.primary {
                links::promote_oldest(&tx, account).await?;
            }
            let (contacts, primaries) = links::count_of_account(&tx, account).await?;
            if let Some(refusal) = joint_refusal(kind, contacts, primaries, &["contactId"]) {
                return Err(refusal.into());
            }
        }
        accounts::touch(&tx, caller.organization, &[account], now).await?;
        let line = caller.activity(
            now,
            action::CONTACT_UNLINKED,
            "Unlinked from an account".to_owned(),
        );
        activity::insert(
            &tx,
            &[Activity {
                contact,
                account: Some(account),
                ..line
            }],
        )
        .await?;
        let touched = relinked(&tx, caller, &people, account, now).await?;
        let account = current(&tx, caller, account).await?;
        tx.commit().await?;
        Ok(ChangedAccount { account, touched })
    }
}
